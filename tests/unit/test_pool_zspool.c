/* SPDX-License-Identifier: MIT */
/* test_pool_zspool.c - the zspool as the pool behind a cache. */
#include "support_ops.h"
#include "support_test.h"

#include "base/inject.h"
#include "support_bump.h"

static const char bytes[1000]; /* whatever they are */

TEST(it_does_what_a_cache_asks_of_a_pool)
{
    static const size_t page_sizes[] = {0, 4096, 8192, 16384, 32768, 65536};
    size_t i;

    for (i = 0; i < sizeof(page_sizes) / sizeof(page_sizes[0]); i++) {
        support_ops_do_what_a_cache_asks(&zc_pool_zspool, ZC_PLACEMENT_DENSE,
                                         page_sizes[i]);
        support_ops_do_what_a_cache_asks(&zc_pool_zspool, ZC_PLACEMENT_KERNEL,
                                         page_sizes[i]);
    }
}

/* The pool that other tests plug in is held to the same. */
TEST(a_pool_of_ones_own_does_too)
{
    support_ops_do_what_a_cache_asks(&support_bump_pool, 0, 4096);
    support_ops_do_what_a_cache_asks(&support_bump_pool, 0, 65536);
    support_ops_serve_many_threads(&support_bump_pool, 0);
}

TEST(many_threads_may_use_it_at_once)
{
    support_ops_serve_many_threads(&zc_pool_zspool, ZC_PLACEMENT_DENSE);
    support_ops_serve_many_threads(&zc_pool_zspool, ZC_PLACEMENT_KERNEL);
}

TEST(what_a_cache_was_asked_for_reaches_the_pool)
{
    struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = 8192,
        .placement = ZC_PLACEMENT_KERNEL,
        .chain_length = 4,
    };
    struct zc_zspool *alike = NULL;
    void *pool = NULL;

    assert_status(
        zc_zspool_create(ZC_ZSPOOL_OPTIONS(.page_size = 8192, .chain_length = 4,
                                           .placement = ZC_PLACEMENT_KERNEL),
                         &alike),
        ZC_OK);

    assert_status(zc_pool_zspool.create(&config, &pool), ZC_OK);

    assert_int_equal(zc_pool_zspool.huge_class_size(pool),
                     zc_zspool_huge_class_size(alike));
    zc_zspool_destroy(alike);
    zc_pool_zspool.destroy(pool);
}

TEST(a_config_it_cannot_serve_is_refused)
{
    static const struct zc_pool_config configs[] = {
        {.struct_size = sizeof(*configs),
         .page_size = 4096,
         .placement = UINT32_MAX},
        {.struct_size = sizeof(*configs),
         .page_size = 4096,
         .placement = ZC_PLACEMENT_KERNEL,
         .chain_length = 17},
        {.struct_size = sizeof(*configs), .page_size = 4097},
    };
    void *pool = &pool;
    unsigned i;

    for (i = 0; i < 3; i++)
        assert_status(zc_pool_zspool.create(&configs[i], &pool), ZC_INVALID);
    assert_ptr_equal(pool, &pool);
}

TEST(usage_and_compaction_are_the_zspools)
{
    static zc_handle handles[2000];
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_pool_usage usage = {.struct_size = sizeof(usage)};
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    void *pool = support_ops_begin(&zc_pool_zspool, 0, 4096);
    unsigned i;

    for (i = 0; i < 2000; i++)
        assert_status(zc_pool_zspool.put(pool, bytes, 500, &handles[i]), ZC_OK);
    zc_pool_zspool.usage(pool, &usage);
    assert_status(zc_zspool_get_stats(pool, &stats), ZC_OK);
    assert_true(stats.pages_allocated > 240);
    assert_int_equal(usage.pages, stats.pages_allocated);
    assert_int_equal(usage.payload_bytes, 2000 * 500);
    assert_int_equal(usage.handle_bytes, stats.handle_bytes);
    assert_int_equal(usage.metadata_bytes, stats.metadata_bytes);
    for (i = 0; i < 2000; i++)
        if (i % 4 != 0)
            zc_pool_zspool.free(pool, handles[i]);

    assert_status(zc_pool_zspool.compact(pool, NULL, &result), ZC_OK);
    assert_true(result.objects_moved > 0);
    assert_true(result.pages_freed > stats.pages_allocated / 2);
    assert_int_equal(zc_pool_zspool.page_count(pool),
                     stats.pages_allocated - result.pages_freed);
    zc_pool_zspool.destroy(pool);
}

struct emptied {
    void *pool;
    unsigned calls;
};

static zc_status free_it(void *context, zc_handle handle)
{
    struct emptied *emptied = context;

    emptied->calls++;
    zc_pool_zspool.free(emptied->pool, handle);
    return ZC_OK;
}

TEST(reclaim_is_the_zspools_where_ages_are_kept)
{
    struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = 4096,
        .keep_lru = 1,
    };
    struct emptied emptied = {NULL, 0};
    zc_handle handle = {0};
    uint64_t pages = 77;
    uint64_t before;
    unsigned i;

    assert_status(zc_pool_zspool.create(&config, &emptied.pool), ZC_OK);
    for (i = 0; i < 1000; i++)
        assert_status(zc_pool_zspool.put(emptied.pool, bytes, 1000, &handle),
                      ZC_OK);
    before = zc_pool_zspool.page_count(emptied.pool);

    assert_status(
        zc_pool_zspool.reclaim(emptied.pool, free_it, &emptied, 1, &pages),
        ZC_OK);
    assert_true(pages >= 1);
    assert_true(emptied.calls > 0);
    assert_int_equal(zc_pool_zspool.page_count(emptied.pool), before - pages);
    zc_pool_zspool.destroy(emptied.pool);

    config.keep_lru = 0;
    assert_status(zc_pool_zspool.create(&config, &emptied.pool), ZC_OK);
    assert_status(
        zc_pool_zspool.reclaim(emptied.pool, free_it, &emptied, 1, &pages),
        ZC_UNSUPPORTED);
    zc_pool_zspool.destroy(emptied.pool);
}

TEST(without_memory_there_is_no_pool)
{
    const struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = 4096,
    };
    void *pool = &pool;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);

    assert_status(zc_pool_zspool.create(&config, &pool), ZC_NO_MEMORY);

    zc_inject_disarm();
    assert_ptr_equal(pool, &pool);
}
