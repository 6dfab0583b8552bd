/* SPDX-License-Identifier: MIT */
/*
 * lock_impl.h - the locks of lock.h, kept by the explorer.
 *
 * In memory there is only what the explorer needs when it first meets the lock.
 * Using a freed lock is detected like any other access.
 */
#ifndef ZC_PLATFORM_LOCK_IMPL_H
#define ZC_PLATFORM_LOCK_IMPL_H

#include <stdint.h>

#include "engine/explore.h"

#include "base/assert.h"

struct lab_lock_words {
    uint64_t made; /* zero: the lock is not initialised */
    const char *name;
    int rank;
};

struct ZC_CAPABILITY("mutex") zc_mutex {
    struct lab_lock_words words;
};

struct ZC_CAPABILITY("spinlock") zc_spinlock {
    struct lab_lock_words words;
};

/* Declares a lock that the explorer does not know yet. */
void lab_declare_lock(const struct lab_lock_words *words);

void lab_mutex_lock(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_ACQUIRE(mutex);
/* After a wait. */
void lab_mutex_lock_again(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_ACQUIRE(mutex);
bool lab_mutex_trylock(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_TRY_ACQUIRE(true, mutex);
void lab_mutex_unlock(struct zc_mutex *mutex, const struct lab_site *site)
    ZC_RELEASE(mutex);
void lab_spinlock_lock(struct zc_spinlock *spinlock,
                       const struct lab_site *site) ZC_ACQUIRE(spinlock);
bool lab_spinlock_trylock(struct zc_spinlock *spinlock,
                          const struct lab_site *site)
    ZC_TRY_ACQUIRE(true, spinlock);
void lab_spinlock_unlock(struct zc_spinlock *spinlock,
                         const struct lab_site *site) ZC_RELEASE(spinlock);

#define zc_mutex_lock(mutex) lab_mutex_lock((mutex), LAB_SITE("mutex_lock"))
#define zc_mutex_trylock(mutex)                                                \
    lab_mutex_trylock((mutex), LAB_SITE("mutex_trylock"))
#define zc_mutex_unlock(mutex)                                                 \
    lab_mutex_unlock((mutex), LAB_SITE("mutex_unlock"))
#define zc_spinlock_lock(lock) lab_spinlock_lock((lock), LAB_SITE("spin_lock"))
#define zc_spinlock_trylock(lock)                                              \
    lab_spinlock_trylock((lock), LAB_SITE("spin_trylock"))
#define zc_spinlock_unlock(lock)                                               \
    lab_spinlock_unlock((lock), LAB_SITE("spin_unlock"))

#endif
