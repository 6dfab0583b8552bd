/* SPDX-License-Identifier: MIT */
/* test_zcache_store.c - a page in. */
#include "support_bump.h"
#include "support_cache.h"
#include "support_test.h"

#include "base/inject.h"

/* A cache over the spying pool. */
static struct zc_cache *spied_cache(struct support_bump_control *control,
                                    uint64_t limit_pages, unsigned threshold)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_BUMP);

    memset(control, 0, sizeof(*control));
    options.pool_user = control;
    options.limit_bytes = limit_pages * 4096;
    options.accept_threshold_percent = threshold;
    return support_cache_create(&options);
}

/* ---- what goes in comes out ---- */

/* G1, G2 */
TEST(every_page_comes_back_from_every_pool)
{
    struct zc_cache_options options;
    struct zc_cache *cache;
    size_t page_size;
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        for (page_size = 4096; page_size <= 65536; page_size *= 2) {
            options = support_cache_options(over);
            options.page_size = page_size;
            options.checksums = page_size > 8192;
            cache = support_cache_create(&options);
            for (i = 0; i < 50; i++)
                support_store(cache, support_slot(i), i % SUPPORT_KIND_COUNT,
                              i);

            for (i = 0; i < 50; i++)
                support_expect(cache, support_slot(i), i % SUPPORT_KIND_COUNT,
                               i);
            assert_int_equal(support_cache_stat(cache, stored_pages), 50);
            zc_cache_destroy(cache);
        }
    }
}

/* G2 */
TEST(types_and_offsets_are_kept_apart)
{
    static const uint64_t offsets[] = {
        0, 1, 127, 128, 16383, 16384, 8388607, 8388608, 4294967295,
    };
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    unsigned type;
    size_t i;

    for (type = 0; type < 32; type++)
        for (i = 0; i < 9; i++)
            support_store(cache, zc_swp_make(type, offsets[i]), SUPPORT_TEXT,
                          type * 9 + i);

    for (type = 0; type < 32; type++) {
        for (i = 0; i < 9; i++)
            support_expect(cache, zc_swp_make(type, offsets[i]), SUPPORT_TEXT,
                           type * 9 + i);
        support_expect_missing(cache, zc_swp_make(type, 2));
    }
    zc_cache_destroy(cache);
}

TEST(there_are_slots_up_to_the_count)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_DENSE);
    struct zc_cache *cache;
    char page[4096] = {1};

    options.slot_count = 1000;
    cache = support_cache_create(&options);

    support_store(cache, zc_swp_make(31, 999), SUPPORT_TEXT, 1);
    support_expect(cache, zc_swp_make(31, 999), SUPPORT_TEXT, 1);

    assert_status(zc_cache_store(cache, zc_swp_make(0, 1000), page),
                  ZC_INVALID);
    assert_status(zc_cache_store(cache, zc_swp_make(32, 0), page), ZC_INVALID);
    assert_status(zc_cache_store(cache, (zc_swp){UINT64_MAX}, page),
                  ZC_INVALID);
    assert_status(zc_cache_store(cache, zc_swp_make(31, 999), NULL),
                  ZC_INVALID);
    assert_status(zc_cache_store(NULL, zc_swp_make(0, 0), page), ZC_INVALID);
    support_expect(cache, zc_swp_make(31, 999), SUPPORT_TEXT, 1);
    assert_int_equal(support_cache_stat(cache, stored_pages), 1);
    assert_int_equal(support_cache_stat(cache, zswpout), 1);
    zc_cache_destroy(cache);
}

TEST(a_later_store_replaces_whatever_was_there)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_KERNEL);
    unsigned from;
    unsigned to;

    for (from = 0; from < SUPPORT_KIND_COUNT; from++) {
        for (to = 0; to < SUPPORT_KIND_COUNT; to++) {
            support_store(cache, support_slot(1), from, 1);
            support_store(cache, support_slot(1), to, 2);

            support_expect(cache, support_slot(1), to, 2);
            assert_int_equal(support_cache_stat(cache, stored_pages), 1);
        }
    }
    assert_int_equal(support_cache_stat(cache, zswpout), 50);
    assert_int_equal(support_cache_stat(cache, replaced_pages), 49);
    (void)zc_cache_invalidate(cache, support_slot(1));
    support_expect_empty(cache);
    zc_cache_destroy(cache);
}

