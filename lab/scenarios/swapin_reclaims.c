/* SPDX-License-Identifier: MIT */
/*
 * swapin_reclaims.c - a swap-in that has to make room twice.
 *
 * It finds no free frame and reclaims: another page is swapped out.  The cache
 * has no room for that page, so it shrinks, and the coldest entry is the very
 * page that is being swapped in.
 */
#include "world.h"

static void setup(void)
{
    world_machine_with_lru(ZC_SWAP_IN_BYPASS, 3);
    world_space(0, 2);
    world_write(0, 0, 1);
    (void)world_swap_out(0, 1);
    world_make_cold();
    world_limit();
    world_write(0, 1, 1);
    world_hold_frames();
    world_watch_cache();
}

static void read_zero(void *context)
{
    (void)context;
    (void)world_read_page(0, 0);
}

static void read_one(void *context)
{
    (void)context;
    (void)world_read_page(0, 1);
}

static void read_both(void)
{
    world_release_frames();
    (void)world_read_page(0, 0);
    (void)world_read_page(0, 1);
}

static const struct world_case own = {
    .setup = setup,
    .finish = read_both,
    .opening = "A:0 is swapped out to 0:0; A:1 has the last frame"};

static const struct lab_actor actors[] = {
    {"zc_vm_read(A:0)", read_zero},
    {"zc_vm_read(A:1)", read_one},
};

static const char *const rules_swapin_reclaims[] = {"SHRINK_SKIPS_CALLERS_SLOT",
                                                    NULL};
static const enum lab_failure known_swapin_reclaims[] = {LAB_FAILURE_HANG};
static const uint8_t least_swapin_reclaims[] = {0};

const struct lab_scenario scenario_swapin_reclaims = {
    .summary = "swap-in that reclaims || read of the page that has to go",
    .program = {WORLD_PROGRAM("swapin-reclaims", actors, &own),
                .coalesce = true,
                .step_limit = 30000}, /* rounds of reclaim that fail */
    .break_rule = world_break,
    .rules = rules_swapin_reclaims,
    .bound = 1,
    .story =
        "A swap-in has pinned its slot, finds no frame and reclaims; the page "
        "that goes finds no room and the cache shrinks; and what is to be "
        "written back is the page that is to be swapped in, whose pin will "
        "not end before that.",
    .origin = "mm: zswap: recursion into the slot being swapped in, "
              "a65b0e7607cc, 2023",
    .known = known_swapin_reclaims,
    .least = least_swapin_reclaims,
};
