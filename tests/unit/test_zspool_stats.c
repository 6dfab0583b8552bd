/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_stats.c - the class table reads as the kernel's does; and structs
 * of other versions.
 */
#include "support_pool.h"
#include "support_test.h"

#include <stdlib.h>

#define SEGMENT_PAGES 16 /* of TEST_ON_DENSE */

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

static struct zc_zspool_class row_of(const struct zc_zspool *pool,
                                     unsigned index)
{
    struct zc_zspool_class row = {.struct_size = sizeof(row)};

    assert_status(zc_zspool_get_class(pool, index, &row), ZC_OK);
    return row;
}

/* 20 objects of class 30 (512 bytes, 8 to the page): two full zspages, one of
 * four; then two of them are freed: 4, 7 and 7. */
static void make_class_30(struct zc_zspool *pool)
{
    zc_handle handles[20];

    support_objects_new(pool, 500, 20, handles);
    support_object_free(pool, handles[1]);
    support_object_free(pool, handles[9]);
}

/* ---- rows ---- */

TEST_ON_KERNEL(a_row_tells_how_full_the_zspages_are)
{
    struct zc_zspool_class row;
    unsigned i;

    make_class_30(pool);
    row = row_of(pool, 30);
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
}

TEST_ON_KERNEL(freeable_is_what_free_slots_fill)
{
    zc_handle handles[26]; /* two zspages of class 96: 5 pages, 13 objects */
    unsigned i;

    support_objects_new(pool, 1560, 26, handles);
    for (i = 0; i < 12; i++)
        support_object_free(pool, handles[i + i]);
    assert_int_equal(row_of(pool, 96).pages_freeable, 0);
    support_object_free(pool, handles[24]);
    assert_int_equal(row_of(pool, 96).pages_freeable, 5);
    assert_int_equal(row_of(pool, 96).pages_used, 10);
}

TEST_ON_KERNEL(what_is_of_a_merged_class_counts_where_it_was_merged_into)
{
    struct zc_zspool_class row = {.struct_size = sizeof(row)};

    assert_status(zc_zspool_get_class(pool, 253, &row), ZC_MISSING);
    (void)support_object_new(pool, 4080 - 8, 1, 0);
    assert_int_equal(row_of(pool, 254).objects_used, 1);
}

TEST_ON_DENSE(dense_placement_has_two_rows)
{
    struct zc_zspool_class row;
    unsigned i;

    for (i = 0; i < 10; i++)
        (void)support_object_new(pool, 100 + (size_t)300 * i, i, 0);
    row = row_of(pool, 0);
    assert_int_equal(row.object_bytes, 0);
    assert_int_equal(row.pages_per_zspage, SEGMENT_PAGES);
    assert_int_equal(row.objects_allocated, 10);
    assert_int_equal(row.objects_used, 10);
    assert_int_equal(row.pages_used, zc_zspool_page_count(pool));
    assert_int_equal(row.pages_freeable, 0);
    for (i = 0; i < 3; i++)
        (void)support_object_new(pool, 4096, i, 0);
    row = row_of(pool, 1);
    assert_int_equal(row.object_bytes, 4096);
    assert_int_equal(row.pages_per_zspage, 1);
    assert_int_equal(row.objects_per_zspage, 1);
    assert_int_equal(row.objects_used, 3);
    assert_int_equal(row.pages_used, 3);
    assert_status(zc_zspool_get_class(pool, 2, &row), ZC_INVALID);
}

TEST_ON_DENSE(dense_segments_worth_of_holes_are_freeable)
{
    zc_handle handles[320];
    uint64_t segments;

    support_sparse_objects(pool, 1000, 320, 4, handles);
    segments = 320 * 1008 / (SEGMENT_PAGES * 4096);
    assert_in_range(row_of(pool, 0).pages_freeable / SEGMENT_PAGES,
                    segments / 2, segments);
}

/* ---- the table as text ---- */

