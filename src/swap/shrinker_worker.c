/* SPDX-License-Identifier: MIT */
/*
 * shrinker_worker.c - a thread that shrinks in the background.
 *
 * A store that finds the pool at its limit sets a flag, wakes the worker, and
 * is refused.  The worker clears the flag before it begins a round.  A store
 * that comes during the round sets the flag again, so its request is not lost,
 * and any number of requests lead to one more round.
 *
 * No wake-up is lost; otherwise the worker would sleep while the pool stays at
 * its limit, or the thread that ends it would wait for ever.  A store sets the
 * flag, and the thread that ends the worker sets is_ending, under the mutex,
 * and then signals.  The worker holds the mutex from the moment it reads both
 * until it sleeps.  So the worker sees the change, or it already sleeps when it
 * is signalled.  During a round the worker reads is_ending between two pages.
 */
#include "swap.h"

static void run_worker(void *argument)
{
    struct zc_shrinker *shrinker = argument;

    zc_mutex_lock(&shrinker->lock);
    while (zc_atomic_u32_load_relaxed(&shrinker->is_ending) == 0) {
        if (!shrinker->is_wanted) {
            zc_condition_wait(&shrinker->wanted, &shrinker->lock);
            continue;
        }
        shrinker->is_wanted = false;
        zc_mutex_unlock(&shrinker->lock);
        (void)zc_shrinker_to_threshold(shrinker, true);
        zc_mutex_lock(&shrinker->lock);
    }
    zc_mutex_unlock(&shrinker->lock);
}

zc_status zc_shrinker_start(struct zc_shrinker *shrinker)
{
    zc_status status;

    shrinker->is_wanted = false;
    status = zc_mutex_init(&shrinker->lock, ZC_RANK_SHRINKER, "shrinker");
    if (status != ZC_OK)
        return status;
    status = zc_condition_init(&shrinker->wanted);
    if (status != ZC_OK)
        goto destroy_lock;
    status = zc_thread_start(&shrinker->worker, run_worker, shrinker);
    if (status == ZC_OK)
        return ZC_OK;
    zc_condition_destroy(&shrinker->wanted);
destroy_lock:
    zc_mutex_destroy(&shrinker->lock);
    return status;
}

void zc_shrinker_stop(struct zc_shrinker *shrinker)
{
    zc_mutex_lock(&shrinker->lock);
    zc_atomic_u32_store_relaxed(&shrinker->is_ending, 1);
    zc_condition_signal(&shrinker->wanted);
    zc_mutex_unlock(&shrinker->lock);
    zc_thread_join(&shrinker->worker);
    zc_condition_destroy(&shrinker->wanted);
    zc_mutex_destroy(&shrinker->lock);
}

void zc_shrinker_wake(struct zc_shrinker *shrinker)
{
    zc_mutex_lock(&shrinker->lock);
    shrinker->is_wanted = true;
    zc_condition_signal(&shrinker->wanted);
    zc_mutex_unlock(&shrinker->lock);
}
