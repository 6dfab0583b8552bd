/* SPDX-License-Identifier: MIT */
/* test_pageio_read.c - from where a folio comes, and what is left there. */
#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

static struct support_device *const device = &rig.device;

/* Of slot 1, new and locked: in the swap cache, or private with the slot
 * pinned. */
static struct zc_folio *folio;

static void make_folio(bool in_cache)
{
    if (in_cache) {
        assert_status(zc_swapcache_create(&rig.swap, rig_at(1), &folio), ZC_OK);
    } else {
        assert_status(zc_slot_pin(&rig.swap, rig_at(1), NULL), ZC_OK);
        folio = zc_folio_alloc(&rig.swap, true);
        assert_non_null(folio);
        assert_true(zc_folio_trylock(folio));
    }
    memset(folio->data, 0xa5, rig.page_size);
}

static void drop_folio(bool in_cache)
{
    if (in_cache) {
        zc_folio_clear(folio, ZC_FOLIO_DIRTY);
        zc_swapcache_delete(&rig.swap, folio);
    } else {
        zc_slot_unpin(&rig.swap, rig_at(1));
    }
    zc_folio_unlock(&rig.swap, folio);
    zc_folio_put(&rig.swap, folio);
}

static void expect_read(enum zc_page_source expected, enum support_kind kind,
                        bool is_dirty)
{
    enum zc_page_source source = ZC_SOURCE_CACHED;

    assert_status(zc_pageio_read(&rig.pageio, folio, rig_at(1), &source),
                  ZC_OK);
    assert_int_equal(source, expected);
    assert_true(support_is_page(folio->data, rig.page_size, kind, 1));
    assert_true(zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(zc_folio_has(folio, ZC_FOLIO_DIRTY), is_dirty);
}

static void expect_failure(zc_status expected)
{
    enum zc_page_source source = ZC_SOURCE_CACHED;

    assert_status(zc_pageio_read(&rig.pageio, folio, rig_at(1), &source),
                  expected);
    assert_int_equal(source, ZC_SOURCE_CACHED);
    assert_false(zc_folio_has(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY));
}

RIG_TEST(a_read_into_the_swap_cache_takes_the_entry, .io_workers = 0)
{
    rig_set(1, SUPPORT_HALVES);
    make_folio(true);
    expect_read(ZC_SOURCE_POOL, SUPPORT_HALVES, true);
    assert_false(rig_has_entry(1));
    drop_folio(true);
}

/* The reader may still lose the race and free its folio. */
RIG_TEST(a_read_past_the_swap_cache_leaves_the_entry, .io_workers = 0)
{
    rig_set(1, SUPPORT_HALVES);
    make_folio(false);
    expect_read(ZC_SOURCE_POOL, SUPPORT_HALVES, false);
    assert_true(rig_has_entry(1));
    drop_folio(false);
    rig_expect(1, SUPPORT_HALVES);
}

RIG_TEST(zeros_come_from_nowhere, .io_workers = 0)
{
    rig_set(1, SUPPORT_HALVES);
    make_folio(true);
    expect_read(ZC_SOURCE_POOL, SUPPORT_HALVES, true);
    memset(folio->data, 0, rig.page_size);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    rig_put(1, folio);

    make_folio(false);
    expect_read(ZC_SOURCE_ZERO, SUPPORT_ZERO, false);
    assert_int_equal(rig_stat(ZC_STAT_SWPIN_ZERO), 1);
    drop_folio(false);
}

/* The slot still has its copy, so the folio is not dirty. */
RIG_TEST(the_device_keeps_what_is_read_from_it, .io_workers = 0)
{
    unsigned i;

    rig_set(1, SUPPORT_HALVES);
    assert_status(rig_write_back(1), ZC_OK);
    for (i = 0; i < 2; i++) {
        make_folio(i == 0);
        expect_read(ZC_SOURCE_DEVICE, SUPPORT_HALVES, false);
        drop_folio(i == 0);
    }
    assert_int_equal(rig_stat(ZC_STAT_DISK_SWAPINS), 2);
    assert_true(rig_has_written(1));
}

/* The next read tries it again. */
RIG_TEST(a_page_that_cannot_be_read_is_kept, .io_workers = 0)
{
    unsigned i;

    rig_set(1, SUPPORT_HALVES);
    for (i = 0; i < 2; i++) {
        make_folio(i == 0);
        zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, 1);
        expect_failure(ZC_CORRUPT);
        zc_inject_disarm();
        assert_true(rig_has_entry(1));
        drop_folio(i == 0);
    }
    rig_expect(1, SUPPORT_HALVES);

    assert_status(rig_write_back(1), ZC_OK);
    make_folio(true);
    atomic_store(&device->failing_reads, 1);
    expect_failure(ZC_IO_ERROR);
    assert_int_equal(rig_stat(ZC_STAT_DISK_SWAPINS), 0);
    expect_read(ZC_SOURCE_DEVICE, SUPPORT_HALVES, false);
    drop_folio(true);
}