TEST_ON_KERNEL(an_empty_table_has_the_kernels_head_and_a_total)
{
    static const char first[] =
        "     0    32         0         0         0         0         0"
        "         0         0         0         0         0         0"
        "             0          0          0                1        0\n";
    static const char total[] =
        "\n Total               0         0         0         0         0"
        "         0         0         0         0         0         0"
        "             0          0          0                         0\n";
    char *text = printed(pool);

    assert_memory_equal(text, head, sizeof(head) - 1);
    assert_memory_equal(text + sizeof(head) - 1, first, sizeof(first) - 1);
    assert_string_equal(text + strlen(text) - (sizeof(total) - 1), total);
    /* Head, a line per class that is not merged, empty line, total. */
    assert_int_equal(line_count(text), 1 + 119 + 2);
    free(text);
}

/* Fails unless a line of the text is that, whatever its blanks. */
static void expect_line(const struct zc_zspool *pool, const char *line)
{
    char *text = printed(pool);
    char *to = text;
    const char *from;

    for (from = text; *from != '\0'; from++)
        if (*from != ' ' || (to > text && to[-1] != ' ' && to[-1] != '\n'))
            *to++ = *from;
    *to = '\0';
    if (strstr(text, line) == NULL)
        fail_msg("no line %s in %s", line, text);
    free(text);
}

TEST_ON_KERNEL(classes_print_as_in_the_kernels_file_and_totals_add_them)
{
    make_class_30(pool);
    expect_line(pool, "\n30 512 0 0 0 0 0 1 0 0 2 0 0 24 18 3 1 0\n");
    expect_line(pool, "\nTotal 0 0 0 0 0 1 0 0 2 0 0 24 18 3 0\n");
    (void)support_object_new(pool, 4096, 1, 0);
    (void)support_object_new(pool, 3600, 1, 0);
    expect_line(pool, "\n225 3632 0 1 0 0 0 0 0 0 0 0 0 9 1 8 8 0\n");
    expect_line(pool, "\nTotal 0 1 0 0 0 1 0 0 2 0 1 34 20 12 0\n");
}

TEST_ON_DENSE(dense_placement_prints_two_rows)
{
    char *text;

    (void)support_object_new(pool, 100, 1, 0);
    text = printed(pool);
    assert_memory_equal(text, head, sizeof(head) - 1);
    assert_int_equal(line_count(text), 5);
    free(text);
    expect_line(pool, "\n0 0 1 0 0 0 0 0 0 0 0 0 0 1 1 4 16 0\n");
}

TEST_ON_KERNEL(a_short_buffer_gets_the_beginning)
{
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
}

/* ---- structs ---- */

TEST_ON_KERNEL(structs_of_other_versions_are_filled_as_far_as_they_go)
{
    struct {
        struct zc_zspool_stats stats;
        uint64_t more;
    } newer;
    struct zc_zspool_stats older;
    struct zc_zspool_class row;

    make_class_30(pool);
    memset(&older, 0xff, sizeof(older));
    older.struct_size = offsetof(struct zc_zspool_stats, payload_bytes);
    assert_status(zc_zspool_get_stats(pool, &older), ZC_OK);
    assert_int_equal(older.objects, 18);
    assert_int_equal(older.payload_bytes, UINT64_MAX);
    assert_int_equal(older.struct_size,
                     offsetof(struct zc_zspool_stats, payload_bytes));

    memset(&newer, 0xff, sizeof(newer));
    newer.stats.struct_size = sizeof(newer);
    assert_status(zc_zspool_get_stats(pool, &newer.stats), ZC_OK);
    assert_int_equal(newer.stats.payload_bytes, 9000);
    assert_int_equal(newer.more, 0);

    memset(&row, 0xff, sizeof(row));
    row.struct_size = offsetof(struct zc_zspool_class, pages_per_zspage);
    assert_status(zc_zspool_get_class(pool, 30, &row), ZC_OK);
    assert_int_equal(row.object_bytes, 512);
    assert_int_equal(row.pages_per_zspage, UINT32_MAX);
}

/* For NULL see test_zspool_input.c. */
TEST_ON_KERNEL(structs_without_a_size_are_invalid_and_left_alone)
{
    struct zc_zspool_stats stats = {.struct_size = 1, .objects = 42};
    struct zc_zspool_class row = {.struct_size = 1, .object_bytes = 42};

    assert_status(zc_zspool_get_stats(pool, &stats), ZC_INVALID);
    assert_status(zc_zspool_get_class(pool, 0, &row), ZC_INVALID);
    assert_int_equal(stats.objects, 42);
    assert_int_equal(row.object_bytes, 42);
}
