/* SPDX-License-Identifier: MIT */
/*
 * test_write_run.c - pages of adjacent slots go to a file in one step.
 *
 * The steps are counted where the library calls the system, and the pages are
 * compared when they are loaded again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pwritev() */
#endif
#include <errno.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <zcache/swap.h>
#include <zcache/zcache.h>

#include "support_backing.h"
#include "support_test.h"

#define PAGE 4096
#define SLOTS 64

static char directory[64];
static struct zc_cache *cache;
static unsigned run_calls;  /* of several pages */
static unsigned run_pages;  /* in them */
static bool are_runs_short; /* the system writes a part of each */
static off_t bad_offset;    /* no page is written there; -1: none */

/* ---- the system ---- */

ssize_t __real_pwrite(int file, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int file, const void *data, size_t size, off_t offset);
ssize_t __real_pwritev(int file, const struct iovec *parts, int count,
                       off_t offset);
ssize_t __wrap_pwritev(int file, const struct iovec *parts, int count,
                       off_t offset);
ssize_t __wrap_pwritev64(int file, const struct iovec *parts, int count,
                         off_t offset);

ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset)
{
    if (offset == bad_offset) {
        errno = EIO;
        return -1;
    }
    return __real_pwrite(file, data, size, offset);
}

ssize_t __wrap_pwrite64(int file, const void *data, size_t size, off_t offset)
{
    return __wrap_pwrite(file, data, size, offset);
}

ssize_t __wrap_pwritev(int file, const struct iovec *parts, int count,
                       off_t offset)
{
    run_calls++;
    run_pages += (unsigned)count;
    if (bad_offset >= offset && bad_offset < offset + count * PAGE)
        count = (int)((bad_offset - offset) / PAGE);
    else if (are_runs_short)
        count--;
    return count == 0 ? 0 : __real_pwritev(file, parts, count, offset);
}

ssize_t __wrap_pwritev64(int file, const struct iovec *parts, int count,
                         off_t offset)
{
    return __wrap_pwritev(file, parts, count, offset);
}

/* ---- pages ---- */

static void make_page(unsigned slot, unsigned char page_out[PAGE])
{
    unsigned i;

    memset(page_out, 0, PAGE);
    for (i = 0; i < PAGE / 8; i++)
        page_out[i] = (unsigned char)(slot * 31 + i);
}

static int set_up(void **state)
{
    (void)state;
    support_directory_make(directory);
    assert_status(zc_cache_create(ZC_CACHE_OPTIONS(.backing_path = directory,
                                                   .slot_count = SLOTS,
                                                   .lru_mode = ZC_LRU_ENTRY),
                                  &cache),
                  ZC_OK);
    run_calls = 0;
    run_pages = 0;
    are_runs_short = false;
    bad_offset = -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_cache_destroy(cache);
    support_directory_remove(directory, 0);
    return 0;
}

/* Every `step`-th slot gets its page, and then goes to the file. */
static void write_back(unsigned count, unsigned step)
{
    unsigned char page[PAGE];
    unsigned i;

    for (i = 0; i < count; i++) {
        make_page(i * step, page);
        assert_status(zc_cache_store(cache, zc_swp_make(0, i * step), page),
                      ZC_OK);
    }
    assert_status(zc_cache_writeback(cache, NULL, NULL), ZC_OK);
}

static void expect_pages(unsigned count, unsigned step)
{
    unsigned char expected[PAGE];
    unsigned char page[PAGE];
    unsigned i;

    for (i = 0; i < count; i++) {
        make_page(i * step, expected);
        memset(page, 0xa5, PAGE);
        assert_status(zc_cache_load(cache, zc_swp_make(0, i * step), page),
                      ZC_OK);
        assert_memory_equal(page, expected, PAGE);
    }
}

static struct zc_swap_stats stats_now(void)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_swap_get_stats(cache, 0, &stats), ZC_OK);
    return stats;
}

TEST_WITH(adjacent_slots_are_written_sixteen_at_a_time, set_up, tear_down)
{
    write_back(40, 1);
    assert_int_equal(run_calls, 3); /* 16, 16, 8 */
    assert_int_equal(run_pages, 40);
    assert_int_equal(stats_now().pages_written, 40);
    assert_int_equal(stats_now().cached_folios, 0);
    expect_pages(40, 1);
}

TEST_WITH(slots_that_are_apart_are_written_one_by_one, set_up, tear_down)
{
    write_back(20, 3);
    assert_int_equal(run_calls, 0);
    assert_int_equal(stats_now().pages_written, 20);
    expect_pages(20, 3);
}

TEST_WITH(a_step_that_ends_early_is_done_page_by_page, set_up, tear_down)
{
    are_runs_short = true;
    write_back(32, 1);
    assert_int_equal(run_calls, 2);
    assert_int_equal(stats_now().pages_written, 32);
    assert_int_equal(stats_now().write_errors, 0);
    expect_pages(32, 1);
}

TEST_WITH(only_the_page_that_cannot_be_written_stays_in_memory, set_up,
          tear_down)
{
    bad_offset = 5 * PAGE;
    write_back(16, 1);
    assert_int_equal(run_calls, 1);
    assert_int_equal(stats_now().pages_written, 15);
    assert_int_equal(stats_now().write_errors, 1);
    expect_pages(16, 1);
}
