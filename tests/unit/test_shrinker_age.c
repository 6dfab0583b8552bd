/* SPDX-License-Identifier: MIT */
/* test_shrinker_age.c - pages written back by age, within a budget. */
#include <limits.h>

#include "platform/processor.h"
#include "support_rig.h"
#include "support_test.h"

static struct rig rig;

static void begin_entries(void)
{
    struct rig_options options = rig_defaults();

    options.cache.placement = ZC_PLACEMENT_KERNEL;
    rig_init(&rig, &options);
}

static void fill_for(unsigned first, unsigned count, unsigned owner)
{
    unsigned i;

    for (i = first; i < first + count; i++)
        rig_set_for(&rig, i, SUPPORT_HALVES, owner);
}

static void fill(unsigned count)
{
    fill_for(0, count, 0);
}

static void expect_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        rig_expect(&rig, i, SUPPORT_HALVES);
}

static unsigned count_entries(unsigned first, unsigned count)
{
    unsigned entries = 0;
    unsigned i;

    for (i = first; i < first + count; i++)
        if (rig_has_entry(&rig, i))
            entries++;
    return entries;
}

static uint64_t pool_pages(void)
{
    const struct zc_entries *entries = &rig.zswap.entries;

    return entries->pool_ops->page_count(entries->pool);
}

static void forbid(unsigned owner)
{
    zc_atomic_u32_store_relaxed(
        &zc_lru_owner(&rig.zswap.lru, owner)->no_writeback, 1);
}

static void pin_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        assert_status(
            zc_slot_pin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(i))),
            ZC_OK);
}

static void unpin_all(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        zc_slot_unpin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(i)));
}

/* Returns pages written. */
static unsigned write_back(uint64_t budget_pages, unsigned min_age,
                           unsigned one_owner, zc_status expected)
{
    const struct zc_writeback_options options = {
        .struct_size = sizeof(options),
        .budget_bytes = budget_pages * rig.page_size,
        .min_age_seconds = min_age,
        .one_owner = one_owner != 0,
        .owner = one_owner,
    };
    const uint64_t before = rig_stat(&rig, ZC_STAT_ZSWPWB);
    size_t bytes = 77;

    assert_status(zc_shrinker_writeback(&rig.shrinker, &options, &bytes),
                  expected);
    assert_int_equal(bytes % rig.page_size, 0);
    assert_int_equal(rig_stat(&rig, ZC_STAT_ZSWPWB) - before,
                     bytes / rig.page_size);
    return (unsigned)(bytes / rig.page_size);
}

TEST(writes_every_page)
{
    begin_entries();
    fill_for(0, 50, 0);
    fill_for(50, 50, 9);
    fill_for(100, 50, 1000);
    assert_int_equal(write_back(0, 0, 0, ZC_OK), 150);
    assert_int_equal(pool_pages(), 0);
    assert_int_equal(write_back(0, 0, 0, ZC_OK), 0);
    expect_all(150);
    rig_end(&rig);
}

TEST(writes_within_its_budget)
{
    const struct zc_writeback_options tiny = {.struct_size = sizeof(tiny),
                                              .budget_bytes = 4095};
    size_t bytes = 77;

    begin_entries();
    fill_for(0, 50, 0);
    fill_for(50, 50, 9);
    assert_int_equal(write_back(7, 0, 0, ZC_OK), 7);
    assert_int_equal(write_back(1, 0, 0, ZC_OK), 1);
    /* From both. */
    assert_in_range(count_entries(0, 50), 45, 47);
    assert_int_equal(write_back(10, 0, 9, ZC_OK), 10);
    assert_in_range(count_entries(0, 50), 45, 47);
    assert_status(zc_shrinker_writeback(&rig.shrinker, &tiny, &bytes), ZC_OK);
    assert_int_equal(bytes, 0);
    rig_end(&rig);
}

TEST(writes_what_is_old)
{
    unsigned i;

    begin_entries();
    fill_for(0, 50, 0);
    fill_for(50, 50, 9);
    zc_clock_advance(100);
    assert_int_equal(write_back(0, 110, 0, ZC_OK), 0);
    zc_clock_advance(100);
    fill_for(100, 20, 9);
    for (i = 0; i < 10; i++)
        rig_expect(&rig, i, SUPPORT_HALVES);
    assert_int_equal(write_back(0, 150, 0, ZC_OK), 90);
    assert_int_equal(count_entries(0, 10), 10);
    assert_int_equal(count_entries(100, 20), 20);
    assert_int_equal(write_back(0, 150, 0, ZC_OK), 0);
    assert_int_equal(write_back(0, 0, 0, ZC_OK), 30);
    rig_end(&rig);
}

/* The looks of one owner are not the other's. */
TEST(young_pages_of_one_owner_end_nothing)
{
    begin_entries();
    fill_for(0, 30, 1);
    zc_clock_advance(100);
    fill_for(30, 10, 2);
    assert_int_equal(write_back(0, 50, 0, ZC_OK), 30);
    assert_int_equal(count_entries(30, 10), 10);
    rig_end(&rig);
}

TEST(says_what_is_left)
{
    begin_entries();
    fill(50);
    pin_all(5);
    assert_int_equal(write_back(0, 0, 0, ZC_AGAIN), 45);
    unpin_all(5);
    assert_int_equal(write_back(0, 0, 0, ZC_OK), 5);
    fill(50);
    rig_fail_writes(&rig, UINT_MAX);
    assert_true(write_back(0, 0, 0, ZC_AGAIN) <= ZC_SHRINK_ERRORS_MAX + 4);
    rig_fail_writes(&rig, 0);
    /* Pages of an owner that forbids writeback are not counted as left. */
    forbid(0);
    assert_int_equal(write_back(0, 0, 0, ZC_OK), 0);
    expect_all(50);
    rig_end(&rig);
}
