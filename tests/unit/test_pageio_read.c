/* SPDX-License-Identifier: MIT */
/* test_pageio_read.c - from where a folio comes, and what is left there. */
#include "base/inject.h"
#include "support_rig.h"
#include "support_test.h"

static struct rig rig;

static void begin(void)
{
    const struct rig_options options = rig_defaults();

    rig_init(&rig, &options);
}

/* A new locked folio: in the swap cache, or private with the slot pinned. */
static struct zc_folio *make_folio(uint64_t offset, bool in_cache)
{
    struct zc_folio *folio;

    if (in_cache) {
        assert_status(
            zc_swapcache_create(
                &rig.swap, zc_slot_find(&rig.swap, rig_slot(offset)), &folio),
            ZC_OK);
    } else {
        assert_status(
            zc_slot_pin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(offset))),
            ZC_OK);
        folio = zc_folio_alloc(&rig.swap, true);
        assert_non_null(folio);
        assert_true(zc_folio_trylock(folio));
    }
    memset(folio->data, 0xa5, rig.page_size);
    return folio;
}

static void drop_folio(uint64_t offset, bool in_cache, struct zc_folio *folio)
{
    if (in_cache) {
        zc_folio_clear(folio, ZC_FOLIO_DIRTY);
        zc_swapcache_delete(&rig.swap, folio);
    } else {
        zc_slot_unpin(&rig.swap, zc_slot_find(&rig.swap, rig_slot(offset)));
    }
    zc_folio_unlock(&rig.swap, folio);
    zc_folio_put(&rig.swap, folio);
}

static bool is_kind(const struct zc_folio *folio, uint64_t offset,
                    enum support_kind kind)
{
    return support_is_page(folio->data, rig.page_size, kind, offset);
}

/* Reads one page; fails unless what is left is as expected. */
static void read_stored(bool in_cache, bool expect_taken)
{
    enum zc_page_source source = ZC_SOURCE_CACHED;
    struct zc_folio *folio;

    rig_set(&rig, 1, SUPPORT_HALVES);
    folio = make_folio(1, in_cache);
    assert_status(zc_pageio_read(&rig.pageio, folio,
                                 zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                 &source),
                  ZC_OK);
    assert_int_equal(source, ZC_SOURCE_POOL);
    assert_true(is_kind(folio, 1, SUPPORT_HALVES));
    assert_true(zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(zc_folio_has(folio, ZC_FOLIO_DIRTY), expect_taken);
    assert_int_equal(rig_has_entry(&rig, 1), !expect_taken);
    drop_folio(1, in_cache, folio);
}

TEST(exclusive_in_the_swap_cache)
{
    begin();
    read_stored(true, true);
    rig_end(&rig);
}

/* The reader may still lose the race and free its folio. */
TEST(not_exclusive_elsewhere)
{
    begin();
    read_stored(false, false);
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}

TEST(zeros)
{
    enum zc_page_source source = ZC_SOURCE_CACHED;
    struct zc_folio *folio;

    begin();
    rig_set(&rig, 1, SUPPORT_HALVES);
    folio = make_folio(1, true);
    assert_status(zc_pageio_read(&rig.pageio, folio,
                                 zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                 NULL),
                  ZC_OK);
    memset(folio->data, 0, rig.page_size);
    assert_status(zc_pageio_write(&rig.pageio, folio, 0), ZC_OK);
    zc_swapcache_put(&rig.swap, rig_slot(1), folio);

    folio = make_folio(1, false);
    assert_status(zc_pageio_read(&rig.pageio, folio,
                                 zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                 &source),
                  ZC_OK);
    assert_int_equal(source, ZC_SOURCE_ZERO);
    assert_true(is_kind(folio, 1, SUPPORT_ZERO));
    assert_false(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_int_equal(rig_stat(&rig, ZC_STAT_SWPIN_ZERO), 1);
    drop_folio(1, false, folio);
    rig_end(&rig);
}

TEST(the_device)
{
    enum zc_page_source source = ZC_SOURCE_CACHED;
    struct zc_folio *folio;
    bool in_cache;
    unsigned i;

    begin();
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_status(rig_write_back(&rig, 1), ZC_OK);
    for (i = 0; i < 2; i++) {
        in_cache = i == 0;
        folio = make_folio(1, in_cache);
        assert_status(zc_pageio_read(&rig.pageio, folio,
                                     zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                     &source),
                      ZC_OK);
        assert_int_equal(source, ZC_SOURCE_DEVICE);
        assert_true(is_kind(folio, 1, SUPPORT_HALVES));
        /* The slot has a copy still. */
        assert_false(zc_folio_has(folio, ZC_FOLIO_DIRTY));
        drop_folio(1, in_cache, folio);
    }
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_SWAPINS), 2);
    assert_true(rig_has_written(&rig, 1));
    rig_end(&rig);
}

/* A page that cannot be read stays, and the next read tries it again. */
TEST(damage_is_kept)
{
    struct zc_folio *folio;
    bool in_cache;
    unsigned i;

    begin();
    rig_set(&rig, 1, SUPPORT_HALVES);
    for (i = 0; i < 2; i++) {
        in_cache = i == 0;
        folio = make_folio(1, in_cache);
        zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, 1);
        assert_status(zc_pageio_read(&rig.pageio, folio,
                                     zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                     NULL),
                      ZC_CORRUPT);
        zc_inject_disarm();
        assert_false(zc_folio_has(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY));
        assert_true(rig_has_entry(&rig, 1));
        drop_folio(1, in_cache, folio);
    }
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}

TEST(read_errors_are_kept)
{
    enum zc_page_source source = ZC_SOURCE_CACHED;
    struct zc_folio *folio;

    begin();
    rig_set(&rig, 1, SUPPORT_HALVES);
    assert_status(rig_write_back(&rig, 1), ZC_OK);
    folio = make_folio(1, true);
    rig_fail_reads(&rig, 1);
    assert_status(zc_pageio_read(&rig.pageio, folio,
                                 zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                 &source),
                  ZC_IO_ERROR);
    assert_int_equal(source, ZC_SOURCE_CACHED);
    assert_false(zc_folio_has(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY));
    assert_int_equal(rig_stat(&rig, ZC_STAT_DISK_SWAPINS), 0);
    assert_status(zc_pageio_read(&rig.pageio, folio,
                                 zc_slot_find(rig.pageio.swap, rig_slot(1)),
                                 NULL),
                  ZC_OK);
    drop_folio(1, true, folio);
    rig_expect(&rig, 1, SUPPORT_HALVES);
    rig_end(&rig);
}
