/* SPDX-License-Identifier: MIT */
/*
 * compressor_change.c - the compressor changes while it is used.
 *
 * Back to a compressor that drains: the last page compressed by it is
 * invalidated at the same time, so its reference count is zero already, or not
 * yet.  And away from a compressor with which another thread is compressing.
 */
#include "world.h"

static void setup_draining(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, 1);
    world_watch_cache();
    (void)world_set_compressor("copy");
}

static void setup_current(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(2, 1);
    world_watch_cache();
}

static void setup_stored(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, 1);
    world_watch_cache();
}

/* No page is compressed by it; the shard stays. */
static void setup_unused(void)
{
    setup_stored();
    (void)world_invalidate(1);
}

static void invalidate(void *context)
{
    (void)context;
    (void)world_invalidate(1);
}

static void change_back(void *context)
{
    (void)context;
    (void)world_set_compressor("lz4");
}

static void store(void *context)
{
    (void)context;
    (void)world_store(1, 1);
}

static void change_away(void *context)
{
    (void)context;
    (void)world_set_compressor("copy");
}

static void change_round(void *context)
{
    change_away(context);
    change_back(context);
}

static void store_over(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static void store_and_invalidate(void *context)
{
    store_over(context);
    invalidate(context);
}

static void store_and_load(void)
{
    (void)world_store(3, 1);
    (void)world_load(3);
}

static const struct world_case draining = {
    .setup = setup_draining,
    .opening = "zc_cache_store(0:1, page), set_compressor(\"copy\")",
    .finish = store_and_load,
};

static const struct world_case current = {
    .setup = setup_current,
    .finish = store_and_load,
};

static const struct world_case stored = {
    .setup = setup_stored,
    .opening = "zc_cache_store(0:1, page)",
    .finish = store_and_load,
};

static const struct world_case unused = {
    .setup = setup_unused,
    .finish = store_and_load,
};

static const struct lab_actor back[] = {
    {"zc_cache_invalidate(0:1)", invalidate},
    {"zc_cache_set_compressor(lz4)", change_back},
};

static const struct lab_actor away[] = {
    {"zc_cache_store(0:1)", store},
    {"zc_cache_set_compressor(copy)", change_away},
};

static const struct lab_actor away_and_back[] = {
    {"zc_cache_store(0:1)", store_over},
    {"zc_cache_set_compressor(copy), (lz4)", change_round},
};

static const char *const rules_compressor_back[] = {
    "DYING_GENERATION_STAYS_DEAD", NULL};
/* A use after free in the kernel; here a generation that has ended has no
 * contexts, and the pointer to them is NULL. */
static const enum lab_failure known_compressor_back[] = {LAB_FAILURE_CRASH};
static const uint8_t least_compressor_back[] = {1};

const struct lab_scenario scenario_compressor_back = {
    .summary = "invalidate of the last page || set_compressor back to its own",
    .program = {WORLD_PROGRAM("compressor-back", back, &draining)},
    .break_rule = world_break,
    .rules = rules_compressor_back,
    .bound = LAB_NO_BOUND,
    .story =
        "A change back to a compressor looks up its generation and takes a "
        "reference; the last page that held it has just been freed.",
    .origin = "zswap pool kref",
    .known = known_compressor_back,
    .least = least_compressor_back,
};

static const char *const rules_compressor_away[] = {"CONTEXT_OUTLIVES_USER",
                                                    NULL};
static const enum lab_failure known_compressor_away[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_compressor_away[] = {1};

const struct lab_scenario scenario_compressor_away = {
    .summary = "store || set_compressor away",
    .program = {WORLD_PROGRAM("compressor-away", away, &current)},
    .break_rule = world_break,
    .rules = rules_compressor_away,
    .bound = LAB_NO_BOUND,
    .story =
        "A store compresses in a context.  A change of compressor ends its "
        "generation and frees the context before the store is done with it.",
    .origin = "mm: zswap: properly synchronize freeing resources during CPU "
              "hotunplug, 12dcb0ef5406, 2025",
    .known = known_compressor_away,
    .least = least_compressor_away,
};

static const char *const rules_compressor_round[] = {"CONTEXT_OUTLIVES_USER",
                                                     NULL};
static const enum lab_failure known_compressor_round[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_compressor_round[] = {1};

const struct lab_scenario scenario_compressor_round = {
    .summary = "store over a page || set_compressor away and back",
    .program = {WORLD_PROGRAM("compressor-round", away_and_back, &stored)},
    .break_rule = world_break,
    .rules = rules_compressor_round,
    .bound = LAB_NO_BOUND,
    .story =
        "A store takes a reference to the current generation and drops that "
        "of the page before it, while the generation is closed, drains, and "
        "is opened again.",
    .origin = "mm: zswap: properly synchronize freeing resources during CPU "
              "hotunplug, 12dcb0ef5406, 2025",
    .known = known_compressor_round,
    .least = least_compressor_round,
};

static const struct lab_actor changing[] = {
    {"set_compressor(\"copy\")", change_away},
    {"set_compressor(\"copy\"), (\"lz4\")", change_round},
};

const struct lab_scenario scenario_compressor_both = {
    .summary = "set_compressor away || set_compressor away and back",
    .program = {WORLD_PROGRAM("compressor-both", changing, &stored),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two changes of compressor make one generation each of the same "
             "struct, or close one twice.",
    .origin = "this library: changes of compressor are one after another",
};

static const struct lab_actor using[] = {
    {"zc_cache_store(0:1), invalidate", store_and_invalidate},
    {"set_compressor(\"copy\")", change_away},
};

const struct lab_scenario scenario_compressor_unused = {
    .summary = "store, invalidate || set_compressor away, and no other page",
    .program = {WORLD_PROGRAM("compressor-unused", using, &unused),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A store compresses, and has the only reference to the generation "
             "besides that for being current, which a change drops.",
    .origin = "this library: a store has a reference to its generation",
};
