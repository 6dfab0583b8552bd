/* SPDX-License-Identifier: MIT */
/* test_writeback.c - one entry to the device, and every way not to get there.
 */
#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

static struct rig rig;

static void begin(unsigned io_workers)
{
    struct rig_options options = rig_defaults();

    options.io_workers = io_workers;
    rig_init(&rig, &options);
}

static uint32_t device_users(void)
{
    return zc_atomic_u32_load_relaxed(&rig.swap.devices[0].users) &
           ~ZC_DEVICE_ON;
}

/* As after an attempt that came to nothing. */
static void check_untouched(uint64_t offset, enum support_kind kind)
{
    assert_true(rig_has_entry(&rig, offset));
    assert_false(rig_is_cached(&rig, offset));
    assert_int_equal(device_users(), 0);
    assert_int_equal(rig_stat(&rig, ZC_STAT_ZSWPWB), 0);
    rig_expect(&rig, offset, kind);
}

/* ---- done ---- */

TEST(moves_the_page)
{
    unsigned workers;

    for (workers = 0; workers <= 2; workers++) {
        begin(workers);
        rig_set(&rig, 1, SUPPORT_HALVES);
        rig_set(&rig, 2, SUPPORT_HALVES);
        assert_status(rig_write_back(&rig, 1), ZC_OK);
        rig_settle(&rig);
        assert_false(rig_has_entry(&rig, 1));
        assert_false(rig_is_cached(&rig, 1));
        assert_true(rig_has_written(&rig, 1));
        assert_true(rig_has_entry(&rig, 2));
        assert_int_equal(rig_stat(&rig, ZC_STAT_ZSWPWB), 1);
        assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 0);
        assert_int_equal(device_users(), 0);
        rig_expect(&rig, 1, SUPPORT_HALVES);
        rig_end(&rig);
    }
}

TEST(by_handle)
{
    struct rig_options options = rig_defaults();
    struct zc_zswap_token token;

    options.cache.lru_mode = ZC_LRU_ZSPAGE;
    rig_init(&rig, &options);
    rig_set(&rig, 1, SUPPORT_HALVES);
    token = rig_token(&rig, 1, true);
    rig_set(&rig, 1, SUPPORT_HALVES); /* another object */
    assert_status(zc_writeback_page(&rig.pageio, rig_slot(1), &token),
                  ZC_MISSING);
    check_untouched(1, SUPPORT_HALVES);
    token = rig_token(&rig, 1, true);
    assert_status(zc_writeback_page(&rig.pageio, rig_slot(1), &token), ZC_OK);
    assert_true(rig_has_written(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}

static struct {
    unsigned calls;
    bool is_right;
    bool has_entry;
    bool has_device;
} seen;

static void look(void *context, zc_swp slot)
{
    struct zc_folio *folio =
        zc_swapcache_look_up(zc_slot_find(&rig.swap, slot));

    (void)context;
    seen.calls++;
    seen.has_entry = rig_has_entry(&rig, zc_swp_offset(slot));
    seen.has_device = device_users() > 0;
    if (folio == NULL)
        return;
    seen.is_right = zc_folio_has(folio, ZC_FOLIO_WRITEBACK) &&
                    zc_folio_has(folio, ZC_FOLIO_UPTODATE) &&
                    !zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_DIRTY);
    zc_swapcache_put(&rig.swap, slot, folio);
}

/* When the device gets the page, all else is done. */
TEST(submission_is_last)
{
    memset(&seen, 0, sizeof(seen));
    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    rig.device.on_write = look;
    assert_status(rig_write_back(&rig, 1), ZC_OK);
    rig.device.on_write = NULL;
    assert_int_equal(seen.calls, 1);
    assert_true(seen.is_right);
    assert_true(seen.has_device);
    assert_false(seen.has_entry);
    rig_end(&rig);
}

/* The slot is invalidated as soon as the write has ended: writeback does not
 * touch it again. */
TEST(nothing_is_touched_afterwards)
{
    struct zc_folio *folio;

    begin(1);
    rig_set(&rig, 1, SUPPORT_HALVES);
    rig_hold(&rig);
    assert_status(rig_write_back(&rig, 1), ZC_OK);
    folio = rig_folio(&rig, 1);
    /* The cache's, the write's, ours: writeback has none left. */
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->references), 3);
    zc_swapcache_put(&rig.swap, rig_slot(1), folio);
    /* Only the request has a device reference. */
    assert_int_equal(device_users(), 1);
    rig_end(&rig);
}

