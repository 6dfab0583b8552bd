/* SPDX-License-Identifier: MIT */
/*
 * test_inject_pool.c - every operation of a pool with every request for memory
 * refused.
 *
 * An operation runs with its first request refused, then with its second, and
 * so on, until it has run without a refusal.  After each refusal it returns
 * ZC_NO_MEMORY, nothing has changed, and the next try succeeds.
 */
#include "base/inject.h"
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"

#define POINTS 2
#define COUNTDOWN_MAX 50 /* more chances than any operation has */
#define OBJECTS 60
#define SIZE 700

static const enum zc_inject_point points[POINTS] = {ZC_INJECT_MALLOC,
                                                    ZC_INJECT_PAGES};

/* A refusal once, or of everything from there on. */
static const uint32_t repeats[] = {1, UINT32_MAX};

/* What an operation works on. */
struct ground {
    struct zc_zspool *pool;
    zc_handle handles[2000];
    unsigned count;
    zc_handle made; /* by the operation */
    size_t size;    /* of what it makes */
};

struct operation {
    const char *name;
    void (*prepare)(struct ground *ground);
    zc_status (*run)(struct ground *ground);
    bool asks; /* for memory */
};

/* ---- what the pool is like before ---- */

static void leave_empty(struct ground *ground)
{
    ground->size = SIZE;
}

static void put_objects(struct ground *ground)
{
    support_objects_new(ground->pool, SIZE, OBJECTS, ground->handles);
    ground->count = OBJECTS;
    ground->size = SIZE;
}

static void leave_holes(struct ground *ground)
{
    support_sparse_objects(ground->pool, SIZE, OBJECTS, 5, ground->handles);
    ground->count = OBJECTS;
    ground->size = SIZE;
}

/* Until no zspage there is has room for another. */
static void fill_zspages(struct ground *ground)
{
    const size_t size = ground->pool->page_size;
    uint64_t pages;

    ground->size = size;
    do {
        pages = zc_zspool_page_count(ground->pool);
        ground->handles[ground->count] =
            support_object_new(ground->pool, size, ground->count, 0);
        ground->count++;
    } while (zc_zspool_page_count(ground->pool) == pages || ground->count == 1);
    ground->count--;
    support_object_free(ground->pool, ground->handles[ground->count]);
}

/* Until the next handle needs a block of cells more. */
static void fill_cells(struct ground *ground)
{
    while (zc_records_has(&ground->pool->handles.cells, ground->count)) {
        ground->handles[ground->count] =
            support_object_new(ground->pool, 24, ground->count, 0);
        ground->count++;
    }
    ground->size = 24;
}

/* ---- the operations ---- */

static zc_status allocate(struct ground *ground)
{
    return zc_zspool_alloc(ground->pool, ground->size, &ground->made);
}

static zc_status put(struct ground *ground)
{
    static char bytes[ZC_PAGE_SIZE_MAX];

    support_stamp(bytes, ground->size, 99, 99);
    return zc_zspool_put(ground->pool, bytes, ground->size, &ground->made);
}

static zc_status free_one(struct ground *ground)
{
    unsigned i = --ground->count;

    return zc_zspool_free(ground->pool, ground->handles[i]);
}

static zc_status write_one(struct ground *ground)
{
    char bytes[SIZE];

    support_stamp(bytes, SIZE, 0, 0);
    return zc_zspool_write(ground->pool, ground->handles[0], bytes, SIZE);
}

static zc_status read_one(struct ground *ground)
{
    struct zc_zspool_read read;
    zc_status status =
        zc_zspool_read_begin(ground->pool, ground->handles[0], &read);

    if (status == ZC_OK)
        zc_zspool_read_end(ground->pool, &read);
    return status;
}

static zc_status tag_one(struct ground *ground)
{
    return zc_zspool_change_tags(ground->pool, ground->handles[0], 0, 3, NULL);
}

static bool visit(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    (void)context;
    (void)handle;
    return data != NULL && size != 0;
}

static zc_status iterate(struct ground *ground)
{
    return zc_zspool_iterate(ground->pool, visit, NULL);
}

static zc_status compact(struct ground *ground)
{
    return zc_zspool_compact(ground->pool, NULL, NULL);
}

static zc_status count(struct ground *ground)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    zc_status status = zc_zspool_get_stats(ground->pool, &stats);

    if (status == ZC_OK && zc_zspool_print_classes(ground->pool, NULL, 0) == 0)
        status = ZC_CORRUPT;
    if (status == ZC_OK && zc_zspool_get_class(ground->pool, 0, &row) < 0)
        status = ZC_CORRUPT;
    return status;
}

