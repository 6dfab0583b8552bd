/* SPDX-License-Identifier: MIT */
/* test_pageio.c - throttling, transfers that are waited for, and the end. */
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "support_rig.h"
#include "support_test.h"

static struct rig rig;

static void begin(unsigned io_workers, unsigned writes_max)
{
    struct rig_options options = rig_defaults();

    options.io_workers = io_workers;
    options.cache.writes_max = writes_max;
    rig_init(&rig, &options);
}

/* Called in place of zc_unpark_all(): counts those that are for the writes. */
static atomic_uint wakes;

void __real_zc_unpark_all(struct zc_parking *parking,
                          const zc_atomic_u32 *word);
void __wrap_zc_unpark_all(struct zc_parking *parking,
                          const zc_atomic_u32 *word);

void __wrap_zc_unpark_all(struct zc_parking *parking, const zc_atomic_u32 *word)
{
    if (word == &rig.pageio.writes)
        atomic_fetch_add(&wakes, 1);
    __real_zc_unpark_all(parking, word);
}

/* And in place of zc_park_while(). */
static atomic_uint sleeps;

void __real_zc_park_while(struct zc_parking *parking, const zc_atomic_u32 *word,
                          uint32_t value);
void __wrap_zc_park_while(struct zc_parking *parking, const zc_atomic_u32 *word,
                          uint32_t value);

void __wrap_zc_park_while(struct zc_parking *parking, const zc_atomic_u32 *word,
                          uint32_t value)
{
    if (word == &rig.pageio.writes)
        atomic_fetch_add(&sleeps, 1);
    __real_zc_park_while(parking, word, value);
}

static uint32_t writes(void)
{
    return zc_atomic_u32_load_acquire(&rig.pageio.writes);
}

/* Returns when the count of writes and the WAITERS bit are as in `word`. */
static void await_writes(uint32_t word)
{
    while (writes() != word)
        sched_yield();
}

static void throttle(void *context)
{
    (void)context;
    zc_pageio_throttle(&rig.pageio);
}

static void write_back(unsigned first, unsigned count)
{
    unsigned i;

    for (i = first; i < first + count; i++) {
        rig_set(&rig, i, SUPPORT_HALVES);
        assert_status(rig_write_back(&rig, i), ZC_OK);
    }
}

TEST(throttle_waits_for_fewer)
{
    struct rig_thread threads[2];
    unsigned i;

    begin(3, 3);
    rig_hold(&rig);
    write_back(0, 2);
    zc_pageio_throttle(&rig.pageio); /* two of three */
    write_back(2, 1);
    rig_wait_for_waiting(&rig, 3);
    for (i = 0; i < 2; i++)
        rig_thread_start(&threads[i], throttle, NULL);
    for (i = 0; i < 2; i++)
        assert_true(rig_thread_waits(&threads[i]));
    rig_let_one_go(&rig);
    for (i = 0; i < 2; i++)
        rig_thread_join(&threads[i]);
    rig_end(&rig);
}

static void drain(void *context)
{
    (void)context;
    zc_pageio_drain(&rig.pageio);
}

static void write_back_one(void *context)
{
    (void)rig_write_back(&rig, *(const unsigned *)context);
}

TEST(who_waits_for_more_goes_on_sleeping)
{
    struct rig_thread throttler;
    struct rig_thread drainer;

    begin(3, 3);
    atomic_store(&wakes, 0);
    atomic_store(&sleeps, 0);
    rig_hold(&rig);
    write_back(0, 3);
    rig_wait_for_waiting(&rig, 3);
    rig_thread_start(&throttler, throttle, NULL);
    rig_thread_start(&drainer, drain, NULL);
    assert_true(rig_thread_waits(&throttler));
    assert_true(rig_thread_waits(&drainer));
    rig_let_one_go(&rig);
    rig_thread_join(&throttler);
    assert_true(rig_thread_waits(&drainer));
    await_writes(2 | ZC_WRITES_WAITERS);
    assert_int_equal(atomic_load(&wakes), 1);
    /* With two writes no thread waits, and there is room for one more. */
    zc_pageio_throttle(&rig.pageio);
    write_back(3, 1);
    assert_int_equal(writes(), 3 | ZC_WRITES_WAITERS);
    rig_let_one_go(&rig);
    await_writes(2 | ZC_WRITES_WAITERS);
    assert_int_equal(atomic_load(&wakes), 2);
    /* No thread waits for a count of 1: no wake. */
    rig_let_one_go(&rig);
    await_writes(1 | ZC_WRITES_WAITERS);
    assert_true(rig_thread_waits(&drainer));
    assert_int_equal(atomic_load(&wakes), 2);
    rig_let_one_go(&rig);
    rig_thread_join(&drainer);
    assert_int_equal(writes(), 0);
    assert_int_equal(atomic_load(&wakes), 3);
    /* Each slept once, and again when it was woken or the number changed. */
    assert_in_range(atomic_load(&sleeps), 2, 16);
    rig_let_go(&rig);
    rig_end(&rig);
}

/* A thread that must not wait writes by itself: then there are more writes than
 * writes_max. */
