/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_limit.c - how full a pool is when its limit refuses an object,
 * and that it is never above it.
 */
#include <stdlib.h>

#include "support_pool.h"
#include "support_test.h"
#include "support_threads.h"

#define KIB ((uint64_t)1024)
#define OBJECTS_MAX 8192

static const enum zc_placement placements[] = {ZC_PLACEMENT_DENSE,
                                               ZC_PLACEMENT_KERNEL};
static zc_handle handles[OBJECTS_MAX];

static unsigned groups = 1;

static struct zc_zspool *new_pool(enum zc_placement placement, uint64_t limit)
{
    struct zc_zspool *pool = NULL;

    assert_status(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = placement,
                                                     .group_count = groups,
                                                     .limit_bytes = limit),
                                   &pool),
                  ZC_OK);
    return pool;
}

static uint64_t resident_bytes(const struct zc_zspool *pool)
{
    const struct zc_zspool_stats stats = support_stats(pool);

    return stats.pool_bytes + stats.kept_bytes;
}

/* Puts objects until one is refused; returns how many there are. */
static unsigned fill(struct zc_zspool *pool, size_t size)
{
    static const char bytes[ZC_PAGE_SIZE_MAX];
    unsigned count = 0;

    while (zc_zspool_put(pool, bytes, size, &handles[count]) == ZC_OK) {
        count++;
        assert_true(count < OBJECTS_MAX);
    }
    return count;
}

/* What the first refusal leaves of the limit to what is no payload. */
TEST(a_limit_is_filled_before_it_refuses)
{
    static const struct {
        enum zc_placement placement;
        uint64_t limit;
        size_t size;
        unsigned percent; /* payload, at least */
    } rows[] = {
        {ZC_PLACEMENT_DENSE, 64 * KIB, 1232, 90},
        {ZC_PLACEMENT_DENSE, 128 * KIB, 1232, 90},
        {ZC_PLACEMENT_DENSE, 1024 * KIB, 1232, 97},
        {ZC_PLACEMENT_DENSE, 1024 * KIB, 1400, 97},
        {ZC_PLACEMENT_DENSE, 1024 * KIB, 4096, 100},
        /* No multiple of a segment. */
        {ZC_PLACEMENT_DENSE, 200 * KIB, 1232, 90},
        {ZC_PLACEMENT_DENSE, 200 * KIB, 4096, 100},
        {ZC_PLACEMENT_DENSE, 1000 * KIB, 1232, 97},
        {ZC_PLACEMENT_DENSE, 1000 * KIB, 4096, 100},
        {ZC_PLACEMENT_DENSE, 1000 * KIB + 4095, 1232, 96},
        {ZC_PLACEMENT_KERNEL, 128 * KIB, 1232, 86},
        {ZC_PLACEMENT_KERNEL, 1024 * KIB, 1232, 96},
        {ZC_PLACEMENT_KERNEL, 1024 * KIB, 4096, 100},
        {ZC_PLACEMENT_KERNEL, 40 * KIB - 1, 4096, 90},
    };
    struct zc_zspool *pool;
    unsigned count;
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool = new_pool(rows[i].placement, rows[i].limit);
        count = fill(pool, rows[i].size);
        if (count * rows[i].size * 100 < rows[i].limit * rows[i].percent)
            fail_msg("row %u: %u objects of %zu bytes", i, count, rows[i].size);
        assert_true(resident_bytes(pool) <= rows[i].limit);
        support_pool_end(pool);
    }
}

/*
 * What is free in pieces is room: for no object of these, of which none fits
 * into a hole, does the pool get another page.  Also for a page that would have
 * one alone: where there is none, it goes where objects of any size are.
 */
TEST(pieces_of_a_segment_are_room)
{
    static const struct {
        unsigned freed; /* one of so many */
        size_t size;
        unsigned least; /* objects that find room */
    } rows[] = {
        {4, 1200, 128 * 1024 / 5 / 1200},
        {2, 4096, 16},
    };
    struct zc_zspool *pool;
    zc_handle handle;
    unsigned placed;
    uint64_t pages;
    unsigned count;
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        pool = new_pool(ZC_PLACEMENT_DENSE, 128 * KIB);
        count = fill(pool, 400);
        pages = zc_zspool_page_count(pool);
        for (i = 0; i < count; i += rows[k].freed)
            support_object_free(pool, handles[i]);
        for (placed = 0; zc_zspool_alloc(pool, rows[k].size, &handle) == ZC_OK;
             placed++)
            ;
        assert_in_range(placed, rows[k].least, rows[k].least + 8 * (1 - k));
        assert_int_equal(zc_zspool_page_count(pool), pages);
        support_pool_end(pool);
    }
}

