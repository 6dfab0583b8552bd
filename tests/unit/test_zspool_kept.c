/* SPDX-License-Identifier: MIT */
/*
 * test_zspool_kept.c - empty zspages are kept for a moment: what that saves
 * in system calls, and when they go back.
 */
#include <sys/mman.h>
#include <sys/types.h>

#include "support_pool.h"
#include "support_process.h"
#include "support_test.h"

#include <zcache/zcache.h>

#include "platform/processor.h"

#define SEGMENT ((size_t)16 * ZC_PAGE_SIZE_MIN)
#define BEGUN ((size_t)4 * ZC_PAGE_SIZE_MIN) /* what one begins with */

/* --wrap: the calls that the library makes. */
static unsigned calls;

void *__real_mmap(void *address, size_t length, int protection, int flags,
                  int file, off_t offset);
void *__wrap_mmap(void *address, size_t length, int protection, int flags,
                  int file, off_t offset);
int __real_munmap(void *address, size_t length);
int __wrap_munmap(void *address, size_t length);
int __real_madvise(void *address, size_t length, int advice);
int __wrap_madvise(void *address, size_t length, int advice);

void *__wrap_mmap(void *address, size_t length, int protection, int flags,
                  int file, off_t offset)
{
    calls++;
    return __real_mmap(address, length, protection, flags, file, offset);
}

int __wrap_munmap(void *address, size_t length)
{
    calls++;
    return __real_munmap(address, length);
}

int __wrap_madvise(void *address, size_t length, int advice)
{
    calls++;
    return __real_madvise(address, length, advice);
}

static uint64_t kept_bytes(const struct zc_zspool *pool)
{
    return support_stats(pool).kept_bytes;
}

/* Objects that are there all the time, in a segment that has no room for a
 * large one. */
static void fill_segment(struct zc_zspool *pool)
{
    unsigned i;

    for (i = 0; i < 15; i++)
        (void)support_object_new(pool, 4092, i, 0);
    (void)support_object_new(pool, 2000, i, 0);
    assert_int_equal(zc_zspool_page_count(pool), 16);
}

TEST_ON_DENSE(at_the_edge_a_put_and_a_free_cost_no_system_call)
{
    struct zc_zspool *pool = *state;
    unsigned other;
    unsigned i;

    /* The edge of an empty pool, and of a segment that is full. */
    for (other = 0; other < 2; other++) {
        if (other != 0)
            fill_segment(pool);
        support_object_free(pool, support_object_new(pool, 4000, 0, 0));
        calls = 0;
        for (i = 0; i < 1000; i++)
            support_object_free(pool, support_object_new(pool, 4000, 0, 0));
        /* A few for each second that has begun meanwhile. */
        if (calls > 40)
            fail_msg("%u system calls", calls);
        support_pool_check(pool);
    }
}

/* The chunk that comes and goes with two segments, of which one is kept. */
TEST_ON_DENSE(nor_does_the_edge_of_a_chunk)
{
    struct zc_zspool *pool = *state;
    zc_handle handles[40];
    unsigned round;
    unsigned i;

    for (round = 0; round < 100; round++) {
        if (round == 1)
            calls = 0;
        for (i = 0; i < 40; i++)
            handles[i] = support_object_new(pool, 4000, i, 0);
        for (i = 0; i < 40; i++)
            support_object_free(pool, handles[i]);
    }
    /* Two segments of three are populated, in four pieces, and discarded each
     * time; nothing is mapped and unmapped. */
    if (calls > 99 * 10 + 40)
        fail_msg("%u system calls", calls);
}

/* Up to so many pages as a segment has. */
TEST_ON_DENSE(nor_do_pages_that_come_and_go_alone)
{
    struct zc_zspool *pool = *state;
    zc_handle handles[20];
    unsigned round;
    unsigned i;

    for (round = 0; round < 1000; round++) {
        if (round == 1)
            calls = 0;
        for (i = 0; i < 16; i++)
            handles[i] = support_object_new(pool, 4096, i, 0);
        for (i = 0; i < 16; i++)
            support_object_free(pool, handles[i]);
        assert_true(kept_bytes(pool) <= SEGMENT);
    }
    if (calls > 40 * 16)
        fail_msg("%u system calls", calls);
    for (i = 0; i < 20; i++)
        handles[i] = support_object_new(pool, 4096, i, 0);
    for (i = 0; i < 20; i++)
        support_object_free(pool, handles[i]);
    assert_int_equal(kept_bytes(pool), SEGMENT);
    support_pool_check_empty(pool);
}

TEST_ON_DENSE(what_is_kept_is_no_pool_page_but_counted)
{
    struct zc_zspool *pool = *state;
    zc_handle handle = support_object_new(pool, 100, 1, 0);
    const char *memory =
        zc_location_address(&pool->arena, support_location_of(pool, handle));

    assert_int_equal(kept_bytes(pool), 0);
    support_object_free(pool, handle);
    assert_int_equal(zc_zspool_page_count(pool), 0);
    assert_int_equal(support_stats(pool).pool_bytes, 0);
    assert_int_equal(support_stats(pool).zspages, 0);
    assert_int_equal(kept_bytes(pool), BEGUN);
    assert_int_equal(support_resident_pages(memory, SEGMENT), 4);

    /* It is the next segment. */
    handle = support_object_new(pool, 100, 2, 0);
    assert_ptr_equal(
        zc_location_address(&pool->arena, support_location_of(pool, handle)),
        memory);
    assert_int_equal(kept_bytes(pool), 0);
    assert_int_equal(zc_zspool_page_count(pool), 4);
    support_object_free(pool, handle);
}

