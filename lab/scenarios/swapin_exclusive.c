/* SPDX-License-Identifier: MIT */
/*
 * swapin_exclusive.c - a page that is read past the swap cache still belongs to
 * the slot.
 *
 * It is read into a private frame.  If the frame is not mapped after all, it is
 * freed; and if a fork has raised the slot's count meanwhile, the child has
 * only the slot.  So the stored page has to stay until the count drops.
 *
 * Both scenarios are there with each policy of a swap-in (zcache/vm.h).  With
 * the load made exclusive, or the copy dropped when the read completes, the
 * page is lost past the swap cache, and by no other policy: the swap cache
 * keeps what is read through it, and a page that is stored again is not lost,
 * as long as its slot is pinned meanwhile.
 */
#include "base/inject.h"
#include "world.h"

static void read_page(void *context)
{
    (void)context;
    (void)world_read_page(0, 0);
}

static void fork_space(void *context)
{
    (void)context;
    world_fork(0, 1);
    world_inherit(1, 0, 1);
}

static void read_again(void)
{
    (void)world_read_page(0, 0);
}

static void read_both(void)
{
    (void)world_read_page(0, 0);
    (void)world_read_page(1, 0);
}

static const struct lab_actor forking[] = {
    {"zc_vm_read(A:0)", read_page},
    {"zc_vm_fork(A)", fork_space},
};
static const struct lab_actor twice[] = {
    {"zc_vm_read(A:0)", read_page},
    {"zc_vm_read(A:0)", read_page},
};

/* --- past the swap cache --------------------------------------------- */

#define OPENING "A:0 is swapped out to 0:0"

static void setup(void)
{
    world_page_out(ZC_SWAP_IN_BYPASS, 2);
}

static const struct world_case forked = {
    .setup = setup, .finish = read_both, .opening = OPENING};
static const struct world_case failing = {.setup = setup,
                                          .finish = read_again,
                                          .opening = OPENING,
                                          .inject = 1u << ZC_INJECT_INSTALL};

static const char *const rules_swapin_fork[] = {
    "EXCLUSIVE_ONLY_FROM_SWAPCACHE", "COPY_LIVES_UNTIL_SWAP_FREE", NULL};
static const enum lab_failure known_swapin_fork[] = {LAB_FAILURE_LOST_PAGE,
                                                     LAB_FAILURE_LOST_PAGE};
static const uint8_t least_swapin_fork[] = {1, 1};

const struct lab_scenario scenario_swapin_fork = {
    .summary = "swap-in || fork",
    .program = {WORLD_PROGRAM("swapin-fork", forking, &forked),
                .coalesce = true},
    .break_rule = world_break,
    .rules = rules_swapin_fork,
    .bound = LAB_NO_BOUND,
    .story =
        "A swap-in has seen a swap count of one and reads past the swap cache; "
        "a fork raises the count.  If the read takes the stored page, or drops "
        "it, the child has a slot with nothing behind it.",
    .origin = "mm: fix unexpected zeroed page mapping with zram swap, "
              "e914d8f00391, 2022",
    .known = known_swapin_fork,
    .least = least_swapin_fork,
};

static const char *const rules_swapin_fails[] = {
    "EXCLUSIVE_ONLY_FROM_SWAPCACHE", "COPY_LIVES_UNTIL_SWAP_FREE", NULL};
static const enum lab_failure known_swapin_fails[] = {LAB_FAILURE_LOST_PAGE,
                                                      LAB_FAILURE_LOST_PAGE};
static const uint8_t least_swapin_fails[] = {0, 0};

