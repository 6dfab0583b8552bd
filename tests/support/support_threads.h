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
 * All workers begin together.  The main thread fails the test when they have
 * ended, with the first mistake of each that noted one.
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
    struct support_random random; /* its own, seeded by index */
    uint64_t operations;          /* for the work to count */
    support_work work;
    pthread_t thread;
    char mistake[SUPPORT_MISTAKE_BYTES]; /* the first; empty: none */
};

struct support_crew {
    atomic_bool stopped;
    atomic_uint waiting; /* workers at the start */
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

/*
 * All workers of a crew meet here, as close together in time as can be, and as
 * often as they like: for what happens only side by side.
 */
struct support_meeting {
    atomic_uint waiting;
    atomic_uint round;
};

void support_meet(struct support_worker *worker,
                  struct support_meeting *meeting);

/* Whether the worker is to return now. */
bool support_is_stopped(const struct support_worker *worker);

/* Notes a mistake and stops everybody. */
void support_mistake(struct support_worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Milliseconds a stress test runs: ZC_STRESS_SECONDS, or so many. */
unsigned support_stress_milliseconds(unsigned otherwise);

#endif
