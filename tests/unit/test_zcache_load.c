/* SPDX-License-Identifier: MIT */
/* test_zcache_load.c - a page out, and pages forgotten. */
#include "support_front.h"

#define SHARD UINT64_C(16384)
#define BLOCK (SHARD * 512)
#define END (1ull << 32) /* of the offsets of a default cache */

TEST_OF_CACHE(a_load_keeps_and_a_take_forgets)
{
    unsigned over;
    unsigned kind;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        renew_over(over);
        for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++) {
            store(kind, kind, 1);
            expect(kind, kind, 1);
            expect(kind, kind, 1);
            expect_taken(kind, kind, 1);
            expect_missing(kind);
            assert_status(try_take(kind), ZC_MISSING);
        }
        assert_int_equal(cache_stat(zswpin), 3 * SUPPORT_KIND_COUNT);
        assert_int_equal(cache_stat(invalidated_pages), 0);
        assert_int_equal(cache_stat(take_retries), 0);
        support_expect_empty(cache);
    }
}

TEST_OF_CACHE(an_object_goes_to_the_pool_with_its_page)
{
    renew_over(SUPPORT_OVER_BUMP);
    store(0, SUPPORT_TEXT, 1);
    store(1, SUPPORT_TEXT, 1);
    expect(0, SUPPORT_TEXT, 1);
    assert_int_equal(spied.frees, 0);
    expect_taken(0, SUPPORT_TEXT, 1);
    assert_int_equal(spied.frees, 1);
    forget(1);
    assert_int_equal(spied.frees, 2);
    assert_int_equal(spied.reads, 2);
}

TEST_OF_CACHE(what_is_not_there_leaves_the_buffer_alone)
{
    char page[4096];
    char same[4096];

    memset(page, 0x77, sizeof(page));
    memset(same, 0x77, sizeof(same));
    assert_status(zc_cache_load(cache, at(5), page), ZC_MISSING);
    assert_status(zc_cache_take(cache, at(5), page), ZC_MISSING);
    assert_memory_equal(page, same, sizeof(page));
    assert_int_equal(cache_stat(zswpin), 0);
}

TEST_OF_CACHE(slots_that_do_not_exist_are_refused)
{
    static const zc_swp bad[] = {
        {1000},
        {UINT64_C(32) << ZC_SWP_TYPE_SHIFT},
        {UINT64_C(63) << ZC_SWP_TYPE_SHIFT},
        {ZC_SWP_OFFSET_MASK},
        {UINT64_MAX},
    };
    char page[4096];
    size_t i;

    renew(ZC_CACHE_OPTIONS(.slot_count = 1000));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_status(zc_cache_load(cache, bad[i], page), ZC_INVALID);
        assert_status(zc_cache_take(cache, bad[i], page), ZC_INVALID);
        assert_status(zc_cache_invalidate(cache, bad[i]), ZC_INVALID);
        assert_status(zc_cache_invalidate_range(cache, bad[i], 1), ZC_INVALID);
    }
    assert_status(zc_cache_load(cache, at(0), NULL), ZC_INVALID);
    assert_status(zc_cache_take(cache, at(0), NULL), ZC_INVALID);
    assert_status(zc_cache_load(NULL, at(0), page), ZC_INVALID);
    assert_status(zc_cache_take(NULL, at(0), page), ZC_INVALID);
    assert_status(zc_cache_invalidate(NULL, at(0)), ZC_INVALID);
    assert_status(zc_cache_invalidate_range(NULL, at(0), 1), ZC_INVALID);
    assert_status(zc_cache_invalidate_type(NULL, 0), ZC_INVALID);
    assert_status(zc_cache_invalidate_type(cache, 32), ZC_INVALID);
    assert_status(zc_cache_invalidate_type(cache, UINT32_MAX), ZC_INVALID);
}

/* ---- forgetting ---- */

/* G3 */
TEST_OF_CACHE(an_invalidated_page_is_gone_and_its_slot_free)
{
    store(1, SUPPORT_TEXT, 1);
    forget(1);
    assert_status(zc_cache_invalidate(cache, at(1)), ZC_MISSING);
    expect_missing(1);
    assert_int_equal(cache_stat(invalidated_pages), 1);
    support_expect_empty(cache);
    store(1, SUPPORT_TEXT, 2);
    expect(1, SUPPORT_TEXT, 2);
}

