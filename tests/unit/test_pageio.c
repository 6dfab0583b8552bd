/* SPDX-License-Identifier: MIT */
/* test_pageio.c - throttling, transfers that are waited for, and the end. */
#include "support_rig.h"

static struct rig rig;

static void begin(unsigned io_workers, unsigned writes_max)
{
    struct rig_options options = rig_defaults();

    options.io_workers = io_workers;
    options.cache.writes_max = writes_max;
    rig_init(&rig, &options);
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

static void throttle_waits_for_fewer(void **state)
{
    struct rig_thread threads[2];
    unsigned i;

    (void)state;
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

static zc_atomic_u32 is_destroyed;

static void destroy(void *context)
{
    (void)context;
    zc_pageio_destroy(&rig.pageio);
    zc_atomic_u32_store_relaxed(&is_destroyed, 1);
}

static void the_end_waits_for_writes(void **state)
{
    struct rig_thread thread;

    (void)state;
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
static void the_end_lets_go_of_stuck_folios(void **state)
{
    struct zc_folio *folio;

    (void)state;
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

static void transfers_that_are_waited_for(void **state)
{
    char page[ZC_PAGE_SIZE_MIN];
    char copy[ZC_PAGE_SIZE_MIN];

    (void)state;
    begin(1, 0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_status(
        zc_slot_claim(&rig.swap, rig_slot(2), &(struct zc_folio *){0}), ZC_OK);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 2);
    rig_fail_writes(&rig, 1);
    assert_status(zc_pageio_write_device(&rig.pageio, rig_slot(2), page),
                  ZC_IO_ERROR);
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITE_ERRORS), 1);
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 0);
    zc_slot_set_zero(&rig.swap, rig_slot(2), true);
    assert_status(zc_pageio_write_device(&rig.pageio, rig_slot(2), page),
                  ZC_OK);
    assert_false(zc_slot_is_zero(&rig.swap, rig_slot(2)));
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 1);
    assert_true(pthread_equal(rig.device.writer, pthread_self()));
    rig_fail_reads(&rig, 1);
    assert_status(zc_pageio_read_device(&rig.pageio, rig_slot(2), copy),
                  ZC_IO_ERROR);
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_SWAPINS), 0);
    assert_status(zc_pageio_read_device(&rig.pageio, rig_slot(2), copy), ZC_OK);
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_SWAPINS), 1);
    assert_memory_equal(page, copy, sizeof(page));
    zc_slot_release(&rig.swap, rig_slot(2), NULL, false);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throttle_waits_for_fewer),
        cmocka_unit_test(the_end_waits_for_writes),
        cmocka_unit_test(the_end_lets_go_of_stuck_folios),
        cmocka_unit_test(transfers_that_are_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
