/* SPDX-License-Identifier: MIT */
/*
 * handle_refill.c - two groups whose free cells are used up get more at once.
 *
 * A put takes a cell of its group's.  If the group has none, it takes some from
 * the pool's list, or one that was never used.  No cell may go to two groups.
 */
#include "reclaim.h"

#define PAIR_BYTES 2000    /* two to a zspage of one page */
#define QUARTER_BYTES 1000 /* four to a zspage of one page */

static void watch(void)
{
    lab_watch_pool(world.pool, PAIR_BYTES);
    lab_watch_pool(world.pool, QUARTER_BYTES);
}

static void setup(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, PAIR_BYTES);
    world_put(1, QUARTER_BYTES);
    watch();
}

static void put_pair(void *context)
{
    (void)context;
    world_put(2, PAIR_BYTES);
}

static void put_quarter(void *context)
{
    (void)context;
    world_put(3, QUARTER_BYTES);
}

static void read_both(void)
{
    (void)world_read(2);
    (void)world_read(3);
}

static const struct world_case fresh = {.setup = setup, .finish = read_both};

static const struct lab_actor actors[] = {
    {"zc_zspool_put(C)", put_pair},
    {"zc_zspool_put(D)", put_quarter},
};

const struct lab_scenario scenario_refill_new = {
    .summary = "put || put of two classes without a free cell",
    .program = {WORLD_PROGRAM("refill-new", actors, &fresh), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two puts find no cell in their groups and take the first that "
             "was never used: if both take the same, one handle is two "
             "objects'.",
    .origin = "this library: the lock of the list of free cells",
};
