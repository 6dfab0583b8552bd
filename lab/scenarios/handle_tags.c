/* SPDX-License-Identifier: MIT */
/*
 * handle_tags.c - the tags of an object are changed while it moves.
 *
 * Both change the word of its cell, and a change of tags has no lock.
 */
#include "world.h"

#define PAIR_BYTES 2000 /* two to a zspage of one page */

/* Two zspages with one object each. */
static void setup(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    for (unsigned i = 0; i < 4; i++)
        world_put(i, PAIR_BYTES);
    world_free(1);
    world_free(3);
    lab_watch_pool(world.pool, PAIR_BYTES);
}

static void compact(void *context)
{
    (void)context;
    world_compact();
}

static void tag(void *context)
{
    (void)context;
    world_tag(0, ZC_TAG_0);
}

static void check(void)
{
    (void)world_read(0);
    world_check_tags(0);
}

static const struct world_case own = {
    .setup = setup,
    .finish = check,
    .opening = "zspool: A and C, each alone in its zspage"};

static const struct lab_actor actors[] = {
    {"zc_zspool_compact()", compact},
    {"zc_zspool_change_tags(A)", tag},
};

const struct lab_scenario scenario_compact_tags = {
    .summary = "compact || change of tags",
    .program = {WORLD_PROGRAM("compact-tags", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Compaction changes the location in a cell, and another thread the "
        "tags: what one wrote is lost, so the object has no place or no tag.",
    .origin = "this library: the word of a cell",
};
