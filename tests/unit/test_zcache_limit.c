/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_limit.c - a page refused: the limit with its hysteresis, and what
 * a store that fails leaves behind.
 */
#include <stdlib.h>

#include "support_bump.h"
#include "support_cache.h"
#include "support_threads.h"

#include "base/inject.h"

/* A cache whose pool has as many pages as the control says. */
static struct zc_cache *spied_cache(struct support_bump_control *control,
                                    uint64_t limit_bytes, unsigned threshold)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);

    memset(control, 0, sizeof(*control));
    control->has_page_count = true;
    options.pool_user = control;
    options.limit_bytes = limit_bytes;
    options.accept_threshold_percent = threshold;
    return support_cache_create(&options);
}

/* Whether a store is taken while the pool has so many pages. */
static bool is_taken(struct zc_cache *cache,
                     struct support_bump_control *control, uint64_t pages)
{
    zc_status status;

    control->page_count = pages;
    status = support_try_store(cache, support_slot(1), SUPPORT_TEXT, 1);
    if (status != ZC_OK)
        assert_status(status, ZC_REJECTED);
    return status == ZC_OK;
}

static void expect_counts(struct zc_cache *cache, uint64_t limit_hits,
                          uint64_t refusals)
{
    assert_int_equal(support_cache_stat(cache, pool_limit_hit), limit_hits);
    assert_int_equal(support_cache_stat(cache, reject_reclaim_fail), refusals);
}

/* ---- the limit ---- */

TEST(once_full_stores_are_refused_down_to_the_threshold)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 100 * 4096, 90);

    assert_true(is_taken(cache, &control, 0));
    assert_true(is_taken(cache, &control, 91));
    assert_true(is_taken(cache, &control, 99));
    expect_counts(cache, 0, 0);

    assert_false(is_taken(cache, &control, 100));
    expect_counts(cache, 1, 1);
    assert_false(is_taken(cache, &control, 99));
    assert_false(is_taken(cache, &control, 91));
    expect_counts(cache, 1, 3);
    assert_false(is_taken(cache, &control, 101));
    expect_counts(cache, 2, 4);

    assert_true(is_taken(cache, &control, 90));
    assert_true(is_taken(cache, &control, 91));
    assert_true(is_taken(cache, &control, 99));
    expect_counts(cache, 2, 4);
    assert_false(is_taken(cache, &control, 100));
    expect_counts(cache, 3, 5);
    zc_cache_destroy(cache);
}

TEST(limit_and_threshold_are_rounded_down_to_pages)
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
    struct support_bump_control control;
    struct zc_cache *cache;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cache = spied_cache(&control, rows[i].limit_bytes, rows[i].percent);

        assert_true(is_taken(cache, &control, rows[i].limit_pages - 1));
        assert_false(is_taken(cache, &control, rows[i].limit_pages));
        if (rows[i].threshold_pages + 1 < rows[i].limit_pages)
            assert_false(
                is_taken(cache, &control, rows[i].threshold_pages + 1));
        if (rows[i].threshold_pages < rows[i].limit_pages)
            assert_true(is_taken(cache, &control, rows[i].threshold_pages));
        else
            assert_true(is_taken(cache, &control, rows[i].limit_pages - 1));
        zc_cache_destroy(cache);
    }
}

TEST(a_limit_set_below_a_page_refuses_everything)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 4096, 100);

    assert_status(zc_cache_set_limit(cache, 4095, 100), ZC_OK);
    assert_false(is_taken(cache, &control, 0));
    assert_int_equal(control.puts, 0);
    zc_cache_destroy(cache);
}

TEST(no_limit_is_no_limit)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 0, 0);

    assert_true(is_taken(cache, &control, UINT64_MAX / 8192));
    expect_counts(cache, 0, 0);
    zc_cache_destroy(cache);
}

TEST(a_new_limit_holds_from_the_next_store_on)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 100 * 4096, 90);

    assert_true(is_taken(cache, &control, 50));
    assert_status(zc_cache_set_limit(cache, 50 * 4096, 50), ZC_OK);
    assert_false(is_taken(cache, &control, 50));
    assert_false(is_taken(cache, &control, 26));
    assert_true(is_taken(cache, &control, 25));

    assert_false(is_taken(cache, &control, 50));
    assert_status(zc_cache_set_limit(cache, 0, 0), ZC_OK);
    assert_true(is_taken(cache, &control, 1000));

    assert_status(zc_cache_set_limit(cache, 10 * 4096, 101), ZC_INVALID);
    assert_true(is_taken(cache, &control, 1000));
    assert_status(zc_cache_set_limit(cache, 100 * 4096, 0), ZC_OK);
    assert_false(is_taken(cache, &control, 100));
    assert_false(is_taken(cache, &control, 91));
    assert_true(is_taken(cache, &control, 90));
    zc_cache_destroy(cache);
}

