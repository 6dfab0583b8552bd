/* SPDX-License-Identifier: MIT */
/*
 * thread.h - threads that the library starts itself: workers.
 *
 * Contract for an implementation (platform_impl/thread_impl.h) of
 *
 *   struct zc_thread
 *   zc_status zc_thread_start(struct zc_thread *, void (*run)(void *),
 *                             void *argument)        ZC_OK, ZC_NO_MEMORY
 *   void zc_thread_join(struct zc_thread *)          waits for its end
 *
 *   struct zc_condition  what workers wait for, under a mutex
 *   zc_status zc_condition_init(struct zc_condition *)
 *   void zc_condition_destroy(struct zc_condition *)
 *   void zc_condition_wait(struct zc_condition *, struct zc_mutex *)
 *        may return early; the mutex is held again when it does
 *   bool zc_condition_wait_for(struct zc_condition *, struct zc_mutex *,
 *                              uint64_t nanoseconds) false: the time is over
 *   void zc_condition_signal(struct zc_condition *)    wakes one
 *   void zc_condition_broadcast(struct zc_condition *) wakes all
 *
 *   void zc_cpu_relax(void)      in a loop that waits for another processor
 *   void zc_sleep_ns(uint64_t)   for simulated latency only
 */
#ifndef ZC_PLATFORM_THREAD_H
#define ZC_PLATFORM_THREAD_H

#include "platform/lock.h"
#include "platform_impl/thread_impl.h"

#endif
