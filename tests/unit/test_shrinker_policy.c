/* SPDX-License-Identifier: MIT */
/*
 * test_shrinker_policy.c - the kernel's loop: what a run looks at, when it
 * ends, and what it writes back, counted by hand.
 */
#include "support_rig.h"
#include "support_test.h"

#define PAGES 200

/* Looks of a run that writes nothing, of one owner: its first round over the
 * owners is what the last run left of one, and a failure without a look. */
#define RUN_LOOKS 15

#define POLICY(which, looks)                                                   \
    .cache = {.placement = ZC_PLACEMENT_KERNEL,                                \
              .shrink_policy = ZC_SHRINK_##which,                              \
              .shrink_looks = (looks)}

/* A run with a goal that it cannot reach.  Returns the pages it wrote. */
static uint64_t run_once(void)
{
    const uint64_t runs = rig_stat(ZC_STAT_SHRINK_RUNS);
    const uint64_t before = rig_stat(ZC_STAT_ZSWPWB);
    uint64_t pages;

    assert_status(
        zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, UINT64_MAX, &pages),
        ZC_AGAIN);
    assert_int_equal(rig_stat(ZC_STAT_SHRINK_RUNS), runs + 1);
    return rig_stat(ZC_STAT_ZSWPWB) - before;
}

/* ---- one look ---- */

/* Each run gives 15 entries their second chance and ends. */
RIG_TEST(nothing_is_written_before_all_had_their_chance, POLICY(6_18, 0))
{
    unsigned runs = 0;

    rig_fill(0, PAGES, 0);
    while (run_once() == 0)
        assert_int_equal(rig_stat(ZC_STAT_SHRINK_SCANNED), ++runs * RUN_LOOKS);
    assert_int_equal(runs, PAGES / RUN_LOOKS);
    /* The run that wrote: the rest of the chances, and then every page. */
    assert_int_equal(rig_pool_pages(), 0);
    assert_int_equal(rig_stat(ZC_STAT_SHRINK_SCANNED), 2 * PAGES);
    assert_int_equal(rig_stat(ZC_STAT_REJECT_RECLAIM_FAIL), 0);
    rig_expect_all(PAGES);
}

/* The same pages with the library's own: the first run finds all. */
RIG_TEST(a_run_that_looks_at_all_writes_at_once, POLICY(ALL, 0))
{
    rig_fill(0, PAGES, 0);
    assert_int_equal(run_once(), PAGES);
}

/* Owners have their turns; the second round of a run is whole. */
RIG_TEST(owners_share_the_looks_of_a_run, POLICY(6_18, 0))
{
    rig_fill(0, 40, 3);
    rig_fill(40, 40, 500);
    assert_int_equal(run_once(), 0);
    assert_int_equal(rig_stat(ZC_STAT_SHRINK_SCANNED), 16);
    assert_int_equal(run_once(), 0);
    assert_int_equal(rig_stat(ZC_STAT_SHRINK_SCANNED), 16 + RUN_LOOKS);
}

/* Failures count although pages were written in between. */
RIG_TEST(sixteen_failures_end_a_run_in_a_row_or_not, POLICY(6_18, 0))
{
    unsigned i;

    rig_fill(0, PAGES, 0);
    while (rig_stat(ZC_STAT_SHRINK_SCANNED) < PAGES - RUN_LOOKS)
        assert_int_equal(run_once(), 0);
    /* All but five had their chance; of the next 40 every second is busy. */
    for (i = 0; i < 40; i += 2)
        assert_status(zc_slot_pin(&rig.swap, rig_at(i), NULL), ZC_OK);
    /* Failures: the round, 5 chances, and 10 busy pages. */
    assert_int_equal(run_once(), 9);
    assert_int_equal(rig_stat(ZC_STAT_REJECT_RECLAIM_FAIL), 10);
    assert_int_equal(rig_stat(ZC_STAT_WRITEBACK_BUSY), 10);
    for (i = 0; i < 40; i += 2)
        zc_slot_unpin(&rig.swap, rig_at(i));
    rig_expect_all(PAGES);
}

/* As zswap_store() calls shrink_memcg() once. */
RIG_TEST(an_owner_over_its_limit_has_one_attempt, POLICY(6_18, 0))
{
    unsigned i;

    rig_fill(0, 20, 3);
    zc_atomic_u64_store_relaxed(&zc_lru_owner(&rig.zswap.lru, 3)->limit_bytes,
                                1);
    for (i = 0; i < 20; i++)
        assert_false(zc_shrinker_make_room(&rig.shrinker, rig_slot(99), 3));
    assert_int_equal(rig_stat(ZC_STAT_SHRINK_SCANNED), 20);
    assert_true(zc_shrinker_make_room(&rig.shrinker, rig_slot(99), 3));
    assert_int_equal(rig_stat(ZC_STAT_ZSWPWB), 1);
    assert_false(rig_has_entry(0));
}