/* It takes no object, and so nothing of what the limit is about. */
TEST(a_full_cache_takes_pages_of_one_word)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 100 * 4096, 90);

    assert_false(is_taken(cache, &control, 100));
    support_store(cache, support_slot(2), SUPPORT_ZERO, 0);
    support_store(cache, support_slot(3), SUPPORT_SAME, 1);
    assert_int_equal(support_cache_stat(cache, same_filled_pages), 2);
    expect_counts(cache, 1, 1);
    zc_cache_destroy(cache);
}

TEST(a_real_pool_stays_within_its_limit_and_recovers)
{
    struct zc_cache_options options;
    struct zc_cache *cache;
    uint64_t offset;
    uint64_t stored;
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        options = support_cache_options(over);
        options.limit_bytes = 256 * 4096;
        options.accept_threshold_percent = 50;
        cache = support_cache_create(&options);
        for (offset = 0; offset < 10000; offset++)
            if (support_try_store(cache, support_slot(offset), SUPPORT_TEXT,
                                  offset) != ZC_OK)
                break;

        /* The tests' own pool leaves its limit to the cache. */
        assert_in_range(support_cache_stat(cache, pool_total_size),
                        options.limit_bytes - 8 * 4096,
                        options.limit_bytes +
                            (over == SUPPORT_OVER_BUMP ? 4096 : 0));
        assert_in_range(offset, 100, 800);
        support_expect_missing(cache, support_slot(offset));
        stored = offset;
        for (offset = 0; offset < stored / 3; offset++)
            (void)zc_cache_invalidate(cache, support_slot(offset));
        assert_status(
            support_try_store(cache, support_slot(0), SUPPORT_TEXT, 0),
            ZC_REJECTED);
        for (; offset < stored; offset++)
            (void)zc_cache_invalidate(cache, support_slot(offset));
        support_store(cache, support_slot(0), SUPPORT_TEXT, 0);
        zc_cache_destroy(cache);
    }
}

/* ---- a limit of the pool's ---- */

#define KIB ((uint64_t)1024)

/* A page of which lz4 leaves a little more than `noise` bytes. */
static void make_noisy(char *page, size_t noise, uint64_t seed)
{
    support_make_page(page, 4096, SUPPORT_NOISE, seed);
    memset(page + noise, 0, 4096 - noise);
}

static zc_status store_noisy(struct zc_cache *cache, uint64_t offset,
                             size_t noise)
{
    char page[4096];

    make_noisy(page, noise, offset);
    return zc_cache_store(cache, support_slot(offset), page);
}

/* Stores pages until one is refused; returns how many there are. */
static uint64_t fill_noisy(struct zc_cache *cache, size_t noise)
{
    uint64_t offset = 0;

    while (store_noisy(cache, offset, noise) == ZC_OK)
        offset++;
    return offset;
}

static struct zc_cache *limited_cache(unsigned placement, uint64_t limit)
{
    struct zc_cache *cache = NULL;

    assert_status(zc_cache_create(ZC_CACHE_OPTIONS(.placement = placement,
                                                   .limit_bytes = limit),
                                  &cache),
                  ZC_OK);
    return cache;
}

TEST(a_limit_is_filled_before_it_refuses)
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
    struct zc_cache *cache;
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cache = limited_cache(rows[i].placement, rows[i].limit);
        (void)fill_noisy(cache, rows[i].noise);
        stats = support_cache_stats(cache);
        if (stats.payload_bytes * 100 < rows[i].limit * rows[i].percent)
            fail_msg("row %u: %llu bytes of payload", i,
                     (unsigned long long)stats.payload_bytes);
        assert_true(stats.pool_total_size <= rows[i].limit);
        expect_counts(cache, 1, 1);
        assert_int_equal(stats.reject_alloc_fail, 0);
        zc_cache_destroy(cache);
    }
}

/* Whatever the segments: with a few percent free all are refused, with enough
 * free some are taken. */
