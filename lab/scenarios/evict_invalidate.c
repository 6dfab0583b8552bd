/* SPDX-License-Identifier: MIT */
/*
 * evict_invalidate.c - a cache with lru = zspage: the pool reclaims its coldest
 * zspage while the page of an object in it is invalidated.
 *
 * Reclaim shows each object to evict by its handle.  Evict reads the slot in
 * the object's record, pins the slot and looks whether the tree still has the
 * entry of this handle.  The invalidate may free the object before evict sees
 * it, between its look and its pin, or after the page was written: then the
 * object is deferred, and its record is readable until the reclaim ends.
 */
#include "world.h"

static void store_two(void)
{
    (void)world_store(1, 1);
    (void)world_store(2, 1);
    world_watch_cache();
}

static void setup_kernel(void)
{
    world_disk_of_zspages(ZC_PLACEMENT_KERNEL);
    store_two();
}

static void setup_dense(void)
{
    world_disk_of_zspages(ZC_PLACEMENT_DENSE);
    store_two();
}

static void reclaim(void *context)
{
    (void)context;
    world_reclaim();
}

static void invalidate(void *context)
{
    (void)context;
    (void)world_invalidate(1);
}

static void load_both(void)
{
    (void)world_load(1);
    (void)world_load(2);
}

#define OPENING "zc_cache_store(0:1), zc_cache_store(0:2)"

static const struct world_case kernel = {
    .setup = setup_kernel, .finish = load_both, .opening = OPENING};
static const struct world_case dense = {
    .setup = setup_dense, .finish = load_both, .opening = OPENING};

static const struct lab_actor actors[] = {
    {"zc_zspool_reclaim", reclaim},
    {"zc_cache_invalidate(0:1)", invalidate},
};

#define ORIGIN                                                                 \
    "mm/zsmalloc: deferred handles, 2023; mm/zswap: writeback against "        \
    "invalidate, 2024"
#define STORY                                                                  \
    "The pool reclaims a zspage and evicts its objects one by one; the page "  \
    "of one is invalidated before evict sees it, or while evict writes it."

static const char *const rules_evict_invalidate_kernel[] = {
    "NO_FREE_LIST_UNDER_RECLAIM", "RECLAIM_END_RELEASES_CELLS",
    "FAILED_RECLAIM_REBUILDS_LIST", "NOTHING_AFTER_SUBMIT", NULL};
/* The last two: a cell is freed twice, and a count of references goes below 0;
 * counts that do not add up, as the library itself says. */
static const enum lab_failure known_evict_invalidate_kernel[] = {
    LAB_FAILURE_LEAK, LAB_FAILURE_LEAK, LAB_FAILURE_ASSERTION,
    LAB_FAILURE_ASSERTION};
static const uint8_t least_evict_invalidate_kernel[] = {0, 0, 1, 1};

const struct lab_scenario scenario_evict_invalidate_kernel = {
    .summary = "reclaim of a zspage || invalidate of a page in it, kernel",
    .program = {WORLD_PROGRAM("evict-invalidate-kernel", actors, &kernel),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_evict_invalidate_kernel,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_evict_invalidate_kernel,
    .least = least_evict_invalidate_kernel,
};

static const char *const rules_evict_invalidate_dense[] = {
    "NO_FREE_LIST_UNDER_RECLAIM", "RECLAIM_END_RELEASES_CELLS",
    "NOTHING_AFTER_SUBMIT", NULL};
static const enum lab_failure known_evict_invalidate_dense[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_LEAK, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_evict_invalidate_dense[] = {0, 0, 2};

const struct lab_scenario scenario_evict_invalidate_dense = {
    .summary = "reclaim of a zspage || invalidate of a page in it, dense",
    .program = {WORLD_PROGRAM("evict-invalidate-dense", actors, &dense),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_evict_invalidate_dense,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_evict_invalidate_dense,
    .least = least_evict_invalidate_dense,
};
