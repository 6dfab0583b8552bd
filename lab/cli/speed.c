/* SPDX-License-Identifier: MIT */
/*
 * speed.c - executions a second of processor time.
 *
 * It runs complete executions, by bound: nothing is pruned, and every trace is
 * hashed and looked up.  The toy is two threads of thirty steps over four
 * locks, with nothing in between; the scenarios are the library, watched.
 */
#include "zcrace.h"

#include <time.h>

#define TOY_STEPS 30 /* of each thread */
#define TOY_LOCKS 4
#define MILLISECONDS 1000
#define THREADS_MOST 2

static char locks[TOY_LOCKS];

static void toy_run(unsigned first)
{
    for (unsigned i = 0; i < TOY_STEPS / 2; i++) {
        const char *lock = &locks[(first + i) % TOY_LOCKS];

        lab_lock(lock, LAB_SITE("lock"));
        lab_unlock(lock, LAB_SITE("unlock"));
    }
}

static void toy_first(void *context)
{
    (void)context;
    toy_run(0);
}

static void toy_second(void *context)
{
    (void)context;
    toy_run(1);
}

static const struct lab_actor toy_actors[] = {
    {"first", toy_first},
    {"second", toy_second},
};

static const struct lab_program toy = {
    .name = "toy of 60 steps",
    .actors = toy_actors,
    .actor_count = 2,
    .disposable = true,
};

static double processor_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool measure(const struct lab_program *program)
{
    static struct lab_result result;
    const struct lab_options options = {
        .mode = LAB_BOUND,
        .bound = LAB_NO_BOUND,
        .milliseconds = MILLISECONDS,
    };

    double began = processor_seconds();

    if (!lab_explore(program, &options, &result))
        return false;
    (void)printf("%-28s %9.0f executions a second, %u steps\n", program->name,
                 (double)result.executions / (processor_seconds() - began),
                 result.most_steps);
    return true;
}

int zcrace_speed(void)
{
    const struct lab_scenario *scenario;

    lab_observe(NULL);
    if (!measure(&toy))
        return ZCRACE_USAGE;
    for (unsigned i = 0; (scenario = lab_scenario_at(i)) != NULL; i++) {
        if (scenario->program.actor_count > THREADS_MOST)
            continue;
        if (!scenario->break_rule(NULL) || !measure(&scenario->program))
            return ZCRACE_USAGE;
    }
    return ZCRACE_SILENT;
}