TEST(a_small_cache_takes_pages_again_below_its_threshold)
{
    static const uint64_t limits[] = {32 * KIB, 128 * KIB, 200 * KIB,
                                      1024 * KIB};
    struct zc_cache *cache;
    uint64_t offset;
    uint64_t count;
    unsigned i;

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        cache = limited_cache(ZC_PLACEMENT_DENSE, limits[i]);
        count = fill_noisy(cache, 1200);
        (void)zc_cache_invalidate(cache, support_slot(count / 2));
        assert_status(store_noisy(cache, count, 1200), ZC_REJECTED);
        /* Every fifth, here and there in all segments. */
        for (offset = 0; offset < count; offset += 5)
            (void)zc_cache_invalidate(cache, support_slot(offset));
        for (offset = 0; offset < count; offset += 5)
            assert_status(store_noisy(cache, offset, 1200), ZC_OK);
        assert_true(support_cache_stat(cache, pool_total_size) <= limits[i]);
        zc_cache_destroy(cache);
    }
}

/* ZC_INVALID, and the least that the reason names. */
static uint64_t least_of(struct zc_cache_options options, uint64_t limit)
{
    struct zc_cache *cache = NULL;
    char reason[ZC_REASON_SIZE] = "";
    const char *number;

    options.limit_bytes = limit;
    options.reason = reason;
    options.reason_size = sizeof(reason);
    assert_status(zc_cache_create(&options, &cache), ZC_INVALID);
    assert_null(cache);
    assert_int_equal(strncmp(reason, "limit_bytes: ", 13), 0);
    number = strstr(reason, "less than ");
    assert_non_null(number);
    return strtoull(number + 10, NULL, 10);
}

TEST(a_limit_too_small_for_a_page_is_refused)
{
    struct zc_cache_options options;
    struct zc_cache *cache;
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        options = support_cache_options(over);
        options.limit_bytes = least_of(options, 100);
        assert_int_equal(least_of(options, options.limit_bytes - 1),
                         options.limit_bytes);
        cache = support_cache_create(&options);
        support_store(cache, support_slot(1), SUPPORT_NOISE, 1);
        zc_cache_destroy(cache);
    }
}

struct crowd {
    struct zc_cache *cache;
    uint64_t limit;
};

static void check_limit(struct support_worker *worker,
                        const struct crowd *crowd)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    (void)zc_cache_get_stats(crowd->cache, &stats);
    if (stats.pool_total_size > crowd->limit)
        support_mistake(worker, "%llu bytes",
                        (unsigned long long)stats.pool_total_size);
}

static void store_and_forget(struct support_worker *worker)
{
    struct crowd *crowd = worker->context;

    while (!support_is_stopped(worker)) {
        uint64_t offset = support_random_below(&worker->random, 2000);

        if (store_noisy(crowd->cache, offset, 600 + offset) != ZC_OK)
            (void)zc_cache_invalidate_range(
                crowd->cache, support_slot(offset / 500 * 500), 500);
        check_limit(worker, crowd);
    }
}

/* Of the pools that hold it themselves. */
TEST(many_threads_are_never_above_it)
{
    static const enum support_over overs[] = {
        SUPPORT_OVER_DENSE, SUPPORT_OVER_KERNEL, SUPPORT_OVER_MALLOC};
    struct support_crew crew;
    struct crowd crowd = {NULL, 688 * KIB};
    struct zc_cache_options options;
    unsigned over;
    unsigned i;

    for (over = 0; over < 3; over++) {
        options = support_cache_options(overs[over]);
        options.limit_bytes = crowd.limit;
        crowd.cache = support_cache_create(&options);
        /* They begin at the limit, however little they get done. */
        (void)fill_noisy(crowd.cache, 1200);
        assert_true(support_cache_stat(crowd.cache, pool_limit_hit) > 0);
        support_crew_init(&crew);
        for (i = 0; i < 4; i++)
            support_crew_add(&crew, store_and_forget, &crowd);
        support_crew_run(&crew, 150);
        zc_cache_destroy(crowd.cache);
    }
}

/* ---- what a failed store leaves ---- */

/* The older page is gone, and everything it had and the new one got. */
static void expect_erased(struct zc_cache *cache, zc_swp slot)
{
    support_expect_missing(cache, slot);
    assert_status(zc_cache_invalidate(cache, slot), ZC_MISSING);
}

/* FAILED_STORE_ERASES_OLD, by the limit */
TEST(a_refused_store_leaves_no_older_page)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 100 * 4096, 90);

    assert_true(is_taken(cache, &control, 0));
    support_expect(cache, support_slot(1), SUPPORT_TEXT, 1);

    assert_false(is_taken(cache, &control, 100));
    expect_erased(cache, support_slot(1));
    assert_int_equal(support_cache_stat(cache, replaced_pages), 1);

    assert_true(is_taken(cache, &control, 0));
    assert_false(is_taken(cache, &control, 100));
    control.page_count = 95;
    assert_false(is_taken(cache, &control, 95));
    expect_erased(cache, support_slot(1));
    support_expect_empty(cache);
    assert_int_equal(control.frees, control.puts);
    zc_cache_destroy(cache);
}

