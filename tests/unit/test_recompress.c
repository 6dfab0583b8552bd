/* SPDX-License-Identifier: MIT */
/*
 * test_recompress.c - cold pages compressed again: which pages, how many, what
 * stays as it is, and what other calls find meanwhile.
 *
 * Pages of two equal halves are stored whole by "copy", and in half by
 * "halves", so it is known what each page takes.
 */
#include "support_halves.h"
#include "support_threads.h"

#include "base/inject.h"
#include "cache/cache.h"

/* ---- which pages ---- */

TEST_OF_WHOLE_PAGES(pages_get_smaller_and_stay_what_they_are)
{
    store_halves(0, PAGES);
    assert_int_equal(cache_stat(raw_pages), PAGES);
    assert_int_equal(cache_stat(pool_total_size), PAGES * 4096);
    assert_int_equal(RECOMPRESS(0), PAGES);
    assert_int_equal(cache_stat(payload_bytes), PAGES * HALF);
    assert_in_range(cache_stat(pool_total_size), PAGES * HALF,
                    PAGES * HALF + 16 * 4096);
    assert_int_equal(cache_stat(raw_pages), 0);
    assert_int_equal(cache_stat(stored_incompressible_pages), 0);
    assert_int_equal(cache_stat(stored_pages), PAGES);
    assert_int_equal(cache_stat(zswpout), PAGES);
    expect_halves(0, PAGES);
    /* The second call finds nothing to do. */
    assert_int_equal(RECOMPRESS(0), 0);
    assert_int_equal(cache_stat(recompress_poor), 0);
    /* New pages are still compressed as before. */
    store_halves(PAGES, 1);
    assert_int_equal(cache_stat(raw_pages), 1);
}

TEST_OF_WHOLE_PAGES(pages_of_one_word_are_passed_over)
{
    store(0, SUPPORT_SAME, 1);
    store(1, SUPPORT_ZERO, 1);
    assert_int_equal(RECOMPRESS(0), 0);
    assert_int_equal(cache_stat(same_filled_pages), 2);
    assert_int_equal(cache_stat(recompress_poor), 0);
}

TEST_OF_WHOLE_PAGES(only_pages_that_are_old_enough)
{
    store_halves(0, 20);
    hour = 100;
    store_halves(20, 10);
    expect_halves(0, 5); /* a load is a use */
    assert_int_equal(RECOMPRESS(.min_age_seconds = 101), 0);
    assert_int_equal(RECOMPRESS(.min_age_seconds = 100), 15);
    hour = 140;
    assert_int_equal(RECOMPRESS(.min_age_seconds = 41), 0);
    assert_int_equal(RECOMPRESS(.min_age_seconds = 40), 15);
    expect_halves(0, 30);
}

/* The clock wraps, and so does what an entry has of it. */
TEST_OF_WHOLE_PAGES(an_age_is_right_where_the_clock_wraps)
{
    hour = UINT32_MAX - 5;
    store_halves(0, 4);
    hour = 20;
    assert_int_equal(RECOMPRESS(.min_age_seconds = 27), 0);
    assert_int_equal(RECOMPRESS(.min_age_seconds = 26), 4);
}

TEST_OF_WHOLE_PAGES(a_budget_counts_the_pages_that_are_compressed)
{
    unsigned i;

    for (i = 0; i < PAGES; i++)
        store(i, i % 3 == 0 ? SUPPORT_NOISE : SUPPORT_HALVES, i);
    assert_int_equal(RECOMPRESS(.budget_pages = 9), 6);
    assert_int_equal(cache_stat(recompress_poor), 3);
    /* The next call goes on, and passes over what was no smaller. */
    assert_int_equal(RECOMPRESS(.budget_pages = 9), 6);
    for (i = 0; i < 10; i++)
        (void)RECOMPRESS(.budget_pages = 9);
    assert_int_equal(small_pages(PAGES), PAGES / 3 * 2);
    assert_int_equal(cache_stat(recompress_poor), PAGES / 3);
    assert_int_equal(RECOMPRESS(.retry = 1), 0);
    assert_int_equal(cache_stat(recompress_poor), PAGES / 3 * 2);
    /* A page that is stored anew is another page. */
    store(0, SUPPORT_HALVES, 1);
    assert_int_equal(RECOMPRESS(0), 1);
}

/* A load keeps the mark, and the count of references beside it. */
TEST_OF_WHOLE_PAGES(a_page_that_was_tried_is_known_after_a_load)
{
    store(0, SUPPORT_NOISE, 1);
    assert_int_equal(RECOMPRESS(0), 0);
    expect(0, SUPPORT_NOISE, 1);
    assert_int_equal(RECOMPRESS(0), 0);
    assert_int_equal(cache_stat(recompress_poor), 1);
    expect_taken(0, SUPPORT_NOISE, 1);
}

