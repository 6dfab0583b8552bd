/* SPDX-License-Identifier: MIT */
/*
 * recompress.c - a page is compressed again while its slot is used.
 *
 * A recompression reads an entry, compresses its page with no lock held, and
 * then links a smaller entry in place of the one it read.  Meanwhile the page
 * may be stored over, taken or invalidated; and writeback, which found the old
 * entry under its pin, may be about to unlink that.
 */
#include "world.h"

/* One page, raw: the compressor that is current now makes it smaller. */
static void setup(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "copy");
    (void)world_store(1, 1);
    world_watch_cache();
    (void)world_set_compressor("lz4");
}

static void setup_on_disk(void)
{
    world_disk();
    (void)world_set_compressor("copy");
    (void)world_store(1, 1);
    world_make_cold();
    world_watch_cache();
    (void)world_set_compressor("lz4");
}

/* With an LRU, and without a device. */
static void setup_in_line(void)
{
    world_lru_cache();
    (void)world_set_compressor("copy");
    (void)world_store(1, 1);
    world_watch_cache();
    (void)world_set_compressor("lz4");
}

static void recompress(void *context)
{
    (void)context;
    (void)world_recompress();
}

static void store(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static void load(void *context)
{
    (void)context;
    (void)world_load(1);
}

static void take(void *context)
{
    (void)context;
    (void)world_take(1);
}

static void invalidate(void *context)
{
    (void)context;
    (void)world_invalidate(1);
}

static void write_back(void *context)
{
    (void)context;
    (void)world_writeback();
}

static void load_again(void)
{
    (void)world_load(1);
}

#define OPENING "zc_cache_store(0:1, page), set_compressor(\"lz4\")"

static const struct world_case own = {
    .setup = setup, .opening = OPENING, .finish = load_again};
static const struct world_case on_disk = {
    .setup = setup_on_disk, .opening = OPENING, .finish = load_again};
static const struct world_case in_line = {
    .setup = setup_in_line, .opening = OPENING, .finish = load_again};

static const struct lab_actor storing[] = {
    {"zc_cache_recompress()", recompress},
    {"zc_cache_store(0:1)", store},
};
static const struct lab_actor loading[] = {
    {"zc_cache_recompress()", recompress},
    {"zc_cache_load(0:1)", load},
};
static const struct lab_actor taking[] = {
    {"zc_cache_recompress()", recompress},
    {"zc_cache_take(0:1)", take},
};
static const struct lab_actor invalidating[] = {
    {"zc_cache_recompress()", recompress},
    {"zc_cache_invalidate(0:1)", invalidate},
};
static const struct lab_actor writing[] = {
    {"zc_cache_recompress()", recompress},
    {"shrink", write_back},
};

#define ORIGIN "zram: introduce ZRAM_PP_SLOT flag, 2024"

static const char *const rules_unchanged[] = {"REPLACED_ONLY_UNCHANGED", NULL};
static const uint8_t least_one[] = {1};

static const enum lab_failure known_recompress_store[] = {
    LAB_FAILURE_STALE_PAGE};

const struct lab_scenario scenario_recompress_store = {
    .summary = "recompression || store to its slot",
    .program = {WORLD_PROGRAM("recompress-store", storing, &in_line),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_unchanged,
    .bound = LAB_NO_BOUND,
    .story = "A page is stored over while its older version is compressed "
             "again; the smaller entry of the older version replaces it.",
    .origin = ORIGIN,
    .known = known_recompress_store,
    .least = least_one,
};

static const enum lab_failure known_recompress_take[] = {
    LAB_FAILURE_STALE_PAGE};

const struct lab_scenario scenario_recompress_take = {
    .summary = "recompression || take of its page",
    .program = {WORLD_PROGRAM("recompress-take", taking, &own),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_unchanged,
    .bound = LAB_NO_BOUND,
    .story = "A page is taken while it is compressed again; the smaller entry "
             "is linked, and the page is there a second time.",
    .origin = ORIGIN,
    .known = known_recompress_take,
    .least = least_one,
};

static const enum lab_failure known_recompress_invalidate[] = {
    LAB_FAILURE_STALE_PAGE};

const struct lab_scenario scenario_recompress_invalidate = {
    .summary = "recompression || invalidate of its slot",
    .program = {WORLD_PROGRAM("recompress-invalidate", invalidating, &own),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_unchanged,
    .bound = LAB_NO_BOUND,
    .story = "A slot is invalidated while its page is compressed again; the "
             "smaller entry is linked, and the page is back.",
    .origin = ORIGIN,
    .known = known_recompress_invalidate,
    .least = least_one,
};

const struct lab_scenario scenario_recompress_load = {
    .summary = "recompression || load of its page",
    .program = {WORLD_PROGRAM("recompress-load", loading, &in_line),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A load has found an entry, and a recompression replaces it and "
             "drops the tree's reference.",
    .origin = "this library: an entry does not change in place",
};

static const char *const rules_recompress_writeback[] = {"RECOMPRESS_PINS_SLOT",
                                                         NULL};
static const enum lab_failure known_recompress_writeback[] = {
    LAB_FAILURE_ASSERTION};

const struct lab_scenario scenario_recompress_writeback = {
    .summary = "recompression || writeback of its page",
    .program = {WORLD_PROGRAM("recompress-writeback", writing, &on_disk),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_recompress_writeback,
    .bound = LAB_NO_BOUND,
    .story = "Writeback has found an entry under its pin and reads it; a "
             "recompression replaces the entry, and writeback, which unlinks "
             "what it found, leaves a page in memory that is on the device.",
    .origin = "this library: writeback unlinks what it found under its pin",
    .known = known_recompress_writeback,
    .least = least_one,
};
