/* SPDX-License-Identifier: MIT */
/*
 * execution.h - executions that begin with the same memory.
 *
 * The setup runs once; what it built in the library's memory is copied back
 * before each execution, as if no time had passed.
 */
#ifndef LAB_EXECUTION_H
#define LAB_EXECUTION_H

#include <stdbool.h>

/* Runs setup, finish or another part alone.  False: a failure ended it. */
bool lab_run_part(void (*part)(void *context), void *context);

/* Empties the memory, runs setup without steps, and keeps what it built.
 * False: a failure ended it. */
bool lab_make_once(void (*setup)(void *context), void *context);

#endif
