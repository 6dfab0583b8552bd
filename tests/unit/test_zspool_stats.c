/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_stats.c - counters agree with what was done, and the class table
 * reads as the kernel's does.
 */
#include "kernel_placement.h"

#include <stdlib.h>

/* Whatever the default is. */
#define SEGMENT_PAGES 16
#define SEGMENT_BYTES 65536

static const char head[] =
    " class  size       10%       20%       30%       40%       50%       60%"
    "       70%       80%       90%       99%      100% obj_allocated"
    "   obj_used pages_used pages_per_zspage freeable\n";

static char *printed(const struct zc_zspool *pool)
{
    size_t length = zc_zspool_print_classes(pool, NULL, 0);
    char *text = malloc(length + 1);

    assert_non_null(text);
    assert_int_equal(zc_zspool_print_classes(pool, text, length + 1), length);
    assert_int_equal(strlen(text), length);
    return text;
}

static unsigned line_count(const char *text)
{
    unsigned lines = 0;

    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static struct zc_zspool *dense_pool(void)
{
    struct zc_zspool *pool = NULL;

    assert_int_equal(
        zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_DENSE,
                                           .segment_bytes = SEGMENT_BYTES),
                         &pool),
        ZC_OK);
    return pool;
}

static struct zc_zspool_class row_of(const struct zc_zspool *pool,
                                     unsigned index)
{
    struct zc_zspool_class row = {.struct_size = sizeof(row)};

    assert_int_equal(zc_zspool_get_class(pool, index, &row), ZC_OK);
    return row;
}

static struct zc_zspool_stats stats_of(const struct zc_zspool *pool)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    assert_int_equal(zc_zspool_get_stats(pool, &stats), ZC_OK);
    return stats;
}

/* 20 objects of class 30 (512 bytes, 8 to the page): two full zspages, one of
 * four; then two of them are freed: 4, 7 and 7. */
static struct zc_zspool *pool_of_class_30(void)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle handles[20];
    unsigned i;

    for (i = 0; i < 20; i++)
        handles[i] = new_object(pool, 500, i);
    free_object(pool, handles[1]);
    free_object(pool, handles[9]);
    return pool;
}

/* ---- rows ---- */

TEST(a_row_tells_how_full_the_zspages_are)
{
    struct zc_zspool *pool = pool_of_class_30();
    struct zc_zspool_class row = row_of(pool, 30);
    unsigned i;

    assert_int_equal(row.index, 30);
    assert_int_equal(row.object_bytes, 512);
    assert_int_equal(row.pages_per_zspage, 1);
    assert_int_equal(row.objects_per_zspage, 8);
    for (i = 0; i < ZC_FULLNESS_GROUPS; i++)
        assert_int_equal(row.zspages[i], i == 6 ? 1 : i == 9 ? 2 : 0);
    assert_int_equal(row.objects_allocated, 24);
    assert_int_equal(row.objects_used, 18);
    assert_int_equal(row.pages_used, 3);
    assert_int_equal(row.pages_freeable, 0);
    zc_zspool_destroy(pool);
}

TEST(freeable_is_what_free_slots_fill)
{
    struct zc_zspool *pool = kernel_pool();
    zc_handle handles[26]; /* two zspages of class 96: 5 pages, 13 objects */
    unsigned i;

    for (i = 0; i < 26; i++)
        handles[i] = new_object(pool, 1560, i);
    for (i = 0; i < 12; i++)
        free_object(pool, handles[i + i]);
    assert_int_equal(row_of(pool, 96).pages_freeable, 0);
    free_object(pool, handles[24]);
    assert_int_equal(row_of(pool, 96).pages_freeable, 5);
    assert_int_equal(row_of(pool, 96).pages_used, 10);
    zc_zspool_destroy(pool);
}

