/* SPDX-License-Identifier: MIT */
/* test_zspool_input.c - what the pool answers to wrong arguments. */
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
    assert_int_equal(zc_zspool_page_count(pool), 0);
    support_pool_check_empty(pool);
    zc_zspool_destroy(pool);
}

TEST(destroying_nothing_is_allowed)
{
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

TEST(page_sizes_are_powers_of_two_from_4_to_64_kib)
{
    static const size_t bad[] = {1, 2048, 4095, 4097, 6144, 65535, 131072};
    size_t size;
    unsigned i;

    for (size = 4096; size <= 65536; size *= 2)
        expect_create(ZC_ZSPOOL_OPTIONS(.page_size = size), ZC_OK);
    for (i = 0; i < 7; i++)
        expect_create(ZC_ZSPOOL_OPTIONS(.page_size = bad[i]), ZC_INVALID);
    expect_create(ZC_ZSPOOL_OPTIONS(.page_size = SIZE_MAX), ZC_INVALID);
}

TEST(placements_chains_and_segments_have_their_ranges)
{
    unsigned i;

    assert_null(zc_placement_name(ZC_PLACEMENT_DEFAULT));
    assert_string_equal(zc_placement_name(ZC_PLACEMENT_DENSE), "dense");
    assert_string_equal(zc_placement_name(ZC_PLACEMENT_KERNEL), "kernel");
    assert_null(zc_placement_name(UINT32_MAX));
    for (i = 1; zc_placement_name(i) != NULL; i++)
        expect_create(ZC_ZSPOOL_OPTIONS(.placement = i), ZC_OK);
    expect_create(ZC_ZSPOOL_OPTIONS(.placement = i), ZC_INVALID);
    expect_create(ZC_ZSPOOL_OPTIONS(.placement = UINT32_MAX), ZC_INVALID);
    for (i = 1; i < 20; i++)
        expect_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL,
                                        .chain_length = i),
                      i >= 4 && i <= 16 ? ZC_OK : ZC_INVALID);
    for (i = 1; i <= 256; i *= 2)
        expect_create(ZC_ZSPOOL_OPTIONS(.segment_bytes = (size_t)i * 4096),
                      i >= 4 && i <= 128 ? ZC_OK : ZC_INVALID);
    expect_create(ZC_ZSPOOL_OPTIONS(.segment_bytes = (size_t)20 * 4096),
                  ZC_INVALID);
    expect_create(ZC_ZSPOOL_OPTIONS(.segment_bytes = (size_t)4 * 4096 + 1),
                  ZC_INVALID);
    /* A segment is measured in the pool's own pages. */
    expect_create(ZC_ZSPOOL_OPTIONS(.page_size = 65536, .segment_bytes = 65536),
                  ZC_INVALID);
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

TEST_ON_BOTH(null_arguments_are_invalid_for_every_function)
{
    struct zc_zspool *pool = *state;
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
    assert_status(zc_zspool_get_stats(NULL, &stats), ZC_INVALID);
    assert_status(zc_zspool_get_stats(pool, NULL), ZC_INVALID);
    assert_status(zc_zspool_get_class(NULL, 0, &row), ZC_INVALID);
    assert_status(zc_zspool_get_class(pool, 0, NULL), ZC_INVALID);
    assert_int_equal(zc_zspool_page_count(NULL), 0);
    assert_int_equal(zc_zspool_huge_class_size(NULL), 0);
    assert_int_equal(zc_zspool_print_classes(NULL, text, sizeof(text)), 0);
    support_object_check(pool, handle, 100, 1, 1);
}

