/* SPDX-License-Identifier: MIT */
/*
 * pool_growth.c - a group needs pages, while another thread does too or frees
 * the objects that the group has.
 *
 * A segment has four of its eight pages and grows by four; or the limit has
 * left it one page.
 */
#include "world_internal.h"

#define LARGE_BYTES 4000 /* one to a page */
#define PAIR_BYTES 2000  /* kernel: two to a zspage of one page */

static void setup(void)
{
    world_pool_growing();
    for (unsigned i = 0; i < 4; i++)
        world_put(i, LARGE_BYTES);
    lab_watch_pool(world.pool, LARGE_BYTES);
}

static void put_one(void *context)
{
    (void)context;
    world_put(4, LARGE_BYTES);
}

static void put_another(void *context)
{
    (void)context;
    world_put(5, LARGE_BYTES);
}

static void read_all(void)
{
    for (unsigned i = 0; i < 6; i++) {
        if (world.objects[i].size != 0)
            (void)world_read(i);
    }
}

static const struct world_case own = {
    .setup = setup,
    .finish = read_all,
    .opening = "zspool: a segment whose first four pages are full"};

static const struct lab_actor actors[] = {
    {"zc_zspool_put(E)", put_one},
    {"zc_zspool_put(F)", put_another},
};

const struct lab_scenario scenario_grow_twice = {
    .summary = "put || put, and the segment has to grow",
    .program = {WORLD_PROGRAM("grow-twice", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Two puts find no room and make the same segment longer: it has more "
        "pages than there are.",
    .origin = "this library: the growth mutex of a group",
};

/* --- a segment that is emptied --------------------------------------- */

/* The segment has one page, which is full, and may have more now. */
static void setup_short(void)
{
    world_pool_growing();
    world_must(zc_zspool_set_limit(world.pool, WORLD_PAGE), "no limit");
    world_put(0, LARGE_BYTES);
    world_must(zc_zspool_set_limit(world.pool, 0), "a limit");
    lab_watch_pool(world.pool, LARGE_BYTES);
}

static void free_a(void *context)
{
    (void)context;
    world_free(0);
}

static const struct world_case emptied = {
    .setup = setup_short,
    .finish = read_all,
    .opening = "zspool: A alone in a segment of one page"};

static const struct lab_actor emptying[] = {
    {"zc_zspool_put(E)", put_one},
    {"zc_zspool_free(A)", free_a},
};

const struct lab_scenario scenario_grow_emptied = {
    .summary = "put that makes a segment longer || its last free",
    .program = {WORLD_PROGRAM("grow-emptied", emptying, &emptied),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "A put asks for pages of a segment without a lock; a free empties the "
        "segment, which must not be released.",
    .origin = "this library: the pin of grow_segment()",
};

/* --- the last pages below the limit ---------------------------------- */

/* A full zspage, and the limit leaves one page. */
static void setup_limit(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, PAIR_BYTES);
    world_put(1, PAIR_BYTES);
    world_must(zc_zspool_set_limit(world.pool, 2 * WORLD_PAGE), "no limit");
    lab_watch_pool(world.pool, PAIR_BYTES);
}

static void put_pair(void *context)
{
    (void)context;
    world_put(4, PAIR_BYTES);
}

static void put_other_pair(void *context)
{
    (void)context;
    world_put(5, PAIR_BYTES);
}

static const struct world_case limited = {
    .setup = setup_limit,
    .finish = read_all,
    .opening = "zspool: A and B fill a zspage, one page is left"};

static const struct lab_actor limiting[] = {
    {"zc_zspool_put(E)", put_pair},
    {"zc_zspool_put(F)", put_other_pair},
    {"zc_zspool_free(A)", free_a},
};

const struct lab_scenario scenario_grow_limit = {
    .summary = "put || put || free, and the limit leaves one page",
    .program = {WORLD_PROGRAM("grow-limit", limiting, &limited),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Two puts need a zspage and there is one page: the second is refused, "
        "although the first has room for both.",
    .origin = "this library: the growth mutex of a group",
};
