/* SPDX-License-Identifier: MIT */
/* atomic_impl.h - the atomics of atomic.h over C11. */
#ifndef ZC_PLATFORM_ATOMIC_IMPL_H
#define ZC_PLATFORM_ATOMIC_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    _Atomic(uint32_t) value;
} zc_atomic_u32;

typedef struct {
    _Atomic(uint64_t) value;
} zc_atomic_u64;

typedef struct {
    _Atomic(void *) value;
} zc_atomic_pointer;

typedef struct {
    _Atomic(uint64_t) value;
} zc_counter;

static inline void zc_atomic_u32_init(zc_atomic_u32 *atomic, uint32_t value)
{
    atomic_init(&atomic->value, value);
}

static inline uint32_t zc_atomic_u32_load_relaxed(const zc_atomic_u32 *atomic)
{
    return atomic_load_explicit(&atomic->value, memory_order_relaxed);
}

static inline uint32_t zc_atomic_u32_load_acquire(const zc_atomic_u32 *atomic)
{
    return atomic_load_explicit(&atomic->value, memory_order_acquire);
}

static inline void zc_atomic_u32_store_relaxed(zc_atomic_u32 *atomic,
                                               uint32_t value)
{
    atomic_store_explicit(&atomic->value, value, memory_order_relaxed);
}

static inline void zc_atomic_u32_store_release(zc_atomic_u32 *atomic,
                                               uint32_t value)
{
    atomic_store_explicit(&atomic->value, value, memory_order_release);
}

static inline uint32_t zc_atomic_u32_add(zc_atomic_u32 *atomic, uint32_t value)
{
    return atomic_fetch_add_explicit(&atomic->value, value,
                                     memory_order_acq_rel);
}

static inline uint32_t zc_atomic_u32_or(zc_atomic_u32 *atomic, uint32_t bits)
{
    return atomic_fetch_or_explicit(&atomic->value, bits, memory_order_acq_rel);
}

static inline uint32_t zc_atomic_u32_and(zc_atomic_u32 *atomic, uint32_t bits)
{
    return atomic_fetch_and_explicit(&atomic->value, bits,
                                     memory_order_acq_rel);
}

static inline bool zc_atomic_u32_exchange_if(zc_atomic_u32 *atomic,
                                             uint32_t *expected, uint32_t value)
{
    return atomic_compare_exchange_strong_explicit(&atomic->value, expected,
                                                   value, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

static inline void zc_atomic_u64_init(zc_atomic_u64 *atomic, uint64_t value)
{
    atomic_init(&atomic->value, value);
}

static inline uint64_t zc_atomic_u64_load_relaxed(const zc_atomic_u64 *atomic)
{
    return atomic_load_explicit(&atomic->value, memory_order_relaxed);
}

static inline uint64_t zc_atomic_u64_load_acquire(const zc_atomic_u64 *atomic)
{
    return atomic_load_explicit(&atomic->value, memory_order_acquire);
}

static inline void zc_atomic_u64_store_relaxed(zc_atomic_u64 *atomic,
                                               uint64_t value)
{
    atomic_store_explicit(&atomic->value, value, memory_order_relaxed);
}

static inline void zc_atomic_u64_store_release(zc_atomic_u64 *atomic,
                                               uint64_t value)
{
    atomic_store_explicit(&atomic->value, value, memory_order_release);
}

static inline bool zc_atomic_u64_exchange_if(zc_atomic_u64 *atomic,
                                             uint64_t *expected, uint64_t value)
{
    return atomic_compare_exchange_strong_explicit(&atomic->value, expected,
                                                   value, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

static inline void zc_atomic_pointer_init(zc_atomic_pointer *atomic,
                                          void *value)
{
    atomic_init(&atomic->value, value);
}

static inline void *zc_atomic_pointer_load_relaxed(
    const zc_atomic_pointer *atomic)
{
    return atomic_load_explicit(&atomic->value, memory_order_relaxed);
}

static inline void *zc_atomic_pointer_load_acquire(
    const zc_atomic_pointer *atomic)
{
    return atomic_load_explicit(&atomic->value, memory_order_acquire);
}

static inline void zc_atomic_pointer_store_relaxed(zc_atomic_pointer *atomic,
                                                   void *value)
{
    atomic_store_explicit(&atomic->value, value, memory_order_relaxed);
}

static inline void zc_atomic_pointer_store_release(zc_atomic_pointer *atomic,
                                                   void *value)
{
    atomic_store_explicit(&atomic->value, value, memory_order_release);
}

static inline bool zc_atomic_pointer_exchange_if(zc_atomic_pointer *atomic,
                                                 void **expected, void *value)
{
    return atomic_compare_exchange_strong_explicit(&atomic->value, expected,
                                                   value, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

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