TEST_ON_BOTH(sizes_out_of_range_are_invalid_and_change_nothing)
{
    struct zc_zspool *pool = *state;
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

TEST_ON_BOTH(a_write_of_another_size_is_invalid_and_changes_nothing)
{
    struct zc_zspool *pool = *state;
    zc_handle handle = support_object_new(pool, 100, 1, 1);
    char bytes[4096] = {0};

    assert_status(zc_zspool_write(pool, handle, bytes, 99), ZC_INVALID);
    assert_status(zc_zspool_write(pool, handle, bytes, 101), ZC_INVALID);
    assert_status(zc_zspool_write(pool, handle, bytes, 0), ZC_INVALID);
    assert_status(zc_zspool_write(pool, handle, bytes, 4096), ZC_INVALID);
    support_object_check(pool, handle, 100, 1, 1);
    /* And nothing stays pinned. */
    assert_true(zc_zspage_trylock(support_zspage_of(pool, handle)));
    zc_zspage_unlock(support_zspage_of(pool, handle));
}

TEST_ON_BOTH(tags_other_than_the_callers_are_invalid)
{
    struct zc_zspool *pool = *state;
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

/* Every call by handle answers so, and touches no output. */
static void expect_handle(struct zc_zspool *pool, zc_handle handle,
                          zc_status expected)
{
    static const char bytes[4096];
    struct zc_zspool_read read = {bytes, 77, NULL};
    unsigned previous = 77;
    size_t size = 77;

    assert_status(zc_zspool_free(pool, handle), expected);
    assert_status(zc_zspool_write(pool, handle, bytes, 100), expected);
    assert_status(zc_zspool_read_begin(pool, handle, &read), expected);
    assert_status(zc_zspool_object_size(pool, handle, &size), expected);
    assert_status(zc_zspool_change_tags(pool, handle, 0, 1, &previous),
                  expected);
    assert_ptr_equal(read.data, bytes);
    assert_int_equal(read.size, 77);
    assert_int_equal(size, 77);
    assert_int_equal(previous, 77);
}

TEST(freed_handles_are_stale_in_every_pool)
{
    const struct support_shape *shape;
    struct zc_zspool *pool;
    zc_handle freed[50];
    unsigned i;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        pool = support_pool_new(shape);
        for (i = 0; i < 50; i++)
            freed[i] = support_object_new(pool, 100 + i, i, 0);
        for (i = 0; i < 50; i++)
            support_object_free(pool, freed[i]);
        for (i = 0; i < 50; i++)
            expect_handle(pool, freed[i], ZC_STALE);
        /* Their cells are used by other objects now. */
        for (i = 0; i < 50; i++)
            (void)support_object_new(pool, 100, i, 1);
        for (i = 0; i < 50; i++)
            expect_handle(pool, freed[i], ZC_STALE);
        assert_int_equal(support_stats(pool).objects, 50);
        support_pool_check(pool);
        zc_zspool_destroy(pool);
    }
}

TEST(foreign_handles_are_invalid_in_every_pool)
{
    const struct support_shape *shape;
    struct support_random random = {support_seed(0xf0)};
    struct zc_zspool *other;
    struct zc_zspool *pool;
    zc_handle handle;
    zc_handle live;
    unsigned i;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        pool = support_pool_new(shape);
        other = support_pool_new(shape);
        live = support_object_new(pool, 100, 1, 1);
        handle = support_object_new(other, 100, 2, 2);
        expect_handle(pool, handle, ZC_INVALID);
        expect_handle(other, live, ZC_INVALID);
        handle.value = 0;
        expect_handle(pool, handle, ZC_INVALID);
        handle.value = live.value & UINT32_MAX;
        expect_handle(pool, handle, ZC_INVALID);
        handle.value = live.value + 8; /* the next cell: never used */
        expect_handle(pool, handle, ZC_INVALID);
        for (i = 0; i < 1000; i++) {
            handle.value = support_random_next(&random);
            if (handle.value >> 47 != live.value >> 47)
                expect_handle(pool, handle, ZC_INVALID);
        }
        support_object_check(pool, live, 100, 1, 1);
        zc_zspool_destroy(other);
        zc_zspool_destroy(pool);
    }
}

/* The system gives a pool the memory of the one before, and its cells begin
 * anew; its handles are others all the same. */
TEST(handles_of_destroyed_pools_are_invalid)
{
    const struct support_shape *shape;
    struct zc_zspool *pool;
    zc_handle old[50];
    zc_handle live;
    unsigned i;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        for (i = 0; i < 50; i++) {
            pool = support_pool_new(shape);
            old[i] = support_object_new(pool, 100, 1, 1);
            zc_zspool_destroy(pool);
        }
        pool = support_pool_new(shape);
        live = support_object_new(pool, 100, 2, 2);
        for (i = 0; i < 50; i++)
            expect_handle(pool, old[i], ZC_INVALID);
        support_object_check(pool, live, 100, 2, 2);
        zc_zspool_destroy(pool);
    }
}
