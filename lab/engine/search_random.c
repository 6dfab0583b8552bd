/* SPDX-License-Identifier: MIT */
/*
 * search_random.c - schedules by chance, for what is too large to exhaust.
 *
 * walk   any enabled thread, each as likely
 * pct    threads have random priorities; the highest runs; at d - 1 random
 *        steps the running one falls below all.  A bug of depth d in n threads
 *        and k steps is hit with probability 1/(n * k^(d-1)) at least, per run
 */
#include "search_state.h"

#include <string.h>

#define DEPTH_DEFAULT 3u

/* xoshiro256** by Blackman and Vigna, public domain. */
static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static uint64_t draw(void)
{
    uint64_t *s = lab_search->random;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

void lab_random_seed(uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        lab_search->random[i] = lab_mix(seed + 1, i + 1);
}

uint64_t lab_random_below(uint64_t limit)
{
    if (limit < 2)
        return 0;
    return draw() % limit; /* limits are small: the bias is negligible */
}

static int nth(unsigned set, unsigned index)
{
    for (; index > 0; index--)
        set &= set - 1;
    return lab_lowest(set);
}

static unsigned count(unsigned set)
{
    unsigned n = 0;

    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

static unsigned choose(unsigned depth, unsigned n, bool costs)
{
    (void)depth;
    if (n < 2)
        return 0;
    /* One failure in eight, so that an execution still gets far. */
    if (costs && lab_random_below(8) != 0)
        return 0;
    return (unsigned)lab_random_below(n);
}

static int pick_any(unsigned depth, unsigned enabled)
{
    (void)depth;
    return nth(enabled, (unsigned)lab_random_below(count(enabled)));
}

static int highest(unsigned enabled)
{
    int best = lab_lowest(enabled);

    for (int thread = best + 1; enabled >> thread != 0; thread++) {
        if ((enabled & LAB_BIT(thread)) != 0 &&
            lab_search->priority[thread] > lab_search->priority[best])
            best = thread;
    }
    return best;
}

static void draw_priorities(void)
{
    for (int thread = 0; thread < LAB_THREADS; thread++)
        lab_search->priority[thread] = (draw() >> 1) | (UINT64_C(1) << 62);
}

/* Called before the first step of each execution. */
static void begin_pct(void)
{
    struct lab_search *search = lab_search;
    unsigned depth = search->options.pct_depth;
    uint64_t steps = search->result.most_steps;

    if (depth == 0)
        depth = DEPTH_DEFAULT;
    draw_priorities();
    search->change_count = depth - 1 < LAB_BOUNDS ? depth - 1 : LAB_BOUNDS;
    for (unsigned i = 0; i < search->change_count; i++)
        search->change[i] = 1 +
                            (unsigned)lab_random_below(steps < 2 ? 64 : steps);
}

static int pick_pct(unsigned depth, unsigned enabled)
{
    struct lab_search *search = lab_search;
    int thread;

    (void)depth;
    if (lab_run.steps == 0)
        begin_pct();
    thread = highest(enabled);
    for (unsigned i = 0; i < search->change_count; i++) {
        if (search->change[i] == lab_run.steps) {
            search->priority[thread] = search->change_count - i;
            thread = highest(enabled);
        }
    }
    return thread;
}

static bool next(void)
{
    lab_search->script = lab_search->floor;
    return true;
}

const struct lab_strategy lab_walk_search = {
    .pick = pick_any,
    .choose = choose,
    .next = next,
};

const struct lab_strategy lab_pct_search = {
    .pick = pick_pct,
    .choose = choose,
    .next = next,
};
