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

/* The clock stands still until a test moves it. */
static uint32_t seconds = 1000;

uint32_t __wrap_zc_clock_seconds(void);

uint32_t __wrap_zc_clock_seconds(void)
{
    return seconds;
}

static uint64_t kept_bytes(const struct zc_zspool *pool)
{
    return support_stats(pool).kept_bytes;
}

/* Objects that are there all the time, in a segment that has no room for a
 * large one. */
static void fill_segment(struct zc_zspool *pool)
{
    zc_handle handles[15];

    support_objects_new(pool, 4092, 15, handles);
    (void)support_object_new(pool, 2000, 15, 0);
    assert_int_equal(zc_zspool_page_count(pool), 16);
}

/* Puts and frees so many of that size, so often; returns the system calls of
 * all rounds but the first. */
static unsigned calls_of(struct zc_zspool *pool, size_t size, unsigned count,
                         unsigned rounds)
{
    zc_handle handles[40];
    unsigned round;

    for (round = 0; round < rounds; round++) {
        if (round == 1)
            calls = 0;
        support_objects_new(pool, size, count, handles);
        support_objects_free(pool, count, handles);
        assert_true(kept_bytes(pool) <= SEGMENT);
    }
    return calls;
}

TEST_ON_DENSE(at_an_edge_puts_and_frees_cost_few_system_calls)
{
    static const struct {
        const char *edge;
        size_t size;
        unsigned count;
        unsigned rounds;
        unsigned calls;
    } rows[] = {
        {"an empty pool", 4000, 1, 1000, 40},
        /* Two segments of three are populated, in four pieces, and discarded
         * each time; nothing is mapped and unmapped. */
        {"a chunk", 4000, 40, 100, 99 * 10 + 40},
        /* Up to so many pages as a segment has. */
        {"pages alone", 4096, 16, 1000, 40 * 16},
        {"a full segment", 4000, 1, 1000, 40},
    };
    unsigned i;

    for (i = 0; i < 4; i++) {
        (void)support_compact(pool, NULL); /* nothing is kept of another row */
        if (i == 3)
            fill_segment(pool);
        if (calls_of(pool, rows[i].size, rows[i].count, rows[i].rounds) >
            rows[i].calls)
            fail_msg("%u calls at the edge of %s", calls, rows[i].edge);
    }
}

TEST_ON_DENSE(no_more_is_kept_than_a_segment_has)
{
    (void)calls_of(pool, 4096, 20, 1);
    assert_int_equal(kept_bytes(pool), SEGMENT);
    support_pool_check_empty(pool);
}

static const char *memory_of(const struct zc_zspool *pool, zc_handle handle)
{
    const char *memory =
        zc_location_address(&pool->arena, support_location_of(pool, handle));

    return memory - (uintptr_t)memory % ZC_PAGE_SIZE_MIN;
}

TEST_ON_DENSE(what_is_kept_is_no_pool_page_but_counted)
{
    zc_handle handle = support_object_new(pool, 100, 1, 0);
    const char *memory = memory_of(pool, handle);

    assert_int_equal(kept_bytes(pool), 0);
    support_object_free(pool, handle);
    support_pool_check_empty(pool);
    assert_int_equal(support_stats(pool).pool_bytes, 0);
    assert_int_equal(kept_bytes(pool), BEGUN);
    assert_int_equal(support_resident_pages(memory, SEGMENT), 4);

    /* It is the next segment. */
    handle = support_object_new(pool, 100, 2, 0);
    assert_ptr_equal(memory_of(pool, handle), memory);
    assert_int_equal(kept_bytes(pool), 0);
    assert_int_equal(zc_zspool_page_count(pool), 4);
}

/* ---- when it goes back ---- */

static void free_later(struct zc_zspool *pool, zc_handle other)
{
    seconds += 2;
    assert_int_equal(kept_bytes(pool), BEGUN);
    support_object_free(pool, other);
}

static void put_later(struct zc_zspool *pool, zc_handle other)
{
    (void)other;
    seconds += 2;
    (void)support_object_new(pool, 100, 4, 0);
}

static void compact(struct zc_zspool *pool, zc_handle other)
{
    (void)other;
    (void)support_compact(pool, NULL);
}

static zc_status evict_none(void *context, zc_handle handle)
{
    (void)context;
    (void)handle;
    return ZC_BUSY;
}