TEST(the_replaced_object_goes_to_the_pool_once)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 0, 0);
    unsigned i;

    for (i = 0; i < 20; i++) {
        support_store(cache, support_slot(1), SUPPORT_TEXT, i);

        assert_int_equal(control.puts, i + 1);
        assert_int_equal(control.frees, i);
    }
    zc_cache_destroy(cache);
    assert_int_equal(control.frees, 20);
}

/* ---- pages of one word ---- */

TEST(a_page_of_one_word_takes_no_object)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 0, 0);
    uint64_t seed;

    support_store(cache, support_slot(0), SUPPORT_ZERO, 0);
    for (seed = 1; seed < 50; seed++)
        support_store(cache, support_slot(seed), SUPPORT_SAME, seed);

    assert_int_equal(control.puts, 0);
    assert_int_equal(support_cache_stat(cache, stored_pages), 50);
    assert_int_equal(support_cache_stat(cache, same_filled_pages), 50);
    assert_int_equal(support_cache_stat(cache, payload_bytes), 0);
    support_expect(cache, support_slot(0), SUPPORT_ZERO, 0);
    for (seed = 1; seed < 50; seed++)
        support_expect(cache, support_slot(seed), SUPPORT_SAME, seed);
    support_store(cache, support_slot(0), SUPPORT_TEXT, 0);
    assert_int_equal(support_cache_stat(cache, same_filled_pages), 49);
    zc_cache_destroy(cache);
}

/* One bit that differs anywhere makes it a page like any other. */
TEST(a_page_with_one_other_bit_is_not_of_one_word)
{
    struct support_bump_control control;
    struct zc_cache *cache = spied_cache(&control, 0, 0);
    char page[4096];
    char back[4096];
    unsigned word;

    for (word = 0; word < 512; word++) {
        support_make_page(page, sizeof(page), SUPPORT_SAME, 3);
        page[word * 8 + word % 8] ^= 0x10;
        assert_status(zc_cache_store(cache, support_slot(0), page), ZC_OK);

        assert_int_equal(control.puts, word + 1);
        assert_status(zc_cache_load(cache, support_slot(0), back), ZC_OK);
        assert_memory_equal(back, page, sizeof(page));
    }
    assert_int_equal(support_cache_stat(cache, same_filled_pages), 0);
    zc_cache_destroy(cache);
}

TEST(two_words_in_turn_are_not_one)
{
    struct zc_cache *cache = support_cache_over(SUPPORT_OVER_DENSE);
    uint64_t page[512];
    uint64_t back[512];
    unsigned i;

    for (i = 0; i < 512; i++)
        page[i] = i % 2 + 1;

    assert_status(zc_cache_store(cache, support_slot(0), page), ZC_OK);

    assert_int_equal(support_cache_stat(cache, same_filled_pages), 0);
    assert_status(zc_cache_load(cache, support_slot(0), back), ZC_OK);
    assert_memory_equal(back, page, sizeof(page));
    zc_cache_destroy(cache);
}

TEST(looking_for_one_word_can_be_turned_off)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_DENSE);
    struct zc_cache *cache;

    options.no_same_filled = 1;
    cache = support_cache_create(&options);

    support_store(cache, support_slot(0), SUPPORT_ZERO, 0);

    assert_int_equal(support_cache_stat(cache, same_filled_pages), 0);
    assert_in_range(support_cache_stat(cache, payload_bytes), 1, 100);
    support_expect(cache, support_slot(0), SUPPORT_ZERO, 0);
    zc_cache_destroy(cache);
}

/* ---- pages that do not get smaller ---- */

