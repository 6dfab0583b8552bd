/* SPDX-License-Identifier: MIT */
/* test_zcache_stats.c - a cache's counters, and where its memory goes. */
#include "support_bump.h"
#include "support_cache.h"
#include "support_test.h"

#include "base/inject.h"
#include "cache/cache.h"
#include "platform/memory.h"

/* ---- structs of another size ---- */

TEST(stats_are_written_as_far_as_the_struct_reaches)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    struct zc_cache_stats stats;

    support_store(cache, support_slot(0), SUPPORT_ZERO, 0);
    memset(&stats, 0x55, sizeof(stats));
    stats.struct_size = offsetof(struct zc_cache_stats, pool_total_size);

    assert_status(zc_cache_get_stats(cache, &stats), ZC_OK);

    assert_int_equal(stats.struct_size,
                     offsetof(struct zc_cache_stats, pool_total_size));
    assert_int_equal(stats.stored_pages, 1);
    assert_int_equal(stats.same_filled_pages, 1);
    assert_int_equal(stats.stored_incompressible_pages, 0);
    assert_int_equal(stats.pool_total_size, UINT64_C(0x5555555555555555));
    assert_int_equal(stats.take_retries, UINT64_C(0x5555555555555555));
    zc_cache_destroy(cache);
}

TEST(what_a_newer_struct_has_more_is_zero)
{
    struct {
        struct zc_cache_stats known;
        uint64_t more[3];
    } stats;
    struct {
        struct zc_cache_accounting known;
        uint64_t more[3];
    } accounting;
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);

    memset(&stats, 0x55, sizeof(stats));
    memset(&accounting, 0x55, sizeof(accounting));
    stats.known.struct_size = sizeof(stats);
    accounting.known.struct_size = sizeof(accounting) - 8;

    assert_status(zc_cache_get_stats(cache, &stats.known), ZC_OK);
    assert_status(zc_cache_account(cache, &accounting.known), ZC_OK);

    assert_int_equal(stats.known.struct_size, sizeof(stats));
    assert_int_equal(stats.more[0], 0);
    assert_int_equal(stats.more[2], 0);
    assert_int_equal(accounting.more[1], 0);
    assert_int_equal(accounting.more[2], UINT64_C(0x5555555555555555));
    zc_cache_destroy(cache);
}

TEST(stats_of_nothing_or_into_nothing_are_refused)
{
    struct zc_cache_accounting accounting = {.struct_size = 0};
    struct zc_cache_stats stats = {.struct_size = 0, .zswpin = 9};
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);

    assert_status(zc_cache_get_stats(cache, NULL), ZC_INVALID);
    assert_status(zc_cache_account(cache, NULL), ZC_INVALID);
    assert_status(zc_cache_get_stats(cache, &stats), ZC_INVALID);
    assert_status(zc_cache_account(cache, &accounting), ZC_INVALID);
    stats.struct_size = sizeof(stats);
    accounting.struct_size = sizeof(accounting);
    assert_status(zc_cache_get_stats(NULL, &stats), ZC_INVALID);
    assert_status(zc_cache_account(NULL, &accounting), ZC_INVALID);

    assert_int_equal(stats.zswpin, 9);
    zc_cache_destroy(cache);
}

/* ---- counters ---- */

TEST(a_new_cache_has_counted_nothing)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    struct zc_cache_stats stats = support_cache_stats(cache);
    static const char zero[sizeof(stats)];

    assert_int_equal(stats.generations, 1);
    stats.generations = 0;
    stats.struct_size = 0;

    assert_memory_equal(&stats, zero, sizeof(stats));
    zc_cache_destroy(cache);
}

