/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_record.c - records: what a pool's user keeps beside the place of
 * an object, and records without one; in both placements.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#define SIZE 1000
#define OBJECTS 600 /* several segments */

/* A record of the user's. */
struct record {
    struct zc_cell cell;
    uint64_t number;
    uint64_t twice;
};

#define USER_BYTES (sizeof(struct record) - sizeof(struct zc_cell))

static int set_up(void **state)
{
    const unsigned placement = (unsigned)(uintptr_t)*state;
    static struct zc_zspool *pool;

    assert_status(zc_zspool_create_with_records(
                      ZC_ZSPOOL_OPTIONS(.placement = placement, .keep_lru = 1),
                      USER_BYTES, &pool),
                  ZC_OK);
    *state = pool;
    return 0;
}

static int tear_down(void **state)
{
    support_pool_check_empty(*state);
    zc_zspool_destroy(*state);
    return 0;
}

/* `pool` is a fresh one of either placement, and empty afterwards. */
#define TEST_OF_RECORDS(name)                                                  \
    TEST_POOL(name)                                                            \
    TEST_REGISTER_AS(name##_in_dense, name##_of, #name " (dense)", set_up,     \
                     tear_down, ZC_PLACEMENT_DENSE)                            \
    TEST_REGISTER_AS(name##_in_kernel, name##_of, #name " (kernel)", set_up,   \
                     tear_down, ZC_PLACEMENT_KERNEL)                           \
    static void name(struct zc_zspool *pool)

static struct record *put(struct zc_zspool *pool, unsigned number)
{
    const uint64_t user[2] = {number, 2 * (uint64_t)number};
    struct zc_cell *cell = NULL;
    char bytes[SIZE];

    support_stamp(bytes, SIZE, number, 0);
    assert_status(zc_zspool_put_record(pool, bytes, SIZE, false, user, &cell),
                  ZC_OK);
    return (struct record *)cell;
}

static void expect(struct zc_zspool *pool, const struct record *record,
                   unsigned number)
{
    struct zc_zspool_read read;

    assert_int_equal(record->number, number);
    assert_int_equal(record->twice, 2 * number);
    zc_zspool_read_record(pool, &record->cell, &read);
    assert_int_equal(read.size, SIZE);
    assert_true(support_has_stamp(read.data, SIZE, number, 0));
    zc_zspool_unread_record(pool, &read);
}

static zc_handle name_of(const struct zc_zspool *pool,
                         const struct record *record)
{
    return zc_handles_name(&pool->handles, &record->cell,
                           zc_cell_live_word(&pool->handles, &record->cell));
}

static void free_all(struct zc_zspool *pool, struct record **records,
                     unsigned first, unsigned step)
{
    unsigned i;

    for (i = first; i < OBJECTS; i += step)
        zc_zspool_free_record(pool, &records[i]->cell);
}

/* Also when half of them go, and the others move together. */
TEST_OF_RECORDS(a_record_has_what_its_user_put_and_leads_to_the_object)
{
    struct record *records[OBJECTS];
    unsigned i;

    for (i = 0; i < OBJECTS; i++)
        records[i] = put(pool, i);
    support_pool_check(pool);
    for (i = 0; i < OBJECTS; i++)
        expect(pool, records[i], i);
    free_all(pool, records, 0, 2);
    assert_true(support_compact(pool, NULL).objects_moved > 0);
    for (i = 1; i < OBJECTS; i += 2)
        expect(pool, records[i], i);
    free_all(pool, records, 1, 2);
}

/* The public calls still know an object by its handle, and a stale one; also
 * when the record is used again, without an object. */
TEST_OF_RECORDS(the_handle_of_a_record_is_checked_as_any)
{
    struct record *record = put(pool, 7);
    const zc_handle handle = name_of(pool, record);
    struct zc_cell *bare = NULL;
    size_t size = 0;

    assert_status(zc_zspool_object_size(pool, handle, &size), ZC_OK);
    assert_int_equal(size, SIZE);
    zc_zspool_free_record(pool, &record->cell);
    assert_status(zc_zspool_free(pool, handle), ZC_STALE);
    assert_status(zc_handles_take_bare(&pool->handles, &bare), ZC_OK);
    assert_status(zc_zspool_free(pool, handle), ZC_STALE);
    zc_handles_free_bare(&pool->handles, bare);
    record = put(pool, 8);
    assert_status(zc_zspool_free(pool, handle), ZC_STALE);
    assert_status(zc_zspool_free(pool, name_of(pool, record)), ZC_OK);
}

