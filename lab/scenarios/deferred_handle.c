/* SPDX-License-Identifier: MIT */
/*
 * deferred_handle.c - an object is freed while its zspage is reclaimed.
 * 
 * Reclaim has found a live object and is about to give its handle to evict.  A
 * free at that moment must leave the handle valid, keep the object's place out
 * of the free list, and leave the cell to reclaim, which releases it.
 *
 * A is in another, hot zspage; B and C are in the zspage that is reclaimed.
 */
#include "reclaim.h"

#define A 0u
#define B 1u
#define C 2u
#define D 3u
#define LARGE 2000
#define SMALL 1000 /* four to a zspage */
#define HUGE 4096

static void setup_kernel(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, true);
    world_put(A, LARGE);
    world_put(B, SMALL);
    world_put(C, SMALL);
    world_put(D, LARGE); /* A's zspage is hot again */
    lab_watch_pool(world.pool, SMALL);
    reclaim_reset(0);
}

static void setup_dense(void)
{
    world_pool(ZC_PLACEMENT_DENSE, true);
    world_put(A, SMALL);
    world_put(B, SMALL);
    world_put(C, SMALL);
    lab_watch_pool(world.pool, SMALL);
    reclaim_reset(0);
}

static void setup_huge(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, true);
    world_put(A, LARGE);
    world_put(B, HUGE);
    world_put(D, LARGE);
    lab_watch_pool(world.pool, HUGE);
    reclaim_reset(0);
}

static void begin(void)
{
    reclaim_reset(0);
}

static void begin_unwilling(void)
{
    reclaim_reset(1u << C);
}

/* Two objects must find the room that is left. */
static void put_again(void)
{
    world_put(6, SMALL);
    world_put(7, SMALL);
}

static void reclaim(void *context)
{
    (void)context;
    reclaim_page();
}

static void free_b(void *context)
{
    (void)context;
    reclaim_free(B);
}

#define OPENING "zspool: A elsewhere; B and C in the coldest zspage"

static const struct world_case kernel = {
    .setup = setup_kernel, .begin = begin, .opening = OPENING};
static const struct world_case dense = {
    .setup = setup_dense, .begin = begin, .opening = OPENING};
static const struct world_case huge = {
    .setup = setup_huge,
    .begin = begin,
    .opening = "zspool: A elsewhere; B fills the coldest zspage"};
static const struct world_case failed_kernel = {.setup = setup_kernel,
                                                .begin = begin_unwilling,
                                                .finish = put_again,
                                                .opening = OPENING
                                                " C cannot be evicted"};
static const struct world_case failed_dense = {.setup = setup_dense,
                                               .begin = begin_unwilling,
                                               .finish = put_again,
                                               .opening = OPENING
                                               " C cannot be evicted"};

static const struct lab_actor actors[] = {
    {"zc_zspool_reclaim()", reclaim},
    {"zc_zspool_free(B)", free_b},
};

#define ORIGIN                                                                 \
    "zsmalloc: fix a race with deferred_handles storing, 85b325815b56, 2023"
#define STORY                                                                  \
    "Reclaim takes the handle of a live object and calls evict without a "     \
    "lock; the object is freed before evict resolves the handle."
#define STORY_FAILED                                                           \
    "Reclaim meets an object that stays; what was freed meanwhile must be "    \
    "free space again, and its cell a free cell."
#define STORY_HUGE                                                             \
    "The header of an object that fills its page is written into the page."

static const char *const rules_deferred_kernel[] = {
    "DEFERRED_HANDLE_IN_HEADER", "NO_FREE_LIST_UNDER_RECLAIM",
    "RECLAIM_END_RELEASES_CELLS", NULL};
static const enum lab_failure known_deferred_kernel[] = {
    LAB_FAILURE_WRONG_BYTES, LAB_FAILURE_LEAK, LAB_FAILURE_LEAK};
