/* SPDX-License-Identifier: MIT */
/*
 * double_invalidate.c - a take meets an invalidate.
 * 
 * The take has the entry and decompresses; meanwhile the invalidate unlinks the
 * entry and drops the tree's reference.  Then the take unlinks too.  If it
 * dropped its own reference before, it unlinks a freed entry.  If it does not
 * check whether its own unlink succeeded, the tree's reference is dropped
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

static const struct world_case own = {.setup = setup,
                                      .opening = "zc_cache_store(0:1, page)"};

static const struct lab_actor two[] = {
    {"zc_cache_take(0:1)", take},
    {"zc_cache_invalidate(0:1)", invalidate},
};

static const struct lab_actor three[] = {
    {"zc_cache_take(0:1)", take},
    {"zc_cache_take(0:1)", take},
    {"zc_cache_invalidate(0:1)", invalidate},
};

#define STORY                                                                  \
    "A take decompresses while an invalidate unlinks the entry; then the "     \
    "take unlinks too.  Without its own reference the entry is gone, and "     \
    "if both drop the tree's reference it is freed once too often."

static const char *const rules_double_invalidate[] = {
    "OWN_REF_OUTLIVES_INVALIDATE", "TREE_REF_DROPPED_BY_UNLINKER", NULL};
static const enum lab_failure known_double_invalidate[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_double_invalidate[] = {1, 1};

const struct lab_scenario scenario_double_invalidate = {
    .summary = "take || invalidate of one page",
    .program = {WORLD_PROGRAM("double-invalidate", two, &own)},
    .break_rule = world_break,
    .rules = rules_double_invalidate,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = "mm: zswap: fix double invalidate with exclusive loads, 2023",
    .known = known_double_invalidate,
    .least = least_double_invalidate,
};

static const char *const rules_take_take_invalidate[] = {
    "OWN_REF_OUTLIVES_INVALIDATE", "TREE_REF_DROPPED_BY_UNLINKER", NULL};
static const enum lab_failure known_take_take_invalidate[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_take_take_invalidate[] = {1, 1};

const struct lab_scenario scenario_take_take_invalidate = {
    .summary = "take || take || invalidate of one page",
    .program = {WORLD_PROGRAM("take-take-invalidate", three, &own)},
    .break_rule = world_break,
    .rules = rules_take_take_invalidate,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = "mm: zswap: fix double invalidate with exclusive loads, 2023",
    .known = known_take_take_invalidate,
    .least = least_take_take_invalidate,
};
