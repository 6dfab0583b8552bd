/* SPDX-License-Identifier: MIT */
/* test_zcache_load.c - a page out, and pages forgotten. */
#include "support_bump.h"
#include "support_cache.h"
#include "support_test.h"

#define SHARD UINT64_C(16384)
#define BLOCK (SHARD * 512)

TEST(a_load_keeps_and_a_take_forgets)
{
    char page[4096];
    unsigned over;
    unsigned kind;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        struct zc_cache *cache = support_cache_over(over);

        for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++) {
            support_store(cache, support_slot(kind), kind, 1);
            support_expect(cache, support_slot(kind), kind, 1);
            support_expect(cache, support_slot(kind), kind, 1);

            assert_status(zc_cache_take(cache, support_slot(kind), page),
                          ZC_OK);
            assert_true(support_is_page(page, sizeof(page), kind, 1));
            support_expect_missing(cache, support_slot(kind));
            assert_status(zc_cache_take(cache, support_slot(kind), page),
                          ZC_MISSING);
        }
        assert_int_equal(support_cache_stat(cache, zswpin),
                         3 * SUPPORT_KIND_COUNT);
        assert_int_equal(support_cache_stat(cache, invalidated_pages), 0);
        assert_int_equal(support_cache_stat(cache, take_retries), 0);
        support_expect_empty(cache);
        zc_cache_destroy(cache);
    }
}

TEST(a_taken_object_goes_to_the_pool_once)
{
    struct support_bump_control control = {.create_status = ZC_OK};
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);
    struct zc_cache *cache;
    char page[4096];

    options.pool_user = &control;
    cache = support_cache_create(&options);
    support_store(cache, support_slot(0), SUPPORT_TEXT, 1);
    support_store(cache, support_slot(1), SUPPORT_TEXT, 1);

    support_expect(cache, support_slot(0), SUPPORT_TEXT, 1);
    assert_int_equal(control.frees, 0);
    assert_status(zc_cache_take(cache, support_slot(0), page), ZC_OK);
    assert_int_equal(control.frees, 1);
    assert_status(zc_cache_invalidate(cache, support_slot(1)), ZC_OK);
    assert_int_equal(control.frees, 2);

    assert_int_equal(control.reads, 2);
    assert_int_equal(control.reads_ended, 2);
    zc_cache_destroy(cache);
}

TEST(what_is_not_there_leaves_the_buffer_alone)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    char page[4096];
    char same[4096];

    memset(page, 0x77, sizeof(page));
    memset(same, 0x77, sizeof(same));

    assert_status(zc_cache_load(cache, support_slot(5), page), ZC_MISSING);
    assert_status(zc_cache_take(cache, support_slot(5), page), ZC_MISSING);

    assert_memory_equal(page, same, sizeof(page));
    assert_int_equal(support_cache_stat(cache, zswpin), 0);
    zc_cache_destroy(cache);
}

TEST(slots_that_do_not_exist_are_refused)
{
    static const zc_swp bad[] = {
        {1000},
        {UINT64_C(32) << ZC_SWP_TYPE_SHIFT},
        {UINT64_C(63) << ZC_SWP_TYPE_SHIFT},
        {ZC_SWP_OFFSET_MASK},
        {UINT64_MAX},
    };
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_DENSE);
    struct zc_cache *cache;
    char page[4096];
    size_t i;

    options.slot_count = 1000;
    cache = support_cache_create(&options);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_status(zc_cache_load(cache, bad[i], page), ZC_INVALID);
        assert_status(zc_cache_take(cache, bad[i], page), ZC_INVALID);
        assert_status(zc_cache_invalidate(cache, bad[i]), ZC_INVALID);
        assert_status(zc_cache_invalidate_range(cache, bad[i], 1), ZC_INVALID);
    }
    assert_status(zc_cache_load(cache, support_slot(0), NULL), ZC_INVALID);
    assert_status(zc_cache_take(cache, support_slot(0), NULL), ZC_INVALID);
    assert_status(zc_cache_load(NULL, support_slot(0), page), ZC_INVALID);
    assert_status(zc_cache_take(NULL, support_slot(0), page), ZC_INVALID);
    assert_status(zc_cache_invalidate(NULL, support_slot(0)), ZC_INVALID);
    assert_status(zc_cache_invalidate_range(NULL, support_slot(0), 1),
                  ZC_INVALID);
    assert_status(zc_cache_invalidate_type(NULL, 0), ZC_INVALID);
    assert_status(zc_cache_invalidate_type(cache, 32), ZC_INVALID);
    assert_status(zc_cache_invalidate_type(cache, UINT32_MAX), ZC_INVALID);
    zc_cache_destroy(cache);
}

/* ---- forgetting ---- */

/* G3 */
TEST(an_invalidated_page_is_gone_and_its_slot_free)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);

    support_store(cache, support_slot(1), SUPPORT_TEXT, 1);

    assert_status(zc_cache_invalidate(cache, support_slot(1)), ZC_OK);
    assert_status(zc_cache_invalidate(cache, support_slot(1)), ZC_MISSING);
    support_expect_missing(cache, support_slot(1));
    assert_int_equal(support_cache_stat(cache, invalidated_pages), 1);
    support_expect_empty(cache);

    support_store(cache, support_slot(1), SUPPORT_TEXT, 2);
    support_expect(cache, support_slot(1), SUPPORT_TEXT, 2);
    zc_cache_destroy(cache);
}

