/* SPDX-License-Identifier: MIT */
/*
 * minimise.c - the failing schedule that is easiest to read.
 *
 * Runs all schedules with no preemption, then with one, and so on, until one
 * fails, and in the way that the program's bug is known for if the given
 * schedule fails so.  Of those with the fewest preemptions it takes the one
 * with the fewest switches, then the least in the order of its entries, which
 * also picks one of equal traces.
 *
 * Then it finds the step that decides: the shortest prefix of that schedule
 * after which every continuation fails.  A prefix is tested by exploring its
 * continuations until one succeeds.  If all continuations of a prefix fail, so
 * do those of a longer one; so bisection finds the shortest.
 */
#include "search_state.h"

#include <string.h>

#define MILLISECONDS 10000u

static void keep(struct lab_schedule *to, const struct lab_schedule *from)
{
    to->count = from->count;
    to->preemptions = from->preemptions;
    to->switches = from->switches;
    memcpy(to->decisions, from->decisions, from->count);
}

/* Milliseconds until a time, at least one. */
static uint64_t left_until(uint64_t end)
{
    uint64_t now = lab_clock();

    return now >= end ? 1 : (end - now) / 1000000 + 1;
}

/* All schedules with up to `bound` preemptions; true: one failed (as the bug is
 * known for).  complete: there was time for all. */
static bool search_bound(const struct lab_program *program, bool as_known,
                         unsigned bound, uint64_t end,
                         struct lab_schedule *least, bool *complete)
{
    struct lab_options options = {
        .mode = LAB_BOUND,
        .bound = bound,
        .milliseconds = left_until(end),
    };
    bool found;

    *complete = false;
    lab_search = lab_search_open(program, &options);
    if (lab_search == NULL)
        return false;
    (void)lab_search_run();
    *complete = lab_search->result.finished;
    found = lab_search->has_best && (!as_known || lab_search->best_is_known);
    if (found)
        keep(least, &lab_search->result.best);
    lab_search_close();
    return found;
}

/* A point in time, and executions for each question (0: any number). */
struct patience {
    uint64_t end;
    uint64_t executions;
};

/* Does every execution with this prefix fail?  False also if unknown. */
static bool is_lost(const struct lab_program *program,
                    const struct lab_schedule *schedule, unsigned prefix,
                    const struct patience *patience)
{
    struct lab_options options = {
        .mode = LAB_SLEEP,
        .milliseconds = left_until(patience->end),
        .executions = patience->executions,
    };
    bool lost;

    lab_search = lab_search_open(program, &options);
    if (lab_search == NULL)
        return false;
    keep(&lab_search->schedule, schedule);
    lab_search->floor = prefix;
    lab_search->stop_at_success = true;
    (void)lab_search_run();
    lost = lab_search->result.finished && !lab_search->succeeded;
    lab_search_close();
    return lost;
}

/* The number of the step that decides; 0: everything fails anyway. */
static unsigned find_turn(const struct lab_program *program,
                          const struct lab_schedule *schedule,
                          const struct patience *patience)
{
    unsigned open = 0; /* a prefix that may still succeed */
    unsigned lost = schedule->count;
    unsigned steps = 0;

    if (lost == 0 || is_lost(program, schedule, 0, patience))
        return 0;
    while (lost - open > 1) {
        unsigned middle = open + (lost - open) / 2;

        if (is_lost(program, schedule, middle, patience))
            lost = middle;
        else
            open = middle;
    }
    for (unsigned i = 0; i < lost; i++)
        steps += schedule->decisions[i] < LAB_CHOICE;
    return steps;
}

void lab_find_turn(const struct lab_program *program,
                   const struct lab_schedule *failing, uint64_t executions,
                   uint64_t milliseconds, struct lab_trace *trace)
{
    struct patience patience = {
        .end = lab_clock() + milliseconds * UINT64_C(1000000),
        .executions = executions,
    };
    unsigned turn = find_turn(program, failing, &patience);

    (void)lab_record(program, false, failing, trace);
    trace->marked_step = turn;
}

bool lab_minimise(const struct lab_program *program,
                  const struct lab_schedule *failing, uint64_t milliseconds,
                  struct lab_schedule *least, struct lab_trace *trace)
{
    uint64_t limit = milliseconds == 0 ? MILLISECONDS : milliseconds;
    uint64_t end = lab_clock() + limit * UINT64_C(1000000);
    uint64_t half = end - limit * UINT64_C(1000000) / 2;
    bool complete = true;
    bool found = false;
    bool as_known;

    (void)lab_record(program, false, failing, trace);
    as_known =
        program->known != LAB_FAILURE_NONE &&
        lab_failure_is(lab_failure_of_outcome(trace->outcome, trace->what),
                       program->known);
    keep(least, failing);
    for (unsigned bound = 0; complete && !found; bound++) {
        if (bound > trace->preemptions)
            break;
        found = search_bound(program, as_known, bound, half, least, &complete);
    }
    lab_find_turn(program, least, LAB_TURN_EXECUTIONS, left_until(end), trace);
    return found && complete;
}
