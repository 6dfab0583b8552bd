/* SPDX-License-Identifier: MIT */
/* test_memory.c - page memory comes aligned and zero, and really goes back. */
#include "support_process.h"
#include "support_test.h"

#include "base/inject.h"
#include "platform/lock.h"
#include "platform/memory.h"

#define PAGES 64

static int disarm(void **state)
{
    (void)state;
    zc_inject_disarm();
    return 0;
}

TEST(small_memory_comes_zeroed_from_calloc)
{
    const char zeros[200] = {0};
    char *memory = zc_malloc(200);

    assert_non_null(memory);
    memset(memory, 1, 200);
    zc_free(memory);
    memory = zc_calloc(10, 20);
    assert_non_null(memory);
    assert_memory_equal(memory, zeros, 200);
    zc_free(memory);
    zc_free(NULL);
}

TEST(a_count_that_overflows_is_no_memory)
{
    assert_null(zc_calloc(SIZE_MAX / 2, 3));
    assert_null(zc_calloc(3, SIZE_MAX / 2));
}

TEST(a_block_takes_at_least_what_was_asked)
{
    void *memory = zc_malloc(1000);

    assert_true(zc_malloc_size(memory) >= 1000);
    assert_int_equal(zc_malloc_size(NULL), 0);
    zc_free(memory);
}

TEST_AFTER(failures_can_be_ordered, disarm)
{
    const size_t page = zc_pages_system_size();
    void *memory;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 2);
    assert_null(zc_malloc(8));
    assert_null(zc_calloc(1, 8));
    memory = zc_malloc(8);
    assert_non_null(memory);
    zc_free(memory);

    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    assert_null(zc_pages_map(page, page));
    memory = zc_pages_map(page, page);
    assert_non_null(memory);
    zc_pages_unmap(memory, page);
}

TEST(pages_are_aligned_as_asked_and_take_no_more_space)
{
    const size_t page = zc_pages_system_size();
    uint64_t before;
    size_t alignment;
    char *memory;

    zc_pages_unmap(zc_pages_map(page, page), page);
    for (alignment = page; alignment <= 64 * page; alignment *= 2) {
        before = support_mapped_bytes();
        memory = zc_pages_map(3 * page, alignment);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        support_assert_mapped(before + 3 * page);
        memory[0] = 1;
        memory[3 * page - 1] = 1;
        zc_pages_unmap(memory, 3 * page);
        support_assert_mapped(before);
        assert_false(support_is_mapped(memory));
    }
}

TEST(a_mapping_larger_than_the_address_space_is_refused)
{
    const size_t page = zc_pages_system_size();

    assert_null(zc_pages_map(SIZE_MAX / page * page, page));
    assert_null(zc_pages_map(SIZE_MAX / page * page, 4 * page));
    assert_null(zc_pages_map(SIZE_MAX / 16 * 15 / page * page, page));
}

/* Pages of memory, which go after the test. */
#define TEST_OF_PAGES(name)                                                    \
    static void name(size_t page, char *memory);                               \
    TEST(name##_of_pages)                                                      \
    {                                                                          \
        const size_t page = zc_pages_system_size();                            \
        char *memory = zc_pages_map(PAGES * page, page);                       \
                                                                               \
        assert_non_null(memory);                                               \
        name(page, memory);                                                    \
        zc_pages_unmap(memory, PAGES *page);                                   \
    }                                                                          \
    static void name(size_t page, char *memory)

TEST_OF_PAGES(pages_become_resident_where_they_are_touched)
{
    assert_int_equal(memory[5 * page], 0);
    assert_true(support_resident_pages(memory, PAGES * page) < PAGES);
    memory[7 * page] = 1;
    assert_int_equal(support_resident_pages(memory + 7 * page, page), 1);
}

TEST_OF_PAGES(populated_pages_are_resident_and_zero)
{
    size_t i;

    zc_pages_populate(memory + page, 8 * page);
    /* A hint: an old system ignores it. */
    if (support_resident_pages(memory + page, 8 * page) != 8)
        print_message("this system does not populate pages\n");
    for (i = 0; i < 9 * page; i++)
        assert_int_equal(memory[i], 0);
}

TEST_OF_PAGES(discarded_pages_are_not_resident_and_read_as_zeros)
{
    size_t i;

    memset(memory, 7, PAGES * page);
    zc_pages_discard(memory + 10 * page, 20 * page);
    assert_int_equal(support_resident_pages(memory + 10 * page, 20 * page), 0);
    assert_int_equal(support_resident_pages(memory, PAGES * page), PAGES - 20);
    for (i = 0; i < PAGES * page; i++)
        assert_int_equal(memory[i], i / page >= 10 && i / page < 30 ? 0 : 7);
}

TEST_OF_PAGES(a_part_of_a_page_is_not_discarded)
{
    memset(memory, 7, 4 * page);
    zc_pages_discard(memory + page / 2, page);
    zc_pages_discard(memory + 1, page - 2);
    zc_pages_discard(memory + 2 * page - 1, 2);
    assert_int_equal(support_resident_pages(memory, 4 * page), 4);
    zc_pages_discard(memory + page / 2, 2 * page);
    assert_int_equal(support_resident_pages(memory, 4 * page), 3);
    assert_int_equal(memory[page - 1], 7);
    assert_int_equal(memory[page], 0);
    assert_int_equal(memory[2 * page], 7);
}

static void allocate_under_spinlock(void *context) ZC_NO_LOCK_ANALYSIS
{
    struct zc_spinlock *lock = context;

    zc_spinlock_lock(lock);
    zc_free(zc_malloc(8));
}

TEST(memory_is_not_asked_for_under_a_spinlock)
{
    struct zc_spinlock lock;

    assert_status(zc_spinlock_init(&lock, ZC_RANK_SHARD, "some lock"), ZC_OK);
    support_assert_aborts(allocate_under_spinlock, &lock, "may block",
                          "'some lock'");
    zc_spinlock_destroy(&lock);
}

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>

TEST(closed_memory_is_poisoned_until_it_is_opened)
{
    const size_t page = zc_pages_system_size();
    char *memory = zc_pages_map(page, page);

    zc_memory_close(memory + 64, 128);
    assert_int_equal(__asan_address_is_poisoned(memory + 63), 0);
    assert_int_equal(__asan_address_is_poisoned(memory + 64), 1);
    assert_int_equal(__asan_address_is_poisoned(memory + 191), 1);
    assert_int_equal(__asan_address_is_poisoned(memory + 192), 0);
    zc_memory_open(memory + 64, 64);
    assert_int_equal(__asan_address_is_poisoned(memory + 127), 0);
    assert_int_equal(__asan_address_is_poisoned(memory + 128), 1);

    /* The next mapping at these addresses is not poisoned. */
    zc_pages_unmap(memory, page);
    assert_int_equal(__asan_address_is_poisoned(memory + 128), 0);
}
#endif
