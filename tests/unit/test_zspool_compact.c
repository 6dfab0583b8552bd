/* SPDX-License-Identifier: MIT */
/* test_zspool_compact.c - one compaction at a time, within its budget. */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"
#include "support_threads.h"

#define OBJECTS 1600
#define SIZE 500
#define MIXED 1200 /* objects of all sizes */

#define BUDGET(...)                                                            \
    (&(const struct zc_compact_budget){                                        \
        .struct_size = sizeof(struct zc_compact_budget), __VA_ARGS__})

static zc_handle handles[OBJECTS];

/* One of four survives. */
static void make_sparse(struct zc_zspool *pool)
{
    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
}

static void check_survivors(struct zc_zspool *pool)
{
    support_objects_check(pool, SIZE, OBJECTS, handles);
}

TEST_ON_BOTH(an_empty_pool_has_nothing_to_compact)
{
    struct zc_compact_result result = {sizeof(result), 77, 77};

    assert_status(zc_zspool_compact(pool, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
    assert_int_equal(result.pages_freed, 0);
    assert_status(zc_zspool_compact(pool, NULL, NULL), ZC_OK);
}

/* A quarter is left, and little more than a quarter of the pages: less than a
 * segment is free.  Tags move with the objects. */
TEST_ON_BOTH(a_round_moves_objects_together_and_counts_what_it_did)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool_stats before;
    struct zc_zspool_stats after;
    unsigned tags = 0;
    unsigned i;

    make_sparse(pool);
    for (i = 0; i < OBJECTS; i += 4)
        assert_status(
            zc_zspool_change_tags(pool, handles[i], 0, i / 4 % 4, NULL), ZC_OK);
    before = support_stats(pool);
    assert_status(zc_zspool_compact(pool, NULL, &result), ZC_OK);
    after = support_stats(pool);

    assert_true(result.objects_moved > OBJECTS / 8);
    assert_int_equal(after.pages_allocated,
                     before.pages_allocated - result.pages_freed);
    assert_int_equal(after.pages_compacted, result.pages_freed);
    assert_int_equal(after.objects_moved, result.objects_moved);
    assert_int_equal(after.objects, before.objects);
    assert_int_equal(after.payload_bytes, before.payload_bytes);
    assert_true(after.pages_allocated * 100 <= before.pages_allocated * 33);
    check_survivors(pool);
    for (i = 0; i < OBJECTS; i += 4) {
        assert_status(zc_zspool_change_tags(pool, handles[i], 0, 0, &tags),
                      ZC_OK);
        assert_int_equal(tags, i / 4 % 4);
    }
    /* A second round finds nothing more. */
    assert_int_equal(support_compact(pool, NULL).pages_freed, 0);
}

/* ---- objects of all sizes ---- */

static size_t sizes[MIXED]; /* 0: freed */

static void make_mixed(struct zc_zspool *pool, struct support_random *random)
{
    unsigned i;

    for (i = 0; i < MIXED; i++) {
        sizes[i] = support_random_size(random, pool->page_size);
        handles[i] = support_object_new(pool, sizes[i], i, 0);
    }
}

static void free_mixed(struct zc_zspool *pool, unsigned i)
{
    support_object_free(pool, handles[i]);
    sizes[i] = 0;
}

static void check_mixed(struct zc_zspool *pool)
{
    unsigned i;

    for (i = 0; i < MIXED; i++)
        if (sizes[i] != 0)
            support_object_check(pool, handles[i], sizes[i], i, 0);
}

/* Not one zspage of a class is left that could be gained; in dense placement
 * what is free is less than a segment, or in pieces that the objects of a few
 * segments in turn do not fit into: a few percent. */
static void check_gained(const struct zc_zspool *pool)
{
    const struct zc_zspool_stats stats = support_stats(pool);
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    zc_status status;
    unsigned i;

    if (pool->placement == ZC_PLACEMENT_DENSE)
        assert_true(
            stats.pool_bytes * 100 <=
            (stats.payload_bytes + stats.objects * pool->page_size / 512) *
                    103 +
                support_zspage_bytes(pool, 1) * 100);
    else
        for (i = 0; (status = zc_zspool_get_class(pool, i, &row)) != ZC_INVALID;
             i++)
            if (status == ZC_OK)
                assert_int_equal(row.pages_freeable, 0);
}

TEST_ON_ALL(compaction_leaves_little_unused)
{
    static const unsigned percents[] = {20, 50, 90}; /* freed at random */
    struct support_random random = {support_seed(0x4a1f)};
    uint64_t before;
    unsigned i;
    unsigned k;

    for (k = 0; k < 3; k++) {
        make_mixed(pool, &random);
        for (i = 0; i < MIXED; i++)
            if (support_random_below(&random, 100) < percents[k])
                free_mixed(pool, i);
        before = zc_zspool_page_count(pool);
        (void)support_compact(pool, NULL);
        assert_true(zc_zspool_page_count(pool) <= before);
        check_gained(pool);
        check_mixed(pool);
        for (i = 0; i < MIXED; i++)
            if (sizes[i] != 0)
                free_mixed(pool, i);
        support_pool_check_empty(pool);
    }
}

TEST_ON_BOTH(the_smallest_budgets_come_to_an_end)
{
    const struct zc_compact_budget *const budgets[] = {
        BUDGET(.objects = 1), BUDGET(.microseconds = 1),
        BUDGET(.objects = 1, .microseconds = 1)};
    struct support_random random = {support_seed(0x5a11)};
    unsigned round;
    unsigned i;

    make_mixed(pool, &random);
    for (round = 0; round < 3; round++) {
        for (i = round; i < MIXED; i += 4)
            free_mixed(pool, i);
        assert_true(support_compact(pool, budgets[round]).objects_moved > 0);
        support_pool_check(pool);
    }
    check_mixed(pool);
}

/* ---- budgets ---- */

TEST_ON_BOTH(a_budget_of_objects_is_kept_to_the_object)
{
    static const uint64_t budgets[] = {1, 15, 16, 17, 100, 500};
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    zc_status status;
    unsigned calls = 0;
    unsigned i;

    for (i = 0; i < 6; i++) {
        make_sparse(pool);
        do {
            status =
                zc_zspool_compact(pool, BUDGET(.objects = budgets[i]), &result);
            assert_true(result.objects_moved <= budgets[i]);
            if (status == ZC_AGAIN)
                assert_int_equal(result.objects_moved, budgets[i]);
            if (calls % 64 == 0)
                support_pool_check(pool);
            assert_true(calls++ < 10000);
        } while (status == ZC_AGAIN);
        assert_status(status, ZC_OK);
        check_survivors(pool);
        support_objects_free(pool, OBJECTS, handles);
        support_pool_check_empty(pool);
    }
}

TEST_ON_BOTH(later_calls_go_on_where_the_last_one_stopped)
{
    struct zc_zspool *other;
    struct zc_compact_result at_once;
    struct zc_compact_result in_parts;

    other = support_pool_new(
        pool->placement == ZC_PLACEMENT_DENSE ? SUPPORT_DENSE : SUPPORT_KERNEL);
    support_sparse_objects(other, SIZE, OBJECTS, 4, handles);
    at_once = support_compact(other, NULL);
    zc_zspool_destroy(other);

    make_sparse(pool);
    in_parts = support_compact(pool, BUDGET(.objects = 20));
    assert_int_equal(in_parts.pages_freed, at_once.pages_freed);
    /* Hardly anything was moved twice, in kernel placement nothing. */
    assert_in_range(in_parts.objects_moved, 1,
                    at_once.objects_moved *
                        (pool->placement == ZC_PLACEMENT_DENSE ? 2 : 1));
    check_survivors(pool);
}

TEST_ON_BOTH(a_budget_of_time_ends_a_call)
{
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    make_sparse(pool);
    assert_status(zc_zspool_compact(pool, BUDGET(.microseconds = 1), &result),
                  ZC_AGAIN);
    assert_true(result.objects_moved <
                support_compact(pool, NULL).objects_moved);
}

/* In nanoseconds some of these would wrap to almost nothing. */
TEST_ON_BOTH(a_budget_of_any_time_is_time_enough)
{
    static const uint64_t times[] = {0, 3600000000u, UINT64_MAX / 1000 + 1,
                                     UINT64_MAX / 1000 + 2, UINT64_MAX};
    unsigned i;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        make_sparse(pool);
        assert_status(
            zc_zspool_compact(pool,
                              BUDGET(.objects = i == 1 ? UINT64_MAX : 0,
                                     .microseconds = times[i]),
                              NULL),
            ZC_OK);
    }
}

