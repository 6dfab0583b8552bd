/* SPDX-License-Identifier: MIT */
/* test_zcache_stats.c - a cache's counters, and where its memory goes. */
#include "support_front.h"

#include "cache/cache.h"
#include "support_threads.h"

/* ---- structs of another size ---- */

#define UNTOUCHED UINT64_C(0x5555555555555555)

TEST_OF_CACHE(stats_are_written_as_far_as_the_struct_reaches)
{
    const size_t size = offsetof(struct zc_cache_stats, pool_total_size);
    struct zc_cache_stats stats;

    store(0, SUPPORT_ZERO, 0);
    memset(&stats, 0x55, sizeof(stats));
    stats.struct_size = size;
    assert_status(zc_cache_get_stats(cache, &stats), ZC_OK);
    assert_int_equal(stats.struct_size, size);
    assert_int_equal(stats.stored_pages, 1);
    assert_int_equal(stats.same_filled_pages, 1);
    assert_int_equal(stats.stored_incompressible_pages, 0);
    assert_int_equal(stats.pool_total_size, UNTOUCHED);
    assert_int_equal(stats.take_retries, UNTOUCHED);
}

TEST_OF_CACHE(what_a_newer_struct_has_more_is_zero)
{
    struct {
        struct zc_cache_stats known;
        uint64_t more[3];
    } stats;
    struct {
        struct zc_cache_accounting known;
        uint64_t more[3];
    } parts;

    memset(&stats, 0x55, sizeof(stats));
    memset(&parts, 0x55, sizeof(parts));
    stats.known.struct_size = sizeof(stats);
    parts.known.struct_size = sizeof(parts) - 8;
    assert_status(zc_cache_get_stats(cache, &stats.known), ZC_OK);
    assert_status(zc_cache_account(cache, &parts.known), ZC_OK);
    assert_int_equal(stats.known.struct_size, sizeof(stats));
    assert_int_equal(stats.more[0], 0);
    assert_int_equal(stats.more[2], 0);
    assert_int_equal(parts.more[1], 0);
    assert_int_equal(parts.more[2], UNTOUCHED);
}

/* ---- counters ---- */

/* All are zero but one generation, and those that are as wanted. */
static void expect_stats(struct zc_cache_stats wanted)
{
    struct zc_cache_stats stats = support_cache_stats(cache);

    wanted.struct_size = sizeof(wanted);
    wanted.generations = 1;
    wanted.payload_bytes = stats.payload_bytes;
    wanted.pool_total_size = stats.pool_total_size;
    assert_memory_equal(&stats, &wanted, sizeof(stats));
}

TEST_OF_CACHE(every_call_counts_once)
{
    renew_over(SUPPORT_OVER_KERNEL);
    expect_stats((struct zc_cache_stats){.zswpout = 0});
    assert_int_equal(cache_stat(payload_bytes), 0);
    assert_int_equal(cache_stat(pool_total_size), 0);
    store(0, SUPPORT_TEXT, 0);
    store(1, SUPPORT_NOISE, 0);
    store(2, SUPPORT_SAME, 0);
    store(3, SUPPORT_ZERO, 0);
    store(0, SUPPORT_TEXT, 1);
    expect(0, SUPPORT_TEXT, 1);
    expect(1, SUPPORT_NOISE, 0);
    expect_missing(9);
    expect_taken(2, SUPPORT_SAME, 0);
    forget(3);
    (void)zc_cache_invalidate(cache, at(3));
    store(3, SUPPORT_ZERO, 0);
    assert_status(zc_cache_invalidate_range(cache, at(2), 2), ZC_OK);
    expect_stats((struct zc_cache_stats){.stored_pages = 2,
                                         .stored_incompressible_pages = 1,
                                         .zswpout = 6,
                                         .zswpin = 3,
                                         .invalidated_pages = 2,
                                         .replaced_pages = 1,
                                         .raw_pages = 1});
    assert_in_range(cache_stat(payload_bytes), 4096 + 500, 4096 + 2500);
    assert_true(cache_stat(pool_total_size) >= 2 * 4096);
    assert_int_equal(cache_stat(pool_total_size),
                     zc_zspool_page_count(zc_cache_zspool(cache)) * 4096);
}

TEST_OF_CACHE(payload_is_what_the_objects_sum_up_to)
{
    struct zc_zspool_stats pool = {.struct_size = sizeof(pool)};
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        renew_over(over);
        for (i = 0; i < 400; i++)
            store(i % 300, i % SUPPORT_KIND_COUNT, i);
        (void)zc_cache_invalidate_range(cache, at(20), 40);
        assert_status(zc_zspool_get_stats(zc_cache_zspool(cache), &pool),
                      ZC_OK);
        assert_int_equal(cache_stat(payload_bytes), pool.payload_bytes);
        assert_int_equal(cache_stat(stored_pages) -
                             cache_stat(same_filled_pages),
                         pool.objects);
    }
}

#define TURNS 5000

static void count_often(struct support_worker *worker)
{
    static const char zeros[4096];
    const zc_swp slot = at(worker->index * 1000);
    char page[4096];
    unsigned i;

    for (i = 0; i < TURNS; i++)
        if (zc_cache_store(cache, slot, zeros) != ZC_OK ||
            zc_cache_load(cache, slot, page) != ZC_OK ||
            zc_cache_invalidate(cache, slot) != ZC_OK)
            support_mistake(worker, "turn %u", i);
}

