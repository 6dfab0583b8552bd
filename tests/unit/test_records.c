/* SPDX-License-Identifier: MIT */
/* test_records.c - an array that grows and never moves. */
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "base/records.h"

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

#define TEST_OF_RECORDS(name)                                                  \
    static void name(struct zc_records *records);                              \
    TEST_WITH(name##_of, set_up, tear_down)                                    \
    {                                                                          \
        name(*state);                                                          \
    }                                                                          \
    static void name(struct zc_records *records)

TEST_OF_RECORDS(a_fresh_array_has_no_record)
{
    assert_false(zc_records_has(records, 0));
    assert_false(zc_records_has(records, UINT32_MAX));
    assert_int_equal(zc_records_bytes(records, 0), 0);
    assert_status(zc_records_reserve(records, 0), ZC_OK);
    assert_false(zc_records_has(records, 0));
}

TEST_OF_RECORDS(records_are_zeros_do_not_overlap_and_know_their_index)
{
    const struct record zero = {0};
    const uint32_t count = 20000;
    struct record *record;
    uint32_t i;

    assert_status(zc_records_reserve(records, count), ZC_OK);
    for (i = 0; i < count; i++) {
        assert_true(zc_records_has(records, i));
        record = zc_records_at(records, i);
        assert_memory_equal(record, &zero, sizeof(zero));
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

TEST_OF_RECORDS(records_stay_where_they_are_while_the_array_grows)
{
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

TEST_OF_RECORDS(blocks_begin_where_they_should)
{
    assert_status(zc_records_reserve(records, ZC_RECORDS_FIRST), ZC_OK);
    assert_true(zc_records_has(records, ZC_RECORDS_FIRST - 1));
    assert_false(zc_records_has(records, ZC_RECORDS_FIRST));
    assert_status(zc_records_reserve(records, ZC_RECORDS_FIRST + 1), ZC_OK);
    assert_true(zc_records_has(records, 3 * ZC_RECORDS_FIRST - 1));
    assert_false(zc_records_has(records, 3 * ZC_RECORDS_FIRST));
}

TEST_OF_RECORDS(more_than_the_most_is_rejected)
{
    assert_status(zc_records_reserve(records, ZC_RECORDS_MAX + 1), ZC_REJECTED);
    assert_status(zc_records_reserve(records, UINT32_MAX), ZC_REJECTED);
    assert_false(zc_records_has(records, ZC_RECORDS_MAX));
    assert_false(zc_records_has(records, 0));
}

TEST_OF_RECORDS(a_refused_block_leaves_the_ones_before_it)
{
    zc_inject_arm(ZC_INJECT_PAGES, 1, 1);
    assert_status(zc_records_reserve(records, 5000), ZC_NO_MEMORY);
    assert_true(zc_records_has(records, 0));
    assert_false(zc_records_has(records, ZC_RECORDS_FIRST));

    assert_status(zc_records_reserve(records, 5000), ZC_OK);
    assert_true(zc_records_has(records, 4999));
}

TEST_OF_RECORDS(resident_bytes_are_those_of_the_system)
{
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

TEST(threads_that_grow_it_together_lose_no_record)
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
