/* SPDX-License-Identifier: MIT */
/*
 * compaction.c - objects move while they are freed, read and reclaimed.
 *
 * A free and a read find the place of an object in its cell, and then lock or
 * pin what is there; in between the object may move
 * (LOCATION_REREAD_UNDER_LOCK).  A read keeps its zspage where it is
 * (WALK_EXCLUDES_MOVE), and so does reclaim, by taking it off the lists
 * (RECLAIM_OFF_ALL_LISTS).
 *
 * A compaction that empties its source in one step leaves nothing to find at
 * the old place.  So here it takes two steps: in kernel placement because the
 * fullest zspage has room for one object only, in dense placement because
 * objects slide down to make room for a large one.
 */
#include "lab_platform.h"
#include "reclaim.h"

#define PAIR_BYTES 2000    /* kernel: two to a zspage of one page */
#define QUARTER_BYTES 1000 /* kernel: four to a zspage of one page */
#define LARGE_BYTES 4000   /* dense: four to a segment of four pages */
#define SMALL_BYTES 1000   /* dense: sixteen */

#define SMALL_COUNT 16u
#define LARGE 16u /* the large object */
#define MOVED_KERNEL 8u
#define MOVED_DENSE 3u
#define MOVED_GROUPS 4u

/*
 * Three zspages of four places, with 3, 2 and 2 objects.  The first has room
 * for one of the two objects that move, so their zspage stays for a while.
 */
