/* SPDX-License-Identifier: MIT */
/* calls.h - the functions that each thread is in, while a trace is recorded. */
#ifndef LAB_WATCH_CALLS_H
#define LAB_WATCH_CALLS_H

#include "engine/explore.h"

/* Is a trace recorded?  Most executions are not. */
extern bool lab_calls_wanted;

/* Before an execution. */
void lab_calls_reset(void);
/* The current thread enters a function (a place in it), and leaves it. */
void lab_call_enter(const void *pc);
void lab_call_leave(void);

/* For struct lab_observer. */
unsigned lab_calls_of(int thread, const void **calls, unsigned most);
void lab_calls_name(const void *const *calls, unsigned count,
                    void (*named)(void *context, unsigned index,
                                  const char *name),
                    void *context);

#endif
