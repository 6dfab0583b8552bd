/* SPDX-License-Identifier: MIT */
/* test_pageio_stuck.c - pages whose write failed are not lost, and not kept. */
#include "support_rig.h"
#include "support_test.h"

static struct rig rig;

static void begin(unsigned io_workers)
{
    struct rig_options options = rig_defaults();

    options.io_workers = io_workers;
    rig_init(&rig, &options);
}

static void put(uint64_t offset, struct zc_folio *folio)
{
    zc_swapcache_put(&rig.swap, rig_slot(offset), folio);
}

static struct zc_folio *make_stuck(uint64_t offset)
{
    rig_set(&rig, offset, SUPPORT_HALVES);
    return rig_make_stuck(&rig, offset);
}

static void unlock(uint64_t offset, struct zc_folio *folio)
{
    zc_folio_unlock(&rig.swap, folio);
    put(offset, folio);
}

TEST(stored_again_at_once)
{
    unsigned workers;
    uint64_t charged;

    for (workers = 0; workers <= 1; workers++) {
        begin(workers);
        rig_set_for(&rig, 1, SUPPORT_HALVES, 3);
        charged = rig_charged(&rig, 3);
        assert_true(charged > 0);
        rig_fail_writes(&rig, 1);
        assert_status(rig_write_back(&rig, 1), ZC_OK);
        rig_settle(&rig);
        assert_true(rig_has_entry(&rig, 1));
        assert_false(rig_is_cached(&rig, 1));
        assert_int_equal(rig_charged(&rig, 3), charged);
        assert_int_equal(rig_stat(&rig, ZC_STAT_WRITE_ERRORS), 1);
        assert_int_equal(rig_stat(&rig, ZC_STAT_STORED_AGAIN), 1);
        assert_int_equal(rig_stuck(&rig), 0);
        assert_int_equal(rig.pageio.stuck_count, 0);
        rig_expect(&rig, 1, SUPPORT_HALVES);
        /* The next time it is written. */
        assert_status(rig_write_back(&rig, 1), ZC_OK);
        rig_settle(&rig);
        rig_expect(&rig, 1, SUPPORT_HALVES);
        rig_end(&rig);
    }
}

/* Whatever the limit says. */
TEST(stored_again_over_the_limit)
{
    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    rig_set(&rig, 2, SUPPORT_HALVES);
    rig.zswap.make_room = NULL;
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
    rig_fail_writes(&rig, 1);
    assert_status(rig_write_back(&rig, 1), ZC_OK);
    assert_true(rig_has_entry(&rig, 1));
    rig_end(&rig);
}

TEST(stuck_while_somebody_has_it_locked)
{
    struct zc_folio *folio;

    begin(1);
    folio = make_stuck(1);
    assert_int_equal(rig_stuck(&rig), 1);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 1);
    assert_false(rig_has_entry(&rig, 1));
    unlock(1, folio);
    /* Dirty, so it did not leave with its last user. */
    assert_true(rig_is_cached(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_HALVES);
    folio = rig_folio(&rig, 1);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    assert_int_equal(rig_stuck(&rig), 0);
    assert_true(rig_has_entry(&rig, 1));
    /* The test still has a reference. */
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE | ZC_FOLIO_DIRTY));
    put(1, folio);
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}

TEST(each_is_looked_at_once)
{
    struct zc_folio *folios[4];
    unsigned i;

    begin(1);
    for (i = 0; i < 4; i++)
        folios[i] = make_stuck(i);
    assert_int_equal(rig_stuck(&rig), 4);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 4);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 3), 4);
    for (i = 0; i < 4; i++)
        unlock(i, folios[i]);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 0), 4);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 3), 1);
    /* The oldest first: the last look was at 0, 1, 2. */
    assert_false(rig_has_entry(&rig, 2));
    assert_true(rig_has_entry(&rig, 3));
    assert_int_equal(zc_pageio_retry(&rig.pageio, 3), 0);
    rig_end(&rig);
}

/* ---- another thread has replaced or written it ---- */

