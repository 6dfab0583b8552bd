/* SPDX-License-Identifier: MIT */
/* processor.c - processor.h over POSIX clocks and, on Linux, getcpu. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getcpu() */
#endif

#include "platform/processor.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "platform/atomic.h"

unsigned zc_processor_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1u : (unsigned)count;
}

unsigned zc_processor_current(void)
{
#if defined(__linux__)
    int processor = sched_getcpu();

    return processor < 0 ? 0u : (unsigned)processor;
#else
    /* No such call: each thread counts as a processor, by its address. */
    static _Thread_local char here;

    return (unsigned)((uintptr_t)&here >> 12);
#endif
}

uint64_t zc_clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The coarse clock is updated once a tick anyway: reading it costs no more than
 * a few loads. */
#if defined(CLOCK_MONOTONIC_COARSE)
#define CLOCK_OF_AGES CLOCK_MONOTONIC_COARSE
#else
#define CLOCK_OF_AGES CLOCK_MONOTONIC
#endif

#if defined(ZC_TESTING) && ZC_TESTING
static zc_atomic_u32 advanced; /* seconds; a test sets it */

void zc_clock_advance(uint32_t seconds)
{
    (void)zc_atomic_u32_add(&advanced, seconds);
}

static uint32_t seconds_advanced(void)
{
    return zc_atomic_u32_load_relaxed(&advanced);
}
#else
static uint32_t seconds_advanced(void)
{
    return 0;
}
#endif

uint32_t zc_clock_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_OF_AGES, &now);
    return (uint32_t)now.tv_sec + seconds_advanced();
}
