/* SPDX-License-Identifier: MIT */
/*
 * store_context.c - two stores on one processor, and so with one compressor
 * context: its buffer has one page at a time.
 */
#include "world.h"

static void setup(void)
{
    world_cache_of_contexts(1);
    (void)world_store(1, 1);
    (void)world_store(2, 1);
    world_watch_cache();
}

static void store_one(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static void store_two(void *context)
{
    (void)context;
    (void)world_store(2, 2);
}

static void load_both(void)
{
    (void)world_load(1);
    (void)world_load(2);
}

static const struct world_case own = {
    .setup = setup,
    .finish = load_both,
    .opening = "zc_cache_store(0:1), zc_cache_store(0:2)"};

static const struct lab_actor actors[] = {
    {"zc_cache_store(0:1)", store_one},
    {"zc_cache_store(0:2)", store_two},
};

const struct lab_scenario scenario_store_context = {
    .summary = "store || store with one compressor context",
    .program = {WORLD_PROGRAM("store-context", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A store has compressed its page into the buffer of its context "
             "and not yet copied it; another store compresses there.",
    .origin = "this library: the mutex of a compressor context",
};
