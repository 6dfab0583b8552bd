/* SPDX-License-Identifier: MIT */
/*
 * pool_lru.c - the LRU of zspages, and a reclaim that takes the coldest.
 *
 * Reclaim finds the coldest zspage under the lock of the LRU, and then locks
 * the group that it has.  Meanwhile the zspage may be emptied and used by
 * another group, or get an object that is not written yet.
 */
#include "reclaim.h"
#include "world_internal.h"

#define PAIR_BYTES 2000    /* two to a zspage of one page */
#define QUARTER_BYTES 1000 /* four to a zspage of one page */

static void watch(void)
{
    lab_watch_pool(world.pool, PAIR_BYTES);
    lab_watch_pool(world.pool, QUARTER_BYTES);
}

static void setup_one(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, true);
    world_put(0, PAIR_BYTES);
    watch();
}

static void setup_two(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, true);
    world_put(0, PAIR_BYTES);
    world_put(1, QUARTER_BYTES);
    watch();
}

static struct zc_zspool_read lent;
static bool is_lent;

static void begin(void)
{
    reclaim_reset(0);
    is_lent = false;
}

static void free_a(void *context)
{
    (void)context;
    world_free(0);
}

static void put_quarter(void *context)
{
    (void)context;
    world_put(2, QUARTER_BYTES);
}

static void put_pair(void *context)
{
    (void)context;
    world_put(2, PAIR_BYTES);
}

/* The zspage of A is one of the other class. */
static void free_put(void *context)
{
    (void)context;
    reclaim_free(0);
    world_put(2, QUARTER_BYTES);
}

static void reclaim(void *context)
{
    (void)context;
    reclaim_page();
}

/* It has seen the zspage without a reader. */
static void read_reclaim(void *context)
{
    bool was_lent;

    (void)context;
    (void)world_read(0);
    lab_step(LAB_POINT, NULL, LAB_SITE("before reclaim"));
    was_lent = is_lent;
    reclaim_page();
    if (was_lent && world.objects[0].size == 0)
        lab_fail("object reclaimed while it is read", "object A");
}

static void lend(void *context)
{
    (void)context;
    WORLD_ENTER("zc_zspool_read_begin(A)");
    is_lent = zc_zspool_read_begin(world.pool, world.objects[0].handle,
                                   &lent) == ZC_OK;
    world_leave();
}

static void read_all(void)
{
    for (unsigned i = 0; i < 3; i++) {
        if (world.objects[i].size != 0)
            (void)world_read(i);
    }
}

static void end_reading(void)
{
    if (is_lent)
        zc_zspool_read_end(world.pool, &lent);
}

static const struct world_case one = {
    .setup = setup_one,
    .begin = begin,
    .finish = read_all,
    .opening = "zspool: A alone in its zspage"};
static const struct world_case being_read = {
    .setup = setup_one,
    .begin = begin,
    .finish = end_reading,
    .opening = "zspool: A alone in its zspage"};
static const struct world_case two = {
    .setup = setup_two,
    .begin = begin,
    .finish = read_all,
    .opening = "zspool: A and B, each alone in a zspage"};

static const struct lab_actor changing[] = {
    {"zc_zspool_free(A)", free_a},
    {"zc_zspool_put(C)", put_quarter},
};
static const struct lab_actor reusing[] = {
    {"zc_zspool_reclaim()", reclaim},
    {"free(A), put(C)", free_put},
};
static const struct lab_actor lending[] = {
    {"read(A), reclaim()", read_reclaim},
    {"zc_zspool_read_begin(A)", lend},
};
static const struct lab_actor putting[] = {
    {"zc_zspool_reclaim()", reclaim},
    {"zc_zspool_put(C)", put_pair},
};

const struct lab_scenario scenario_pool_lru = {
    .summary = "last free of a class || put of another, lru = zspage",
    .program = {WORLD_PROGRAM("pool-lru", changing, &two), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A zspage leaves the LRU while another one becomes its hottest.",
    .origin = "this library: the lock of the LRU of zspages",
};

const struct lab_scenario scenario_reclaim_reused = {
    .summary = "reclaim || last free, put of another class",
    .program = {WORLD_PROGRAM("reclaim-reused", reusing, &one),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Reclaim has found the coldest zspage and its group; before it has the "
        "lock of the group the zspage is another group's.",
    .origin = "this library: the checks of begin_reclaim()",
};

const struct lab_scenario scenario_reclaim_put = {
    .summary = "reclaim || put into the zspage",
    .program = {WORLD_PROGRAM("reclaim-put", putting, &one), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "A put has placed its object and not written it yet; reclaim evicts "
        "the objects of that zspage.",
    .origin = "this library: the checks of begin_reclaim()",
};

const struct lab_scenario scenario_reclaim_read = {
    .summary = "reclaim || read of an object there",
    .program = {WORLD_PROGRAM("reclaim-read", lending, &being_read),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A read has pinned the coldest zspage; reclaim, which has seen it "
             "without a pin, evicts what is read.",
    .origin = "this library: the checks of begin_reclaim()",
};
