/* SPDX-License-Identifier: MIT */
/*
 * search_bound.c - every schedule with at most so many preemptions.
 *
 * A preemption is a switch away from a thread that could have gone on.  There
 * are no sleep sets here: under a bound they may drop the only execution of a
 * trace within it.  Equal traces are recognised by their hash instead.
 */
#include "search_state.h"

#include "mutant.h"

static unsigned bound(void)
{
    unsigned limit = lab_search->options.bound;

    if (LAB_MUTANT(BOUND_OFF_BY_ONE) && limit > 0 && limit != LAB_NO_BOUND)
        limit--;
    return limit;
}

static bool may_preempt(int thread)
{
    const struct lab_options *options = &lab_search->options;

    return lab_run.preemptions < bound() &&
           (options->may_preempt == NULL || options->may_preempt(thread));
}

static int pick(unsigned depth, unsigned enabled)
{
    struct lab_node *node = &lab_search->nodes[depth];
    int current = lab_run.current;
    bool goes_on = (enabled & LAB_BIT(current)) != 0;

    node->is_choice = false;
    node->enabled = enabled;
    node->sleep = 0;
    node->done = 0;
    node->begun = node->turned = lab_search->result.executions;
    if (goes_on && lab_keeps_turn(current) && !may_preempt(current))
        node->enabled = LAB_BIT(current);
    return goes_on ? current : lab_lowest(enabled);
}

static unsigned left(const struct lab_node *node)
{
    return node->enabled & ~node->done;
}

static bool next(void)
{
    return lab_backtrack(left);
}

static double estimate(void)
{
    return lab_estimate(lab_search, left);
}

const struct lab_strategy lab_bound_search = {
    .pick = pick,
    .choose = lab_new_choice,
    .next = next,
    .estimate = estimate,
};
