/* SPDX-License-Identifier: MIT */
/* test_writeback.c - one entry to the device, and every way not to get there.
 */
#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

static struct support_device *const device = &rig.device;

/* As after an attempt that came to nothing. */
static void check_untouched(uint64_t offset)
{
    assert_true(rig_has_entry(offset));
    assert_false(rig_is_cached(offset));
    assert_int_equal(rig_users(), 0);
    assert_int_equal(rig_stat(ZC_STAT_ZSWPWB), 0);
    assert_int_equal(device->tries, 0);
    rig_expect(offset, SUPPORT_HALVES);
}

static zc_status write_back_by(const struct zc_zswap_token *token)
{
    return zc_writeback_page(&rig.pageio, NULL, rig_slot(1), token);
}

/* ---- done ---- */

TEST(a_page_written_back_is_on_the_device_alone)
{
    unsigned workers;

    for (workers = 0; workers <= 2; workers++) {
        rig_begin(&(struct rig_options){.io_workers = workers});
        rig_fill(1, 2, 0);
        assert_status(rig_write_back(1), ZC_OK);
        rig_settle();
        assert_false(rig_has_entry(1));
        assert_false(rig_is_cached(1));
        assert_true(rig_has_written(1));
        assert_true(rig_has_entry(2));
        assert_int_equal(rig_stat(ZC_STAT_ZSWPWB), 1);
        assert_int_equal(rig_stat(ZC_STAT_DISK_WRITES), 0);
        assert_int_equal(rig_users(), 0);
        rig_expect(1, SUPPORT_HALVES);
        rig_end();
    }
}

RIG_TEST(all_else_is_done_when_the_device_gets_the_page, .io_workers = 0)
{
    rig_set(1, SUPPORT_HALVES);
    device->on_write = rig_look;
    assert_status(rig_write_back(1), ZC_OK);
    assert_int_equal(rig.seen.calls, 1);
    assert_true(rig.seen.is_cached);
    assert_true(rig.seen.users > 0);
    assert_false(rig.seen.has_entry);
}

/* The slot can be invalidated as soon as the write has ended. */
RIG_TEST(writeback_keeps_nothing_of_a_submitted_page, .io_workers = 1)
{
    struct zc_folio *folio;

    rig_set(1, SUPPORT_HALVES);
    support_device_hold(device);
    assert_status(rig_write_back(1), ZC_OK);
    folio = rig_folio(1);
    /* The cache's, the write's, the test's. */
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->references), 3);
    rig_put(1, folio);
    /* The request's. */
    assert_int_equal(rig_users(), 1);
}

/* ---- left alone ---- */

RIG_TEST(a_slot_in_use_is_busy, .io_workers = 0)
{
    struct zc_folio *folio;

    rig_set(1, SUPPORT_HALVES);
    assert_status(zc_slot_pin(&rig.swap, rig_at(1), NULL), ZC_OK);
    assert_status(rig_write_back(1), ZC_BUSY);
    zc_slot_unpin(&rig.swap, rig_at(1));
    check_untouched(1);
    assert_status(zc_swapcache_create(&rig.swap, rig_at(1), &folio), ZC_OK);
    assert_status(rig_write_back(1), ZC_BUSY);
    zc_folio_unlock(&rig.swap, folio);
    assert_status(rig_write_back(1), ZC_BUSY);
    assert_int_equal(rig_stat(ZC_STAT_WRITEBACK_BUSY), 3);
    rig_put(1, folio);
    check_untouched(1);
}

RIG_TEST(a_free_slot_is_missing, .io_workers = 0)
{
    struct zc_zswap_token token;

    rig_set(1, SUPPORT_HALVES);
    token = rig_token(1, false);
    rig_forget(1);
    assert_status(write_back_by(&token), ZC_MISSING);
    assert_status(zc_writeback_page(&rig.pageio, NULL, rig_slot(4000), &token),
                  ZC_MISSING);
    assert_int_equal(rig_stat(ZC_STAT_WRITEBACK_STALE), 2);
    assert_int_equal(device->tries, 0);
}

/* Another page is stored there by now, and what was made for the older one is
 * gone. */
static void store_after_the_look(bool by_handle)
{
    struct zc_zswap_token token;

    rig_set(1, SUPPORT_HALVES);
    token = rig_token(1, by_handle);
    rig_fill(1, 2, 0);
    assert_status(write_back_by(&token), ZC_MISSING);
    assert_int_equal(rig_stat(ZC_STAT_WRITEBACK_STALE), 1);
    check_untouched(1);
    check_untouched(2);
    token = rig_token(1, by_handle);
    assert_status(write_back_by(&token), ZC_OK);
    assert_true(rig_has_written(1));
    rig_expect(1, SUPPORT_HALVES);
    /* Nothing keeps the slot: it can be freed. */
    rig_forget(1);
    assert_int_equal(zc_slot_count(rig_at(1)), 0);
    assert_int_equal(zc_counter_read(&rig.swap.devices[0].used), 1);
}

