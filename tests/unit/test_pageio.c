/* SPDX-License-Identifier: MIT */
/* test_pageio.c - threads that wait for writes, and transfers waited for. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RUSAGE_THREAD */
#endif

#include <sched.h>
#include <sys/resource.h>

#include "support_rig.h"
#include "support_test.h"

static struct support_device *const device = &rig.device;

/* Returns when the count of writes and the WAITERS bit are as in `word`. */
static void await_writes(uint32_t word)
{
    while (rig_writes_under_way() != word)
        sched_yield();
}

static void throttle(void *context)
{
    (void)context;
    zc_pageio_throttle(&rig.pageio);
}

static void drain(void *context)
{
    (void)context;
    zc_pageio_drain(&rig.pageio);
}

static void write_back(unsigned first, unsigned count)
{
    unsigned i;

    for (i = first; i < first + count; i++) {
        rig_set(i, SUPPORT_HALVES);
        assert_status(rig_write_back(i), ZC_OK);
    }
}

/* ---- waiting for fewer ---- */

RIG_TEST(all_throttled_threads_go_on_with_one_write_less, .io_workers = 3,
         .cache.writes_max = 3)
{
    struct support_call threads[2];
    unsigned i;

    support_device_hold(device);
    write_back(0, 2);
    zc_pageio_throttle(&rig.pageio); /* two of three */
    write_back(2, 1);
    support_device_await_held(device, 3);
    for (i = 0; i < 2; i++)
        support_call_start(&threads[i], throttle, NULL);
    for (i = 0; i < 2; i++)
        assert_true(support_call_waits(&threads[i]));
    support_device_let_one_go(device);
    for (i = 0; i < 2; i++)
        support_call_join(&threads[i]);
}

RIG_TEST(a_drain_outlasts_a_throttle, .io_workers = 3, .cache.writes_max = 3)
{
    struct support_call throttler;
    struct support_call drainer;
    unsigned left;

    support_device_hold(device);
    write_back(0, 3);
    support_device_await_held(device, 3);
    support_call_start(&throttler, throttle, NULL);
    support_call_start(&drainer, drain, NULL);
    assert_true(support_call_waits(&throttler));
    assert_true(support_call_waits(&drainer));
    support_device_let_one_go(device);
    support_call_join(&throttler);
    await_writes(2 | ZC_WRITES_WAITERS);
    /* With two writes no thread waits, and there is room for one more. */
    zc_pageio_throttle(&rig.pageio);
    write_back(3, 1);
    assert_int_equal(rig_writes_under_way(), 3 | ZC_WRITES_WAITERS);
    for (left = 2; left > 0; left--) {
        support_device_let_one_go(device);
        await_writes(left | ZC_WRITES_WAITERS);
        assert_true(support_call_waits(&drainer));
    }
    support_device_let_one_go(device);
    support_call_join(&drainer);
    assert_int_equal(rig_writes_under_way(), 0);
}

static void write_back_one(void *context)
{
    (void)rig_write_back(*(const unsigned *)context);
}

/* A thread that must not wait writes by itself: then there are more writes than
 * writes_max. */
RIG_TEST(a_throttle_waits_for_writes_above_the_most_too, .io_workers = 2,
         .cache.writes_max = 2)
{
    unsigned slots[] = {2, 3};
    struct support_call writers[2];
    struct support_call throttler;
    unsigned i;

    support_device_hold(device);
    write_back(0, 2);
    for (i = 0; i < 2; i++) {
        rig_set(slots[i], SUPPORT_HALVES);
        support_call_start(&writers[i], write_back_one, &slots[i]);
    }
    support_device_await_held(device, 4);
    assert_int_equal(rig_writes_under_way(), 4);
    support_call_start(&throttler, throttle, NULL);
    await_writes(4 | ZC_WRITES_WAITERS);
    for (i = 3; i >= 2; i--) {
        support_device_let_one_go(device);
        await_writes(i | ZC_WRITES_WAITERS);
    }
    assert_true(support_call_waits(&throttler));
    support_device_let_one_go(device);
    support_call_join(&throttler);
    support_device_let_go(device);
    for (i = 0; i < 2; i++)
        support_call_join(&writers[i]);
}

static void shrink_all(void *context)
{
    uint64_t pages;

    (void)context;
    (void)zc_shrinker_shrink(&rig.shrinker, ZC_OWNER_ANY, UINT64_MAX, &pages);
}

RIG_TEST(a_shrink_waits_at_the_most_writes, .io_workers = 2,
         .cache.writes_max = 2)
{
    struct support_call shrinker;

    rig_fill(0, 8, 0);
    support_device_hold(device);
    support_call_start(&shrinker, shrink_all, NULL);
    support_device_await_held(device, 2);
    while (rig_writes_under_way() == 2)
        sched_yield();
    assert_int_equal(rig_writes_under_way(), 2 | ZC_WRITES_WAITERS);
    support_device_let_go(device);
    support_call_join(&shrinker);
    rig_expect_all(8);
}

#if defined(RUSAGE_THREAD)

#define MANY 64

struct sleeper {
    struct support_call thread;
    void (*wait)(void *context);
    long sleeps; /* of the thread, as the system counts them */
};

