/* SPDX-License-Identifier: MIT */
/*
 * reference.h - what an execution does in a process of its own.
 *
 * A search runs many executions in one process and puts memory back in between.
 * That is fast, and right only if an execution leaves nothing else to the next
 * one: no variable of another library, no file.  So the first execution, the
 * last and every LAB_REFERENCE_EVERYth one are run a second time, in a new
 * process that is as the program was before the first: they must make the same
 * steps and end in the same way.
 */
#ifndef LAB_REFERENCE_H
#define LAB_REFERENCE_H

#include <stdbool.h>

struct lab_search;

#define LAB_REFERENCE_EVERY 1000

/* Called before the first execution.  False: no process could be made, and
 * nothing is compared. */
bool lab_reference_open(const struct lab_search *search);
/* The execution that lab_run has just ended.  False: a new process does
 * something else, which is noted in the search's result. */
bool lab_reference_compare(struct lab_search *search);
/* The last execution, if it was not compared.  Called where it ran, or, if that
 * process has ended, by lab_reference_close(). */
void lab_reference_compare_last(struct lab_search *search);
void lab_reference_close(struct lab_search *search);

#endif