TEST(throttle_waits_for_those_above_the_most_too)
{
    unsigned slots[] = {2, 3};
    struct rig_thread writers[2];
    struct rig_thread throttler;
    unsigned i;

    begin(2, 2);
    atomic_store(&wakes, 0);
    rig_hold(&rig);
    write_back(0, 2);
    for (i = 0; i < 2; i++) {
        rig_set(&rig, slots[i], SUPPORT_HALVES);
        rig_thread_start(&writers[i], write_back_one, &slots[i]);
    }
    rig_wait_for_waiting(&rig, 4);
    assert_int_equal(writes(), 4);
    rig_thread_start(&throttler, throttle, NULL);
    await_writes(4 | ZC_WRITES_WAITERS);
    for (i = 3; i >= 2; i--) {
        rig_let_one_go(&rig);
        await_writes(i | ZC_WRITES_WAITERS);
    }
    assert_true(rig_thread_waits(&throttler));
    assert_int_equal(atomic_load(&wakes), 0);
    rig_let_one_go(&rig);
    rig_thread_join(&throttler);
    rig_let_go(&rig);
    for (i = 0; i < 2; i++)
        rig_thread_join(&writers[i]);
    rig_settle(&rig);
    assert_int_equal(atomic_load(&wakes), 1);
    rig_end(&rig);
}

TEST(nobody_is_woken_where_nobody_sleeps)
{
    unsigned workers;

    for (workers = 0; workers <= 2; workers++) {
        begin(workers, 2);
        atomic_store(&wakes, 0);
        write_back(0, 32);
        rig_settle(&rig);
        assert_int_equal(atomic_load(&wakes), 0);
        rig_end(&rig);
    }
}

TEST(failures_in_turn_are_counted)
{
    char page[ZC_PAGE_SIZE_MIN];

    begin(0, 0);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
    rig_fail_writes(&rig, 3);
    write_back(0, 2);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 2);
    /* Of whichever kind. */
    memset(page, 1, sizeof(page));
    assert_status(
        support_slot_claim(&rig.swap, rig_slot(2), &(struct zc_folio *){0}),
        ZC_OK);
    assert_status(
        zc_pageio_write_device(
            &rig.pageio, zc_slot_find(rig.pageio.swap, rig_slot(2)), page),
        ZC_IO_ERROR);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 3);
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITE_ERRORS), 3);
    assert_status(
        zc_pageio_write_device(
            &rig.pageio, zc_slot_find(rig.pageio.swap, rig_slot(2)), page),
        ZC_OK);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
    support_slot_release(&rig.swap, rig_slot(2), NULL, false);
    rig_fail_writes(&rig, 1);
    write_back(3, 1);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 1);
    write_back(4, 2);
    assert_int_equal(zc_pageio_failures(&rig.pageio), 0);
    rig_end(&rig);
}

static zc_atomic_u32 is_destroyed;

static void destroy(void *context)
{
    (void)context;
    zc_pageio_destroy(&rig.pageio);
    zc_atomic_u32_store_relaxed(&is_destroyed, 1);
}

TEST(the_end_waits_for_writes)
{
    struct rig_thread thread;

    begin(2, 0);
    rig_hold(&rig);
    write_back(0, 2);
    rig_wait_for_waiting(&rig, 2);
    rig_thread_start(&thread, destroy, NULL);
    assert_true(rig_thread_waits(&thread));
    rig_let_go(&rig);
    rig_thread_join(&thread);
    assert_int_equal(zc_atomic_u32_load_relaxed(&rig.pageio.writes), 0);
    assert_status(zc_pageio_init(&rig.pageio), ZC_OK);
    rig_end(&rig);
}

/* The folio stays in the swap cache: the page is there for swapoff. */
TEST(the_end_lets_go_of_stuck_folios)
{
    struct zc_folio *folio;

    begin(1, 0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    folio = rig_make_stuck(&rig, 1);
    zc_folio_unlock(&rig.swap, folio);
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->references), 3);
    zc_pageio_destroy(&rig.pageio);
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->references), 2);
    zc_swapcache_put(&rig.swap, rig_slot(1), folio);
    assert_true(rig_is_cached(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_HALVES);
    assert_status(zc_pageio_init(&rig.pageio), ZC_OK);
    rig_end(&rig);
}

TEST(transfers_that_are_waited_for)
{
    char page[ZC_PAGE_SIZE_MIN];
    char copy[ZC_PAGE_SIZE_MIN];

    begin(1, 0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_status(
        support_slot_claim(&rig.swap, rig_slot(2), &(struct zc_folio *){0}),
        ZC_OK);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 2);
    rig_fail_writes(&rig, 1);
    assert_status(
        zc_pageio_write_device(
            &rig.pageio, zc_slot_find(rig.pageio.swap, rig_slot(2)), page),
        ZC_IO_ERROR);
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITE_ERRORS), 1);
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 0);
    zc_slot_set_zero(zc_slot_find(&rig.swap, rig_slot(2)), true);
    assert_status(
        zc_pageio_write_device(
            &rig.pageio, zc_slot_find(rig.pageio.swap, rig_slot(2)), page),
        ZC_OK);
    assert_false(zc_slot_is_zero(zc_slot_find(&rig.swap, rig_slot(2))));
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 1);
    assert_true(pthread_equal(rig.device.writer, pthread_self()));
    rig_fail_reads(&rig, 1);
    assert_status(
        zc_pageio_read_device(&rig.pageio,
                              zc_slot_find(rig.pageio.swap, rig_slot(2)), copy),
        ZC_IO_ERROR);
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_SWAPINS), 0);
    assert_status(
        zc_pageio_read_device(&rig.pageio,
                              zc_slot_find(rig.pageio.swap, rig_slot(2)), copy),
        ZC_OK);
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_SWAPINS), 1);
    assert_memory_equal(page, copy, sizeof(page));
    support_slot_release(&rig.swap, rig_slot(2), NULL, false);
    rig_end(&rig);
}
