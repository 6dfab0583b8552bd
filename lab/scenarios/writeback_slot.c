/* SPDX-License-Identifier: MIT */
/*
 * writeback_slot.c - a candidate for writeback, whose slot is used meanwhile.
 *
 * Writeback gets a slot and a token, and holds no reference.  Before it has
 * pinned the slot, the page may be replaced, taken or invalidated, the slot may
 * be free, and the entry's memory may hold another page's entry.
 */
#include "world.h"

static void setup(void)
{
    world_disk();
    (void)world_store(1, 1);
    world_make_cold();
    world_watch_cache();
}

/* The candidate has been replaced already. */
static void setup_stale(void)
{
    world_disk();
    (void)world_store(1, 1);
    world_make_cold();
    world_choose();
    (void)world_store(1, 2);
    world_watch_cache();
}

/* It has been taken already. */
static void setup_taken(void)
{
    world_disk();
    (void)world_store(1, 1);
    world_make_cold();
    world_choose();
    (void)world_take(1);
    world_watch_cache();
}

static void write_candidate(void *context)
{
    (void)context;
    (void)world_write_candidate();
}

static void write_back(void *context)
{
    (void)context;
    (void)world_writeback();
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

static void take(void *context)
{
    (void)context;
    (void)world_take(1);
}

static void invalidate(void *context)
{
    (void)context;
    (void)world_invalidate(1);
}

/* The first store gets the entry of the page that was taken. */
static void move(void *context)
{
    (void)context;
    (void)world_store(2, 2);
    (void)world_store(1, 3);
}

/* The newer page is on the device, where writeback may write the older one. */
static void store_and_write(void *context)
{
    (void)context;
    (void)world_store(1, 2);
    world_make_cold();
    if (world_writeback() != ZC_OK) /* the older entry, if it is not freed */
        (void)world_writeback();
}

static void load_one(void)
{
    (void)world_load(1);
}

static void load_both(void)
{
    (void)world_load(1);
    (void)world_load(2);
}

static const struct world_case own = {
    .setup = setup, .finish = load_one, .opening = "zc_cache_store(0:1, page)"};
static const struct world_case stale = {
    .setup = setup_stale,
    .finish = load_one,
    .opening = "0:1 is a candidate; zc_cache_store(0:1, version 2)"};
static const struct world_case reused = {
    .setup = setup_taken,
    .finish = load_both,
    .reuse = true,
    .opening = "0:1 is a candidate; zc_cache_take(0:1)"};

static const struct lab_actor storing[] = {
    {"shrink", write_back},
    {"zc_cache_store(0:1)", store},
};
static const struct lab_actor loading[] = {
    {"writeback(0:1)", write_candidate},
    {"zc_cache_load(0:1)", load},
};
static const struct lab_actor taking[] = {
    {"shrink", write_back},
    {"zc_cache_take(0:1)", take},
};
static const struct lab_actor invalidating[] = {
    {"shrink", write_back},
    {"zc_cache_invalidate(0:1)", invalidate},
};
static const struct lab_actor moving[] = {
    {"writeback(0:1)", write_candidate},
    {"store(0:2), store(0:1)", move},
};
static const struct lab_actor over[] = {
    {"shrink", write_back},
    {"store(0:1), shrink", store_and_write},
};
static const struct lab_actor three[] = {
    {"shrink", write_back},
    {"zc_cache_store(0:1)", store},
    {"zc_cache_take(0:1)", take},
};

#define ORIGIN                                                                 \
    "mm/zswap: writeback against invalidate and swapoff, 2024; "               \
    "04fc7816089c, 2023"
#define STORY                                                                  \
    "Writeback has chosen an entry and dropped every lock; before it has "     \
    "the slot pinned, or after it has submitted, the page is replaced or "     \
    "taken."

static const char *const rules_writeback_store[] = {"WRITEBACK_RECHECKS_TREE",
                                                    "NOTHING_AFTER_SUBMIT",
                                                    "CANDIDATE_ROTATED", NULL};
static const enum lab_failure known_writeback_store[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE,
    LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_writeback_store[] = {1, 1, 1};

const struct lab_scenario scenario_writeback_store = {
    .summary = "writeback || store to its slot",
    .program = {WORLD_PROGRAM("writeback-store", storing, &own),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_writeback_store,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_writeback_store,
    .least = least_writeback_store,
};

static const char *const rules_writeback_over[] = {"WRITEBACK_PINS_FIRST",
                                                   NULL};
static const enum lab_failure known_writeback_over[] = {LAB_FAILURE_STALE_PAGE};
static const uint8_t least_writeback_over[] = {1};

const struct lab_scenario scenario_writeback_over = {
    .summary = "writeback || store to its slot, writeback",
    .program = {WORLD_PROGRAM("writeback-over", over, &own), .coalesce = true},
    .break_rule = world_break,
    .rules = rules_writeback_over,
    .bound = LAB_NO_BOUND,
    .story =
        "Writeback has looked up an entry; its page is replaced, and the newer "
        "page is written to the device.  Then writeback pins the slot and "
        "writes the older page over it.",
    .origin = ORIGIN,
    .known = known_writeback_over,
    .least = least_writeback_over,
};

static const char *const rules_writeback_take[] = {"NOTHING_AFTER_SUBMIT",
                                                   "CANDIDATE_ROTATED", NULL};
static const enum lab_failure known_writeback_take[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_writeback_take[] = {1, 1};

const struct lab_scenario scenario_writeback_take = {
    .summary = "writeback || take of its page",
    .program = {WORLD_PROGRAM("writeback-take", taking, &own),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_writeback_take,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_writeback_take,
    .least = least_writeback_take,
};

static const char *const rules_writeback_invalidate[] = {
    "NOTHING_AFTER_SUBMIT", "CANDIDATE_ROTATED", NULL};
static const enum lab_failure known_writeback_invalidate[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_writeback_invalidate[] = {1, 1};

const struct lab_scenario scenario_writeback_invalidate = {
    .summary = "writeback || invalidate of its slot",
    .program = {WORLD_PROGRAM("writeback-invalidate", invalidating, &own),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_writeback_invalidate,
    .bound = LAB_NO_BOUND,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_writeback_invalidate,
    .least = least_writeback_invalidate,
};

static const char *const rules_writeback_exit[] = {"WRITEBACK_EXIT_CLEANS_UP",
                                                   NULL};
static const enum lab_failure known_writeback_exit[] = {LAB_FAILURE_HANG};
static const uint8_t least_writeback_exit[] = {1};

const struct lab_scenario scenario_writeback_exit = {
    .summary = "writeback of a page that was replaced || load of its slot",
    .program = {WORLD_PROGRAM("writeback-exit", loading, &stale),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_writeback_exit,
    .bound = LAB_NO_BOUND,
    .story =
        "Writeback has its folio in the swap cache and finds that the entry "
        "is another page's; it leaves the folio locked, and a thread that "
        "looked it up sleeps for ever.",
    .origin = "mm/zswap: fix missing folio cleanup in writeback race path, "
              "e3b63e966cac, 2024",
    .known = known_writeback_exit,
    .least = least_writeback_exit,
};

static const char *const rules_writeback_reused[] = {"WRITEBACK_RECHECKS_TREE",
                                                     NULL};
/* The page of the other slot is written here, under a newer one, and is lost
 * for its own slot. */
static const enum lab_failure known_writeback_reused[] = {
    LAB_FAILURE_LOST_PAGE};
static const uint8_t least_writeback_reused[] = {0};

const struct lab_scenario scenario_writeback_reused = {
    .summary =
        "writeback of a page that was taken || store, store; entries are used "
        "again",
    .program = {WORLD_PROGRAM("writeback-reused", moving, &reused),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_writeback_reused,
    .bound = LAB_NO_BOUND,
    .story =
        "The candidate's page is taken, its entry becomes another slot's, and "
        "its slot has another page: writeback writes one page over another's "
        "slot.",
    .origin = "mm: fix zswap writeback race condition, 04fc7816089c, 2023",
    .known = known_writeback_reused,
    .least = least_writeback_reused,
};

static const char *const rules_writeback_three[] = {"NOTHING_AFTER_SUBMIT",
                                                    "CANDIDATE_ROTATED", NULL};
static const enum lab_failure known_writeback_three[] = {
    LAB_FAILURE_USE_AFTER_FREE, LAB_FAILURE_USE_AFTER_FREE};
static const uint8_t least_writeback_three[] = {1, 1};

const struct lab_scenario scenario_writeback_three = {
    .summary = "writeback || store || take of one slot",
    .program = {WORLD_PROGRAM("writeback-three", three, &own), .coalesce = true,
                .step_limit = WORLD_STEPS},
    .break_rule = world_break,
    .rules = rules_writeback_three,
    .bound = 1,
    .story = STORY,
    .origin = ORIGIN,
    .known = known_writeback_three,
    .least = least_writeback_three,
};
