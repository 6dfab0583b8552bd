/* SPDX-License-Identifier: MIT */
/*
 * drop.c - a cold page is dropped while another thread uses it.
 *
 * The scan has named an entry and holds nothing.  Meanwhile the entry may be
 * unlinked, freed, and used again for the same slot.  So the drop looks the
 * slot up, takes a reference of its own, and has the page only if it unlinks
 * the entry itself.
 */
#include "world.h"

static void begin(bool with_pages)
{
    world_drop_cache(with_pages);
    (void)world_store(1, 1);
    world_make_cold();
    world_choose();
    world_watch_cache();
}

static void setup(void)
{
    begin(false);
}

static void setup_with_pages(void)
{
    begin(true);
}

static void drop(void *context)
{
    (void)context;
    (void)world_drop_candidate();
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

static void load_again(void)
{
    (void)world_load(1);
}

#define CASE(setup_)                                                           \
    {                                                                          \
        .setup = (setup_), .opening = "zc_cache_store(0:1, page)",             \
        .finish = load_again, .reuse = true                                    \
    }

static const struct world_case own = CASE(setup);
static const struct world_case own_with_pages = CASE(setup_with_pages);

static const struct lab_actor with_take[] = {
    {"drop(0:1)", drop},
    {"zc_cache_take(0:1)", take},
};
static const struct lab_actor with_invalidate[] = {
    {"drop(0:1)", drop},
    {"zc_cache_invalidate(0:1)", invalidate},
};
static const struct lab_actor with_store[] = {
    {"drop(0:1)", drop},
    {"zc_cache_store(0:1)", store},
};
static const struct lab_actor with_load[] = {
    {"drop(0:1)", drop},
    {"zc_cache_load(0:1)", load},
};

/* Not OWN_REF_OUTLIVES_INVALIDATE: where the page is told, that fails without
 * another thread. */
static const char *const rules_of_store[] = {"TREE_REF_DROPPED_BY_UNLINKER",
                                             NULL};
static const char *const rules[] = {"OWN_REF_OUTLIVES_INVALIDATE",
                                    "TREE_REF_DROPPED_BY_UNLINKER", NULL};
static const enum lab_failure known[] = {LAB_FAILURE_USE_AFTER_FREE,
                                         LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least[] = {1, 1};

#define DROP(scenario_, summary_, name, actors, case_, ...)                    \
    const struct lab_scenario scenario_ = {                                    \
        .summary = (summary_),                                                 \
        .program = {WORLD_PROGRAM(name, actors, &(case_))},                    \
        .break_rule = world_break,                                             \
        .bound = LAB_NO_BOUND,                                                 \
        .story = "The drop unlinks a page that another thread unlinks too.  "  \
                 "Without its own reference the entry is gone, and if both "   \
                 "drop the tree's reference it is freed once too often.",      \
        .origin = "mm: zswap: fix double invalidate with exclusive loads, "    \
                  "2023: the same two references",                             \
        __VA_ARGS__}

DROP(scenario_drop_take, "drop || take of one page", "drop-take", with_take,
     own, .rules = rules, .known = known, .least = least);
DROP(scenario_drop_invalidate, "drop || invalidate of one page",
     "drop-invalidate", with_invalidate, own, .rules = rules, .known = known,
     .least = least);
DROP(scenario_drop_store, "drop || store to one slot", "drop-store", with_store,
     own_with_pages, .rules = rules_of_store, .known = known, .least = least);
DROP(scenario_drop_load, "drop || load of one page", "drop-load", with_load,
     own_with_pages, .rules = world_no_rules, .for_locks = true);
