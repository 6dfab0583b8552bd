/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_kernel_compact.c - compaction of kernel placement frees what the
 * class table calls freeable, and leaves alone what is being read; for what
 * both placements promise see test_zspool_compact.c.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#define OBJECTS 3000

static zc_handle handles[OBJECTS];
static size_t sizes[OBJECTS]; /* 0: freed */

/* OBJECTS of that size (0: mixed), every `kept`-th of which stays. */
static void make_crowd(struct zc_zspool *pool, size_t size, unsigned kept)
{
    static const size_t mixed[] = {24, 100, 500, 1000, 2000, 3000, 3600};
    struct support_random random = {4711};
    unsigned i;

    for (i = 0; i < OBJECTS; i++) {
        sizes[i] = size != 0 ? size : mixed[support_random_below(&random, 7)];
        handles[i] = support_object_new(pool, sizes[i], i, 0);
    }
    for (i = 0; i < OBJECTS; i++) {
        if (i % kept == 0)
            continue;
        support_object_free(pool, handles[i]);
        sizes[i] = 0;
    }
}

static void check_crowd(struct zc_zspool *pool)
{
    unsigned i;

    for (i = 0; i < OBJECTS; i++)
        if (sizes[i] != 0)
            support_object_check(pool, handles[i], sizes[i], i, 0);
}

static uint64_t freeable_pages(const struct zc_zspool *pool)
{
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    uint64_t pages = 0;
    zc_status status;
    unsigned i;

    for (i = 0; (status = zc_zspool_get_class(pool, i, &row)) != ZC_INVALID;
         i++)
        if (status == ZC_OK)
            pages += row.pages_freeable;
    return pages;
}

TEST_ON_KERNEL(what_the_table_calls_freeable_is_freed)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    uint64_t freeable;
    uint64_t pages;

    make_crowd(pool, 0, 3);
    pages = zc_zspool_page_count(pool);
    freeable = freeable_pages(pool);
    assert_true(freeable > pages / 3);
    result = support_compact(pool, NULL);
    assert_int_equal(result.pages_freed, freeable);
    assert_int_equal(pages - zc_zspool_page_count(pool), freeable);
    assert_int_equal(freeable_pages(pool), 0);
    assert_int_equal(support_compact(pool, NULL).objects_moved, 0);
    check_crowd(pool);
}

TEST_ON_KERNEL(huge_objects_stay_where_they_are)
{
    make_crowd(pool, 4000, 2);
    assert_int_equal(support_compact(pool, NULL).objects_moved, 0);
    check_crowd(pool);
}

/* Three zspages of eight objects of 500 bytes; so many are left in each, the
 * first of them. */
TEST(which_zspage_goes_and_which_takes_its_objects)
{
    static const struct {
        const char *name;
        unsigned left[3];
        int read; /* an object that is read meanwhile; -1: none */
        unsigned moved;
        unsigned pages_freed;
        int mover; /* and the object whose zspage it joins */
        unsigned host;
    } rows[] = {
        {"the emptiest goes into the fullest", {3, 6, 1}, -1, 1, 1, 16, 8},
        {"another than one with a reader goes", {1, 2, 3}, 0, 2, 1, 9, 16},
        {"one with a reader takes objects in", {6, 1, 0}, 0, 1, 1, 8, 0},
        {"nothing moves that is read", {4, 1, 0}, 8, 0, 0, -1, 0},
    };
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool_read read;
    struct zc_zspool *pool;
    unsigned i;
    unsigned k;

    for (k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        print_message("  %s\n", rows[k].name);
        pool = support_pool_new(SUPPORT_KERNEL);
        support_objects_new(pool, 500, 24, handles);
        for (i = 0; i < 3; i++)
            support_objects_free(pool, 8 - rows[k].left[i],
                                 &handles[8 * i + rows[k].left[i]]);
        if (rows[k].read >= 0)
            assert_status(
                zc_zspool_read_begin(pool, handles[rows[k].read], &read),
                ZC_OK);
        assert_status(zc_zspool_compact(pool, NULL, &result), ZC_OK);
        assert_int_equal(result.objects_moved, rows[k].moved);
        assert_int_equal(result.pages_freed, rows[k].pages_freed);
        if (rows[k].mover >= 0)
            assert_ptr_equal(support_zspage_of(pool, handles[rows[k].mover]),
                             support_zspage_of(pool, handles[rows[k].host]));
        if (rows[k].read >= 0) {
            assert_true(
                support_has_stamp(read.data, 500, (unsigned)rows[k].read, 0));
            zc_zspool_read_end(pool, &read);
            (void)support_compact(pool, NULL);
            assert_int_equal(freeable_pages(pool), 0);
        }
        support_objects_check(pool, 500, 24, handles);
        support_pool_end(pool);
    }
}

/* Makes 256 objects, which fill holes, and frees 256 others here and there:
 * afterwards there is always a zspage's worth of holes. */
static void open_holes(struct zc_zspool *pool, struct support_random *random)
{
    unsigned changed[2] = {0, 0};
    bool is_there;
    unsigned i;

    while (changed[0] < 256 || changed[1] < 256) {
        i = (unsigned)support_random_below(random, OBJECTS);
        is_there = sizes[i] != 0;
        if (changed[is_there] == 256 || (is_there && changed[0] < 256))
            continue;
        changed[is_there]++;
        sizes[i] = is_there ? 0 : 24;
        if (is_there)
            support_object_free(pool, handles[i]);
        else
            handles[i] = support_object_new(pool, 24, i, 0);
    }
}

/* A step is what is done under the lock at once: 16 moves at most. */
TEST_ON_KERNEL(a_round_ends_though_new_holes_open_at_each_step)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct support_random random = {99};
    uint64_t before;
    unsigned steps = 0;
    zc_status status;

    make_crowd(pool, 24, 2);
    do {
        before = result.objects_moved;
        status = pool->ops->compact_step(pool, UINT64_MAX, &result);
        assert_in_range(result.objects_moved - before, 0, 16);
        support_pool_check(pool);
        if (result.objects_moved > before)
            open_holes(pool, &random);
        /* Each object once, and the look at each group. */
        assert_in_range(++steps, 1, OBJECTS / 2 + pool->group_count);
    } while (status == ZC_AGAIN);
    assert_status(status, ZC_OK);
    check_crowd(pool);
}
