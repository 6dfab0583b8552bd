/* SPDX-License-Identifier: MIT */
/*
 * test_process.c - which process made a mark: with a page that the system wipes
 * in a child, and where it cannot, which the linker's madvise() makes of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support_process.h"
#include "support_test.h"

#include "base/inject.h"
#include "platform/memory.h"
#include "platform/process.h"

static bool refuses; /* madvise() does */

int __wrap_madvise(void *memory, size_t bytes, int advice);
int __real_madvise(void *memory, size_t bytes, int advice);

int __wrap_madvise(void *memory, size_t bytes, int advice)
{
    if (!refuses)
        return __real_madvise(memory, bytes, advice);
    errno = EINVAL;
    return -1;
}

/* A test with the page, and without. */
#define TEST_OF_BOTH(name)                                                     \
    static void name(void);                                                    \
    TEST(name##_either_way)                                                    \
    {                                                                          \
        for (int i = 0; i < 2; i++) {                                          \
            refuses = i != 0;                                                  \
            name();                                                            \
        }                                                                      \
    }                                                                          \
    static void name(void)

static void be_grandchild(void *context)
{
    support_check(zc_process_is_child(context), "a child's child is none");
}

static void be_child(void *context)
{
    struct zc_process_mark own;

    support_check(zc_process_is_child(context), "a child is none");
    support_check(zc_process_mark_init(&own) == ZC_OK, "a child has no mark");
    support_check(!zc_process_is_child(&own), "it is its own child");
    support_check(zc_process_is_child(context),
                  "a mark of its own changes another");
    support_run_child(be_grandchild, context);
    support_run_child(be_grandchild, &own);
    zc_process_mark_destroy(&own);
    zc_process_mark_destroy(context);
}

TEST_OF_BOTH(a_child_is_told_from_the_process_that_made_the_mark)
{
    struct zc_process_mark mark;
    struct zc_process_mark other;

    assert_status(zc_process_mark_init(&mark), ZC_OK);
    assert_status(zc_process_mark_init(&other), ZC_OK);
    assert_false(zc_process_is_child(&mark));
    support_run_child(be_child, &mark);
    assert_false(zc_process_is_child(&mark));
    assert_false(zc_process_is_child(&other));
    support_run_child(be_child, &other);
    zc_process_mark_destroy(&mark);
    assert_false(zc_process_is_child(&other));
    zc_process_mark_destroy(&other);
}

/* A mark takes memory only where that is said, and gives it back. */
TEST_OF_BOTH(what_a_mark_takes_is_said_and_given_back)
{
    const size_t page = zc_pages_system_size();
    const uint64_t before = support_mapped_bytes();
    struct zc_process_mark mark;

    assert_status(zc_process_mark_init(&mark), ZC_OK);
    assert_true(zc_process_mark_bytes(&mark) == 0 ||
                zc_process_mark_bytes(&mark) == page);
    support_assert_mapped(before + zc_process_mark_bytes(&mark));
    zc_process_mark_destroy(&mark);
    support_assert_mapped(before);
}

TEST(no_memory_is_that)
{
    struct zc_process_mark mark;

    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    assert_status(zc_process_mark_init(&mark), ZC_NO_MEMORY);
    zc_inject_disarm();
}
