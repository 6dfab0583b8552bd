/* SPDX-License-Identifier: MIT */
/* support_threads.c - see support_threads.h. */
#include "support_threads.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support_test.h"

/* The time between two checks of a running crew. */
#define LOOK_NS 2000000

/* For the first operation of each worker, on the busiest machine. */
#define PATIENCE_MS 60000

/* How often a waiting thread looks before it yields its processor. */
#define LOOKS_BEFORE_YIELD 2000

void support_crew_init(struct support_crew *crew)
{
    memset(crew, 0, sizeof(*crew));
    atomic_init(&crew->stopped, false);
    atomic_init(&crew->waiting, 0);
}

void support_crew_add(struct support_crew *crew, support_work work,
                      void *context)
{
    struct support_worker *worker = &crew->workers[crew->count];

    assert_true(crew->count < SUPPORT_WORKERS_MAX);
    worker->crew = crew;
    worker->index = crew->count++;
    worker->context = context;
    worker->random.state = worker->index;
    worker->work = work;
}

static void *run_worker(void *argument)
{
    struct support_worker *worker = argument;
    struct support_crew *crew = worker->crew;

    atomic_fetch_add(&crew->waiting, 1);
    while (atomic_load(&crew->waiting) < crew->count &&
           !atomic_load(&crew->stopped))
        sched_yield();
    worker->work(worker);
    return NULL;
}

void support_sleep_ns(long nanoseconds)
{
    const struct timespec pause = {.tv_nsec = nanoseconds};

    (void)nanosleep(&pause, NULL);
}

static bool has_each_worked(const struct support_crew *crew)
{
    unsigned i;

    for (i = 0; i < crew->count; i++)
        if (!atomic_load(&crew->workers[i].has_worked))
            return false;
    return true;
}

static bool is_time_over(const struct support_crew *crew, int64_t elapsed_ms,
                         unsigned milliseconds)
{
    if (elapsed_ms < (int64_t)milliseconds)
        return false;
    return !crew->each_works || has_each_worked(crew) ||
           elapsed_ms >= (int64_t)milliseconds + PATIENCE_MS;
}

static void wait_for_time(struct support_crew *crew, unsigned milliseconds)
{
    struct timespec started;
    struct timespec now;
    int64_t elapsed_ms = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &started);
    while (!is_time_over(crew, elapsed_ms, milliseconds) &&
           !atomic_load(&crew->stopped)) {
        support_sleep_ns(LOOK_NS);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        elapsed_ms = (now.tv_sec - started.tv_sec) * 1000 +
                     (now.tv_nsec - started.tv_nsec) / 1000000;
    }
    atomic_store(&crew->stopped, true);
}

void support_crew_run(struct support_crew *crew, unsigned milliseconds)
{
    bool any_mistake = false;
    unsigned i;

    for (i = 0; i < crew->count; i++)
        if (pthread_create(&crew->workers[i].thread, NULL, run_worker,
                           &crew->workers[i]) != 0) {
            print_error("no thread for worker %u\n", i);
            abort();
        }
    if (milliseconds != 0)
        wait_for_time(crew, milliseconds);
    for (i = 0; i < crew->count; i++)
        (void)pthread_join(crew->workers[i].thread, NULL);

    for (i = 0; i < crew->count; i++) {
        if (crew->workers[i].mistake[0] == '\0')
            continue;
        print_error("worker %u: %s\n", i, crew->workers[i].mistake);
        any_mistake = true;
    }
    assert_false(any_mistake);
}

void support_crew_stress(struct support_crew *crew, unsigned otherwise)
{
    unsigned i;

    crew->each_works = true;
    support_crew_run(crew, support_stress_milliseconds(otherwise));
    for (i = 0; i < crew->count; i++)
        assert_true(crew->workers[i].operations > 0);
}

void support_crowd(unsigned count, support_work work, void *context,
                   unsigned milliseconds)
{
    struct support_crew crew;

    support_crew_init(&crew);
    while (crew.count < count)
        support_crew_add(&crew, work, context);
    support_crew_run(&crew, milliseconds);
}

void support_meet(struct support_worker *worker,
                  struct support_meeting *meeting)
{
    unsigned round = atomic_load(&meeting->round);
    unsigned looks = 0;

    if (atomic_fetch_add(&meeting->waiting, 1) + 1 == worker->crew->count) {
        atomic_store(&meeting->waiting, 0);
        atomic_fetch_add(&meeting->round, 1);
        return;
    }
    while (atomic_load(&meeting->round) == round)
        if (++looks % LOOKS_BEFORE_YIELD == 0)
            (void)sched_yield();
}

bool support_is_stopped(struct support_worker *worker)
{
    if (worker->operations != 0)
        atomic_store_explicit(&worker->has_worked, true, memory_order_relaxed);
    return atomic_load_explicit(&worker->crew->stopped, memory_order_relaxed);
}

void support_mistake(struct support_worker *worker, const char *format, ...)
{
    va_list arguments;

    if (worker->mistake[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(worker->mistake, sizeof(worker->mistake), format,
                        arguments);
        va_end(arguments);
    }
    atomic_store(&worker->crew->stopped, true);
}

unsigned support_stress_milliseconds(unsigned otherwise)
{
    const char *text = getenv("ZC_STRESS_SECONDS");
    unsigned long seconds = text == NULL ? 0 : strtoul(text, NULL, 10);

    return seconds == 0 ? otherwise : (unsigned)(seconds * 1000);
}