TEST(merged_classes_are_missing_and_the_rest_invalid)
{
    struct zc_zspool *pool = kernel_pool();
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    unsigned missing = 0;
    unsigned rows = 0;
    unsigned index;
    zc_status status;

    for (index = 0;; index++) {
        status = zc_zspool_get_class(pool, index, &row);
        if (status == ZC_INVALID)
            break;
        rows += status == ZC_OK;
        missing += status == ZC_MISSING;
    }
    assert_int_equal(index, 255);
    assert_int_equal(rows, 119);
    assert_int_equal(rows + missing, 255);
    assert_int_equal(zc_zspool_get_class(pool, 253, &row), ZC_MISSING);
    assert_int_equal(zc_zspool_get_class(pool, UINT32_MAX, &row), ZC_INVALID);

    /* Its objects are counted where it was merged into. */
    (void)new_object(pool, 4080 - 8, 1);
    assert_int_equal(row_of(pool, 254).objects_used, 1);
    zc_zspool_destroy(pool);
}

TEST(dense_placement_has_two_rows)
{
    struct zc_zspool *pool = dense_pool();
    struct zc_zspool_class row;
    unsigned i;

    for (i = 0; i < 10; i++)
        (void)new_object(pool, 100 + (size_t)300 * i, i);
    row = row_of(pool, 0);
    assert_int_equal(row.object_bytes, 0);
    assert_int_equal(row.pages_per_zspage, SEGMENT_PAGES);
    assert_int_equal(row.objects_allocated, 10);
    assert_int_equal(row.objects_used, 10);
    assert_int_equal(row.pages_used, zc_zspool_page_count(pool));
    assert_int_equal(row.pages_freeable, 0);
    for (i = 0; i < 3; i++)
        (void)new_object(pool, 4096, i);
    row = row_of(pool, 1);
    assert_int_equal(row.object_bytes, 4096);
    assert_int_equal(row.pages_per_zspage, 1);
    assert_int_equal(row.objects_per_zspage, 1);
    assert_int_equal(row.objects_used, 3);
    assert_int_equal(row.pages_used, 3);
    assert_int_equal(row.pages_used + row_of(pool, 0).pages_used,
                     zc_zspool_page_count(pool));
    assert_int_equal(zc_zspool_get_class(pool, 2, &row), ZC_INVALID);
    zc_zspool_destroy(pool);
}

TEST(dense_segments_worth_of_holes_are_freeable)
{
    struct zc_zspool *pool = dense_pool();
    uint64_t segments;
    zc_handle handles[320];
    unsigned i;

    for (i = 0; i < 320; i++)
        handles[i] = new_object(pool, 1000, i);
    segments = zc_zspool_page_count(pool) / SEGMENT_PAGES;
    assert_true(segments >= 5);
    for (i = 0; i < 320; i++)
        if (i % 4 != 0)
            free_object(pool, handles[i]);
    assert_in_range(row_of(pool, 0).pages_freeable / SEGMENT_PAGES,
                    segments / 2, segments - 1);
    zc_zspool_destroy(pool);
}

/* ---- the table as text ---- */

TEST(an_empty_table_has_the_kernels_head_and_a_total)
{
    struct zc_zspool *pool = kernel_pool();
    char *text = printed(pool);
    static const char first[] =
        "     0    32         0         0         0         0         0"
        "         0         0         0         0         0         0"
        "             0          0          0                1        0\n";
    static const char total[] =
        "\n Total               0         0         0         0         0"
        "         0         0         0         0         0         0"
        "             0          0          0                         0\n";

    assert_memory_equal(text, head, sizeof(head) - 1);
    assert_memory_equal(text + sizeof(head) - 1, first, sizeof(first) - 1);
    assert_string_equal(text + strlen(text) - (sizeof(total) - 1), total);
    /* Head, a line per class that is not merged, empty line, total. */
    assert_int_equal(line_count(text), 1 + 119 + 2);
    free(text);
    zc_zspool_destroy(pool);
}