/* As many granules as the object needs, and no more, are free in the pool. */
TEST(the_last_pieces_are_room)
{
    const struct support_shape shape = {
        "", ZC_PLACEMENT_DENSE, 0, 0, .segment_pages = 4, .limit_pages = 4};
    struct zc_zspool *pool = support_pool_new(&shape);

    support_objects_new(pool, 16 * 8 - 4, 4 * 32, handles);
    support_object_free(pool, handles[1]);
    support_object_free(pool, handles[3]);
    (void)support_object_new(pool, 32 * 8 - 4, 1, 0);
    support_pool_end(pool);
}

/* What is read may not move: then it is refused, and nothing else happens. */
TEST(but_not_while_they_are_read)
{
    struct zc_zspool *pool = new_pool(ZC_PLACEMENT_DENSE, 128 * KIB);
    unsigned count = fill(pool, 400);
    struct zc_zspool_read read;
    zc_handle handle;
    unsigned i;

    for (i = 0; i < count; i += 4)
        support_object_free(pool, handles[i]);
    assert_status(zc_zspool_read_begin(pool, handles[1], &read), ZC_OK);
    assert_status(zc_zspool_alloc(pool, 1200, &handle), ZC_REJECTED);
    zc_zspool_read_end(pool, &read);
    assert_status(zc_zspool_alloc(pool, 1200, &handle), ZC_OK);
    support_pool_end(pool);
}

/* In every shape; room for one is room for one. */
TEST(a_full_pool_refuses_and_accepts_again_after_frees)
{
    struct support_shape shape;
    struct zc_zspool *pool;
    zc_handle refused = {77};
    unsigned count;
    unsigned i;
    unsigned k;

    for (k = 0; k < support_shape_count; k++) {
        shape = support_shapes[k];
        shape.limit_pages = 300;
        pool = support_pool_new(&shape);
        count = fill(pool, pool->page_size / 3);
        assert_in_range(count, 512, 920);
        for (i = 1; i <= 5; i++) {
            assert_int_equal(support_stats(pool).limit_rejects, i);
            assert_status(zc_zspool_alloc(pool, pool->page_size / 3, &refused),
                          ZC_REJECTED);
        }
        assert_int_equal(refused.value, 77);
        assert_int_equal(support_stats(pool).objects, count);
        assert_true(zc_zspool_page_count(pool) <= 300);
        support_pool_check(pool);
        support_object_free(pool, handles[count / 2]);
        assert_status(
            zc_zspool_alloc(pool, pool->page_size / 3, &handles[count / 2]),
            ZC_OK);
        support_objects_free(pool, count, handles);
        support_pool_check_empty(pool);
        zc_zspool_destroy(pool);
    }
}

/* ---- the least ---- */

/* A limit that is refused, and the least that its reason names. */
static uint64_t least_of(struct zc_zspool_options options, uint64_t limit)
{
    struct zc_zspool *pool = NULL;
    char reason[ZC_REASON_SIZE] = "";
    const char *number;

    options.limit_bytes = limit;
    options.reason = reason;
    options.reason_size = sizeof(reason);
    assert_status(zc_zspool_create(&options, &pool), ZC_INVALID);
    assert_null(pool);
    assert_int_equal(strncmp(reason, "limit_bytes: ", 13), 0);
    assert_int_equal(strtoull(reason + 13, NULL, 10), limit);
    number = strstr(reason, "less than ");
    assert_non_null(number);
    return strtoull(number + 10, NULL, 10);
}

TEST(every_size_fits_into_the_least_limit)
{
    struct zc_zspool_options options = {.struct_size = sizeof(options)};
    struct zc_zspool *pool;
    zc_handle handle;
    size_t size;
    unsigned i;

    for (i = 0; i < support_shape_count; i++) {
        options.placement = support_shapes[i].placement;
        options.page_size = support_page_size(&support_shapes[i]);
        options.chain_length = support_shapes[i].chain_length;
        options.limit_bytes = least_of(options, 100);
        assert_int_equal(least_of(options, options.limit_bytes - 1),
                         options.limit_bytes);
        assert_status(zc_zspool_create(&options, &pool), ZC_OK);
        for (size = 1; size <= options.page_size;
             size += options.page_size / 256) {
            assert_status(zc_zspool_alloc(pool, size, &handle), ZC_OK);
            support_object_free(pool, handle);
        }
        assert_status(zc_zspool_alloc(pool, options.page_size, &handle), ZC_OK);
        zc_zspool_destroy(pool);
    }
    /* A page; and with chains of up to 8 pages, 8 of them. */
    options = (struct zc_zspool_options){.struct_size = sizeof(options)};
    assert_int_equal(least_of(options, 1), 4096);
    options.placement = ZC_PLACEMENT_KERNEL;
    assert_int_equal(least_of(options, 1), 8 * 4096);
}

/* ---- a limit that is changed ---- */

