/* SPDX-License-Identifier: MIT */
/*
 * vm_swapoff.c - swapoff, while another thread drops the last count of a slot
 * or swaps its page in.
 */
#include "world.h"

static void setup(void)
{
    world_page_out(ZC_SWAP_IN_BYPASS, 2);
}

static void swap_off(void *context)
{
    (void)context;
    world_machine_off();
}

static void unmap(void *context)
{
    (void)context;
    world_unmap(0, 0);
}

static void read_page(void *context)
{
    (void)context;
    (void)world_read_page(0, 0);
}

static void read_again(void)
{
    (void)world_read_page(0, 0);
}

static const struct world_case own = {.setup = setup,
                                      .finish = read_again,
                                      .opening = "A:0 is swapped out to 0:0"};

static const struct lab_actor unmapping[] = {
    {"zc_vm_unmap(A:0)", unmap},
    {"zc_vm_swap_off(0)", swap_off},
};
static const struct lab_actor reading[] = {
    {"zc_vm_read(A:0)", read_page},
    {"zc_vm_swap_off(0)", swap_off},
};

static const char *const rules_swapoff_unmap[] = {"SWAPOFF_AND_LAST_PUT_AGREE",
                                                  NULL};
static const enum lab_failure known_swapoff_unmap[] = {
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_swapoff_unmap[] = {1};

const struct lab_scenario scenario_swapoff_unmap = {
    .summary = "unmap of a swapped page || swapoff",
    .program = {WORLD_PROGRAM("swapoff-unmap", unmapping, &own),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_swapoff_unmap,
    .bound = LAB_NO_BOUND,
    .story =
        "An unmap drops the last count of a slot and is about to free it; "
        "swapoff finds no slot in use and frees the device's clusters under "
        "it.",
    .origin = "mm: swap: fix race between free_swap_and_cache() and "
              "swapoff(), 82b1c07a0af6, 2024",
    .known = known_swapoff_unmap,
    .least = least_swapoff_unmap,
};

static const char *const rules_swapoff_swapin[] = {"SYNC_SWAPIN_PINS_SLOT",
                                                   NULL};
static const enum lab_failure known_swapoff_swapin[] = {LAB_FAILURE_LOST_PAGE};
static const uint8_t least_swapoff_swapin[] = {2};

const struct lab_scenario scenario_swapoff_swapin = {
    .summary = "swap-in || swapoff",
    .program = {WORLD_PROGRAM("swapoff-swapin", reading, &own),
                .coalesce = true, .step_limit = WORLD_STEPS},
    .break_rule = world_break,
    .rules = rules_swapoff_swapin,
    .bound = 2,
    .story =
        "A swap-in has looked and found no folio in the swap cache; swapoff "
        "puts one there and takes the page over.  Without a pin the swap-in "
        "reads what is not there any more.",
    .origin = "mm: zswap: fix data loss on SWP_SYNCHRONOUS_IO devices, 2024 "
              "(discussion of the look-up in the swap cache)",
    .known = known_swapoff_swapin,
    .least = least_swapoff_swapin,
};
