/* SPDX-License-Identifier: MIT */
/* test_zspool_groups.c - segments in groups, one for each processor. */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"
#include "support_threads.h"

#include "platform/processor.h"

#define KIB ((uint64_t)1024)

/* --wrap: the processor that a thread is on, and how many there are. */
static _Thread_local unsigned processor;
static unsigned processors = 4;

unsigned __wrap_zc_processor_current(void);
unsigned __wrap_zc_processor_count(void);

unsigned __wrap_zc_processor_current(void)
{
    return processor;
}

unsigned __wrap_zc_processor_count(void)
{
    return processors;
}

static struct zc_zspool *new_pool(unsigned groups, uint64_t limit)
{
    struct zc_zspool *pool = NULL;

    assert_status(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.group_count = groups,
                                                     .limit_bytes = limit),
                                   &pool),
                  ZC_OK);
    return pool;
}

static zc_handle put_on(struct zc_zspool *pool, unsigned on, size_t size,
                        uint64_t owner)
{
    processor = on;
    return support_object_new(pool, size, owner, 0);
}

static struct zc_group *group_of(struct zc_zspool *pool, zc_handle handle)
{
    return zc_atomic_pointer_load_relaxed(
        &support_zspage_of(pool, handle)->group);
}

TEST(there_are_as_many_as_processors_and_limit_ask_for)
{
    static const struct {
        unsigned processors;
        uint64_t limit;
        unsigned groups;
    } rows[] = {{16, 0, 4},
                {4, 0, 1},
                {5, 0, 2},
                {1, 0, 1},
                {16, 4096 * KIB, 2},
                {16, 2048 * KIB, 1},
                {16, 100 * KIB, 1},
                {16, 65536 * KIB, 4},
                {12, 65536 * KIB, 3},
                {5000, 0, ZC_GROUP_COUNT_MAX}};
    struct zc_zspool *pool;
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        processors = rows[i].processors;
        pool = new_pool(0, rows[i].limit);
        assert_int_equal(pool->segment_groups, rows[i].groups);
        (void)put_on(pool, 3, 1000, 1);
        support_pool_end(pool);
    }
    processors = 4;
}

TEST(processors_begin_segments_of_their_own)
{
    struct zc_zspool *pool = new_pool(2, 0);
    zc_handle first = put_on(pool, 0, 4000, 1);
    zc_handle second;
    unsigned i;

    for (i = 0; i < 3; i++) /* no room is left */
        (void)put_on(pool, 0, 4000, 2 + i);
    second = put_on(pool, 1, 4000, 5);
    assert_ptr_equal(group_of(pool, first), &pool->groups[0]);
    assert_ptr_equal(group_of(pool, second), &pool->groups[1]);
    support_object_free(pool, first);
    support_object_free(pool, second);
    support_pool_end(pool);
}

/* From any processor, before the pool gets more pages. */
TEST(a_hole_is_used_from_another_processor)
{
    struct zc_zspool *pool = new_pool(4, 0);
    zc_handle handles[32];
    uint64_t pages;
    unsigned i;

    for (i = 0; i < 32; i++)
        handles[i] = put_on(pool, 0, 4092, i);
    pages = zc_zspool_page_count(pool);
    for (i = 0; i < 12; i++) {
        support_object_free(pool, handles[i]);
        handles[i] = put_on(pool, 1 + i % 3, 4092, i);
        assert_int_equal(zc_zspool_page_count(pool), pages);
    }
    for (i = 0; i < 4; i++)
        (void)put_on(pool, 2, 4092, 40 + i);
    assert_int_equal(zc_zspool_page_count(pool), pages + 4);
    support_pool_end(pool);
}

/* Puts objects until one is refused, each on the next processor. */
static unsigned fill(struct zc_zspool *pool, size_t size, zc_handle *handles)
{
    static const char bytes[ZC_PAGE_SIZE_MIN];
    unsigned count = 0;

    for (;; count++) {
        processor = count % 4;
        if (zc_zspool_put(pool, bytes, size, &handles[count]) != ZC_OK)
            return count;
    }
}

