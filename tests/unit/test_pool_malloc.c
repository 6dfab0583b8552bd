/* SPDX-License-Identifier: MIT */
/* test_pool_malloc.c - the C library's malloc as the pool behind a cache. */
#include "support_ops.h"
#include "support_test.h"

#include "base/inject.h"

static const char bytes[1000]; /* whatever they are */

TEST(it_does_what_a_cache_asks_of_a_pool)
{
    support_ops_do_what_a_cache_asks(&zc_pool_malloc, 0, 0);
    support_ops_do_what_a_cache_asks(&zc_pool_malloc, 0, 65536);
}

TEST(many_threads_may_use_it_at_once)
{
    support_ops_serve_many_threads(&zc_pool_malloc, 0);
}

TEST(it_cannot_compact_and_stores_up_to_a_page)
{
    assert_null(zc_pool_malloc.compact);
    assert_null(zc_pool_malloc.huge_class_size);
    assert_string_equal(zc_pool_malloc.name, "malloc");
}

TEST(its_pages_are_the_blocks_as_malloc_rounds_them)
{
    struct zc_pool_usage usage = {.struct_size = sizeof(usage)};
    void *pool = support_ops_begin(&zc_pool_malloc, 0, 4096);
    zc_handle handles[100];
    unsigned i;

    for (i = 0; i < 100; i++)
        assert_status(zc_pool_malloc.put(pool, bytes, 1000, &handles[i]),
                      ZC_OK);

    zc_pool_malloc.usage(pool, &usage);
    assert_in_range(usage.pages, 25, 27);
    assert_int_equal(usage.pages, zc_pool_malloc.page_count(pool));
    assert_int_equal(usage.handle_bytes, 0);
    assert_in_range(usage.metadata_bytes, 16, 64);

    for (i = 0; i < 100; i++)
        zc_pool_malloc.free(pool, handles[i]);
    assert_int_equal(zc_pool_malloc.page_count(pool), 0);
    zc_pool_malloc.destroy(pool);
}

TEST(without_memory_there_is_no_pool_and_no_object)
{
    const struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = 4096,
    };
    zc_handle handle = {77};
    void *pool = &pool;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_pool_malloc.create(&config, &pool), ZC_NO_MEMORY);
    assert_ptr_equal(pool, &pool);
    zc_inject_disarm();

    pool = support_ops_begin(&zc_pool_malloc, 0, 4096);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_pool_malloc.put(pool, bytes, 100, &handle), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_int_equal(handle.value, 77);
    assert_int_equal(zc_pool_malloc.page_count(pool), 0);
    zc_pool_malloc.destroy(pool);
}
