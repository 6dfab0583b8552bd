/* SPDX-License-Identifier: MIT */
/* park_impl.h - park.h over a few mutexes and conditions. */
#ifndef ZC_PLATFORM_PARK_IMPL_H
#define ZC_PLATFORM_PARK_IMPL_H

#include <pthread.h>

#define ZC_PARKING_PLACES 16 /* a power of two; words are hashed to them */

struct zc_parking {
    struct {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
    } places[ZC_PARKING_PLACES];
};

/* The slow path of zc_bit_lock(), which sleeps. */
void zc_bit_lock_slow(struct zc_parking *parking, zc_atomic_u32 *word,
                      uint32_t bit, uint32_t waiters);

static inline bool zc_bit_trylock(zc_atomic_u32 *word, uint32_t bit)
{
    return (zc_atomic_u32_or(word, bit) & bit) == 0;
}

static inline void zc_bit_lock(struct zc_parking *parking, zc_atomic_u32 *word,
                               uint32_t bit, uint32_t waiters)
{
    if (!zc_bit_trylock(word, bit))
        zc_bit_lock_slow(parking, word, bit, waiters);
}

static inline void zc_bit_unlock(struct zc_parking *parking,
                                 zc_atomic_u32 *word, uint32_t bit,
                                 uint32_t waiters)
{
    if ((zc_atomic_u32_and(word, ~(bit | waiters)) & waiters) != 0)
        zc_unpark_all(parking, word);
}

#endif
