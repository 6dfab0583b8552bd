/* SPDX-License-Identifier: MIT */
/* test_zspool_input.c - what the pool answers to wrong arguments; for handles
 * see test_zspool_handle.c. */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

/* ---- creating and destroying ---- */

TEST(no_options_make_a_dense_pool_of_small_pages)
{
    struct zc_zspool *pool = NULL;

    assert_status(zc_zspool_create(NULL, &pool), ZC_OK);
    assert_int_equal(pool->placement, ZC_PLACEMENT_DENSE);
    assert_int_equal(pool->page_size, 4096);
    assert_int_equal(zc_zspool_huge_class_size(pool), 4093);
    support_pool_check_empty(pool);
    zc_zspool_destroy(pool);
    zc_zspool_destroy(NULL);
}

static void expect_create(const struct zc_zspool_options *options,
                          zc_status expected)
{
    struct zc_zspool *const untouched = (struct zc_zspool *)(uintptr_t)16;
    struct zc_zspool *pool = untouched;

    assert_status(zc_zspool_create(options, &pool), expected);
    if (expected == ZC_OK)
        zc_zspool_destroy(pool);
    else
        assert_ptr_equal(pool, untouched);
}

#define OPTIONS(...)                                                           \
    {                                                                          \
        .struct_size = sizeof(struct zc_zspool_options), __VA_ARGS__           \
    }

TEST(options_out_of_their_range_are_invalid)
{
    static const struct zc_zspool_options bad[] = {
        OPTIONS(.page_size = 1),
        OPTIONS(.page_size = 2048),
        OPTIONS(.page_size = 4095),
        OPTIONS(.page_size = 4097),
        OPTIONS(.page_size = 6144),
        OPTIONS(.page_size = 65535),
        OPTIONS(.page_size = 131072),
        OPTIONS(.page_size = SIZE_MAX),
        OPTIONS(.placement = UINT32_MAX),
        OPTIONS(.segment_bytes = (size_t)20 * 4096),
        OPTIONS(.segment_bytes = (size_t)4 * 4096 + 1),
        /* A segment is measured in the pool's own pages. */
        OPTIONS(.page_size = 65536, .segment_bytes = 65536),
        OPTIONS(.keep_lru = 2),
        OPTIONS(.group_count = ZC_GROUP_COUNT_MAX + 1),
    };
    size_t size;
    unsigned i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_create(&bad[i], ZC_INVALID);
    for (size = 4096; size <= 65536; size *= 2)
        expect_create(ZC_ZSPOOL_OPTIONS(.page_size = size), ZC_OK);
    for (i = 1; i < 20; i++)
        expect_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL,
                                        .chain_length = i),
                      i >= 4 && i <= 16 ? ZC_OK : ZC_INVALID);
    for (i = 1; i <= 256; i *= 2)
        expect_create(ZC_ZSPOOL_OPTIONS(.segment_bytes = (size_t)i * 4096),
                      i >= 4 && i <= 128 ? ZC_OK : ZC_INVALID);
}

TEST(placements_have_names_and_numbers_without_a_gap)
{
    unsigned i;

    assert_null(zc_placement_name(ZC_PLACEMENT_DEFAULT));
    assert_string_equal(zc_placement_name(ZC_PLACEMENT_DENSE), "dense");
    assert_string_equal(zc_placement_name(ZC_PLACEMENT_KERNEL), "kernel");
    assert_null(zc_placement_name(UINT32_MAX));
    for (i = 1; zc_placement_name(i) != NULL; i++)
        expect_create(ZC_ZSPOOL_OPTIONS(.placement = i), ZC_OK);
    expect_create(ZC_ZSPOOL_OPTIONS(.placement = i), ZC_INVALID);
}

TEST(options_of_other_versions_are_understood_or_refused)
{
    struct {
        struct zc_zspool_options options;
        uint64_t later;
    } newer = {.options.struct_size = sizeof(newer)};
    struct zc_zspool_options old = {
        .struct_size = offsetof(struct zc_zspool_options, placement),
        .page_size = 8192,
        .placement = 99};

    expect_create(&old, ZC_OK);
    expect_create(&newer.options, ZC_OK);
    newer.later = 1;
    expect_create(&newer.options, ZC_UNSUPPORTED);
    old.struct_size = 0;
    expect_create(&old, ZC_INVALID);
    old.struct_size = sizeof(size_t) - 1;
    expect_create(&old, ZC_INVALID);
    assert_status(zc_zspool_create(NULL, NULL), ZC_INVALID);
}

/* ---- what a caller gets wrong ---- */

static bool visit_never(void *context, zc_handle handle, const void *data,
                        size_t size)
{
    (void)context;
    (void)handle;
    (void)data;
    (void)size;
    fail();
    return false;
}

static zc_status evict_never(void *context, zc_handle handle)
{
    (void)context;
    (void)handle;
    fail();
    return ZC_OK;
}

