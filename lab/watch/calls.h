/* SPDX-License-Identifier: MIT */
/* calls.h - the functions that each thread is in, while a trace is recorded or
 * sites are of interest (engine/site.h). */
#ifndef LAB_WATCH_CALLS_H
#define LAB_WATCH_CALLS_H

#include "engine/explore.h"

/* Is that so?  In most executions it is not. */
extern bool lab_calls_wanted;

/* Before an execution. */
void lab_calls_reset(void);
/* The current thread enters a function (a place in it, and the place in its
 * caller), and leaves it. */
void lab_call_enter(const void *pc, const void *caller);
void lab_call_leave(void);

/* The places that the functions were called from, innermost first: how many. */
unsigned lab_callers_of(int thread, const void **callers, unsigned most);
/* How many functions the thread is in; a number that each call has of its own,
 * from the outermost, and 0 beyond the innermost. */
unsigned lab_call_depth(int thread);
unsigned lab_call_frame(int thread, unsigned index);

/* For struct lab_observer. */
unsigned lab_calls_of(int thread, const void **calls, unsigned most);
void lab_calls_name(const void *const *calls, unsigned count,
                    void (*named)(void *context, unsigned index,
                                  const char *name, const char *line),
                    void *context);

#endif
