/* SPDX-License-Identifier: MIT */
/*
 * atomic_impl.h - the atomics of atomic.h, each a step of the explorer.
 *
 * Each is a macro over a function of the same meaning, because a step names its
 * place in the caller.  zc_counter is no step.
 */
#ifndef ZC_PLATFORM_ATOMIC_IMPL_H
#define ZC_PLATFORM_ATOMIC_IMPL_H

#include "engine/explore.h"

#define LAB_ATOMIC_STRUCT(atomic, type)                                        \
    struct atomic {                                                            \
        type value;                                                            \
    };

ZC_ATOMICS(LAB_ATOMIC_STRUCT)

struct zc_counter {
    uint64_t value;
};

/* `name` is the word as the caller wrote it; `flags` are LAB_ACQUIRE and
 * LAB_RELEASE. */
#define LAB_WORD(word, flags, verb) (flags), #word, LAB_SITE(verb)

#define LAB_ATOMIC_STEPS(name, atomic, type)                                   \
    type lab_##name##_load(const atomic *word, unsigned flags,                 \
                           const char *text, const struct lab_site *site);     \
    void lab_##name##_store(atomic *word, type value, unsigned flags,          \
                            const char *text, const struct lab_site *site);    \
    bool lab_##name##_exchange_if(atomic *word, type *expected, type value,    \
                                  const char *text,                            \
                                  const struct lab_site *site);

LAB_ATOMIC_STEPS(u32, zc_atomic_u32, uint32_t)
LAB_ATOMIC_STEPS(u64, zc_atomic_u64, uint64_t)
LAB_ATOMIC_STEPS(pointer, zc_atomic_pointer, void *)

uint32_t lab_u32_add(zc_atomic_u32 *atomic, uint32_t value, const char *name,
                     const struct lab_site *site);
uint32_t lab_u32_get(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                     const struct lab_site *site);
uint32_t lab_u32_put(zc_atomic_u32 *atomic, uint32_t bits, uint32_t limit,
                     const char *name, const struct lab_site *site);
bool lab_u32_get_above(zc_atomic_u32 *atomic, uint32_t limit, const char *name,
                       const struct lab_site *site);
uint32_t lab_u32_or(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                    const struct lab_site *site);
uint32_t lab_u32_and(zc_atomic_u32 *atomic, uint32_t bits, const char *name,
                     const struct lab_site *site);

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
#define zc_atomic_u32_get(atomic, bits)                                        \
    lab_u32_get((atomic), (bits), #atomic, LAB_SITE("atomic_inc"))
#define zc_atomic_u32_put(atomic, bits, limit)                                 \
    lab_u32_put((atomic), (bits), (limit), #atomic, LAB_SITE("atomic_dec"))
#define zc_atomic_u32_get_above(atomic, limit)                                 \
    lab_u32_get_above((atomic), (limit), #atomic, LAB_SITE("atomic_inc"))
#define zc_atomic_u32_or(atomic, value)                                        \
    lab_u32_or((atomic), (value), #atomic, LAB_SITE("fetch_or"))
#define zc_atomic_u32_and(atomic, value)                                       \
    lab_u32_and((atomic), (value), #atomic, LAB_SITE("fetch_and"))

#endif
