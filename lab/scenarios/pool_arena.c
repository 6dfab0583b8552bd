/* SPDX-License-Identifier: MIT */
/*
 * pool_arena.c - two threads take zspages from the arena, or give them back, at
 * once.  Each group has a lock; the arena has its own.
 *
 * Dense placement keeps empty zspages, up to the pages of a segment, and one
 * empty chunk.
 */
#include "world.h"

#define PAIR_BYTES 2000    /* kernel: two to a zspage of one page */
#define QUARTER_BYTES 1000 /* kernel: four to a zspage of one page */
#define THREE_BYTES 3000   /* kernel: four to a zspage of three pages */
#define PAGE_BYTES 4096    /* dense: a zspage of one page */
#define LARGE_BYTES 4000   /* dense: in a segment */

/* One object, alone in its zspage, of each class. */
static void setup(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    lab_watch_pool(world.pool, PAIR_BYTES);
    lab_watch_pool(world.pool, QUARTER_BYTES);
    world_put(0, PAIR_BYTES);
    world_put(1, QUARTER_BYTES);
}

static void free_pair(void *context)
{
    (void)context;
    world_free(0);
}

static void free_and_put(void *context)
{
    (void)context;
    world_free(1);
    world_put(3, QUARTER_BYTES);
}

static void read_again(void)
{
    (void)world_read(3);
}

static const struct world_case own = {
    .setup = setup, .finish = read_again, .opening = "A and B, each alone"};

static const struct lab_actor actors[] = {
    {"zc_zspool_free(A)", free_pair},
    {"free(B), put(D)", free_and_put},
};

const struct lab_scenario scenario_arena_free = {
    .summary = "last free of a class || last free of another, put",
    .program = {WORLD_PROGRAM("arena-free", actors, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two classes give their last zspage back; the chunk that has both "
             "goes with the second, while one of them takes a zspage again.",
    .origin = "this library: the lock of the arena",
};

/* --- no chunk -------------------------------------------------------- */

/* No chunk of this length was ever made, only one of another. */
static void setup_new(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, false);
    world_put(0, THREE_BYTES);
    world_free(0);
    lab_watch_pool(world.pool, PAIR_BYTES);
    lab_watch_pool(world.pool, QUARTER_BYTES);
}

static void put_pair(void *context)
{
    (void)context;
    world_put(0, PAIR_BYTES);
}

static void put_quarter(void *context)
{
    (void)context;
    world_put(1, QUARTER_BYTES);
}

static void read_all(void)
{
    for (unsigned i = 0; i < 4; i++) {
        if (world.objects[i].size != 0)
            (void)world_read(i);
    }
}

static const struct world_case fresh = {
    .setup = setup_new,
    .finish = read_all,
    .opening = "an empty pool that was used"};

static const struct lab_actor making[] = {
    {"zc_zspool_put(A)", put_pair},
    {"zc_zspool_put(B)", put_quarter},
};

const struct lab_scenario scenario_arena_new = {
    .summary = "first put of a class || first put of another",
    .program = {WORLD_PROGRAM("arena-new", making, &fresh), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two classes find no chunk, and each makes one: both take "
             "the same number for it.",
    .origin = "this library: the lock of the arena",
};

/* --- zspages that are kept ------------------------------------------- */

static void watch_dense(void)
{
    lab_watch_pool(world.pool, LARGE_BYTES);
    lab_watch_pool(world.pool, PAGE_BYTES);
}

static void setup_kept(void)
{
    world_pool(ZC_PLACEMENT_DENSE, false);
    world_put(0, PAGE_BYTES);
    world_free(0);
    watch_dense();
}

static void setup_full(void)
{
    world_pool(ZC_PLACEMENT_DENSE, false);
    world_put(0, PAGE_BYTES);
    world_put(1, LARGE_BYTES);
    watch_dense();
}

/* The segment is kept, and so the page is not; its chunk is. */
static void setup_kept_chunk(void)
{
    setup_full();
    world_free(1);
    world_free(0);
}

static void free_page(void *context)
{
    (void)context;
    world_free(0);
}

static void free_large(void *context)
{
    (void)context;
    world_free(1);
}

static void put_page(void *context)
{
    (void)context;
    world_put(2, PAGE_BYTES);
}

static void put_other_page(void *context)
{
    (void)context;
    world_put(3, PAGE_BYTES);
}

static void put_both(void *context)
{
    (void)context;
    world_put(2, PAGE_BYTES);
    world_put(3, LARGE_BYTES);
}

static void compact(void *context)
{
    (void)context;
    world_compact();
}

static const struct world_case kept = {
    .setup = setup_kept, .finish = read_all, .opening = "one zspage is kept"};
static const struct world_case full = {
    .setup = setup_full,
    .finish = read_all,
    .opening = "A in a page, B in a segment"};
static const struct world_case kept_chunk = {
    .setup = setup_kept_chunk,
    .finish = read_all,
    .opening = "a segment is kept, and the chunk of a page"};

static const struct lab_actor taking[] = {
    {"zc_zspool_put(C)", put_page},
    {"zc_zspool_put(D)", put_other_page},
};
static const struct lab_actor keeping[] = {
    {"zc_zspool_free(A)", free_page},
    {"zc_zspool_free(B)", free_large},
};
static const struct lab_actor giving[] = {
    {"zc_zspool_compact()", compact},
    {"put(C), put(D)", put_both},
};

const struct lab_scenario scenario_arena_kept = {
    .summary = "put || put, and one zspage is kept",
    .program = {WORLD_PROGRAM("arena-kept", taking, &kept), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two puts find the zspage that is kept and both take it.",
    .origin = "this library: the lock of the arena",
};

const struct lab_scenario scenario_arena_keep = {
    .summary = "free || free, and one of the zspages is kept",
    .program = {WORLD_PROGRAM("arena-keep", keeping, &full), .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Two frees look how much is kept, and both keep their zspage: more "
        "than is to be kept.",
    .origin = "this library: the lock of the arena",
};

const struct lab_scenario scenario_arena_back = {
    .summary = "compaction of an empty pool || puts",
    .program = {WORLD_PROGRAM("arena-back", giving, &kept_chunk),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A compaction gives back what is kept, while puts take it.",
    .origin = "this library: the lock of the arena",
};
