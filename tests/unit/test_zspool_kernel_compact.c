/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_kernel_compact.c - compaction of kernel placement moves objects
 * together, loses none, and leaves alone what is being read.
 */
#include "kernel_placement.h"

#define OBJECTS 3000

/* Many objects, and which of them are there. */
struct crowd {
    struct zc_zspool *pool;
    zc_handle handles[OBJECTS];
    size_t sizes[OBJECTS]; /* 0: freed */
};

static struct crowd crowd; /* too large for a stack */

static const size_t mixed_sizes[] = {24, 100, 500, 1000, 2000, 3000, 3600};

/* OBJECTS of that size (0: mixed), every `kept`-th of which stays. */
static void make_crowd(size_t size, unsigned kept)
{
    uint64_t seed = 4711;
    unsigned i;

    crowd.pool = kernel_pool();
    for (i = 0; i < OBJECTS; i++) {
        crowd.sizes[i] = size != 0 ? size : mixed_sizes[next_random(&seed) % 7];
        crowd.handles[i] = new_object(crowd.pool, crowd.sizes[i], i);
    }
    for (i = 0; i < OBJECTS; i++) {
        if (i % kept == 0)
            continue;
        free_object(crowd.pool, crowd.handles[i]);
        crowd.sizes[i] = 0;
    }
}

static void check_crowd(void)
{
    unsigned i;

    for (i = 0; i < OBJECTS; i++)
        if (crowd.sizes[i] != 0)
            check_object(crowd.pool, crowd.handles[i], crowd.sizes[i], i);
    check_kernel_pool(crowd.pool);
}

static uint64_t freeable_pages(const struct zc_zspool *pool)
{
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    uint64_t pages = 0;
    unsigned i;

    for (i = 0; i < pool->class_count; i++)
        if (zc_zspool_get_class(pool, i, &row) == ZC_OK)
            pages += row.pages_freeable;
    return pages;
}

TEST(what_the_table_calls_freeable_is_freed)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    uint64_t freeable;
    uint64_t pages;

    make_crowd(0, 3);
    pages = zc_zspool_page_count(crowd.pool);
    freeable = freeable_pages(crowd.pool);
    assert_true(freeable > pages / 3);

    assert_int_equal(zc_zspool_compact(crowd.pool, NULL, &result), ZC_OK);

    assert_int_equal(result.pages_freed, freeable);
    assert_int_equal(pages - zc_zspool_page_count(crowd.pool), freeable);
    assert_int_equal(freeable_pages(crowd.pool), 0);
    check_crowd();
    zc_zspool_destroy(crowd.pool);
}

