/* SPDX-License-Identifier: MIT */
/*
 * pool_arena.c - two size classes give zspages back to the arena at once, and
 * take one again.  Each class has a lock; the arena has its own.
 */
#include "reclaim.h"

#define PAIR_BYTES 2000    /* two to a zspage of one page */
#define QUARTER_BYTES 1000 /* four to a zspage of one page */

/* One object, alone in its zspage, of each class. */
static void setup(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    lab_watch_pool(world.pool, PAIR_BYTES);
    lab_watch_pool(world.pool, QUARTER_BYTES);
    world_put(0, PAIR_BYTES);
    world_put(1, QUARTER_BYTES);
}

static void free_pair(void *context)
{
    (void)context;
    world_free(0);
}

static void free_and_put(void *context)
{
    (void)context;
    world_free(1);
    world_put(3, QUARTER_BYTES);
}

static void read_again(void)
{
    (void)world_read(3);
}

static const struct world_case own = {
    .setup = setup, .finish = read_again, .opening = "A and B, each alone"};

static const struct lab_actor actors[] = {
    {"zc_zspool_free(A)", free_pair},
    {"free(B), put(D)", free_and_put},
};

const struct lab_scenario scenario_arena_free = {
    .summary = "last free of a class || last free of another, put",
    .program = {WORLD_PROGRAM("arena-free", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two classes give their last zspage back; the chunk that has both "
             "goes with the second, while one of them takes a zspage again.",
    .origin = "this library: the lock of the arena",
};
