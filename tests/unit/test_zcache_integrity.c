/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_integrity.c - damage in the pool, and compressors that lie: a
 * status, never wrong bytes.
 */
#include "support_bump.h"
#include "support_codec.h"
#include "support_test.h"

/* A cache with one page in it. */
static struct zc_cache *cache_of_one(enum support_over over,
                                     const char *compressor, bool checksums,
                                     enum support_kind kind)
{
    struct zc_cache_options options = support_cache_options(over);
    struct zc_cache *cache;

    options.compressor_name = compressor;
    options.checksums = checksums;
    options.context_count = 1;
    cache = support_cache_create(&options);
    support_store(cache, support_slot(3), kind, 1);
    return cache;
}

/* Every flipped bit is found, and no error after it is flipped back. */
static void flip_each(struct zc_cache *cache, size_t step)
{
    const size_t bits = 8 * (size_t)support_cache_stat(cache, payload_bytes);
    char page[4096];
    uint64_t found = 0;
    size_t place;

    for (place = 0; place < bits; place += step) {
        support_flip_bit(cache, place);
        support_expect_corrupt(cache, support_slot(3));
        assert_status(zc_cache_take(cache, support_slot(3), page), ZC_CORRUPT);
        found += 2;
        support_flip_bit(cache, place);
    }
    assert_int_equal(support_cache_stat(cache, decompress_fail), found);
    assert_int_equal(support_cache_stat(cache, zswpin), 0);
    assert_int_equal(support_cache_stat(cache, take_retries), 0);
}

TEST(with_sums_every_flipped_bit_is_found)
{
    struct zc_cache *cache;
    unsigned over;
    unsigned i;

    for (over = SUPPORT_OVER_DENSE; over <= SUPPORT_OVER_KERNEL; over++) {
        for (i = 0; i < support_codec_count(); i++) {
            cache =
                cache_of_one(over, support_codec_name(i), true, SUPPORT_TEXT);
            flip_each(cache, 13);
            support_expect(cache, support_slot(3), SUPPORT_TEXT, 1);
            zc_cache_destroy(cache);
        }
        cache = cache_of_one(over, "lz4", true, SUPPORT_NOISE);
        assert_int_equal(support_cache_stat(cache, stored_incompressible_pages),
                         1);
        flip_each(cache, 29);
        support_expect(cache, support_slot(3), SUPPORT_NOISE, 1);
        zc_cache_destroy(cache);
    }
}

/* The codec decides then; a page may be wrong, but never half a page. */
TEST(without_sums_damage_is_a_page_or_corrupt)
{
    struct support_guard guard;
    struct zc_cache *cache;
    zc_status status;
    size_t place;
    unsigned i;

    support_guard_init(&guard);
    for (i = 0; i < support_codec_count(); i++) {
        cache = cache_of_one(SUPPORT_OVER_DENSE, support_codec_name(i), false,
                             SUPPORT_TEXT);
        for (place = 0; place < 8 * support_cache_stat(cache, payload_bytes);
             place += 3) {
            support_flip_bit(cache, place);
            status = zc_cache_load(cache, support_slot(3),
                                   support_guard_last(&guard, 4096));
            assert_true(status == ZC_OK || status == ZC_CORRUPT);
            support_flip_bit(cache, place);
        }
        support_expect(cache, support_slot(3), SUPPORT_TEXT, 1);
        zc_cache_destroy(cache);
    }
    support_guard_fini(&guard);
}

TEST(a_corrupt_page_stays_until_it_is_invalidated)
{
    struct zc_cache *cache =
        cache_of_one(SUPPORT_OVER_DENSE, "lz4", true, SUPPORT_TEXT);

    support_flip_bit(cache, 77);
    support_expect_corrupt(cache, support_slot(3));
    assert_int_equal(support_cache_stat(cache, stored_pages), 1);

    assert_status(zc_cache_invalidate(cache, support_slot(3)), ZC_OK);

    support_expect_missing(cache, support_slot(3));
    support_expect_empty(cache);
    zc_cache_destroy(cache);
}

