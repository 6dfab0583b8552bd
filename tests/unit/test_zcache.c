/* SPDX-License-Identifier: MIT */
/* test_zcache.c - caches: made with options, over pools, and ended. */
#include "support_front.h"
#include "support_process.h"

#include <stdio.h>

#include "cache/cache.h"

/* ---- options ---- */

TEST(the_version_is_the_headers)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%d.%d.%d", ZC_VERSION_MAJOR,
                   ZC_VERSION_MINOR, ZC_VERSION_PATCH);
    assert_string_equal(zc_version(), text);
}

TEST_OF_CACHE(no_options_mean_all_defaults)
{
    const zc_swp last = zc_swp_make(31, ZC_SLOT_COUNT_DEFAULT - 1);

    assert_int_equal(support_cache_page_size(cache), 4096);
    assert_int_equal(zc_zspool_huge_class_size(zc_cache_zspool(cache)), 4093);
    support_store(cache, last, SUPPORT_TEXT, 1);
    support_expect(cache, last, SUPPORT_TEXT, 1);
    assert_int_equal(cache_stat(same_filled_pages), 0);
    store(0, SUPPORT_ZERO, 0);
    assert_int_equal(cache_stat(same_filled_pages), 1);
}

TEST(fields_out_of_their_range_are_refused)
{
    static const struct zc_cache_options bad[] = {
        {.page_size = 1},
        {.page_size = 2048},
        {.page_size = 4097},
        {.page_size = 12288},
        {.page_size = 131072},
        {.accept_threshold_percent = 101},
        {.compressor_level = -1},
        {.compressor_level = 65538},
        {.compressor_name = "copy", .compressor_level = 1},
        {.context_count = 4097},
        {.slot_count = ZC_SLOT_COUNT_MAX + 1},
        {.slot_count = UINT64_MAX},
        {.placement = UINT32_MAX},
        {.placement = ZC_PLACEMENT_KERNEL, .chain_length = 3},
        {.placement = ZC_PLACEMENT_KERNEL, .chain_length = 17},
        {.segment_bytes = 4096},
        {.segment_bytes = 12 * 4096},
        {.segment_bytes = 256 * 4096},
        {.checksums = 2},
        {.no_same_filled = 3},
        {.raw_from = 4097},
        {.shrink_policy = ZC_SHRINK_PROACTIVE + 1},
        {.shrink_compact = ZC_SHRINK_COMPACT_ON + 1},
        {.lru_mode = ZC_LRU_DROP + 1},
        {.lru_mode = ZC_LRU_ZSPAGE, .pool_ops = &zc_pool_malloc},
        {.shrink_worker = 2},
        {.backing_path = ""},
        {.backing_path = "x", .io_workers = ZC_BACKING_WORKERS_MAX + 1},
    };
    struct zc_cache_options options;
    struct zc_cache *none;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options = bad[i];
        options.struct_size = sizeof(options);
        none = (void *)&options;
        if (zc_cache_create(&options, &none) != ZC_INVALID)
            fail_msg("bad option %zu was taken", i);
        assert_ptr_equal(none, (void *)&options);
    }
    assert_status(zc_cache_create(NULL, NULL), ZC_INVALID);
    assert_status(
        zc_cache_create(ZC_CACHE_OPTIONS(.compressor_name = "none"), &none),
        ZC_UNSUPPORTED);
}

TEST_OF_CACHE(fields_at_the_end_of_their_range_are_taken)
{
    static const struct zc_cache_options good[] = {
        {.page_size = 65536},
        {.accept_threshold_percent = 1},
        {.accept_threshold_percent = 100},
        {.compressor_level = 65537},
        {.context_count = 64},
        {.slot_count = 1},
        {.slot_count = ZC_SLOT_COUNT_MAX},
        {.placement = ZC_PLACEMENT_KERNEL, .chain_length = 4},
        {.placement = ZC_PLACEMENT_KERNEL, .chain_length = 16},
        {.segment_bytes = 4 * 4096},
        {.segment_bytes = 128 * 4096},
        {.checksums = 1, .no_same_filled = 1},
        {.limit_bytes = UINT64_MAX},
        {.lru_mode = ZC_LRU_NONE},
        {.lru_mode = ZC_LRU_ENTRY, .pool_ops = &zc_pool_malloc},
        {.lru_mode = ZC_LRU_ZSPAGE},
        {.lru_mode = ZC_LRU_ZSPAGE, .placement = ZC_PLACEMENT_KERNEL},
        {.writes_max = 1},
        {.no_same_filled = 2},
        {.raw_from = 1},
        {.raw_from = 65536, .page_size = 65536},
        {.shrink_policy = ZC_SHRINK_PROACTIVE, .shrink_looks = 7},
        {.shrink_looks = ZC_SHRINK_LOOKS_ALL},
    };
    struct zc_cache_options options;
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        options = good[i];
        options.struct_size = sizeof(options);
        renew(&options);
        store(0, SUPPORT_TEXT, i);
        expect(0, SUPPORT_TEXT, i);
    }
}