TEST(none_is_refused_that_fits_into_another_group)
{
    static zc_handle handles[8192];
    struct zc_zspool *pool = new_pool(4, 1024 * KIB);
    zc_handle handle;
    uint64_t free_bytes = 0;
    uint64_t placed = 0;
    unsigned count;
    unsigned i;

    count = fill(pool, 400, handles);
    assert_true(count * 400 * 100 >= 1024 * KIB * 96);
    assert_true(zc_zspool_page_count(pool) <= 256);
    /* Holes in two groups; none is as long as what comes to the others. */
    for (i = 0; i < count; i++) {
        if (group_of(pool, handles[i]) > &pool->groups[1] || i % 16 >= 4)
            continue;
        support_object_free(pool, handles[i]);
        free_bytes += 400;
    }
    processor = 3;
    while (zc_zspool_alloc(pool, 1200, &handle) == ZC_OK)
        placed += 1200;
    assert_true(placed * 100 >= free_bytes * 80);
    assert_true(zc_zspool_page_count(pool) <= 256);
    support_pool_end(pool);
}

/* A few objects of three groups fit into the holes of the fourth. */
TEST(compaction_moves_objects_to_other_groups)
{
    static zc_handle handles[2000];
    struct zc_zspool *pool = new_pool(4, 0);
    zc_handle few[3][4];
    unsigned i;
    unsigned k;

    for (i = 0; i < 2000; i++)
        handles[i] = put_on(pool, 0, 1020, i);
    for (k = 0; k < 3; k++)
        for (i = 0; i < 4; i++) {
            few[k][i] = put_on(pool, k + 1, 4092, 5000 + 4 * k + i);
            assert_ptr_equal(group_of(pool, few[k][i]), &pool->groups[k + 1]);
        }
    for (k = 0; k < 3; k++)
        for (i = 1; i < 4; i++)
            support_object_free(pool, few[k][i]);
    /* Holes of four in a row, each as long as one of the few. */
    for (i = 0; i < 2000; i++)
        if (i % 64 < 4) {
            support_object_free(pool, handles[i]);
            handles[i].value = 0;
        }
    (void)support_compact(pool, NULL);
    support_pool_check(pool);
    for (k = 0; k < 3; k++) {
        assert_ptr_equal(group_of(pool, few[k][0]), &pool->groups[0]);
        support_object_check(pool, few[k][0], 4092, 5000 + 4 * k, 0);
    }
    for (i = 0; i < 2000; i++)
        if (handles[i].value != 0)
            support_object_check(pool, handles[i], 1020, i, 0);
    zc_zspool_destroy(pool);
}

#define OWN_MAX 400

/* Puts, reads and frees on one processor after the other. */
static void churn(struct support_worker *worker)
{
    struct zc_zspool *pool = worker->context;
    char bytes[ZC_PAGE_SIZE_MIN];
    struct zc_zspool_read read;
    zc_handle own[OWN_MAX];
    size_t sizes[OWN_MAX] = {0};
    unsigned i;

    while (!support_is_stopped(worker)) {
        processor = (unsigned)support_random_below(&worker->random, 4);
        i = (unsigned)support_random_below(&worker->random, OWN_MAX);
        if (sizes[i] != 0) {
            if (zc_zspool_read_begin(pool, own[i], &read) != ZC_OK ||
                !support_has_stamp(read.data, sizes[i], i, 7))
                support_mistake(worker, "object %u is another", i);
            zc_zspool_read_end(pool, &read);
            if (zc_zspool_free(pool, own[i]) != ZC_OK)
                support_mistake(worker, "cannot free");
            sizes[i] = 0;
            continue;
        }
        sizes[i] = support_random_size(&worker->random, sizeof(bytes));
        support_stamp(bytes, sizes[i], i, 7);
        if (zc_zspool_put(pool, bytes, sizes[i], &own[i]) != ZC_OK)
            sizes[i] = 0; /* the limit */
        worker->operations++;
    }
    for (i = 0; i < OWN_MAX; i++)
        if (sizes[i] != 0)
            (void)zc_zspool_free(pool, own[i]);
}

static void compact_often(struct support_worker *worker)
{
    struct zc_zspool *pool = worker->context;

    while (!support_is_stopped(worker)) {
        (void)zc_zspool_compact(pool, NULL, NULL);
        worker->operations++;
    }
}

TEST(objects_change_groups_while_they_are_used)
{
    static const uint64_t limits[] = {0, 1500 * KIB};
    struct support_crew crew;
    struct zc_zspool *pool;
    unsigned round;
    unsigned i;

    for (round = 0; round < 2; round++) {
        pool = new_pool(4, limits[round]);
        support_crew_init(&crew);
        for (i = 0; i < 3; i++)
            support_crew_add(&crew, churn, pool);
        support_crew_add(&crew, compact_often, pool);
        support_crew_run(&crew, 400);
        support_pool_check_empty(pool);
        zc_zspool_destroy(pool);
    }
}
