/* SPDX-License-Identifier: MIT */
/* test_zcache.c - making and ending caches, and their settings. */
#include "support_bump.h"
#include "support_cache.h"
#include "support_process.h"
#include "support_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/inject.h"
#include "zswap.h"

/* ---- making ---- */

TEST(the_version_is_the_headers)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%d.%d.%d", ZC_VERSION_MAJOR,
                   ZC_VERSION_MINOR, ZC_VERSION_PATCH);

    assert_string_equal(zc_version(), text);
}

TEST(no_options_mean_all_defaults)
{
    struct zc_cache *cache = support_cache_create(NULL);
    zc_swp last = zc_swp_make(31, ZC_SLOT_COUNT_DEFAULT - 1);

    assert_int_equal(support_cache_page_size(cache), 4096);
    assert_non_null(zc_cache_zspool(cache));
    assert_int_equal(zc_zspool_huge_class_size(zc_cache_zspool(cache)), 4093);
    support_store(cache, last, SUPPORT_TEXT, 1);
    support_expect(cache, last, SUPPORT_TEXT, 1);
    assert_int_equal(support_cache_stat(cache, same_filled_pages), 0);
    support_store(cache, support_slot(0), SUPPORT_ZERO, 0);
    assert_int_equal(support_cache_stat(cache, same_filled_pages), 1);
    zc_cache_destroy(cache);
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
        {.no_same_filled = 2},
        {.lru_mode = ZC_LRU_ZSPAGE + 1},
        {.lru_mode = ZC_LRU_ZSPAGE, .pool_ops = &zc_pool_malloc},
        {.shrink_worker = 2},
    };
    struct zc_cache_options options;
    struct zc_cache *cache;
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options = bad[i];
        options.struct_size = sizeof(options);
        cache = (void *)&options;

        if (zc_cache_create(&options, &cache) != ZC_INVALID)
            fail_msg("bad option %zu was taken", i);
        assert_ptr_equal(cache, (void *)&options);
    }
    assert_status(zc_cache_create(NULL, NULL), ZC_INVALID);
    assert_status(
        zc_cache_create(ZC_CACHE_OPTIONS(.compressor_name = "none"), &cache),
        ZC_UNSUPPORTED);
}

TEST(fields_at_the_end_of_their_range_are_taken)
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
    };
    struct zc_cache_options options;
    struct zc_cache *cache;
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        options = good[i];
        options.struct_size = sizeof(options);
        cache = support_cache_create(&options);

        support_store(cache, support_slot(0), SUPPORT_TEXT, i);
        support_expect(cache, support_slot(0), SUPPORT_TEXT, i);
        zc_cache_destroy(cache);
    }
}

struct newer {
    struct zc_cache_options known;
    uint64_t more;
};

TEST(an_older_program_has_shorter_options)
{
    struct zc_cache_options options = {
        .struct_size = offsetof(struct zc_cache_options, compressor_name),
        .limit_bytes = 4096,
        .compressor_name = "none", /* behind what it says it has */
        .checksums = 99,
    };
    struct zc_cache *cache = support_cache_create(&options);

    support_store(cache, support_slot(0), SUPPORT_NOISE, 0);
    assert_status(support_try_store(cache, support_slot(1), SUPPORT_NOISE, 0),
                  ZC_REJECTED);
    zc_cache_destroy(cache);

    options.struct_size = sizeof(size_t);
    cache = support_cache_create(&options);
    support_store(cache, support_slot(0), SUPPORT_NOISE, 0);
    support_store(cache, support_slot(1), SUPPORT_NOISE, 0);
    zc_cache_destroy(cache);
}

TEST(a_newer_program_may_not_set_what_we_do_not_know)
{
    struct newer newer = {{.struct_size = sizeof(newer)}, 0};
    struct zc_cache *cache = support_cache_create(&newer.known);

    zc_cache_destroy(cache);
    cache = NULL;

    newer.more = UINT64_C(1) << 63;
    assert_status(zc_cache_create(&newer.known, &cache), ZC_UNSUPPORTED);
    newer.known.struct_size = 0;
    assert_status(zc_cache_create(&newer.known, &cache), ZC_INVALID);
    newer.known.struct_size = sizeof(size_t) - 1;
    assert_status(zc_cache_create(&newer.known, &cache), ZC_INVALID);
    assert_null(cache);
}

