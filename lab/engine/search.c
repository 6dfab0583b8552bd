/* SPDX-License-Identifier: MIT */
/*
 * search.c - runs a program under one schedule after another.
 *
 * A search runs in worker processes.  What a failure leaves behind (held
 * locks, half-changed memory) ends with the worker, unless the program is
 * disposable, and another worker goes on from the state that both share.  So
 * the end of a worker, by a crash or by an exit(), is a finding like any other.
 * A disposable program that is not isolated is explored in this process.
 */
#include "search_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "mutant.h"
#include "reference.h"
#include "scenario.h"

#define SHOW_NANOSECONDS UINT64_C(200000000)
#define RANDOM_EXECUTIONS 1000u

struct lab_search *lab_search;

uint64_t lab_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct lab_search *lab_search_open(const struct lab_program *program,
                                   const struct lab_options *options)
{
    static const struct lab_strategy *const strategies[] = {
        [LAB_SLEEP] = &lab_sleep_search, [LAB_SOURCE] = &lab_source_search,
        [LAB_BOUND] = &lab_bound_search, [LAB_WALK] = &lab_walk_search,
        [LAB_PCT] = &lab_pct_search,
    };
    struct lab_search *search = mmap(NULL, sizeof(*search),
                                     PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (search == MAP_FAILED)
        return NULL;
    search->program = program;
    search->options = *options;
    search->strategy = strategies[options->mode];
    if (options->mode >= LAB_WALK && options->executions == 0 &&
        options->milliseconds == 0)
        search->options.executions = RANDOM_EXECUTIONS;
    return search;
}

void lab_search_close(void)
{
    struct lab_search *search = lab_search;

    lab_search = NULL; /* first: a tick of the worker's clock reads it */
    (void)munmap(search, sizeof(*search));
}

/* --- one execution --------------------------------------------------- */

static void execute(struct lab_search *search, unsigned script)
{
    struct lab_order order = {
        .program = search->program,
        .strategy = search->strategy,
        .threads = search->options.threads,
        .script = script,
        .schedule = &search->schedule,
    };

    if (search->options.mode >= LAB_WALK)
        lab_random_seed(search->options.seed * UINT64_C(1000003) +
                        search->result.executions);
    lab_execute(&order);
}

/* Runs the same schedule again: hash and outcome must be equal. */
static void check_replay(struct lab_search *search)
{
    uint64_t hash = lab_run.event_hash;
    enum lab_outcome outcome = lab_run.outcome;
    unsigned unwanted = lab_run.unrecorded;

    if (outcome == LAB_BLOCKED || unwanted)
        return;
    execute(search, search->schedule.count);
    if (lab_run.event_hash != hash || lab_run.outcome != outcome)
        search->result.unpredictable = true;
}

/* 0: none. */
static uint64_t deadline_of(const struct lab_search *search)
{
    uint64_t milliseconds = search->options.milliseconds;

    return milliseconds == 0 ? 0
                             : search->began + milliseconds * UINT64_C(1000000);
}

static bool has_time(struct lab_search *search)
{
    const struct lab_options *options = &search->options;
    uint64_t now;

    if (options->executions != 0 &&
        search->result.executions >= options->executions)
        return false;
    if (options->milliseconds == 0 && (search->result.executions & 15) != 0)
        return true;
    now = lab_clock();
    if (options->progress != NULL &&
        now - search->last_shown > SHOW_NANOSECONDS) {
        search->last_shown = now;
        options->progress(options->progress_argument, search->result.executions,
                          search->result.failures,
                          (double)(now - search->began) / 1e9);
    }
    return options->milliseconds == 0 || now < deadline_of(search);
}

/* Goes on to the next execution; false: the search ends. */
static bool advance(struct lab_search *search)
{
    if ((search->options.stop_at_first && search->result.known != 0) ||
        (search->stop_at_success && search->succeeded))
        return false;
    if (!search->strategy->next()) {
        search->result.finished = true;
        return false;
    }
    return has_time(search);
}

static bool is_dead(void)
{
    return lab_run.outcome != LAB_COMPLETE_RUN &&
           lab_run.outcome != LAB_BLOCKED;
}

/* Runs one execution after another, until the search ends or a failure leaves
 * too much behind. */
static void work(void *argument)
{
    struct lab_search *search = argument;
    bool survives = search->program->disposable;
    bool goes_on = true;

    while (goes_on) {
        search->pulse.executions++;
        execute(search, search->script);
        lab_count_execution();
        if (!lab_reference_compare(search)) {
            search->over = true;
            return;
        }
        if (search->options.check_replay && (survives || !is_dead()))
            check_replay(search);
        search->over = !advance(search);
        if (search->over)
            lab_reference_compare_last(search);
        goes_on = !search->over && !search->program->fresh &&
                  (survives || !is_dead());
    }
}

/* False: no worker process could be made. */
static bool run_worker(struct lab_search *search)
{
    struct lab_worker worker = {
        .pulse = &search->pulse,
        .deadline = deadline_of(search),
    };

    if (!lab_worker_run(&worker, work, search))
        return false;
    if (worker.death == LAB_DEATH_LATE) {
        search->over = true;
    } else if (LAB_MUTANT(EXIT_IS_THE_END) && worker.death == LAB_DEATH_EXIT) {
        search->over = true;
        search->result.finished = true;
    } else if (worker.death != LAB_DEATH_NONE) {
        if (search->strategy->lost != NULL)
            search->strategy->lost();
        lab_count_death(worker.death);
        search->over = !advance(search);
    }
    return true;
}

bool lab_search_run(void)
{
    struct lab_search *search = lab_search;
    const struct lab_program *program = search->program;
    bool fine = true;

    search->began = lab_clock();
    search->script = search->floor;
    if (program->disposable && !program->isolated && !program->fresh) {
        work(search);
    } else {
        while (fine && !search->over)
            fine = run_worker(search);
    }
    search->result.seconds = (double)(lab_clock() - search->began) / 1e9;
    return fine;
}

/* --- the whole ------------------------------------------------------- */

static void summarise(struct lab_search *search)
{
    struct lab_result *result = &search->result;
    const struct lab_options *options = &search->options;
    unsigned depth = options->pct_depth == 0 ? 3 : options->pct_depth;

    if (!result->finished && search->strategy->estimate != NULL)
        result->estimate = search->strategy->estimate();
    lab_seen_summarise(result);
    result->least_preemptions = search->best_preemptions;
    if (options->mode == LAB_SLEEP && !options->count_traces) {
        result->traces = result->complete;
        result->failing_traces = result->failures;
    }
    if (options->mode == LAB_PCT && result->most_steps > 0) {
        result->pct_bound = 1.0 / result->most_threads;
        for (unsigned i = 1; i < depth; i++)
            result->pct_bound /= result->most_steps;
    }
    if (options->progress != NULL)
        options->progress(options->progress_argument, result->executions,
                          result->failures, result->seconds);
}

bool lab_explore(const struct lab_program *program,
                 const struct lab_options *options, struct lab_result *result)
{
    bool counts = options->count_traces || options->mode == LAB_BOUND ||
                  options->mode == LAB_SOURCE;
    bool fine;

    lab_search = lab_search_open(program, options);
    if (lab_search == NULL || (counts && !lab_seen_open())) {
        (void)fprintf(stderr, "%s: no memory for a search\n", lab_program_name);
        return false;
    }
    if (options->compare && !program->fresh)
        (void)lab_reference_open(lab_search);
    fine = lab_search_run();
    lab_reference_close(lab_search);
    if (!fine)
        (void)fprintf(stderr, "%s: no worker process: %s\n", lab_program_name,
                      strerror(errno));
    summarise(lab_search);
    *result = lab_search->result;
    result->is_bounded = options->mode == LAB_BOUND &&
                         options->bound != LAB_NO_BOUND;
    result->bound = options->bound;
    lab_seen_close();
    lab_search_close();
    return fine;
}
