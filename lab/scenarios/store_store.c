/* SPDX-License-Identifier: MIT */
/*
 * store_store.c - two stores to one slot.
 * 
 * Each store frees the slot's old entry and links its own.  If these are two
 * steps, the other store can come between them and also find no old entry.
 * Then one entry is linked over the other, which no thread will ever free.
 */
#include "world.h"

static void setup(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, 1);
    world_watch_cache();
}

static void store_two(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static void store_three(void *context)
{
    (void)context;
    (void)world_store(1, 3);
}

static void load_again(void)
{
    (void)world_load(1);
}

static const struct world_case own = {
    .setup = setup,
    .opening = "zc_cache_store(0:1, page)",
    .finish = load_again,
};

static const struct lab_actor actors[] = {
    {"zc_cache_store(0:1)", store_two},
    {"zc_cache_store(0:1)", store_three},
};

static const char *const rules_store_store[] = {"SLOT_SWITCH_IS_ONE_STEP",
                                                NULL};
static const enum lab_failure known_store_store[] = {LAB_FAILURE_LEAK};
static const uint8_t least_store_store[] = {1};

const struct lab_scenario scenario_store_store = {
    .summary = "store || store to one slot",
    .program = {WORLD_PROGRAM("store-store", actors, &own)},
    .break_rule = world_break,
    .rules = rules_store_store,
    .bound = LAB_NO_BOUND,
    .story =
        "Both stores free the old page first and link their own later; the "
        "second link covers the first, which is leaked.",
    .origin = "zram: fix slot write race condition, ce4be9e4307c, 2025",
    .known = known_store_store,
    .least = least_store_store,
};
