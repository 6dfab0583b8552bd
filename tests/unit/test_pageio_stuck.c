/* SPDX-License-Identifier: MIT */
/* test_pageio_stuck.c - pages whose write failed are not lost, and not kept. */
#include <limits.h>

#include "support_rig.h"
#include "support_test.h"
#include "support_threads.h"

static struct support_device *const device = &rig.device;

static void expect_retry(uint32_t count, uint32_t expected)
{
    assert_int_equal(zc_pageio_retry(&rig.pageio, count), expected);
}

/* A stuck folio that only the swap cache knows. */
static void leave_stuck(uint64_t offset)
{
    rig_unlock(offset, rig_make_stuck(offset));
}

TEST(a_failed_page_is_stored_again_at_once)
{
    unsigned workers;
    uint64_t charged;

    for (workers = 0; workers <= 1; workers++) {
        rig_begin(&(struct rig_options){.io_workers = workers});
        rig_set_for(1, SUPPORT_HALVES, 3);
        charged = rig_charged(3);
        assert_true(charged > 0);
        atomic_store(&device->failing_writes, 1);
        assert_status(rig_write_back(1), ZC_OK);
        rig_settle();
        assert_true(rig_has_entry(1));
        assert_false(rig_is_cached(1));
        assert_int_equal(rig_charged(3), charged);
        assert_int_equal(rig_stat(ZC_STAT_WRITE_ERRORS), 1);
        assert_int_equal(rig_stat(ZC_STAT_STORED_AGAIN), 1);
        assert_int_equal(rig_stuck(), 0);
        rig_expect(1, SUPPORT_HALVES);
        /* The next time it is written. */
        assert_status(rig_write_back(1), ZC_OK);
        rig_settle();
        rig_expect(1, SUPPORT_HALVES);
        rig_end();
    }
}

RIG_TEST(no_limit_keeps_a_failed_page_out, .has_no_make_room = true)
{
    rig_fill(1, 2, 0);
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
    atomic_store(&device->failing_writes, 1);
    assert_status(rig_write_back(1), ZC_OK);
    assert_true(rig_has_entry(1));
}

RIG_TEST(a_locked_folio_is_stuck_until_a_retry_finds_it_unlocked,
         .io_workers = 1)
{
    struct zc_folio *folio = rig_make_stuck(1);

    assert_int_equal(rig_stuck(), 1);
    expect_retry(8, 1);
    assert_false(rig_has_entry(1));
    rig_unlock(1, folio);
    /* Dirty, so it did not leave with its last user. */
    assert_true(rig_is_cached(1));
    rig_expect(1, SUPPORT_HALVES);
    folio = rig_folio(1);
    expect_retry(8, 0);
    assert_int_equal(rig_stuck(), 0);
    assert_true(rig_has_entry(1));
    /* The test still has a reference. */
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE | ZC_FOLIO_DIRTY));
    rig_put(1, folio);
    rig_expect(1, SUPPORT_HALVES);
}

RIG_TEST(a_retry_looks_at_each_folio_once_the_oldest_first, .io_workers = 1)
{
    struct zc_folio *folios[4];
    unsigned i;

    for (i = 0; i < 4; i++)
        folios[i] = rig_make_stuck(i);
    assert_int_equal(rig_stuck(), 4);
    expect_retry(8, 4);
    expect_retry(3, 4);
    for (i = 0; i < 4; i++)
        rig_unlock(i, folios[i]);
    expect_retry(0, 4);
    expect_retry(3, 1);
    /* The last look was at 0, 1, 2. */
    assert_false(rig_has_entry(2));
    assert_true(rig_has_entry(3));
    expect_retry(3, 0);
}

/* ---- another thread has replaced or written it ---- */

RIG_TEST(a_newer_page_replaces_a_stuck_one, .io_workers = 1)
{
    leave_stuck(1);
    rig_set(1, SUPPORT_TEXT);
    assert_int_equal(rig_stuck(), 0);
    expect_retry(8, 0);
    assert_int_equal(rig_stat(ZC_STAT_STORED_AGAIN), 0);
    assert_false(rig_is_cached(1));
    rig_expect(1, SUPPORT_TEXT);
}

RIG_TEST(a_stuck_page_that_is_taken_does_not_come_back, .io_workers = 1)
{
    char page[ZC_PAGE_SIZE_MIN];

    leave_stuck(1);
    assert_status(rig_take(1, page), ZC_OK);
    assert_int_equal(zc_slot_count(rig_at(1)), 0);
    expect_retry(8, 0);
    assert_false(rig_has_entry(1));
}