static bool count(void *context, zc_handle handle, const void *data,
                  size_t size)
{
    unsigned *visited = context;

    (void)handle;
    assert_true(support_has_stamp(data, size, 7, 0));
    (*visited)++;
    return true;
}

TEST_OF_RECORDS(bare_records_are_no_objects)
{
    const uint64_t bits = ZC_BITS(0, ZC_CELL_BARE_BITS);
    struct zc_cell *bare[OBJECTS];
    struct record *record;
    unsigned visited = 0;
    unsigned i;

    for (i = 0; i < OBJECTS; i++) {
        assert_status(zc_handles_take_bare(&pool->handles, &bare[i]), ZC_OK);
        zc_cell_set_bare(&pool->handles, bare[i], bits - i);
    }
    record = put(pool, 7);
    assert_status(zc_zspool_iterate(pool, count, &visited), ZC_OK);
    assert_int_equal(visited, 1);
    assert_int_equal(support_stats(pool).objects, 1);
    assert_int_equal(support_stats(pool).payload_bytes, SIZE);
    assert_status(zc_zspool_compact(pool, NULL, NULL), ZC_OK);
    for (i = 0; i < OBJECTS; i++)
        assert_int_equal(zc_cell_bare(bare[i]), bits - i);

    expect(pool, record, 7);
    zc_zspool_free_record(pool, &record->cell);
    for (i = 0; i < OBJECTS; i++)
        zc_handles_free_bare(&pool->handles, bare[i]);
}

/* A group keeps up to 15 at hand. */
TEST_OF_RECORDS(freed_records_are_used_again_bare_or_not)
{
    struct zc_cell *bare[2 * OBJECTS];
    struct record *records[OBJECTS];
    uint64_t first = 0;
    unsigned round;
    unsigned i;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 2 * OBJECTS; i++)
            assert_status(zc_handles_take_bare(&pool->handles, &bare[i]),
                          ZC_OK);
        for (i = 0; i < 2 * OBJECTS; i++)
            zc_handles_free_bare(&pool->handles, bare[i]);
        if (round == 0)
            first = support_stats(pool).handle_bytes;
        for (i = 0; i < OBJECTS; i++)
            records[i] = put(pool, i);
        free_all(pool, records, 0, 1);
    }
    assert_in_range(support_stats(pool).handle_bytes, first, first + 4096);
}

struct eviction {
    struct zc_zspool *pool;
    struct record *records[OBJECTS];
    unsigned calls;
};

/* The record of an object that is freed under reclaim says what it said. */
static zc_status evict(void *context, zc_handle handle)
{
    struct eviction *eviction = context;
    struct zc_zspool *pool = eviction->pool;
    const struct record *record =
        (const struct record *)zc_zspool_record_of(pool, handle);
    const unsigned number = (unsigned)record->number;
    struct record *other;

    assert_ptr_equal(record, eviction->records[number]);
    zc_zspool_free_record(pool, &eviction->records[number]->cell);
    /* Nor does any other object get it before that ends. */
    other = put(pool, 1000);
    assert_ptr_not_equal(other, record);
    zc_zspool_free_record(pool, &other->cell);
    assert_int_equal(record->number, number);
    assert_int_equal(record->twice, 2 * number);
    assert_ptr_equal(zc_zspool_record_of(pool, handle), &record->cell);
    eviction->calls++;
    return ZC_OK;
}

TEST_OF_RECORDS(under_reclaim_a_record_is_readable_until_it_ends)
{
    struct eviction eviction = {.pool = pool};
    uint64_t pages;
    unsigned i;

    for (i = 0; i < OBJECTS; i++)
        eviction.records[i] = put(pool, i);
    while (support_stats(pool).objects > 0)
        assert_status(zc_zspool_reclaim(pool, evict, &eviction, 1, &pages),
                      ZC_OK);
    assert_int_equal(eviction.calls, OBJECTS);
}

static void expect_cells(struct zc_zspool *pool, size_t bytes)
{
    static zc_handle handles[8192];

    support_objects_new(pool, 1, 8192, handles);
    assert_in_range(support_stats(pool).handle_bytes, 8192 * bytes,
                    8192 * bytes + 4 * 4096);
    support_objects_free(pool, 8192, handles);
}

TEST_OF_RECORDS(a_record_has_16_bytes_of_the_users)
{
    expect_cells(pool, 24);
}

TEST_ON_BOTH(a_pool_alone_has_records_of_a_cell)
{
    expect_cells(pool, 8);
}
