/* SPDX-License-Identifier: MIT */
/* test_pageio_write.c - where a folio goes, and how its write ends. */
#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

static struct support_device *const device = &rig.device;

/* A folio in the swap cache of a slot in use, locked, with a page of `kind`. */
static struct zc_folio *make_folio(uint64_t offset, enum support_kind kind)
{
    struct zc_folio *folio;

    if (zc_slot_count(rig_at(offset)) == 0)
        rig_set(offset, SUPPORT_TEXT);
    folio = rig_get(offset);
    support_make_page(folio->data, rig.page_size, kind, offset);
    zc_folio_set(folio, ZC_FOLIO_UPTODATE);
    return folio;
}

static void expect_write(struct zc_folio *folio, unsigned owner,
                         zc_status expected)
{
    assert_status(zc_pageio_write(&rig.pageio, folio, owner), expected);
}

static void write_kind(uint64_t offset, enum support_kind kind)
{
    struct zc_folio *folio = make_folio(offset, kind);

    zc_folio_set(folio, ZC_FOLIO_DIRTY);
    expect_write(folio, 0, ZC_OK);
    rig_put(offset, folio);
}

static bool is_zero_slot(uint64_t offset)
{
    return zc_slot_is_zero(rig_at(offset));
}

/* Refuses every page that is not all of one word. */
static void fill_zswap(void)
{
    if (!rig_has_entry(RIG_SLOTS - 1))
        rig_set(RIG_SLOTS - 1, SUPPORT_HALVES);
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
}

/* ---- where to ---- */

RIG_TEST(zeros_become_a_bit_of_the_slot, .io_workers = 0)
{
    rig_set(1, SUPPORT_HALVES);
    assert_true(rig_has_entry(1));
    write_kind(1, SUPPORT_ZERO);
    assert_true(is_zero_slot(1));
    assert_false(rig_has_entry(1));
    assert_false(rig_is_cached(1));
    assert_int_equal(device->tries, 0);
    assert_int_equal(rig_stat(ZC_STAT_SWPOUT_ZERO), 1);
    rig_expect(1, SUPPORT_ZERO);
}

RIG_TEST(one_word_more_is_not_zeros, .io_workers = 0)
{
    static const size_t words[] = {0, 1, 300, 510, 511};
    struct zc_folio *folio;
    unsigned i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        folio = make_folio(i, SUPPORT_ZERO);
        ((uint64_t *)folio->data)[words[i]] = 1;
        expect_write(folio, 0, ZC_OK);
        rig_put(i, folio);
        assert_false(is_zero_slot(i));
        assert_true(rig_has_entry(i));
    }
    assert_int_equal(rig_stat(ZC_STAT_SWPOUT_ZERO), 0);
}

/* The bit of an older page would hide the new one. */
RIG_TEST(the_zero_bit_goes_before_a_page, .has_no_make_room = true)
{
    write_kind(1, SUPPORT_ZERO);
    write_kind(1, SUPPORT_HALVES);
    assert_false(is_zero_slot(1));
    rig_expect(1, SUPPORT_HALVES);

    fill_zswap();
    write_kind(1, SUPPORT_ZERO);
    write_kind(1, SUPPORT_NOISE);
    assert_false(is_zero_slot(1));
    rig_expect(1, SUPPORT_NOISE);
    /* Straight to the device, too. */
    write_kind(1, SUPPORT_ZERO);
    rig_set(1, SUPPORT_TEXT);
    rig_expect(1, SUPPORT_TEXT);
}

RIG_TEST(a_page_that_zswap_takes_is_clean, .io_workers = 0)
{
    struct zc_folio *folio = make_folio(1, SUPPORT_HALVES);

    zc_folio_set(folio, ZC_FOLIO_DIRTY);
    expect_write(folio, 0, ZC_OK);
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_DIRTY |
                                         ZC_FOLIO_WRITEBACK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    assert_true(rig_has_entry(1));
    rig_put(1, folio);
    assert_false(rig_is_cached(1));
    assert_int_equal(device->tries, 0);
    rig_expect(1, SUPPORT_HALVES);
}

/* The older entry would hide what is on the device. */
RIG_TEST(a_refused_page_goes_to_the_device, .has_no_make_room = true)
{
    rig_set(1, SUPPORT_HALVES);
    assert_true(rig_has_entry(1));
    fill_zswap();
    write_kind(1, SUPPORT_TEXT);
    assert_false(rig_has_entry(1));
    assert_false(rig_is_cached(1));
    assert_true(rig_has_written(1));
    assert_int_equal(device->tries, 1);
    assert_int_equal(rig_stat(ZC_STAT_DISK_WRITES), 1);
    rig_expect(1, SUPPORT_TEXT);
}

/* A write that comes to nothing leaves the folio unlocked, dirty, and the only
 * copy. */
static void expect_kept(unsigned owner, zc_status expected)
{
    struct zc_folio *folio = make_folio(1, SUPPORT_TEXT);
    const unsigned tries = device->tries;

    if (expected == ZC_NO_MEMORY)
        zc_inject_arm(ZC_INJECT_MALLOC, 0, UINT32_MAX);
    expect_write(folio, owner, expected);
    zc_inject_disarm();
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_WRITEBACK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    rig_put(1, folio);
    assert_true(rig_is_cached(1));
    assert_int_equal(device->tries, tries);
    rig_expect(1, SUPPORT_TEXT);
}

