/* SPDX-License-Identifier: MIT */
/*
 * sites_code.c - code with acquisitions that are needed, or not.
 *
 * Compiled as the library is in the lab: its calls and accesses are watched.
 */
#include "sites_code.h"

#include "base/assert.h"
#include "platform/atomic.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/park.h"
#include "platform/thread.h"

#include "lab_platform.h"

#define BIT 1u
#define WAITERS 2u

static struct sites {
    struct zc_mutex mutex;
    struct zc_spinlock lock;
    struct zc_spinlock inner;
    struct zc_condition condition;
    struct zc_parking parking;
    zc_atomic_u32 count;
    zc_atomic_u32 flag;
    zc_atomic_u32 references;
    zc_atomic_u32 freed;
    zc_atomic_u32 bits;
    uint64_t plain;
    uint64_t seen;
} * sites;

void sites_make(void)
{
    sites = zc_calloc(1, sizeof(*sites));
    (void)zc_mutex_init(&sites->mutex, ZC_RANK_CONTEXT, "mutex");
    (void)zc_spinlock_init(&sites->lock, ZC_RANK_SHARD, "lock");
    (void)zc_spinlock_init(&sites->inner, ZC_RANK_LRU, "inner");
    (void)zc_condition_init(&sites->condition);
    (void)zc_parking_init(&sites->parking);
    zc_atomic_u32_init(&sites->count, 0);
    zc_atomic_u32_init(&sites->flag, 0);
    zc_atomic_u32_init(&sites->references, 1);
    zc_atomic_u32_init(&sites->freed, 0);
    zc_atomic_u32_init(&sites->bits, 0);
}

void sites_free(void)
{
    zc_free(sites);
}

/* A step between the two halves. */
static void add_one(void)
{
    uint32_t count = zc_atomic_u32_load_relaxed(&sites->count);

    zc_atomic_u32_store_relaxed(&sites->count, count + 1);
}

void sites_add(void *context)
{
    (void)context;
    zc_spinlock_lock(&sites->lock);
    add_one();
    zc_spinlock_unlock(&sites->lock);
}

/* The inner lock guards nothing. */
void sites_add_twice_locked(void *context)
{
    (void)context;
    zc_spinlock_lock(&sites->lock);
    zc_spinlock_lock(&sites->inner);
    add_one();
    zc_spinlock_unlock(&sites->inner);
    zc_spinlock_unlock(&sites->lock);
}

/* --- a wrapper: the lock is taken here, and released elsewhere ---------- */

__attribute__((noinline)) static void take_lock(struct zc_spinlock *lock)
    ZC_NO_LOCK_ANALYSIS
{
    zc_spinlock_lock(lock);
}

__attribute__((noinline)) void sites_add_by_call(void *context)
    ZC_NO_LOCK_ANALYSIS
{
    (void)context;
    take_lock(&sites->lock);
    add_one();
    zc_spinlock_unlock(&sites->lock);
}

__attribute__((noinline)) void sites_add_by_needless_call(void *context)
    ZC_NO_LOCK_ANALYSIS
{
    (void)context;
    take_lock(&sites->lock);
    zc_spinlock_unlock(&sites->lock);
    sites_add_by_call(context);
}

/* --- a wait ---------------------------------------------------------- */

void sites_wait(void *context)
{
    (void)context;
    zc_mutex_lock(&sites->mutex);
    while (zc_atomic_u32_load_relaxed(&sites->flag) == 0)
        zc_condition_wait(&sites->condition, &sites->mutex);
    zc_mutex_unlock(&sites->mutex);
}

void sites_signal(void *context)
{
    (void)context;
    zc_mutex_lock(&sites->mutex);
    zc_atomic_u32_store_relaxed(&sites->flag, 1);
    zc_condition_signal(&sites->condition);
    zc_mutex_unlock(&sites->mutex);
}

/* --- references ------------------------------------------------------ */

static void put(void)
{
    uint32_t before = zc_atomic_u32_add(&sites->references, UINT32_MAX);

    ZC_ASSERT(before > 0);
    if (before == 1)
        zc_atomic_u32_store_relaxed(&sites->freed, 1);
}

/* Gets a reference while the object is linked, and uses it unlocked. */
void sites_use(void *context)
{
    bool linked;

    (void)context;
    zc_spinlock_lock(&sites->lock);
    linked = zc_atomic_u32_load_relaxed(&sites->flag) == 0;
    if (linked)
        (void)zc_atomic_u32_add(&sites->references, 1);
    zc_spinlock_unlock(&sites->lock);
    if (!linked)
        return;
    if (zc_atomic_u32_load_relaxed(&sites->freed) != 0)
        lab_fail("use after free", "of the object");
    put();
}

