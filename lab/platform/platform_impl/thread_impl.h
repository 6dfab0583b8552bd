/* SPDX-License-Identifier: MIT */
/* thread_impl.h - thread.h over threads of the explorer. */
#ifndef ZC_PLATFORM_THREAD_IMPL_H
#define ZC_PLATFORM_THREAD_IMPL_H

#include <stdint.h>

#include "engine/explore.h"

struct zc_thread {
    int number;
};

/* The waiting threads, a bit each; waking a thread clears its bit. */
struct zc_condition {
    uint32_t waiting;
};

void lab_thread_join(struct zc_thread *thread, const struct lab_site *site);

void lab_condition_wait(struct zc_condition *condition, struct zc_mutex *mutex,
                        const struct lab_site *site) ZC_REQUIRES(mutex);
bool lab_condition_wait_for(struct zc_condition *condition,
                            struct zc_mutex *mutex, uint64_t nanoseconds,
                            const struct lab_site *site) ZC_REQUIRES(mutex);
void lab_condition_signal(struct zc_condition *condition,
                          const struct lab_site *site);
void lab_condition_broadcast(struct zc_condition *condition,
                             const struct lab_site *site);

#define zc_thread_join(thread) lab_thread_join((thread), LAB_SITE("join"))
#define zc_condition_wait(condition, mutex)                                    \
    lab_condition_wait((condition), (mutex), LAB_SITE("cond_wait"))
#define zc_condition_wait_for(condition, mutex, nanoseconds)                   \
    lab_condition_wait_for((condition), (mutex), (nanoseconds),                \
                           LAB_SITE("cond_wait_for"))
#define zc_condition_signal(condition)                                         \
    lab_condition_signal((condition), LAB_SITE("cond_signal"))
#define zc_condition_broadcast(condition)                                      \
    lab_condition_broadcast((condition), LAB_SITE("cond_broadcast"))
#define zc_cpu_relax() lab_relax(LAB_SITE("cpu_relax"))

#endif
