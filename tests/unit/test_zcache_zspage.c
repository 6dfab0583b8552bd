/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_zspage.c - lru = zspage: where the slot of an object is; and
 * pages that do not compress, or would not fit beside it.
 */
#include "support_front.h"

#include "base/inject.h"
#include "cache/cache.h"

static void renew_zspage(struct zc_cache_options options)
{
    options.struct_size = sizeof(options);
    options.lru_mode = ZC_LRU_ZSPAGE;
    renew(&options);
}

/* Over our pool, as one that is not ours: it has no records of entries. */
static void renew_stranger(struct zc_cache_options options)
{
    static struct zc_pool_ops stranger;

    stranger = zc_pool_zspool;
    options.pool_ops = &stranger;
    renew_zspage(options);
}

/* The objects of the cache. */
static struct {
    uint64_t slots[16];
    size_t sizes[16];
    unsigned count;
} objects;

static bool look(void *context, zc_handle handle, const void *data, size_t size)
{
    (void)context;
    (void)handle;
    memcpy(&objects.slots[objects.count], data, 8);
    objects.sizes[objects.count++] = size;
    return true;
}

static void expect_objects(unsigned count)
{
    objects.count = 0;
    assert_status(zc_zspool_iterate(cache->zswap.entries.pool, look, NULL),
                  ZC_OK);
    assert_int_equal(objects.count, count);
}

static void expect_prefix(size_t prefix)
{
    const uint64_t last = ZC_SLOT_COUNT_DEFAULT - 1;

    swap_type = 31;
    assert_status(
        zc_cache_store_for(cache, 1000, at(last), (char[4096]){"same?"}),
        ZC_REJECTED); /* its halves differ */
    store(last, SUPPORT_HALVES, 1);
    store(0, SUPPORT_SAME, 1);
    expect_objects(1);
    if (prefix != 0)
        assert_int_equal(objects.slots[0], at(last).value);
    assert_int_equal(objects.sizes[0], prefix + 2048);
    assert_int_equal(cache_stat(payload_bytes), prefix + 2048);
    expect(last, SUPPORT_HALVES, 1);
}

TEST_OF_CACHE(an_object_of_a_strangers_pool_begins_with_its_slot)
{
    const struct zc_cache_options options = {.compressor_name = "halves"};

    renew_zspage(options);
    expect_prefix(0);
    renew_stranger(options);
    expect_prefix(8);
}

TEST_OF_CACHE(pages_come_back_whole_or_from_behind_their_slot)
{
    static const char *const compressors[] = {"lz4", "lz4hc", "halves"};
    unsigned placement;
    unsigned i;
    unsigned k;

    for (placement = ZC_PLACEMENT_DENSE; placement <= ZC_PLACEMENT_KERNEL;
         placement++) {
        for (k = 0; k < 12; k++) {
            const enum support_kind kind = k % 3 == 2 ? SUPPORT_HALVES
                                                      : SUPPORT_TEXT;

            (k < 6 ? renew_zspage : renew_stranger)(
                (struct zc_cache_options){.compressor_name = compressors[k % 3],
                                          .page_size = k % 6 < 3 ? 4096 : 65536,
                                          .placement = placement,
                                          .checksums = k % 2});
            for (i = 0; i < 100; i++)
                store(i, kind, i);
            for (i = 0; i < 100; i++)
                expect(i, kind, i);
            assert_status(zc_cache_invalidate_range(cache, at(0), 100), ZC_OK);
            support_expect_empty(cache);
        }
    }
}

/* FAILED_STORE_ERASES_OLD, by a page that does not compress */
TEST_OF_CACHE(a_page_that_does_not_compress_is_refused)
{
    renew_zspage((struct zc_cache_options){.page_size = 0});
    store(1, SUPPORT_TEXT, 1);
    assert_status(try_store(1, SUPPORT_NOISE, 2), ZC_REJECTED);
    expect_missing(1);
    support_expect_empty(cache);
    assert_int_equal(cache_stat(reject_compress_poor), 1);
    assert_int_equal(cache_stat(reject_alloc_fail), 0);
    assert_int_equal(cache_stat(compress_fail), 0);
    zc_inject_arm(ZC_INJECT_COMPRESS, 0, 1);
    assert_status(try_store(1, SUPPORT_TEXT, 2), ZC_REJECTED);
    zc_inject_disarm();
    assert_int_equal(cache_stat(reject_compress_poor), 2);
    assert_int_equal(cache_stat(compress_fail), 1);
    /* No store in flight is left that would hold its compressor. */
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    assert_int_equal(cache_stat(generations), 1);
}

