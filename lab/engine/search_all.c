/* SPDX-License-Identifier: MIT */
/*
 * search_all.c - every trace, by the search that wastes less.
 *
 * Sleep sets are fast for what is small.  What they do not end in a few
 * thousand executions is left to source sets, which prune earlier.  With three
 * threads or more these count the orders of puts apart: they are tried only
 * where most prefixes end asleep, and where that makes too many executions,
 * sleep sets finish the work.
 */
#include "search_state.h"

#define PROBE 3000      /* executions that decide which search is better */
#define BLOCKED_MOST 10 /* pruned prefixes for each complete execution */
#define SOURCE_MOST 15000
#define FEW 2 /* threads */

/* The searches so far. */
struct searches {
    const struct lab_program *program;
    uint64_t end; /* of the time for all of them; 0: none */
    unsigned missed;
    struct lab_met_notes met;
};

/* One more, whose result stands for all; false: it could not be done. */
static bool search(struct searches *all, struct lab_options *options,
                   struct lab_result *result)
{
    uint64_t now = lab_clock();

    if (all->end != 0)
        options->milliseconds =
            now >= all->end ? 1 : (all->end - now) / 1000000 + 1;
    if (!lab_explore(all->program, options, result))
        return false;
    lab_met_merge(&result->met, &all->met);
    all->met = result->met;
    result->missed |= all->missed;
    all->missed = result->missed;
    return true;
}

static bool is_over(const struct searches *all)
{
    return all->end != 0 && lab_clock() >= all->end;
}

bool lab_explore_all(const struct lab_program *program,
                     const struct lab_options *options,
                     struct lab_result *result)
{
    struct lab_options chosen = *options;
    struct searches all = {.program = program};

    if (options->milliseconds != 0)
        all.end = lab_clock() + options->milliseconds * UINT64_C(1000000);
    chosen.mode = LAB_SLEEP;
    if (options->executions == 0 || options->executions > PROBE)
        chosen.executions = PROBE;
    if (!search(&all, &chosen, result))
        return false;
    if (result->finished || result->unpredictable ||
        chosen.executions == options->executions || is_over(&all) ||
        (options->stop_at_first && result->known != 0))
        return true;
    if (program->actor_count <= FEW) {
        chosen.mode = LAB_SOURCE;
    } else if (result->blocked > BLOCKED_MOST * result->complete) {
        chosen.mode = LAB_SOURCE;
        chosen.executions = SOURCE_MOST;
        if (!search(&all, &chosen, result))
            return false;
        if (result->finished || result->unpredictable || is_over(&all))
            return true;
        chosen.mode = LAB_SLEEP;
    }
    chosen.executions = options->executions;
    return search(&all, &chosen, result);
}
