/* SPDX-License-Identifier: MIT */
/*
 * compaction_put.c - objects move while others are put, and while another
 * compaction runs.
 *
 * A put has placed its object, and pins its zspage until it has written the
 * bytes.  A read that finds its zspage locked by a compaction waits for the
 * lock, and pins the place where the object is then.
 */
#include "lab_platform.h"
#include "world.h"

#define PAIR_BYTES 2000  /* kernel: two to a zspage of one page */
#define LARGE_BYTES 4000 /* dense: four to a segment of four pages */

#define NEW 8u
#define MOVED 5u

/* A zspage that is full. */
static void setup_kernel(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, PAIR_BYTES);
    world_put(1, PAIR_BYTES);
    lab_watch_pool(world.pool, PAIR_BYTES);
}

/* Two segments with B, and with E and F: a new object fits best in front of B,
 * and then compaction empties that segment. */
static void setup_dense(void)
{
    static const unsigned gone[] = {0, 2, 3, 6, 7};

    world_pool(ZC_PLACEMENT_DENSE, false);
    for (unsigned i = 0; i < 8; i++)
        world_put(i, LARGE_BYTES);
    for (unsigned i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        world_free(gone[i]);
    lab_watch_pool(world.pool, LARGE_BYTES);
}

/* Two groups: a full segment with a hole in one, and a large object alone in
 * the other, which compaction moves into the hole. */
static void setup_groups(void)
{
    world_pool_groups(2);
    for (unsigned i = 0; i < 4; i++)
        world_put(i, LARGE_BYTES);
    lab_setup_processor = 1;
    world_put(4, LARGE_BYTES);
    lab_setup_processor = 0;
    world_free(1);
    lab_watch_group(world.pool, 0);
    lab_watch_group(world.pool, 1);
}

/* Two segments with two objects each: the first of E and F moves first. */
static void setup_halves(void)
{
    static const unsigned gone[] = {2, 3, 6, 7};

    world_pool(ZC_PLACEMENT_DENSE, false);
    for (unsigned i = 0; i < 8; i++)
        world_put(i, LARGE_BYTES);
    for (unsigned i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        world_free(gone[i]);
    lab_watch_pool(world.pool, LARGE_BYTES);
}

static void compact(void *context)
{
    (void)context;
    world_compact();
}

static void compact_one(void *context)
{
    (void)context;
    world_compact_some(1);
}

static void free_compact(void *context)
{
    (void)context;
    world_free(0);
    world_compact();
}

static void put_pair(void *context)
{
    (void)context;
    world_put(NEW, PAIR_BYTES);
}

static void put_large(void *context)
{
    (void)context;
    world_put(NEW, LARGE_BYTES);
}

static void read_moved(void *context)
{
    (void)context;
    (void)world_read(MOVED);
}

static void read_all(void)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        if (world.objects[i].size != 0)
            (void)world_read(i);
    }
}

static const struct world_case kernel = {
    .setup = setup_kernel,
    .finish = read_all,
    .opening = "zspool: A and B fill a zspage"};
static const struct world_case dense = {
    .setup = setup_dense,
    .finish = read_all,
    .opening = "zspool: two segments with B, and with E and F"};
static const struct world_case groups = {
    .setup = setup_groups,
    .finish = read_all,
    .opening = "zspool: two groups, a hole in one, E alone in the other"};
static const struct world_case halves = {
    .setup = setup_halves,
    .finish = read_all,
    .opening = "zspool: two segments with A and B, and with E and F"};

static const struct lab_actor putting_kernel[] = {
    {"zc_zspool_put(I)", put_pair},
    {"free(A), compact()", free_compact},
};
static const struct lab_actor putting_dense[] = {
    {"zc_zspool_put(I)", put_large},
    {"compact(), one object", compact_one},
};
static const struct lab_actor pausing[] = {
    {"compact(), one object", compact_one},
    {"zc_zspool_put(I)", put_large},
};
static const struct lab_actor putting_groups[] = {
    {"zc_zspool_put(I)", put_large},
    {"zc_zspool_compact()", compact},
};
static const struct lab_actor reading[] = {
    {"compact(), one object", compact_one},
    {"read(F)", read_moved},
    {"zc_zspool_compact()", compact},
};
static const struct lab_actor twice[] = {
    {"zc_zspool_compact()", compact},
    {"zc_zspool_compact()", compact},
};

#define STORY_PUT                                                              \
    "A put has placed its object, and not written it yet; compaction moves "   \
    "what is there."
#define ORIGIN "this library: the pin of a put"

const struct lab_scenario scenario_compact_put_kernel = {
    .summary = "free, compact || put, kernel placement",
    .program = {WORLD_PROGRAM("compact-put-kernel", putting_kernel, &kernel),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = STORY_PUT,
    .origin = ORIGIN,
};

const struct lab_scenario scenario_compact_put_dense = {
    .summary = "compact || put, dense placement",
    .program = {WORLD_PROGRAM("compact-put-dense", putting_dense, &dense),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = STORY_PUT,
    .origin = ORIGIN,
};

const struct lab_scenario scenario_compact_put_groups = {
    .summary = "compact || put into the hole, of two groups",
    .program = {WORLD_PROGRAM("compact-put-groups", putting_groups, &groups),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Compaction moves an object into a hole of another group, where a put "
        "places one.",
    .origin = "this library: the try of another group's lock",
};

const struct lab_scenario scenario_compact_read_step = {
    .summary = "compact || read || compact",
    .program = {WORLD_PROGRAM("compact-read-step", reading, &halves),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "A read finds a zspage locked by a step of a compaction and waits; the "
        "next step moves the object while it is read.",
    .origin = "this library: the pin of a read that waited",
};

const struct lab_scenario scenario_compact_twice = {
    .summary = "compact || compact",
    .program = {WORLD_PROGRAM("compact-twice", twice, &kernel),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Two compactions share where the round is: one goes on behind the last "
        "class.",
    .origin = "this library: the mutex of compaction",
};

const struct lab_scenario scenario_compact_pause = {
    .summary = "compact that ends early || put",
    .program = {WORLD_PROGRAM("compact-pause", pausing, &halves),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "A compaction ends before it has emptied a segment and lets puts find "
        "its free space again, while a put looks for some.",
    .origin = "this library: zc_dense_compact_pause()",
};
