/* SPDX-License-Identifier: MIT */
/*
 * search_all.c - every trace, by the search that wastes less.
 *
 * Sleep sets are fast until most prefixes end asleep, which the first few
 * thousand executions show.  Source sets prune earlier, but count the orders of
 * puts apart.  Where that makes too many executions, sleep sets finish the
 * work.
 */
#include "search.h"

#include "explore.h"

#define PROBE 3000      /* executions that decide which search is better */
#define BLOCKED_MOST 10 /* pruned prefixes for each complete execution */
#define SOURCE_MOST 15000

bool lab_explore_all(const struct lab_program *program,
                     const struct lab_options *options,
                     struct lab_result *result)
{
    struct lab_options chosen = *options;

    chosen.mode = LAB_SLEEP;
    if (options->executions == 0 || options->executions > PROBE)
        chosen.executions = PROBE;
    if (!lab_explore(program, &chosen, result))
        return false;
    if (result->finished || chosen.executions == options->executions ||
        (options->stop_at_first && result->failures != 0))
        return true;
    if (result->blocked > BLOCKED_MOST * result->complete) {
        chosen.mode = LAB_SOURCE;
        chosen.executions = SOURCE_MOST;
        if (!lab_explore(program, &chosen, result))
            return false;
        if (result->finished ||
            (options->milliseconds != 0 && result->executions < SOURCE_MOST))
            return true;
        chosen.mode = LAB_SLEEP;
    }
    chosen.executions = options->executions;
    return lab_explore(program, &chosen, result);
}
