/* SPDX-License-Identifier: MIT */
/*
 * tsan.h - every access of the library to memory of its own is watched.
 *
 * The lab's build of the library is compiled with -fsanitize=thread and linked
 * with a runtime of ours, so each plain access is a call.  It is compared with
 * the accesses before it by vector clocks: two that no lock, atomic or start of
 * a thread orders are a failure in any schedule, not only where they collide.
 *
 *   tsan_runtime.c   the calls that compilers make
 *   tsan_shadow.c    what was accessed last, by whom
 *   tsan_c11.c       C11 atomics, of strangers' sources
 *   tsan_clock.c     what is ordered before what
 *   oracle/memory.c  which memory is free now, and which call had it
 *
 * Memory that is not the library's (stacks, pages of the scenario, the lab) is
 * not watched.  Neither is setup or finish: one is before everything, the other
 * after it; only dead memory is found there too.
 */
#ifndef LAB_TSAN_H
#define LAB_TSAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/explore.h"

/* What an access is. */
#define LAB_ACCESS_WRITE 1u
#define LAB_ACCESS_ATOMIC 2u /* two of them are never a race */

/* An access is about to happen; `pc` is where. */
void lab_access(const void *memory, size_t size, unsigned access,
                const void *pc);

/* --- tsan_clock.c ---------------------------------------------------- */

/*
 * Steps are counted as they are granted, those that the explorer joins into one
 * too.  What step n does itself happens at tick 2n, what its thread does until
 * its next step at 2n + 1.  So a release publishes its own step and nothing
 * that follows it.
 */

struct lab_clock {
    uint32_t ticks[LAB_THREADS]; /* of each thread: known up to here */
};

/* What this thread knows; its own entry is now. */
extern struct lab_clock lab_clocks[LAB_THREADS];

void lab_clock_reset(void);
/* The explorer's number of the step of this tick. */
unsigned lab_step_of(uint32_t tick);
/* The step just granted to this thread was a read-modify-write that did, or did
 * not, change its word. */
void lab_clock_exchanged(bool changed);
/* The same where the step's own flags say whether it acquires and releases. */
void lab_clock_exchanged_as(bool changed, unsigned flags);
/* This thread knows what was known when that object was last released. */
void lab_clock_acquire(const void *object);

/* --- tsan_c11.c ------------------------------------------------------ */

/* A C11 atomic is about to be used, `order` as compilers number them; it was,
 * was changed or not, and holds this value. */
void lab_c11_begin(unsigned kind, const void *word, size_t size, int order,
                   const void *pc);
void lab_c11_end(bool changed, uint64_t value);

/* --- tsan_shadow.c --------------------------------------------------- */

void lab_shadow_reset(void);
/* Compares with the accesses before, as a use that lab_access() did not see. */
void lab_shadow_check(const void *memory, size_t size, unsigned access,
                      const void *pc);
/* The observer that keeps all of this; it resets the library's memory too. */
extern const struct lab_observer lab_tsan_observer;

#endif