TEST_OF_WHOLE_PAGES(pages_of_one_owner)
{
    unsigned i;

    for (i = 0; i < 30; i++)
        assert_status(try_store_for(i % 3 + 1, i, SUPPORT_HALVES, i), ZC_OK);
    assert_int_equal(RECOMPRESS(.one_owner = 1, .owner = 0), 0);
    assert_int_equal(RECOMPRESS(.one_owner = 1, .owner = 2), 10);
    assert_int_equal(RECOMPRESS(.owner = 2), 20);
    expect_halves(0, 30);
}

/* "sized": as many bytes as its level, for a page of one word. */
static zc_status sized_compress(void *context, int level, const void *page,
                                size_t page_size, void *data_out,
                                size_t capacity, size_t *size_out)
{
    (void)context;
    (void)page_size;
    assert_true((size_t)level <= capacity);
    memset(data_out, 0, (size_t)level);
    memcpy(data_out, page, sizeof(uint64_t));
    *size_out = (size_t)level;
    return ZC_OK;
}

static zc_status sized_decompress(void *context, const void *data, size_t size,
                                  void *page_out, size_t page_size)
{
    size_t i;

    (void)context;
    (void)size;
    for (i = 0; i < page_size; i += sizeof(uint64_t))
        memcpy((char *)page_out + i, data, sizeof(uint64_t));
    return ZC_OK;
}

static const struct zc_compressor sized = {
    .struct_size = sizeof(struct zc_compressor),
    .name = "sized",
    .flags = ZC_COMPRESSOR_SHARED_DECOMPRESS,
    .level_min = 8,
    .level_max = 4095,
    .level_default = 100,
    .compress = sized_compress,
    .decompress = sized_decompress,
};

static void use_sized(void)
{
    if (zc_compressor_find("sized") == NULL)
        assert_status(zc_compressor_register(&sized), ZC_OK);
}

/*
 * The classes of the kernel with chain length 8 end with 3184, 3264, 3408,
 * 3504, 3584, 3632, and an object has 8 bytes more than its size.  Dense
 * placement has granules of 8 bytes, and 4 bytes more.  3625 bytes are stored
 * raw in both.
 */
TEST_OF_WHOLE_PAGES(an_object_that_takes_as_much_of_the_pool_is_kept)
{
    static const struct {
        unsigned placement;
        int old_size;
        int new_size;
        uint64_t is_smaller;
    } sizes[] = {
        {ZC_PLACEMENT_KERNEL, 3256, 3177, 0},
        {ZC_PLACEMENT_KERNEL, 3256, 3176, 1},
        {ZC_PLACEMENT_KERNEL, 3177, 3176, 1},
        {ZC_PLACEMENT_KERNEL, 3624, 3577, 0},
        {ZC_PLACEMENT_KERNEL, 3624, 3576, 1},
        {ZC_PLACEMENT_KERNEL, 3625, 3626, 0},
        {ZC_PLACEMENT_KERNEL, 4095, 3624, 1},
        {ZC_PLACEMENT_KERNEL, 100, 3000, 0},
        {ZC_PLACEMENT_DENSE, 2044, 2037, 0},
        {ZC_PLACEMENT_DENSE, 2044, 2036, 1},
        {ZC_PLACEMENT_DENSE, 2036, 2044, 0},
        {ZC_PLACEMENT_DENSE, 4095, 3000, 1},
    };
    unsigned i;

    use_sized();
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        renew(ZC_CACHE_OPTIONS(.placement = sizes[i].placement,
                               .compressor_name = "sized", .no_same_filled = 1,
                               .compressor_level = sizes[i].old_size));
        store(0, SUPPORT_SAME, 5);
        assert_int_equal(RECOMPRESS(.compressor_name = "sized",
                                    .compressor_level = sizes[i].new_size),
                         sizes[i].is_smaller);
        assert_int_equal(cache_stat(recompress_poor), !sizes[i].is_smaller);
        if (sizes[i].is_smaller)
            assert_int_equal(cache_stat(payload_bytes), sizes[i].new_size);
        expect(0, SUPPORT_SAME, 5);
    }
}

/* raw_from says which pages are to be stored whole, to load fast. */
TEST_OF_WHOLE_PAGES(what_is_to_be_stored_raw_stays_raw)
{
    renew(ZC_CACHE_OPTIONS(.compressor_name = "copy", .raw_from = HALF));
    store_halves(0, 1);
    assert_int_equal(RECOMPRESS(0), 0);
    assert_int_equal(cache_stat(raw_pages), 1);
    renew(ZC_CACHE_OPTIONS(.compressor_name = "copy", .raw_from = HALF + 1));
    store_halves(0, 1);
    assert_int_equal(RECOMPRESS(0), 1);
}

