/* SPDX-License-Identifier: MIT */
/* test_zcache_store.c - a page in. */
#include "support_front.h"

#include "base/inject.h"

/* ---- what goes in comes out ---- */

/* G1, G2 */
TEST_OF_CACHE(every_page_comes_back_from_every_pool)
{
    struct zc_cache_options options;
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        options = support_cache_options(over);
        for (options.page_size = 4096; options.page_size <= 65536;
             options.page_size *= 2) {
            options.checksums = options.page_size > 8192;
            renew(&options);
            for (i = 0; i < 50; i++)
                store(i, i % SUPPORT_KIND_COUNT, i);
            for (i = 0; i < 50; i++)
                expect(i, i % SUPPORT_KIND_COUNT, i);
            assert_int_equal(cache_stat(stored_pages), 50);
        }
    }
}

/* G2 */
TEST_OF_CACHE(types_and_offsets_are_kept_apart)
{
    static const uint64_t offsets[] = {
        0, 1, 127, 128, 16383, 16384, 8388607, 8388608, 4294967295,
    };
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
}

TEST_OF_CACHE(there_are_slots_up_to_the_count)
{
    const zc_swp last = zc_swp_make(31, 999);
    const zc_swp bad[] = {
        zc_swp_make(0, 1000), zc_swp_make(32, 0), {UINT64_MAX}};
    char page[4096] = {1};
    unsigned i;

    renew(ZC_CACHE_OPTIONS(.slot_count = 1000));
    support_store(cache, last, SUPPORT_TEXT, 1);
    for (i = 0; i < 3; i++)
        assert_status(zc_cache_store(cache, bad[i], page), ZC_INVALID);
    assert_status(zc_cache_store(cache, last, NULL), ZC_INVALID);
    assert_status(zc_cache_store(NULL, last, page), ZC_INVALID);
    support_expect(cache, last, SUPPORT_TEXT, 1);
    assert_int_equal(cache_stat(stored_pages), 1);
    assert_int_equal(cache_stat(zswpout), 1);
}

TEST_OF_CACHE(a_later_store_replaces_any_page)
{
    unsigned from;
    unsigned to;

    renew_over(SUPPORT_OVER_KERNEL);
    for (from = 0; from < SUPPORT_KIND_COUNT; from++) {
        for (to = 0; to < SUPPORT_KIND_COUNT; to++) {
            store(1, from, 1);
            store(1, to, 2);
            expect(1, to, 2);
            assert_int_equal(cache_stat(stored_pages), 1);
        }
    }
    assert_int_equal(cache_stat(zswpout), 50);
    assert_int_equal(cache_stat(replaced_pages), 49);
    forget(1);
    support_expect_empty(cache);
}

TEST_OF_CACHE(the_replaced_object_goes_to_the_pool_at_once)
{
    unsigned i;

    renew_over(SUPPORT_OVER_BUMP);
    for (i = 0; i < 20; i++) {
        store(1, SUPPORT_TEXT, i);
        assert_int_equal(spied.puts, i + 1);
        assert_int_equal(spied.frees, i);
    }
}

/* ---- pages of one word ---- */

TEST_OF_CACHE(a_page_of_one_word_takes_no_object)
{
    uint64_t seed;

    renew_over(SUPPORT_OVER_BUMP);
    store(0, SUPPORT_ZERO, 0);
    for (seed = 1; seed < 50; seed++)
        store(seed, SUPPORT_SAME, seed);
    assert_int_equal(spied.puts, 0);
    assert_int_equal(cache_stat(stored_pages), 50);
    assert_int_equal(cache_stat(same_filled_pages), 50);
    assert_int_equal(cache_stat(payload_bytes), 0);
    expect(0, SUPPORT_ZERO, 0);
    for (seed = 1; seed < 50; seed++)
        expect(seed, SUPPORT_SAME, seed);
    store(0, SUPPORT_TEXT, 0);
    assert_int_equal(cache_stat(same_filled_pages), 49);
}

/* Stores and loads a page that is not of one word. */
static void expect_an_object(const void *page)
{
    char back[4096];

    assert_status(zc_cache_store(cache, at(0), page), ZC_OK);
    assert_int_equal(cache_stat(same_filled_pages), 0);
    assert_status(zc_cache_load(cache, at(0), back), ZC_OK);
    assert_memory_equal(back, page, sizeof(back));
}

/* One bit that differs anywhere makes it a page like any other. */
TEST_OF_CACHE(a_page_with_one_other_bit_is_not_of_one_word)
{
    char page[4096];
    unsigned word;

    for (word = 0; word < 512; word++) {
        support_make_page(page, sizeof(page), SUPPORT_SAME, 3);
        page[word * 8 + word % 8] ^= 0x10;
        expect_an_object(page);
    }
}