TEST(a_class_prints_as_in_the_kernels_file)
{
    struct zc_zspool *pool = pool_of_class_30();
    char *text = printed(pool);

    assert_non_null(strstr(
        text, "\n    30   512         0         0         0         0         0"
              "         1         0         0         2         0         0"
              "            24         18          3                1        0"
              "\n"));
    assert_non_null(strstr(
        text, "\n Total               0         0         0         0         0"
              "         1         0         0         2         0         0"
              "            24         18          3                         0"
              "\n"));
    free(text);
    zc_zspool_destroy(pool);
}

TEST(totals_add_the_classes)
{
    struct zc_zspool *pool = pool_of_class_30();
    char *text;

    (void)new_object(pool, 4096, 1);
    (void)new_object(pool, 3600, 1);
    text = printed(pool);
    assert_non_null(strstr(text, "\n   225  3632 "));
    assert_non_null(strstr(
        text, "\n Total               0         1         0         0         0"
              "         1         0         0         2         0         1"
              "            34         20         12                         0"
              "\n"));
    free(text);
    zc_zspool_destroy(pool);
}

TEST(a_short_buffer_gets_the_beginning)
{
    struct zc_zspool *pool = kernel_pool();
    char *whole = printed(pool);
    size_t length = strlen(whole);
    char text[300];

    memset(text, 'x', sizeof(text));
    assert_int_equal(zc_zspool_print_classes(pool, text, 200), length);
    assert_int_equal(strlen(text), 199);
    assert_memory_equal(text, whole, 199);
    assert_int_equal(text[200], 'x');

    assert_int_equal(zc_zspool_print_classes(pool, text, 1), length);
    assert_string_equal(text, "");
    text[0] = 'x';
    assert_int_equal(zc_zspool_print_classes(pool, text, 0), length);
    assert_int_equal(text[0], 'x');
    assert_int_equal(zc_zspool_print_classes(pool, NULL, 100), length);
    assert_int_equal(zc_zspool_print_classes(NULL, text, 100), 0);
    assert_string_equal(text, "");
    free(whole);
    zc_zspool_destroy(pool);
}

TEST(dense_placement_prints_two_rows)
{
    struct zc_zspool *pool = dense_pool();
    char *text;

    (void)new_object(pool, 100, 1);
    text = printed(pool);
    assert_memory_equal(text, head, sizeof(head) - 1);
    assert_int_equal(line_count(text), 5);
    assert_non_null(strstr(
        text, "\n     0     0         1         0         0         0         0"
              "         0         0         0         0         0         0"
              "             1          1          4               16        0"
              "\n"));
    free(text);
    zc_zspool_destroy(pool);
}

/* ---- counters ---- */

static void check_counters(struct zc_zspool *pool)
{
    struct zc_zspool_stats stats = stats_of(pool);
    uint64_t empty_metadata = stats.metadata_bytes;
    zc_handle first;
    zc_handle second;

    assert_int_equal(stats.objects, 0);
    assert_int_equal(stats.pool_bytes, 0);
    assert_int_equal(stats.zspages, 0);
    assert_true(empty_metadata > sizeof(*pool));

    first = new_object(pool, 1000, 1);
    second = new_object(pool, 2345, 2);
    stats = stats_of(pool);
    assert_int_equal(stats.objects, 2);
    assert_int_equal(stats.payload_bytes, 3345);
    assert_int_equal(stats.pages_allocated, zc_zspool_page_count(pool));
    assert_int_equal(stats.pool_bytes, stats.pages_allocated * 4096);
    assert_in_range(stats.zspages, 1, 2);
    assert_true(stats.handle_bytes >= 16);
    assert_true(pool->arena.descriptor_bytes > sizeof(struct zc_zspage));
    assert_int_equal(
        stats.metadata_bytes - empty_metadata,
        pool->arena.descriptor_bytes +
            zc_records_bytes(&pool->arena.chunks, pool->arena.chunk_count));

    free_object(pool, first);
    assert_int_equal(stats_of(pool).payload_bytes, 2345);
    free_object(pool, second);
    stats = stats_of(pool);
    assert_int_equal(stats.objects, 0);
    assert_int_equal(stats.payload_bytes, 0);
    assert_int_equal(stats.pages_allocated, 0);
    assert_int_equal(stats.zspages, 0);
}

