/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_limit.c - a page refused: the limit with its hysteresis, the
 * limit of an owner, and what a store that fails leaves behind.
 */
#include "support_front.h"

#include <stdlib.h>

#include "base/inject.h"
#include "support_call.h"
#include "support_threads.h"

#define KIB ((uint64_t)1024)

static void set_limit(uint64_t bytes, unsigned percent)
{
    assert_status(zc_cache_set_limit(cache, bytes, percent), ZC_OK);
}

/* ---- the limit, over a pool of as many pages as it says ---- */

static void renew_limited(uint64_t limit_bytes, unsigned percent)
{
    spied.has_page_count = true;
    renew(ZC_CACHE_OPTIONS(.pool_ops = &support_bump_pool,
                           .limit_bytes = limit_bytes,
                           .accept_threshold_percent = percent));
}

/* A store while the pool has so many pages is taken, or refused. */
static void expect_store(uint64_t pages, bool is_taken)
{
    spied.page_count = pages;
    assert_status(try_store(1, SUPPORT_TEXT, 1),
                  is_taken ? ZC_OK : ZC_REJECTED);
}

static void expect_counts(uint64_t limit_hits, uint64_t refusals)
{
    assert_int_equal(cache_stat(pool_limit_hit), limit_hits);
    assert_int_equal(cache_stat(reject_pool_limit), refusals);
}

TEST_OF_CACHE(once_full_stores_are_refused_down_to_the_threshold)
{
    static const struct {
        uint64_t pages;
        bool is_taken;
        uint64_t limit_hits;
        uint64_t refusals;
    } rows[] = {{0, true, 0, 0},    {91, true, 0, 0},  {99, true, 0, 0},
                {100, false, 1, 1}, {99, false, 1, 2}, {91, false, 1, 3},
                {101, false, 2, 4}, {90, true, 2, 4},  {91, true, 2, 4},
                {99, true, 2, 4},   {100, false, 3, 5}};
    unsigned i;

    renew_limited(100 * 4096, 90);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_store(rows[i].pages, rows[i].is_taken);
        expect_counts(rows[i].limit_hits, rows[i].refusals);
    }
    /* A page of one word takes nothing of what the limit is about. */
    store(2, SUPPORT_ZERO, 0);
    store(3, SUPPORT_SAME, 1);
    assert_int_equal(cache_stat(same_filled_pages), 2);
    expect_counts(3, 5);
}

TEST_OF_CACHE(limit_and_threshold_are_rounded_down_to_pages)
{
    static const struct {
        uint64_t limit_bytes;
        unsigned percent;
        uint64_t limit_pages;
        uint64_t threshold_pages;
    } rows[] = {
        {100 * 4096, 0, 100, 90},
        {7 * 4096 + 4095, 50, 7, 3},
        {10 * 4096, 100, 10, 10},
        {10 * 4096, 99, 10, 9},
        {1000 * 4096, 1, 1000, 10},
        {199 * 4096, 1, 199, 1},
        {150 * 4096, 33, 150, 49},
        {1 * 4096, 90, 1, 0},
        {5 * 4096, 10, 5, 0},
        {UINT64_C(1) << 62, 90, 1ull << 50, (1ull << 50) / 10 * 9 + 3},
    };
    uint64_t threshold;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        threshold = rows[i].threshold_pages;
        renew_limited(rows[i].limit_bytes, rows[i].percent);
        expect_store(rows[i].limit_pages - 1, true);
        expect_store(rows[i].limit_pages, false);
        if (threshold + 1 < rows[i].limit_pages)
            expect_store(threshold + 1, false);
        if (threshold == rows[i].limit_pages)
            threshold--;
        expect_store(threshold, true);
    }
}

TEST_OF_CACHE(a_limit_set_below_a_page_refuses_everything)
{
    renew_limited(4096, 100);
    set_limit(4095, 100);
    expect_store(0, false);
    assert_int_equal(spied.puts, 0);
}

TEST_OF_CACHE(no_limit_is_no_limit)
{
    renew_limited(0, 0);
    expect_store(UINT64_MAX / 8192, true);
    expect_counts(0, 0);
}