TEST_OF_CACHE(two_words_in_turn_are_not_one)
{
    uint64_t page[512];
    unsigned i;

    for (i = 0; i < 512; i++)
        page[i] = i % 2 + 1;
    expect_an_object(page);
}

TEST_OF_CACHE(looking_for_one_word_can_be_turned_off)
{
    renew(ZC_CACHE_OPTIONS(.no_same_filled = 1));
    store(0, SUPPORT_ZERO, 0);
    assert_int_equal(cache_stat(same_filled_pages), 0);
    assert_in_range(cache_stat(payload_bytes), 1, 100);
    expect(0, SUPPORT_ZERO, 0);
    renew(ZC_CACHE_OPTIONS(.no_same_filled = 2));
    store(0, SUPPORT_ZERO, 0);
    store(1, SUPPORT_SAME, 5);
    assert_int_equal(cache_stat(same_filled_pages), 1);
    assert_in_range(cache_stat(payload_bytes), 1, 100);
    expect(0, SUPPORT_ZERO, 0);
    expect(1, SUPPORT_SAME, 5);
}

/* ---- pages that do not get smaller ---- */

TEST_OF_CACHE(a_page_of_noise_is_stored_raw_and_counted)
{
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        renew_over(over);
        store(0, SUPPORT_NOISE, 1);
        store(1, SUPPORT_TEXT, 1);
        assert_int_equal(cache_stat(stored_incompressible_pages), 1);
        assert_int_equal(cache_stat(compress_fail), 0);
        assert_true(cache_stat(payload_bytes) > 4096);
        expect(0, SUPPORT_NOISE, 1);
        store(0, SUPPORT_TEXT, 1);
        assert_int_equal(cache_stat(stored_incompressible_pages), 0);
    }
}

/* Stores a page that is said to compress to so many bytes. */
static void expect_stored(size_t claimed, uint64_t bytes)
{
    support_halves.claimed_size = claimed;
    store(0, SUPPORT_HALVES, 1);
    assert_int_equal(cache_stat(payload_bytes), bytes);
    assert_int_equal(cache_stat(raw_pages), bytes == 4096);
    /* As the kernel counts: only what is no smaller than a page. */
    assert_int_equal(cache_stat(stored_incompressible_pages), claimed >= 4096);
    assert_int_equal(cache_stat(compress_fail), 0);
}

/* Also what makes more, up to the room it has, is no failure. */
TEST_OF_CACHE(what_is_huge_for_the_pool_is_stored_raw)
{
    static const struct {
        enum support_over over;
        unsigned chain_length;
        size_t huge;
    } rows[] = {
        {SUPPORT_OVER_KERNEL, 4, 3257}, {SUPPORT_OVER_KERNEL, 8, 3625},
        {SUPPORT_OVER_DENSE, 0, 4093},  {SUPPORT_OVER_MALLOC, 0, 4096},
        {SUPPORT_OVER_BUMP, 0, 1000},
    };
    struct zc_cache_options options;
    size_t i;

    spied.huge_class_size = 1000;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        options = support_cache_options(rows[i].over);
        options.chain_length = rows[i].chain_length;
        options.compressor_name = "halves";
        renew(&options);
        expect_stored(rows[i].huge - 1, rows[i].huge - 1);
        expect_stored(rows[i].huge, 4096);
        expect_stored(8192, 4096);
        expect(0, SUPPORT_HALVES, 1);
    }
}

TEST_OF_CACHE(pages_are_raw_from_where_the_option_says)
{
    static const size_t sizes[] = {1, 2000, 3625, 4096};
    struct zc_cache_options options;
    unsigned over;
    size_t i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            options = support_cache_options(over);
            options.compressor_name = "halves";
            options.raw_from = sizes[i];
            renew(&options);
            if (sizes[i] > 1)
                expect_stored(sizes[i] - 1, sizes[i] - 1);
            expect_stored(sizes[i], 4096);
            expect(0, SUPPORT_HALVES, 1);
        }
    }
}

TEST_OF_CACHE(a_failing_compressor_means_raw_pages)
{
    unsigned i;

    renew(ZC_CACHE_OPTIONS(.compressor_name = "halves"));
    support_halves.compress_status = ZC_UNSUPPORTED;
    store(0, SUPPORT_HALVES, 0);
    support_halves.compress_status = ZC_OK;
    zc_inject_arm(ZC_INJECT_COMPRESS, 0, 1);
    store(1, SUPPORT_HALVES, 1);
    zc_inject_disarm();
    store(2, SUPPORT_HALVES, 2);
    assert_int_equal(cache_stat(compress_fail), 2);
    assert_int_equal(cache_stat(stored_incompressible_pages), 2);
    assert_int_equal(cache_stat(payload_bytes), 4096 + 4096 + 2048);
    for (i = 0; i < 3; i++)
        expect(i, SUPPORT_HALVES, i);
}
