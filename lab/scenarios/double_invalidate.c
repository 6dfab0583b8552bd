/* SPDX-License-Identifier: MIT */
/*
 * double_invalidate.c - a take meets an invalidate.
 *
 * The take has the entry and decompresses; meanwhile the invalidate unlinks it
 * and drops the tree's reference.  Then the take unlinks in its turn.  If it
 * gave up its own reference before, it unlinks what was freed; if it does not
 * look whether it was the one who unlinked, the tree's reference is dropped
 * twice.
 */
#include "world.h"

static void setup(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, 1);
    world_watch_cache();
}

static void take(void *context)
{
    (void)context;
    (void)world_take(1);
}

static void invalidate(void *context)
{
    (void)context;
    (void)world_invalidate(1);
}

static const struct world_case own = {.setup = setup};

static const struct lab_actor actors[] = {
    {"zc_cache_take(0:1)", take},
    {"zc_cache_invalidate(0:1)", invalidate},
};

static const char *const rules[] = {"OWN_REF_OUTLIVES_INVALIDATE",
                                    "TREE_REF_DROPPED_BY_UNLINKER", NULL};

const struct lab_scenario scenario_double_invalidate = {
    .summary = "take || invalidate of one page",
    .program = {WORLD_PROGRAM("double-invalidate", actors, &own)},
    .break_rule = world_break,
    .rules = rules,
    .bound = LAB_NO_BOUND,
};
