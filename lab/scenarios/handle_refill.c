/* SPDX-License-Identifier: MIT */
/*
 * handle_refill.c - two groups whose free cells are used up get more at once.
 *
 * A put takes a cell of its group's.  If the group has none, it takes some from
 * the pool's list, or one that was never used.  No cell may go to two groups.
 */
#include "world_internal.h"

#define PAIR_BYTES 2000    /* two to a zspage of one page */
#define QUARTER_BYTES 1000 /* four to a zspage of one page */

static void watch(void)
{
    lab_watch_pool(world.pool, PAIR_BYTES);
    lab_watch_pool(world.pool, QUARTER_BYTES);
}

static void setup(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, PAIR_BYTES);
    world_put(1, QUARTER_BYTES);
    /* No cell is used twice here, so free ones are no use. */
    world_put(2, PAIR_BYTES);
    world_put(3, QUARTER_BYTES);
    world_free(2);
    world_free(3);
    watch();
}

static void put_pair(void *context)
{
    (void)context;
    world_put(2, PAIR_BYTES);
}

static void put_quarter(void *context)
{
    (void)context;
    world_put(3, QUARTER_BYTES);
}

static void read_both(void)
{
    (void)world_read(2);
    (void)world_read(3);
}

static const struct world_case fresh = {.setup = setup, .finish = read_both};

static const struct lab_actor actors[] = {
    {"zc_zspool_put(C)", put_pair},
    {"zc_zspool_put(D)", put_quarter},
};

const struct lab_scenario scenario_refill_new = {
    .summary = "put || put of two classes without a free cell",
    .program = {WORLD_PROGRAM("refill-new", actors, &fresh), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two puts find no cell in their groups and take the first that "
             "was never used: if both take the same, one handle is two "
             "objects'.",
    .origin = "this library: the lock of the list of free cells",
};

/* --- freed cells ----------------------------------------------------- */

#define EIGHTH_BYTES 500 /* eight to a zspage of one page */
#define CELLS 16u /* free ones of a group, of which half go to the pool */

static void put_cells(void)
{
    for (unsigned i = 0; i < CELLS; i++)
        world_put(i, EIGHTH_BYTES);
    for (unsigned i = 1; i < CELLS; i++)
        world_free(i);
}

/* The pool has free cells. */
static void setup_freed(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    put_cells();
    world_free(0);
    world_put(0, PAIR_BYTES);
    world_put(1, QUARTER_BYTES);
    watch();
}

/* It has them when object 0 is freed. */
static void setup_full(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    put_cells();
    world_put(1, QUARTER_BYTES);
    watch();
}

static void free_last(void *context)
{
    (void)context;
    world_free(0);
}

static const struct world_case reused = {
    .setup = setup_freed, .finish = read_both, .reuse = true};
static const struct world_case given = {
    .setup = setup_full, .finish = read_both, .reuse = true};

static const struct lab_actor giving[] = {
    {"zc_zspool_free(A)", free_last},
    {"zc_zspool_put(D)", put_quarter},
};

const struct lab_scenario scenario_refill_reused = {
    .summary = "put || put of two classes, and the pool has free cells",
    .program = {WORLD_PROGRAM("refill-reused", actors, &reused),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two puts find no cell in their groups and take the same free "
             "cells of the pool.",
    .origin = "this library: the lock of the list of free cells",
};

const struct lab_scenario scenario_refill_given = {
    .summary = "free that gives cells to the pool || put that takes them",
    .program = {WORLD_PROGRAM("refill-given", giving, &given),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A free moves cells of its group to the pool's list, while a put "
             "takes cells off it.",
    .origin = "this library: the lock of the list of free cells",
};

/* --- the first cells ------------------------------------------------- */

/* The limit leaves no page, so a put ends when it has a cell. */
static void setup_first(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_must(zc_zspool_set_limit(world.pool, 1), "no limit");
}

static void put_refused(void *context)
{
    zc_handle handle;
    const char byte = 1;
    const zc_status status =
        zc_zspool_put(world.pool, &byte, sizeof(byte), &handle);

    (void)context;
    if (status != ZC_REJECTED)
        lab_fail("no limit", "%s", zc_status_name(status));
}

static const struct world_case first = {.setup = setup_first};

static const struct lab_actor refused[] = {
    {"zc_zspool_put(A)", put_refused},
    {"zc_zspool_put(B)", put_refused},
};

const struct lab_scenario scenario_refill_first = {
    .summary = "put || put in a pool without a cell",
    .program = {WORLD_PROGRAM("refill-first", refused, &first),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two puts make the first block of cells: if both publish theirs, "
             "the cells of one are lost.",
    .origin = "this library: the blocks of an array of records",
};
