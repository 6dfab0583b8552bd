/* SPDX-License-Identifier: MIT */
/*
 * age_writeback.c - writeback by age, of a page that is stored over meanwhile.
 *
 * The scan has seen an entry that is old enough, and has dropped the list's
 * lock.  What is written is the page that the tree has under the pin: the newer
 * page is young, and stays.
 */
#include "world.h"

static void setup(void)
{
    world_disk();
    (void)world_store(1, 1);
    world_make_cold();
    world_watch_cache();
}

static void grow_old(void)
{
    world_grow_old(100);
}

static void write_old(void *context)
{
    (void)context;
    world_write_older(50);
}

static void store(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static void load(void)
{
    (void)world_load(1);
}

static const struct world_case own = {
    .setup = setup,
    .begin = grow_old,
    .opening = "zc_cache_store(0:1, page), 100 seconds",
    .finish = load,
};

static const struct lab_actor storing[] = {
    {"zc_cache_writeback(50 s)", write_old},
    {"zc_cache_store(0:1)", store},
};

static const char *const rules_age_store[] = {"WRITEBACK_RECHECKS_TREE", NULL};
static const enum lab_failure known_age_store[] = {LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_age_store[] = {1};

const struct lab_scenario scenario_age_store = {
    .summary = "writeback by age || store to its slot",
    .program = {WORLD_PROGRAM("age-store", storing, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = rules_age_store,
    .bound = LAB_NO_BOUND,
    .story = "Writeback by age has chosen an old entry and dropped every lock; "
             "before it has the slot pinned, the page is replaced.",
    .origin = "mm: fix zswap writeback race condition, 04fc7816089c, 2023",
    .known = known_age_store,
    .least = least_age_store,
};
