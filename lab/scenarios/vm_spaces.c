/* SPDX-License-Identifier: MIT */
/*
 * vm_spaces.c - two threads of a machine at one page, table or space: faults,
 * forks, unmaps and ends of spaces, and the reclaim of a frame that is shared.
 */
#include "lab_platform.h"
#include "world_internal.h"

/* --- setups ---------------------------------------------------------- */

/* A:0 and A:1. */
static void setup_pages(void)
{
    world_machine(ZC_SWAP_IN_BYPASS, 2);
    world_space(0, 2);
    world_write(0, 0, 1);
    world_write(0, 1, 1);
}

/* A space without a page. */
static void setup_space(void)
{
    world_machine(ZC_SWAP_IN_BYPASS, 2);
    world_must(zc_vm_space_create(world.vm, 0, 2, &world.spaces[0]),
               "no space");
}

/* A:0, and the table of a space that has ended. */
static void setup_table(void)
{
    world_machine(ZC_SWAP_IN_BYPASS, 2);
    world_space(0, 1);
    world_write(0, 0, 1);
    world_space(1, 1);
    zc_vm_space_destroy(world.spaces[1]);
    world.spaces[1] = NULL;
}

/* A:0 and B:0 have one frame. */
static void setup_shared(void)
{
    world_machine(ZC_SWAP_IN_BYPASS, 2);
    world_space(0, 1);
    world_write(0, 0, 1);
    world_fork(0, 1);
    world_inherit(1, 0, 1);
}

/* A:0 is read-only, and shares its frame no more. */
static void setup_read_only(void)
{
    setup_shared();
    world_unmap(1, 0);
}

/* A:0 and B:0 have one slot. */
static void setup_shared_slot(void)
{
    setup_shared();
    (void)world_swap_out(0, 1);
    world_watch_cache();
}

/* A:0 and B:0 have a frame each. */
static void setup_two(void)
{
    world_machine(ZC_SWAP_IN_BYPASS, 2);
    world_space(0, 1);
    world_space(1, 1);
    world_write(0, 0, 1);
    world_write(1, 0, 2);
}

static void setup_past_cache(void)
{
    world_page_out(ZC_SWAP_IN_BYPASS, 2);
}

/* A:0 and B:0 have one slot, and are swapped in through the swap cache. */
static void setup_cached(void)
{
    world_page_out(ZC_SWAP_IN_CACHED, 2);
    world_fork(0, 1);
    world_inherit(1, 0, 1);
}

/* Mapped, and its slot has the same page on the device. */
static void setup_clean(void)
{
    world_machine_slow(2);
    world_space(0, 1);
    world_write(0, 0, 1);
    (void)world_swap_out(0, 1);
    world_make_cold();
    world_must(world_writeback(), "no writeback");
    (void)world_read_page(0, 0);
    world_watch_cache();
}

/* --- threads --------------------------------------------------------- */

/* The page of a new child has what is there now. */
static void inherit_now(unsigned space, unsigned page)
{
    static char bytes[LAB_THREADS][WORLD_PAGE];
    char *own = bytes[lab_thread()];

    if (zc_vm_read(world.spaces[space], page, 0, own, WORLD_PAGE, NULL) ==
        ZC_OK)
        world_inherit(space, page, world_check_page(page, own));
}

static void create_c(void *context)
{
    (void)context;
    WORLD_ENTER("zc_vm_space_create(), zc_vm_map(C:0)");
    world_space(2, 1);
    world_leave();
}

static void fork_to_c(void *context)
{
    (void)context;
    world_fork(0, 2);
    inherit_now(2, 0);
}

static void fork_only(void *context)
{
    (void)context;
    world_fork(0, 1);
}

static void unmap_a(void *context)
{
    (void)context;
    world_unmap(0, 0);
}

static void unmap_b(void *context)
{
    (void)context;
    world_unmap(1, 0);
}

static void unmap_a_and_b(void *context)
{
    unmap_a(context);
    unmap_b(context);
}

static void unmap_pages(void *context)
{
    (void)context;
    WORLD_ENTER("zc_vm_unmap(A:0 and 1)");
    world_must(zc_vm_unmap(world.spaces[0], 0, 2), "unmap failed");
    world_leave();
}

static void end_space(unsigned number)
{
    struct zc_vm_space *space = world.spaces[number];

    world.spaces[number] = NULL;
    WORLD_ENTER("zc_vm_space_destroy(%c)", 'A' + (int)number);
    zc_vm_space_destroy(space);
    world_leave();
}

static void map_first(void *context)
{
    (void)context;
    WORLD_ENTER("zc_vm_map(A:0)");
    world_must(zc_vm_map(world.spaces[0], 0, 1, 0), "map failed");
    world_leave();
}

