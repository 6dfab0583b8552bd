/* SPDX-License-Identifier: MIT */
/*
 * park.h - sleeping on a word, and locks that are bits of one.
 *
 * A lock that is a bit of a flag word costs no memory.  Any thread may unlock
 * it, not only the one that locked it (the end of an I/O unlocks), and any
 * number of threads can wait for it: the folio lock, writeback, device
 * references.
 *
 * The prototypes here are the contract; platform_impl/park_impl.h defines the
 * struct and what is inline.  No thread that may sleep holds a spinlock.
 */
#ifndef ZC_PLATFORM_PARK_H
#define ZC_PLATFORM_PARK_H

#include "platform/atomic.h"
#include "platform/lock.h"

/* Where threads sleep; one per cache serves all words. */
struct zc_parking;

/* ZC_OK, ZC_NO_MEMORY; no thread sleeps there when it is destroyed. */
zc_status zc_parking_init(struct zc_parking *parking);
void zc_parking_destroy(struct zc_parking *parking);

/* Sleeps while *word is `value`; may return early; acquire. */
void zc_park_while(struct zc_parking *parking, const zc_atomic_u32 *word,
                   uint32_t value);

/* Wakes all that sleep on the word; called after the word was changed.  Only
 * the address is used: the word may be freed by then. */
void zc_unpark_all(struct zc_parking *parking, const zc_atomic_u32 *word);

/* `bit` of the word is a lock; the bit `waiters` says that a thread sleeps for
 * any bit of the word.  Acquire; the trylock if it returns true. */
ZC_INLINE void zc_bit_lock(struct zc_parking *parking, zc_atomic_u32 *word,
                           uint32_t bit, uint32_t waiters);
ZC_INLINE bool zc_bit_trylock(zc_atomic_u32 *word, uint32_t bit);

/* Release, by any thread: clears the bit and wakes the waiters.  Also ends a
 * state that is no lock, as writeback. */
ZC_INLINE void zc_bit_unlock(struct zc_parking *parking, zc_atomic_u32 *word,
                             uint32_t bit, uint32_t waiters);

/* Sleeps until the bit is clear; acquire. */
void zc_bit_wait_clear(struct zc_parking *parking, zc_atomic_u32 *word,
                       uint32_t bit, uint32_t waiters);

#include "platform_impl/park_impl.h"

#endif