TEST(a_pool_with_an_operation_missing_is_refused)
{
    struct zc_cache_options options = {.struct_size = sizeof(options)};
    struct zc_cache *cache = NULL;
    struct zc_pool_ops ops;
    unsigned missing;

    options.pool_ops = &ops;
    for (missing = 0; missing < 9; missing++) {
        ops = support_bump_pool;
        if (missing == 0)
            ops.struct_size = offsetof(struct zc_pool_ops, reclaim) - 1;
        ops.create = missing == 1 ? NULL : ops.create;
        ops.destroy = missing == 2 ? NULL : ops.destroy;
        ops.put = missing == 3 ? NULL : ops.put;
        ops.free = missing == 4 ? NULL : ops.free;
        ops.read_begin = missing == 5 ? NULL : ops.read_begin;
        ops.read_end = missing == 6 ? NULL : ops.read_end;
        ops.page_count = missing == 7 ? NULL : ops.page_count;
        ops.usage = missing == 8 ? NULL : ops.usage;

        assert_status(zc_cache_create(&options, &cache), ZC_INVALID);
    }
    assert_null(cache);

    ops = support_bump_pool;
    ops.huge_class_size = NULL;
    ops.compact = NULL;
    ops.name = NULL;
    zc_cache_destroy(support_cache_create(&options));
}

static zc_status reclaim_nothing(void *pool, zc_zspool_evict evict,
                                 void *context, uint64_t page_goal,
                                 uint64_t *pages_out)
{
    (void)pool;
    (void)evict;
    (void)context;
    (void)page_goal;
    *pages_out = 0;
    return ZC_AGAIN;
}

/* A pool of before reclaim() is shorter, and serves all but that one mode. */
TEST(only_a_pool_that_reclaims_is_taken_for_zspages)
{
    struct support_bump_control control = {.create_status = ZC_OK};
    struct zc_cache_options options = {.struct_size = sizeof(options)};
    struct zc_pool_ops ops = support_bump_pool;
    struct zc_cache *cache = NULL;

    options.pool_ops = &ops;
    options.pool_user = &control;
    ops.struct_size = offsetof(struct zc_pool_ops, reclaim);
    ops.reclaim = reclaim_nothing; /* behind what it says it has */
    zc_cache_destroy(support_cache_create(&options));
    assert_int_equal(control.config.keep_lru, 0);

    options.lru_mode = ZC_LRU_ZSPAGE;
    assert_status(zc_cache_create(&options, &cache), ZC_INVALID);
    ops = support_bump_pool;
    assert_status(zc_cache_create(&options, &cache), ZC_INVALID);
    assert_null(cache);
    assert_int_equal(control.creates, 1);

    ops.reclaim = reclaim_nothing;
    zc_cache_destroy(support_cache_create(&options));
    assert_int_equal(control.config.keep_lru, 1);
    options.lru_mode = ZC_LRU_ENTRY;
    zc_cache_destroy(support_cache_create(&options));
    assert_int_equal(control.config.keep_lru, 0);
}

TEST(the_way_to_find_victims_follows_the_device)
{
    struct zc_cache_options options = {.struct_size = sizeof(options)};

    assert_status(zc_zswap_check_options(&options), ZC_OK);
    assert_int_equal(options.lru_mode, ZC_LRU_NONE);
    assert_int_equal(options.writes_max, 32);

    options.lru_mode = ZC_LRU_DEFAULT;
    options.backing_path = "pages";
    assert_status(zc_zswap_check_options(&options), ZC_OK);
    assert_int_equal(options.lru_mode, ZC_LRU_ENTRY);

    options.lru_mode = ZC_LRU_NONE;
    options.writes_max = 7;
    assert_status(zc_zswap_check_options(&options), ZC_OK);
    assert_int_equal(options.lru_mode, ZC_LRU_NONE);
    assert_int_equal(options.writes_max, 7);
}