static void setup_kernel(void)
{
    static const unsigned gone[] = {3, 6, 7, 10, 11};

    world_pool(ZC_PLACEMENT_KERNEL, true);
    for (unsigned i = 0; i < 12; i++)
        world_put(i, QUARTER_BYTES);
    for (unsigned i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        world_free(gone[i]);
    lab_watch_pool(world.pool, QUARTER_BYTES);
}

/*
 * A segment full of small objects, of which every other one is free, and a
 * segment with a large object and a small one: the small ones slide down to
 * make room for the large one.
 */
static void setup_dense(void)
{
    world_pool(ZC_PLACEMENT_DENSE, true);
    for (unsigned i = 0; i < SMALL_COUNT; i++)
        world_put(i, SMALL_BYTES);
    world_put(LARGE, LARGE_BYTES);
    world_put(LARGE + 1, SMALL_BYTES);
    for (unsigned i = 0; i < SMALL_COUNT; i += 2)
        world_free(i);
    lab_watch_pool(world.pool, SMALL_BYTES);
}

/* Two zspages, an object alone in each: the first is the coldest. */
static void setup_pairs(void)
{
    world_pool(ZC_PLACEMENT_KERNEL, true);
    for (unsigned i = 0; i < 4; i++)
        world_put(i, PAIR_BYTES);
    world_free(1);
    world_free(3);
    lab_watch_pool(world.pool, PAIR_BYTES);
}

/* Two segments: the coldest is the emptiest too. */
static void setup_segments(void)
{
    world_pool(ZC_PLACEMENT_DENSE, true);
    for (unsigned i = 0; i < 8; i++)
        world_put(i, LARGE_BYTES);
    for (unsigned i = 1; i < 6; i++)
        world_free(i);
    lab_watch_pool(world.pool, LARGE_BYTES);
}

/*
 * Two groups: a full segment with a hole in one, and a large object alone in
 * the other, which compaction moves into the hole.
 */
static void setup_groups(void)
{
    world_pool_groups(2);
    for (unsigned i = 0; i < 4; i++)
        world_put(i, LARGE_BYTES);
    lab_setup_processor = 1;
    world_put(MOVED_GROUPS, LARGE_BYTES);
    lab_setup_processor = 0;
    world_free(1);
    lab_watch_group(world.pool, 0);
    lab_watch_group(world.pool, 1);
}

static void begin(void)
{
    reclaim_reset(0);
}

static void compact(void *context)
{
    (void)context;
    world_compact();
}

static void free_kernel(void *context)
{
    (void)context;
    world_free(MOVED_KERNEL);
}

static void free_dense(void *context)
{
    (void)context;
    world_free(MOVED_DENSE);
}

static void read_kernel(void *context)
{
    (void)context;
    (void)world_read(MOVED_KERNEL);
}

static void read_dense(void *context)
{
    (void)context;
    (void)world_read(MOVED_DENSE);
}

static void free_groups(void *context)
{
    (void)context;
    world_free(MOVED_GROUPS);
}

static void read_groups(void *context)
{
    (void)context;
    (void)world_read(MOVED_GROUPS);
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

static const struct world_case kernel = {
    .setup = setup_kernel,
    .finish = read_again,
    .opening = "zspool: three zspages with 3, 2 and 2 objects of 4"};
static const struct world_case dense = {
    .setup = setup_dense,
    .finish = read_again,
    .opening = "zspool: a segment of small objects and gaps, and another"};
static const struct world_case groups = {
    .setup = setup_groups,
    .finish = read_again,
    .opening = "zspool: two groups, a hole in one, E alone in the other"};
static const struct world_case pairs = {
    .setup = setup_pairs,
    .begin = begin,
    .finish = read_again,
    .opening = "zspool: A and C, each alone in its zspage"};
static const struct world_case segments = {
    .setup = setup_segments,
    .begin = begin,
    .finish = read_again,
    .opening = "zspool: A alone in the coldest segment, G and H in another"};

static const struct lab_actor freeing_kernel[] = {
    {"zc_zspool_compact()", compact},
    {"zc_zspool_free(I)", free_kernel},
};
static const struct lab_actor freeing_dense[] = {
    {"zc_zspool_compact()", compact},
    {"zc_zspool_free(D)", free_dense},
};
static const struct lab_actor reading_kernel[] = {
    {"zc_zspool_compact()", compact},
    {"read(I)", read_kernel},
};
static const struct lab_actor reading_dense[] = {
    {"zc_zspool_compact()", compact},
    {"read(D)", read_dense},
};
static const struct lab_actor freeing_groups[] = {
    {"zc_zspool_compact()", compact},
    {"zc_zspool_free(E)", free_groups},
};
static const struct lab_actor reading_groups[] = {
    {"zc_zspool_compact()", compact},
    {"read(E)", read_groups},
};
static const struct lab_actor reclaiming[] = {
    {"zc_zspool_reclaim()", reclaim},
    {"zc_zspool_compact()", compact},
};

#define STORY_FREE                                                             \
    "A free reads where the object is, and then locks that place; by then "    \
    "compaction has moved the object."
#define STORY_READ                                                             \
    "A read has looked up an object and uses its bytes; compaction moves "     \
    "them away."
#define STORY_RECLAIM                                                          \
    "Reclaim has chosen a zspage and evicts its objects without a lock; "      \
    "compaction finds the same zspage, empties it and gives it back."
#define ORIGIN_FREE                                                            \
    "zsmalloc: fix migrate_zspage-zs_free race condition, c102f07ca0b0, 2016"
#define ORIGIN_READ                                                            \
    "zsmalloc: fix races between asynchronous zspage free and page "           \
    "migration, 2505a981114d, 2022"
#define ORIGIN_RECLAIM                                                         \
    "zsmalloc: fix a race with deferred_handles storing, 85b325815b56, 2023"

static const char *const rules_compact_free_kernel[] = {
    "LOCATION_REREAD_UNDER_LOCK", NULL};
static const enum lab_failure known_compact_free_kernel[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_compact_free_kernel[] = {1};

const struct lab_scenario scenario_compact_free_kernel = {
    .summary = "compact || free, kernel placement",
    .program = {WORLD_PROGRAM("compact-free-kernel", freeing_kernel, &kernel),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_compact_free_kernel,
    .bound = LAB_NO_BOUND,
    .story = STORY_FREE,
    .origin = ORIGIN_FREE,
    .known = known_compact_free_kernel,
    .least = least_compact_free_kernel,
};

static const char *const rules_compact_free_dense[] = {
    "LOCATION_REREAD_UNDER_LOCK", NULL};
static const enum lab_failure known_compact_free_dense[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_compact_free_dense[] = {1};

const struct lab_scenario scenario_compact_free_dense = {
    .summary = "compact || free, dense placement",
    .program = {WORLD_PROGRAM("compact-free-dense", freeing_dense, &dense),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_compact_free_dense,
    .bound = LAB_NO_BOUND,
    .story = STORY_FREE,
    .origin = ORIGIN_FREE,
    .known = known_compact_free_dense,
    .least = least_compact_free_dense,
};

static const char *const rules_compact_read_kernel[] = {
    "WALK_EXCLUDES_MOVE", "LOCATION_REREAD_UNDER_LOCK", NULL};
/* The place that is read is free; no object is put into it, whose bytes could
 * be read instead. */
static const enum lab_failure known_compact_read_kernel[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_compact_read_kernel[] = {1, 1};

const struct lab_scenario scenario_compact_read_kernel = {
    .summary = "compact || read, kernel placement",
    .program = {WORLD_PROGRAM("compact-read-kernel", reading_kernel, &kernel),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_compact_read_kernel,
    .bound = LAB_NO_BOUND,
    .story = STORY_READ,
    .origin = ORIGIN_READ,
    .known = known_compact_read_kernel,
    .least = least_compact_read_kernel,
};

static const char *const rules_compact_read_dense[] = {
    "WALK_EXCLUDES_MOVE", "LOCATION_REREAD_UNDER_LOCK", NULL};
static const enum lab_failure known_compact_read_dense[] = {
    LAB_FAILURE_WRONG_BYTES, LAB_FAILURE_WRONG_BYTES};
static const uint8_t least_compact_read_dense[] = {1, 1};

const struct lab_scenario scenario_compact_read_dense = {
    .summary = "compact || read, dense placement",
    .program = {WORLD_PROGRAM("compact-read-dense", reading_dense, &dense),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_compact_read_dense,
    .bound = LAB_NO_BOUND,
    .story = STORY_READ,
    .origin = ORIGIN_READ,
    .known = known_compact_read_dense,
    .least = least_compact_read_dense,
};

static const char *const rules_reclaim_compact_kernel[] = {
    "RECLAIM_OFF_ALL_LISTS", NULL};
/* A use after free in the kernel; here descriptors outlive their zspages, and
 * a pointer in one is NULL. */
static const enum lab_failure known_reclaim_compact_kernel[] = {
    LAB_FAILURE_CRASH};
static const uint8_t least_reclaim_compact_kernel[] = {1};

const struct lab_scenario scenario_reclaim_compact_kernel = {
    .summary = "reclaim || compact, kernel placement",
    .program = {WORLD_PROGRAM("reclaim-compact-kernel", reclaiming, &pairs),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_reclaim_compact_kernel,
    .bound = LAB_NO_BOUND,
    .story = STORY_RECLAIM,
    .origin = ORIGIN_RECLAIM,
    .known = known_reclaim_compact_kernel,
    .least = least_reclaim_compact_kernel,
};

static const char *const rules_reclaim_compact_dense[] = {
    "RECLAIM_OFF_ALL_LISTS", NULL};
/* A use after free in the kernel; here descriptors outlive their zspages, and
 * a pointer in one is NULL. */
static const enum lab_failure known_reclaim_compact_dense[] = {
    LAB_FAILURE_CRASH};
static const uint8_t least_reclaim_compact_dense[] = {1};

const struct lab_scenario scenario_reclaim_compact_dense = {
    .summary = "reclaim || compact, dense placement",
    .program = {WORLD_PROGRAM("reclaim-compact-dense", reclaiming, &segments),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_reclaim_compact_dense,
    .bound = LAB_NO_BOUND,
    .story = STORY_RECLAIM,
    .origin = ORIGIN_RECLAIM,
    .known = known_reclaim_compact_dense,
    .least = least_reclaim_compact_dense,
};

#define STORY_GROUPS                                                           \
    "Compaction moves an object to a segment of another group; a free or a "   \
    "read has found it in the first, whose lock it takes."

static const char *const rules_compact_free_groups[] = {
    "LOCATION_REREAD_UNDER_LOCK", NULL};
static const enum lab_failure known_compact_free_groups[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_compact_free_groups[] = {1};

const struct lab_scenario scenario_compact_free_groups = {
    .summary = "compact || free, from one group to another",
    .program = {WORLD_PROGRAM("compact-free-groups", freeing_groups, &groups),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_compact_free_groups,
    .bound = LAB_NO_BOUND,
    .story = STORY_GROUPS,
    .origin = ORIGIN_FREE,
    .known = known_compact_free_groups,
    .least = least_compact_free_groups,
};

static const char *const rules_compact_read_groups[] = {
    "WALK_EXCLUDES_MOVE", "LOCATION_REREAD_UNDER_LOCK", NULL};
/* The place that is read is free; no object is put into it, whose bytes could
 * be read instead. */
static const enum lab_failure known_compact_read_groups[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_compact_read_groups[] = {1, 1};

const struct lab_scenario scenario_compact_read_groups = {
    .summary = "compact || read, from one group to another",
    .program = {WORLD_PROGRAM("compact-read-groups", reading_groups, &groups),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_compact_read_groups,
    .bound = LAB_NO_BOUND,
    .story = STORY_GROUPS,
    .origin = ORIGIN_READ,
    .known = known_compact_read_groups,
    .least = least_compact_read_groups,
};