void sites_unlink(void *context)
{
    (void)context;
    zc_spinlock_lock(&sites->lock);
    zc_atomic_u32_store_relaxed(&sites->flag, 1);
    zc_spinlock_unlock(&sites->lock);
    put();
}

/* --- tries ----------------------------------------------------------- */

static void add_locked(void)
{
    uint32_t count = zc_atomic_u32_load_relaxed(&sites->count);

    zc_atomic_u32_store_relaxed(&sites->count, count + 1);
    if (zc_atomic_u32_load_relaxed(&sites->count) != count + 1)
        lab_fail("free list broken", "another thread was here");
}

void sites_try_to_add(void *context)
{
    (void)context;
    if (!zc_mutex_trylock(&sites->mutex))
        return;
    add_locked();
    zc_mutex_unlock(&sites->mutex);
}

void sites_must_add(void *context)
{
    (void)context;
    if (!zc_mutex_trylock(&sites->mutex)) {
        lab_fail("free list broken", "nothing was added");
        return;
    }
    add_locked();
    zc_mutex_unlock(&sites->mutex);
}

/* --- exchanges and rechecks ------------------------------------------- */

void sites_exchange(void *context)
{
    uint32_t count = zc_atomic_u32_load_relaxed(&sites->count);

    (void)context;
    while (!zc_atomic_u32_exchange_if(&sites->count, &count, count + 1))
        continue;
}

/* It looks again under the lock, and the exchange once more. */
void sites_exchange_locked(void *context)
{
    uint32_t count = zc_atomic_u32_load_relaxed(&sites->count);

    (void)context;
    zc_spinlock_lock(&sites->lock);
    count = zc_atomic_u32_load_relaxed(&sites->count);
    while (!zc_atomic_u32_exchange_if(&sites->count, &count, count + 1))
        continue;
    zc_spinlock_unlock(&sites->lock);
}

/* After an exchange in vain it has seen what is there now. */
void sites_exchange_once(void *context)
{
    uint32_t count = 0;

    (void)context;
    (void)zc_atomic_u32_load_relaxed(&sites->count);
    (void)zc_atomic_u32_exchange_if(&sites->count, &count, 1);
    zc_spinlock_lock(&sites->lock);
    (void)zc_atomic_u32_load_relaxed(&sites->count);
    zc_spinlock_unlock(&sites->lock);
}

void sites_take_if_free(void *context)
{
    (void)context;
    if (zc_atomic_u32_load_relaxed(&sites->flag) != 0)
        return;
    zc_spinlock_lock(&sites->lock);
    if (zc_atomic_u32_load_acquire(&sites->flag) == 0) {
        if (zc_atomic_u32_load_relaxed(&sites->count) != 0)
            lab_fail("free list broken", "taken twice");
        zc_atomic_u32_store_relaxed(&sites->count, 1);
        zc_atomic_u32_store_relaxed(&sites->flag, 1);
    }
    zc_spinlock_unlock(&sites->lock);
}

/* --- plain accesses --------------------------------------------------- */

void sites_write(void *context)
{
    (void)context;
    zc_spinlock_lock(&sites->lock);
    sites->plain = 1;
    zc_spinlock_unlock(&sites->lock);
}

/* Any value will do. */
void sites_read(void *context)
{
    (void)context;
    zc_spinlock_lock(&sites->lock);
    sites->seen = sites->plain;
    zc_spinlock_unlock(&sites->lock);
}

/* --- what needs no preemption ------------------------------------------ */

void sites_hold(void *context)
{
    (void)context;
    zc_mutex_lock(&sites->mutex);
    zc_park_while(&sites->parking, &sites->flag, 0);
    zc_mutex_unlock(&sites->mutex);
}

/* The other thread has the mutex, and sleeps. */
void sites_meet_holder(void *context)
{
    (void)context;
    if (zc_mutex_trylock(&sites->mutex)) {
        if (sites->parking.words[1] != NULL)
            lab_fail("free list broken", "the mutex is held");
        zc_mutex_unlock(&sites->mutex);
    }
    zc_atomic_u32_store_release(&sites->flag, 1);
    zc_unpark_all(&sites->parking, &sites->flag);
}

/* --- a bit ------------------------------------------------------------ */

void sites_bit_add(void *context)
{
    (void)context;
    zc_bit_lock(&sites->parking, &sites->bits, BIT, WAITERS);
    ZC_ASSERT((zc_atomic_u32_load_relaxed(&sites->bits) & BIT) != 0);
    add_one();
    zc_bit_unlock(&sites->parking, &sites->bits, BIT, WAITERS);
}

/* --- finishes --------------------------------------------------------- */

void sites_check_two(void)
{
    if (zc_atomic_u32_load_relaxed(&sites->count) != 2)
        lab_fail("free list broken", "one was lost");
}

void sites_check_nothing(void)
{
}