TEST(the_pool_is_told_what_the_cache_was_told)
{
    struct support_bump_control control = {.create_status = ZC_OK};
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);
    struct zc_cache *cache;

    options.page_size = 16384;
    options.placement = 7; /* the pool's affair */
    options.chain_length = 8;
    options.segment_bytes = 9;
    options.pool_user = &control;
    cache = support_cache_create(&options);

    assert_true(control.config.struct_size >= sizeof(control.config));
    assert_int_equal(control.config.page_size, 16384);
    assert_int_equal(control.config.placement, 7);
    assert_int_equal(control.config.chain_length, 8);
    assert_int_equal(control.config.segment_bytes, 9);
    assert_ptr_equal(control.config.user, &control);

    zc_cache_destroy(cache);
    assert_int_equal(control.creates, 1);
    assert_int_equal(control.destroys, 1);
}

TEST(a_pool_that_cannot_be_made_makes_no_cache)
{
    struct support_bump_control control = {.create_status = ZC_NO_MEMORY};
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);
    struct zc_cache *cache = NULL;

    options.pool_user = &control;
    assert_status(zc_cache_create(&options, &cache), ZC_NO_MEMORY);
    control.create_status = ZC_INVALID;
    assert_status(zc_cache_create(&options, &cache), ZC_INVALID);
    assert_null(cache);
    assert_int_equal(control.destroys, 0);
}

/* ---- settings ---- */

TEST(settings_of_no_cache_are_refused)
{
    assert_status(zc_cache_set_compressor(NULL, "lz4", 0), ZC_INVALID);
    assert_status(zc_cache_set_limit(NULL, 0, 0), ZC_INVALID);
    assert_status(zc_cache_compact(NULL, NULL, NULL), ZC_INVALID);
    assert_null(zc_cache_zspool(NULL));
    zc_cache_destroy(NULL);
}

TEST(pages_of_an_older_compressor_stay_readable_and_drain)
{
    static const char *const names[] = {"lz4", "lz4hc", "copy"};
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    unsigned i;

    for (i = 0; i < 3; i++) {
        assert_status(zc_cache_set_compressor(cache, names[i], 0), ZC_OK);
        support_store(cache, support_slot(2 * i), SUPPORT_TEXT, 2 * i);
        support_store(cache, support_slot(2 * i + 1), SUPPORT_NOISE, i);
    }
    assert_int_equal(support_cache_stat(cache, generations), 3);

    for (i = 0; i < 3; i++) {
        support_expect(cache, support_slot(2 * i), SUPPORT_TEXT, 2 * i);
        support_expect(cache, support_slot(2 * i + 1), SUPPORT_NOISE, i);
    }
    assert_status(zc_cache_invalidate(cache, support_slot(0)), ZC_OK);
    assert_int_equal(support_cache_stat(cache, generations), 3);
    assert_status(zc_cache_invalidate(cache, support_slot(1)), ZC_OK);
    assert_int_equal(support_cache_stat(cache, generations), 2);
    support_store(cache, support_slot(2), SUPPORT_TEXT, 9);
    support_store(cache, support_slot(3), SUPPORT_TEXT, 9);
    assert_int_equal(support_cache_stat(cache, generations), 1);
    zc_cache_destroy(cache);
}

/* Raw pages hold their generation as well; same-filled ones hold none. */
TEST(a_same_filled_page_holds_no_compressor)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);

    support_store(cache, support_slot(0), SUPPORT_SAME, 1);

    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);

    assert_int_equal(support_cache_stat(cache, generations), 1);
    support_expect(cache, support_slot(0), SUPPORT_SAME, 1);
    zc_cache_destroy(cache);
}