RIG_TEST(a_newer_page_is_left_alone, .io_workers = 0)
{
    store_after_the_look(false);
}

RIG_TEST(a_newer_object_is_left_alone, .cache.lru_mode = ZC_LRU_ZSPAGE)
{
    store_after_the_look(true);
}

RIG_TEST(a_type_without_a_device_is_invalid, .io_workers = 0)
{
    const struct zc_zswap_token token = {.index = 0};
    const zc_swp slot = zc_swp_make(3, 1);
    char page[ZC_PAGE_SIZE_MIN];

    support_make_page(page, sizeof(page), SUPPORT_HALVES, 1);
    assert_status(zc_zswap_store(&rig.zswap, slot, page, 0, false), ZC_OK);
    assert_status(zc_writeback_page(&rig.pageio, NULL, slot, &token),
                  ZC_INVALID);
    (void)zc_zswap_invalidate(&rig.zswap, slot);
}

RIG_TEST(a_device_that_goes_gets_nothing, .io_workers = 0)
{
    rig_set(1, SUPPORT_HALVES);
    zc_swap_device_stop(&rig.swap.devices[0]);
    assert_status(rig_write_back(1), ZC_INVALID);
    check_untouched(1);
}

RIG_TEST(an_owner_can_forbid_it, .io_workers = 0)
{
    rig_set_for(1, SUPPORT_HALVES, 4);
    rig_forbid(4);
    assert_status(rig_write_back(1), ZC_REJECTED);
    check_untouched(1);
}

/* ---- failures ---- */

RIG_TEST(a_damaged_page_stays, .io_workers = 0)
{
    rig_set(1, SUPPORT_HALVES);
    support_halves.decompress_status = ZC_CORRUPT;
    assert_status(rig_write_back(1), ZC_CORRUPT);
    support_halves.decompress_status = ZC_OK;
    assert_int_equal(rig_stat(ZC_STAT_DECOMPRESS_FAIL), 1);
    check_untouched(1);
}

/* Lets each allocation of a writeback fail, and returns how many there are. */
static uint32_t fail_each(enum zc_inject_point point)
{
    uint32_t countdown = 0;
    zc_status status = ZC_NO_MEMORY;

    for (; status == ZC_NO_MEMORY; countdown++) {
        rig_begin(&(struct rig_options){.io_workers = 0});
        rig_set(1, SUPPORT_HALVES);
        zc_inject_arm(point, countdown, 1);
        status = rig_write_back(1);
        zc_inject_disarm();
        if (status == ZC_NO_MEMORY)
            check_untouched(1);
        rig_end();
    }
    assert_status(status, ZC_OK);
    return countdown - 1;
}

TEST(wherever_memory_ends_the_page_stays)
{
    /* The request, and the cluster's table of folios. */
    assert_int_equal(fail_each(ZC_INJECT_MALLOC), 2);
    assert_int_equal(fail_each(ZC_INJECT_FRAME), 1);
}

/* ---- with another thread meanwhile ---- */

static struct {
    struct support_call thread;
    struct zc_folio *folio;
    zc_atomic_u32 is_looked_up;
    bool is_of;
} visitor;

static void visit(void *context)
{
    (void)context;
    visitor.folio = rig_folio(1);
    zc_atomic_u32_store_release(&visitor.is_looked_up, 1);
    if (visitor.folio == NULL)
        return;
    zc_folio_lock(&rig.swap, visitor.folio);
    visitor.is_of = zc_folio_is_of(visitor.folio, rig_slot(1));
    rig_unlock(1, visitor.folio);
}

/* In the middle of decompression: the folio is in the cache, and locked. */
static void let_visit(void *context)
{
    *(uint32_t *)context = rig_users();
    support_call_start(&visitor.thread, visit, NULL);
    while (zc_atomic_u32_load_acquire(&visitor.is_looked_up) == 0)
        continue;
    assert_true(support_call_waits(&visitor.thread));
}

static void visit_while_read(zc_status decompress_status)
{
    uint32_t users = 0;
    zc_status status;

    memset(&visitor, 0, sizeof(visitor));
    rig_set(1, SUPPORT_HALVES);
    support_halves.on_decompress = let_visit;
    support_halves.context = &users;
    support_halves.decompress_status = decompress_status;
    status = rig_write_back(1);
    support_use_halves();
    assert_int_equal(status, decompress_status);
    support_call_join(&visitor.thread);
    assert_non_null(visitor.folio);
    assert_int_equal(users, 2); /* writeback's, and the request's */
    assert_int_equal(rig_users(), 0);
}

/* A thread that waits for a folio which is given up is woken, and sees that. */
RIG_TEST(a_waiter_sees_that_the_folio_is_given_up, .io_workers = 0)
{
    visit_while_read(ZC_CORRUPT);
    assert_false(visitor.is_of);
    check_untouched(1);
}

RIG_TEST(a_waiter_gets_the_folio_that_is_written, .io_workers = 0)
{
    visit_while_read(ZC_OK);
    assert_false(rig_is_cached(1));
    rig_expect(1, SUPPORT_HALVES);
}
