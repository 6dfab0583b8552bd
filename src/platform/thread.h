/* SPDX-License-Identifier: MIT */
/*
 * thread.h - threads that the library starts itself: workers.
 *
 * The prototypes here are the contract; platform_impl/thread_impl.h defines the
 * structs.
 */
#ifndef ZC_PLATFORM_THREAD_H
#define ZC_PLATFORM_THREAD_H

#include <stdint.h>

#include "platform/lock.h"

struct zc_thread;

/* ZC_OK, ZC_NO_MEMORY; joining waits for its end. */
zc_status zc_thread_start(struct zc_thread *thread, void (*run)(void *),
                          void *argument);
void zc_thread_join(struct zc_thread *thread);

/* A condition variable, used under a mutex. */
struct zc_condition;

zc_status zc_condition_init(struct zc_condition *condition);
void zc_condition_destroy(struct zc_condition *condition);

/* May return early, with the mutex held again.  False: the time is over. */
void zc_condition_wait(struct zc_condition *condition, struct zc_mutex *mutex)
    ZC_REQUIRES(mutex);
bool zc_condition_wait_for(struct zc_condition *condition,
                           struct zc_mutex *mutex, uint64_t nanoseconds)
    ZC_REQUIRES(mutex);

/* Wakes one; wakes all. */
void zc_condition_signal(struct zc_condition *condition);
void zc_condition_broadcast(struct zc_condition *condition);

/* For a loop that waits for another processor. */
void zc_cpu_relax(void);

/* For simulated latency only. */
void zc_sleep_ns(uint64_t nanoseconds);

#include "platform_impl/thread_impl.h"

#endif
