/* SPDX-License-Identifier: MIT */
/*
 * search_all.c - every trace, by whichever search wastes less.
 *
 * Sleep sets are quick until most prefixes end asleep.  Which it will be shows
 * in the first few thousand executions.
 */
#include "search.h"

#include "explore.h"

#define PROBE 3000      /* executions that say which search is better */
#define BLOCKED_MOST 10 /* asleep for each complete one */

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
    if (result->blocked > BLOCKED_MOST * result->complete)
        chosen.mode = LAB_SOURCE;
    chosen.executions = options->executions;
    return lab_explore(program, &chosen, result);
}