TEST_OF_CACHE(an_older_program_has_shorter_options)
{
    struct zc_cache_options options = {
        .struct_size = offsetof(struct zc_cache_options, compressor_name),
        .limit_bytes = 4096,
        .compressor_name = "none", /* behind what it says it has */
        .checksums = 99,
    };

    renew(&options);
    store(0, SUPPORT_NOISE, 0);
    assert_status(try_store(1, SUPPORT_NOISE, 0), ZC_REJECTED);

    options.struct_size = sizeof(size_t);
    renew(&options);
    store(0, SUPPORT_NOISE, 0);
    store(1, SUPPORT_NOISE, 0);
}

TEST_OF_CACHE(a_newer_program_may_not_set_what_we_do_not_know)
{
    struct {
        struct zc_cache_options known;
        uint64_t more;
    } newer = {{.struct_size = sizeof(newer)}, 0};
    struct zc_cache *none = NULL;

    zc_cache_destroy(support_cache_create(&newer.known));
    newer.more = UINT64_C(1) << 63;
    assert_status(zc_cache_create(&newer.known, &none), ZC_UNSUPPORTED);
    newer.known.struct_size = 0;
    assert_status(zc_cache_create(&newer.known, &none), ZC_INVALID);
    newer.known.struct_size = sizeof(size_t) - 1;
    assert_status(zc_cache_create(&newer.known, &none), ZC_INVALID);
    assert_null(none);
}

TEST_OF_CACHE(calls_of_no_cache_or_into_nothing_are_refused)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_cache_set_compressor(NULL, "lz4", 0), ZC_INVALID);
    assert_status(zc_cache_set_limit(NULL, 0, 0), ZC_INVALID);
    assert_status(zc_cache_compact(NULL, NULL, NULL), ZC_INVALID);
    assert_status(zc_cache_get_stats(NULL, &stats), ZC_INVALID);
    assert_status(zc_cache_get_stats(cache, NULL), ZC_INVALID);
    assert_status(zc_cache_account(cache, NULL), ZC_INVALID);
    assert_null(zc_cache_zspool(NULL));
    zc_cache_destroy(NULL);
}

/* ---- pools of the embedder ---- */

static struct zc_pool_ops ops; /* of the cache to make */

static void expect_pool(zc_status status)
{
    struct zc_cache_options options = {.struct_size = sizeof(options),
                                       .pool_ops = &ops};
    struct zc_cache *made = NULL;

    assert_status(zc_cache_create(&options, &made), status);
    zc_cache_destroy(made);
}

TEST_OF_CACHE(a_pool_with_an_operation_missing_is_refused)
{
#define WITHOUT(function) offsetof(struct zc_pool_ops, function)
    static const size_t needed[] = {
        WITHOUT(create),     WITHOUT(destroy),  WITHOUT(put),
        WITHOUT(free),       WITHOUT(read_end), WITHOUT(read_begin),
        WITHOUT(page_count), WITHOUT(usage),
    };
    size_t i;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        ops = support_bump_pool;
        memset((char *)&ops + needed[i], 0, sizeof(void *));
        expect_pool(ZC_INVALID);
    }
    ops = support_bump_pool;
    ops.struct_size = WITHOUT(reclaim) - 1;
    expect_pool(ZC_INVALID);
#undef WITHOUT

    ops = support_bump_pool;
    ops.huge_class_size = NULL;
    ops.compact = NULL;
    ops.name = NULL;
    expect_pool(ZC_OK);
}

static zc_status reclaim_nothing(void *pool, zc_zspool_evict evict,
                                 void *context, uint64_t page_goal,
                                 uint64_t *pages_out)
{
    (void)pool;
    (void)evict;
    (void)context;
    *pages_out = 0 * page_goal;
    return ZC_AGAIN;
}

static void expect_lru(unsigned lru_mode, bool is_kept)
{
    renew(ZC_CACHE_OPTIONS(.pool_ops = &ops, .lru_mode = lru_mode));
    assert_int_equal(spied.config.keep_lru, is_kept);
}