static const uint8_t least_deferred_kernel[] = {1, 0, 0};

const struct lab_scenario scenario_deferred_kernel = {
    .summary = "reclaim || free, kernel placement",
    .program = {WORLD_PROGRAM("deferred-kernel", actors, &kernel)},
    .break_rule = world_break,
    .rules = rules_deferred_kernel,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_deferred_kernel,
    .least = least_deferred_kernel,
};

static const char *const rules_deferred_dense[] = {
    "DEFERRED_HANDLE_IN_HEADER", "NO_FREE_LIST_UNDER_RECLAIM",
    "RECLAIM_END_RELEASES_CELLS", NULL};
static const enum lab_failure known_deferred_dense[] = {
    LAB_FAILURE_WRONG_BYTES, LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_LEAK};
static const uint8_t least_deferred_dense[] = {1, 0, 0};

const struct lab_scenario scenario_deferred_dense = {
    .summary = "reclaim || free, dense placement",
    .program = {WORLD_PROGRAM("deferred-dense", actors, &dense)},
    .break_rule = world_break,
    .rules = rules_deferred_dense,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_deferred_dense,
    .least = least_deferred_dense,
};

static const char *const rules_failed_reclaim_kernel[] = {
    "FAILED_RECLAIM_REBUILDS_LIST", "NO_FREE_LIST_UNDER_RECLAIM",
    "RECLAIM_END_RELEASES_CELLS", NULL};
static const enum lab_failure known_failed_reclaim_kernel[] = {
    LAB_FAILURE_MISCOUNT, LAB_FAILURE_LEAK, LAB_FAILURE_LEAK};
static const uint8_t least_failed_reclaim_kernel[] = {0, 0, 0};

const struct lab_scenario scenario_failed_reclaim_kernel = {
    .summary = "reclaim that fails || free, kernel placement",
    .program = {WORLD_PROGRAM("failed-reclaim-kernel", actors, &failed_kernel)},
    .break_rule = world_break,
    .rules = rules_failed_reclaim_kernel,
    .bound = LAB_NO_BOUND,
    .story = STORY_FAILED,
    .origin = ORIGIN,
    .known = known_failed_reclaim_kernel,
    .least = least_failed_reclaim_kernel,
};

static const char *const rules_failed_reclaim_dense[] = {
    "NO_FREE_LIST_UNDER_RECLAIM", "RECLAIM_END_RELEASES_CELLS", NULL};
static const enum lab_failure known_failed_reclaim_dense[] = {LAB_FAILURE_LEAK,
                                                              LAB_FAILURE_LEAK};
static const uint8_t least_failed_reclaim_dense[] = {0, 0};

const struct lab_scenario scenario_failed_reclaim_dense = {
    .summary = "reclaim that fails || free, dense placement",
    .program = {WORLD_PROGRAM("failed-reclaim-dense", actors, &failed_dense)},
    .break_rule = world_break,
    .rules = rules_failed_reclaim_dense,
    .bound = LAB_NO_BOUND,
    .story = STORY_FAILED,
    .origin = ORIGIN,
    .known = known_failed_reclaim_dense,
    .least = least_failed_reclaim_dense,
};

static const char *const rules_huge_header[] = {"HUGE_HEADER_IN_ZSPAGE", NULL};
/* The bytes are written after the header, and so over it. */
static const enum lab_failure known_huge_header[] = {LAB_FAILURE_MISCOUNT};
static const uint8_t least_huge_header[] = {0};

const struct lab_scenario scenario_huge_header = {
    .summary = "reclaim || free of an object that fills its zspage",
    .program = {WORLD_PROGRAM("huge-header", actors, &huge)},
    .break_rule = world_break,
    .rules = rules_huge_header,
    .bound = LAB_NO_BOUND,
    .story = STORY_HUGE,
    .origin = ORIGIN,
    .known = known_huge_header,
    .least = least_huge_header,
};