TEST(a_lower_limit_refuses_until_the_pages_are_gone)
{
    struct zc_zspool *pool = new_pool(ZC_PLACEMENT_DENSE, 1024 * KIB);
    unsigned count = fill(pool, 1232);
    zc_handle handle;
    unsigned i;

    assert_status(zc_zspool_set_limit(pool, 512 * KIB), ZC_OK);
    for (i = 0; i < count; i += 2)
        support_object_free(pool, handles[i]);
    /* There is room, in pages that are not to be. */
    assert_status(zc_zspool_alloc(pool, 1232, &handle), ZC_REJECTED);
    (void)support_compact(pool, NULL);
    for (i = 1; zc_zspool_page_count(pool) > 128; i += 2)
        support_object_free(pool, handles[i]);
    assert_status(zc_zspool_alloc(pool, 100, &handle), ZC_OK);
    support_object_free(pool, handle);
    assert_status(zc_zspool_set_limit(pool, 0), ZC_OK);
    for (; i < count; i += 2)
        support_object_free(pool, handles[i]);
    support_pool_check_empty(pool);
    zc_zspool_destroy(pool);
}

/* For what has nowhere else to be, and then as little as can be. */
TEST(beyond_the_limit_pages_are_few)
{
    static const char bytes[ZC_PAGE_SIZE_MIN];
    struct zc_zspool *pool;
    zc_handle handle;
    unsigned i;
    unsigned k;

    for (i = 0; i < 2; i++) {
        pool = new_pool(placements[i], 128 * KIB);
        (void)fill(pool, 4096);
        for (k = 1; k <= 10; k++) {
            assert_status(zc_zspool_put_beyond(pool, bytes, 4096, &handle),
                          ZC_OK);
            assert_true(zc_zspool_page_count(pool) <= 32 + 2 * k);
        }
        assert_status(zc_zspool_put(pool, bytes, 4096, &handle), ZC_REJECTED);
        assert_status(zc_zspool_set_limit(pool, 0), ZC_OK);
        support_pool_end(pool);
    }
}

/* ---- many threads ---- */

#define WORKERS 4
#define OWN_MAX 2000

static void check_limit(struct support_worker *worker,
                        const struct zc_zspool *pool, uint64_t limit)
{
    const uint64_t pages = zc_zspool_page_count(pool);

    if (pages * ZC_PAGE_SIZE_MIN > limit)
        support_mistake(worker, "%llu pages", (unsigned long long)pages);
}

/* Refused, it looks how much there is. */
static void put_until_refused(struct support_worker *worker)
{
    static const char bytes[ZC_PAGE_SIZE_MIN];
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    struct zc_zspool *pool = worker->context;
    zc_handle handle;

    while (zc_zspool_put(pool, bytes, 1232, &handle) == ZC_OK)
        check_limit(worker, pool, 1024 * KIB);
    (void)zc_zspool_get_stats(pool, &stats);
    if (stats.payload_bytes * 100 < 1024 * KIB * 97)
        support_mistake(worker, "refused at %llu bytes",
                        (unsigned long long)stats.payload_bytes);
}

/* None is refused for pages that another has, but has not placed. */
TEST(threads_fill_it_as_one_does)
{
    struct zc_zspool *pool;
    unsigned round;

    for (round = 0; round < 40; round++) {
        groups = round % 4 < 2 ? 4 : 1;
        pool = new_pool(placements[round % 2], 1024 * KIB);
        support_crowd(WORKERS, put_until_refused, pool, 0);
        assert_true(support_stats(pool).payload_bytes * 100 >= 1024 * KIB * 97);
        assert_true(resident_bytes(pool) <= 1024 * KIB);
        support_pool_end(pool);
    }
}

static void put_and_free(struct support_worker *worker)
{
    static const char bytes[ZC_PAGE_SIZE_MIN];
    struct zc_zspool *pool = worker->context;
    zc_handle own[OWN_MAX];
    unsigned count = 0;
    unsigned i;

    while (!support_is_stopped(worker)) {
        size_t size = support_random_size(&worker->random, ZC_PAGE_SIZE_MIN);
        zc_status status = zc_zspool_put(pool, bytes, size, &own[count]);

        check_limit(worker, pool, 688 * KIB);
        if (status == ZC_OK)
            count++;
        if (status != ZC_OK || count == OWN_MAX)
            for (i = count / 2; count > i;)
                (void)zc_zspool_free(pool, own[--count]);
    }
    while (count > 0)
        (void)zc_zspool_free(pool, own[--count]);
}

static void watch_limit(struct support_worker *worker)
{
    struct zc_zspool *pool = worker->context;

    while (!support_is_stopped(worker)) {
        check_limit(worker, pool, 688 * KIB);
        worker->operations++;
    }
}

TEST(it_is_above_its_limit_at_no_moment)
{
    struct support_crew crew;
    struct zc_zspool *pool;
    unsigned round;
    unsigned i;

    for (round = 0; round < 2; round++) {
        groups = 4;
        pool = new_pool(placements[round], 688 * KIB);
        support_crew_init(&crew);
        support_crew_add(&crew, watch_limit, pool);
        for (i = 0; i < WORKERS; i++)
            support_crew_add(&crew, put_and_free, pool);
        support_crew_run(&crew, 150);
        support_pool_check_empty(pool);
        zc_zspool_destroy(pool);
    }
}