/* Trying again would go on for ever. */
RIG_TEST(an_owner_can_forbid_the_device, .has_no_make_room = true)
{
    fill_zswap();
    rig_forbid(7);
    expect_kept(7, ZC_REJECTED);
    /* And for others there is the device. */
    write_kind(2, SUPPORT_TEXT);
    assert_int_equal(device->tries, 3); /* the slots' first pages too */
}

RIG_TEST(without_memory_for_the_request_the_folio_is_kept,
         .has_no_make_room = true)
{
    fill_zswap();
    expect_kept(0, ZC_NO_MEMORY);
}

TEST(wherever_memory_ends_the_page_is_whole)
{
    struct zc_folio *folio;
    uint32_t countdown;
    uint32_t failures = 1;
    zc_status status;

    for (countdown = 0; failures != 0; countdown++) {
        rig_begin(&(struct rig_options){.io_workers = 0});
        rig_set(1, SUPPORT_NOISE);
        folio = make_folio(1, SUPPORT_HALVES);
        zc_folio_set(folio, ZC_FOLIO_DIRTY);
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 3);
        status = zc_pageio_write(&rig.pageio, folio, 5);
        rig_put(1, folio);
        failures = zc_inject_failures();
        zc_inject_disarm();
        assert_true(status == ZC_OK || status == ZC_NO_MEMORY);
        rig_expect(1, SUPPORT_HALVES);
        rig_end();
    }
    assert_true(countdown > 1);
}

/* ---- a write under way ---- */

RIG_TEST(a_folio_being_written_is_cached_and_unlocked, .has_no_make_room = true)
{
    fill_zswap();
    write_kind(2, SUPPORT_ZERO);
    device->on_write = rig_look;
    write_kind(2, SUPPORT_TEXT);
    assert_int_equal(rig.seen.calls, 1);
    assert_true(rig.seen.is_cached);
    assert_false(rig.seen.has_entry);
}

/* The write of slot 1 has begun, and stands still. */
static void begin_write(void)
{
    fill_zswap();
    write_kind(1, SUPPORT_ZERO);
    support_device_hold(device);
    write_kind(1, SUPPORT_TEXT);
    support_device_await_held(device, 1);
}

static void end_writes(void)
{
    support_device_let_go(device);
    rig_settle();
}

RIG_TEST(a_page_is_read_while_it_is_written, .io_workers = 1,
         .has_no_make_room = true)
{
    begin_write();
    assert_int_equal(rig_writes_under_way(), 1);
    assert_true(rig_is_cached(1));
    rig_expect(1, SUPPORT_TEXT);
    end_writes();
    assert_false(rig_is_cached(1));
    rig_expect(1, SUPPORT_TEXT);
}

RIG_TEST(a_folio_made_dirty_meanwhile_stays, .io_workers = 1,
         .has_no_make_room = true)
{
    struct zc_folio *folio;

    begin_write();
    folio = rig_folio(1);
    zc_folio_lock(&rig.swap, folio);
    zc_folio_set(folio, ZC_FOLIO_DIRTY);
    rig_unlock(1, folio);
    end_writes();
    assert_true(rig_is_cached(1));
}

static void write_again(void *context)
{
    (void)zc_pageio_write(&rig.pageio, context, 0);
}

RIG_TEST(a_write_waits_for_the_older_one, .io_workers = 2,
         .has_no_make_room = true)
{
    struct support_call thread;
    struct zc_folio *folio;
    unsigned tries;

    begin_write();
    tries = device->tries;
    folio = rig_get(1);
    support_call_start(&thread, write_again, folio);
    assert_true(support_call_waits(&thread));
    support_device_let_go(device);
    support_call_join(&thread);
    rig_settle();
    assert_int_equal(device->tries, tries + 2);
    rig_put(1, folio);
    rig_expect(1, SUPPORT_TEXT);
}

/* Its caller must not sleep. */
RIG_TEST(a_write_beyond_the_most_is_done_by_its_caller, .io_workers = 1,
         .cache.writes_max = 1, .has_no_make_room = true)
{
    unsigned tries;

    rig_set(2, SUPPORT_TEXT);
    begin_write();
    tries = device->tries;
    write_kind(2, SUPPORT_NOISE);
    assert_int_equal(device->tries, tries + 1);
    assert_true(pthread_equal(device->writer, pthread_self()));
    assert_false(rig_is_cached(2));
    rig_expect(2, SUPPORT_NOISE);
    end_writes();
    assert_false(pthread_equal(device->writer, pthread_self()));
    rig_expect(1, SUPPORT_TEXT);
}

RIG_TEST(a_request_that_is_given_up_leaves_nothing, .io_workers = 0)
{
    const struct zc_slot_ref nowhere = {NULL, zc_swp_make(5, 1)};
    struct zc_page_write *write;

    rig_set(1, SUPPORT_HALVES);
    assert_status(zc_pageio_prepare_write(&rig.pageio, rig_at(1), 0, &write),
                  ZC_OK);
    zc_pageio_cancel_write(write);
    assert_status(zc_pageio_prepare_write(&rig.pageio, nowhere, 0, &write),
                  ZC_INVALID);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_pageio_prepare_write(&rig.pageio, rig_at(1), 0, &write),
                  ZC_NO_MEMORY);
    zc_inject_disarm();
}
