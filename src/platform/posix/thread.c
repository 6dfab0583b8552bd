/* SPDX-License-Identifier: MIT */
/* thread.c - threads and conditions over pthreads. */
#include "platform/thread.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "base/inject.h"

#define NS_PER_S 1000000000u

static void *run_thread(void *argument)
{
    struct zc_thread *thread = argument;

    thread->run(thread->argument);
    return NULL;
}

zc_status zc_thread_start(struct zc_thread *thread, void (*run)(void *),
                          void *argument)
{
    thread->run = run;
    thread->argument = argument;
    if (zc_inject(ZC_INJECT_THREAD) ||
        pthread_create(&thread->native, NULL, run_thread, thread) != 0)
        return ZC_NO_MEMORY;
    return ZC_OK;
}

void zc_thread_join(struct zc_thread *thread)
{
    int error = pthread_join(thread->native, NULL);

    ZC_ASSERT(error == 0);
    (void)error;
}

zc_status zc_condition_init(struct zc_condition *condition)
{
    return pthread_cond_init(&condition->native, NULL) == 0 ? ZC_OK
                                                            : ZC_NO_MEMORY;
}

void zc_condition_destroy(struct zc_condition *condition)
{
    int error = pthread_cond_destroy(&condition->native);

    ZC_ASSERT(error == 0);
    (void)error;
}

void zc_condition_wait(struct zc_condition *condition, struct zc_mutex *mutex)
{
    int error;

    if (ZC_DEBUG_CHECKS)
        zc_lock_note_release(&mutex->identity);
    error = pthread_cond_wait(&condition->native, &mutex->native);
    if (ZC_DEBUG_CHECKS)
        zc_lock_note_acquire(&mutex->identity);
    ZC_ASSERT(error == 0);
    (void)error;
}

bool zc_condition_wait_for(struct zc_condition *condition,
                           struct zc_mutex *mutex, uint64_t nanoseconds)
{
    struct timespec end;
    int error;

    /* The clock of conditions, unless they are told another. */
    (void)clock_gettime(CLOCK_REALTIME, &end);
    nanoseconds += (uint64_t)end.tv_nsec;
    end.tv_sec += (time_t)(nanoseconds / NS_PER_S);
    end.tv_nsec = (long)(nanoseconds % NS_PER_S);
    if (ZC_DEBUG_CHECKS)
        zc_lock_note_release(&mutex->identity);
    error = pthread_cond_timedwait(&condition->native, &mutex->native, &end);
    if (ZC_DEBUG_CHECKS)
        zc_lock_note_acquire(&mutex->identity);
    ZC_ASSERT(error == 0 || error == ETIMEDOUT);
    return error == 0;
}

void zc_condition_signal(struct zc_condition *condition)
{
    (void)pthread_cond_signal(&condition->native);
}

void zc_condition_broadcast(struct zc_condition *condition)
{
    (void)pthread_cond_broadcast(&condition->native);
}

void zc_cpu_relax(void)
{
    (void)sched_yield();
}

void zc_sleep_ns(uint64_t nanoseconds)
{
    struct timespec rest = {
        .tv_sec = (time_t)(nanoseconds / NS_PER_S),
        .tv_nsec = (long)(nanoseconds % NS_PER_S),
    };

    zc_may_block();
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}