TEST(a_bad_compressor_or_level_changes_nothing)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    uint64_t payload;

    support_store(cache, support_slot(0), SUPPORT_TEXT, 1);
    payload = support_cache_stat(cache, payload_bytes);

    assert_status(zc_cache_set_compressor(cache, "none", 0), ZC_UNSUPPORTED);
    assert_status(zc_cache_set_compressor(cache, "lz4", -1), ZC_INVALID);
    assert_status(zc_cache_set_compressor(cache, "lz4", 65538), ZC_INVALID);
    assert_status(zc_cache_set_compressor(cache, NULL, -1), ZC_INVALID);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_NO_MEMORY);
    zc_inject_disarm();

    assert_int_equal(support_cache_stat(cache, generations), 1);
    support_store(cache, support_slot(0), SUPPORT_TEXT, 1);
    assert_int_equal(support_cache_stat(cache, payload_bytes), payload);
    zc_cache_destroy(cache);
}

TEST(more_than_255_settings_in_use_are_rejected)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_DENSE);
    struct zc_cache *cache;
    unsigned i;

    options.context_count = 1;
    cache = support_cache_create(&options);
    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        assert_status(zc_cache_set_compressor(cache, NULL, (int)i + 1), ZC_OK);
        support_store(cache, support_slot(i), SUPPORT_TEXT, i);
    }
    assert_int_equal(support_cache_stat(cache, generations), 255);

    assert_status(zc_cache_set_compressor(cache, NULL, 256), ZC_REJECTED);
    assert_status(zc_cache_set_compressor(cache, NULL, 17), ZC_OK);

    for (i = 0; i < ZC_GENERATIONS_MAX; i++)
        support_expect(cache, support_slot(i), SUPPORT_TEXT, i);
    assert_status(zc_cache_invalidate(cache, support_slot(99)), ZC_OK);
    assert_status(zc_cache_set_compressor(cache, NULL, 256), ZC_OK);
    zc_cache_destroy(cache);
}

TEST(only_a_pool_that_can_compact_compacts)
{
    const struct zc_compact_budget bad = {.struct_size = 0};
    struct zc_compact_result result = {sizeof(result), 7, 7};
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);

    assert_status(zc_cache_compact(cache, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
    assert_status(zc_cache_compact(cache, NULL, NULL), ZC_OK);
    assert_status(zc_cache_compact(cache, &bad, NULL), ZC_INVALID);
    zc_cache_destroy(cache);

    cache = support_cache_over(SUPPORT_OVER_MALLOC);
    assert_status(zc_cache_compact(cache, NULL, NULL), ZC_UNSUPPORTED);
    assert_null(zc_cache_zspool(cache));
    zc_cache_destroy(cache);
}

/* G4 */
TEST(compaction_gives_pages_back_and_is_not_seen)
{
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        struct zc_cache *cache = support_cache_over(over);
        struct zc_compact_result result = {.struct_size = sizeof(result)};
        uint64_t before;

        for (i = 0; i < 1000; i++)
            support_store(cache, support_slot(i), SUPPORT_TEXT, i);
        for (i = 0; i < 1000; i++)
            if (i % 5 != 0)
                (void)zc_cache_invalidate(cache, support_slot(i));
        before = support_cache_stat(cache, pool_total_size);

        assert_status(zc_cache_compact(cache, NULL, &result), ZC_OK);

        assert_true(result.pages_freed > 0);
        assert_int_equal(support_cache_stat(cache, pool_total_size),
                         before - result.pages_freed * 4096);
        for (i = 0; i < 1000; i += 5)
            support_expect(cache, support_slot(i), SUPPORT_TEXT, i);
        zc_cache_destroy(cache);
    }
}

/* ---- ending ---- */

TEST(a_cache_ends_empty_and_full)
{
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        struct zc_cache *cache = support_cache_over(over);

        zc_cache_destroy(cache);
        cache = support_cache_over(over);
        for (i = 0; i < 500; i++)
            support_store(cache, zc_swp_make(i % 32, i * 10007),
                          i % SUPPORT_KIND_COUNT, i);
        assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
        support_store(cache, zc_swp_make(31, ZC_SLOT_COUNT_DEFAULT - 1),
                      SUPPORT_TEXT, 1);
        zc_cache_destroy(cache);
    }
}