/* A segment that is kept, beside objects to put and free. */
static const char *keep_one(struct zc_zspool *pool, zc_handle *other_out)
{
    const char *memory;
    zc_handle handle;

    fill_segment(pool);
    handle = support_object_new(pool, 4000, 1, 0);
    memory = zc_location_address(&pool->arena,
                                 support_location_of(pool, handle) & ~7u);
    memory -= (uintptr_t)memory % ZC_PAGE_SIZE_MIN;
    support_object_free(pool, handle);
    *other_out = support_object_new(pool, 100, 3, 0);
    assert_int_equal(zc_zspool_page_count(pool), 16);
    assert_int_equal(kept_bytes(pool), BEGUN);
    assert_int_equal(support_resident_pages(memory, SEGMENT), 4);
    return memory;
}

static void expect_gone(struct zc_zspool *pool, const char *memory)
{
    assert_int_equal(kept_bytes(pool), 0);
    if (support_is_mapped(memory))
        assert_int_equal(support_resident_pages(memory, SEGMENT), 0);
    support_pool_check(pool);
}

TEST_ON_DENSE(a_free_in_a_later_second_gives_it_back)
{
    zc_handle other;
    const char *memory = keep_one(*state, &other);

    zc_clock_advance(2);
    assert_int_equal(kept_bytes(*state), BEGUN);
    support_object_free(*state, other);
    expect_gone(*state, memory);
}

TEST_ON_DENSE(and_a_put)
{
    zc_handle other;
    const char *memory = keep_one(*state, &other);

    zc_clock_advance(2);
    (void)support_object_new(*state, 100, 4, 0);
    expect_gone(*state, memory);
}

TEST_ON_DENSE(and_a_compaction)
{
    zc_handle other;
    const char *memory = keep_one(*state, &other);

    (void)support_compact(*state, NULL);
    expect_gone(*state, memory);
}

/* The chunk too: no address space is left behind. */
TEST_ON_DENSE(nothing_stays_mapped)
{
    struct zc_zspool *pool = *state;
    uint64_t before;
    unsigned round;

    for (round = 0; round < 2; round++) {
        support_object_free(pool, support_object_new(pool, 100, 1, 0));
        assert_status(zc_zspool_compact(pool, NULL, NULL), ZC_OK);
        if (round == 0)
            before = support_mapped_bytes();
    }
    support_assert_mapped(before);
    assert_null(pool->arena.kept_chunk);
}

/* Five pages, of segments of four: the second has one. */
TEST(it_goes_before_the_limit_refuses)
{
    const struct support_shape shape = {
        "", ZC_PLACEMENT_DENSE, 0, 0, .segment_pages = 4, .limit_pages = 5};
    struct zc_zspool *pool = support_pool_new(&shape);
    zc_handle handle;
    unsigned i;

    for (i = 0; i < 4; i++)
        (void)support_object_new(pool, 4092, i, 0);
    handle = support_object_new(pool, 2000, 9, 0);
    assert_int_equal(zc_zspool_page_count(pool), 5);
    support_object_free(pool, handle);
    assert_int_equal(kept_bytes(pool), 4096);
    /* Its page is another zspage's. */
    assert_status(zc_zspool_alloc(pool, 4096, &handle), ZC_OK);
    assert_int_equal(kept_bytes(pool), 0);
    assert_status(zc_zspool_alloc(pool, 4096, &handle), ZC_REJECTED);
    support_pool_check(pool);
    zc_zspool_destroy(pool);
}

TEST_ON_DENSE(and_before_a_limit_that_is_lowered)
{
    struct zc_zspool *pool = *state;
    zc_handle other;
    const char *memory = keep_one(pool, &other);

    assert_status(zc_zspool_set_limit(pool, 20 * 4096), ZC_OK);
    assert_int_equal(kept_bytes(pool), BEGUN);
    assert_status(zc_zspool_set_limit(pool, 19 * 4096), ZC_OK);
    expect_gone(pool, memory);
}

/* Its resident pages are its pool pages. */
TEST(kernel_placement_keeps_nothing)
{
    struct zc_zspool *pool = support_pool_new(SUPPORT_KERNEL);
    zc_handle handle = support_object_new(pool, 100, 1, 0);
    const char *memory =
        zc_location_address(&pool->arena, support_location_of(pool, handle));

    support_object_free(pool, handle);
    assert_int_equal(kept_bytes(pool), 0);
    assert_false(support_is_mapped(memory));
    zc_zspool_destroy(pool);
}

static uint64_t total_bytes(struct zc_cache *cache)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};

    assert_status(zc_cache_account(cache, &accounting), ZC_OK);
    assert_int_equal(accounting.pool_bytes, 0);
    return accounting.total_bytes;
}

TEST(a_cache_accounts_for_it)
{
    struct zc_cache *cache = NULL;
    char page[4096] = "a page";
    uint64_t kept;
    uint64_t with;

    assert_status(zc_cache_create(NULL, &cache), ZC_OK);
    assert_status(zc_cache_store(cache, zc_swp_make(0, 1), page), ZC_OK);
    assert_status(zc_cache_invalidate(cache, zc_swp_make(0, 1)), ZC_OK);
    kept = kept_bytes(zc_cache_zspool(cache));
    assert_true(kept > 0);
    with = total_bytes(cache);
    assert_status(zc_cache_compact(cache, NULL, NULL), ZC_OK);
    assert_int_equal(total_bytes(cache), with - kept);
    zc_cache_destroy(cache);
}
