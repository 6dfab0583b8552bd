/* SPDX-License-Identifier: MIT */
/*
 * park.c - sleeping on a word.
 *
 * A word is hashed to a place, which is a mutex and a condition.  No wake-up is
 * lost; otherwise the sleeper would sleep for ever.  The sleeper reads the word
 * under the mutex, and holds the mutex until it waits on the condition.  The
 * waking thread changes the word, takes the mutex, and then wakes.  So the
 * sleeper reads the new value, or it already waits when it is woken.
 */
#include "platform/park.h"

#include "base/assert.h"

static unsigned place_of(const zc_atomic_u32 *word)
{
    return (unsigned)((uintptr_t)word >> 4) & (ZC_PARKING_PLACES - 1);
}

zc_status zc_parking_init(struct zc_parking *parking)
{
    unsigned i;

    for (i = 0; i < ZC_PARKING_PLACES; i++) {
        if (pthread_mutex_init(&parking->places[i].mutex, NULL) != 0)
            break;
        if (pthread_cond_init(&parking->places[i].changed, NULL) == 0)
            continue;
        (void)pthread_mutex_destroy(&parking->places[i].mutex);
        break;
    }
    if (i == ZC_PARKING_PLACES)
        return ZC_OK;
    while (i > 0) {
        i--;
        (void)pthread_cond_destroy(&parking->places[i].changed);
        (void)pthread_mutex_destroy(&parking->places[i].mutex);
    }
    return ZC_NO_MEMORY;
}

void zc_parking_destroy(struct zc_parking *parking)
{
    unsigned i;

    for (i = 0; i < ZC_PARKING_PLACES; i++) {
        (void)pthread_cond_destroy(&parking->places[i].changed);
        (void)pthread_mutex_destroy(&parking->places[i].mutex);
    }
}

void zc_park_while(struct zc_parking *parking, const zc_atomic_u32 *word,
                   uint32_t value)
{
    const unsigned place = place_of(word);
    pthread_mutex_t *mutex = &parking->places[place].mutex;
    int error;

    zc_may_block();
    error = pthread_mutex_lock(mutex);
    ZC_ASSERT(error == 0);
    if (zc_atomic_u32_load_acquire(word) == value)
        error = pthread_cond_wait(&parking->places[place].changed, mutex);
    ZC_ASSERT(error == 0);
    (void)pthread_mutex_unlock(mutex);
}

void zc_unpark_all(struct zc_parking *parking, const zc_atomic_u32 *word)
{
    const unsigned place = place_of(word);

    (void)pthread_mutex_lock(&parking->places[place].mutex);
    (void)pthread_cond_broadcast(&parking->places[place].changed);
    (void)pthread_mutex_unlock(&parking->places[place].mutex);
}

/* If `bit` is set, sets `waiters` and sleeps once.  False: it is clear. */
static bool wait_once(struct zc_parking *parking, zc_atomic_u32 *word,
                      uint32_t bit, uint32_t waiters)
{
    uint32_t value = zc_atomic_u32_load_acquire(word);

    if ((value & bit) == 0)
        return false;
    if ((value & waiters) != 0 ||
        zc_atomic_u32_exchange_if(word, &value, value | waiters))
        zc_park_while(parking, word, value | waiters);
    return true;
}

void zc_bit_lock_slow(struct zc_parking *parking, zc_atomic_u32 *word,
                      uint32_t bit, uint32_t waiters)
{
    do {
        while (wait_once(parking, word, bit, waiters))
            continue;
    } while (!zc_bit_trylock(word, bit));
}

void zc_bit_wait_clear(struct zc_parking *parking, zc_atomic_u32 *word,
                       uint32_t bit, uint32_t waiters)
{
    while (wait_once(parking, word, bit, waiters))
        continue;
}