/* The slot has another folio by now. */
RIG_TEST(a_retry_leaves_the_folio_that_came_after_it, .io_workers = 1)
{
    struct zc_folio *folio = rig_make_stuck(1);
    struct zc_folio *other;

    zc_swapcache_delete(&rig.swap, folio); /* pageio was not told */
    rig_unlock(1, folio);
    rig_set(1, SUPPORT_TEXT);
    other = rig_get(1);
    assert_status(zc_pageio_read(&rig.pageio, other, rig_at(1), NULL), ZC_OK);
    zc_folio_unlock(&rig.swap, other);
    assert_int_equal(rig_stuck(), 1);
    expect_retry(8, 0);
    assert_int_equal(rig_stuck(), 0);
    assert_true(zc_folio_has(other, ZC_FOLIO_SWAPCACHE));
    rig_put(1, other);
    rig_expect(1, SUPPORT_TEXT);
}

RIG_TEST(a_retry_may_come_after_the_device_has_gone, .io_workers = 1)
{
    leave_stuck(1);
    rig_forget(1);
    zc_swap_device_stop(&rig.swap.devices[0]);
    zc_swap_device_end(&rig.swap, &rig.swap.devices[0]);
    expect_retry(8, 0);
    rig_device_on(1);
}

/* ---- written once more ---- */

RIG_TEST(a_stuck_folio_can_be_written_by_its_user, .io_workers = 1)
{
    struct zc_folio *folio = rig_make_stuck(1);

    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    assert_int_equal(rig_stuck(), 0);
    rig_put(1, folio);
    expect_retry(8, 0);
    assert_int_equal(rig_stat(ZC_STAT_STORED_AGAIN), 0);
    rig_expect(1, SUPPORT_HALVES);
}

/* Writes a folio with a page that only the device takes, and fails. */
static void fail_to_write(uint64_t offset, struct zc_folio *folio)
{
    atomic_store(&device->failing_writes, 1);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    assert_true(zc_folio_has(folio, ZC_FOLIO_STUCK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_WRITEBACK));
    rig_put(offset, folio);
}

static void fail_to_write_noise(uint64_t offset)
{
    struct zc_folio *folio;

    rig_set(offset, SUPPORT_NOISE);
    folio = rig_get(offset);
    assert_status(zc_pageio_read(&rig.pageio, folio, rig_at(offset), NULL),
                  ZC_OK);
    fail_to_write(offset, folio);
}

RIG_TEST(a_stuck_page_that_does_not_compress_is_written_again,
         .cache.lru_mode = ZC_LRU_ZSPAGE)
{
    fail_to_write_noise(1);
    assert_int_equal(rig_stuck(), 1);
    rig_expect(1, SUPPORT_NOISE);
    atomic_store(&device->failing_writes, 1);
    expect_retry(8, 1);
    assert_int_equal(rig_stuck(), 1);
    rig_expect(1, SUPPORT_NOISE);
    expect_retry(8, 0);
    assert_int_equal(rig_stuck(), 0);
    assert_false(rig_is_cached(1));
    assert_true(rig_has_written(1));
    rig_expect(1, SUPPORT_NOISE);
}

RIG_TEST(a_stuck_page_is_not_written_to_a_device_that_goes,
         .cache.lru_mode = ZC_LRU_ZSPAGE)
{
    unsigned tries;

    fail_to_write_noise(1);
    tries = device->tries;
    zc_swap_device_stop(&rig.swap.devices[0]);
    expect_retry(8, 1);
    assert_int_equal(device->tries, tries);
    rig_expect(1, SUPPORT_NOISE);
    zc_swap_device_restart(&rig.swap.devices[0]);
    expect_retry(8, 0);
}

RIG_TEST(two_failed_writes_of_a_folio_are_one_stuck_folio,
         .cache.lru_mode = ZC_LRU_ZSPAGE)
{
    fail_to_write_noise(1);
    fail_to_write(1, rig_get(1));
    assert_int_equal(rig_stuck(), 1);
    expect_retry(8, 0);
    assert_int_equal(rig_stuck(), 0);
    assert_false(rig_is_cached(1));
    rig_expect(1, SUPPORT_NOISE);
}

static void retry_often(struct support_worker *worker)
{
    for (; worker->operations < 1000; worker->operations++)
        (void)zc_pageio_retry(&rig.pageio, 4);
}

RIG_TEST(threads_that_retry_at_once_lose_no_page,
         .cache.lru_mode = ZC_LRU_ZSPAGE)
{
    unsigned i;

    for (i = 0; i < 8; i++)
        fail_to_write_noise(i);
    atomic_store(&device->failing_writes, UINT_MAX);
    support_crowd(2, retry_often, NULL, 0);
    assert_int_equal(rig_stuck(), 8);
    atomic_store(&device->failing_writes, 0);
    expect_retry(8, 0);
    for (i = 0; i < 8; i++)
        rig_expect(i, SUPPORT_NOISE);
}