static void reclaim(struct zc_zspool *pool, zc_handle other)
{
    (void)other;
    assert_status(zc_zspool_reclaim(pool, evict_none, NULL, 0, NULL), ZC_OK);
}

static void lower_the_limit(struct zc_zspool *pool, zc_handle other)
{
    (void)other;
    assert_status(zc_zspool_set_limit(pool, 20 * 4096), ZC_OK);
    assert_int_equal(kept_bytes(pool), BEGUN);
    assert_status(zc_zspool_set_limit(pool, 19 * 4096), ZC_OK);
}

/* A segment is kept, beside objects to put and free. */
TEST(it_goes_back_at_the_latest_when_it_is_promised)
{
    static void (*const ways[])(struct zc_zspool * pool, zc_handle other) = {
        free_later, put_later, compact, reclaim, lower_the_limit};
    struct zc_zspool *pool;
    const char *memory;
    zc_handle handle;
    unsigned i;

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        print_message("  way %u\n", i);
        pool = support_pool_with(SUPPORT_DENSE_16, 1);
        fill_segment(pool);
        handle = support_object_new(pool, 4000, 1, 0);
        memory = memory_of(pool, handle);
        support_object_free(pool, handle);
        handle = support_object_new(pool, 100, 3, 0);
        assert_int_equal(zc_zspool_page_count(pool), 16);
        assert_int_equal(kept_bytes(pool), BEGUN);
        assert_int_equal(support_resident_pages(memory, SEGMENT), 4);
        ways[i](pool, handle);
        assert_int_equal(kept_bytes(pool), 0);
        if (support_is_mapped(memory))
            assert_int_equal(support_resident_pages(memory, SEGMENT), 0);
        support_pool_end(pool);
    }
}

/* The chunk too: no address space is left behind. */
TEST_ON_DENSE(nothing_stays_mapped)
{
    uint64_t before = 0;
    const char *memory;
    zc_handle handle;
    unsigned round;

    for (round = 0; round < 2; round++) {
        handle = support_object_new(pool, 100, 1, 0);
        memory = memory_of(pool, handle);
        support_object_free(pool, handle);
        assert_true(support_is_mapped(memory));
        assert_status(zc_zspool_compact(pool, NULL, NULL), ZC_OK);
        assert_false(support_is_mapped(memory));
        if (round == 0)
            before = support_mapped_bytes();
    }
    support_assert_mapped(before);
}

/* What others map where a chunk has been is theirs, also when the pool ends. */
TEST(memory_that_went_back_is_no_more_the_pools)
{
    struct zc_zspool *pool = support_pool_new(SUPPORT_KERNEL);
    zc_handle handle = support_object_new(pool, 100, 1, 0);
    void *memory = (void *)(uintptr_t)memory_of(pool, handle);
    char *others;

    support_object_free(pool, handle);
    assert_false(support_is_mapped(memory));
    others = mmap(memory, ZC_PAGE_SIZE_MIN, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_equal(others, memory);
    others[0] = 7;
    support_pool_end(pool);
    assert_true(support_is_mapped(others));
    assert_int_equal(others[0], 7);
    (void)munmap(others, ZC_PAGE_SIZE_MIN);
}

/* Five pages, of segments of four: the second has one. */
TEST(it_goes_before_the_limit_refuses)
{
    const struct support_shape shape = {
        "", ZC_PLACEMENT_DENSE, 0, 0, .segment_pages = 4, .limit_pages = 5};
    struct zc_zspool *pool = support_pool_new(&shape);
    zc_handle handles[4];
    zc_handle handle;

    support_objects_new(pool, 4092, 4, handles);
    handle = support_object_new(pool, 2000, 9, 0);
    assert_int_equal(zc_zspool_page_count(pool), 5);
    support_object_free(pool, handle);
    assert_int_equal(kept_bytes(pool), 4096);
    /* Its page is another zspage's. */
    assert_status(zc_zspool_alloc(pool, 4096, &handle), ZC_OK);
    assert_int_equal(kept_bytes(pool), 0);
    assert_status(zc_zspool_alloc(pool, 4096, &handle), ZC_REJECTED);
    support_pool_end(pool);
}

/* Its resident pages are its pool pages. */
TEST_ON_KERNEL(kernel_placement_keeps_nothing)
{
    zc_handle handle = support_object_new(pool, 100, 1, 0);
    const char *memory = memory_of(pool, handle);

    support_object_free(pool, handle);
    assert_int_equal(kept_bytes(pool), 0);
    assert_false(support_is_mapped(memory));
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