static void map_second(void *context)
{
    zc_status status;
    char byte;

    (void)context;
    WORLD_ENTER("zc_vm_map(A:1)");
    world_must(zc_vm_map(world.spaces[0], 1, 1, 0), "map failed");
    world_leave();
    WORLD_ENTER("zc_vm_read(A:0)");
    status = zc_vm_read(world.spaces[0], 0, 0, &byte, 1, NULL);
    if (status != ZC_INVALID) /* not mapped yet */
        world_must(status, "read failed");
    world_leave();
}

static void end_a(void *context)
{
    (void)context;
    end_space(0);
}

static void end_b(void *context)
{
    (void)context;
    end_space(1);
}

static void write_page(void *context)
{
    (void)context;
    world_write(0, 0, 2);
}

static void read_page(void *context)
{
    (void)context;
    (void)world_read_page(0, 0);
}

static void reclaim_a(void *context)
{
    (void)context;
    (void)world_swap_out(0, 1);
}

static void reclaim_b(void *context)
{
    (void)context;
    (void)world_swap_out(1, 1);
}

static void swap_off(void *context)
{
    (void)context;
    world_machine_off();
}

/* --- the end --------------------------------------------------------- */

static void read_all(void)
{
    for (unsigned i = 0; i < WORLD_SPACES; i++)
        if (world.spaces[i] != NULL)
            (void)world_read_page(i, 0);
}

static void read_child(void)
{
    world_inherit(1, 0, 1);
    (void)world_read_page(0, 0);
    (void)world_read_page(1, 0);
}

static void touch_both(void)
{
    char byte;

    for (unsigned i = 0; i < 2; i++)
        world_must(zc_vm_read(world.spaces[0], i, 0, &byte, 1, NULL),
                   "page not mapped");
}

/* A fork and an unmap are one after the other. */
static void check_child(void)
{
    zc_status first;
    zc_status second;
    char byte;

    first = zc_vm_read(world.spaces[1], 0, 0, &byte, 1, NULL);
    second = zc_vm_read(world.spaces[1], 1, 0, &byte, 1, NULL);
    if (first != second)
        lab_fail("half an unmap", "B:0: %s, B:1: %s", zc_status_name(first),
                 zc_status_name(second));
}

#define CASE(name_, setup_, finish_, opening_)                                 \
    static const struct world_case name_ = {                                   \
        .setup = (setup_), .finish = (finish_), .opening = (opening_)};

CASE(pages, setup_pages, check_child, "A:0 and A:1 are mapped")
CASE(space, setup_space, touch_both, "A has no page")
CASE(table, setup_table, read_child, "A:0 is mapped; a table is spare")
CASE(shared, setup_shared, read_all, "A:0 and B:0 have one frame")
CASE(read_only, setup_read_only, read_all, "A:0 is read-only")
CASE(shared_slot, setup_shared_slot, read_all, "A:0 and B:0 have one slot")
CASE(two, setup_two, read_all, "A:0 and B:0 are mapped")
CASE(past_cache, setup_past_cache, read_all, "A:0 is swapped out to 0:0")
CASE(cached, setup_cached, read_all, "A:0 and B:0 are swapped out to 0:0")
CASE(clean, setup_clean, read_all, "A:0 is mapped, and as it is on the device")

#define ORIGIN "this library: page tables, mappings and spaces"

/* Two threads; `actors_`: their names and functions. */
#define SCENARIO(id, name_, case_, bound_, summary_, story_, ...)              \
    static const struct lab_actor actors_##id[] = {__VA_ARGS__};               \
    const struct lab_scenario scenario_##id = {                                \
        .summary = summary_,                                                   \
        .program = {WORLD_PROGRAM(name_, actors_##id, &(case_)),               \
                    .coalesce = true},                                         \
        .break_rule = world_break,                                             \
        .rules = world_no_rules,                                               \
        .for_locks = true,                                                     \
        .bound = bound_,                                                       \
        .story = story_,                                                       \
        .origin = ORIGIN,                                                      \
    };

SCENARIO(fork_create, "fork-create", table, 1, "fork || a new space",
         "Two spaces enter the list of a machine, and each takes a table: a "
         "spare one goes to one of them.",
         {"zc_vm_fork(A)", fork_only}, {"zc_vm_space_create(C)", create_c})
SCENARIO(map_map, "map-map", space, LAB_NO_BOUND,
         "map || map, read: the first pages of a space",
         "Two threads make the first table of a space: the pages of one are in "
         "a table that is not the space's.",
         {"zc_vm_map(A:0)", map_first},
         {"zc_vm_map(A:1), read(A:0)", map_second})
SCENARIO(fork_unmap, "fork-unmap", pages, LAB_NO_BOUND,
         "fork || unmap of two pages",
         "An unmap comes between two pages of a fork: the child has one page "
         "of a range that was never mapped in half.",
         {"zc_vm_fork(A)", fork_only}, {"zc_vm_unmap(A:0, A:1)", unmap_pages})