TEST_OF_CACHE(a_new_limit_holds_from_the_next_store_on)
{
    renew_limited(100 * 4096, 90);
    expect_store(50, true);
    set_limit(50 * 4096, 50);
    expect_store(50, false);
    expect_store(26, false);
    expect_store(25, true);

    expect_store(50, false);
    set_limit(0, 0);
    expect_store(1000, true);

    assert_status(zc_cache_set_limit(cache, 10 * 4096, 101), ZC_INVALID);
    expect_store(1000, true);
    set_limit(100 * 4096, 0);
    expect_store(100, false);
    expect_store(91, false);
    expect_store(90, true);
}

/* ---- a limit of the pool's ---- */

static uint64_t pool_limit;
static struct support_call second;

static void set_second(void *unused)
{
    (void)unused;
    set_limit(20 * 4096, 0);
}

/* In the middle of the first another thread sets the second. */
static void set_pool_limit(void *pool, uint64_t limit_bytes)
{
    (void)pool;
    if (limit_bytes == 10 * 4096) {
        support_call_start(&second, set_second, NULL);
        assert_true(support_call_waits(&second));
    }
    pool_limit = limit_bytes;
}

TEST_OF_CACHE(two_limits_set_at_once_do_not_mix)
{
    static struct zc_pool_ops ops; /* the cache ends after the test */

    ops = support_bump_pool;
    ops.set_limit = set_pool_limit;
    renew(ZC_CACHE_OPTIONS(.pool_ops = &ops));
    set_limit(10 * 4096, 0);
    support_call_join(&second);
    assert_int_equal(pool_limit, 20 * 4096);
    spied.has_page_count = true;
    expect_store(20, true);
    expect_store(21, false);
}

/* A page of which lz4 leaves a little more than `noise` bytes. */
static zc_status store_noisy(uint64_t offset, size_t noise)
{
    char page[4096];

    support_make_page(page, 4096, SUPPORT_NOISE, offset);
    memset(page + noise, 0, 4096 - noise);
    return zc_cache_store(cache, at(offset), page);
}

/* Stores pages until one is refused; returns how many there are. */
static uint64_t fill_noisy(size_t noise)
{
    uint64_t offset = 0;

    while (store_noisy(offset, noise) == ZC_OK)
        offset++;
    return offset;
}

TEST_OF_CACHE(a_real_pool_stays_within_its_limit_and_recovers)
{
    struct zc_cache_options options;
    uint64_t stored;
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        options = support_cache_options(over);
        options.limit_bytes = 256 * 4096;
        options.accept_threshold_percent = 50;
        renew(&options);
        stored = fill_noisy(1800);
        /* The tests' own pool leaves its limit to the cache. */
        assert_in_range(
            cache_stat(pool_total_size), options.limit_bytes - 8 * 4096,
            options.limit_bytes + (over == SUPPORT_OVER_BUMP ? 4096 : 0));
        assert_in_range(stored, 100, 800);
        expect_missing(stored);
        assert_status(zc_cache_invalidate_range(cache, at(0), stored / 3),
                      ZC_OK);
        assert_status(store_noisy(0, 1800), ZC_REJECTED);
        assert_status(zc_cache_invalidate_range(cache, at(0), stored), ZC_OK);
        assert_status(store_noisy(0, 1800), ZC_OK);
    }
}

