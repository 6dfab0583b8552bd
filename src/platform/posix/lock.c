/* SPDX-License-Identifier: MIT */
/*
 * lock.c - making locks, and the order check of debug builds.
 *
 * Each thread keeps a list of the locks it holds, in order of acquisition.  A
 * lock whose rank is not above that of the last one could deadlock with a
 * second thread, so the process ends at once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* adaptive mutexes */
#endif

#include "platform/lock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define HELD_MAX 8 /* locks that one thread may hold; more is a bug */

struct held_locks {
    unsigned count;
    const struct zc_lock_identity *held[HELD_MAX];
};

static _Thread_local struct held_locks held_locks;

_Noreturn void zc_assert_fail(const char *expression, const char *file,
                              int line)
{
    fprintf(stderr, "libzcache: %s:%d: assertion failed: %s\n", file, line,
            expression);
    abort();
}

_Noreturn void zc_lock_fail(const char *call, int error, const char *name)
{
    fprintf(stderr, "libzcache: %s of lock '%s' failed: error %d\n", call, name,
            error);
    abort();
}

static void note_held(const struct zc_lock_identity *identity)
{
    struct held_locks *locks = &held_locks;

    ZC_ASSERT(locks->count < HELD_MAX);
    locks->held[locks->count++] = identity;
}

void zc_lock_note_acquire(const struct zc_lock_identity *identity)
{
    const struct held_locks *locks = &held_locks;
    const struct zc_lock_identity *last;

    if (locks->count > 0) {
        last = locks->held[locks->count - 1];
        if (last->rank >= identity->rank) {
            fprintf(stderr,
                    "libzcache: lock order: '%s' (rank %d) taken while "
                    "'%s' (rank %d) is held\n",
                    identity->name, (int)identity->rank, last->name,
                    (int)last->rank);
            abort();
        }
    }
    note_held(identity);
}

void zc_lock_note_try(const struct zc_lock_identity *identity)
{
    note_held(identity);
}

void zc_lock_note_release(const struct zc_lock_identity *identity)
{
    struct held_locks *locks = &held_locks;
    unsigned i;

    for (i = locks->count; i > 0; i--) {
        if (locks->held[i - 1] != identity)
            continue;
        for (; i < locks->count; i++)
            locks->held[i - 1] = locks->held[i];
        locks->count--;
        return;
    }
    fprintf(stderr,
            "libzcache: lock '%s' released by a thread that does not hold it\n",
            identity->name);
    abort();
}

void zc_may_block(void)
{
    const struct held_locks *locks = &held_locks;
    unsigned i;

    if (!ZC_DEBUG_CHECKS)
        return;
    for (i = 0; i < locks->count; i++) {
        if (locks->held[i]->rank < ZC_RANK_FIRST_SPINLOCK)
            continue;
        fprintf(stderr, "libzcache: may block while spinlock '%s' is held\n",
                locks->held[i]->name);
        abort();
    }
}

zc_status zc_mutex_init(struct zc_mutex *mutex, enum zc_lock_rank rank,
                        const char *name)
{
    ZC_ASSERT(rank < ZC_RANK_FIRST_SPINLOCK);
    mutex->identity.rank = rank;
    mutex->identity.name = name;
    if (pthread_mutex_init(&mutex->native, NULL) != 0)
        return ZC_NO_MEMORY;
    return ZC_OK;
}

void zc_mutex_destroy(struct zc_mutex *mutex)
{
    int error = pthread_mutex_destroy(&mutex->native);

    if (error != 0)
        zc_lock_fail("destroy", error, mutex->identity.name);
}

zc_status zc_spinlock_init(struct zc_spinlock *lock, enum zc_lock_rank rank,
                           const char *name)
{
    pthread_mutexattr_t attributes;
    int error;

    ZC_ASSERT(rank >= ZC_RANK_FIRST_SPINLOCK);
    lock->identity.rank = rank;
    lock->identity.name = name;
    if (pthread_mutexattr_init(&attributes) != 0)
        return ZC_NO_MEMORY;
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    error = pthread_mutex_init(&lock->native, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return error == 0 ? ZC_OK : ZC_NO_MEMORY;
}

void zc_spinlock_destroy(struct zc_spinlock *lock)
{
    int error = pthread_mutex_destroy(&lock->native);

    if (error != 0)
        zc_lock_fail("destroy", error, lock->identity.name);
}