/* ---- left alone ---- */

TEST(busy_with_a_pin)
{
    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_status(zc_slot_pin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(1))),
                  ZC_OK);
    assert_status(rig_write_back(&rig, 1), ZC_BUSY);
    zc_slot_unpin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(1)));
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITEBACK_BUSY), 1);
    check_untouched(1, SUPPORT_HALVES);
    rig_end(&rig);
}

TEST(busy_with_a_folio)
{
    struct zc_folio *folio;

    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_status(zc_swapcache_create(
                      &rig.swap, zc_slot_find(&rig.swap, rig_slot(1)), &folio),
                  ZC_OK);
    assert_status(rig_write_back(&rig, 1), ZC_BUSY);
    zc_folio_unlock(&rig.swap, folio);
    assert_status(rig_write_back(&rig, 1), ZC_BUSY);
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITEBACK_BUSY), 2);
    zc_swapcache_put(&rig.swap, rig_slot(1), folio);
    check_untouched(1, SUPPORT_HALVES);
    rig_end(&rig);
}

TEST(missing_where_the_slot_is_free)
{
    struct zc_zswap_token token;

    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    token = rig_token(&rig, 1, false);
    rig_forget(&rig, rig_slot(1));
    assert_status(zc_writeback_page(&rig.pageio, rig_slot(1), &token),
                  ZC_MISSING);
    assert_status(zc_writeback_page(&rig.pageio, rig_slot(4000), &token),
                  ZC_MISSING);
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITEBACK_STALE), 2);
    assert_int_equal(rig_writes(&rig), 0);
    rig_end(&rig);
}

/* Z01: another page is stored there by now, Z06: and what was made for the old
 * one is gone. */
TEST(missing_where_another_page_is)
{
    struct zc_zswap_token token;

    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    token = rig_token(&rig, 1, false);
    rig_set(&rig, 2, SUPPORT_HALVES);
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_int_not_equal(token.index, rig_token(&rig, 1, false).index);
    assert_status(zc_writeback_page(&rig.pageio, rig_slot(1), &token),
                  ZC_MISSING);
    assert_int_equal(rig_stat(&rig, ZC_STAT_WRITEBACK_STALE), 1);
    check_untouched(1, SUPPORT_HALVES);
    check_untouched(2, SUPPORT_HALVES);
    assert_int_equal(rig_writes(&rig), 0);
    /* Nothing keeps the slot: it can be used, and freed. */
    rig_forget(&rig, rig_slot(1));
    assert_int_equal(zc_slot_count(zc_slot_find(&rig.swap, rig_slot(1))), 0);
    assert_int_equal(zc_counter_read(&rig.swap.devices[0].used), 1);
    rig_end(&rig);
}

TEST(no_device)
{
    const struct zc_zswap_token token = {.index = 0};
    char page[ZC_PAGE_SIZE_MIN];

    begin(0);
    support_make_page(page, sizeof(page), SUPPORT_HALVES, 1);
    assert_status(zc_zswap_store(&rig.zswap, zc_swp_make(3, 1), page, 0, false),
                  ZC_OK);
    assert_status(zc_writeback_page(&rig.pageio, zc_swp_make(3, 1), &token),
                  ZC_INVALID);
    (void)zc_zswap_invalidate(&rig.zswap, zc_swp_make(3, 1));
    rig_end(&rig);
}

TEST(a_device_that_goes)
{
    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    zc_swap_device_stop(&rig.swap.devices[0]);
    assert_status(rig_write_back(&rig, 1), ZC_INVALID);
    check_untouched(1, SUPPORT_HALVES);
    rig_end(&rig);
}

TEST(an_owner_that_forbids_it)
{
    begin(0);
    rig_set_for(&rig, 1, SUPPORT_HALVES, 4);
    zc_atomic_u32_store_relaxed(&zc_lru_owner(&rig.zswap.lru, 4)->no_writeback,
                                1);
    assert_status(rig_write_back(&rig, 1), ZC_REJECTED);
    check_untouched(1, SUPPORT_HALVES);
    rig_end(&rig);
}

