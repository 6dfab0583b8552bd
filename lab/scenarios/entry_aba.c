/* SPDX-License-Identifier: MIT */
/*
 * entry_aba.c - another entry at the same address.
 *
 * A take knows its entry by slot and address, and holds no reference meanwhile.
 * It cannot tell that entry from a later one at the same address: the slot was
 * invalidated and stored again, and the free list gave the same entry.
 */
#include "world.h"

static void setup(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, 1);
    (void)world_store(2, 1); /* its zspage stays */
    world_watch_cache();
}

static void take(void *context)
{
    (void)context;
    (void)world_take(1);
}

static void replace(void *context)
{
    (void)context;
    (void)world_invalidate(1);
    (void)world_store(1, 2);
}

static void load_again(void)
{
    (void)world_load(1);
}

static const struct world_case own = {
    .setup = setup,
    .opening = "zc_cache_store(0:1, page)",
    .finish = load_again,
    .reuse = true,
};

static const struct lab_actor actors[] = {
    {"zc_cache_take(0:1)", take},
    {"invalidate(0:1), store(0:1)", replace},
};

static const char *const rules_entry_aba[] = {"ENTRY_KNOWN_BY_REF", NULL};
static const enum lab_failure known_entry_aba[] = {LAB_FAILURE_LOST_PAGE};
static const uint8_t least_entry_aba[] = {1};

const struct lab_scenario scenario_entry_aba = {
    .summary = "take || invalidate, store of one slot; entries are used again",
    .program = {WORLD_PROGRAM("entry-aba", actors, &own)},
    .break_rule = world_break,
    .rules = rules_entry_aba,
    .bound = LAB_NO_BOUND,
    .story =
        "A take drops its reference, finds the same address under the slot "
        "again and unlinks it: by then it is another page's entry.",
    .origin = "mm: zswap: fix double invalidate with exclusive loads, 2023 "
              "(discussion)",
    .known = known_entry_aba,
    .least = least_entry_aba,
};
