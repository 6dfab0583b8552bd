/* SPDX-License-Identifier: MIT */
/*
 * vm_reclaim.c - reclaim, while another thread unmaps or writes the page that
 * goes, or turns off the device that it goes to.
 */
#include "world_internal.h"

/* Mapped again, after it was swapped out: the shard stays. */
static void setup_mapped(void)
{
    world_page_out(ZC_SWAP_IN_BYPASS, 2);
    (void)world_read_page(0, 0);
}

/* Mapped, and its slot has the same page on the device. */
static void setup_clean(void)
{
    world_machine_slow(4);
    world_space(0, 1);
    world_write(0, 0, 1);
    (void)world_swap_out(0, 1);
    world_make_cold();
    world_must(world_writeback(), "no writeback");
    (void)world_read_page(0, 0);
    world_watch_cache();
}

static void swap_out(void *context)
{
    (void)context;
    (void)world_swap_out(0, 1);
}

static void unmap(void *context)
{
    (void)context;
    world_unmap(0, 0);
}

static void write_page(void *context)
{
    (void)context;
    world_write(0, 0, 2);
}

static void swap_off(void *context)
{
    (void)context;
    world_machine_off();
}

static void read_again(void)
{
    (void)world_read_page(0, 0);
}

static const struct world_case mapped = {
    .setup = setup_mapped, .finish = read_again, .opening = "A:0 is mapped"};
static const struct world_case clean = {
    .setup = setup_clean,
    .finish = read_again,
    .opening = "A:0 is mapped, and as it is on the device"};

static const struct lab_actor unmapping[] = {
    {"zc_vm_reclaim(A)", swap_out},
    {"zc_vm_unmap(A:0)", unmap},
};
static const struct lab_actor writing[] = {
    {"zc_vm_reclaim(A)", swap_out},
    {"zc_vm_write(A:0)", write_page},
};
static const struct lab_actor stopping[] = {
    {"zc_vm_reclaim(A)", swap_out},
    {"zc_vm_swap_off(0)", swap_off},
};

#define ORIGIN "this library: the lock of a page table"

const struct lab_scenario scenario_reclaim_unmap = {
    .summary = "reclaim || unmap of the page that goes",
    .program = {WORLD_PROGRAM("reclaim-unmap", unmapping, &mapped),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Reclaim has seen that an entry maps its frame; the entry is "
             "cleared, and reclaim writes a swap entry there: what was "
             "unmapped is back.",
    .origin = ORIGIN,
};

const struct lab_scenario scenario_reclaim_write = {
    .summary = "reclaim || write of the page that goes",
    .program = {WORLD_PROGRAM("reclaim-write", writing, &clean),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = 2,
    .story = "Reclaim has seen that an entry maps its frame; a write gives the "
             "page a frame of its own, and reclaim puts the swap entry of the "
             "old one there: the write is lost.",
    .origin = ORIGIN,
};

const struct lab_scenario scenario_reclaim_swapoff = {
    .summary = "reclaim || swapoff of the device that has the free slot",
    .program = {WORLD_PROGRAM("reclaim-swapoff", stopping, &mapped),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = 1,
    .story = "Reclaim takes a free slot; swapoff looks for slots in use and "
             "sees none, and the page is put into a device that is gone.",
    .origin =
        "this library: a slot is used only while the device accepts pages",
};
