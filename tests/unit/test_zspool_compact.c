/* SPDX-License-Identifier: MIT */
/* test_zspool_compact.c - one compaction at a time, within its budget. */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/options.h"
#include "platform/processor.h"

#define OBJECTS 1600
#define SIZE 500

#define BUDGET(...)                                                            \
    (&(const struct zc_compact_budget){                                        \
        .struct_size = sizeof(struct zc_compact_budget), __VA_ARGS__})

#define MIXED 1200 /* objects of all sizes */

static zc_handle handles[OBJECTS];

static void check_survivors(struct zc_zspool *pool, size_t size, unsigned keep)
{
    unsigned i;

    for (i = 0; i < OBJECTS; i += keep)
        support_object_check(pool, handles[i], size, i, 0);
}

/* In nanoseconds these budgets would wrap to almost nothing. */
TEST_ON_BOTH(a_budget_of_any_time_is_time_enough)
{
    static const uint64_t budgets[] = {UINT64_MAX / 1000 + 1,
                                       UINT64_MAX / 1000 + 2, UINT64_MAX};
    unsigned i;

    for (i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
        support_sparse_objects(*state, SIZE, OBJECTS, 4, handles);
        assert_status(
            zc_zspool_compact(*state, BUDGET(.microseconds = budgets[i]), NULL),
            ZC_OK);
    }
}

TEST_ON_BOTH(an_empty_pool_has_nothing_to_compact)
{
    struct zc_compact_result result = {sizeof(result), 77, 77};

    assert_status(zc_zspool_compact(*state, NULL, &result), ZC_OK);
    assert_int_equal(result.objects_moved, 0);
    assert_int_equal(result.pages_freed, 0);
    assert_status(zc_zspool_compact(*state, NULL, NULL), ZC_OK);
}

TEST_ON_BOTH(a_round_moves_objects_together_and_counts_what_it_did)
{
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    struct zc_zspool_stats before;
    struct zc_zspool_stats after;

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
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
    /* A quarter is left, and little more than a quarter of the pages: less than
     * a segment is free. */
    assert_true(after.pages_allocated * 100 <= before.pages_allocated * 33);
    check_survivors(pool, SIZE, 4);
}

TEST_ON_BOTH(a_second_round_finds_nothing_more)
{
    struct zc_zspool *pool = *state;

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    (void)support_compact(pool, NULL);
    assert_int_equal(support_compact(pool, NULL).pages_freed, 0);
}

/* Half is freed at random, in every shape of pool. */
TEST(half_freed_and_compacted_takes_little_more_than_half)
{
    const struct support_shape *shape;
    struct support_random random = {support_seed(0x4a1f)};
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    struct zc_zspool *pool;
    size_t sizes[MIXED];
    zc_status status;
    unsigned i;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        pool = support_pool_new(shape);
        for (i = 0; i < MIXED; i++) {
            sizes[i] = support_random_size(&random, pool->page_size);
            handles[i] = support_object_new(pool, sizes[i], i, 0);
        }
        for (i = 0; i < MIXED; i++)
            if (support_random_below(&random, 2) == 0) {
                support_object_free(pool, handles[i]);
                sizes[i] = 0;
            }
        (void)support_compact(pool, NULL);
        support_pool_check(pool);
        /* Not one zspage is left that could be gained: of a class in kernel
         * placement; see test_zspool_dense_compact.c for the other. */
        for (i = 0; (status = zc_zspool_get_class(pool, i, &row)) != ZC_INVALID;
             i++)
            if (status == ZC_OK && shape->placement == ZC_PLACEMENT_KERNEL)
                assert_int_equal(row.pages_freeable, 0);
        for (i = 0; i < MIXED; i++)
            if (sizes[i] != 0)
                support_object_check(pool, handles[i], sizes[i], i, 0);
        zc_zspool_destroy(pool);
    }
}

TEST_ON_BOTH(a_budget_of_objects_is_kept_to_the_object)
{
    static const uint64_t budgets[] = {1, 15, 16, 17, 100, 500};
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    zc_status status;
    unsigned calls = 0;
    unsigned i;

    for (i = 0; i < 6; i++) {
        support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
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
        check_survivors(pool, SIZE, 4);
        for (unsigned j = 0; j < OBJECTS; j += 4)
            support_object_free(pool, handles[j]);
        support_pool_check_empty(pool);
    }
}

TEST_ON_BOTH(later_calls_go_on_where_the_last_one_stopped)
{
    struct zc_zspool *pool = *state;
    struct zc_zspool *other;
    struct zc_compact_result at_once;
    struct zc_compact_result in_parts;

    other = support_pool_new(
        pool->placement == ZC_PLACEMENT_DENSE ? SUPPORT_DENSE : SUPPORT_KERNEL);
    support_sparse_objects(other, SIZE, OBJECTS, 4, handles);
    at_once = support_compact(other, NULL);
    zc_zspool_destroy(other);

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    in_parts = support_compact(pool, BUDGET(.objects = 20));
    assert_int_equal(in_parts.pages_freed, at_once.pages_freed);
    /* Hardly anything was moved twice. */
    assert_true(in_parts.objects_moved <= at_once.objects_moved * 2);
    check_survivors(pool, SIZE, 4);
}

