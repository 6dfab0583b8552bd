/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_zspage.c - lru = zspage: where the slot of an object is; and
 * pages that do not compress, or would not fit beside it.
 */
#include "support_bump.h"
#include "support_cache.h"
#include "support_test.h"

#include "base/inject.h"
#include "cache/cache.h"

/* Our pool, as one that is not ours: it has no records of entries. */
static struct zc_pool_ops stranger;

static struct zc_cache *begin(struct zc_cache_options options)
{
    options.struct_size = sizeof(options);
    options.lru_mode = ZC_LRU_ZSPAGE;
    return support_cache_create(&options);
}

static struct zc_cache *begin_over_stranger(struct zc_cache_options options)
{
    stranger = zc_pool_zspool;
    options.pool_ops = &stranger;
    return begin(options);
}

struct objects {
    uint64_t slots[16];
    size_t sizes[16];
    unsigned count;
};

static bool look(void *context, zc_handle handle, const void *data, size_t size)
{
    struct objects *objects = context;

    (void)handle;
    memcpy(&objects->slots[objects->count], data, 8);
    objects->sizes[objects->count++] = size;
    return true;
}

static void expect_prefix(struct zc_cache *cache, size_t prefix)
{
    const zc_swp slot = zc_swp_make(31, ZC_SLOT_COUNT_DEFAULT - 1);
    struct objects objects = {.count = 0};

    assert_status(zc_cache_store_for(cache, 1000, slot, (char[4096]){"same?"}),
                  ZC_REJECTED); /* its halves differ */
    support_store(cache, slot, SUPPORT_HALVES, 1);
    support_store(cache, support_slot(0), SUPPORT_SAME, 1);

    assert_status(zc_zspool_iterate(cache->zswap.entries.pool, look, &objects),
                  ZC_OK);

    assert_int_equal(objects.count, 1);
    if (prefix != 0)
        assert_int_equal(objects.slots[0], slot.value);
    assert_int_equal(objects.sizes[0], prefix + 2048);
    assert_int_equal(support_cache_stat(cache, payload_bytes), prefix + 2048);
    support_expect(cache, slot, SUPPORT_HALVES, 1);
    zc_cache_destroy(cache);
}

TEST(an_object_of_a_strangers_pool_begins_with_its_slot)
{
    const struct zc_cache_options options = {.compressor_name = "halves"};

    support_use_halves();
    expect_prefix(begin(options), 0);
    expect_prefix(begin_over_stranger(options), 8);
}

TEST(pages_come_back_whole_or_from_behind_their_slot)
{
    static const char *const compressors[] = {"lz4", "lz4hc", "halves"};
    struct zc_cache *cache;
    unsigned placement;
    unsigned i;
    unsigned k;

    support_use_halves();
    for (placement = ZC_PLACEMENT_DENSE; placement <= ZC_PLACEMENT_KERNEL;
         placement++) {
        for (k = 0; k < 12; k++) {
            cache = (k < 6 ? begin : begin_over_stranger)(
                (struct zc_cache_options){.compressor_name = compressors[k % 3],
                                          .page_size = k % 6 < 3 ? 4096 : 65536,
                                          .placement = placement,
                                          .checksums = k % 2});
            for (i = 0; i < 100; i++)
                support_store(cache, support_slot(i),
                              k % 3 == 2 ? SUPPORT_HALVES : SUPPORT_TEXT, i);
            for (i = 0; i < 100; i++)
                support_expect(cache, support_slot(i),
                               k % 3 == 2 ? SUPPORT_HALVES : SUPPORT_TEXT, i);
            assert_status(
                zc_cache_invalidate_range(cache, support_slot(0), 100), ZC_OK);
            support_expect_empty(cache);
            zc_cache_destroy(cache);
        }
    }
}

/* FAILED_STORE_ERASES_OLD, by a page that does not compress */
TEST(a_page_that_does_not_compress_is_refused)
{
    struct zc_cache *cache = begin((struct zc_cache_options){.page_size = 0});

    support_store(cache, support_slot(1), SUPPORT_TEXT, 1);

    assert_status(support_try_store(cache, support_slot(1), SUPPORT_NOISE, 2),
                  ZC_REJECTED);

    support_expect_missing(cache, support_slot(1));
    support_expect_empty(cache);
    assert_int_equal(support_cache_stat(cache, reject_compress_poor), 1);
    assert_int_equal(support_cache_stat(cache, reject_alloc_fail), 0);
    assert_int_equal(support_cache_stat(cache, compress_fail), 0);
    zc_inject_arm(ZC_INJECT_COMPRESS, 0, 1);
    assert_status(support_try_store(cache, support_slot(1), SUPPORT_TEXT, 2),
                  ZC_REJECTED);
    zc_inject_disarm();
    assert_int_equal(support_cache_stat(cache, reject_compress_poor), 2);
    assert_int_equal(support_cache_stat(cache, compress_fail), 1);
    /* No store in flight is left that would hold its compressor. */
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    assert_int_equal(support_cache_stat(cache, generations), 1);
    zc_cache_destroy(cache);
}

/* To the byte, and without a look at what zram would call huge. */
static void expect_largest(struct zc_cache *cache, size_t largest,
                           size_t prefix)
{
    struct objects objects = {.count = 0};

    support_halves.claimed_size = largest;
    support_store(cache, support_slot(1), SUPPORT_HALVES, 1);
    support_halves.claimed_size = largest + 1;
    assert_status(support_try_store(cache, support_slot(2), SUPPORT_HALVES, 1),
                  ZC_REJECTED);
    support_halves.claimed_size = 3700;
    support_store(cache, support_slot(3), SUPPORT_HALVES, 1);

    assert_status(zc_zspool_iterate(cache->zswap.entries.pool, look, &objects),
                  ZC_OK);
    assert_int_equal(objects.count, 2);
    assert_int_equal(objects.sizes[0] + objects.sizes[1],
                     largest + 3700 + 2 * prefix);
    assert_int_equal(support_cache_stat(cache, stored_incompressible_pages), 0);
    zc_cache_destroy(cache);
}

TEST(what_compresses_and_fits_beside_a_slot_is_stored)
{
    const struct zc_cache_options options = {.compressor_name = "halves",
                                             .placement = ZC_PLACEMENT_KERNEL};

    support_use_halves();
    expect_largest(begin(options), 4095, 0);
    expect_largest(begin_over_stranger(options), 4088, 8);
}

/* The slot is part of what is summed. */
TEST(a_sum_covers_the_slot_too)
{
    size_t bit;

    for (bit = 0; bit < 8 * 8 + 8; bit++) {
        struct zc_cache *cache =
            begin_over_stranger((struct zc_cache_options){.checksums = 1});

        support_store(cache, support_slot(1), SUPPORT_TEXT, 1);
        support_expect(cache, support_slot(1), SUPPORT_TEXT, 1);
        support_flip_bit(cache, bit);
        support_expect_corrupt(cache, support_slot(1));
        support_flip_bit(cache, bit);
        support_expect(cache, support_slot(1), SUPPORT_TEXT, 1);
        zc_cache_destroy(cache);
    }
}
