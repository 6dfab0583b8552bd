/* SPDX-License-Identifier: MIT */
/* test_pageio_write.c - where a folio goes, and how its write ends. */
#include <limits.h>

#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

static struct rig rig;

static void begin(void)
{
    const struct rig_options options = rig_defaults();

    rig_init(&rig, &options);
}

/* The zcache refuses every page that is not all of one word. */
static void begin_full(unsigned io_workers, unsigned writes_max)
{
    struct rig_options options = rig_defaults();

    options.cache.writes_max = writes_max;
    options.io_workers = io_workers;
    options.has_no_make_room = true;
    rig_init(&rig, &options);
    rig_set(&rig, RIG_SLOTS - 1, SUPPORT_HALVES);
    assert_true(rig_has_entry(&rig, RIG_SLOTS - 1));
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
}

/* A folio in the swap cache of a slot in use, locked, with other bytes. */
static struct zc_folio *get_folio(uint64_t offset)
{
    struct zc_folio *folio;
    bool created;

    if (zc_slot_count(zc_slot_find(&rig.swap, rig_slot(offset))) == 0)
        rig_set(&rig, offset, SUPPORT_TEXT);
    assert_status(zc_swapcache_get(&rig.swap,
                                   zc_slot_find(&rig.swap, rig_slot(offset)),
                                   &folio, &created),
                  ZC_OK);
    return folio;
}

static void fill(struct zc_folio *folio, enum support_kind kind)
{
    support_make_page(folio->data, rig.page_size, kind,
                      zc_swp_offset(folio->swap));
    zc_folio_set(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY);
}

static void put(uint64_t offset, struct zc_folio *folio)
{
    zc_swapcache_put(&rig.swap, rig_slot(offset), folio);
}

static zc_status write_kind(uint64_t offset, enum support_kind kind,
                            unsigned owner)
{
    struct zc_folio *folio = get_folio(offset);
    zc_status status;

    fill(folio, kind);
    status = zc_pageio_write(&rig.pageio, folio, owner);
    put(offset, folio);
    return status;
}

static bool is_zero_slot(uint64_t offset)
{
    return zc_slot_is_zero(zc_slot_find(&rig.swap, rig_slot(offset)));
}

/* ---- where to ---- */

TEST(zeros_become_a_bit)
{
    begin();
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_true(rig_has_entry(&rig, 1));
    assert_status(write_kind(1, SUPPORT_ZERO, 0), ZC_OK);
    assert_true(is_zero_slot(1));
    assert_false(rig_has_entry(&rig, 1));
    assert_false(rig_is_cached(&rig, 1));
    assert_int_equal(rig_writes(&rig), 0);
    assert_int_equal(rig_stat(&rig, ZC_STAT_SWPOUT_ZERO), 1);
    rig_expect(&rig, 1, SUPPORT_ZERO);
    rig_end(&rig);
}

/* One word of it is not. */
static void write_one_word(uint64_t offset, size_t word)
{
    struct zc_folio *folio = get_folio(offset);
    uint64_t *words = folio->data;

    fill(folio, SUPPORT_ZERO);
    words[word] = 1;
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    put(offset, folio);
    assert_false(is_zero_slot(offset));
    assert_true(rig_has_entry(&rig, offset));
}

TEST(one_word_is_not_zeros)
{
    begin();
    write_one_word(1, 0);
    write_one_word(2, 1);
    write_one_word(3, 300);
    write_one_word(4, 510);
    write_one_word(5, 511);
    assert_int_equal(rig_stat(&rig, ZC_STAT_SWPOUT_ZERO), 0);
    rig_end(&rig);
}

/* C15: the bit of an older page would hide the new one. */
TEST(zero_bit_goes_before_a_page)
{
    begin();
    assert_status(write_kind(1, SUPPORT_ZERO, 0), ZC_OK);
    assert_status(write_kind(1, SUPPORT_HALVES, 0), ZC_OK);
    assert_false(is_zero_slot(1));
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);

    begin_full(0, 0);
    assert_status(write_kind(1, SUPPORT_ZERO, 0), ZC_OK);
    assert_status(write_kind(1, SUPPORT_NOISE, 0), ZC_OK);
    assert_false(is_zero_slot(1));
    rig_expect(&rig, 1, SUPPORT_NOISE);
    /* Straight to the device, too. */
    assert_status(write_kind(1, SUPPORT_ZERO, 0), ZC_OK);
    rig_set(&rig, 1, SUPPORT_TEXT);
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_end(&rig);
}