TEST(a_compacted_pool_has_nothing_more_to_move)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    make_crowd(0, 2);
    assert_int_equal(zc_zspool_compact(crowd.pool, NULL, &result), ZC_OK);
    assert_true(result.objects_moved > 0);
    assert_int_equal(zc_zspool_get_stats(crowd.pool, &stats), ZC_OK);
    assert_int_equal(stats.objects_moved, result.objects_moved);
    assert_int_equal(stats.pages_compacted, result.pages_freed);

    assert_int_equal(zc_zspool_compact(crowd.pool, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
    assert_int_equal(result.pages_freed, 0);
    zc_zspool_destroy(crowd.pool);
}

TEST(the_emptiest_zspage_goes_into_the_fullest)
{
    struct zc_zspool *pool = kernel_pool();
    const struct zc_group *group = group_of_size(pool, 500);
    static const unsigned left[] = {3, 6, 1};
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    const struct zc_zspage *fullest;
    zc_handle handles[24];
    zc_handle moved = {0};
    unsigned zspage;
    unsigned i;

    assert_int_equal(group->slot_count, 8);
    for (i = 0; i < 24; i++)
        handles[i] = new_object(pool, 500, i);
    for (zspage = 0; zspage < 3; zspage++)
        for (i = left[zspage]; i < 8; i++)
            free_object(pool, handles[zspage * 8 + i]);
    moved = handles[16];
    fullest = zspage_of(pool, handles[8]);

    assert_int_equal(zc_zspool_compact(pool, NULL, &result), ZC_OK);

    assert_int_equal(result.objects_moved, 1);
    assert_int_equal(result.pages_freed, 1);
    assert_ptr_equal(zspage_of(pool, moved), fullest);
    check_object(pool, moved, 500, 16);
    assert_int_equal(zc_zspool_page_count(pool), 2);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

TEST(huge_objects_stay_where_they_are)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    make_crowd(4000, 2);
    assert_int_equal(zc_zspool_compact(crowd.pool, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
    check_crowd();
    zc_zspool_destroy(crowd.pool);
}

TEST(a_moved_object_keeps_its_handle_and_tags)
{
    unsigned tags = 0;
    uint64_t location;
    unsigned last = OBJECTS - 1 - (OBJECTS - 1) % 10;

    make_crowd(100, 10);
    assert_int_equal(zc_zspool_change_tags(crowd.pool, crowd.handles[last], 0,
                                           ZC_TAG_1, NULL),
                     ZC_OK);
    location = location_of(crowd.pool, crowd.handles[last]);
    assert_int_equal(zc_zspool_compact(crowd.pool, NULL, NULL), ZC_OK);

    assert_int_not_equal(location_of(crowd.pool, crowd.handles[last]),
                         location);
    assert_int_equal(
        zc_zspool_change_tags(crowd.pool, crowd.handles[last], 0, 0, &tags),
        ZC_OK);
    assert_int_equal(tags, ZC_TAG_1);
    check_crowd();
    free_object(crowd.pool, crowd.handles[last]);
    assert_int_equal(zc_zspool_free(crowd.pool, crowd.handles[last]), ZC_STALE);
    assert_int_equal(zc_zspool_free(crowd.pool, crowd.handles[1]), ZC_STALE);
    check_kernel_pool(crowd.pool);
    zc_zspool_destroy(crowd.pool);
}

/* ---- readers ---- */

TEST(an_object_that_is_read_is_not_moved)
{
    struct zc_zspool *pool = kernel_pool();
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool_read read;
    zc_handle handles[16];
    unsigned i;

    for (i = 0; i < 16; i++)
        handles[i] = new_object(pool, 500, i);
    for (i = 0; i < 7; i++)
        free_object(pool, handles[8 + i]);
    for (i = 0; i < 4; i++)
        free_object(pool, handles[i]);
    /* One object in the second zspage, four in the first: it would move. */
    assert_int_equal(zc_zspool_read_begin(pool, handles[15], &read), ZC_OK);

    assert_int_equal(zc_zspool_compact(pool, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
    assert_true(has_stamp(read.data, 500, 15));

    zc_zspool_read_end(pool, &read);
    assert_int_equal(zc_zspool_compact(pool, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 1);
    assert_int_equal(result.pages_freed, 1);
    check_object(pool, handles[15], 500, 15);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

TEST(a_zspage_without_readers_is_moved_in_place_of_one_with)
{
    struct zc_zspool *pool = kernel_pool();
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool_read read;
    zc_handle handles[24];
    unsigned i;

    for (i = 0; i < 24; i++)
        handles[i] = new_object(pool, 500, i);
    for (i = 0; i < 24; i++)
        if (i % 8 > i / 8) /* one, two and three are left */
            free_object(pool, handles[i]);
    assert_int_equal(zc_zspool_read_begin(pool, handles[0], &read), ZC_OK);

    assert_int_equal(zc_zspool_compact(pool, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 2);
    assert_int_equal(result.pages_freed, 1);
    assert_true(has_stamp(read.data, 500, 0));
    check_object(pool, handles[9], 500, 9);
    zc_zspool_read_end(pool, &read);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

TEST(a_zspage_that_is_read_may_take_objects_in)
{
    struct zc_zspool *pool = kernel_pool();
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool_read read;
    zc_handle handles[16];
    unsigned i;

    for (i = 0; i < 16; i++)
        handles[i] = new_object(pool, 500, i);
    for (i = 6; i < 15; i++)
        free_object(pool, handles[i]);
    assert_int_equal(zc_zspool_read_begin(pool, handles[0], &read), ZC_OK);

    assert_int_equal(zc_zspool_compact(pool, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 1);
    assert_true(has_stamp(read.data, 500, 0));
    zc_zspool_read_end(pool, &read);
    check_object(pool, handles[15], 500, 15);
    check_kernel_pool(pool);
    zc_zspool_destroy(pool);
}

/* ---- steps ---- */

TEST(a_step_moves_at_most_16_objects_and_leaves_all_in_order)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    uint64_t before;
    zc_status status;

    make_crowd(24, 4);
    do {
        before = result.objects_moved;
        status = crowd.pool->ops->compact_step(crowd.pool, UINT64_MAX, &result);
        assert_in_range(result.objects_moved - before, 0, 16);
        check_kernel_pool(crowd.pool);
    } while (status == ZC_AGAIN);
    assert_int_equal(status, ZC_OK);
    assert_int_equal(crowd.pool->cursor, 0);
    assert_true(result.objects_moved > 100);
    assert_int_equal(freeable_pages(crowd.pool), 0);
    check_crowd();
    zc_zspool_destroy(crowd.pool);
}

TEST(a_call_goes_on_where_the_budget_ended_the_last)
{
    const struct zc_compact_budget budget = {.struct_size = sizeof(budget),
                                             .objects = 100};
    struct zc_compact_result whole = {.struct_size = sizeof(whole)};
    struct zc_compact_result part = {.struct_size = sizeof(part)};
    uint64_t moved = 0;
    uint64_t pages = 0;
    unsigned calls = 0;
    zc_status status;

    make_crowd(0, 3);
    assert_int_equal(zc_zspool_compact(crowd.pool, NULL, &whole), ZC_OK);
    zc_zspool_destroy(crowd.pool);

    make_crowd(0, 3);
    do {
        status = zc_zspool_compact(crowd.pool, &budget, &part);
        moved += part.objects_moved;
        pages += part.pages_freed;
        calls++;
    } while (status == ZC_AGAIN);
    assert_int_equal(status, ZC_OK);
    assert_in_range(calls, 3, 3 + moved / 100);
    assert_int_equal(moved, whole.objects_moved);
    assert_int_equal(pages, whole.pages_freed);
    check_crowd();
    zc_zspool_destroy(crowd.pool);
}

/* Makes 256 objects, which fill holes, and frees 256 others here and there:
 * afterwards there is always a zspage's worth of holes. */
static void open_holes(struct crowd *objects, uint64_t *seed)
{
    unsigned changed;
    unsigned i;

    for (changed = 0; changed < 256;) {
        i = (unsigned)(next_random(seed) % OBJECTS);
        if (objects->sizes[i] != 0)
            continue;
        objects->handles[i] = new_object(objects->pool, 24, i);
        objects->sizes[i] = 24;
        changed++;
    }
    for (changed = 0; changed < 256;) {
        i = (unsigned)(next_random(seed) % OBJECTS);
        if (objects->sizes[i] == 0)
            continue;
        free_object(objects->pool, objects->handles[i]);
        objects->sizes[i] = 0;
        changed++;
    }
}

TEST(a_round_ends_though_new_holes_open_all_the_time)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    uint64_t seed = 99;
    uint64_t before;
    unsigned steps = 0;
    zc_status status;

    make_crowd(24, 2);
    do {
        before = result.objects_moved;
        status = crowd.pool->ops->compact_step(crowd.pool, UINT64_MAX, &result);
        if (result.objects_moved > before)
            open_holes(&crowd, &seed);
        /* Each object once, and the look at each group. */
        assert_in_range(++steps, 1, OBJECTS / 2 + crowd.pool->group_count);
    } while (status == ZC_AGAIN);
    check_crowd();
    zc_zspool_destroy(crowd.pool);
}