TEST(replaced)
{
    struct zc_folio *folio;

    begin(1);
    folio = make_stuck(1);
    unlock(1, folio);
    rig_set(&rig, 1, SUPPORT_TEXT);
    assert_int_equal(rig_stuck(&rig), 0);
    assert_int_equal(rig.pageio.stuck_count, 1);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    assert_int_equal(rig_stat(&rig, ZC_STAT_STORED_AGAIN), 0);
    assert_false(rig_is_cached(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_end(&rig);
}

TEST(taken)
{
    char page[ZC_PAGE_SIZE_MIN];
    struct zc_folio *folio;

    begin(1);
    folio = make_stuck(1);
    unlock(1, folio);
    assert_status(rig_take(&rig, rig_slot(1), page), ZC_OK);
    assert_int_equal(zc_slot_count(zc_slot_find(&rig.swap, rig_slot(1))), 0);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    assert_false(rig_has_entry(&rig, 1));
    rig_end(&rig);
}

/* C03: the slot has another folio by now. */
TEST(another_folio_is_there)
{
    struct zc_folio *folio;
    struct zc_folio *other;

    begin(1);
    folio = make_stuck(1);
    zc_swapcache_delete(&rig.swap, folio); /* pageio was not told */
    unlock(1, folio);
    rig_set(&rig, 1, SUPPORT_TEXT);
    assert_status(zc_swapcache_create(
                      &rig.swap, zc_slot_find(&rig.swap, rig_slot(1)), &other),
                  ZC_OK);
    assert_status(zc_pageio_read(&rig.pageio, other,
                                 zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                 NULL),
                  ZC_OK);
    zc_folio_unlock(&rig.swap, other);
    assert_int_equal(rig_stuck(&rig), 1);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    assert_int_equal(rig_stuck(&rig), 0);
    assert_true(zc_folio_has(other, ZC_FOLIO_SWAPCACHE));
    put(1, other);
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_end(&rig);
}

TEST(the_device_has_gone)
{
    struct zc_folio *folio;

    begin(1);
    folio = make_stuck(1);
    unlock(1, folio);
    rig_forget(&rig, rig_slot(1));
    zc_swap_device_stop(&rig.swap.devices[0]);
    zc_swap_device_end(&rig.swap, &rig.swap.devices[0]);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    rig_device_on(&rig, 1);
    rig_end(&rig);
}

/* ---- written once more ---- */

TEST(written_by_its_user)
{
    struct zc_folio *folio;

    begin(1);
    folio = make_stuck(1);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    assert_int_equal(rig_stuck(&rig), 0);
    put(1, folio);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    assert_int_equal(rig_stat(&rig, ZC_STAT_STORED_AGAIN), 0);
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}

/* Nothing but the device takes a page that does not compress. */
static void begin_with_noise(void)
{
    struct rig_options options = rig_defaults();

    options.cache.lru_mode = ZC_LRU_ZSPAGE;
    rig_init(&rig, &options);
}

/* Writes it through the swap cache, and fails. */
static void fail_to_write_noise(uint64_t offset)
{
    struct zc_folio *folio;
    bool created;

    rig_set(&rig, offset, SUPPORT_NOISE);
    assert_status(zc_swapcache_get(&rig.swap,
                                   zc_slot_find(&rig.swap, rig_slot(offset)),
                                   &folio, &created),
                  ZC_OK);
    assert_status(
        zc_pageio_read(&rig.pageio, folio,
                       zc_slot_find(rig.pageio.swap, rig_slot(offset)), NULL),
        ZC_OK);
    rig_fail_writes(&rig, 1);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    assert_true(zc_folio_has(folio, ZC_FOLIO_STUCK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_WRITEBACK));
    put(offset, folio);
}

TEST(written_where_the_zcache_will_not)
{
    begin_with_noise();
    fail_to_write_noise(1);
    assert_int_equal(rig_stuck(&rig), 1);
    rig_expect(&rig, 1, SUPPORT_NOISE);
    rig_fail_writes(&rig, 1);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 1);
    assert_int_equal(rig_stuck(&rig), 1);
    rig_expect(&rig, 1, SUPPORT_NOISE);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    assert_int_equal(rig_stuck(&rig), 0);
    assert_false(rig_is_cached(&rig, 1));
    assert_true(rig_has_written(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_NOISE);
    rig_end(&rig);
}

TEST(not_to_a_device_that_goes)
{
    unsigned writes;

    begin_with_noise();
    fail_to_write_noise(1);
    writes = rig_writes(&rig);
    zc_swap_device_stop(&rig.swap.devices[0]);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 1);
    assert_int_equal(rig_writes(&rig), writes);
    rig_expect(&rig, 1, SUPPORT_NOISE);
    zc_swap_device_restart(&rig.swap.devices[0]);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    rig_end(&rig);
}

/* Two writes of one folio failed: two records, one folio. */
TEST(stuck_twice)
{
    struct zc_folio *folio;
    bool created;

    begin_with_noise();
    fail_to_write_noise(1);
    assert_status(zc_swapcache_get(&rig.swap,
                                   zc_slot_find(&rig.swap, rig_slot(1)), &folio,
                                   &created),
                  ZC_OK);
    rig_fail_writes(&rig, 1);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    put(1, folio);
    assert_int_equal(rig.pageio.stuck_count, 2);
    assert_int_equal(rig_stuck(&rig), 1);
    assert_int_equal(zc_pageio_retry(&rig.pageio, 8), 0);
    assert_int_equal(rig_stuck(&rig), 0);
    assert_false(rig_is_cached(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_NOISE);
    rig_end(&rig);
}