/* ---- more looks ---- */

/* 15 of 32 entries had their chance in each run; a batch writes back more than
 * one page, also past the goal. */
RIG_TEST(an_attempt_of_a_batch_writes_all_that_may_go, POLICY(BATCH, 0))
{
    uint64_t pages;

    rig_fill(0, 96, 0);
    /* Three attempts that fail, and one that writes 32. */
    assert_status(zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 1, &pages),
                  ZC_OK);
    assert_int_equal(rig_stat(ZC_STAT_SHRINK_SCANNED), 4 * 32);
    assert_int_equal(rig_stat(ZC_STAT_ZSWPWB), 32);
    rig_expect_all(96);
}

RIG_TEST(the_looks_can_be_set_for_any_policy, POLICY(BATCH, 7))
{
    rig_fill(0, PAGES, 0);
    assert_int_equal(run_once(), 0);
    assert_int_equal(rig_stat(ZC_STAT_SHRINK_SCANNED), 7 * RUN_LOOKS);
}

RIG_TEST(the_kernel_does_not_compact_meanwhile,
         POLICY(6_18, ZC_SHRINK_LOOKS_ALL))
{
    const struct zc_zspool *pool = rig.zswap.entries.zspool;
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    struct support_random random = {7};
    uint64_t pages;
    unsigned i;

    rig_fill(0, 2048, 0);
    for (i = 0; i < 2048; i++)
        rig_set(support_random_below(&random, 2048), SUPPORT_HALVES);
    (void)zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 100, &pages);
    assert_status(zc_zspool_get_stats(pool, &stats), ZC_OK);
    assert_true(rig_stat(ZC_STAT_ZSWPWB) >= 64);
    assert_int_equal(stats.objects_moved, 0);
    rig.shrinker.has_compact = true;
    (void)zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 100, &pages);
    assert_status(zc_zspool_get_stats(pool, &stats), ZC_OK);
    assert_true(stats.objects_moved > 0);
}

/* ---- before the limit ---- */

/* Fills up to the limit, and beyond; returns the stores that were refused. */
static uint64_t refused(unsigned policy)
{
    const struct rig_options options = {
        .cache = {.placement = ZC_PLACEMENT_KERNEL,
                  .limit_bytes = 400 * 4096,
                  .accept_threshold_percent = 50,
                  .shrink_policy = policy,
                  .shrink_looks = ZC_SHRINK_LOOKS_ALL}};
    uint64_t count;
    unsigned i;

    rig_begin(&options);
    for (i = 0; i < 2000; i++) {
        rig_set(i, SUPPORT_HALVES);
        /* It begins at 51 %; the store's zspage comes on top. */
        if (policy == ZC_SHRINK_PROACTIVE)
            assert_in_range(rig_pool_pages(), 0, 400 * 51 / 100 + 8);
    }
    count = rig_stat(ZC_STAT_POOL_LIMIT_HIT);
    rig_expect_all(2000);
    rig_end();
    return count;
}

TEST(a_proactive_run_begins_before_the_limit)
{
    assert_int_equal(refused(ZC_SHRINK_PROACTIVE), 0);
    assert_true(refused(ZC_SHRINK_ALL) > 0);
}

/* With one look the runs fall behind, and the limit is reached; but there is no
 * hysteresis: as soon as a page is free a store gets it. */
TEST(a_proactive_pool_refuses_at_the_limit_only)
{
    const struct rig_options options = {
        .cache = {.placement = ZC_PLACEMENT_KERNEL,
                  .limit_bytes = 400 * 4096,
                  .accept_threshold_percent = 50,
                  .shrink_policy = ZC_SHRINK_PROACTIVE}};
    unsigned offset = 0;

    rig_begin(&options);
    rig.zswap.make_room = NULL;
    while (rig_stat(ZC_STAT_POOL_LIMIT_HIT) == 0)
        rig_set(offset++, SUPPORT_HALVES);
    rig_forget(0);
    rig_forget(1);
    rig_forget(2);
    rig_set(offset, SUPPORT_HALVES);
    assert_true(rig_has_entry(offset));
    rig_end();
}