TEST(zcache_takes_it)
{
    struct zc_folio *folio;

    begin();
    folio = get_folio(1);
    fill(folio, SUPPORT_HALVES);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_DIRTY |
                                         ZC_FOLIO_WRITEBACK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    assert_true(rig_has_entry(&rig, 1));
    put(1, folio);
    assert_false(rig_is_cached(&rig, 1));
    assert_int_equal(rig_writes(&rig), 0);
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}

/* Z04: the older entry would hide what is on the device. */
TEST(refused_goes_to_the_device)
{
    begin_full(0, 0);
    zc_zswap_apply_limit(&rig.zswap, 0, 90);
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_true(rig_has_entry(&rig, 1));
    zc_zswap_apply_limit(&rig.zswap, 4096, 90);
    assert_status(write_kind(1, SUPPORT_TEXT, 0), ZC_OK);
    assert_false(rig_has_entry(&rig, 1));
    assert_false(rig_is_cached(&rig, 1));
    assert_true(rig_has_written(&rig, 1));
    assert_int_equal(rig_writes(&rig), 1);
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_WRITES), 1);
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_end(&rig);
}

/* Z18: trying again would go on for ever. */
TEST(owner_forbids_the_device)
{
    struct zc_folio *folio;

    begin_full(0, 0);
    zc_atomic_u32_store_relaxed(&zc_lru_owner(&rig.zswap.lru, 7)->no_writeback,
                                1);
    folio = get_folio(1);
    assert_int_equal(rig_writes(&rig), 1); /* the slot's first page */
    fill(folio, SUPPORT_TEXT);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    assert_status(zc_pageio_write(&rig.pageio, folio, 7), ZC_REJECTED);
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_WRITEBACK));
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    put(1, folio);
    /* It is the only copy, so it stays. */
    assert_true(rig_is_cached(&rig, 1));
    assert_int_equal(rig_writes(&rig), 1);
    rig_expect(&rig, 1, SUPPORT_TEXT);
    /* And for others there is the device. */
    assert_status(write_kind(2, SUPPORT_TEXT, 6), ZC_OK);
    assert_int_equal(rig_writes(&rig), 3);
    rig_end(&rig);
}

TEST(no_memory_for_the_request)
{
    struct zc_folio *folio;

    begin_full(0, 0);
    folio = get_folio(1);
    fill(folio, SUPPORT_TEXT);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, UINT32_MAX);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_false(zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_WRITEBACK));
    put(1, folio);
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_end(&rig);
}

/* Wherever memory ends, the page is somewhere, and whole. */
TEST(no_failure_loses_the_page)
{
    struct zc_folio *folio;
    uint32_t countdown;
    zc_status status;

    for (countdown = 0;; countdown++) {
        begin();
        rig_set(&rig, 1, SUPPORT_NOISE);
        folio = get_folio(1);
        fill(folio, SUPPORT_HALVES);
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 3);
        status = zc_pageio_write(&rig.pageio, folio, 5);
        put(1, folio);
        if (zc_inject_failures() == 0)
            break;
        zc_inject_disarm();
        assert_true(status == ZC_OK || status == ZC_NO_MEMORY);
        rig_expect(&rig, 1, SUPPORT_HALVES);
        rig_end(&rig);
    }
    zc_inject_disarm();
    assert_true(countdown > 0);
    rig_end(&rig);
}

/* ---- a write under way ---- */

/* What a write meets on the device. */
static struct {
    unsigned calls;
    bool is_cached;
    bool is_right;
    bool has_entry;
} seen;

static void look(void *context, zc_swp slot)
{
    struct zc_folio *folio =
        zc_swapcache_look_up(zc_slot_find(&rig.swap, slot));

    (void)context;
    seen.calls++;
    seen.is_cached = folio != NULL;
    seen.has_entry = rig_has_entry(&rig, zc_swp_offset(slot));
    if (folio == NULL)
        return;
    seen.is_right = zc_folio_has(folio, ZC_FOLIO_WRITEBACK) &&
                    zc_folio_has(folio, ZC_FOLIO_UPTODATE) &&
                    !zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_DIRTY);
    zc_swapcache_put(&rig.swap, slot, folio);
}

TEST(under_writeback_and_unlocked)
{
    memset(&seen, 0, sizeof(seen));
    begin_full(0, 0);
    (void)write_kind(2, SUPPORT_ZERO, 0);
    rig.device.on_write = look;
    assert_status(write_kind(2, SUPPORT_TEXT, 0), ZC_OK);
    rig.device.on_write = NULL;
    assert_int_equal(seen.calls, 1);
    assert_true(seen.is_cached);
    assert_true(seen.is_right);
    assert_false(seen.has_entry);
    rig_end(&rig);
}