TEST_OF_CACHE(no_count_of_any_thread_is_lost)
{
    support_crowd(4, count_often, NULL, 0);
    expect_stats((struct zc_cache_stats){.zswpout = 4 * TURNS,
                                         .zswpin = 4 * TURNS,
                                         .invalidated_pages = 4 * TURNS});
}

/* ---- accounting ---- */

static void check_sums(void)
{
    const struct zc_cache_accounting parts = accounting();
    const uint64_t least = parts.entry_bytes + parts.tree_bytes +
                           parts.handle_bytes;

    assert_int_equal(parts.total_bytes, least + parts.pool_bytes +
                                            parts.context_bytes +
                                            parts.other_bytes);
    assert_int_equal(parts.payload_bytes, cache_stat(payload_bytes));
    assert_int_equal(parts.pool_bytes, cache_stat(pool_total_size));
    assert_in_range(parts.metadata_bytes, least, least + parts.other_bytes);
    assert_true(parts.context_bytes > 0);
}

TEST_OF_CACHE(the_parts_add_up_for_every_pool)
{
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        renew_over(over);
        check_sums();
        assert_int_equal(accounted(entry_bytes), 0);
        assert_int_equal(accounted(tree_bytes), 0);
        for (i = 0; i < 500; i++)
            store(i * 100, i % SUPPORT_KIND_COUNT, i);
        check_sums();
        assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
        (void)zc_cache_invalidate_range(cache, at(0), 25000);
        check_sums();
    }
}

TEST_OF_CACHE(a_pools_usage_is_taken_as_it_says)
{
    struct zc_cache_accounting parts;

    renew_over(SUPPORT_OVER_BUMP);
    parts = accounting();
    assert_int_equal(parts.handle_bytes, 11);
    assert_int_equal(parts.metadata_bytes,
                     parts.entry_bytes + parts.tree_bytes + 11 + 7);
    assert_true(parts.other_bytes > 7);
}

TEST_OF_CACHE(contexts_are_counted_until_they_have_drained)
{
    uint64_t one;

    renew(ZC_CACHE_OPTIONS(.context_count = 1));
    store(0, SUPPORT_TEXT, 0);
    one = accounted(context_bytes);
    assert_true(one >= 16384 + 8192);
    assert_status(zc_cache_set_compressor(cache, NULL, 2), ZC_OK);
    store(1, SUPPORT_TEXT, 1);
    /* What malloc() rounds a block up to depends on what it has free. */
    assert_in_range(accounted(context_bytes), 2 * one - 256, 2 * one + 256);
    forget(0);
    assert_in_range(accounted(context_bytes), one - 256, one + 256);
}

/* For each page: 24 bytes, 8 for a sum, and 8 for a place by age. */
TEST_OF_CACHE(an_entry_takes_as_many_bytes_as_its_options_need)
{
    static const struct {
        struct zc_cache_options options;
        unsigned each;
    } rows[] = {{{.checksums = 0}, 24},
                {{.checksums = 1}, 32},
                {{.lru_mode = ZC_LRU_ENTRY}, 32},
                {{.lru_mode = ZC_LRU_ENTRY, .checksums = 1}, 40}};
    const unsigned pages = 8192;
    struct zc_cache_options options;
    unsigned row;
    unsigned round;
    unsigned i;

    for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        options = rows[row].options;
        options.struct_size = sizeof(options);
        renew(&options);
        /* Those of freed entries are used again. */
        for (round = 0; round < 2; round++) {
            for (i = 0; i < pages; i++)
                store(i, SUPPORT_ZERO, 0);
            assert_in_range(accounted(entry_bytes), pages * rows[row].each,
                            (pages + 1024) * rows[row].each + 4096);
            assert_int_equal(accounted(handle_bytes), 0);
            assert_status(zc_cache_invalidate_type(cache, 0), ZC_OK);
        }
    }
}

TEST_OF_CACHE(an_owner_takes_memory_of_its_own)
{
    uint64_t before;

    before = accounted(other_bytes);
    assert_status(zc_cache_set_owner(cache, 5, NULL), ZC_OK);
    assert_in_range(accounted(other_bytes) - before, 32, 1536);
}

/* A leaf of the tree lives as long as it has a page. */
TEST_OF_CACHE(a_part_of_the_tree_goes_with_its_last_page)
{
    const unsigned leaf = 128; /* slots */
    uint64_t without;
    uint64_t with;
    unsigned i;

    store(leaf, SUPPORT_ZERO, 0);
    forget(leaf);
    without = accounted(tree_bytes);
    store(0, SUPPORT_ZERO, 0);
    with = accounted(tree_bytes);
    assert_in_range(with - without, 4 * leaf, 4 * leaf + 64);
    for (i = 1; i < leaf; i++) {
        store(i, SUPPORT_ZERO, 0);
        store(i, SUPPORT_ZERO, 0); /* in the same place */
    }
    for (i = 1; i < leaf; i++)
        forget(i);
    assert_int_equal(accounted(tree_bytes), with);
    forget(0);
    assert_int_equal(accounted(tree_bytes), without);
}
