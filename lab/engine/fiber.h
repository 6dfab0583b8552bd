/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - a stack and where it stopped.  fiber_x86_64.c, fiber_aarch64.c and
 * fiber_ucontext.c each implement it; the build chooses one.
 */
#ifndef LAB_FIBER_H
#define LAB_FIBER_H

#include <stddef.h>

struct lab_fiber {
    void *state; /* the implementation's */
};

/* Makes a fiber that will begin with entry() on the given stack; entry() never
 * returns.  A fiber that stopped at any point may be prepared again. */
void lab_fiber_prepare(struct lab_fiber *fiber, void *stack, size_t size,
                       void (*entry)(void));

/* Stops `from`, the running fiber, and continues `to`. */
void lab_fiber_switch(struct lab_fiber *from, struct lab_fiber *to);

#endif
