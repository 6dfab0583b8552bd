/* SPDX-License-Identifier: MIT */
/*
 * device_calls.c - calls of a cache beside a change of its devices, and two
 * writes to one device.
 */
#include "lab_platform.h"
#include "world_internal.h"

static void setup_two(void)
{
    world_disk();
    (void)world_store(1, 1);
    (void)world_store(2, 1);
    world_make_cold();
    world_watch_cache();
}

/* 0:1 is on the device. */
static void setup_written(void)
{
    world_disk();
    world_store_cold(1, 1);
    (void)world_store(2, 1);
    world_watch_cache();
}

/* Stores go to the device. */
static void setup_refused(void)
{
    world_disk();
    (void)world_store(1, 1);
    world_refuse();
    world_watch_cache();
}

/* Pages under type 0, which has no device. */
static void setup_no_device(void)
{
    world_lru_cache();
    (void)world_store(1, 1);
    (void)world_store(2, 1);
    world_watch_cache();
}

static void take(void *context)
{
    (void)context;
    (void)world_take(2);
}

static void invalidate(void *context)
{
    (void)context;
    (void)world_invalidate(1);
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

static void write_back(void *context)
{
    (void)context;
    (void)world_writeback();
}

static unsigned ended; /* swapoffs of one device */

static void begin_ends(void)
{
    ended = 0;
}

static void swap_off(void *context)
{
    (void)context;
    ended += world_swap_off() == ZC_OK;
    if (ended > 1)
        lab_fail("device ended twice", "two swapoffs return ZC_OK");
}

static void load_and_swap_off(void *context)
{
    (void)world_load(2);
    swap_off(context);
}

static void swap_on(void *context)
{
    (void)context;
    (void)world_device_on(0);
}

static void load_both(void)
{
    (void)world_load(1);
    (void)world_load(2);
}

static void load_one(void)
{
    (void)world_load(1);
}

#define CASE(name_, setup_, finish_, opening_)                                 \
    static const struct world_case name_ = {.setup = (setup_),                 \
                                            .begin = begin_ends,               \
                                            .finish = (finish_),               \
                                            .opening = (opening_)};

CASE(two, setup_two, load_both, "0:1 and 0:2 are stored")
CASE(written, setup_written, load_both, "0:1 is on the device, 0:2 is stored")
CASE(refused, setup_refused, load_one, "no page may be in memory")
CASE(no_device, setup_no_device, load_both,
     "0:1 and 0:2 are stored, without a device")

#define ORIGIN "this library: a call has a reference to its device"

/* Two threads; `...`: their names and functions. */
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

SCENARIO(swapoff_take, "swapoff-take", written, 1, "take || swapoff",
         "A take has found the cluster of its slot; swapoff hands the page "
         "back and ends the device.",
         {"zc_cache_take(0:2)", take}, {"zc_swap_off(0)", swap_off})
SCENARIO(swapoff_invalidate, "swapoff-invalidate", written, 1,
         "invalidate || swapoff",
         "An invalidate has found the cluster of its slot; swapoff hands the "
         "page back and ends the device.",
         {"zc_cache_invalidate(0:1)", invalidate}, {"zc_swap_off(0)", swap_off})
SCENARIO(swapoff_twice, "swapoff-twice", written, 1, "load, swapoff || swapoff",
         "A swapoff has seen a device; another one has ended it meanwhile.",
         {"zc_cache_load(0:2), swap_off(0)", load_and_swap_off},
         {"zc_swap_off(0)", swap_off})
SCENARIO(swapon_take, "swapon-take", no_device, LAB_NO_BOUND, "take || swapon",
         "A swapon looks which types have pages, while one goes.",
         {"zc_cache_take(0:2)", take}, {"zc_swap_on()", swap_on})
SCENARIO(store_wait, "store-wait", refused, 1,
         "store to the device || load of the slot",
         "A load waits for the end of the store's pin: a bit of the byte that "
         "the store changes.",
         {"zc_cache_store(0:1)", store}, {"zc_cache_load(0:1)", load})
SCENARIO(writeback_both, "writeback-both", two, 1,
         "shrink || shrink, of two pages",
         "Two writes end at once, and each is counted.", {"shrink", write_back},
         {"shrink", write_back})
