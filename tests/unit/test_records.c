/* SPDX-License-Identifier: MIT */
/* test_records.c - an array that grows and never moves. */
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "base/records.h"
#include "platform/memory.h"

struct record {
    uint64_t number;
    uint32_t other[3]; /* 24 bytes: no power of two */
};

static int set_up(void **state)
{
    static struct zc_records records;

    zc_records_init(&records, sizeof(struct record));
    *state = &records;
    return 0;
}

static int tear_down(void **state)
{
    zc_inject_disarm();
    zc_records_destroy(*state);
    return 0;
}

TEST_WITH(a_fresh_array_has_no_record, set_up, tear_down)
{
    struct zc_records *records = *state;

    assert_false(zc_records_has(records, 0));
    assert_false(zc_records_has(records, UINT32_MAX));
    assert_int_equal(zc_records_bytes(records, 0), 0);
    assert_status(zc_records_reserve(records, 0), ZC_OK);
    assert_false(zc_records_has(records, 0));
}

TEST_WITH(new_records_read_as_zeros, set_up, tear_down)
{
    const struct record zero = {0};
    struct zc_records *records = *state;
    uint32_t i;

    assert_status(zc_records_reserve(records, 3000), ZC_OK);
    for (i = 0; i < 3000; i++) {
        assert_true(zc_records_has(records, i));
        assert_memory_equal(zc_records_at(records, i), &zero, sizeof(zero));
    }
}

TEST_WITH(records_do_not_overlap_and_know_their_index, set_up, tear_down)
{
    struct zc_records *records = *state;
    const uint32_t count = 20000;
    struct record *record;
    uint32_t i;

    assert_status(zc_records_reserve(records, count), ZC_OK);
    for (i = 0; i < count; i++) {
        record = zc_records_at(records, i);
        record->number = i;
        record->other[2] = ~i;
    }
    for (i = 0; i < count; i++) {
        record = zc_records_at(records, i);
        assert_int_equal(record->number, i);
        assert_int_equal(record->other[2], ~i);
        assert_int_equal(zc_records_index(records, record), i);
    }
}

TEST_WITH(records_stay_where_they_are_while_the_array_grows, set_up, tear_down)
{
    struct zc_records *records = *state;
    struct record *first;
    uint32_t count;

    assert_status(zc_records_reserve(records, 1), ZC_OK);
    first = zc_records_at(records, 0);
    first->number = 42;
    for (count = 1; count < 200000; count *= 3)
        assert_status(zc_records_reserve(records, count), ZC_OK);

    assert_ptr_equal(zc_records_at(records, 0), first);
    assert_int_equal(first->number, 42);
}

TEST_WITH(blocks_begin_where_they_should, set_up, tear_down)
{
    struct zc_records *records = *state;

    assert_status(zc_records_reserve(records, ZC_RECORDS_FIRST), ZC_OK);
    assert_true(zc_records_has(records, ZC_RECORDS_FIRST - 1));
    assert_false(zc_records_has(records, ZC_RECORDS_FIRST));
    assert_status(zc_records_reserve(records, ZC_RECORDS_FIRST + 1), ZC_OK);
    assert_true(zc_records_has(records, 3 * ZC_RECORDS_FIRST - 1));
    assert_false(zc_records_has(records, 3 * ZC_RECORDS_FIRST));
}

TEST_WITH(more_than_the_most_is_rejected, set_up, tear_down)
{
    struct zc_records *records = *state;

    assert_status(zc_records_reserve(records, ZC_RECORDS_MAX + 1), ZC_REJECTED);
    assert_status(zc_records_reserve(records, UINT32_MAX), ZC_REJECTED);
    assert_false(zc_records_has(records, ZC_RECORDS_MAX));
    assert_false(zc_records_has(records, 0));
}

TEST_WITH(a_refused_block_leaves_the_ones_before_it, set_up, tear_down)
{
    struct zc_records *records = *state;

    zc_inject_arm(ZC_INJECT_PAGES, 1, 1);
    assert_status(zc_records_reserve(records, 5000), ZC_NO_MEMORY);
    assert_true(zc_records_has(records, 0));
    assert_false(zc_records_has(records, ZC_RECORDS_FIRST));

    assert_status(zc_records_reserve(records, 5000), ZC_OK);
    assert_true(zc_records_has(records, 4999));
}

TEST_WITH(resident_bytes_are_counted_by_block_in_system_pages, set_up,
          tear_down)
{
    struct zc_records *records = *state;
    const size_t page = zc_pages_system_size();
    const size_t first_block = ZC_RECORDS_FIRST * sizeof(struct record);

    assert_int_equal(zc_records_bytes(records, 1), page);
    assert_int_equal(zc_records_bytes(records, ZC_RECORDS_FIRST),
                     zc_round_up(first_block, page));
    assert_int_equal(zc_records_bytes(records, ZC_RECORDS_FIRST + 1),
                     zc_round_up(first_block, page) + page);
}

TEST_WITH(resident_bytes_are_those_of_the_system, set_up, tear_down)
{
    struct zc_records *records = *state;
    const uint32_t count = 30000;
    uint64_t before;
    uint64_t after;
    uint32_t i;

    if (SUPPORT_SANITIZED || support_resident_bytes() == 0) {
        print_message("no exact resident bytes in this build: skipped\n");
        skip();
    }
    assert_status(zc_records_reserve(records, count), ZC_OK);
    before = support_resident_bytes();
    for (i = 0; i < count; i++)
        ((struct record *)zc_records_at(records, i))->number = 1;
    after = support_resident_bytes();
    assert_in_range(after - before, zc_records_bytes(records, count) - 16384,
                    zc_records_bytes(records, count) + 16384);
}

#define ROUNDS 400
#define WORKERS 3

/* One array a round, and all begin with its first block. */
struct growth {
    struct zc_records records[ROUNDS];
    pthread_barrier_t barrier;
};

static void reserve_and_mark(struct support_worker *worker)
{
    struct growth *growth = worker->context;
    struct record *record;
    unsigned round;

    for (round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&growth->barrier);
        if (zc_records_reserve(&growth->records[round], 3000) != ZC_OK) {
            support_mistake(worker, "refused");
            continue;
        }
        record = zc_records_at(&growth->records[round], worker->index);
        record->number = round + 1;
        record = zc_records_at(&growth->records[round], 2900 + worker->index);
        record->number = round + 1;
    }
}

TEST_WITH(threads_that_grow_it_together_lose_no_record, set_up, tear_down)
{
    static struct growth growth;
    struct support_crew crew;
    const struct record *record;
    unsigned round;
    uint32_t i;

    assert_int_equal(pthread_barrier_init(&growth.barrier, NULL, WORKERS), 0);
    support_crew_init(&crew);
    for (i = 0; i < WORKERS; i++)
        support_crew_add(&crew, reserve_and_mark, &growth);
    for (round = 0; round < ROUNDS; round++)
        zc_records_init(&growth.records[round], sizeof(struct record));
    support_crew_run(&crew, 0);

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < WORKERS; i++) {
            record = zc_records_at(&growth.records[round], i);
            assert_int_equal(record->number, round + 1);
            record = zc_records_at(&growth.records[round], 2900 + i);
            assert_int_equal(record->number, round + 1);
        }
        zc_records_destroy(&growth.records[round]);
    }
    (void)pthread_barrier_destroy(&growth.barrier);
}