/* To the byte, and without a look at what zram would call huge. */
static void expect_largest(size_t largest, size_t prefix)
{
    support_halves.claimed_size = largest;
    store(1, SUPPORT_HALVES, 1);
    support_halves.claimed_size = largest + 1;
    assert_status(try_store(2, SUPPORT_HALVES, 1), ZC_REJECTED);
    support_halves.claimed_size = 3700;
    store(3, SUPPORT_HALVES, 1);
    expect_objects(2);
    assert_int_equal(objects.sizes[0] + objects.sizes[1],
                     largest + 3700 + 2 * prefix);
    assert_int_equal(cache_stat(stored_incompressible_pages), 0);
}

TEST_OF_CACHE(what_compresses_and_fits_beside_a_slot_is_stored)
{
    const struct zc_cache_options options = {.compressor_name = "halves",
                                             .placement = ZC_PLACEMENT_KERNEL};

    renew_zspage(options);
    expect_largest(4095, 0);
    renew_stranger(options);
    expect_largest(4088, 8);
}

/* The slot is part of what is summed. */
TEST_OF_CACHE(a_sum_covers_the_slot_too)
{
    size_t bit;

    renew_stranger((struct zc_cache_options){.checksums = 1});
    store(1, SUPPORT_TEXT, 1);
    for (bit = 0; bit < 8 * 8 + 8; bit++) {
        support_flip_bit(cache, bit);
        assert_status(try_load(1), ZC_CORRUPT);
        support_flip_bit(cache, bit);
        expect(1, SUPPORT_TEXT, 1);
    }
}

/* ---- a pool that evicts what is no page of the cache ---- */

static const void *foreign; /* the bytes of the object that it evicts */
static size_t foreign_size;

static zc_status evict_foreign(void *pool, zc_zspool_evict evict, void *context,
                               uint64_t page_goal, uint64_t *pages_out)
{
    zc_handle handle;

    *pages_out = 0 * page_goal;
    assert_status(support_bump_pool.put(pool, foreign, foreign_size, &handle),
                  ZC_OK);
    (void)evict(context, handle);
    support_bump_pool.free(pool, handle);
    return ZC_AGAIN;
}

static void expect_left_alone(const void *object, size_t size, bool is_stale)
{
    const uint64_t stale = cache_stat(writeback_stale);

    foreign = object;
    foreign_size = size;
    assert_status(zc_cache_shrink(cache, 1, NULL), ZC_AGAIN);
    assert_int_equal(cache_stat(writeback_stale) > stale, is_stale);
    assert_int_equal(disk.writes, 0);
    expect(1, SUPPORT_TEXT, 1);
}

/* WRITEBACK_RECHECKS_TREE; and what an object says is checked before it is
 * used. */
TEST_OF_CACHE(an_object_that_is_not_its_slots_page_is_left_alone)
{
    static struct zc_pool_ops ops;
    zc_swp slots[4];
    unsigned i;

    ops = support_bump_pool;
    ops.reclaim = evict_foreign;
    renew_device(ZC_CACHE_OPTIONS(.pool_ops = &ops, .lru_mode = ZC_LRU_ZSPAGE),
                 NULL);
    store(1, SUPPORT_TEXT, 1);
    slots[0] = at(1);
    slots[1] = at(2);
    slots[2] = zc_swp_make(ZC_SWP_TYPE_COUNT, 1);
    slots[3] = at(ZC_SLOT_COUNT_DEFAULT);
    for (i = 0; i < 4; i++)
        expect_left_alone(&slots[i], 8, i < 2);
    expect_left_alone(&slots[0], 7, false);
}