static void expect_no_lru_of_zspages(void)
{
    struct zc_cache *none = NULL;

    assert_status(zc_cache_create(ZC_CACHE_OPTIONS(.pool_ops = &ops,
                                                   .lru_mode = ZC_LRU_ZSPAGE),
                                  &none),
                  ZC_INVALID);
    assert_null(none);
}

/* A pool of before reclaim() is shorter, and serves all but that one mode. */
TEST_OF_CACHE(only_a_pool_that_reclaims_is_taken_for_zspages)
{
    ops = support_bump_pool;
    ops.struct_size = offsetof(struct zc_pool_ops, reclaim);
    ops.reclaim = reclaim_nothing; /* behind what it says it has */
    expect_lru(ZC_LRU_NONE, false);
    expect_no_lru_of_zspages();
    ops = support_bump_pool;
    expect_no_lru_of_zspages();
    assert_int_equal(spied.creates, 1);

    ops.reclaim = reclaim_nothing;
    expect_lru(ZC_LRU_ZSPAGE, true);
    expect_lru(ZC_LRU_ENTRY, false);
}

TEST_OF_CACHE(the_pool_is_told_what_the_cache_was_told)
{
    renew(ZC_CACHE_OPTIONS(.pool_ops = &support_bump_pool, .page_size = 16384,
                           .placement = 7, /* the pool's affair */
                           .chain_length = 8, .segment_bytes = 9));
    assert_true(spied.config.struct_size >= sizeof(spied.config));
    assert_int_equal(spied.config.page_size, 16384);
    assert_int_equal(spied.config.placement, 7);
    assert_int_equal(spied.config.chain_length, 8);
    assert_int_equal(spied.config.segment_bytes, 9);
    assert_ptr_equal(spied.config.user, &spied);
    assert_int_equal(spied.creates, 1);
}

TEST_OF_CACHE(a_pool_that_cannot_be_made_makes_no_cache)
{
    static const zc_status statuses[] = {ZC_NO_MEMORY, ZC_INVALID};
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);
    struct zc_cache *none = NULL;
    unsigned i;

    options.pool_user = &spied;
    for (i = 0; i < 2; i++) {
        spied.create_status = statuses[i];
        assert_status(zc_cache_create(&options, &none), statuses[i]);
        assert_null(none);
    }
    assert_int_equal(spied.destroys, 0);
}

/* ---- compaction ---- */

TEST_OF_CACHE(only_a_pool_that_can_compact_compacts)
{
    const struct zc_compact_budget bad = {.struct_size = 0};
    struct zc_compact_result result = {sizeof(result), 7, 7};

    assert_status(zc_cache_compact(cache, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
    assert_status(zc_cache_compact(cache, NULL, NULL), ZC_OK);
    assert_status(zc_cache_compact(cache, &bad, NULL), ZC_INVALID);
    renew_over(SUPPORT_OVER_MALLOC);
    assert_status(zc_cache_compact(cache, NULL, NULL), ZC_UNSUPPORTED);
    assert_null(zc_cache_zspool(cache));
}

/* G4 */
TEST_OF_CACHE(compaction_gives_pages_back_and_is_not_seen)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    uint64_t before;
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        renew_over(over);
        store_pages(0, 1000);
        for (i = 0; i < 1000; i++)
            if (i % 5 != 0)
                forget(i);
        before = cache_stat(pool_total_size);
        assert_status(zc_cache_compact(cache, NULL, &result), ZC_OK);
        assert_true(result.pages_freed > 0);
        assert_int_equal(cache_stat(pool_total_size),
                         before - result.pages_freed * 4096);
        for (i = 0; i < 1000; i += 5)
            expect(i, SUPPORT_TEXT, i);
    }
}

/* ---- ending ---- */

/* Every object is given back, as the end of each test checks. */
TEST_OF_CACHE(a_cache_ends_empty_and_full)
{
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        renew_over(over);
        renew_over(over);
        for (i = 0; i < 500; i++)
            support_store(cache, zc_swp_make(i % 32, i * 10007),
                          i % SUPPORT_KIND_COUNT, i);
        assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
        support_store(cache, zc_swp_make(31, ZC_SLOT_COUNT_DEFAULT - 1),
                      SUPPORT_TEXT, 1);
    }
}

