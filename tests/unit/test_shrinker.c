/* SPDX-License-Identifier: MIT */
/* test_shrinker.c - what a shrink and a writeback by age write back. */
#include <limits.h>

#include "platform/processor.h"
#include "support_rig.h"
#include "support_test.h"

#define PAGES 256

static struct support_device *const device = &rig.device;

#define CACHE_OF(mode, where)                                                  \
    {                                                                          \
        .lru_mode = ZC_LRU_##mode, .placement = ZC_PLACEMENT_##where,          \
        .segment_bytes = 16 * 4096, .writes_max = 4                            \
    }

static const struct zc_cache_options caches[] = {
    CACHE_OF(ENTRY, KERNEL),
    CACHE_OF(ENTRY, DENSE),
    CACHE_OF(ZSPAGE, KERNEL),
    CACHE_OF(ZSPAGE, DENSE),
};

#define CACHES (sizeof(caches) / sizeof(caches[0]))

static void begin(unsigned i, unsigned io_workers)
{
    rig_begin(
        &(struct rig_options){.cache = caches[i], .io_workers = io_workers});
}

/* Shrinks by so many pages, which the pool must have lost. */
static uint64_t shrink(unsigned owner, uint64_t goal, zc_status expected)
{
    const uint64_t before = rig_pool_pages();
    uint64_t pages = 77;

    assert_status(zc_shrinker_shrink(&rig.shrinker, owner, goal, &pages),
                  expected);
    assert_int_equal(rig_pool_pages() + pages, before);
    return pages;
}

/* ---- goals ---- */

TEST(a_shrink_gives_back_what_is_asked_for)
{
    unsigned i;

    for (i = 0; i < CACHES; i++) {
        begin(i, i % 3);
        rig_fill(0, PAGES, 0);
        assert_int_equal(shrink(ZC_OWNER_ANY, 0, ZC_OK), 0);
        assert_int_equal(rig_stat(ZC_STAT_ZSWPWB), 0);
        assert_true(shrink(ZC_OWNER_ANY, 40, ZC_OK) >= 40);
        /* Two objects fit in a page, or hardly. */
        assert_in_range(rig_stat(ZC_STAT_ZSWPWB), 60, 140);
        rig_expect_all(PAGES);
        /* All that there is, and then there is no more. */
        (void)shrink(ZC_OWNER_ANY, UINT64_MAX, ZC_AGAIN);
        assert_int_equal(rig_pool_pages(), 0);
        assert_int_equal(shrink(ZC_OWNER_ANY, 1, ZC_AGAIN), 0);
        rig_settle();
        rig_expect_all(PAGES);
        assert_int_equal(rig_stat(ZC_STAT_ZSWPWB), PAGES);
        rig_end();
    }
}

/*
 * The coldest pages lie scattered: without compaction the pool would have to
 * lose most of them to give back a tenth of its segments.
 */
RIG_TEST(holes_become_pages, .cache = caches[1])
{
    struct support_random random = {7};
    unsigned i;

    rig_fill(0, 2048, 0);
    for (i = 0; i < 2 * 2048; i++)
        rig_set(support_random_below(&random, 2048), SUPPORT_HALVES);
    (void)shrink(ZC_OWNER_ANY, rig_pool_pages() / 10, ZC_OK);
    print_message("%u of 2048\n", (unsigned)rig_stat(ZC_STAT_ZSWPWB));
    assert_in_range(rig_stat(ZC_STAT_ZSWPWB), 1, 2048 / 4);
}

/* ---- order ---- */

RIG_TEST(the_coldest_goes_first_after_its_second_chance, .cache = caches[0])
{
    rig_fill(0, PAGES, 0);
    /* Each entry had its second chance; these pages are used again. */
    (void)shrink(ZC_OWNER_ANY, 1, ZC_OK);
    rig_expect_all(PAGES / 2);
    (void)shrink(ZC_OWNER_ANY, 60, ZC_OK);
    assert_true(rig_entries(0, PAGES / 2) >= PAGES / 2 - 24);
    assert_true(rig_entries(PAGES / 2, PAGES / 2) <= PAGES / 2 - 80);
}

/* 60 pages of each of three owners. */
static void fill_for(unsigned first, unsigned second, unsigned third)
{
    rig_fill(0, 60, first);
    rig_fill(60, 60, second);
    rig_fill(120, 60, third);
}

