/* SPDX-License-Identifier: MIT */
/*
 * locals.h - thread-local variables of explored code, which fibers would share.
 *
 * All fibers run on one thread of the system, so each has a copy of the
 * thread-local variables, which is put in place while it runs.  So it is with
 * errno.  An address of such a variable that one fiber gives to another leads
 * to the other's own variable.
 */
#ifndef LAB_LOCALS_H
#define LAB_LOCALS_H

#include <stdbool.h>
#include <stddef.h>

/* The thread-local variables of the calling thread: memory, and what a new
 * thread finds there.  Called before exploring, a few times; false: no
 * memory. */
bool lab_locals_add(void *memory, size_t bytes, const void *initial);

/* Whether an address is that of a thread-local variable. */
bool lab_locals_have(const void *address);

/* A fiber begins with initial values; one stops and another goes on. */
void lab_locals_begin(int thread);
void lab_locals_switch(int from, int to);

#endif
