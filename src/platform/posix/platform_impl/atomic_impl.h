/* SPDX-License-Identifier: MIT */
/* atomic_impl.h - the atomics of atomic.h over C11. */
#ifndef ZC_PLATFORM_ATOMIC_IMPL_H
#define ZC_PLATFORM_ATOMIC_IMPL_H

#include <stdatomic.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): types, parameters, no values */
#define ZC_ATOMIC_DEFINE(atomic, type)                                         \
    struct atomic {                                                            \
        _Atomic(type) value;                                                   \
    };                                                                         \
    static inline void atomic##_init(atomic *word, type value)                 \
    {                                                                          \
        atomic_init(&word->value, value);                                      \
    }                                                                          \
    static inline type atomic##_load_relaxed(const atomic *word)               \
    {                                                                          \
        return atomic_load_explicit(&word->value, memory_order_relaxed);       \
    }                                                                          \
    static inline type atomic##_load_acquire(const atomic *word)               \
    {                                                                          \
        return atomic_load_explicit(&word->value, memory_order_acquire);       \
    }                                                                          \
    static inline void atomic##_store_relaxed(atomic *word, type value)        \
    {                                                                          \
        atomic_store_explicit(&word->value, value, memory_order_relaxed);      \
    }                                                                          \
    static inline void atomic##_store_release(atomic *word, type value)        \
    {                                                                          \
        atomic_store_explicit(&word->value, value, memory_order_release);      \
    }                                                                          \
    static inline bool atomic##_exchange_if(atomic *word, type *expected,      \
                                            type value)                        \
    {                                                                          \
        return atomic_compare_exchange_strong_explicit(                        \
            &word->value, expected, value, memory_order_acq_rel,               \
            memory_order_relaxed);                                             \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

ZC_ATOMICS(ZC_ATOMIC_DEFINE)

static inline uint32_t zc_atomic_u32_add(zc_atomic_u32 *word, uint32_t value)
{
    return atomic_fetch_add_explicit(&word->value, value, memory_order_acq_rel);
}

static inline uint32_t zc_atomic_u32_or(zc_atomic_u32 *word, uint32_t bits)
{
    return atomic_fetch_or_explicit(&word->value, bits, memory_order_acq_rel);
}

static inline uint32_t zc_atomic_u32_and(zc_atomic_u32 *word, uint32_t bits)
{
    return atomic_fetch_and_explicit(&word->value, bits, memory_order_acq_rel);
}

static inline uint32_t zc_atomic_u32_get(zc_atomic_u32 *word, uint32_t bits)
{
    return zc_atomic_u32_add(word, 1) & bits;
}

static inline uint32_t zc_atomic_u32_put(zc_atomic_u32 *word, uint32_t bits,
                                         uint32_t limit)
{
    (void)limit;
    return (zc_atomic_u32_add(word, UINT32_MAX) - 1) & bits;
}

static inline bool zc_atomic_u32_get_above(zc_atomic_u32 *word, uint32_t limit)
{
    uint32_t found = zc_atomic_u32_load_relaxed(word);

    do {
        if (found <= limit)
            return false;
    } while (!zc_atomic_u32_exchange_if(word, &found, found + 1));
    return true;
}

struct zc_counter {
    _Atomic(uint64_t) value;
};

static inline void zc_counter_add(zc_counter *counter, uint64_t value)
{
    atomic_fetch_add_explicit(&counter->value, value, memory_order_relaxed);
}

static inline void zc_counter_subtract(zc_counter *counter, uint64_t value)
{
    atomic_fetch_sub_explicit(&counter->value, value, memory_order_relaxed);
}

static inline uint64_t zc_counter_read(const zc_counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

#endif
