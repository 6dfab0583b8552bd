/* SPDX-License-Identifier: MIT */
/*
 * park.h - sleeping on a word, and locks that are bits of one.
 *
 * A lock that is a bit of a flag word costs no memory, may be unlocked by
 * another thread than the one that locked it (the end of an I/O unlocks), and
 * can be waited for by many: the folio lock, writeback, device references.
 *
 * Contract for an implementation (platform_impl/park_impl.h) of
 *
 *   struct zc_parking    where threads sleep; one per cache serves all words
 *
 *   zc_status zc_parking_init(struct zc_parking *)     ZC_OK, ZC_NO_MEMORY
 *   void zc_parking_destroy(struct zc_parking *)       nobody sleeps there
 *
 *   void zc_park_while(parking, const zc_atomic_u32 *word, uint32_t value)
 *        sleeps while *word is `value`; may return early; acquire
 *   void zc_unpark_all(parking, const zc_atomic_u32 *word)
 *        wakes who sleeps on the word; called after it was changed.  Nothing of
 *        the word is read: it may be gone by then
 *
 * and, with one bit of a word as a lock and another that says that somebody
 * waits for any of the word's bits (`waiters`):
 *
 *   void zc_bit_lock(parking, word, bit, waiters)      acquire; sleeps
 *   bool zc_bit_trylock(word, bit)                     acquire if true
 *   void zc_bit_unlock(parking, word, bit, waiters)    release; by anybody
 *   void zc_bit_wait_clear(parking, word, bit, waiters)
 *        sleeps until the bit is clear; acquire
 *
 * zc_bit_unlock() also ends any other state that others wait for: it clears the
 * bit and wakes them.  No spinlock may be held by who may sleep.
 */
#ifndef ZC_PLATFORM_PARK_H
#define ZC_PLATFORM_PARK_H

#include "platform/atomic.h"
#include "platform/lock.h"
#include "platform_impl/park_impl.h"

#endif
