/* SPDX-License-Identifier: MIT */
/*
 * visit.c - objects are shown to a visitor while they are put, freed, and
 * reclaimed.
 *
 * The visitor has no handle, so no caller can keep other calls away from the
 * object that it sees.  So an object that is being put is not shown before it
 * is written (OBJECT_VALID_WHEN_WRITTEN), and a freed object is not overwritten
 * while a visitor looks at it (VISITED_OBJECT_STAYS).
 */
#include "reclaim.h"

#define SMALL 1000

#define A 0u
#define B 1u
#define C 2u

static void setup_one(enum zc_placement placement)
{
    world_pool(placement, true);
    world_put(A, SMALL);
    lab_watch_pool(world.pool, SMALL);
}

static void setup_dense(void)
{
    setup_one(ZC_PLACEMENT_DENSE);
}

static void setup_kernel(void)
{
    setup_one(ZC_PLACEMENT_KERNEL);
}

static void begin(void)
{
    reclaim_reset(0);
}

static void iterate(void *context)
{
    (void)context;
    world_iterate();
}

static void put_b(void *context)
{
    (void)context;
    world_put(B, SMALL);
}

/* The new object takes the place of the freed one. */
static void replace_a(void *context)
{
    (void)context;
    world_free(A);
    world_put(C, SMALL);
}

static void reclaim(void *context)
{
    (void)context;
    reclaim_page();
}

static void read_again(void)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        if (world.objects[i].size != 0)
            (void)world_read(i);
    }
}

static const struct world_case dense = {
    .setup = setup_dense,
    .finish = read_again,
    .reuse = true,
    .opening = "zspool: A alone in a segment"};
static const struct world_case kernel = {
    .setup = setup_kernel,
    .finish = read_again,
    .reuse = true,
    .opening = "zspool: A alone in its zspage"};
static const struct world_case cold = {
    .setup = setup_kernel,
    .begin = begin,
    .finish = read_again,
    .opening = "zspool: A alone in its zspage"};

static const struct lab_actor putting[] = {
    {"zc_zspool_put(B)", put_b},
    {"zc_zspool_iterate()", iterate},
};
static const struct lab_actor freeing[] = {
    {"free(A), put(C)", replace_a},
    {"zc_zspool_iterate()", iterate},
};
static const struct lab_actor reclaiming[] = {
    {"zc_zspool_reclaim()", reclaim},
    {"zc_zspool_iterate()", iterate},
};

#define STORY_PUT                                                              \
    "An object has its place and its cell, and not its bytes yet; a walk "     \
    "over all objects meets it."
#define STORY_FREE                                                             \
    "A visitor looks at an object; another thread frees it, and puts another " \
    "one into its place."
#define STORY_RECLAIM                                                          \
    "A visitor looks at an object that is evicted; when reclaim has ended, "   \
    "its place is free space again."
#define ORIGIN "found by use of this library, 2026"

static const char *const rules_visit_put[] = {"OBJECT_VALID_WHEN_WRITTEN",
                                              NULL};
static const enum lab_failure known_visit_put[] = {LAB_FAILURE_WRONG_BYTES};
static const uint8_t least_visit_put[] = {1};

const struct lab_scenario scenario_visit_put = {
    .summary = "put || walk over all objects",
    .program = {WORLD_PROGRAM("visit-put", putting, &dense), .coalesce = true},
    .break_rule = world_break,
    .rules = rules_visit_put,
    .bound = LAB_NO_BOUND,
    .story = STORY_PUT,
    .origin = ORIGIN,
    .known = known_visit_put,
    .least = least_visit_put,
};

static const char *const rules_visit_free_kernel[] = {"VISITED_OBJECT_STAYS",
                                                      NULL};
static const enum lab_failure known_visit_free_kernel[] = {
    LAB_FAILURE_WRONG_BYTES};
static const uint8_t least_visit_free_kernel[] = {1};

const struct lab_scenario scenario_visit_free_kernel = {
    .summary = "free, put || walk over all objects, kernel placement",
    .program = {WORLD_PROGRAM("visit-free-kernel", freeing, &kernel),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_visit_free_kernel,
    .bound = LAB_NO_BOUND,
    .story = STORY_FREE,
    .origin = ORIGIN,
    .known = known_visit_free_kernel,
    .least = least_visit_free_kernel,
};

static const char *const rules_visit_free_dense[] = {"VISITED_OBJECT_STAYS",
                                                     NULL};
static const enum lab_failure known_visit_free_dense[] = {
    LAB_FAILURE_WRONG_BYTES};
static const uint8_t least_visit_free_dense[] = {1};

const struct lab_scenario scenario_visit_free_dense = {
    .summary = "free, put || walk over all objects, dense placement",
    .program = {WORLD_PROGRAM("visit-free-dense", freeing, &dense),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_visit_free_dense,
    .bound = LAB_NO_BOUND,
    .story = STORY_FREE,
    .origin = ORIGIN,
    .known = known_visit_free_dense,
    .least = least_visit_free_dense,
};

static const char *const rules_visit_reclaim[] = {"VISITED_OBJECT_STAYS", NULL};
/* No object is put into the place that the visitor looks at. */
static const enum lab_failure known_visit_reclaim[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_visit_reclaim[] = {2};

const struct lab_scenario scenario_visit_reclaim = {
    .summary = "reclaim || walk over all objects",
    .program = {WORLD_PROGRAM("visit-reclaim", reclaiming, &cold),
                .coalesce = true, .step_limit = WORLD_STEPS},
    .break_rule = world_break,
    .rules = rules_visit_reclaim,
    .bound = LAB_NO_BOUND,
    .story = STORY_RECLAIM,
    .origin = ORIGIN,
    .known = known_visit_reclaim,
    .least = least_visit_reclaim,
};