TEST(is_read_while_it_is_written)
{
    begin_full(1, 0);
    (void)write_kind(1, SUPPORT_ZERO, 0);
    rig_hold(&rig);
    assert_status(write_kind(1, SUPPORT_TEXT, 0), ZC_OK);
    rig_wait_for_waiting(&rig, 1);
    assert_int_equal(zc_atomic_u32_load_relaxed(&rig.pageio.writes), 1);
    assert_true(rig_is_cached(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_let_go(&rig);
    rig_settle(&rig);
    assert_false(rig_is_cached(&rig, 1));
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_end(&rig);
}

TEST(dirty_again_stays)
{
    struct zc_folio *folio;

    begin_full(1, 0);
    (void)write_kind(1, SUPPORT_ZERO, 0);
    rig_hold(&rig);
    assert_status(write_kind(1, SUPPORT_TEXT, 0), ZC_OK);
    rig_wait_for_waiting(&rig, 1);
    folio = rig_folio(&rig, 1);
    zc_folio_lock(&rig.swap, folio);
    zc_folio_set(folio, ZC_FOLIO_DIRTY);
    zc_folio_unlock(&rig.swap, folio);
    put(1, folio);
    rig_let_go(&rig);
    rig_settle(&rig);
    assert_true(rig_is_cached(&rig, 1));
    rig_end(&rig);
}

static void write_first(void *context)
{
    struct zc_folio *folio = context;

    (void)zc_pageio_write(&rig.pageio, folio, 0);
}

TEST(waits_for_the_older_write)
{
    struct rig_thread thread;
    struct zc_folio *folio;
    unsigned writes;

    begin_full(2, 0);
    (void)write_kind(1, SUPPORT_ZERO, 0);
    writes = rig_writes(&rig);
    rig_hold(&rig);
    assert_status(write_kind(1, SUPPORT_TEXT, 0), ZC_OK);
    rig_wait_for_waiting(&rig, 1);
    folio = get_folio(1);
    rig_thread_start(&thread, write_first, folio);
    assert_true(rig_thread_waits(&thread));
    rig_let_go(&rig);
    rig_thread_join(&thread);
    rig_settle(&rig);
    assert_int_equal(rig_writes(&rig), writes + 2);
    put(1, folio);
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_end(&rig);
}

/* A thread that must not sleep does the write itself. */
TEST(beyond_the_most_it_is_done_here)
{
    unsigned writes;

    begin_full(1, 1);
    (void)write_kind(1, SUPPORT_ZERO, 0);
    (void)write_kind(2, SUPPORT_ZERO, 0);
    writes = rig_writes(&rig);
    rig_hold(&rig);
    assert_status(write_kind(1, SUPPORT_TEXT, 0), ZC_OK);
    rig_wait_for_waiting(&rig, 1);
    assert_status(write_kind(2, SUPPORT_TEXT, 0), ZC_OK);
    assert_int_equal(rig_writes(&rig), writes + 1);
    assert_int_equal(rig.device.last.value, rig_slot(2).value);
    assert_true(pthread_equal(rig.device.writer, pthread_self()));
    assert_false(rig_is_cached(&rig, 2));
    rig_let_go(&rig);
    rig_settle(&rig);
    assert_false(pthread_equal(rig.device.writer, pthread_self()));
    rig_expect(&rig, 1, SUPPORT_TEXT);
    rig_expect(&rig, 2, SUPPORT_TEXT);
    rig_end(&rig);
}

TEST(a_request_is_given_up)
{
    struct zc_page_write *write;

    begin();
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_status(
        zc_pageio_prepare_write(
            &rig.pageio, zc_slot_find(rig.pageio.swap, rig_slot(1)), 0, &write),
        ZC_OK);
    zc_pageio_cancel_write(write);
    assert_status(zc_pageio_prepare_write(
                      &rig.pageio,
                      (struct zc_slot_ref){NULL, zc_swp_make(5, 1)}, 0, &write),
                  ZC_INVALID);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(
        zc_pageio_prepare_write(
            &rig.pageio, zc_slot_find(rig.pageio.swap, rig_slot(1)), 0, &write),
        ZC_NO_MEMORY);
    zc_inject_disarm();
    rig_end(&rig); /* no device reference is left */
}