TEST_ON_BOTH(null_arguments_are_invalid_for_every_function)
{
    zc_handle handle = support_object_new(pool, 100, 1, 1);
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    struct zc_zspool_read read;
    size_t size = 0;
    char text[8] = "?";

    assert_status(zc_zspool_alloc(NULL, 1, &handle), ZC_INVALID);
    assert_status(zc_zspool_alloc(pool, 1, NULL), ZC_INVALID);
    assert_status(zc_zspool_put(NULL, "x", 1, &handle), ZC_INVALID);
    assert_status(zc_zspool_put(pool, NULL, 1, &handle), ZC_INVALID);
    assert_status(zc_zspool_put(pool, "x", 1, NULL), ZC_INVALID);
    assert_status(zc_zspool_free(NULL, handle), ZC_INVALID);
    assert_status(zc_zspool_write(NULL, handle, "x", 1), ZC_INVALID);
    assert_status(zc_zspool_write(pool, handle, NULL, 100), ZC_INVALID);
    assert_status(zc_zspool_read_begin(NULL, handle, &read), ZC_INVALID);
    assert_status(zc_zspool_read_begin(pool, handle, NULL), ZC_INVALID);
    assert_status(zc_zspool_object_size(NULL, handle, &size), ZC_INVALID);
    assert_status(zc_zspool_object_size(pool, handle, NULL), ZC_INVALID);
    assert_status(zc_zspool_change_tags(NULL, handle, 0, 0, NULL), ZC_INVALID);
    assert_status(zc_zspool_iterate(NULL, visit_never, NULL), ZC_INVALID);
    assert_status(zc_zspool_iterate(pool, NULL, NULL), ZC_INVALID);
    assert_status(zc_zspool_compact(NULL, NULL, NULL), ZC_INVALID);
    assert_status(zc_zspool_reclaim(NULL, evict_never, NULL, 1, NULL),
                  ZC_INVALID);
    assert_status(zc_zspool_reclaim(pool, NULL, NULL, 0, NULL), ZC_INVALID);
    assert_status(zc_zspool_set_limit(NULL, 0), ZC_INVALID);
    assert_status(zc_zspool_get_stats(NULL, &stats), ZC_INVALID);
    assert_status(zc_zspool_get_stats(pool, NULL), ZC_INVALID);
    assert_status(zc_zspool_get_class(NULL, 0, &row), ZC_INVALID);
    assert_status(zc_zspool_get_class(pool, 0, NULL), ZC_INVALID);
    assert_int_equal(zc_zspool_page_count(NULL), 0);
    assert_int_equal(zc_zspool_huge_class_size(NULL), 0);
    assert_int_equal(zc_zspool_print_classes(NULL, text, sizeof(text)), 0);
    support_object_check(pool, handle, 100, 1, 1);
}

/* Made without keep_lru. */
TEST_ON_BOTH(a_pool_without_ages_cannot_be_reclaimed)
{
    const zc_handle handle = support_object_new(pool, 700, 1, 2);
    uint64_t pages = 77;

    assert_status(zc_zspool_reclaim(pool, evict_never, NULL, 1, &pages),
                  ZC_UNSUPPORTED);
    assert_status(zc_zspool_reclaim(pool, evict_never, NULL, 0, NULL),
                  ZC_UNSUPPORTED);
    assert_int_equal(pages, 77);
    support_object_check(pool, handle, 700, 1, 2);
}

TEST_ON_BOTH(sizes_out_of_range_are_invalid_and_change_nothing)
{
    static const char bytes[8192];
    zc_handle handle = {77};

    assert_status(zc_zspool_alloc(pool, 0, &handle), ZC_INVALID);
    assert_status(zc_zspool_alloc(pool, 4097, &handle), ZC_INVALID);
    assert_status(zc_zspool_alloc(pool, SIZE_MAX, &handle), ZC_INVALID);
    assert_status(zc_zspool_put(pool, bytes, 0, &handle), ZC_INVALID);
    assert_status(zc_zspool_put(pool, bytes, 4097, &handle), ZC_INVALID);
    assert_int_equal(handle.value, 77);
    assert_int_equal(support_stats(pool).limit_rejects, 0);
    support_pool_check_empty(pool);
}

/* And leaves nothing pinned: it goes with the object. */
TEST_ON_BOTH(a_write_of_another_size_is_invalid_and_changes_nothing)
{
    static const size_t sizes[] = {99, 101, 0, 4096};
    zc_handle handle = support_object_new(pool, 100, 1, 1);
    char bytes[4096] = {0};
    unsigned i;

    for (i = 0; i < 4; i++)
        assert_status(zc_zspool_write(pool, handle, bytes, sizes[i]),
                      ZC_INVALID);
    support_object_check(pool, handle, 100, 1, 1);
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(tags_other_than_the_callers_are_invalid)
{
    zc_handle handle = support_object_new(pool, 100, 1, 1);
    unsigned previous = 77;
    unsigned bit;

    for (bit = 2; bit < 32; bit++) {
        assert_status(
            zc_zspool_change_tags(pool, handle, 1u << bit, 0, &previous),
            ZC_INVALID);
        assert_status(
            zc_zspool_change_tags(pool, handle, 0, 1u << bit | 1, &previous),
            ZC_INVALID);
    }
    assert_int_equal(previous, 77);
    assert_status(zc_zspool_change_tags(pool, handle, 0, 0, &previous), ZC_OK);
    assert_int_equal(previous, 0);
}
