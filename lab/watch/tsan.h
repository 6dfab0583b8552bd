/* SPDX-License-Identifier: MIT */
/*
 * tsan.h - every access of the library to its own memory is watched.
 *
 * The lab's build of the library is compiled with -fsanitize=thread and linked
 * with a runtime of ours, so each plain access is a call, and so are those that
 * the C library makes (embed/watched.h).  The runtime compares it with earlier
 * accesses by vector clocks.  Two conflicting accesses that no lock, atomic or
 * thread start orders are a failure in any schedule, not only where they
 * collide.
 *
 *   tsan_runtime.c   the calls that compilers make
 *   tsan_shadow.c    the accesses, and their threads
 *   tsan_c11.c       C11 atomics, of user code
 *   tsan_clock.c     what is ordered before what
 *   tsan_weak.c      the same in orders that a search leaves out
 *   tsan_robust.c    which atomics order too little
 *   outside.c        memory that is not watched
 *   oracle/memory.c  which memory is in a block, which call had it
 *
 * Watched is the memory that has an offset (oracle/memory.h): the library's,
 * the statics of the program, stacks.  Accesses in setup or finish are not
 * compared, because setup is before everything and finish after it; only use of
 * freed memory is found there.
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
 * Steps are counted as they are granted, also those that the explorer joins
 * into one.  Step n itself happens at tick 2n, and what its thread does until
 * its next step at 2n + 1.  So a release publishes its own step and nothing
 * that follows it.  A release fence is no step of the explorer's.  It counts as
 * one here, because it does not publish what follows it.
 */

struct lab_clock {
    uint32_t ticks[LAB_THREADS]; /* of each thread: the last one known */
};

/* The clock of each thread; its own entry is the present. */
extern struct lab_clock lab_clocks[LAB_THREADS];

/* What both know. */
static inline void lab_clock_join(struct lab_clock *into,
                                  const struct lab_clock *from)
{
    for (int i = 0; i < LAB_THREADS; i++) {
        if (into->ticks[i] < from->ticks[i])
            into->ticks[i] = from->ticks[i];
    }
}

void lab_clock_reset(void);
/* The explorer's number of the step of this tick. */
unsigned lab_step_of(uint32_t tick);
/* Did the read-modify-write just granted to this thread change its word? */
void lab_clock_exchanged(bool changed);
/* The same where the step's own flags say whether it acquires and releases. */
void lab_clock_exchanged_as(bool changed, unsigned flags);
/* A fence of this thread acquires, releases, or both. */
void lab_clock_fence(unsigned flags);
/* This thread learns the clock of the object's last release. */
void lab_clock_acquire(const void *object);

/* This thread's put has left no more than its limit. */
void lab_clock_last_put(void);
/* Has the TRY_GET granted last added one? */
void lab_clock_got(bool got);

/* --- tsan_weak.c ----------------------------------------------------- */

/* As lab_clocks; used while lab_orders_less. */
extern struct lab_clock lab_weak_clocks[LAB_THREADS];

void lab_weak_reset(void);
/* A step at this time; true: its acquire and release are done. */
bool lab_weak_step(const struct lab_granted *step, uint32_t tick);
/* all: also what only some acquires are ordered after. */
void lab_weak_acquire(int thread, unsigned object, bool all);
void lab_weak_release(int thread, unsigned object, bool goes_on);
/* A count whose order with others makes no difference. */
void lab_weak_count(int thread, unsigned object);
void lab_weak_forget(unsigned object);
/* Before an access is compared: a section is ordered by it. */
void lab_weak_access(const void *memory, size_t size, bool writes);

/* --- tsan_robust.c --------------------------------------------------- */

void lab_robust_reset(void);
void lab_robust_spawned(int parent, int child);
/* Before a step of this thread on an atomic: its order, and where it is; NULL
 * if it is relaxed. */
void lab_robust_comes(bool sequentially, const void *pc);
/* The step at this time, before the thread acquires: on an atomic, or on
 * another object. */
void lab_robust_access(int thread, unsigned object, unsigned kind,
                       uint32_t tick);
void lab_robust_order(int thread, unsigned object, bool acquires, bool releases,
                      uint32_t tick);

/* --- tsan_c11.c ------------------------------------------------------ */

/* What every function does first that user code calls for an atomic: its
 * caller's local state decides what the thread does next, with two operands. */
#define LAB_C11_CALLED(one, two)                                               \
    (LAB_STATE_OF_CALLER(), lab_state_and((uint64_t)(one)),                    \
     lab_state_and((uint64_t)(two)))

/* Does this weak compare-exchange fail for nothing? */
bool lab_c11_fails(const void *pc);
/* The read-modify-write that ends now wrote what was there. */
void lab_c11_keep(bool kept);

/* The compare-exchange that ends now failed: it is a load of this order. */
void lab_c11_failed(int order, const void *pc);

/* The begin and the end of a C11 atomic; `order` as compilers number them.  The
 * end says whether the word was changed, and its value. */
void lab_c11_begin(unsigned kind, const void *word, size_t size, int order,
                   const void *pc);
void lab_c11_end(bool changed, uint64_t value);
void lab_c11_fence(int order, const void *pc);

/* --- tsan_shadow.c --------------------------------------------------- */

void lab_shadow_reset(void);
/* Compares with earlier accesses, for a use that lab_access() does not see. */
void lab_shadow_check(const void *memory, size_t size, unsigned access,
                      const void *pc);

/* --- outside.c ------------------------------------------------------- */

/* Whether these accesses are noted. */
extern bool lab_outside_noted;
/* A thread uses memory that is not watched. */
void lab_outside_access(const void *memory, size_t size, bool writes);
void lab_outside_reset(void);

/* The observer that keeps all of this; it resets the library's memory too. */
extern const struct lab_observer lab_tsan_observer;

#endif
