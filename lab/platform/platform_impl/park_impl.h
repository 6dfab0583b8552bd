/* SPDX-License-Identifier: MIT */
/*
 * park_impl.h - park.h, where taking a bit lock is one step.
 *
 * The waiter of a bit is enabled when the bit is clear, so the bit that says
 * that a thread waits is never set here.  A thread in zc_park_while() sleeps
 * until it is woken, also after the word has changed: so a missing wake-up is
 * found.
 */
#ifndef ZC_PLATFORM_PARK_IMPL_H
#define ZC_PLATFORM_PARK_IMPL_H

#include "engine/explore.h"

struct zc_parking {
    const void *words[LAB_THREADS]; /* what each thread sleeps on, or NULL */
};

void lab_park_while(struct zc_parking *parking, const zc_atomic_u32 *word,
                    uint32_t value, const char *name,
                    const struct lab_site *site);
void lab_unpark_all(struct zc_parking *parking, const zc_atomic_u32 *word,
                    const char *name, const struct lab_site *site);
void lab_bit_lock(zc_atomic_u32 *word, uint32_t bit, const char *name,
                  const struct lab_site *site);
bool lab_bit_trylock(zc_atomic_u32 *word, uint32_t bit, const char *name,
                     const struct lab_site *site);
void lab_bit_unlock(zc_atomic_u32 *word, uint32_t bit, const char *name,
                    const struct lab_site *site);
void lab_bit_wait_clear(zc_atomic_u32 *word, uint32_t bit, const char *name,
                        const struct lab_site *site);

#define zc_park_while(parking, word, value)                                    \
    lab_park_while((parking), (word), (value), #word, LAB_SITE("park"))
#define zc_unpark_all(parking, word)                                           \
    lab_unpark_all((parking), (word), #word, LAB_SITE("unpark"))
#define zc_bit_lock(parking, word, bit, waiters)                               \
    ((void)(parking), (void)(waiters),                                         \
     lab_bit_lock((word), (bit), #word, LAB_SITE("bit_lock")))
#define zc_bit_trylock(word, bit)                                              \
    lab_bit_trylock((word), (bit), #word, LAB_SITE("bit_trylock"))
#define zc_bit_unlock(parking, word, bit, waiters)                             \
    ((void)(parking), (void)(waiters),                                         \
     lab_bit_unlock((word), (bit), #word, LAB_SITE("bit_unlock")))
#define zc_bit_wait_clear(parking, word, bit, waiters)                         \
    ((void)(parking), (void)(waiters),                                         \
     lab_bit_wait_clear((word), (bit), #word, LAB_SITE("bit_wait_clear")))

#endif
