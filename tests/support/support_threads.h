/* SPDX-License-Identifier: MIT */
/*
 * support_threads.h - threads that record, and a main thread that judges.
 *
 *     struct support_crew crew;
 *
 *     support_crew_init(&crew);
 *     support_crew_add(&crew, work, &context);     once per worker
 *     support_crew_run(&crew, 2000);
 *
 * All workers begin together.  After they have ended, the main thread fails the
 * test with the first mistake of each worker that noted one.
 */
#ifndef ZC_TESTS_SUPPORT_THREADS_H
#define ZC_TESTS_SUPPORT_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "support_content.h"

#define SUPPORT_WORKERS_MAX 40
#define SUPPORT_MISTAKE_BYTES 200

struct support_crew;
struct support_worker;

typedef void (*support_work)(struct support_worker *worker);

struct support_worker {
    struct support_crew *crew;
    unsigned index; /* in the order they were added */
    void *context;
    struct support_random random; /* of this worker, seeded by index */
    uint64_t operations;          /* counted by the work */
    support_work work;
    pthread_t thread;
    atomic_bool has_worked;              /* it has done an operation */
    char mistake[SUPPORT_MISTAKE_BYTES]; /* the first; empty: none */
};

struct support_crew {
    atomic_bool stopped;
    atomic_uint waiting; /* workers at the start */
    bool each_works;     /* the time is not over before each has */
    unsigned count;
    struct support_worker workers[SUPPORT_WORKERS_MAX];
};

void support_crew_init(struct support_crew *crew);
void support_crew_add(struct support_crew *crew, support_work work,
                      void *context);

/*
 * Runs the workers and waits for them.  After so many milliseconds they are
 * told to stop; 0: never, they end by themselves.  Main thread only.
 */
void support_crew_run(struct support_crew *crew, unsigned milliseconds);

/* A stress test's run: the milliseconds are `otherwise` of
 * support_stress_milliseconds(), and more on a busy machine until each worker
 * has done an operation; in a minute each has. */
void support_crew_stress(struct support_crew *crew, unsigned otherwise);

/* The whole of it for `count` workers that are alike. */
void support_crowd(unsigned count, support_work work, void *context,
                   unsigned milliseconds);

/*
 * A barrier: all workers of a crew leave it at almost the same time, as often
 * as they like.  For what happens only side by side.
 */
struct support_meeting {
    atomic_uint waiting;
    atomic_uint round;
};

void support_meet(struct support_worker *worker,
                  struct support_meeting *meeting);

/* Sleeps for less than a second. */
void support_sleep_ns(long nanoseconds);

/* Must the worker return now? */
bool support_is_stopped(struct support_worker *worker);

/* Notes a mistake and stops all workers. */
void support_mistake(struct support_worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Milliseconds that a stress test runs: ZC_STRESS_SECONDS, or `otherwise`. */
unsigned support_stress_milliseconds(unsigned otherwise);

#endif