static void expect_entries(unsigned first, unsigned second, unsigned third)
{
    assert_int_equal(rig_entries(0, 60), first);
    assert_int_equal(rig_entries(60, 60), second);
    assert_int_equal(rig_entries(120, 60), third);
}

RIG_TEST(owners_take_turns, .cache = caches[0])
{
    unsigned i;

    fill_for(3, 500, 1023);
    (void)shrink(ZC_OWNER_ANY, 45, ZC_OK);
    for (i = 0; i < 3; i++)
        assert_in_range(rig_entries(60 * i, 60), 20, 34);
}

RIG_TEST(a_shrink_can_be_of_one_owner, .cache = caches[0])
{
    fill_for(3, 5, 3);
    (void)shrink(5, UINT64_MAX, ZC_AGAIN);
    expect_entries(60, 0, 60);
    assert_int_equal(shrink(77, 1, ZC_AGAIN), 0);
}

RIG_TEST(an_owner_that_forbids_it_is_passed_over, .cache = caches[0])
{
    fill_for(3, 5, 7);
    rig_forbid(3);
    rig_forbid(7);
    (void)shrink(ZC_OWNER_ANY, UINT64_MAX, ZC_AGAIN);
    expect_entries(60, 0, 60);
    (void)shrink(3, 1, ZC_AGAIN);
    assert_int_equal(rig_stat(ZC_STAT_ZSWPWB), 60);
}

RIG_TEST(a_zspage_of_an_owner_that_forbids_it_stays, .cache = caches[2])
{
    rig_fill(0, 60, 3);
    rig_forbid(3);
    assert_int_equal(shrink(ZC_OWNER_ANY, UINT64_MAX, ZC_AGAIN), 0);
    assert_int_equal(device->tries, 0);
}

/* ---- shrinks that fail ---- */

TEST(a_shrink_ends_when_all_are_busy)
{
    unsigned i;

    for (i = 0; i < CACHES; i += 2) {
        begin(i, 0);
        rig_fill(0, 64, 0);
        rig_pin_all(64);
        assert_int_equal(shrink(ZC_OWNER_ANY, 8, ZC_AGAIN), 0);
        assert_int_equal(device->tries, 0);
        if (i == 0)
            assert_int_equal(rig_stat(ZC_STAT_WRITEBACK_BUSY),
                             ZC_SHRINK_RETRIES_MAX);
        rig_unpin_all(64);
        (void)shrink(ZC_OWNER_ANY, 8, ZC_OK);
        rig_end();
    }
}

/* In turn: those that are not busy keep it going. */
RIG_TEST(a_shrink_goes_on_past_busy_slots, .cache = caches[0])
{
    unsigned i;

    rig_fill(0, PAGES, 0);
    for (i = 0; i < PAGES; i += 4)
        assert_status(zc_slot_pin(&rig.swap, rig_at(i), NULL), ZC_OK);
    (void)shrink(ZC_OWNER_ANY, 85, ZC_OK);
    for (i = 0; i < PAGES; i += 4) {
        assert_true(rig_has_entry(i));
        zc_slot_unpin(&rig.swap, rig_at(i));
    }
    assert_true(rig_stat(ZC_STAT_WRITEBACK_BUSY) > ZC_SHRINK_RETRIES_MAX);
    rig_expect_all(PAGES);
}

/* Each page would come back to the pool, and be the coldest in its turn. */
TEST(a_shrink_ends_when_the_device_fails_all)
{
    uint64_t pages;
    unsigned i;

    for (i = 0; i < 2 * CACHES; i++) {
        begin(i % CACHES, i / CACHES * 2);
        rig_fill(0, PAGES, 0);
        atomic_store(&device->failing_writes, UINT_MAX);
        (void)zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, 60, &pages);
        rig_settle();
        assert_in_range(device->tries, ZC_SHRINK_ERRORS_MAX,
                        ZC_SHRINK_ERRORS_MAX + 4);
        assert_int_equal(rig_entries(0, PAGES), PAGES);
        rig_expect_all(PAGES);
        /* Each shrink tries anew. */
        atomic_store(&device->failing_writes, 3);
        (void)shrink(ZC_OWNER_ANY, 60, ZC_OK);
        rig_settle();
        rig_expect_all(PAGES);
        rig_end();
    }
}