static const struct operation operations[] = {
    {"alloc in an empty pool", leave_empty, allocate, true},
    {"alloc where there is room", leave_holes, allocate, false},
    {"alloc that needs a zspage", fill_zspages, allocate, false},
    {"alloc that needs cells", fill_cells, allocate, true},
    {"put in an empty pool", leave_empty, put, true},
    {"put that needs a zspage", fill_zspages, put, false},
    {"put that needs cells", fill_cells, put, true},
    {"free", put_objects, free_one, false},
    {"write", put_objects, write_one, false},
    {"read", put_objects, read_one, false},
    {"tags", put_objects, tag_one, false},
    {"iterate", put_objects, iterate, false},
    {"compact", leave_holes, compact, false},
    {"statistics", put_objects, count, false},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* ---- the sweep ---- */

#define TEST_OF_SHAPES(name)                                                   \
    static void name(const struct support_shape *shape);                       \
    TEST(name##_on_both)                                                       \
    {                                                                          \
        name(SUPPORT_DENSE);                                                   \
        name(SUPPORT_KERNEL);                                                  \
    }                                                                          \
    static void name(const struct support_shape *shape)

static void assert_unchanged(const struct zc_zspool_stats *before,
                             const struct zc_zspool_stats *after)
{
    assert_int_equal(after->objects, before->objects);
    assert_int_equal(after->payload_bytes, before->payload_bytes);
    assert_int_equal(after->pages_allocated, before->pages_allocated);
    assert_int_equal(after->zspages, before->zspages);
    assert_int_equal(after->limit_rejects, before->limit_rejects);
}

static void check_ground(struct ground *ground)
{
    struct zc_zspool_read read;
    unsigned i;

    support_pool_check(ground->pool);
    for (i = 0; i < ground->count; i++) {
        if (ground->handles[i].value == 0)
            continue;
        assert_status(
            zc_zspool_read_begin(ground->pool, ground->handles[i], &read),
            ZC_OK);
        assert_true(support_has_stamp(read.data, read.size, i, 0));
        zc_zspool_read_end(ground->pool, &read);
    }
}

/* One try in a pool of its own; returns how many refusals it met. */
static uint32_t try_once(const struct support_shape *shape,
                         const struct operation *operation,
                         enum zc_inject_point point, uint32_t countdown,
                         uint32_t repeat)
{
    static struct ground ground;
    struct zc_zspool_stats before;
    struct zc_zspool_stats after;
    uint32_t refused;
    zc_status status;

    memset(&ground, 0, sizeof(ground));
    ground.pool = support_pool_new(shape);
    operation->prepare(&ground);
    before = support_stats(ground.pool);

    zc_inject_arm(point, countdown, repeat);
    status = operation->run(&ground);
    refused = zc_inject_failures();
    zc_inject_disarm();

    if (refused == 0) {
        assert_status(status, ZC_OK);
    } else {
        assert_status(status, ZC_NO_MEMORY);
        assert_int_equal(ground.made.value, 0);
        after = support_stats(ground.pool);
        assert_unchanged(&before, &after);
        check_ground(&ground);
        assert_status(operation->run(&ground), ZC_OK);
    }
    check_ground(&ground);
    zc_zspool_destroy(ground.pool);
    return refused;
}

/* Returns how many chances of refusal the operation had. */
static uint32_t sweep(const struct support_shape *shape,
                      const struct operation *operation,
                      enum zc_inject_point point, uint32_t repeat)
{
    uint32_t countdown = 0;

    while (try_once(shape, operation, point, countdown, repeat) != 0)
        assert_true(++countdown < COUNTDOWN_MAX);
    return countdown;
}

TEST_OF_SHAPES(a_refused_operation_changes_nothing_and_can_be_repeated)
{
    uint64_t mapped = 0;
    uint32_t chances;
    unsigned round;
    unsigned i;
    unsigned j;
    unsigned k;

    /* In the second round malloc has all it needs: what grows then leaks. */
    for (round = 0; round < 2; round++) {
        if (round == 1)
            mapped = support_mapped_bytes();
        for (i = 0; i < OPERATIONS; i++) {
            chances = 0;
            for (j = 0; j < POINTS; j++)
                for (k = 0; k < 2; k++)
                    chances +=
                        sweep(shape, &operations[i], points[j], repeats[k]);
            if (operations[i].asks)
                assert_true(chances > 0);
        }
        if (round == 1)
            support_assert_mapped(mapped);
    }
}

TEST_OF_SHAPES(what_takes_no_memory_cannot_be_refused)
{
    unsigned i;
    unsigned j;

    for (i = 0; i < OPERATIONS; i++)
        if (operations[i].prepare == put_objects ||
            operations[i].prepare == leave_holes)
            for (j = 0; j < POINTS; j++)
                assert_int_equal(
                    sweep(shape, &operations[i], points[j], UINT32_MAX), 0);
}

TEST_OF_SHAPES(a_refused_creation_leaves_nothing)
{
    struct zc_zspool *pool;
    uint32_t countdown;
    uint32_t refused;
    uint64_t mapped;
    zc_status status;
    unsigned i;
    unsigned k;

    zc_zspool_destroy(support_pool_new(shape));
    mapped = support_mapped_bytes();
    for (i = 0; i < POINTS; i++)
        for (k = 0; k < 2; k++) {
            countdown = 0;
            do {
                pool = NULL;
                zc_inject_arm(points[i], countdown, repeats[k]);
                status = zc_zspool_create(
                    ZC_ZSPOOL_OPTIONS(.placement = shape->placement), &pool);
                refused = zc_inject_failures();
                zc_inject_disarm();
                assert_status(status, refused != 0 ? ZC_NO_MEMORY : ZC_OK);
                assert_int_equal(pool == NULL, refused != 0);
                zc_zspool_destroy(pool);
                assert_true(++countdown < COUNTDOWN_MAX);
            } while (refused != 0);
            if (points[i] == ZC_INJECT_MALLOC)
                assert_true(countdown > 3); /* the pool and its groups */
        }
    support_assert_mapped(mapped);
}
