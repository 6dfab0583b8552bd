/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_record.c - records: what a pool's user keeps beside the place of
 * an object, and records without one; in both placements.
 */
#include "support_content.h"
#include "support_pool.h"
#include "support_test.h"

#include "zspool.h"

#define SIZE 1000
#define OBJECTS 600 /* several segments */

/* A record of the user's. */
struct record {
    struct zc_cell cell;
    uint64_t number;
    uint64_t twice;
};

#define USER_BYTES (sizeof(struct record) - sizeof(struct zc_cell))

static const unsigned placements[] = {ZC_PLACEMENT_DENSE, ZC_PLACEMENT_KERNEL};

static struct zc_zspool *begin(unsigned placement)
{
    struct zc_zspool *pool = NULL;

    assert_status(zc_zspool_create_with_records(
                      ZC_ZSPOOL_OPTIONS(.placement = placement, .keep_lru = 1),
                      USER_BYTES, &pool),
                  ZC_OK);
    return pool;
}

static void end(struct zc_zspool *pool)
{
    support_pool_check_empty(pool);
    zc_zspool_destroy(pool);
}

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

TEST(a_record_has_what_its_user_put_and_leads_to_the_object)
{
    struct record *records[OBJECTS];
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        struct zc_zspool *pool = begin(placements[k]);

        for (i = 0; i < OBJECTS; i++)
            records[i] = put(pool, i);
        support_pool_check(pool);
        for (i = 0; i < OBJECTS; i++)
            expect(pool, records[i], i);
        for (i = 0; i < OBJECTS; i++)
            zc_zspool_free_record(pool, &records[i]->cell);
        end(pool);
    }
}

/* Half of them go, and the others move together. */
TEST(a_record_stays_where_it_is_when_its_object_moves)
{
    struct record *records[OBJECTS];
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        struct zc_zspool *pool = begin(placements[k]);

        for (i = 0; i < OBJECTS; i++)
            records[i] = put(pool, i);
        for (i = 0; i < OBJECTS; i += 2)
            zc_zspool_free_record(pool, &records[i]->cell);
        assert_status(zc_zspool_compact(pool, NULL, &result), ZC_OK);
        assert_true(result.objects_moved > 0);
        for (i = 1; i < OBJECTS; i += 2) {
            expect(pool, records[i], i);
            zc_zspool_free_record(pool, &records[i]->cell);
        }
        end(pool);
    }
}

/* The public calls still know an object by its handle, and a stale one. */
TEST(the_handle_of_a_record_is_checked_as_any)
{
    unsigned k;

    for (k = 0; k < 2; k++) {
        struct zc_zspool *pool = begin(placements[k]);
        struct record *record = put(pool, 7);
        const zc_handle handle = name_of(pool, record);
        struct zc_cell *bare = NULL;
        size_t size = 0;

        assert_status(zc_zspool_object_size(pool, handle, &size), ZC_OK);
        assert_int_equal(size, SIZE);
        zc_zspool_free_record(pool, &record->cell);
        assert_status(zc_zspool_free(pool, handle), ZC_STALE);
        /* Also when the record is used again, without an object. */
        assert_status(zc_handles_take_bare(&pool->handles, &bare), ZC_OK);
        assert_status(zc_zspool_free(pool, handle), ZC_STALE);
        zc_handles_free_bare(&pool->handles, bare);
        record = put(pool, 8);
        assert_status(zc_zspool_free(pool, handle), ZC_STALE);
        assert_status(zc_zspool_free(pool, name_of(pool, record)), ZC_OK);
        end(pool);
    }
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

TEST(bare_records_are_no_objects)
{
    const uint64_t bits = ZC_BITS(0, ZC_CELL_BARE_BITS);
    struct zc_cell *bare[OBJECTS];
    unsigned visited;
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        struct zc_zspool *pool = begin(placements[k]);
        struct record *record;

        for (i = 0; i < OBJECTS; i++) {
            assert_status(zc_handles_take_bare(&pool->handles, &bare[i]),
                          ZC_OK);
            zc_cell_set_bare(&pool->handles, bare[i], bits - i);
        }
        record = put(pool, 7);

        visited = 0;
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
        end(pool);
    }
}

TEST(freed_records_are_used_again_bare_or_not)
{
    struct zc_zspool *pool = begin(ZC_PLACEMENT_DENSE);
    struct zc_cell *bare[2 * OBJECTS];
    struct record *records[OBJECTS];
    uint32_t used = 0;
    unsigned round;
    unsigned i;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 2 * OBJECTS; i++)
            assert_status(zc_handles_take_bare(&pool->handles, &bare[i]),
                          ZC_OK);
        for (i = 0; i < 2 * OBJECTS; i++)
            zc_handles_free_bare(&pool->handles, bare[i]);
        if (round == 0)
            used = zc_atomic_u32_load_relaxed(&pool->handles.used);
        for (i = 0; i < OBJECTS; i++)
            records[i] = put(pool, i);
        for (i = 0; i < OBJECTS; i++)
            zc_zspool_free_record(pool, &records[i]->cell);
    }
    /* A group keeps up to 15 at hand. */
    assert_in_range(zc_atomic_u32_load_relaxed(&pool->handles.used), used,
                    used + 15 * pool->group_count);
    end(pool);
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

TEST(under_reclaim_a_record_is_readable_until_it_ends)
{
    uint64_t pages;
    unsigned i;
    unsigned k;

    for (k = 0; k < 2; k++) {
        struct eviction eviction = {.pool = begin(placements[k])};

        for (i = 0; i < OBJECTS; i++)
            eviction.records[i] = put(eviction.pool, i);
        while (support_stats(eviction.pool).objects > 0)
            assert_status(
                zc_zspool_reclaim(eviction.pool, evict, &eviction, 1, &pages),
                ZC_OK);
        assert_int_equal(eviction.calls, OBJECTS);
        end(eviction.pool);
    }
}

TEST(a_pool_alone_has_records_of_a_cell)
{
    struct zc_zspool *pool = NULL;
    zc_handle handle;
    unsigned i;

    assert_status(zc_zspool_create(NULL, &pool), ZC_OK);
    for (i = 0; i < 8192; i++)
        assert_status(zc_zspool_alloc(pool, 1, &handle), ZC_OK);
    assert_in_range(support_stats(pool).handle_bytes, 8192 * 8,
                    8192 * 8 + 4 * 4096);
    zc_zspool_destroy(pool);

    pool = begin(ZC_PLACEMENT_DENSE);
    for (i = 0; i < 8192; i++)
        assert_status(zc_zspool_alloc(pool, 1, &handle), ZC_OK);
    assert_in_range(support_stats(pool).handle_bytes, 8192 * 24,
                    8192 * 24 + 4 * 4096);
    zc_zspool_destroy(pool);
}