TEST_OF_CACHE(two_caches_know_nothing_of_each_other)
{
    struct zc_cache *other = support_cache_over(SUPPORT_OVER_KERNEL);
    unsigned i;

    for (i = 0; i < 200; i++) {
        store(i, SUPPORT_TEXT, i);
        support_store(other, at(i), SUPPORT_TEXT, i + 1000);
    }
    assert_status(zc_cache_set_compressor(other, "copy", 0), ZC_OK);
    assert_int_equal(cache_stat(generations), 1);
    assert_status(zc_cache_set_limit(other, 4096, 0), ZC_OK);
    store(200, SUPPORT_TEXT, 200);
    assert_status(zc_cache_invalidate_type(cache, 0), ZC_OK);
    support_expect_empty(cache);
    end();
    for (i = 0; i < 200; i++)
        support_expect(other, at(i), SUPPORT_TEXT, i + 1000);
    zc_cache_destroy(other);
}

static void store_variety(struct zc_zswap *zswap, unsigned lru_mode)
{
    char page[4096];
    unsigned i;

    for (i = 0; i < 3000; i++) {
        if (i == 1000 || i == 2000)
            assert_status(zc_generations_change(&zswap->generations, "copy",
                                                ZC_LEVEL_DEFAULT),
                          ZC_OK);
        support_make_page(page, sizeof(page), i % SUPPORT_NOISE, i);
        assert_status(zc_zswap_store(zswap,
                                     zc_swp_make(i % 5, UINT64_C(77) * i), page,
                                     i % 7, false),
                      i < 1000 || lru_mode != ZC_LRU_ZSPAGE ||
                              i % SUPPORT_NOISE <= SUPPORT_SAME
                          ? ZC_OK
                          : ZC_REJECTED);
    }
}

/*
 * What a release build does over the built-in pool: nothing is forgotten page
 * by page.  Address space is looked at here, and what malloc() gave by the leak
 * sanitizer.
 */
TEST(a_full_cache_goes_as_a_whole)
{
    static const unsigned modes[] = {ZC_LRU_NONE, ZC_LRU_ENTRY, ZC_LRU_ZSPAGE};
    static struct zc_zswap zswap;
    struct zc_cache_options options;
    uint64_t before = 0;
    unsigned round;

    for (round = 0; round < 12; round++) {
        if (round == 6) /* malloc has grown in the first */
            before = support_mapped_bytes();
        options = (struct zc_cache_options){
            .struct_size = sizeof(options),
            .lru_mode = modes[round % 3],
            .placement = ZC_PLACEMENT_DENSE + round / 3 % 2,
            .checksums = 1,
        };
        memset(&zswap, 0, sizeof(zswap));
        assert_status(zc_zswap_check_options(&options), ZC_OK);
        assert_status(zc_zswap_init(&zswap, &options), ZC_OK);
        store_variety(&zswap, options.lru_mode);
        assert_true(zc_zswap_stored_pages(&zswap) > 1000);
        zc_zswap_drop(&zswap);
    }
    support_assert_mapped(before);
}

TEST(a_destroyed_cache_over_any_pool_gives_its_memory_back)
{
    struct zc_cache *over;
    uint64_t before = 0;
    unsigned i;

    for (i = 0; i < 2 * SUPPORT_OVER_COUNT; i++) {
        if (i == SUPPORT_OVER_COUNT)
            before = support_mapped_bytes();
        over = support_cache_over(i % SUPPORT_OVER_COUNT);
        support_store(over, support_slot(1), SUPPORT_TEXT, 1);
        zc_cache_destroy(over);
    }
    support_assert_mapped(before);
}

/* ---- mistakes of our own ---- */

static void get_too_often(void *entry)
{
    zc_entry_get(entry);
}

static void evict_twice(void *entry)
{
    zc_entry_get(entry); /* else the second would be worse */
    zc_zswap_evict(&cache->zswap, entry);
    zc_zswap_evict(&cache->zswap, entry);
}

/* A count that is full would run into the age; and without the pin another
 * thread may unlink the entry first. */
TEST_OF_CACHE(a_lost_count_or_pin_ends_the_process)
{
    struct zc_zswap *zswap = &cache->zswap;
    struct zc_entry *entry;
    unsigned i;

    store(0, SUPPORT_TEXT, 1);
    entry = zc_tree_get(&zswap->tree, at(0));
    support_assert_aborts(evict_twice, entry, "unlinked", "evict.c");
    for (i = 2; i < ZC_ENTRY_COUNT_MASK; i++)
        zc_entry_get(entry);
    assert_int_equal(zc_entry_count(entry), ZC_ENTRY_COUNT_MASK);
    support_assert_aborts(get_too_often, entry, "before", "entry.c");
    while (i-- > 1)
        zc_entry_put(&zswap->entries, entry);
}