static void wait_and_count(void *context)
{
    struct sleeper *sleeper = context;
    struct rusage before;
    struct rusage after;

    (void)getrusage(RUSAGE_THREAD, &before);
    sleeper->wait(NULL);
    (void)getrusage(RUSAGE_THREAD, &after);
    sleeper->sleeps = after.ru_nvcsw - before.ru_nvcsw;
}

RIG_TEST(no_thread_is_woken_by_each_write_that_ends, .io_workers = 1,
         .cache.writes_max = MANY)
{
    struct sleeper sleepers[] = {{.wait = drain}, {.wait = throttle}};
    unsigned left;
    unsigned i;

    support_device_hold(device);
    write_back(0, MANY);
    support_device_await_held(device, 1);
    rig.pageio.writes_max = 2;
    for (i = 0; i < 2; i++)
        support_call_start(&sleepers[i].thread, wait_and_count, &sleepers[i]);
    for (i = 0; i < 2; i++)
        assert_true(support_call_waits(&sleepers[i].thread));
    for (left = MANY - 1; left > 0; left--) {
        support_device_let_one_go(device);
        await_writes(left | ZC_WRITES_WAITERS);
    }
    support_device_let_go(device);
    for (i = 0; i < 2; i++) {
        support_call_join(&sleepers[i].thread);
        /* One of them may come when all is over; the bit says that one slept.
         */
        assert_in_range(sleepers[i].sleeps, 0, MANY / 4);
    }
}

#endif

/* ---- the end ---- */

static void destroy(void *context)
{
    (void)context;
    zc_pageio_destroy(&rig.pageio);
}

RIG_TEST(the_end_waits_for_writes, .io_workers = 2)
{
    struct support_call thread;

    support_device_hold(device);
    write_back(0, 2);
    support_device_await_held(device, 2);
    support_call_start(&thread, destroy, NULL);
    assert_true(support_call_waits(&thread));
    support_device_let_go(device);
    support_call_join(&thread);
    assert_int_equal(rig_writes_under_way(), 0);
    assert_status(zc_pageio_init(&rig.pageio), ZC_OK);
}

/* The folio stays in the swap cache: the page is there for swapoff. */
RIG_TEST(the_end_lets_go_of_stuck_folios, .io_workers = 1)
{
    struct zc_folio *folio = rig_make_stuck(1);

    zc_folio_unlock(&rig.swap, folio);
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->references), 3);
    zc_pageio_destroy(&rig.pageio);
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->references), 2);
    rig_put(1, folio);
    assert_true(rig_is_cached(1));
    rig_expect(1, SUPPORT_HALVES);
    assert_status(zc_pageio_init(&rig.pageio), ZC_OK);
}

/* ---- transfers that are waited for ---- */

static char page[ZC_PAGE_SIZE_MIN];

static zc_status write_device(uint64_t offset)
{
    return zc_pageio_write_device(&rig.pageio, rig_at(offset), page);
}

static zc_status read_device(uint64_t offset)
{
    memset(page, 0, sizeof(page));
    return zc_pageio_read_device(&rig.pageio, rig_at(offset), page);
}

static void claim(uint64_t offset)
{
    assert_status(support_slot_claim(&rig.swap, rig_slot(offset),
                                     &(struct zc_folio *){0}),
                  ZC_OK);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, offset);
}

RIG_TEST(failures_in_turn_are_counted, .io_workers = 0)
{
    assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
    atomic_store(&device->failing_writes, 3);
    write_back(0, 2);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 2);
    /* Of either kind. */
    claim(2);
    assert_status(write_device(2), ZC_IO_ERROR);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 3);
    assert_int_equal(rig_stat(ZC_STAT_WRITE_ERRORS), 3);
    assert_status(write_device(2), ZC_OK);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
    support_slot_release(&rig.swap, rig_slot(2), NULL, false);
    atomic_store(&device->failing_writes, 1);
    write_back(3, 1);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 1);
    write_back(4, 2);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
}

RIG_TEST(a_transfer_that_is_waited_for_is_done_by_the_caller, .io_workers = 1)
{
    claim(2);
    atomic_store(&device->failing_writes, 1);
    assert_status(write_device(2), ZC_IO_ERROR);
    assert_int_equal(rig_stat(ZC_STAT_WRITE_ERRORS), 1);
    assert_int_equal(rig_stat(ZC_STAT_DISK_WRITES), 0);
    zc_slot_set_zero(rig_at(2), true);
    assert_status(write_device(2), ZC_OK);
    assert_false(zc_slot_is_zero(rig_at(2)));
    assert_int_equal(rig_stat(ZC_STAT_DISK_WRITES), 1);
    assert_true(pthread_equal(device->writer, pthread_self()));
    atomic_store(&device->failing_reads, 1);
    assert_status(read_device(2), ZC_IO_ERROR);
    assert_int_equal(rig_stat(ZC_STAT_DISK_SWAPINS), 0);
    assert_status(read_device(2), ZC_OK);
    assert_int_equal(rig_stat(ZC_STAT_DISK_SWAPINS), 1);
    assert_true(support_is_page(page, sizeof(page), SUPPORT_TEXT, 2));
    support_slot_release(&rig.swap, rig_slot(2), NULL, false);
}
