/* SPDX-License-Identifier: MIT */
/*
 * swapin_slot_reused.c - a swap-in whose slot is freed and used again.
 *
 * An unchanged page-table entry proves nothing if its slot was free in between:
 * another thread swapped the page in, changed it, and swapped it out again to
 * the slot that was freed last.
 */
#include "world.h"

static void setup(void)
{
    world_page_out(ZC_SWAP_IN_BYPASS, 1);
}

static void read_page(void *context)
{
    (void)context;
    (void)world_read_page(0, 0);
}

static void change(void *context)
{
    (void)context;
    world_write(0, 0, 2);
    (void)world_swap_out(0, 1);
}

static void read_again(void)
{
    (void)world_read_page(0, 0);
}

static const struct world_case own = {.setup = setup,
                                      .finish = read_again,
                                      .opening = "A:0 is swapped out to 0:0"};

static const struct lab_actor reused[] = {
    {"zc_vm_read(A:0)", read_page},
    {"write(A:0), swap out", change},
};
static const struct lab_actor twice[] = {
    {"zc_vm_read(A:0)", read_page},
    {"zc_vm_read(A:0)", read_page},
};
static const struct lab_actor thrice[] = {
    {"zc_vm_read(A:0)", read_page},
    {"zc_vm_read(A:0)", read_page},
    {"zc_vm_read(A:0)", read_page},
};

static const char *const rules_swapin_slot_reused[] = {"SYNC_SWAPIN_PINS_SLOT",
                                                       NULL};
static const enum lab_failure known_swapin_slot_reused[] = {
    LAB_FAILURE_STALE_PAGE};
static const uint8_t least_swapin_slot_reused[] = {1};

const struct lab_scenario scenario_swapin_slot_reused = {
    .summary = "swap-in || swap-in, write, swap-out to the same slot",
    .program = {WORLD_PROGRAM("swapin-slot-reused", reused, &own),
                .coalesce = true, .step_limit = WORLD_STEPS},
    .break_rule = world_break,
    .rules = rules_swapin_slot_reused,
    .bound = 2,
    .story =
        "A swap-in past the swap cache has read its page; another thread "
        "swaps it in too, changes it, and it is swapped out to the same slot. "
        "The entry is what it was, and the old page is mapped over the new.",
    .origin = "mm/swap: fix race when skipping swapcache, 13ddaf26be32, 2024",
    .known = known_swapin_slot_reused,
    .least = least_swapin_slot_reused,
};

static const char *const rules_swapin_twice[] = {"PIN_LOSER_SLEEPS", NULL};
static const enum lab_failure known_swapin_twice[] = {LAB_FAILURE_LIVELOCK};
static const uint8_t least_swapin_twice[] = {1};

const struct lab_scenario scenario_swapin_twice = {
    .summary = "swap-in || swap-in of one page",
    .program = {WORLD_PROGRAM("swapin-twice", twice, &own), .coalesce = true,
                .step_limit = WORLD_STEPS},
    .break_rule = world_break,
    .rules = rules_swapin_twice,
    .bound = LAB_NO_BOUND,
    .story =
        "Two threads swap in one page past the swap cache; one has the pin, "
        "and the other faults again and again, for the page table is what it "
        "was: where it is preferred to the first, for ever.",
    .origin = "mm: avoid unconditional one-tick sleep when swapcache_prepare "
              "fails, 01626a182302, 2024",
    .known = known_swapin_twice,
    .least = least_swapin_twice,
};

static const char *const rules_swapin_thrice[] = {"PIN_LOSER_SLEEPS", NULL};
static const enum lab_failure known_swapin_thrice[] = {LAB_FAILURE_LIVELOCK};
static const uint8_t least_swapin_thrice[] = {1};

const struct lab_scenario scenario_swapin_thrice = {
    .summary = "swap-in || swap-in || swap-in of one page",
    .program = {WORLD_PROGRAM("swapin-thrice", thrice, &own), .coalesce = true,
                .step_limit = WORLD_STEPS},
    .break_rule = world_break,
    .rules = rules_swapin_thrice,
    .bound = 1,
    .story = "As swapin-twice, with two that lose the pin and sleep for it.",
    .origin = "mm/swap: fix race when skipping swapcache, 13ddaf26be32, 2024",
    .known = known_swapin_thrice,
    .least = least_swapin_thrice,
};
