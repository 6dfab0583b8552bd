/* SPDX-License-Identifier: MIT */
/*
 * last_reader.c - the last reader of a zspage that is empty releases it, while
 * the zspage gets another object, and then moves to another class.
 *
 * The reader has ended its pin when it looks which group the zspage has.
 */
#include "lab_platform.h"
#include "world_internal.h"

#define PAIR_BYTES 2000    /* two to a zspage of one page */
#define QUARTER_BYTES 1000 /* four to a zspage of one page */

static struct zc_zspool_read first;

/* A is read, and freed meanwhile. */
static void setup(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, PAIR_BYTES);
    world_must(
        zc_zspool_read_begin(world.pool, world.objects[0].handle, &first),
        "object cannot be read");
    world_free(0);
    lab_watch_pool(world.pool, PAIR_BYTES);
    lab_watch_pool(world.pool, QUARTER_BYTES);
}

static void end_reading(void *context)
{
    struct zc_zspool_read read = first;

    (void)context;
    WORLD_ENTER("zc_zspool_read_end(A)");
    zc_zspool_read_end(world.pool, &read);
    world_leave();
}

/* Its zspage is used again, released, and used by another class, where it is
 * empty and has a reader too. */
static void use_again(void *context)
{
    struct zc_zspool_read read;

    (void)context;
    world_put(1, PAIR_BYTES);
    world_free(1);
    world_put(2, QUARTER_BYTES);
    world_must(zc_zspool_read_begin(world.pool, world.objects[2].handle, &read),
               "object cannot be read");
    world_free(2);
    WORLD_ENTER("zc_zspool_read_end(C)");
    zc_zspool_read_end(world.pool, &read);
    world_leave();
}

/* A is read. */
static void setup_read(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, PAIR_BYTES);
    world_must(
        zc_zspool_read_begin(world.pool, world.objects[0].handle, &first),
        "object cannot be read");
    lab_watch_pool(world.pool, PAIR_BYTES);
}

static void free_a(void *context)
{
    (void)context;
    world_free(0);
}

/* It has seen the reader, and that the zspage was not emptied. */
static void put_again(void *context)
{
    (void)context;
    world_put(1, PAIR_BYTES);
    world_free(1);
    world_put(2, PAIR_BYTES);
}

static void end_all(void)
{
    struct zc_zspool_read read = first;

    zc_zspool_read_end(world.pool, &read);
    (void)world_read(2);
}

static const struct world_case own = {.setup = setup,
                                      .opening = "A is being read, and freed"};

static const struct lab_actor actors[] = {
    {"zc_zspool_read_end(A)", end_reading},
    {"put(B), free(B), put(C), read, free(C)", use_again},
};

const struct lab_scenario scenario_last_reader = {
    .summary = "last reader of a freed object || its zspage used by others",
    .program = {WORLD_PROGRAM("last-reader", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "The last reader of an empty zspage is to release it, and has no "
             "pin any more: before it has the lock of the zspage's group the "
             "zspage is in another group, empty and read there too.",
    .origin = "this library: the last look of release_emptied()",
};

static const struct world_case being_read = {
    .setup = setup_read, .finish = end_all, .opening = "A is being read"};

static const struct lab_actor putting[] = {
    {"zc_zspool_free(A)", free_a},
    {"put(B), free(B), put(C)", put_again},
};

const struct lab_scenario scenario_emptied_put = {
    .summary = "last free of a zspage that is read || put into it",
    .program = {WORLD_PROGRAM("emptied-put", putting, &being_read),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "A free empties a zspage that has a reader, which is to release it; a "
        "put that does not see this lets it release the new object.",
    .origin = "this library: zc_zspage_cancel_release()",
};