static const uint64_t scattered[] = {
    0,         1,         127,   128,           SHARD - 1,        SHARD,
    SHARD + 1, BLOCK - 1, BLOCK, 3 * BLOCK + 5, (1ull << 32) - 1,
};

#define SCATTERED (sizeof(scattered) / sizeof(scattered[0]))

/* Stores a page at every scattered slot of two types. */
static void scatter(struct zc_cache *cache)
{
    size_t i;

    for (i = 0; i < SCATTERED; i++) {
        support_store(cache, zc_swp_make(2, scattered[i]), SUPPORT_SAME, i);
        support_store(cache, zc_swp_make(3, scattered[i]), SUPPORT_SAME, i);
    }
}

/* Those of type 2 inside [first, first + count) are gone, and no other. */
static void expect_gone(struct zc_cache *cache, uint64_t first, uint64_t count)
{
    size_t i;

    for (i = 0; i < SCATTERED; i++) {
        const zc_swp slot = zc_swp_make(2, scattered[i]);

        if (scattered[i] >= first && scattered[i] - first < count)
            support_expect_missing(cache, slot);
        else
            support_expect(cache, slot, SUPPORT_SAME, i);
        support_expect(cache, zc_swp_make(3, scattered[i]), SUPPORT_SAME, i);
    }
}

TEST(a_range_forgets_what_is_in_it_and_no_more)
{
    static const struct {
        uint64_t first;
        uint64_t count;
    } ranges[] = {
        {0, 0},          {0, 1},
        {1, 1},          {127, 1},
        {127, 2},        {1, 127},
        {0, SHARD - 1},  {0, SHARD},
        {SHARD - 1, 1},  {SHARD - 1, 2},
        {SHARD, 1},      {2, SHARD * 3},
        {BLOCK - 1, 1},  {BLOCK - 1, 2},
        {BLOCK, 1},      {SHARD, BLOCK},
        {4, 1ull << 31}, {0, (1ull << 32) - 1},
        {0, 1ull << 32}, {(1ull << 32) - 1, 1},
        {1ull << 32, 0}, {200, 10000},
    };
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    size_t i;

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        scatter(cache);

        assert_status(zc_cache_invalidate_range(cache,
                                                zc_swp_make(2, ranges[i].first),
                                                ranges[i].count),
                      ZC_OK);

        expect_gone(cache, ranges[i].first, ranges[i].count);
    }
    zc_cache_destroy(cache);
}

TEST(a_range_that_leaves_the_type_changes_nothing)
{
    static const struct {
        uint64_t first;
        uint64_t count;
    } ranges[] = {
        {0, (1ull << 32) + 1},   {1, 1ull << 32},
        {(1ull << 32) - 1, 2},   {1ull << 32, 1},
        {(1ull << 32) + 1, 0},   {1, UINT64_MAX},
        {0, UINT64_MAX},         {(1ull << 32) - 1, UINT64_MAX},
        {ZC_SWP_OFFSET_MASK, 1},
    };
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    size_t i;

    scatter(cache);

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        assert_status(zc_cache_invalidate_range(cache,
                                                zc_swp_make(2, ranges[i].first),
                                                ranges[i].count),
                      ZC_INVALID);

    expect_gone(cache, 0, 0);
    assert_int_equal(support_cache_stat(cache, invalidated_pages), 0);
    zc_cache_destroy(cache);
}

TEST(a_type_is_forgotten_whole_and_alone)
{
    struct zc_cache_options options =
        support_cache_options(SUPPORT_OVER_KERNEL);
    struct zc_cache *cache;
    unsigned type;

    options.slot_count = ZC_SLOT_COUNT_MAX;
    cache = support_cache_create(&options);
    for (type = 0; type < 32; type++) {
        support_store(cache, zc_swp_make(type, 0), SUPPORT_TEXT, type);
        support_store(cache, zc_swp_make(type, ZC_SLOT_COUNT_MAX - 1),
                      SUPPORT_TEXT, type);
    }

    assert_status(zc_cache_invalidate_type(cache, 9), ZC_OK);
    assert_int_equal(support_cache_stat(cache, stored_pages), 62);
    for (type = 0; type < 32; type++) {
        if (type == 9)
            continue;
        support_expect(cache, zc_swp_make(type, ZC_SLOT_COUNT_MAX - 1),
                       SUPPORT_TEXT, type);
    }
    for (type = 0; type < 32; type++)
        assert_status(zc_cache_invalidate_type(cache, type), ZC_OK);

    assert_int_equal(support_cache_stat(cache, invalidated_pages), 64);
    support_expect_empty(cache);
    zc_cache_destroy(cache);
}

TEST(a_dense_range_is_forgotten_to_the_last)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    uint64_t i;

    for (i = 0; i < 2 * SHARD + 300; i++)
        support_store(cache, support_slot(i), SUPPORT_ZERO, 0);

    assert_status(
        zc_cache_invalidate_range(cache, support_slot(100), 2 * SHARD), ZC_OK);

    assert_int_equal(support_cache_stat(cache, stored_pages), 300);
    support_expect(cache, support_slot(99), SUPPORT_ZERO, 0);
    support_expect_missing(cache, support_slot(100));
    support_expect_missing(cache, support_slot(2 * SHARD + 99));
    support_expect(cache, support_slot(2 * SHARD + 100), SUPPORT_ZERO, 0);
    zc_cache_destroy(cache);
}