TEST(counters_follow_objects)
{
    struct zc_zspool *pool = kernel_pool();

    check_counters(pool);
    zc_zspool_destroy(pool);

    pool = dense_pool();
    check_counters(pool);
    zc_zspool_destroy(pool);
}

TEST(refusals_by_the_limit_are_counted)
{
    struct zc_zspool *pool = NULL;
    zc_handle handle;

    assert_int_equal(
        zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL),
                         &pool),
        ZC_OK);
    assert_int_equal(zc_zspool_set_limit(pool, 4096), ZC_OK);
    (void)new_object(pool, 4096, 1);
    assert_int_equal(zc_zspool_alloc(pool, 4096, &handle), ZC_REJECTED);
    assert_int_equal(zc_zspool_alloc(pool, 100, &handle), ZC_REJECTED);
    assert_int_equal(stats_of(pool).limit_rejects, 2);
    assert_int_equal(stats_of(pool).objects, 1);
    zc_zspool_destroy(pool);
}

TEST(structs_of_other_versions_are_filled_as_far_as_they_go)
{
    struct zc_zspool *pool = pool_of_class_30();
    struct {
        struct zc_zspool_stats stats;
        uint64_t more;
    } newer;
    struct zc_zspool_stats older;
    struct zc_zspool_class row;

    memset(&older, 0xff, sizeof(older));
    older.struct_size = offsetof(struct zc_zspool_stats, payload_bytes);
    assert_int_equal(zc_zspool_get_stats(pool, &older), ZC_OK);
    assert_int_equal(older.objects, 18);
    assert_int_equal(older.payload_bytes, UINT64_MAX);
    assert_int_equal(older.struct_size,
                     offsetof(struct zc_zspool_stats, payload_bytes));

    memset(&newer, 0xff, sizeof(newer));
    newer.stats.struct_size = sizeof(newer);
    assert_int_equal(zc_zspool_get_stats(pool, &newer.stats), ZC_OK);
    assert_int_equal(newer.stats.payload_bytes, 9000);
    assert_int_equal(newer.more, 0);

    memset(&row, 0xff, sizeof(row));
    row.struct_size = offsetof(struct zc_zspool_class, pages_per_zspage);
    assert_int_equal(zc_zspool_get_class(pool, 30, &row), ZC_OK);
    assert_int_equal(row.object_bytes, 512);
    assert_int_equal(row.pages_per_zspage, UINT32_MAX);
    zc_zspool_destroy(pool);
}

TEST(bad_arguments_are_invalid_and_change_nothing)
{
    struct zc_zspool *pool = kernel_pool();
    struct zc_zspool_stats stats = {.struct_size = 1, .objects = 42};
    struct zc_zspool_class row = {.struct_size = 1, .object_bytes = 42};

    assert_int_equal(zc_zspool_get_stats(pool, NULL), ZC_INVALID);
    assert_int_equal(zc_zspool_get_stats(pool, &stats), ZC_INVALID);
    assert_int_equal(zc_zspool_get_class(pool, 0, NULL), ZC_INVALID);
    assert_int_equal(zc_zspool_get_class(pool, 0, &row), ZC_INVALID);
    stats.struct_size = sizeof(stats);
    row.struct_size = sizeof(row);
    assert_int_equal(zc_zspool_get_stats(NULL, &stats), ZC_INVALID);
    assert_int_equal(zc_zspool_get_class(NULL, 0, &row), ZC_INVALID);
    assert_int_equal(stats.objects, 42);
    assert_int_equal(row.object_bytes, 42);
    zc_zspool_destroy(pool);
}