TEST(every_call_counts_once)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_KERNEL);
    struct zc_cache_stats stats;
    char page[4096];

    support_store(cache, support_slot(0), SUPPORT_TEXT, 0);
    support_store(cache, support_slot(1), SUPPORT_NOISE, 0);
    support_store(cache, support_slot(2), SUPPORT_SAME, 0);
    support_store(cache, support_slot(3), SUPPORT_ZERO, 0);
    support_store(cache, support_slot(0), SUPPORT_TEXT, 1);
    support_expect(cache, support_slot(0), SUPPORT_TEXT, 1);
    support_expect(cache, support_slot(1), SUPPORT_NOISE, 0);
    support_expect_missing(cache, support_slot(9));
    assert_status(zc_cache_take(cache, support_slot(2), page), ZC_OK);
    assert_status(zc_cache_invalidate(cache, support_slot(3)), ZC_OK);
    (void)zc_cache_invalidate(cache, support_slot(3));
    support_store(cache, support_slot(3), SUPPORT_ZERO, 0);
    assert_status(zc_cache_invalidate_range(cache, support_slot(2), 2), ZC_OK);

    stats = support_cache_stats(cache);
    assert_int_equal(stats.stored_pages, 2);
    assert_int_equal(stats.same_filled_pages, 0);
    assert_int_equal(stats.stored_incompressible_pages, 1);
    assert_in_range(stats.payload_bytes, 4096 + 500, 4096 + 2500);
    assert_true(stats.pool_total_size >= 2 * 4096);
    assert_int_equal(stats.pool_total_size,
                     zc_zspool_page_count(zc_cache_zspool(cache)) * 4096);
    assert_int_equal(stats.zswpout, 6);
    assert_int_equal(stats.zswpin, 3);
    assert_int_equal(stats.invalidated_pages, 2);
    assert_int_equal(stats.replaced_pages, 1);
    assert_int_equal(stats.pool_limit_hit, 0);
    assert_int_equal(stats.reject_reclaim_fail, 0);
    assert_int_equal(stats.reject_alloc_fail, 0);
    assert_int_equal(stats.reject_kmemcache_fail, 0);
    assert_int_equal(stats.compress_fail, 0);
    assert_int_equal(stats.decompress_fail, 0);
    assert_int_equal(stats.take_retries, 0);
    zc_cache_destroy(cache);
}

TEST(payload_is_what_the_objects_sum_up_to)
{
    struct zc_zspool_stats pool = {.struct_size = sizeof(pool)};
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        struct zc_cache *cache = support_cache_over(over);

        for (i = 0; i < 400; i++)
            support_store(cache, support_slot(i % 300), i % SUPPORT_KIND_COUNT,
                          i);
        (void)zc_cache_invalidate_range(cache, support_slot(20), 40);

        assert_status(zc_zspool_get_stats(zc_cache_zspool(cache), &pool),
                      ZC_OK);
        assert_int_equal(support_cache_stat(cache, payload_bytes),
                         pool.payload_bytes);
        assert_int_equal(support_cache_stat(cache, stored_pages) -
                             support_cache_stat(cache, same_filled_pages),
                         pool.objects);
        zc_cache_destroy(cache);
    }
}

/* What page I/O and writeback count: each in its own field. */
TEST(the_swap_sides_counters_have_their_fields)
{
#define FIELD(name) offsetof(struct zc_cache_stats, name)
    static const struct {
        enum zc_stat stat;
        size_t field;
    } rows[] = {
        {ZC_STAT_DISK_WRITES, FIELD(disk_writes)},
        {ZC_STAT_DISK_SWAPINS, FIELD(disk_swapins)},
        {ZC_STAT_WRITE_ERRORS, FIELD(write_errors)},
        {ZC_STAT_STORED_AGAIN, FIELD(stored_again)},
        {ZC_STAT_WRITEBACK_BUSY, FIELD(writeback_busy)},
        {ZC_STAT_WRITEBACK_STALE, FIELD(writeback_stale)},
        {ZC_STAT_SWPIN_ZERO, FIELD(swpin_zero)},
        {ZC_STAT_SWPOUT_ZERO, FIELD(swpout_zero)},
        {ZC_STAT_REJECT_COMPRESS_POOR, FIELD(reject_compress_poor)},
        {ZC_STAT_REJECT_OWNER_LIMIT, FIELD(reject_owner_limit)},
        {ZC_STAT_ZSWPWB, FIELD(zswpwb)},
    };
#undef FIELD
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    struct zc_cache_stats stats;
    uint64_t count;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        zc_stats_add(&cache->zswap.stats, rows[i].stat, 100 + i);

    stats = support_cache_stats(cache);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memcpy(&count, (char *)&stats + rows[i].field, sizeof(count));
        assert_int_equal(count, 100 + i);
    }
    zc_stats_subtract(&cache->zswap.stats, ZC_STAT_ZSWPWB, 110);
    zc_cache_destroy(cache);
}

/* ---- accounting ---- */

static struct zc_cache_accounting account(struct zc_cache *cache)
{
    struct zc_cache_accounting accounting = {
        .struct_size = sizeof(accounting),
    };

    assert_status(zc_cache_account(cache, &accounting), ZC_OK);
    return accounting;
}