RIG_TEST(a_shrink_begins_with_stuck_folios, .cache = caches[0], .io_workers = 1)
{
    rig_fill(0, 4, 0);
    rig_unlock(1, rig_make_stuck(1));
    assert_int_equal(shrink(ZC_OWNER_ANY, 0, ZC_OK), 0);
    assert_true(rig_has_entry(1));
    assert_int_equal(rig_stuck(), 0);
}

/* ---- by age ---- */

/* Returns pages written. */
static unsigned write_back(struct zc_writeback_options options,
                           zc_status expected)
{
    const uint64_t before = rig_stat(ZC_STAT_ZSWPWB);
    size_t bytes = 77;

    options.struct_size = sizeof(options);
    assert_status(zc_shrinker_writeback(&rig.shrinker, &options, &bytes),
                  expected);
    assert_int_equal(bytes % rig.page_size, 0);
    assert_int_equal(rig_stat(ZC_STAT_ZSWPWB) - before, bytes / rig.page_size);
    return (unsigned)(bytes / rig.page_size);
}

static unsigned write_back_all(zc_status expected)
{
    return write_back((struct zc_writeback_options){.owner = 0}, expected);
}

static unsigned write_back_older(unsigned seconds)
{
    return write_back((struct zc_writeback_options){.min_age_seconds = seconds},
                      ZC_OK);
}

RIG_TEST(a_writeback_writes_every_page, .cache = caches[0])
{
    fill_for(0, 9, 1000);
    assert_int_equal(write_back_all(ZC_OK), 180);
    assert_int_equal(rig_pool_pages(), 0);
    assert_int_equal(write_back_all(ZC_OK), 0);
    rig_expect_all(180);
}

RIG_TEST(a_writeback_keeps_to_its_budget, .cache = caches[0])
{
    struct zc_writeback_options budget = {.budget_bytes = 7 * 4096};

    rig_fill(0, 50, 0);
    rig_fill(50, 50, 9);
    assert_int_equal(write_back(budget, ZC_OK), 7);
    budget.budget_bytes = 4096;
    assert_int_equal(write_back(budget, ZC_OK), 1);
    /* From both. */
    assert_in_range(rig_entries(0, 50), 45, 47);
    budget.budget_bytes = 10 * 4096;
    budget.one_owner = true;
    budget.owner = 9;
    assert_int_equal(write_back(budget, ZC_OK), 10);
    assert_in_range(rig_entries(0, 50), 45, 47);
    budget.budget_bytes = 4095;
    assert_int_equal(write_back(budget, ZC_OK), 0);
}

RIG_TEST(a_writeback_by_age_leaves_what_is_younger, .cache = caches[0])
{
    rig_fill(0, 50, 0);
    rig_fill(50, 50, 9);
    zc_clock_advance(100);
    assert_int_equal(write_back_older(110), 0);
    zc_clock_advance(100);
    rig_fill(100, 20, 9);
    rig_expect_all(10);
    assert_int_equal(write_back_older(150), 90);
    assert_int_equal(rig_entries(0, 10), 10);
    assert_int_equal(rig_entries(100, 20), 20);
    assert_int_equal(write_back_older(150), 0);
    assert_int_equal(write_back_all(ZC_OK), 30);
}

/* The looks of one owner are not the other's. */
RIG_TEST(young_pages_of_one_owner_end_nothing, .cache = caches[0])
{
    rig_fill(0, 30, 1);
    zc_clock_advance(100);
    rig_fill(30, 10, 2);
    assert_int_equal(write_back_older(50), 30);
    assert_int_equal(rig_entries(30, 10), 10);
}

RIG_TEST(a_writeback_says_whether_pages_are_left, .cache = caches[0])
{
    rig_fill(0, 50, 0);
    rig_pin_all(5);
    assert_int_equal(write_back_all(ZC_AGAIN), 45);
    rig_unpin_all(5);
    assert_int_equal(write_back_all(ZC_OK), 5);
    rig_fill(0, 50, 0);
    atomic_store(&device->failing_writes, UINT_MAX);
    assert_true(write_back_all(ZC_AGAIN) <= ZC_SHRINK_ERRORS_MAX + 4);
    atomic_store(&device->failing_writes, 0);
    /* Pages of an owner that forbids writeback are not counted as left. */
    rig_forbid(0);
    assert_int_equal(write_back_all(ZC_OK), 0);
    rig_expect_all(50);
}
