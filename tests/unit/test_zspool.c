/* SPDX-License-Identifier: MIT */
/* test_zspool.c - the contract of zspool.h; for bad input see
 * test_zspool_input.c, for walks test_zspool_visit.c. */
#include "support_content.h"
#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"

/* The i-th size from the largest down, 0 at the end: every size of small pages,
 * every so-manieth else. */
static size_t size_at(const struct zc_zspool *pool, unsigned i)
{
    const size_t step =
        pool->page_size == ZC_PAGE_SIZE_MIN ? 1 : pool->page_size / 512 + 1;

    return i * step < pool->page_size ? pool->page_size - i * step : 0;
}

static zc_handle put(struct zc_zspool *pool, size_t size, uint64_t owner,
                     uint64_t sequence)
{
    static char bytes[ZC_PAGE_SIZE_MAX];
    zc_handle handle = {0};

    support_stamp(bytes, size, owner, sequence);
    assert_status(zc_zspool_put(pool, bytes, size, &handle), ZC_OK);
    return handle;
}

TEST_ON_ALL(every_size_keeps_its_bytes_put_or_written)
{
    static zc_handle handles[ZC_PAGE_SIZE_MIN][2];
    size_t size;
    size_t got;
    unsigned i;

    for (i = 0; (size = size_at(pool, i)) != 0; i++) {
        handles[i][0] = support_object_new(pool, size, size, 9);
        handles[i][1] = put(pool, size, size, 10);
    }
    support_pool_check(pool);
    for (i = 0; (size = size_at(pool, i)) != 0; i++) {
        support_object_check(pool, handles[i][0], size, size, 9);
        support_object_check(pool, handles[i][1], size, size, 10);
        assert_status(zc_zspool_object_size(pool, handles[i][0], &got), ZC_OK);
        assert_int_equal(got, size);
    }
    for (i = 0; size_at(pool, i) != 0; i++)
        support_objects_free(pool, 2, handles[i]);
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(a_second_write_replaces_the_first)
{
    zc_handle before = support_object_new(pool, 1000, 1, 0);
    zc_handle handle = support_object_new(pool, 1000, 2, 0);
    zc_handle after = support_object_new(pool, 1000, 3, 0);
    char bytes[1000];
    unsigned i;

    for (i = 1; i < 10; i++) {
        support_stamp(bytes, sizeof(bytes), 2, i);
        assert_status(zc_zspool_write(pool, handle, bytes, sizeof(bytes)),
                      ZC_OK);
        support_object_check(pool, handle, 1000, 2, i);
    }
    support_object_check(pool, before, 1000, 1, 0);
    support_object_check(pool, after, 1000, 3, 0);
}

TEST_ON_BOTH(an_object_can_be_read_many_times_at_once)
{
    zc_handle handle = support_object_new(pool, 1234, 1, 1);
    struct zc_zspool_read reads[20];
    unsigned i;

    for (i = 0; i < 20; i++) {
        assert_status(zc_zspool_read_begin(pool, handle, &reads[i]), ZC_OK);
        assert_ptr_equal(reads[i].data, reads[0].data);
        assert_int_equal(reads[i].size, 1234);
    }
    for (i = 0; i < 20; i++) {
        assert_true(support_has_stamp(reads[i].data, 1234, 1, 1));
        zc_zspool_read_end(pool, &reads[i]);
    }
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
}

TEST_ON_BOTH(statistics_say_what_there_is)
{
    const uint64_t empty_metadata = support_stats(pool).metadata_bytes;
    struct zc_zspool_stats stats;
    zc_handle handles[100];
    uint64_t payload = 0;
    unsigned i;

    assert_true(empty_metadata > sizeof(*pool));
    for (i = 0; i < 100; i++) {
        handles[i] = support_object_new(pool, 30 * i + 1, i, 0);
        payload += 30 * i + 1;
        stats = support_stats(pool);
        assert_int_equal(stats.objects, i + 1);
        assert_int_equal(stats.payload_bytes, payload);
        assert_int_equal(stats.pages_allocated, zc_zspool_page_count(pool));
        assert_int_equal(stats.pool_bytes, stats.pages_allocated * 4096);
        assert_true(stats.pool_bytes >= payload);
        assert_in_range(stats.zspages, 1, i + 1);
    }
    assert_true(stats.handle_bytes >= 100 * sizeof(uint64_t));
    /* A descriptor for each zspage. */
    assert_true(stats.metadata_bytes - empty_metadata >= stats.zspages * 48);
    support_objects_free(pool, 100, handles);
    support_pool_check_empty(pool);
}

/* ---- what comes and goes ---- */

/* Nor are there more handles, or descriptors, than what is there once needs;
 * also when the objects are of another class. */
TEST_ON_BOTH(a_pool_that_is_filled_again_is_no_larger)
{
    static zc_handle handles[3000];
    struct zc_zspool_stats stats[2];
    unsigned round;

    for (round = 0; round < 10; round++) {
        support_objects_new(pool, round % 2 == 0 ? 600 : 900, 3000, handles);
        if (round < 2)
            stats[round] = support_stats(pool);
        assert_int_equal(support_stats(pool).metadata_bytes,
                         stats[round == 0 ? 0 : 1].metadata_bytes);
        assert_in_range(support_stats(pool).handle_bytes, stats[0].handle_bytes,
                        stats[0].handle_bytes + 4096);
        support_objects_free(pool, 3000, handles);
    }
}

/* All that is left is in the first zspages, whose chunks stay. */
TEST_ON_BOTH(pages_of_freed_objects_are_not_resident)
{
    static zc_handle handles[2000];
    struct zc_zspool_read read;
    const char *memory[2000];
    unsigned resident = 0;
    unsigned i;

    support_objects_new(pool, 4000, 2000, handles);
    for (i = 0; i < 2000; i++) {
        assert_status(zc_zspool_read_begin(pool, handles[i], &read), ZC_OK);
        memory[i] = read.data;
        zc_zspool_read_end(pool, &read);
        memory[i] -= (uintptr_t)memory[i] % ZC_PAGE_SIZE_MIN;
    }
    for (i = 0; i < 2000; i++)
        if (i % 400 != 0)
            support_objects_free(pool, 1, &handles[i]);
    (void)support_compact(pool, NULL);
    for (i = 0; i < 2000; i++)
        if (support_is_mapped(memory[i]))
            resident +=
                (unsigned)support_resident_pages(memory[i], ZC_PAGE_SIZE_MIN);
    assert_in_range(resident, 1, zc_zspool_page_count(pool) + 5);
    support_objects_check(pool, 4000, 2000, handles);
}

TEST(destroying_a_full_pool_gives_all_its_memory_back)
{
    const struct support_shape *shape;
    struct zc_zspool *pool;
    uint64_t before = 0;
    unsigned round;
    unsigned i;

    for (shape = SUPPORT_DENSE; shape <= SUPPORT_KERNEL; shape++)
        for (round = 0; round < 3; round++) {
            if (round == 1) /* malloc has grown in the first */
                before = support_mapped_bytes();
            pool = support_pool_new(shape);
            for (i = 0; i < 5000; i++)
                (void)support_object_new(pool, i % 4096 + 1, i, 0);
            zc_zspool_destroy(pool);
            if (round > 0)
                support_assert_mapped(before);
        }
}

/* ---- several pools, and other processes ---- */

TEST(pools_do_not_know_each_other)
{
    struct zc_zspool *pools[4];
    zc_handle handles[4];
    unsigned i;

    for (i = 0; i < 4; i++) {
        pools[i] =
            support_pool_new(i % 2 == 0 ? SUPPORT_DENSE : SUPPORT_KERNEL);
        handles[i] = support_object_new(pools[i], 500, i, 0);
    }
    zc_zspool_destroy(pools[1]);
    for (i = 0; i < 4; i++)
        if (i != 1)
            support_object_check(pools[i], handles[i], 500, i, 0);
    support_object_free(pools[0], handles[0]);
    assert_int_equal(support_stats(pools[2]).objects, 1);
    zc_zspool_destroy(pools[0]);
    zc_zspool_destroy(pools[2]);
    zc_zspool_destroy(pools[3]);
}

static void destroy_it(void *context)
{
    zc_zspool_destroy(context);
}

TEST_ON_BOTH(a_child_can_destroy_the_pool_and_the_parent_goes_on)
{
    zc_handle handles[200];

    support_objects_new(pool, 700, 200, handles);
    support_run_child(destroy_it, pool);
    support_objects_check(pool, 700, 200, handles);
}
