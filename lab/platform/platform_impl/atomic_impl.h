/* SPDX-License-Identifier: MIT */
/*
 * atomic_impl.h - the atomics of atomic.h, each a step of the explorer.
 *
 * A step names its place in the caller, so they are macros over functions of
 * the same meaning.  zc_counter is no step.
 */
#ifndef ZC_PLATFORM_ATOMIC_IMPL_H
#define ZC_PLATFORM_ATOMIC_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/explore.h"

typedef struct {
    uint32_t value;
} zc_atomic_u32;

typedef struct {
    uint64_t value;
} zc_atomic_u64;

typedef struct {
    void *value;
} zc_atomic_pointer;

typedef struct {
    uint64_t value;
} zc_counter;

/* `name` is the word as the caller wrote it; `flags` are LAB_ACQUIRE and
 * LAB_RELEASE. */
#define LAB_WORD(word, flags, verb) (flags), #word, LAB_SITE(verb)

void zc_atomic_u32_init(zc_atomic_u32 *atomic, uint32_t value);
uint32_t lab_u32_load(const zc_atomic_u32 *atomic, unsigned flags,
                      const char *name, const struct lab_site *site);
void lab_u32_store(zc_atomic_u32 *atomic, uint32_t value, unsigned flags,
                   const char *name, const struct lab_site *site);
bool lab_u32_exchange_if(zc_atomic_u32 *atomic, uint32_t *expected,
                         uint32_t value, const char *name,
                         const struct lab_site *site);

void zc_atomic_u64_init(zc_atomic_u64 *atomic, uint64_t value);
uint64_t lab_u64_load(const zc_atomic_u64 *atomic, unsigned flags,
                      const char *name, const struct lab_site *site);
void lab_u64_store(zc_atomic_u64 *atomic, uint64_t value, unsigned flags,
                   const char *name, const struct lab_site *site);
bool lab_u64_exchange_if(zc_atomic_u64 *atomic, uint64_t *expected,
                         uint64_t value, const char *name,
                         const struct lab_site *site);

void zc_atomic_pointer_init(zc_atomic_pointer *atomic, void *value);
void *lab_pointer_load(const zc_atomic_pointer *atomic, unsigned flags,
                       const char *name, const struct lab_site *site);
void lab_pointer_store(zc_atomic_pointer *atomic, void *value, unsigned flags,
                       const char *name, const struct lab_site *site);
bool lab_pointer_exchange_if(zc_atomic_pointer *atomic, void **expected,
                             void *value, const char *name,
                             const struct lab_site *site);

uint32_t lab_u32_add(zc_atomic_u32 *atomic, uint32_t value, const char *name,
                     const struct lab_site *site);
uint32_t lab_u32_or(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                    const struct lab_site *site);
uint32_t lab_u32_and(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                     const struct lab_site *site);

void zc_counter_add(zc_counter *counter, uint64_t value);
void zc_counter_subtract(zc_counter *counter, uint64_t value);
uint64_t zc_counter_read(const zc_counter *counter);

#define zc_atomic_u32_load_relaxed(atomic)                                     \
    lab_u32_load((atomic), LAB_WORD(atomic, 0, "load"))
#define zc_atomic_u32_load_acquire(atomic)                                     \
    lab_u32_load((atomic), LAB_WORD(atomic, LAB_ACQUIRE, "load_acquire"))
#define zc_atomic_u32_store_relaxed(atomic, value)                             \
    lab_u32_store((atomic), (value), LAB_WORD(atomic, 0, "store"))
#define zc_atomic_u32_store_release(atomic, value)                             \
    lab_u32_store((atomic), (value),                                           \
                  LAB_WORD(atomic, LAB_RELEASE, "store_release"))
#define zc_atomic_u32_exchange_if(atomic, expected, value)                     \
    lab_u32_exchange_if((atomic), (expected), (value), #atomic,                \
                        LAB_SITE("exchange_if"))

#define zc_atomic_u64_load_relaxed(atomic)                                     \
    lab_u64_load((atomic), LAB_WORD(atomic, 0, "load"))
#define zc_atomic_u64_load_acquire(atomic)                                     \
    lab_u64_load((atomic), LAB_WORD(atomic, LAB_ACQUIRE, "load_acquire"))
#define zc_atomic_u64_store_relaxed(atomic, value)                             \
    lab_u64_store((atomic), (value), LAB_WORD(atomic, 0, "store"))
#define zc_atomic_u64_store_release(atomic, value)                             \
    lab_u64_store((atomic), (value),                                           \
                  LAB_WORD(atomic, LAB_RELEASE, "store_release"))
#define zc_atomic_u64_exchange_if(atomic, expected, value)                     \
    lab_u64_exchange_if((atomic), (expected), (value), #atomic,                \
                        LAB_SITE("exchange_if"))

#define zc_atomic_pointer_load_relaxed(atomic)                                 \
    lab_pointer_load((atomic), LAB_WORD(atomic, 0, "load"))
#define zc_atomic_pointer_load_acquire(atomic)                                 \
    lab_pointer_load((atomic), LAB_WORD(atomic, LAB_ACQUIRE, "load_acquire"))
#define zc_atomic_pointer_store_relaxed(atomic, value)                         \
    lab_pointer_store((atomic), (value), LAB_WORD(atomic, 0, "store"))
#define zc_atomic_pointer_store_release(atomic, value)                         \
    lab_pointer_store((atomic), (value),                                       \
                      LAB_WORD(atomic, LAB_RELEASE, "store_release"))
#define zc_atomic_pointer_exchange_if(atomic, expected, value)                 \
    lab_pointer_exchange_if((atomic), (expected), (value), #atomic,            \
                            LAB_SITE("exchange_if"))
#define zc_atomic_u32_add(atomic, value)                                       \
    lab_u32_add((atomic), (value), #atomic, LAB_SITE("add"))
#define zc_atomic_u32_or(atomic, value)                                        \
    lab_u32_or((atomic), (value), #atomic, LAB_SITE("fetch_or"))
#define zc_atomic_u32_and(atomic, value)                                       \
    lab_u32_and((atomic), (value), #atomic, LAB_SITE("fetch_and"))

#endif