static const uint64_t scattered[] = {
    0,         1,         127,   128,           SHARD - 1, SHARD,
    SHARD + 1, BLOCK - 1, BLOCK, 3 * BLOCK + 5, END - 1,
};

#define SCATTERED (sizeof(scattered) / sizeof(scattered[0]))

/* Stores a page at every scattered slot of two types. */
static void scatter(void)
{
    size_t i;

    for (i = 0; i < SCATTERED; i++) {
        support_store(cache, zc_swp_make(2, scattered[i]), SUPPORT_SAME, i);
        support_store(cache, zc_swp_make(3, scattered[i]), SUPPORT_SAME, i);
    }
}

/* Those of type 2 inside [first, first + count) are gone, and no other. */
static void expect_gone(uint64_t first, uint64_t count)
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

TEST_OF_CACHE(a_range_forgets_what_is_in_it_and_no_more)
{
    static const struct {
        uint64_t first;
        uint64_t count;
        zc_status status;
    } rows[] = {
        {0, 0, ZC_OK},
        {0, 1, ZC_OK},
        {1, 1, ZC_OK},
        {127, 1, ZC_OK},
        {127, 2, ZC_OK},
        {1, 127, ZC_OK},
        {0, SHARD - 1, ZC_OK},
        {0, SHARD, ZC_OK},
        {SHARD - 1, 1, ZC_OK},
        {SHARD - 1, 2, ZC_OK},
        {SHARD, 1, ZC_OK},
        {2, SHARD * 3, ZC_OK},
        {BLOCK - 1, 1, ZC_OK},
        {BLOCK - 1, 2, ZC_OK},
        {BLOCK, 1, ZC_OK},
        {SHARD, BLOCK, ZC_OK},
        {4, END / 2, ZC_OK},
        {0, END - 1, ZC_OK},
        {0, END, ZC_OK},
        {END - 1, 1, ZC_OK},
        {END, 0, ZC_OK},
        {200, 10000, ZC_OK},
        /* Those that leave the type change nothing. */
        {0, END + 1, ZC_INVALID},
        {1, END, ZC_INVALID},
        {END - 1, 2, ZC_INVALID},
        {END, 1, ZC_INVALID},
        {END + 1, 0, ZC_INVALID},
        {1, UINT64_MAX, ZC_INVALID},
        {0, UINT64_MAX, ZC_INVALID},
        {END - 1, UINT64_MAX, ZC_INVALID},
        {ZC_SWP_OFFSET_MASK, 1, ZC_INVALID},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scatter();
        assert_status(zc_cache_invalidate_range(
                          cache, zc_swp_make(2, rows[i].first), rows[i].count),
                      rows[i].status);
        expect_gone(rows[i].first, rows[i].status == ZC_OK ? rows[i].count : 0);
    }
}

TEST_OF_CACHE(a_type_is_forgotten_whole_and_alone)
{
    unsigned type;

    renew(ZC_CACHE_OPTIONS(.placement = ZC_PLACEMENT_KERNEL,
                           .slot_count = ZC_SLOT_COUNT_MAX));
    for (type = 0; type < 32; type++) {
        support_store(cache, zc_swp_make(type, 0), SUPPORT_TEXT, type);
        support_store(cache, zc_swp_make(type, ZC_SLOT_COUNT_MAX - 1),
                      SUPPORT_TEXT, type);
    }
    assert_status(zc_cache_invalidate_type(cache, 9), ZC_OK);
    assert_int_equal(cache_stat(stored_pages), 62);
    for (type = 0; type < 32; type++)
        if (type != 9)
            support_expect(cache, zc_swp_make(type, ZC_SLOT_COUNT_MAX - 1),
                           SUPPORT_TEXT, type);
    for (type = 0; type < 32; type++)
        assert_status(zc_cache_invalidate_type(cache, type), ZC_OK);
    assert_int_equal(cache_stat(invalidated_pages), 64);
    support_expect_empty(cache);
}

TEST_OF_CACHE(a_dense_range_is_forgotten_to_the_last)
{
    uint64_t i;

    for (i = 0; i < 2 * SHARD + 300; i++)
        store(i, SUPPORT_ZERO, 0);
    assert_status(zc_cache_invalidate_range(cache, at(100), 2 * SHARD), ZC_OK);
    assert_int_equal(cache_stat(stored_pages), 300);
    expect(99, SUPPORT_ZERO, 0);
    expect_missing(100);
    expect_missing(2 * SHARD + 99);
    expect(2 * SHARD + 100, SUPPORT_ZERO, 0);
}
