/* SPDX-License-Identifier: MIT */
/*
 * huge_page.c - a page that fills its zspage is read while it is freed.
 *
 * A zspage that is full of its object has no room for an object header, which
 * is in the zspage's descriptor instead.  If the header is written where other
 * objects have theirs, it overwrites the first bytes of the page.
 */
#include "world.h"

static void setup(void)
{
    world_cache(ZC_PLACEMENT_KERNEL, "lz4");
    (void)world_store(1, WORLD_RAW);
    world_watch_cache();
}

static void load(void *context)
{
    (void)context;
    (void)world_load(1);
}

static void store(void *context)
{
    (void)context;
    (void)world_store(1, WORLD_RAW + 1);
}

static void load_again(void)
{
    (void)world_load(1);
}

static const struct world_case own = {.setup = setup,
                                      .finish = load_again,
                                      .opening = "zc_cache_store(0:1, page "
                                                 "that does not compress)"};

static const struct lab_actor actors[] = {
    {"zc_cache_load(0:1)", load},
    {"zc_cache_store(0:1)", store},
};

static const char *const rules[] = {"HUGE_HEADER_IN_ZSPAGE", NULL};
/* The bytes are written after the header, and so over it. */
static const enum lab_failure known[] = {LAB_FAILURE_MISCOUNT};
static const uint8_t least[] = {0};

const struct lab_scenario scenario_huge_page = {
    .summary = "load || store of a page that does not compress",
    .program = {WORLD_PROGRAM("huge-page", actors, &own)},
    .break_rule = world_break,
    .rules = rules,
    .bound = LAB_NO_BOUND,
    .story = "The header of an object that fills its page is written into "
             "the page.",
    .origin = "zsmalloc: fix a race with deferred_handles storing, "
              "85b325815b56, 2023",
    .known = known,
    .least = least,
};
