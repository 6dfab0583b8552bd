/* SPDX-License-Identifier: MIT */
/*
 * ksm_swapin.c - a merged page is swapped in and has to be copied.
 *
 * A:0 and B:0 were one frame and are swapped out under one slot.  B has swapped
 * it in: the folio is still in the swap cache and belongs to B.  So A has to
 * copy it.  Two threads of A do; meanwhile the page of one is changed and
 * swapped out to the slot that it freed.
 */
#include "world.h"

/* A merged page that B has swapped in; `slots` of the device. */
static void merged(unsigned slots)
{
    world_machine(ZC_SWAP_IN_BYPASS, slots);
    world_space(0, 1);
    world_space(1, 1);
    world_write(0, 0, 1);
    world_write(1, 0, 1);
    world_merge(0, 1, 0);
    (void)world_swap_out(0, 1);
    (void)world_read_page(1, 0);
    world_watch_cache();
}

static void setup_one(void)
{
    merged(1);
}

static void setup_two(void)
{
    merged(2);
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
    world_write(1, 0, 3);
    (void)world_swap_out(0, 1);
}

/* The old folio is swapped out to another slot, in the swap cache again. */
static void change_and_move(void *context)
{
    (void)context;
    world_write(0, 0, 2);
    (void)world_swap_out(1, 1);
    (void)world_swap_out(0, 1);
}

static void read_both(void)
{
    (void)world_read_page(0, 0);
    (void)world_read_page(1, 0);
}

#define OPENING "A:0 and B:0 were merged and swapped out to 0:0; B has it back"

static const struct world_case own = {
    .setup = setup_one, .finish = read_both, .opening = OPENING};
static const struct world_case moved = {
    .setup = setup_two, .finish = read_both, .opening = OPENING};

static const struct lab_actor two[] = {
    {"zc_vm_read(A:0)", read_page},
    {"write(A:0, B:0), swap out A", change},
};
static const struct lab_actor moving[] = {
    {"zc_vm_read(A:0)", read_page},
    {"write(A:0), swap out B, A", change_and_move},
};

static const char *const rules_ksm_swapin[] = {"SWAPCACHE_LOCKED_UNTIL_PTE_SET",
                                               "RECHECK_IN_SWAPCACHE", NULL};
static const enum lab_failure known_ksm_swapin[] = {LAB_FAILURE_WRONG_PAGE,
                                                    LAB_FAILURE_WRONG_PAGE};
static const uint8_t least_ksm_swapin[] = {1, 1};

const struct lab_scenario scenario_ksm_swapin = {
    .summary = "swap-in of a merged page || the same, write, swap-out",
    .program = {WORLD_PROGRAM("ksm-swapin", two, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = rules_ksm_swapin,
    .bound = 2,
    .story =
        "A swap-in copies a merged page with the folio unlocked, or of a folio "
        "that has left the swap cache; by then the slot has another page of "
        "the same place, the entry is what it was, and the copy of the old one "
        "is mapped.",
    .origin = "mm: fix swapin race condition, 4969c1192d15, 2010",
    .known = known_ksm_swapin,
    .least = least_ksm_swapin,
};

static const char *const rules_ksm_swapin_moved[] = {"RECHECK_SAME_ENTRY",
                                                     NULL};
static const enum lab_failure known_ksm_swapin_moved[] = {
    LAB_FAILURE_WRONG_PAGE};
static const uint8_t least_ksm_swapin_moved[] = {1};

const struct lab_scenario scenario_ksm_swapin_moved = {
    .summary = "swap-in || write, swap-out; the old folio has another slot",
    .program = {WORLD_PROGRAM("ksm-swapin-moved", moving, &moved),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_ksm_swapin_moved,
    .bound = 2,
    .story =
        "The folio that was looked up is in the swap cache, but for another "
        "slot by now, and the slot that was looked up has another page.",
    .origin = "mm: further fix swapin race condition, 31c4a3d3a0f8, 2010",
    .known = known_ksm_swapin_moved,
    .least = least_ksm_swapin_moved,
};
