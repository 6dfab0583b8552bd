/* SPDX-License-Identifier: MIT */
/* thread_impl.h - thread.h over pthreads. */
#ifndef ZC_PLATFORM_THREAD_IMPL_H
#define ZC_PLATFORM_THREAD_IMPL_H

#include <pthread.h>

struct zc_thread {
    pthread_t native;
    void (*run)(void *argument);
    void *argument;
};

struct zc_condition {
    pthread_cond_t native;
};

#endif