TEST_OF_CACHE(a_limit_is_filled_before_it_refuses)
{
    static const struct {
        unsigned placement;
        uint64_t limit;
        size_t noise;
        unsigned percent; /* payload, at least */
    } rows[] = {
        {ZC_PLACEMENT_DEFAULT, 64 * KIB, 1200, 90},
        {ZC_PLACEMENT_DEFAULT, 128 * KIB, 1200, 90},
        {ZC_PLACEMENT_DEFAULT, 200 * KIB, 1200, 90},
        {ZC_PLACEMENT_DEFAULT, 1000 * KIB, 1200, 97},
        {ZC_PLACEMENT_DEFAULT, 1024 * KIB, 1200, 97},
        {ZC_PLACEMENT_DEFAULT, 1024 * KIB, 4096, 96},
        {ZC_PLACEMENT_KERNEL, 128 * KIB, 1200, 86},
        {ZC_PLACEMENT_KERNEL, 1024 * KIB, 1200, 96},
        {ZC_PLACEMENT_KERNEL, 1024 * KIB, 4096, 100},
    };
    struct zc_cache_stats stats;
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        renew(ZC_CACHE_OPTIONS(.placement = rows[i].placement,
                               .limit_bytes = rows[i].limit));
        (void)fill_noisy(rows[i].noise);
        stats = support_cache_stats(cache);
        if (stats.payload_bytes * 100 < rows[i].limit * rows[i].percent)
            fail_msg("row %u: %llu bytes of payload", i,
                     (unsigned long long)stats.payload_bytes);
        assert_true(stats.pool_total_size <= rows[i].limit);
        expect_counts(1, 1);
        assert_int_equal(stats.reject_alloc_fail, 0);
    }
}

/* In segments of any size: with a few percent free all are refused, with enough
 * free some are taken. */
TEST_OF_CACHE(a_small_cache_takes_pages_again_below_its_threshold)
{
    static const uint64_t limits[] = {32 * KIB, 128 * KIB, 200 * KIB,
                                      1024 * KIB};
    uint64_t offset;
    uint64_t count;
    unsigned i;

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        renew(ZC_CACHE_OPTIONS(.placement = ZC_PLACEMENT_DENSE,
                               .limit_bytes = limits[i]));
        count = fill_noisy(1200);
        (void)zc_cache_invalidate(cache, at(count / 2));
        assert_status(store_noisy(count, 1200), ZC_REJECTED);
        /* Every fifth, here and there in all segments. */
        for (offset = 0; offset < count; offset += 5)
            (void)zc_cache_invalidate(cache, at(offset));
        for (offset = 0; offset < count; offset += 5)
            assert_status(store_noisy(offset, 1200), ZC_OK);
        assert_true(cache_stat(pool_total_size) <= limits[i]);
    }
}

/* ZC_INVALID, and the least that the reason names. */
static uint64_t least_of(struct zc_cache_options options, uint64_t limit)
{
    struct zc_cache *none = NULL;
    char reason[ZC_REASON_SIZE] = "";
    const char *number;

    options.limit_bytes = limit;
    options.reason = reason;
    options.reason_size = sizeof(reason);
    assert_status(zc_cache_create(&options, &none), ZC_INVALID);
    assert_null(none);
    assert_int_equal(strncmp(reason, "limit_bytes: ", 13), 0);
    number = strstr(reason, "less than ");
    assert_non_null(number);
    return strtoull(number + 10, NULL, 10);
}

TEST_OF_CACHE(a_limit_too_small_for_a_page_is_refused)
{
    struct zc_cache_options options;
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        options = support_cache_options(over);
        options.pool_user = &spied;
        options.limit_bytes = least_of(options, 100);
        assert_int_equal(least_of(options, options.limit_bytes - 1),
                         options.limit_bytes);
        renew(&options);
        store(1, SUPPORT_NOISE, 1);
    }
}

#define CROWD_LIMIT (688 * KIB)

static void store_and_forget(struct support_worker *worker)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    while (!support_is_stopped(worker)) {
        uint64_t offset = support_random_below(&worker->random, 2000);

        if (store_noisy(offset, 600 + offset) != ZC_OK)
            (void)zc_cache_invalidate_range(cache, at(offset / 500 * 500), 500);
        (void)zc_cache_get_stats(cache, &stats);
        if (stats.pool_total_size > CROWD_LIMIT)
            support_mistake(worker, "%llu bytes",
                            (unsigned long long)stats.pool_total_size);
    }
}

/* Of the pools that hold it themselves. */
TEST_OF_CACHE(many_threads_are_never_above_it)
{
    static const enum support_over overs[] = {
        SUPPORT_OVER_DENSE, SUPPORT_OVER_KERNEL, SUPPORT_OVER_MALLOC};
    struct zc_cache_options options;
    unsigned over;

    for (over = 0; over < 3; over++) {
        options = support_cache_options(overs[over]);
        options.limit_bytes = CROWD_LIMIT;
        renew(&options);
        /* They begin at the limit, however little they get done. */
        (void)fill_noisy(1200);
        assert_true(cache_stat(pool_limit_hit) > 0);
        support_crowd(4, store_and_forget, NULL, 150);
    }
}