TEST_ON_BOTH(the_smallest_budgets_come_to_an_end_with_mixed_sizes)
{
    struct support_random random = {support_seed(0x5a11)};
    struct zc_zspool *pool = *state;
    size_t sizes[MIXED];
    unsigned round;
    unsigned i;

    for (i = 0; i < MIXED; i++) {
        sizes[i] = support_random_size(&random, 4096);
        handles[i] = support_object_new(pool, sizes[i], i, 0);
    }
    for (round = 0; round < 3; round++) {
        for (i = round; i < MIXED; i += 4) {
            support_object_free(pool, handles[i]);
            sizes[i] = 0;
        }
        (void)support_compact(
            pool, round == 0   ? BUDGET(.objects = 1)
                  : round == 1 ? BUDGET(.microseconds = 1)
                               : BUDGET(.objects = 1, .microseconds = 1));
        support_pool_check(pool);
    }
    for (i = 0; i < MIXED; i++)
        if (sizes[i] != 0)
            support_object_check(pool, handles[i], sizes[i], i, 0);
}

TEST_ON_BOTH(a_call_with_the_smallest_time_still_gets_somewhere)
{
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned calls = 0;

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    while (zc_zspool_compact(pool, BUDGET(.microseconds = 1), &result) ==
           ZC_AGAIN)
        assert_true(++calls < 5000);
    assert_true(support_stats(pool).objects_moved > 0);
    assert_int_equal(support_compact(pool, NULL).pages_freed, 0);
    check_survivors(pool, SIZE, 4);
}

TEST_ON_BOTH(a_budget_of_time_ends_a_call)
{
    struct zc_zspool *pool = *state;
    struct zc_compact_result whole;
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    assert_status(zc_zspool_compact(pool, BUDGET(.microseconds = 1), &result),
                  ZC_AGAIN);
    whole = support_compact(pool, NULL);
    assert_true(result.objects_moved < whole.objects_moved);
}

TEST_ON_BOTH(half_of_either_budget_is_no_budget)
{
    struct zc_zspool *pool = *state;

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    assert_status(zc_zspool_compact(pool,
                                    BUDGET(.objects = UINT64_MAX,
                                           .microseconds = 3600000000u),
                                    NULL),
                  ZC_OK);
    assert_status(zc_zspool_compact(pool, BUDGET(.objects = 0), NULL), ZC_OK);
}

TEST_ON_BOTH(the_second_compactor_is_busy)
{
    struct zc_compact_result result = {sizeof(result), 77, 78};
    struct zc_zspool *pool = *state;

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
    struct zc_compact_result older = {
        offsetof(struct zc_compact_result, pages_freed), 77, 78};
    struct {
        struct zc_compact_result result;
        uint64_t later;
    } newer = {{sizeof(newer), 77, 78}, 79};
    struct zc_compact_result whole;
    struct zc_zspool *other = support_pool_new(SUPPORT_DENSE);
    struct zc_zspool *pool = *state;

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    assert_status(zc_zspool_compact(pool, NULL, &older), ZC_OK);
    assert_true(older.objects_moved > 0 && older.objects_moved != 77);
    assert_int_equal(older.pages_freed, 78);
    assert_int_equal(older.struct_size,
                     offsetof(struct zc_compact_result, pages_freed));
    support_sparse_objects(other, SIZE, OBJECTS, 4, handles);
    assert_status(zc_zspool_compact(other, NULL, &newer.result), ZC_OK);
    whole = newer.result;
    assert_int_equal(whole.struct_size, sizeof(newer));
    assert_int_equal(whole.objects_moved, support_stats(other).objects_moved);
    assert_int_equal(whole.pages_freed, support_stats(other).pages_compacted);
    assert_int_equal(newer.later, 0);
    zc_zspool_destroy(other);
}

TEST_ON_BOTH(bad_input_is_invalid_and_changes_nothing)
{
    struct zc_compact_result result = {sizeof(result), 77, 78};
    struct zc_zspool *pool = *state;
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
    struct zc_zspool *pool = *state;
    struct zc_compact_budget budget = {
        .struct_size = offsetof(struct zc_compact_budget, microseconds),
        .objects = 1,
        .microseconds = 1};
    struct zc_compact_result result = {.struct_size = sizeof(result)};

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    assert_status(zc_zspool_compact(pool, &budget, &result), ZC_AGAIN);
    assert_true(result.objects_moved > 0);
}

TEST_ON_BOTH(frees_between_calls_do_no_harm)
{
    struct zc_zspool *pool = *state;
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

TEST_ON_BOTH(freed_pages_leave_the_resident_memory)
{
    const unsigned count = 40000;
    zc_handle *many = test_malloc(count * sizeof(*many));
    struct zc_zspool *pool = *state;
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    uint64_t resident_before;
    uint64_t resident_after;
    uint64_t freed_bytes;

    if (SUPPORT_SANITIZED || support_resident_bytes() == 0) {
        print_message("SKIPPED: no exact resident bytes in this build\n");
        test_free(many);
        skip();
    }
    support_sparse_objects(pool, 1200, count, 3, many);
    resident_before = support_resident_bytes();
    result = support_compact(pool, NULL);
    resident_after = support_resident_bytes();
    freed_bytes = result.pages_freed * pool->page_size;

    assert_true(freed_bytes > 20000000);
    assert_in_range(resident_before - resident_after,
                    freed_bytes - freed_bytes / 50,
                    freed_bytes + freed_bytes / 50);
    test_free(many);
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
    struct zc_zspool *pool = *state;
    struct support_crew crew;
    unsigned i;

    support_sparse_objects(pool, SIZE, OBJECTS, 4, handles);
    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, compact_once, pool);
    support_crew_run(&crew, 0);

    support_pool_check(pool);
    assert_int_equal(support_compact(pool, NULL).pages_freed, 0);
    check_survivors(pool, SIZE, 4);
}