TEST(a_full_cache_gives_every_object_back_at_its_end)
{
    struct support_bump_control control = {.create_status = ZC_OK};
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);
    struct zc_cache *cache;
    unsigned i;

    options.pool_user = &control;
    cache = support_cache_create(&options);
    for (i = 0; i < 300; i++)
        support_store(cache, support_slot(i * 1000), SUPPORT_TEXT, i);

    zc_cache_destroy(cache);

    assert_int_equal(control.puts, 300);
    assert_int_equal(control.frees, 300);
    assert_int_equal(control.destroys, 1);
}

TEST(two_caches_know_nothing_of_each_other)
{
    struct zc_cache *one = support_cache_over(SUPPORT_OVER_DENSE);
    struct zc_cache *two = support_cache_over(SUPPORT_OVER_KERNEL);
    unsigned i;

    for (i = 0; i < 200; i++) {
        support_store(one, support_slot(i), SUPPORT_TEXT, i);
        support_store(two, support_slot(i), SUPPORT_TEXT, i + 1000);
    }
    assert_status(zc_cache_set_compressor(two, "copy", 0), ZC_OK);
    assert_int_equal(support_cache_stat(one, generations), 1);
    assert_status(zc_cache_set_limit(two, 4096, 0), ZC_OK);
    support_store(one, support_slot(200), SUPPORT_TEXT, 200);
    assert_status(zc_cache_invalidate_type(one, 0), ZC_OK);
    support_expect_empty(one);
    zc_cache_destroy(one);

    for (i = 0; i < 200; i++)
        support_expect(two, support_slot(i), SUPPORT_TEXT, i + 1000);
    zc_cache_destroy(two);
}

struct family {
    struct zc_cache *cache;
};

static void be_the_child(void *context)
{
    const struct family *family = context;
    char page[4096];
    char back[4096];
    struct zc_cache *own;

    zc_cache_destroy(family->cache);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
    if (zc_cache_create(NULL, &own) != ZC_OK ||
        zc_cache_store(own, support_slot(1), page) != ZC_OK ||
        zc_cache_take(own, support_slot(1), back) != ZC_OK ||
        memcmp(page, back, sizeof(page)) != 0)
        abort();
    zc_cache_destroy(own);
}

TEST(after_a_fork_child_and_parent_go_on)
{
    struct support_end end;
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        struct family family = {support_cache_over(over)};

        for (i = 0; i < 300; i++)
            support_store(family.cache, support_slot(i), SUPPORT_TEXT, i);

        support_run_child(be_the_child, &family, &end);

        assert_string_equal(end.errors, "");
        assert_true(end.exited);
        assert_int_equal(end.number, 0);
        for (i = 0; i < 300; i++)
            support_expect(family.cache, support_slot(i), SUPPORT_TEXT, i);
        support_store(family.cache, support_slot(0), SUPPORT_TEXT, 7);
        zc_cache_destroy(family.cache);
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
    char page[4096];
    uint64_t before = 0;
    unsigned round;
    unsigned i;

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
        for (i = 0; i < 3000; i++) {
            if (i == 1000 || i == 2000)
                assert_status(zc_generations_change(&zswap.generations, "copy",
                                                    ZC_LEVEL_DEFAULT),
                              ZC_OK);
            support_make_page(page, sizeof(page), i % SUPPORT_NOISE, i);
            assert_status(zc_zswap_store(&zswap,
                                         zc_swp_make(i % 5, UINT64_C(77) * i),
                                         page, i % 7, false),
                          i < 1000 || options.lru_mode != ZC_LRU_ZSPAGE ||
                                  i % SUPPORT_NOISE <= SUPPORT_SAME
                              ? ZC_OK
                              : ZC_REJECTED);
        }
        assert_true(zc_zswap_stored_pages(&zswap) > 1000);
        zc_zswap_drop(&zswap);
    }
    support_assert_mapped(before);
}
