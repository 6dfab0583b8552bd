/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_integrity.c - damage in the pool, and compressors that lie: a
 * status, never wrong bytes.
 */
#include "support_cache.h"
#include "support_front.h"

#include "base/inject.h"

#define SLOT 3

/* A cache with one page in it. */
static void renew_with_one(enum support_over over, const char *compressor,
                           bool checksums, enum support_kind kind)
{
    struct zc_cache_options options = support_cache_options(over);

    options.compressor_name = compressor;
    options.checksums = checksums;
    options.context_count = 1;
    renew(&options);
    store(SLOT, kind, 1);
}

/* One of text, and sums. */
static int begin_sum(void **state)
{
    (void)begin_cache(state);
    renew_with_one(SUPPORT_OVER_DENSE, "lz4", true, SUPPORT_TEXT);
    return 0;
}

#define TEST_OF_SUM(name) TEST_WITH(name, begin_sum, end_cache)

static void expect_corrupt(void)
{
    assert_status(try_load(SLOT), ZC_CORRUPT);
    assert_status(try_take(SLOT), ZC_CORRUPT);
}

/* Every flipped bit is found, and no error after it is flipped back. */
static void flip_each(size_t step, enum support_kind kind)
{
    const size_t bits = 8 * (size_t)cache_stat(payload_bytes);
    uint64_t found = 0;
    size_t place;

    for (place = 0; place < bits; place += step) {
        support_flip_bit(cache, place);
        expect_corrupt();
        found += 2;
        support_flip_bit(cache, place);
    }
    assert_int_equal(cache_stat(decompress_fail), found);
    assert_int_equal(cache_stat(zswpin), 0);
    assert_int_equal(cache_stat(take_retries), 0);
    expect(SLOT, kind, 1);
}

TEST_OF_CACHE(with_sums_every_flipped_bit_is_found)
{
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        for (i = 0; i < support_codec_count(); i++) {
            renew_with_one(over, support_codec_name(i), true, SUPPORT_TEXT);
            flip_each(13, SUPPORT_TEXT);
        }
        renew_with_one(over, "lz4", true, SUPPORT_NOISE);
        assert_int_equal(cache_stat(stored_incompressible_pages), 1);
        flip_each(29, SUPPORT_NOISE);
    }
}

/* The codec decides then; a page may be wrong, but never half a page. */
TEST_OF_CACHE(without_sums_damage_is_a_page_or_corrupt)
{
    struct support_guard guard;
    zc_status status;
    size_t place;
    unsigned i;

    support_guard_init(&guard);
    for (i = 0; i < support_codec_count(); i++) {
        renew_with_one(SUPPORT_OVER_DENSE, support_codec_name(i), false,
                       SUPPORT_TEXT);
        for (place = 0; place < 8 * cache_stat(payload_bytes); place += 3) {
            support_flip_bit(cache, place);
            status = zc_cache_load(cache, at(SLOT),
                                   support_guard_last(&guard, 4096));
            assert_true(status == ZC_OK || status == ZC_CORRUPT);
            support_flip_bit(cache, place);
        }
        expect(SLOT, SUPPORT_TEXT, 1);
    }
    support_guard_fini(&guard);
}

TEST_OF_SUM(a_corrupt_page_stays_until_it_is_replaced_or_invalidated)
{
    support_flip_bit(cache, 77);
    expect_corrupt();
    assert_int_equal(cache_stat(stored_pages), 1);
    store(SLOT, SUPPORT_TEXT, 2);
    expect(SLOT, SUPPORT_TEXT, 2);
    assert_int_equal(cache_stat(stored_pages), 1);
    support_flip_bit(cache, 77);
    expect_corrupt();
    forget(SLOT);
    expect_missing(SLOT);
    support_expect_empty(cache);
}

TEST_OF_SUM(damage_to_one_page_is_not_damage_to_another)
{
    unsigned corrupt = 0;
    char page[4096];
    unsigned i;

    store_pages(10, 190);
    support_flip_bit(cache, 1234);
    for (i = 10; i < 200; i++) {
        if (zc_cache_load(cache, at(i), page) == ZC_CORRUPT)
            corrupt++;
        else
            assert_true(support_is_page(page, sizeof(page), SUPPORT_TEXT, i));
    }
    corrupt += try_load(SLOT) == ZC_CORRUPT;
    assert_int_equal(corrupt, 1);
}

TEST_OF_SUM(sums_are_kept_over_a_change_of_compressor)
{
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    expect(SLOT, SUPPORT_TEXT, 1);
    support_flip_bit(cache, 5);
    expect_corrupt();
}

/* ---- compressors and pools that lie ---- */

TEST_OF_CACHE(a_failed_decompression_is_corrupt_with_any_status)
{
    static const zc_status lies[] = {
        ZC_MISSING,   ZC_BUSY,    ZC_STALE,       ZC_REJECTED, ZC_AGAIN,
        ZC_NO_MEMORY, ZC_INVALID, ZC_UNSUPPORTED, ZC_IO_ERROR, ZC_CORRUPT,
    };
    size_t i;

    renew_with_one(SUPPORT_OVER_DENSE, "halves", false, SUPPORT_HALVES);
    for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        support_halves.decompress_status = lies[i];
        expect_corrupt();
    }
    support_halves.decompress_status = ZC_OK;
    zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, 2);
    expect_corrupt();
    zc_inject_disarm();
    expect_taken(SLOT, SUPPORT_HALVES, 1);
    support_expect_empty(cache);
}

TEST_OF_CACHE(a_size_that_is_not_the_truth_is_found_at_the_load)
{
    support_halves.claimed_size = 2047;
    renew_with_one(SUPPORT_OVER_DENSE, "halves", true, SUPPORT_HALVES);
    expect_corrupt();
    forget(SLOT);
}

TEST_OF_CACHE(a_pool_that_lost_an_object_is_corrupt)
{
    renew_over(SUPPORT_OVER_BUMP);
    store(SLOT, SUPPORT_NOISE, 1);
    spied.read_status = ZC_IO_ERROR;
    expect_corrupt();
    spied.read_status = ZC_OK;
    spied.read_less = 1;
    expect_corrupt();
    assert_int_equal(cache_stat(decompress_fail), 4);
    spied.read_less = 0;
    expect(SLOT, SUPPORT_NOISE, 1);
}
