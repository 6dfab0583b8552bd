/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_kernel.c - kernel placement has the class table of zsmalloc.
 *
 * The figures are the kernel's of today, whose rule takes the chain that wastes
 * the fewest bytes behind its last slot.  The table in the kernel's
 * Documentation/mm/zsmalloc.rst was made with the rule before 6.3, the highest
 * used percentage, and differs in places (208: 3 pages here, 2 there).
 *
 * Where objects go is told again in tests/model/test_kernel_placement.c.
 */
#include "support_pool.h"
#include "support_test.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

static struct zc_zspool *kernel_pool(size_t page_size, unsigned chain_length)
{
    const struct support_shape shape = {
        "", ZC_PLACEMENT_KERNEL, page_size, chain_length, 0, 0};

    return support_pool_new(&shape);
}

/* Rows of the table that are there, and of how many. */
static unsigned count_rows(const struct zc_zspool *pool, unsigned *classes_out)
{
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    unsigned rows = 0;
    zc_status status;
    unsigned i;

    for (i = 0; (status = zc_zspool_get_class(pool, i, &row)) != ZC_INVALID;
         i++)
        rows += status == ZC_OK;
    *classes_out = i;
    return rows;
}

/* The clusters: classes that are not merged away.  An object of so many bytes
 * has a page alone. */
TEST(pools_have_the_clusters_of_the_kernel)
{
    static const struct {
        size_t page_size;
        unsigned chain_length;
        unsigned classes;
        unsigned clusters;
        size_t huge;
    } rows[] = {
        {4096, 4, 255, 69, 3257},   {4096, 5, 255, 86, 3401},
        {4096, 6, 255, 94, 3497},   {4096, 7, 255, 110, 3577},
        {4096, 8, 255, 119, 3625},  {4096, 9, 255, 136, 3673},
        {4096, 10, 255, 141, 3705}, {4096, 11, 255, 153, 3737},
        {4096, 12, 255, 159, 3769}, {4096, 13, 255, 173, 3785},
        {4096, 14, 255, 179, 3801}, {4096, 15, 255, 186, 3833},
        {4096, 16, 255, 192, 3833}, {16384, 8, 257, 121, 14553},
        {65536, 8, 257, 123, 0},
    };
    struct zc_zspool *pool;
    unsigned classes;
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool = kernel_pool(rows[i].page_size, rows[i].chain_length);
        if (count_rows(pool, &classes) != rows[i].clusters)
            fail_msg("row %u: %u clusters", i, count_rows(pool, &classes));
        assert_int_equal(classes, rows[i].classes);
        if (rows[i].huge != 0)
            assert_int_equal(zc_zspool_huge_class_size(pool), rows[i].huge);
        zc_zspool_destroy(pool);
    }
}

TEST(a_class_has_the_chain_of_the_kernel)
{
    static const struct {
        unsigned chain_length;
        unsigned index; /* of the class */
        unsigned bytes;
        unsigned pages;
        unsigned objects;
    } rows[] = {
        {8, 0, 32, 1, 128},   {8, 1, 48, 3, 256},    {8, 30, 512, 1, 8},
        {8, 96, 1568, 5, 13}, {8, 197, 3184, 7, 9},  {8, 202, 3264, 4, 5},
        {8, 211, 3408, 5, 6}, {8, 217, 3504, 6, 7},  {8, 222, 3584, 7, 8},
        {8, 225, 3632, 8, 9}, {8, 254, 4096, 1, 1},  {4, 100, 1632, 2, 5},
        {4, 11, 208, 3, 59},  {16, 1, 48, 3, 256},   {16, 0, 32, 1, 128},
        {16, 62, 1024, 1, 4}, {16, 126, 2048, 1, 2}, {16, 254, 4096, 1, 1},
    };
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    struct zc_zspool *pool;
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool = kernel_pool(4096, rows[i].chain_length);
        if (zc_zspool_get_class(pool, rows[i].index, &row) != ZC_OK ||
            row.object_bytes != rows[i].bytes ||
            row.pages_per_zspage != rows[i].pages ||
            row.objects_per_zspage != rows[i].objects)
            fail_msg("row %u: %u bytes, %u pages, %u objects", i,
                     (unsigned)row.object_bytes, (unsigned)row.pages_per_zspage,
                     (unsigned)row.objects_per_zspage);
        zc_zspool_destroy(pool);
    }
    /* With chains of 4 pages 1568 comes to the same as 1632. */
    pool = kernel_pool(4096, 4);
    assert_status(zc_zspool_get_class(pool, 96, &row), ZC_MISSING);
    assert_status(zc_zspool_get_class(pool, UINT32_MAX, &row), ZC_INVALID);
    zc_zspool_destroy(pool);
}

