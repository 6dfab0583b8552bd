/* SPDX-License-Identifier: MIT */
/*
 * lock_impl.h - the locks of lock.h over pthreads.
 *
 * Both kinds are pthread mutexes.  Where the system has such a kind, a spinlock
 * spins a little before it sleeps: waiters of a preempted holder do not spin
 * for a whole time slice.
 */
#ifndef ZC_PLATFORM_LOCK_IMPL_H
#define ZC_PLATFORM_LOCK_IMPL_H

#include <pthread.h>

#include "base/assert.h"

/* What debug builds know of a lock. */
struct zc_lock_identity {
    enum zc_lock_rank rank;
    const char *name;
};

/* Checks the order and notes the lock as held by this thread. */
void zc_lock_note_acquire(const struct zc_lock_identity *identity);
/* Notes it as held without checking the order: a trylock cannot deadlock. */
void zc_lock_note_try(const struct zc_lock_identity *identity);
void zc_lock_note_release(const struct zc_lock_identity *identity);

struct ZC_CAPABILITY("mutex") zc_mutex {
    pthread_mutex_t native;
    struct zc_lock_identity identity;
};

struct ZC_CAPABILITY("spinlock") zc_spinlock {
    pthread_mutex_t native;
    struct zc_lock_identity identity;
};

/* Ends the process: a pthread call on a lock failed. */
_Noreturn void zc_lock_fail(const char *call, int error, const char *name);

static inline void zc_native_lock(pthread_mutex_t *native,
                                  const struct zc_lock_identity *identity)
{
    int error;

    if (ZC_DEBUG_CHECKS)
        zc_lock_note_acquire(identity);
    error = pthread_mutex_lock(native);
    if (error != 0)
        zc_lock_fail("lock", error, identity->name);
}

static inline bool zc_native_trylock(pthread_mutex_t *native,
                                     const struct zc_lock_identity *identity)
{
    if (pthread_mutex_trylock(native) != 0)
        return false;
    if (ZC_DEBUG_CHECKS)
        zc_lock_note_try(identity);
    return true;
}

static inline void zc_native_unlock(pthread_mutex_t *native,
                                    const struct zc_lock_identity *identity)
{
    int error;

    if (ZC_DEBUG_CHECKS)
        zc_lock_note_release(identity);
    error = pthread_mutex_unlock(native);
    if (error != 0)
        zc_lock_fail("unlock", error, identity->name);
}

static inline void zc_mutex_lock(struct zc_mutex *mutex) ZC_NO_LOCK_ANALYSIS
{
    zc_native_lock(&mutex->native, &mutex->identity);
}

static inline bool zc_mutex_trylock(struct zc_mutex *mutex) ZC_NO_LOCK_ANALYSIS
{
    return zc_native_trylock(&mutex->native, &mutex->identity);
}

static inline void zc_mutex_unlock(struct zc_mutex *mutex) ZC_NO_LOCK_ANALYSIS
{
    zc_native_unlock(&mutex->native, &mutex->identity);
}

static inline void zc_spinlock_lock(struct zc_spinlock *lock)
    ZC_NO_LOCK_ANALYSIS
{
    zc_native_lock(&lock->native, &lock->identity);
}

static inline bool zc_spinlock_trylock(struct zc_spinlock *lock)
    ZC_NO_LOCK_ANALYSIS
{
    return zc_native_trylock(&lock->native, &lock->identity);
}

static inline void zc_spinlock_unlock(struct zc_spinlock *lock)
    ZC_NO_LOCK_ANALYSIS
{
    zc_native_unlock(&lock->native, &lock->identity);
}

#endif