TEST_ON_BOTH(the_second_compactor_is_busy)
{
    struct zc_compact_result result = {sizeof(result), 77, 78};

    zc_mutex_lock(&pool->compaction);
    assert_status(zc_zspool_compact(pool, NULL, &result), ZC_BUSY);
    zc_mutex_unlock(&pool->compaction);
    assert_int_equal(result.objects_moved, 77);
    assert_int_equal(result.pages_freed, 78);
    assert_status(zc_zspool_compact(pool, NULL, &result), ZC_OK);
}

/* A caller of an older version knows fewer fields, one of a newer version has
 * more. */
TEST_ON_BOTH(a_result_is_filled_up_to_its_struct_size)
{
    const size_t older_size = offsetof(struct zc_compact_result, pages_freed);
    struct zc_compact_result older = {older_size, 77, 78};
    struct {
        struct zc_compact_result result;
        uint64_t later;
    } newer = {{sizeof(newer), 77, 78}, 79};

    make_sparse(pool);
    assert_status(zc_zspool_compact(pool, BUDGET(.objects = 5), &older),
                  ZC_AGAIN);
    assert_int_equal(older.objects_moved, 5);
    assert_int_equal(older.pages_freed, 78);
    assert_int_equal(older.struct_size, older_size);
    assert_status(zc_zspool_compact(pool, NULL, &newer.result), ZC_OK);
    assert_int_equal(newer.result.struct_size, sizeof(newer));
    assert_int_equal(newer.result.objects_moved + 5,
                     support_stats(pool).objects_moved);
    assert_int_equal(newer.later, 0);
}

