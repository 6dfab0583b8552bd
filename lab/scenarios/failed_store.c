/* SPDX-License-Identifier: MIT */
/*
 * failed_store.c - a store fails, and the older page is still there.
 *
 * The new page could not be kept, so it goes to the device (or is lost, if the
 * caller chooses so); from then on the older page of the slot is stale.
 */
#include "base/inject.h"
#include "world.h"

static void setup(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, WORLD_RAW);
    world_watch_cache();
}

/* Needs a chunk of another length than the raw page's. */
static void store(void *context)
{
    (void)context;
    (void)world_store(1, WORLD_MIDDLE);
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

static const struct world_case own = {
    .setup = setup,
    .opening = "zc_cache_store(0:1, page)",
    .finish = load_again,
    .inject = 1u << ZC_INJECT_MALLOC | 1u << ZC_INJECT_PAGES |
              1u << ZC_INJECT_COMPRESS,
};

static const struct lab_actor actors[] = {
    {"zc_cache_store(0:1)", store},
    {"zc_cache_load(0:1)", load},
};

static const char *const rules_failed_store[] = {"FAILED_STORE_ERASES_OLD",
                                                 NULL};
static const enum lab_failure known_failed_store[] = {LAB_FAILURE_STALE_PAGE};
static const uint8_t least_failed_store[] = {0};

const struct lab_scenario scenario_failed_store = {
    .summary = "store that may fail || load of one slot",
    .program = {WORLD_PROGRAM("failed-store", actors, &own),
                .failure_budget = 1},
    .break_rule = world_break,
    .rules = rules_failed_store,
    .bound = LAB_NO_BOUND,
    .story = "A second store of a slot fails for want of memory and leaves the "
             "first page, which is older than what the caller has now.",
    .origin = "mm/zswap: invalidate duplicate entry, 678e54d4bb9a, 2024",
    .known = known_failed_store,
    .least = least_failed_store,
};