/* ---- the limit of an owner ---- */

static void set_owner(unsigned owner, uint64_t limit_bytes)
{
    const struct zc_owner_options options = {.struct_size = sizeof(options),
                                             .limit_bytes = limit_bytes};

    assert_status(zc_cache_set_owner(cache, owner, &options), ZC_OK);
}

/* Owner 3 is charged for its objects: so many bytes, and not one less. */
static void expect_charged(uint64_t bytes)
{
    const uint64_t refused = cache_stat(reject_owner_limit);

    if (bytes > 0) {
        set_owner(3, bytes);
        assert_status(try_store_for(3, 99, SUPPORT_HALVES, 1), ZC_REJECTED);
        assert_int_equal(cache_stat(reject_owner_limit), refused + 1);
    }
    set_owner(3, bytes + 1);
    assert_status(try_store_for(3, 99, SUPPORT_HALVES, 1), ZC_OK);
    forget(99);
    set_owner(3, 0);
}

TEST_OF_CACHE(an_owner_is_charged_for_what_it_stores)
{
    static const struct {
        unsigned owner;
        uint64_t offset;
        enum support_kind kind;
        uint64_t charged;
    } rows[] = {
        {3, 1, SUPPORT_HALVES, 2048},       {3, 2, SUPPORT_NOISE, 2048 + 4096},
        {3, 3, SUPPORT_SAME, 2048 + 4096},  {3, 1, SUPPORT_NOISE, 4096 + 4096},
        {3, 2, SUPPORT_SAME, 4096},         {3, 3, SUPPORT_HALVES, 4096 + 2048},
        {4, 3, SUPPORT_HALVES, 4096},       {3, 4, SUPPORT_HALVES, 4096 + 2048},
        {4, 5, SUPPORT_NOISE, 4096 + 2048},
    };
    unsigned lru_mode;
    size_t i;

    for (lru_mode = ZC_LRU_NONE; lru_mode <= ZC_LRU_ENTRY; lru_mode++) {
        renew(ZC_CACHE_OPTIONS(.pool_ops = &support_bump_pool,
                               .compressor_name = "halves",
                               .lru_mode = lru_mode));
        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            assert_status(
                try_store_for(rows[i].owner, rows[i].offset, rows[i].kind, 1),
                ZC_OK);
            expect_charged(rows[i].charged);
        }
        spied.put_status = ZC_NO_MEMORY;
        assert_status(try_store_for(3, 5, SUPPORT_HALVES, 1), ZC_NO_MEMORY);
        spied.put_status = ZC_OK;
        expect_charged(4096 + 2048);
        assert_status(try_take(1), ZC_OK);
        expect_charged(2048);
        forget(4);
        expect_charged(0);
    }
}

TEST_OF_CACHE(a_store_over_its_owners_limit_leaves_no_older_page)
{
    store_for(3, 1, 1);
    set_owner(3, 1);
    assert_status(try_store_for(3, 1, SUPPORT_TEXT, 2), ZC_REJECTED);
    expect_missing(1);
    assert_int_equal(cache_stat(reject_owner_limit), 1);
    assert_int_equal(cache_stat(reject_pool_limit), 0);
    /* It has room again, and others had it all the time. */
    store_for(4, 1, 1);
    store_for(3, 2, 1);
}

/* ---- what a failed store leaves ---- */

/* The older page is gone, and everything that it had and the new one got. */
static void expect_erased(uint64_t offset)
{
    expect_missing(offset);
    assert_status(zc_cache_invalidate(cache, at(offset)), ZC_MISSING);
}

/* FAILED_STORE_ERASES_OLD, by the limit */
TEST_OF_CACHE(a_refused_store_leaves_no_older_page)
{
    renew_limited(100 * 4096, 90);
    expect_store(0, true);
    expect(1, SUPPORT_TEXT, 1);
    expect_store(100, false);
    expect_erased(1);
    assert_int_equal(cache_stat(replaced_pages), 1);

    expect_store(0, true);
    expect_store(100, false);
    expect_store(95, false);
    expect_erased(1);
    support_expect_empty(cache);
}

