/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the atomics that protocols are made of.
 *
 * The prototypes here are the contract; platform_impl/atomic_impl.h, chosen by
 * the include path, defines them and the structs.  There are no fences.  The
 * comment at each use names the access that it pairs with.
 *
 * zc_counter is a number for statistics: relaxed, no part of any protocol, and
 * no scheduling point in the lab.
 */
#ifndef ZC_PLATFORM_ATOMIC_H
#define ZC_PLATFORM_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "platform_impl/inline_impl.h"

/* X(zc_atomic_NAME, what it holds) */
#define ZC_ATOMICS(X)                                                          \
    X(zc_atomic_u32, uint32_t)                                                 \
    X(zc_atomic_u64, uint64_t)                                                 \
    X(zc_atomic_pointer, void *)

/*
 * init sets the word before another thread can reach it.  exchange_if compares
 * and swaps: acquire and release if *expected was found; else relaxed, and
 * *expected becomes what was found.  It does not fail spuriously.
 */
/* NOLINTBEGIN(bugprone-macro-parentheses): types, parameters, no values */
#define ZC_ATOMIC_CONTRACT(atomic, type)                                       \
    typedef struct atomic atomic;                                              \
    ZC_INLINE void atomic##_init(atomic *word, type value);                    \
    ZC_INLINE type atomic##_load_relaxed(const atomic *word);                  \
    ZC_INLINE type atomic##_load_acquire(const atomic *word);                  \
    ZC_INLINE void atomic##_store_relaxed(atomic *word, type value);           \
    ZC_INLINE void atomic##_store_release(atomic *word, type value);           \
    ZC_INLINE bool atomic##_exchange_if(atomic *word, type *expected,          \
                                        type value);
/* NOLINTEND(bugprone-macro-parentheses) */

ZC_ATOMICS(ZC_ATOMIC_CONTRACT)

/* Return the previous value; acquire and release. */
ZC_INLINE uint32_t zc_atomic_u32_add(zc_atomic_u32 *word, uint32_t value);
ZC_INLINE uint32_t zc_atomic_u32_or(zc_atomic_u32 *word, uint32_t bits);
ZC_INLINE uint32_t zc_atomic_u32_and(zc_atomic_u32 *word, uint32_t bits);

/*
 * Counts of references.  The lab takes the order of two of these steps for one
 * unless it makes a difference, so what they return is all that a caller may
 * use.  `bits` are those of the word that count, the lowest ones.
 *
 * get adds one; its result, the count before, is for assertions alone.  put
 * takes one and returns the count that is left, which the caller uses only if
 * it is not above `limit`.  get_above adds one if the whole word is above
 * `limit`; if not, it is a relaxed load.  Else they acquire and release.
 */
ZC_INLINE uint32_t zc_atomic_u32_get(zc_atomic_u32 *word, uint32_t bits);
ZC_INLINE uint32_t zc_atomic_u32_put(zc_atomic_u32 *word, uint32_t bits,
                                     uint32_t limit);
ZC_INLINE bool zc_atomic_u32_get_above(zc_atomic_u32 *word, uint32_t limit);

typedef struct zc_counter zc_counter;
ZC_INLINE void zc_counter_add(zc_counter *counter, uint64_t value);
ZC_INLINE void zc_counter_subtract(zc_counter *counter, uint64_t value);
ZC_INLINE uint64_t zc_counter_read(const zc_counter *counter);

#include "platform_impl/atomic_impl.h"

#endif