SCENARIO(fork_write, "fork-write", read_only, LAB_NO_BOUND,
         "fork || write of a read-only page",
         "A write has seen that no other page has its frame; a fork shares "
         "the frame, and the child sees what is written later.",
         {"zc_vm_write(A:0)", write_page}, {"zc_vm_fork(A)", fork_to_c})
SCENARIO(fork_unshare, "fork-unshare", shared, LAB_NO_BOUND,
         "fork || unmap of another mapping",
         "One mapping of a frame enters its list, and another one leaves it.",
         {"zc_vm_fork(A)", fork_to_c}, {"zc_vm_unmap(B:0)", unmap_b})
SCENARIO(fork_swapped, "fork-swapped", shared_slot, LAB_NO_BOUND,
         "fork || unmap, of one slot",
         "A fork raises the count of a slot, and an unmap lowers it.",
         {"zc_vm_fork(A)", fork_to_c}, {"zc_vm_unmap(B:0)", unmap_b})
SCENARIO(unmap_unmap, "unmap-unmap", shared, LAB_NO_BOUND,
         "unmap || unmap of one frame",
         "Two neighbours leave the list of a frame's mappings.",
         {"zc_vm_unmap(A:0)", unmap_a}, {"zc_vm_unmap(B:0)", unmap_b})
SCENARIO(write_unmap, "write-unmap", read_only, LAB_NO_BOUND,
         "write || unmap of a read-only page",
         "A write has found its page's entry unchanged; the page is unmapped, "
         "and the write sets the entry.",
         {"zc_vm_write(A:0)", write_page}, {"zc_vm_unmap(A:0)", unmap_a})
SCENARIO(swapin_unmap, "swapin-unmap", past_cache, LAB_NO_BOUND,
         "swap-in || unmap of the page",
         "A swap-in has mapped a frame that it still has locked, and an unmap "
         "drops the mapping.",
         {"zc_vm_read(A:0)", read_page}, {"zc_vm_unmap(A:0)", unmap_a})
SCENARIO(swapin_unmap_cached, "swapin-unmap-cached", cached, 1,
         "swap-in || unmap of the page, through the swap cache",
         "A swap-in has mapped a folio of the swap cache that it still has "
         "locked; the mapping and the last count of the slot are dropped.",
         {"zc_vm_read(A:0)", read_page},
         {"zc_vm_unmap(A:0, B:0)", unmap_a_and_b})
SCENARIO(swapoff_unmaps, "swapoff-unmaps", cached, 1,
         "unmap of two pages of one slot || swapoff",
         "Swapoff has mapped a folio that it still has locked; the mapping and "
         "the last count of the slot are dropped.",
         {"zc_vm_unmap(A:0, B:0)", unmap_a_and_b},
         {"zc_vm_swap_off(0)", swap_off})
SCENARIO(swapoff_clean, "swapoff-clean", clean, LAB_NO_BOUND,
         "unmap || swapoff, of a page that has a copy",
         "An unmap takes the folio out of the swap cache and frees its slot; "
         "swapoff finds no slot in use.",
         {"zc_vm_unmap(A:0)", unmap_a}, {"zc_vm_swap_off(0)", swap_off})
SCENARIO(swapoff_exit, "swapoff-exit", past_cache, LAB_NO_BOUND,
         "end of a space || swapoff",
         "Swapoff walks the spaces of a machine, and one of them ends.",
         {"zc_vm_space_destroy(A)", end_a}, {"zc_vm_swap_off(0)", swap_off})
SCENARIO(exit_exit, "exit-exit", two, LAB_NO_BOUND,
         "end of a space || end of another",
         "Two spaces leave the list of a machine and their tables become "
         "spare ones.",
         {"zc_vm_space_destroy(A)", end_a}, {"zc_vm_space_destroy(B)", end_b})
SCENARIO(reclaim_clean, "reclaim-clean", clean, 1,
         "reclaim || unmap of a page that has a copy",
         "Reclaim has taken a frame of the swap cache off its list, and an "
         "unmap drops its last references.",
         {"zc_vm_reclaim(A)", reclaim_a}, {"zc_vm_unmap(A:0)", unmap_a})
SCENARIO(reclaim_shared, "reclaim-shared", shared, 1,
         "reclaim || unmap of both mappings",
         "Reclaim raises the count of a slot for each mapping; an unmap drops "
         "the count of the first.",
         {"zc_vm_reclaim(A)", reclaim_a},
         {"zc_vm_unmap(A:0, B:0)", unmap_a_and_b})
SCENARIO(reclaim_reclaim, "reclaim-reclaim", two, 1,
         "reclaim || reclaim of another frame", "Two threads take a free slot.",
         {"zc_vm_reclaim(A)", reclaim_a}, {"zc_vm_reclaim(B)", reclaim_b})