/* ---- failures ---- */

TEST(damage_stays)
{
    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    support_halves.decompress_status = ZC_CORRUPT;
    assert_status(rig_write_back(&rig, 1), ZC_CORRUPT);
    support_halves.decompress_status = ZC_OK;
    assert_int_equal(rig_stat(&rig, ZC_STAT_DECOMPRESS_FAIL), 1);
    check_untouched(1, SUPPORT_HALVES);
    assert_int_equal(rig_writes(&rig), 0);
    rig_end(&rig);
}

TEST(no_frame)
{
    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
    assert_status(rig_write_back(&rig, 1), ZC_NO_MEMORY);
    zc_inject_disarm();
    check_untouched(1, SUPPORT_HALVES);
    rig_end(&rig);
}

/* Wherever it fails, all is as before. */
TEST(no_memory_anywhere)
{
    uint32_t countdown;
    zc_status status;

    for (countdown = 0;; countdown++) {
        begin(0);
        rig_set(&rig, 1, SUPPORT_HALVES);
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        status = rig_write_back(&rig, 1);
        if (zc_inject_failures() == 0)
            break;
        zc_inject_disarm();
        assert_status(status, ZC_NO_MEMORY);
        check_untouched(1, SUPPORT_HALVES);
        rig_end(&rig);
    }
    zc_inject_disarm();
    /* The request, and the cluster's table of folios. */
    assert_int_equal(countdown, 2);
    assert_status(status, ZC_OK);
    rig_end(&rig);
}

/* ---- with another thread meanwhile ---- */

static struct {
    struct rig_thread thread;
    struct zc_folio *folio;
    zc_atomic_u32 is_looked_up;
    bool is_of;
} visitor;

static void visit(void *context)
{
    (void)context;
    visitor.folio = zc_swapcache_look_up(zc_slot_find(&rig.swap, rig_slot(1)));
    zc_atomic_u32_store_release(&visitor.is_looked_up, 1);
    if (visitor.folio == NULL)
        return;
    zc_folio_lock(&rig.swap, visitor.folio);
    visitor.is_of = zc_folio_is_of(visitor.folio, rig_slot(1));
    zc_folio_unlock(&rig.swap, visitor.folio);
    zc_swapcache_put(&rig.swap, rig_slot(1), visitor.folio);
}

/* In the middle of decompression: the folio is in the cache, and locked. */
static void let_visit(void *context)
{
    (void)context;
    rig_thread_start(&visitor.thread, visit, NULL);
    while (zc_atomic_u32_load_acquire(&visitor.is_looked_up) == 0)
        continue;
    assert_true(rig_thread_waits(&visitor.thread));
}

static void visit_while_read(zc_status decompress_status)
{
    zc_status status;

    memset(&visitor, 0, sizeof(visitor));
    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    support_halves.on_decompress = let_visit;
    support_halves.decompress_status = decompress_status;
    status = rig_write_back(&rig, 1);
    support_halves.on_decompress = NULL;
    support_halves.decompress_status = ZC_OK;
    assert_int_equal(status, decompress_status);
    rig_thread_join(&visitor.thread);
    assert_non_null(visitor.folio);
}

/* A thread that waits for a folio which is given up is woken, and sees that. */
TEST(a_visitor_of_a_folio_given_up)
{
    visit_while_read(ZC_CORRUPT);
    assert_false(visitor.is_of);
    check_untouched(1, SUPPORT_HALVES);
    rig_end(&rig);
}

TEST(a_visitor_of_a_folio_written)
{
    visit_while_read(ZC_OK);
    assert_false(rig_is_cached(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}

static void use_device(void *context)
{
    uint32_t *users = context;

    *users = device_users();
}

/* From before the pin until after the last use of the tree. */
TEST(holds_the_device)
{
    uint32_t users = 0;

    begin(0);
    rig_set(&rig, 1, SUPPORT_HALVES);
    support_halves.on_decompress = use_device;
    support_halves.context = &users;
    assert_status(rig_write_back(&rig, 1), ZC_OK);
    support_halves.on_decompress = NULL;
    assert_int_equal(users, 2); /* its own, and the request's */
    assert_int_equal(device_users(), 0);
    rig_end(&rig);
}
