/* SPDX-License-Identifier: MIT */
/*
 * search_sleep.c - every trace once: depth first with sleep sets, no bound.
 *
 * After all executions that begin with a step of a thread have been explored,
 * the thread goes to sleep in the sibling branches.  It sleeps until another
 * thread does a step that conflicts with its pending step: until then the
 * pending step could have come first, which was explored.  Where every enabled
 * thread sleeps, there is nothing new, and the prefix is pruned.
 *
 * The number of complete executions is exactly the number of traces.  The
 * pruned prefixes are the price.
 */
#include "search_state.h"

#include "mutant.h"

int lab_lowest(unsigned set)
{
    int thread = 0;

    while ((set & LAB_BIT(thread)) == 0)
        thread++;
    return thread;
}

unsigned lab_new_choice(unsigned depth, unsigned n, bool costs)
{
    struct lab_node *node = &lab_search->nodes[depth];

    (void)costs;
    node->is_choice = true;
    node->enabled = n;
    node->sleep = lab_run.sleep;
    node->done = 0;
    node->begun = node->turned = lab_search->result.executions;
    return 0;
}

bool lab_backtrack(unsigned (*allowed)(const struct lab_node *node))
{
    struct lab_search *search = lab_search;
    uint8_t *entries = search->schedule.decisions;

    for (unsigned depth = search->schedule.count; depth > search->floor;
         depth--) {
        struct lab_node *node = &search->nodes[depth - 1];
        uint8_t *entry = &entries[depth - 1];
        unsigned left;

        if (node->is_choice) {
            if ((*entry & ~LAB_CHOICE) + 1u >= node->enabled)
                continue;
            (*entry)++;
            node->turned = search->result.executions;
            search->script = depth;
            return true;
        }
        node->done |= LAB_BIT(*entry);
        left = allowed(node);
        if (LAB_MUTANT(LAST_SIBLING_SKIPPED))
            left &= left - 1;
        if (left == 0)
            continue;
        *entry = (uint8_t)lab_lowest(left);
        node->turned = search->result.executions;
        search->script = depth;
        return true;
    }
    return false;
}

static int pick(unsigned depth, unsigned enabled)
{
    struct lab_node *node = &lab_search->nodes[depth];
    unsigned awake = enabled & ~lab_run.sleep;

    if (awake == 0)
        return LAB_PRUNE;
    node->is_choice = false;
    node->enabled = enabled;
    node->sleep = lab_run.sleep;
    node->done = 0;
    node->begun = node->turned = lab_search->result.executions;
    if ((awake & LAB_BIT(lab_run.current)) != 0)
        return lab_run.current;
    return lab_lowest(awake);
}

/* What it drops is found from the start of an execution only. */
static bool drops_spins(void)
{
    return lab_search->floor == 0;
}

static unsigned resume(unsigned depth)
{
    const struct lab_node *node = &lab_search->nodes[depth];

    if (LAB_MUTANT(SLEEP_NOT_INHERITED))
        return 0;
    return node->is_choice ? node->sleep : (node->sleep | node->done);
}

static unsigned awake_left(const struct lab_node *node)
{
    return node->enabled & ~(node->sleep | node->done);
}

static bool next(void)
{
    return lab_backtrack(awake_left);
}

static double estimate(void)
{
    return lab_estimate(lab_search, awake_left);
}

const struct lab_strategy lab_sleep_search = {
    .pick = pick,
    .choose = lab_new_choice,
    .resume = resume,
    .drops_spins = drops_spins,
    .next = next,
    .estimate = estimate,
};