TEST_ON_BOTH(bad_input_is_invalid_and_changes_nothing)
{
    struct zc_compact_result result = {sizeof(result), 77, 78};
    struct {
        struct zc_compact_budget budget;
        uint64_t later;
    } newer = {{.struct_size = sizeof(newer)}, 0};
    const struct zc_compact_budget small = {.struct_size = 3};
    const uint64_t pages = zc_zspool_page_count(pool);

    assert_status(zc_zspool_compact(NULL, NULL, &result), ZC_INVALID);
    assert_status(zc_zspool_compact(pool, &small, &result), ZC_INVALID);
    newer.later = 1;
    assert_status(zc_zspool_compact(pool, &newer.budget, &result),
                  ZC_UNSUPPORTED);
    result.struct_size = 0;
    assert_status(zc_zspool_compact(pool, NULL, &result), ZC_INVALID);
    result.struct_size = SIZE_MAX;
    assert_status(zc_zspool_compact(pool, NULL, &result), ZC_INVALID);
    assert_int_equal(result.objects_moved, 77);
    assert_int_equal(result.pages_freed, 78);
    assert_int_equal(zc_zspool_page_count(pool), pages);

    newer.later = 0;
    result.struct_size = sizeof(result);
    assert_status(zc_zspool_compact(pool, &newer.budget, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
}

/* An old caller's budget ends behind `objects`. */
TEST_ON_BOTH(a_budget_without_time_is_taken)
{
    struct zc_compact_budget budget = {
        .struct_size = offsetof(struct zc_compact_budget, microseconds),
        .objects = 1,
        .microseconds = 1};
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    make_sparse(pool);
    assert_status(zc_zspool_compact(pool, &budget, &result), ZC_AGAIN);
    assert_true(result.objects_moved > 0);
}

TEST_ON_BOTH(frees_between_calls_do_no_harm)
{
    unsigned next = 0;

    support_sparse_objects(pool, SIZE, OBJECTS, 2, handles);
    while (zc_zspool_compact(pool, BUDGET(.objects = 10), NULL) == ZC_AGAIN) {
        if (next < OBJECTS)
            support_object_free(pool, handles[next]);
        next += 2;
        if (next < OBJECTS)
            support_object_check(pool, handles[next], SIZE, next, 0);
        support_pool_check(pool);
    }
    for (; next < OBJECTS; next += 2) {
        support_object_check(pool, handles[next], SIZE, next, 0);
        support_object_free(pool, handles[next]);
    }
    support_pool_check_empty(pool);
}

/* ---- threads ---- */

static void compact_once(struct support_worker *worker)
{
    struct zc_zspool *pool = worker->context;
    zc_status status;

    do {
        status = zc_zspool_compact(pool, BUDGET(.objects = 50), NULL);
        if (status == ZC_BUSY)
            worker->operations++;
        else if (status != ZC_OK && status != ZC_AGAIN)
            support_mistake(worker, "compact is %s", zc_status_name(status));
    } while (status != ZC_OK);
}

TEST_ON_BOTH(compactors_take_turns)
{
    make_sparse(pool);
    support_crowd(3, compact_once, pool, 0);

    assert_int_equal(support_compact(pool, NULL).pages_freed, 0);
    check_survivors(pool);
}