TEST_OF_WHOLE_PAGES(other_pools_and_an_lru_of_none_will_do)
{
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        struct zc_cache_options options = support_cache_options(over);

        options.compressor_name = "copy";
        options.checksums = 1;
        renew(&options);
        store_halves(0, PAGES);
        assert_int_equal(RECOMPRESS(0), PAGES);
        assert_int_equal(cache_stat(payload_bytes), PAGES * HALF);
        expect_halves(0, PAGES);
    }
}

/* ---- the compressor ---- */

TEST_OF_WHOLE_PAGES(the_other_compressor_goes_with_its_last_page)
{
    store_halves(0, 2);
    assert_int_equal(cache_stat(generations), 1);
    (void)RECOMPRESS(.budget_pages = 1);
    assert_int_equal(cache_stat(generations), 2);
    (void)RECOMPRESS(0);
    forget(0);
    assert_int_equal(cache_stat(generations), 2);
    forget(1);
    assert_int_equal(cache_stat(generations), 1);
    /* One that no page needs is gone at once. */
    store(0, SUPPORT_NOISE, 0);
    (void)RECOMPRESS(0);
    assert_int_equal(cache_stat(generations), 1);
}

TEST_OF_WHOLE_PAGES(the_other_compressor_can_become_the_current_one)
{
    store_halves(0, 4);
    (void)RECOMPRESS(.budget_pages = 2);
    assert_status(zc_cache_set_compressor(cache, "halves", 0), ZC_OK);
    store_halves(4, 4);
    assert_int_equal(cache_stat(generations), 2);
    (void)RECOMPRESS(0);
    /* The drained one is gone, and the current one has every page. */
    assert_int_equal(cache_stat(generations), 1);
    assert_int_equal(small_pages(8), 8);
    expect_halves(0, 8);
    assert_status(zc_cache_set_compressor(cache, "copy", 0), ZC_OK);
    assert_int_equal(cache_stat(generations), 2);
    assert_status(zc_cache_invalidate_type(cache, 0), ZC_OK);
    assert_int_equal(cache_stat(generations), 1);
}

TEST_OF_WHOLE_PAGES(no_name_is_the_setting_that_is_current)
{
    uint64_t pages;

    store_halves(0, 10);
    assert_status(zc_cache_set_compressor(cache, "halves", 7), ZC_OK);
    store_halves(10, 1);
    assert_status(zc_cache_recompress(cache, NULL, &pages), ZC_OK);
    assert_int_equal(pages, 10);
    assert_int_equal(cache_stat(generations), 1);
    assert_status(zc_cache_recompress(cache, NULL, NULL), ZC_OK);
}

/* ---- order and age ---- */

static int begin_whole_on_device(void **state)
{
    (void)begin_cache(state);
    hour = 0;
    renew_device(&with_ages, NULL);
    return 0;
}

#define TEST_OF_WHOLE_PAGES_ON_DEVICE(name)                                    \
    TEST_WITH(name, begin_whole_on_device, end_cache)

static size_t write_back(unsigned min_age, uint64_t budget)
{
    const struct zc_writeback_options options = {
        .struct_size = sizeof(options),
        .min_age_seconds = min_age,
        .budget_bytes = budget * 4096,
    };
    size_t bytes;

    assert_status(zc_cache_writeback(cache, &options, &bytes), ZC_OK);
    return bytes / 4096;
}

TEST_OF_WHOLE_PAGES_ON_DEVICE(a_page_keeps_its_age_and_its_place_in_line)
{
    unsigned i;

    store_halves(0, 8);
    hour = 50;
    store_halves(8, 8);
    assert_int_equal(RECOMPRESS(.budget_pages = 3), 3);
    assert_int_equal(RECOMPRESS(.one_owner = 1, .owner = 1), 0);
    /* Young and old, small and whole: the old ones go, the first of them
     * first. */
    for (i = 0; i < 8; i++) {
        assert_int_equal(write_back(50, 1), 1);
        assert_int_equal(count_on_device(i, 1), 1);
    }
    assert_int_equal(write_back(50, 0), 0);
    assert_int_equal(cache_stat(written_by_age), 8);
    assert_int_equal(RECOMPRESS(.min_age_seconds = 0), 8);
    hour = 100;
    assert_int_equal(write_back(50, 0), 8);
    assert_int_equal(cache_stat(written_by_age), 16);
    assert_int_equal(cache_stat(zswpwb), 16);
    expect_halves(0, 16);
}
