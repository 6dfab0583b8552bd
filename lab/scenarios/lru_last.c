/* SPDX-License-Identifier: MIT */
/*
 * lru_last.c - an entry that is on the LRU before it is complete.
 *
 * A store fills the entry and publishes it; a shrink finds it on the list and
 * reads what the store has not written yet.
 */
#include "world.h"

static void setup(void)
{
    world_disk();
    (void)world_store(2, 1);
    (void)world_invalidate(2); /* the shard stays */
    world_watch_cache();
}

static void store(void *context)
{
    (void)context;
    (void)world_store(1, 1);
}

static void write_back(void *context)
{
    (void)context;
    (void)world_writeback();
}

static void load_again(void)
{
    (void)world_load(1);
}

static const struct world_case own = {.setup = setup, .finish = load_again};

static const struct lab_actor actors[] = {
    {"zc_cache_store(0:1)", store},
    {"shrink", write_back},
};

static const char *const rules_lru_last[] = {"LRU_LAST", NULL};
static const enum lab_failure known_lru_last[] = {LAB_FAILURE_DATA_RACE};
static const uint8_t least_lru_last[] = {0};

const struct lab_scenario scenario_lru_last = {
    .summary = "store || shrink",
    .program = {WORLD_PROGRAM("lru-last", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = rules_lru_last,
    .bound = LAB_NO_BOUND,
    .story =
        "A store puts its entry on the LRU first and fills it later; a shrink "
        "takes it for a candidate in between.",
    .origin =
        "mm/zswap: order of LRU and fields in zswap_store(), 2024 (review)",
    .known = known_lru_last,
    .least = least_lru_last,
};
