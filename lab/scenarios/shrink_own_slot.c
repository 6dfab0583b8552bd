/* SPDX-License-Identifier: MIT */
/*
 * shrink_own_slot.c - a store that has to shrink first.
 *
 * The store has its slot pinned.  The coldest page may be the older page of
 * this very slot, or a page whose slot is pinned by another thread that shrinks
 * too.  And the store must hold no compressor context when it shrinks: the
 * pages that are written back are decompressed.
 */
#include "world.h"

static void setup_own(void)
{
    world_disk();
    (void)world_store(1, 1);
    (void)world_store(2, 1);
    world_make_cold();
    world_limit();
    world_watch_cache();
}

static void setup_other(void)
{
    world_disk_one_context();
    (void)world_store(2, 1);
    (void)world_store(3, 1);
    world_make_cold();
    world_limit();
    world_watch_cache();
}

static void store(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static void load(void *context)
{
    (void)context;
    (void)world_load(1);
}

static void load_other(void *context)
{
    (void)context;
    (void)world_load(2);
}

static void load_both(void)
{
    (void)world_load(1);
    (void)world_load(2);
}

static const struct world_case own = {
    .setup = setup_own,
    .finish = load_both,
    .opening = "zc_cache_store(0:1), store(0:2): no room is left"};
static const struct world_case other = {
    .setup = setup_other,
    .finish = load_both,
    .opening = "zc_cache_store(0:2), store(0:3): no room is left"};

static const struct lab_actor on_own[] = {
    {"zc_cache_store(0:1)", store},
    {"zc_cache_load(0:1)", load},
};
static const struct lab_actor on_other[] = {
    {"zc_cache_store(0:1)", store},
    {"zc_cache_load(0:2)", load_other},
};

static const char *const rules_shrink_own_slot[] = {"SHRINK_SKIPS_CALLERS_SLOT",
                                                    NULL};
static const enum lab_failure known_shrink_own_slot[] = {LAB_FAILURE_HANG};
static const uint8_t least_shrink_own_slot[] = {0};

const struct lab_scenario scenario_shrink_own_slot = {
    .summary = "store over the limit || load of the same slot",
    .program = {WORLD_PROGRAM("shrink-own-slot", on_own, &own),
                .coalesce = true, .step_limit = WORLD_STEPS},
    .break_rule = world_break,
    .rules = rules_shrink_own_slot,
    .bound = LAB_NO_BOUND,
    .story =
        "A store pins its slot and shrinks; the coldest page is the older one "
        "of the same slot, and the shrink waits for the pin of its own caller.",
    .origin = "mm: zswap: shrinker and recursion into the pinned slot, "
              "a65b0e7607cc, 2023",
    .known = known_shrink_own_slot,
    .least = least_shrink_own_slot,
};

static const char *const rules_shrink_with_context[] = {
    "NO_SHRINK_WITH_CONTEXT", NULL};
static const enum lab_failure known_shrink_with_context[] = {LAB_FAILURE_HANG};
static const uint8_t least_shrink_with_context[] = {0};

const struct lab_scenario scenario_shrink_with_context = {
    .summary = "store over the limit || load of the page that has to go",
    .program = {WORLD_PROGRAM("shrink-with-context", on_other, &other),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_shrink_with_context,
    .bound = 2,
    .story =
        "A store holds a compressor context and shrinks; the page that goes is "
        "decompressed, which needs a context too.",
    .origin = "mm: zswap: properly synchronize freeing resources during CPU "
              "hotunplug, follow-ups, 2025",
    .known = known_shrink_with_context,
    .least = least_shrink_with_context,
};