static void check_sums(struct zc_cache *cache)
{
    struct zc_cache_accounting accounting = account(cache);

    assert_int_equal(accounting.total_bytes,
                     accounting.pool_bytes + accounting.entry_bytes +
                         accounting.tree_bytes + accounting.handle_bytes +
                         accounting.context_bytes + accounting.other_bytes);
    assert_int_equal(accounting.payload_bytes,
                     support_cache_stat(cache, payload_bytes));
    assert_int_equal(accounting.pool_bytes,
                     support_cache_stat(cache, pool_total_size));
    assert_in_range(accounting.metadata_bytes,
                    accounting.entry_bytes + accounting.tree_bytes +
                        accounting.handle_bytes,
                    accounting.entry_bytes + accounting.tree_bytes +
                        accounting.handle_bytes + accounting.other_bytes);
    assert_true(accounting.context_bytes > 0);
}

TEST(the_parts_add_up_for_every_pool)
{
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        struct zc_cache *cache = support_cache_over(over);

        check_sums(cache);
        assert_int_equal(account(cache).entry_bytes, 0);
        assert_int_equal(account(cache).tree_bytes, 0);
        for (i = 0; i < 500; i++)
            support_store(cache, support_slot(i * 100), i % SUPPORT_KIND_COUNT,
                          i);
        check_sums(cache);
        assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
        (void)zc_cache_invalidate_range(cache, support_slot(0), 25000);
        check_sums(cache);
        zc_cache_destroy(cache);
    }
}

TEST(a_pools_usage_is_taken_as_it_says)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_BUMP);
    struct zc_cache_accounting accounting = account(cache);

    assert_int_equal(accounting.handle_bytes, 11);
    assert_int_equal(accounting.metadata_bytes,
                     accounting.entry_bytes + accounting.tree_bytes + 11 + 7);
    assert_true(accounting.other_bytes > 7);
    zc_cache_destroy(cache);
}

TEST(contexts_are_counted_until_they_have_drained)
{
    struct zc_cache *cache =
        support_cache_create(ZC_CACHE_OPTIONS(.context_count = 1));
    uint64_t one;

    support_store(cache, support_slot(0), SUPPORT_TEXT, 0);
    one = account(cache).context_bytes;
    assert_true(one >= 16384 + 8192);

    assert_status(zc_cache_set_compressor(cache, NULL, 2), ZC_OK);
    support_store(cache, support_slot(1), SUPPORT_TEXT, 1);
    /* What malloc() rounds a block up to depends on what it has free. */
    assert_in_range(account(cache).context_bytes, 2 * one - 256, 2 * one + 256);
    assert_status(zc_cache_invalidate(cache, support_slot(0)), ZC_OK);
    assert_in_range(account(cache).context_bytes, one - 256, one + 256);
    zc_cache_destroy(cache);
}

TEST(sums_take_8_bytes_for_each_page)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_DENSE);
    uint64_t bytes[2];
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        struct zc_cache *cache;

        options.checksums = k;
        cache = support_cache_create(&options);
        for (i = 0; i < 8192; i++)
            support_store(cache, support_slot(i), SUPPORT_ZERO, 0);
        bytes[k] = account(cache).entry_bytes;
        assert_int_equal(account(cache).handle_bytes, 0);
        zc_cache_destroy(cache);
    }

    assert_in_range(bytes[0], 8192 * 24, 8192 * 24 + 8 * 4096);
    assert_in_range(bytes[1] - bytes[0], 8192 * 8, 8192 * 8 + 8 * 4096);
}

TEST(links_take_8_bytes_for_each_page_and_owners_their_own)
{
    struct zc_cache *cache;
    uint64_t bytes[2];
    uint64_t other;
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        cache =
            support_cache_over(k == 0 ? SUPPORT_OVER_DENSE : SUPPORT_OVER_AGES);
        for (i = 0; i < 8192; i++)
            support_store(cache, support_slot(i), SUPPORT_ZERO, 0);
        bytes[k] = account(cache).entry_bytes;
        other = account(cache).other_bytes;
        assert_non_null(zc_lru_owner(&cache->zswap.lru, 5));
        assert_int_equal(
            account(cache).other_bytes - other,
            zc_malloc_size(zc_lru_find_owner(&cache->zswap.lru, 5)));
        zc_cache_destroy(cache);
    }

    assert_in_range(bytes[1] - bytes[0], 8192 * 8, 8192 * 8 + 8 * 4096);
}
