/* SPDX-License-Identifier: MIT */
/*
 * writeback_swapoff.c - writeback of a page while its device is turned off.
 *
 * Writeback has chosen an entry of the device.  Swapoff hands the page back,
 * finds the device empty, and frees its structures.
 */
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
    .bound = 2,
    .story =
        "Writeback has looked whether there is a device, and swapoff frees the "
        "device's clusters before writeback pins the slot in them.",
    .origin =
        "mm/zswap: fix race between lru writeback and swapoff, 5878303c5353, "
        "2024",
    .known = known_writeback_swapoff,
    .least = least_writeback_swapoff,
};
