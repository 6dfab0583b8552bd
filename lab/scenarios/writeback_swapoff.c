/* SPDX-License-Identifier: MIT */
/*
 * writeback_swapoff.c - writeback of a page while its device is turned off.
 *
 * Writeback has chosen an entry of the device.  Swapoff hands the page back,
 * finds the device empty, and frees its structures.
 */
#include "base/inject.h"
#include "world.h"

static void setup(void)
{
    world_disk();
    (void)world_store(1, 1);
    world_make_cold();
    world_choose();
    world_watch_cache();
}

static void write_back(void *context)
{
    (void)context;
    (void)world_write_candidate();
}

static void swap_off(void *context)
{
    (void)context;
    (void)world_swap_off();
}

static void load_again(void)
{
    (void)world_load(1);
}

static const struct world_case own = {.setup = setup,
                                      .finish = load_again,
                                      .opening = "zc_cache_store(0:1, page)"};

static const struct lab_actor actors[] = {
    {"writeback(0:1)", write_back},
    {"zc_swap_off(0)", swap_off},
};

static const char *const rules_writeback_swapoff[] = {"DEVICE_REF_AROUND_TREE",
                                                      NULL};
static const enum lab_failure known_writeback_swapoff[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_writeback_swapoff[] = {1};

const struct lab_scenario scenario_writeback_swapoff = {
    .summary = "writeback || swapoff",
    .program = {WORLD_PROGRAM("writeback-swapoff", actors, &own),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_writeback_swapoff,
    .bound = LAB_NO_BOUND,
    .story =
        "Writeback has looked whether there is a device, and swapoff frees the "
        "device's clusters before writeback pins the slot in them.",
    .origin =
        "mm/zswap: fix race between lru writeback and swapoff, 5878303c5353, "
        "2024",
    .known = known_writeback_swapoff,
    .least = least_writeback_swapoff,
};

/* --- a store --------------------------------------------------------- */

static void setup_empty(void)
{
    world_disk();
    (void)world_store(1, 1);
    (void)world_invalidate(1); /* the shard stays */
    world_watch_cache();
}

static void store(void *context)
{
    (void)context;
    (void)world_store(1, 2);
}

static const struct world_case empty = {.setup = setup_empty,
                                        .finish = load_again};

static const struct lab_actor storing[] = {
    {"zc_cache_store(0:1)", store},
    {"zc_swap_off(0)", swap_off},
};

const struct lab_scenario scenario_swapoff_store = {
    .summary = "store || swapoff",
    .program = {WORLD_PROGRAM("swapoff-store", storing, &empty),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "A store has seen that the device takes pages and pins a free "
             "slot; swapoff has looked for slots in use before that.",
    .origin = "this library: a store asks the device when it has the slot",
};

/* --- a page that swapoff cannot read --------------------------------- */

static void setup_written(void)
{
    world_disk();
    world_store_cold(1, 1);
    world_watch_cache();
}

static void load(void *context)
{
    (void)context;
    (void)world_load(1);
}

static const struct world_case written = {.setup = setup_written,
                                          .finish = load_again,
                                          .opening = "0:1 is on the device",
                                          .inject = 1u << ZC_INJECT_READ};

static const struct lab_actor loading[] = {
    {"zc_cache_load(0:1)", load},
    {"zc_swap_off(0)", swap_off},
};

const struct lab_scenario scenario_swapoff_load = {
    .summary = "load || swapoff; one may fail to read",
    .program = {WORLD_PROGRAM("swapoff-load", loading, &written),
                .coalesce = true, .failure_budget = 1},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story =
        "Swapoff makes the folio of a slot and fails to read it: the device "
        "is on again, and a load that finds the folio in the swap cache must "
        "not take its bytes for the page.",
    .origin = "this library: a folio is read again unless it is up to date",
};