/* 8 bytes are the header's; the last class serves all that is larger. */
TEST(every_request_is_of_the_smallest_class_that_holds_it)
{
    size_t page_size;
    size_t size;
    unsigned index;
    unsigned last;

    for (page_size = 4096; page_size <= 65536; page_size *= 2) {
        last = zc_class_count(page_size) - 1;
        for (size = 1; size <= page_size; size++) {
            index = zc_class_of_size(page_size, size);
            assert_in_range(index, 0, last);
            if (index < last)
                assert_true(zc_class_bytes(page_size, index) >= size + 8);
            if (index > 0)
                assert_true(zc_class_bytes(page_size, index - 1) < size + 8);
        }
    }
}

TEST_ON_KERNEL(the_huge_class_begins_where_its_size_says)
{
    const size_t huge = zc_zspool_huge_class_size(pool);
    zc_handle handle = support_object_new(pool, huge, 1, 1);

    assert_int_equal(zc_zspool_page_count(pool), 1);
    support_object_check(pool, handle, huge, 1, 1);
    handle = support_object_new(pool, 4096, 2, 2);
    assert_int_equal(zc_zspool_page_count(pool), 2);
    support_object_check(pool, handle, 4096, 2, 2);
    support_object_free(pool, handle);
    (void)support_object_new(pool, huge - 1, 3, 3);
    assert_int_equal(zc_zspool_page_count(pool), 1 + 8);
}

/* There is room in a zspage that is there already. */
TEST_ON_KERNEL(the_limit_refuses_only_what_needs_a_page)
{
    zc_handle small = support_object_new(pool, 24, 1, 0);
    zc_handle handle = {77};

    assert_status(zc_zspool_set_limit(pool, 3 * 4096 + 100), ZC_OK);
    (void)support_object_new(pool, 4096, 2, 0);
    (void)support_object_new(pool, 4000, 3, 0);
    assert_status(zc_zspool_alloc(pool, 3900, &handle), ZC_REJECTED);
    assert_status(zc_zspool_alloc(pool, 500, &handle), ZC_REJECTED);
    assert_int_equal(handle.value, 77);
    assert_int_equal(zc_zspool_page_count(pool), 3);
    assert_status(zc_zspool_alloc(pool, 24, &handle), ZC_OK);
    support_object_check(pool, small, 24, 1, 0);
    assert_status(zc_zspool_set_limit(pool, 0), ZC_OK);
}

#ifdef HAVE_ASAN
TEST_ON_KERNEL(memory_beside_an_object_is_closed)
{
    static const size_t sizes[] = {1, 100, 2048, 3700};
    struct zc_zspool_read read;
    zc_handle handle;
    zc_handle other;
    const char *data;
    unsigned i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        other = support_object_new(pool, sizes[i], 1, 0);
        handle = support_object_new(pool, sizes[i], 2, 0);
        assert_status(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
        data = read.data;
        zc_zspool_read_end(pool, &read);
        assert_null(
            __asan_region_is_poisoned((void *)(uintptr_t)data, sizes[i]));
        assert_true(__asan_address_is_poisoned(data + sizes[i]));
        support_object_free(pool, handle);
        assert_true(__asan_address_is_poisoned(data));
        assert_true(__asan_address_is_poisoned(data + sizes[i] - 1));
        support_object_check(pool, other, sizes[i], 1, 0);
    }
}
#endif