TEST(a_corrupt_page_can_be_replaced)
{
    struct zc_cache *cache =
        cache_of_one(SUPPORT_OVER_KERNEL, "lz4", true, SUPPORT_TEXT);

    support_flip_bit(cache, 77);
    support_expect_corrupt(cache, support_slot(3));

    support_store(cache, support_slot(3), SUPPORT_TEXT, 2);

    support_expect(cache, support_slot(3), SUPPORT_TEXT, 2);
    assert_int_equal(support_cache_stat(cache, stored_pages), 1);
    zc_cache_destroy(cache);
}

TEST(damage_to_one_page_is_not_damage_to_another)
{
    struct zc_cache *cache =
        cache_of_one(SUPPORT_OVER_DENSE, "lz4", true, SUPPORT_TEXT);
    unsigned corrupt = 0;
    char page[4096];
    unsigned i;

    for (i = 10; i < 200; i++)
        support_store(cache, support_slot(i), SUPPORT_TEXT, i);
    support_flip_bit(cache, 1234);

    for (i = 10; i < 200; i++) {
        if (zc_cache_load(cache, support_slot(i), page) == ZC_CORRUPT)
            corrupt++;
        else
            assert_true(support_is_page(page, sizeof(page), SUPPORT_TEXT, i));
    }
    if (zc_cache_load(cache, support_slot(3), page) == ZC_CORRUPT)
        corrupt++;
    assert_int_equal(corrupt, 1);
    zc_cache_destroy(cache);
}

TEST(sums_are_kept_over_a_change_of_compressor)
{
    struct zc_cache *cache =
        cache_of_one(SUPPORT_OVER_DENSE, "lz4", true, SUPPORT_TEXT);

    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    support_expect(cache, support_slot(3), SUPPORT_TEXT, 1);

    support_flip_bit(cache, 5);

    support_expect_corrupt(cache, support_slot(3));
    zc_cache_destroy(cache);
}

/* ---- compressors and pools that lie ---- */

TEST(whatever_a_decompressor_returns_is_a_page_or_corrupt)
{
    static const zc_status lies[] = {
        ZC_MISSING,   ZC_BUSY,    ZC_STALE,       ZC_REJECTED, ZC_AGAIN,
        ZC_NO_MEMORY, ZC_INVALID, ZC_UNSUPPORTED, ZC_IO_ERROR, ZC_CORRUPT,
    };
    struct zc_cache *cache;
    char page[4096];
    size_t i;

    support_use_halves();
    cache = cache_of_one(SUPPORT_OVER_DENSE, "halves", false, SUPPORT_HALVES);

    for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        support_halves.decompress_status = lies[i];

        support_expect_corrupt(cache, support_slot(3));
        assert_status(zc_cache_take(cache, support_slot(3), page), ZC_CORRUPT);
    }

    support_halves.decompress_status = ZC_OK;
    assert_status(zc_cache_take(cache, support_slot(3), page), ZC_OK);
    assert_true(support_is_page(page, sizeof(page), SUPPORT_HALVES, 1));
    support_expect_empty(cache);
    zc_cache_destroy(cache);
}

TEST(a_size_that_is_not_the_truth_is_found_at_the_load)
{
    struct zc_cache *cache;

    support_use_halves();
    support_halves.claimed_size = 2047;
    cache = cache_of_one(SUPPORT_OVER_DENSE, "halves", true, SUPPORT_HALVES);

    support_expect_corrupt(cache, support_slot(3));

    assert_status(zc_cache_invalidate(cache, support_slot(3)), ZC_OK);
    zc_cache_destroy(cache);
}

TEST(a_pool_that_lost_an_object_is_corrupt)
{
    struct support_bump_control control = {.create_status = ZC_OK};
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);
    struct zc_cache *cache;
    char page[4096];

    options.pool_user = &control;
    cache = support_cache_create(&options);
    support_store(cache, support_slot(3), SUPPORT_NOISE, 1);

    control.read_status = ZC_IO_ERROR;
    support_expect_corrupt(cache, support_slot(3));
    control.read_status = ZC_OK;
    control.read_less = 1;
    support_expect_corrupt(cache, support_slot(3));
    assert_status(zc_cache_take(cache, support_slot(3), page), ZC_CORRUPT);
    assert_int_equal(support_cache_stat(cache, decompress_fail), 3);

    control.read_less = 0;
    support_expect(cache, support_slot(3), SUPPORT_NOISE, 1);
    assert_int_equal(control.reads, control.reads_ended);
    zc_cache_destroy(cache);
}