/* by the pool */
TEST(a_store_the_pool_fails_leaves_no_older_page)
{
    static const zc_status failures[] = {ZC_REJECTED, ZC_NO_MEMORY};
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 0, 0);
    unsigned kind;
    size_t i;

    for (i = 0; i < 2; i++) {
        for (kind = 0; kind < SUPPORT_KIND_COUNT; kind++) {
            support_store(cache, support_slot(1), kind, 1);
            control.put_status = failures[i];

            assert_status(
                support_try_store(cache, support_slot(1), SUPPORT_TEXT, 2),
                failures[i]);

            control.put_status = ZC_OK;
            expect_erased(cache, support_slot(1));
            support_expect_empty(cache);
        }
    }
    assert_int_equal(support_cache_stat(cache, reject_alloc_fail),
                     2 * SUPPORT_KIND_COUNT);
    assert_int_equal(support_cache_stat(cache, reject_kmemcache_fail), 0);
    /* No store in flight is left that would hold its compressor. */
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    assert_int_equal(support_cache_stat(cache, generations), 1);
    zc_cache_destroy(cache);
}

/* by the memory for one more entry: the first 1024 come at once */
TEST(a_store_without_an_entry_leaves_no_older_page)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_BUMP);
    unsigned i;

    for (i = 0; i < 1024; i++)
        support_store(cache, support_slot(i), SUPPORT_SAME, i);
    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);

    assert_status(support_try_store(cache, support_slot(5), SUPPORT_SAME, 9),
                  ZC_NO_MEMORY);

    zc_inject_disarm();
    expect_erased(cache, support_slot(5));
    assert_int_equal(support_cache_stat(cache, reject_kmemcache_fail), 1);
    assert_int_equal(support_cache_stat(cache, stored_pages), 1023);
    zc_cache_destroy(cache);
}

/* by the tree: there is no older page then, and the new one's object goes */
static void expect_no_place(struct support_bump_control *control,
                            struct zc_cache *cache, uint32_t countdown)
{
    const zc_swp slot = zc_swp_make(countdown, 1);

    zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
    assert_status(support_try_store(cache, slot, SUPPORT_TEXT, 1),
                  ZC_NO_MEMORY);
    zc_inject_disarm();
    expect_erased(cache, slot);
    support_expect_empty(cache);
    assert_int_equal(control->frees, control->puts);
}

TEST(a_store_without_a_place_leaves_no_object)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 0, 0);
    uint32_t i;

    support_store(cache, zc_swp_make(9, 1), SUPPORT_TEXT, 1);
    assert_status(zc_cache_invalidate(cache, zc_swp_make(9, 1)), ZC_OK);
    /* Two blocks, shard and leaf. */
    for (i = 0; i < 4; i++)
        expect_no_place(&control, cache, i);
    zc_inject_arm(ZC_INJECT_MALLOC, 4, 1);
    support_store(cache, zc_swp_make(4, 1), SUPPORT_TEXT, 1);
    zc_inject_disarm();
    assert_int_equal(support_cache_stat(cache, reject_kmemcache_fail), 4);
    assert_int_equal(support_cache_stat(cache, zswpout), 2);
    zc_cache_destroy(cache);
}

/* by a zspool that gets no more pages */
TEST(a_store_without_pages_leaves_no_older_page)
{
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        struct zc_cache *cache = support_cache_over(over);

        support_store(cache, support_slot(7), SUPPORT_TEXT, 1);
        zc_inject_arm(ZC_INJECT_PAGES, 0, UINT32_MAX);
        for (i = 8; i < 1000; i++)
            if (support_try_store(cache, support_slot(i), SUPPORT_NOISE, i) !=
                ZC_OK)
                break;
        /* From here on there is no page left for noise. */
        assert_status(
            support_try_store(cache, support_slot(7), SUPPORT_NOISE, 2),
            ZC_NO_MEMORY);
        zc_inject_disarm();

        expect_erased(cache, support_slot(7));
        assert_true(support_cache_stat(cache, reject_alloc_fail) > 0);
        support_store(cache, support_slot(7), SUPPORT_NOISE, 2);
        zc_cache_destroy(cache);
    }
}

/* but bad input changes nothing */
TEST(a_bad_store_leaves_the_older_page)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);

    support_store(cache, support_slot(7), SUPPORT_TEXT, 1);

    assert_status(zc_cache_store(cache, support_slot(7), NULL), ZC_INVALID);

    support_expect(cache, support_slot(7), SUPPORT_TEXT, 1);
    zc_cache_destroy(cache);
}
