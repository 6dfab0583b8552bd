/* SPDX-License-Identifier: MIT */
/*
 * estimate.c - how many executions a depth-first search would need.
 *
 * What hangs below a node is what its done alternatives have taken, what the
 * present one is estimated to take, and for each of the others as much as these
 * on average.  From the end of the path to its begin, that is the whole tree.
 * Where no alternative is done yet, the tree grows at the node as it does at
 * the few nodes below: two alternatives do not make it twice as large, because
 * much of the second one is asleep.
 */
#include "search_state.h"

#include <stdlib.h>
#include <string.h>

#define NEAR 12 /* nodes whose growth counts */

struct growth {
    double factors[NEAR];
    unsigned count;
};

static void note(struct growth *growth, double factor)
{
    growth->factors[growth->count++ % NEAR] = factor;
}

static int compare(const void *one, const void *two)
{
    double a = *(const double *)one;
    double b = *(const double *)two;

    return a < b ? -1 : a > b;
}

/* The median; a few nodes have much more below them than others. */
static double usual(const struct growth *growth)
{
    unsigned count = growth->count < NEAR ? growth->count : NEAR;
    double sorted[NEAR];

    if (count == 0)
        return 1;
    memcpy(sorted, growth->factors, count * sizeof(sorted[0]));
    qsort(sorted, count, sizeof(sorted[0]), compare);
    return sorted[count / 2];
}

static unsigned number_of(unsigned set)
{
    return (unsigned)__builtin_popcount(set);
}

double lab_estimate(const struct lab_search *search,
                    unsigned (*allowed)(const struct lab_node *node))
{
    struct growth growth = {.count = 0};
    double size = 1;

    for (unsigned depth = search->script; depth > search->floor; depth--) {
        const struct lab_node *node = &search->nodes[depth - 1];
        const uint8_t entry = search->schedule.decisions[depth - 1];
        unsigned done = node->is_choice ? entry & ~LAB_CHOICE
                                        : number_of(node->done);
        unsigned left = node->is_choice
                            ? node->enabled - 1 - done
                            : number_of(allowed(node) & ~LAB_BIT(entry));
        double before = size;

        if (done + left == 0)
            continue;
        if (done > 0) {
            size += (double)(node->turned - node->begun);
            size += size * left / (done + 1);
            note(&growth, size / before);
        } else if (growth.count > 0) {
            size *= usual(&growth);
        } else {
            size *= 1 + left;
        }
    }
    return size;
}