const struct lab_scenario scenario_swapin_fails = {
    .summary = "swap-in || swap-in of one page; one may have to begin again",
    .program = {WORLD_PROGRAM("swapin-fails", twice, &failing),
                .coalesce = true, .step_limit = WORLD_STEPS,
                .failure_budget = 1},
    .break_rule = world_break,
    .rules = rules_swapin_fails,
    .bound = 2,
    .story =
        "A page read past the swap cache is not mapped (a signal, a retry), "
        "and the frame is freed with the only copy of it.  The next fault "
        "reads a slot that was never written.",
    .origin = "mm: zswap: fix data loss on SWP_SYNCHRONOUS_IO devices, "
              "25cd241408a2, 2024",
    .known = known_swapin_fails,
    .least = least_swapin_fails,
};

/* --- the other policies ---------------------------------------------- */

#define ORIGIN                                                                 \
    "mm: zswap: fix data loss on SWP_SYNCHRONOUS_IO devices, 25cd241408a2, "   \
    "2024 (what else was proposed)"

static const char *const rules_again[] = {"SYNC_SWAPIN_PINS_SLOT", NULL};
/* The page is neither stored nor mapped when the other thread looks. */
static const enum lab_failure known_again[] = {LAB_FAILURE_LOST_PAGE};
static const uint8_t least_again[] = {1};

/* Both scenarios with one more policy: `said` in a few words. */
#define POLICY(suffix, word, policy, said, rules_, known_, least_, story_)     \
    static void setup_##suffix(void)                                           \
    {                                                                          \
        world_page_out(policy, 2);                                             \
    }                                                                          \
    static const struct world_case forked_##suffix = {                         \
        .setup = setup_##suffix, .finish = read_both, .opening = OPENING};     \
    static const struct world_case failing_##suffix = {                        \
        .setup = setup_##suffix,                                               \
        .finish = read_again,                                                  \
        .opening = OPENING,                                                    \
        .inject = 1u << ZC_INJECT_INSTALL};                                    \
    const struct lab_scenario scenario_swapin_fork_##suffix = {                \
        .summary = "swap-in || fork, " said,                                   \
        .program = {WORLD_PROGRAM("swapin-fork-" word, forking,                \
                                  &forked_##suffix),                           \
                    .coalesce = true},                                         \
        .break_rule = world_break,                                             \
        .rules = world_no_rules,                                               \
        .shows_design = true,                                                  \
        .bound = LAB_NO_BOUND,                                                 \
        .story = story_,                                                       \
        .origin = ORIGIN,                                                      \
    };                                                                         \
    const struct lab_scenario scenario_swapin_fails_##suffix = {               \
        .summary = "swap-in || swap-in that may begin again, " said,           \
        .program = {WORLD_PROGRAM("swapin-fails-" word, twice,                 \
                                  &failing_##suffix),                          \
                    .coalesce = true, .step_limit = WORLD_STEPS,               \
                    .failure_budget = 1},                                      \
        .break_rule = world_break,                                             \
        .rules = rules_,                                                       \
        .shows_design = true,                                                  \
        .bound = 1,                                                            \
        .story = story_,                                                       \
        .origin = ORIGIN,                                                      \
        .known = known_,                                                       \
        .least = least_,                                                       \
    };

POLICY(cached, "cached", ZC_SWAP_IN_CACHED, "through the swap cache",
       world_no_rules, NULL, NULL,
       "A page that is read through the swap cache and not mapped stays there, "
       "dirty: the next fault, of this space or of a child, finds it.")
POLICY(again, "again", ZC_SWAP_IN_STORE_AGAIN, "and the page stored again",
       rules_again, known_again, least_again,
       "A page that is read past the swap cache and taken is stored again if "
       "it is not mapped, or if a child has the slot too.  Until then it is in "
       "no place that another thread looks at, so its slot stays pinned.")
POLICY(if_stored, "if-stored", ZC_SWAP_IN_CACHED_IF_STORED,
       "through the swap cache what zswap has", world_no_rules, NULL, NULL,
       "What zswap has is read through the swap cache, and past it only what "
       "is on the device, where it stays.  The look is with the slot pinned: "
       "no page comes or goes meanwhile.")