TEST(a_page_of_noise_is_stored_raw_and_counted)
{
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        struct zc_cache *cache = support_cache_over(over);

        support_store(cache, support_slot(0), SUPPORT_NOISE, 1);
        support_store(cache, support_slot(1), SUPPORT_TEXT, 1);

        assert_int_equal(support_cache_stat(cache, stored_incompressible_pages),
                         1);
        assert_int_equal(support_cache_stat(cache, compress_fail), 0);
        assert_true(support_cache_stat(cache, payload_bytes) > 4096);
        support_expect(cache, support_slot(0), SUPPORT_NOISE, 1);
        support_store(cache, support_slot(0), SUPPORT_TEXT, 1);
        assert_int_equal(support_cache_stat(cache, stored_incompressible_pages),
                         0);
        zc_cache_destroy(cache);
    }
}

/* What is stored of a page that is said to compress to so many bytes. */
static uint64_t stored_bytes(struct zc_cache *cache, size_t claimed_size)
{
    support_halves.claimed_size = claimed_size;
    support_store(cache, support_slot(0), SUPPORT_HALVES, 1);
    return support_cache_stat(cache, payload_bytes);
}

TEST(the_watermark_is_the_pools)
{
    static const struct {
        enum support_over over;
        unsigned chain_length;
        size_t huge_class_size;
    } pools[] = {
        {SUPPORT_OVER_KERNEL, 4, 3257}, {SUPPORT_OVER_KERNEL, 8, 3625},
        {SUPPORT_OVER_DENSE, 0, 4093},  {SUPPORT_OVER_MALLOC, 0, 4096},
        {SUPPORT_OVER_BUMP, 0, 1000},
    };
    struct support_bump_control control = {.huge_class_size = 1000};
    struct zc_cache_options options;
    struct zc_cache *cache;
    size_t i;

    support_use_halves();
    for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        options = support_cache_options(pools[i].over);
        options.chain_length = pools[i].chain_length;
        options.compressor_name = "halves";
        options.pool_user = &control;
        cache = support_cache_create(&options);

        assert_int_equal(stored_bytes(cache, pools[i].huge_class_size - 1),
                         pools[i].huge_class_size - 1);
        assert_int_equal(support_cache_stat(cache, stored_incompressible_pages),
                         0);
        assert_int_equal(stored_bytes(cache, pools[i].huge_class_size), 4096);
        assert_int_equal(support_cache_stat(cache, stored_incompressible_pages),
                         1);
        assert_int_equal(support_cache_stat(cache, compress_fail), 0);
        support_expect(cache, support_slot(0), SUPPORT_HALVES, 1);
        zc_cache_destroy(cache);
    }
}

TEST(a_failing_compressor_means_raw_pages)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_DENSE);
    struct zc_cache *cache;

    support_use_halves();
    options.compressor_name = "halves";
    cache = support_cache_create(&options);

    support_halves.compress_status = ZC_UNSUPPORTED;
    support_store(cache, support_slot(0), SUPPORT_HALVES, 1);
    support_halves.compress_status = ZC_OK;
    zc_inject_arm(ZC_INJECT_COMPRESS, 0, 1);
    support_store(cache, support_slot(1), SUPPORT_HALVES, 2);
    zc_inject_disarm();
    support_store(cache, support_slot(2), SUPPORT_HALVES, 3);

    assert_int_equal(support_cache_stat(cache, compress_fail), 2);
    assert_int_equal(support_cache_stat(cache, stored_incompressible_pages), 2);
    assert_int_equal(support_cache_stat(cache, payload_bytes),
                     4096 + 4096 + 2048);
    support_expect(cache, support_slot(0), SUPPORT_HALVES, 1);
    support_expect(cache, support_slot(1), SUPPORT_HALVES, 2);
    support_expect(cache, support_slot(2), SUPPORT_HALVES, 3);
    zc_cache_destroy(cache);
}

/* More than a page, up to the room it has, is no failure: it gains nothing. */
TEST(a_compressor_that_makes_more_means_a_raw_page)
{
    struct zc_cache_options options = support_cache_options(SUPPORT_OVER_DENSE);
    struct zc_cache *cache;

    support_use_halves();
    options.compressor_name = "halves";
    cache = support_cache_create(&options);

    assert_int_equal(stored_bytes(cache, 8192), 4096);
    assert_int_equal(support_cache_stat(cache, compress_fail), 0);
    support_expect(cache, support_slot(0), SUPPORT_HALVES, 1);
    zc_cache_destroy(cache);
}
