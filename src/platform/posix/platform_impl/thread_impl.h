/* SPDX-License-Identifier: MIT */
/* thread_impl.h - thread.h over pthreads. */
#ifndef ZC_PLATFORM_THREAD_IMPL_H
#define ZC_PLATFORM_THREAD_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct zc_thread {
    pthread_t native;
    void (*run)(void *argument);
    void *argument;
};

struct zc_condition {
    pthread_cond_t native;
};

zc_status zc_thread_start(struct zc_thread *thread, void (*run)(void *),
                          void *argument);
void zc_thread_join(struct zc_thread *thread);

zc_status zc_condition_init(struct zc_condition *condition);
void zc_condition_destroy(struct zc_condition *condition);
void zc_condition_wait(struct zc_condition *condition, struct zc_mutex *mutex)
    ZC_REQUIRES(mutex);
bool zc_condition_wait_for(struct zc_condition *condition,
                           struct zc_mutex *mutex, uint64_t nanoseconds)
    ZC_REQUIRES(mutex);
void zc_condition_signal(struct zc_condition *condition);
void zc_condition_broadcast(struct zc_condition *condition);

void zc_cpu_relax(void);
void zc_sleep_ns(uint64_t nanoseconds);

#endif