/* by the pool */
TEST_OF_CACHE(a_store_the_pool_fails_leaves_no_older_page)
{
    static const zc_status failures[] = {ZC_REJECTED, ZC_NO_MEMORY};
    uint64_t bytes;
    size_t i;

    renew_over(SUPPORT_OVER_BUMP);
    store(1, SUPPORT_TEXT, 1);
    bytes = accounted(entry_bytes);
    for (i = 0; i < 1000; i++) {
        store(1, i % SUPPORT_KIND_COUNT, 1);
        spied.put_status = failures[i % 2];
        assert_status(try_store(1, SUPPORT_TEXT, 2), failures[i % 2]);
        spied.put_status = ZC_OK;
        expect_erased(1);
        support_expect_empty(cache);
    }
    assert_int_equal(cache_stat(reject_alloc_fail), 1000);
    assert_int_equal(cache_stat(reject_kmemcache_fail), 0);
    assert_int_equal(accounted(entry_bytes), bytes);
    /* No store in flight is left that would hold its compressor. */
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    assert_int_equal(cache_stat(generations), 1);
}

/* by the memory for one more entry, of which the first 1024 come at once; or
 * for its owner */
TEST_OF_CACHE(a_store_without_an_entry_leaves_no_older_page)
{
    unsigned i;

    renew_over(SUPPORT_OVER_BUMP);
    for (i = 0; i < 1024; i++)
        store(i, SUPPORT_SAME, i);
    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    assert_status(try_store(5, SUPPORT_SAME, 9), ZC_NO_MEMORY);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(try_store_for(3, 6, SUPPORT_SAME, 9), ZC_NO_MEMORY);
    zc_inject_disarm();
    expect_erased(5);
    expect_erased(6);
    assert_int_equal(cache_stat(reject_kmemcache_fail), 2);
    assert_int_equal(cache_stat(stored_pages), 1022);
}

/* by the tree: there is no older page then, and the new one's object goes */
TEST_OF_CACHE(a_store_without_a_place_leaves_no_object)
{
    renew_over(SUPPORT_OVER_BUMP);
    swap_type = 9;
    store(1, SUPPORT_TEXT, 1);
    forget(1);
    /* Two blocks, shard and leaf. */
    for (swap_type = 0; swap_type < 4; swap_type++) {
        zc_inject_arm(ZC_INJECT_MALLOC, swap_type, 1);
        assert_status(try_store(1, SUPPORT_TEXT, 1), ZC_NO_MEMORY);
        zc_inject_disarm();
        expect_erased(1);
        support_expect_empty(cache);
        assert_int_equal(spied.frees, spied.puts);
    }
    zc_inject_arm(ZC_INJECT_MALLOC, swap_type, 1);
    store(1, SUPPORT_TEXT, 1);
    zc_inject_disarm();
    assert_int_equal(cache_stat(reject_alloc_fail), 4);
    assert_int_equal(cache_stat(zswpout), 2);
}

/* by a zspool that gets no more pages */
TEST_OF_CACHE(a_store_without_pages_leaves_no_older_page)
{
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        renew_over(over);
        store(7, SUPPORT_TEXT, 1);
        zc_inject_arm(ZC_INJECT_PAGES, 0, UINT32_MAX);
        for (i = 8; i < 1000; i++)
            if (try_store(i, SUPPORT_NOISE, i) != ZC_OK)
                break;
        /* From here on there is no page left for noise. */
        assert_status(try_store(7, SUPPORT_NOISE, 2), ZC_NO_MEMORY);
        zc_inject_disarm();
        expect_erased(7);
        assert_true(cache_stat(reject_alloc_fail) > 0);
        store(7, SUPPORT_NOISE, 2);
    }
}

/* but bad input changes nothing */
TEST_OF_CACHE(a_bad_store_leaves_the_older_page)
{
    store(7, SUPPORT_TEXT, 1);
    assert_status(zc_cache_store(cache, at(7), NULL), ZC_INVALID);
    expect(7, SUPPORT_TEXT, 1);
}
