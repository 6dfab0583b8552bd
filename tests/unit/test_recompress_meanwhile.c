/* SPDX-License-Identifier: MIT */
/*
 * test_recompress_meanwhile.c - what a recompression leaves to other calls, and
 * what it does where it cannot succeed.
 *
 * Pages of two equal halves are stored whole by "copy", and in half by
 * "halves", so it is known what each page takes.
 */
#include "support_halves.h"
#include "support_threads.h"

#include "base/inject.h"
#include "cache/cache.h"

static int begin_whole_on_device(void **state)
{
    (void)begin_cache(state);
    hour = 0;
    renew_device(&with_ages, NULL);
    return 0;
}

#define TEST_OF_WHOLE_PAGES_ON_DEVICE(name)                                    \
    TEST_WITH(name, begin_whole_on_device, end_cache)

/* ---- what is in use ---- */

static struct zc_slot_ref ref_of(uint64_t offset)
{
    return zc_slot_find(&cache->swap, at(offset));
}

TEST_OF_WHOLE_PAGES_ON_DEVICE(a_page_whose_slot_is_pinned_is_left)
{
    store_halves(0, 4);
    assert_status(zc_slot_pin(&cache->swap, ref_of(2), NULL), ZC_OK);
    assert_int_equal(RECOMPRESS_AGAIN(0), 3);
    assert_int_equal(cache_stat(recompress_stale), 1);
    zc_slot_unpin(&cache->swap, ref_of(2));
    assert_int_equal(RECOMPRESS(0), 1);
    /* Each was unpinned again. */
    expect_halves(0, 4);
    assert_int_equal(small_pages(4), 4);
}

/* What another thread does while a page is being read to be compressed. */
static void (*meanwhile)(void);

static void on_decompress(void *context)
{
    void (*once)(void) = meanwhile;

    (void)context;
    meanwhile = NULL;
    if (once != NULL)
        once();
}

static void load_it(void)
{
    expect(0, SUPPORT_SAME, 1);
}

static void store_over(void)
{
    store(0, SUPPORT_SAME, 2);
}

static void take_it(void)
{
    expect_taken(0, SUPPORT_SAME, 1);
}

static void forget_it(void)
{
    forget(0);
}

static void take_and_store_elsewhere(void)
{
    take_it();
    store(1, SUPPORT_SAME, 3);
}

static void write_it_back(void)
{
    write_all_back();
    assert_int_equal(count_on_device(0, 1), 1);
}

static void renew_halves(bool with_device)
{
    struct zc_cache_options options = with_ages;

    options.compressor_name = "halves";
    options.no_same_filled = 1;
    if (with_device)
        renew_device(&options, NULL);
    else
        renew(&options);
}

/* Recompresses page 0 while another call is made. */
static void recompress_while(void (*call)(void), uint64_t pages,
                             zc_status wanted)
{
    store(0, SUPPORT_SAME, 1);
    meanwhile = call;
    support_halves.on_decompress = on_decompress;
    assert_int_equal(
        recompress((struct zc_recompress_options){.compressor_name = "lz4"},
                   wanted),
        pages);
    support_halves.on_decompress = NULL;
    assert_null(meanwhile);
    assert_int_equal(cache_stat(recompress_stale), wanted == ZC_AGAIN);
}

TEST_OF_WHOLE_PAGES(what_other_calls_do_meanwhile_stands)
{
    unsigned with_device;

    for (with_device = 0; with_device < 2; with_device++) {
        renew_halves(with_device);
        recompress_while(load_it, 1, ZC_OK);
        expect(0, SUPPORT_SAME, 1);
        assert_true(cache_stat(payload_bytes) < 100);

        renew_halves(with_device);
        recompress_while(store_over, 0, ZC_AGAIN);
        expect(0, SUPPORT_SAME, 2);
        assert_int_equal(cache_stat(stored_pages), 1);
        assert_int_equal(cache_stat(payload_bytes), HALF);

        renew_halves(with_device);
        recompress_while(take_it, 0, ZC_AGAIN);
        expect_missing(0);

        renew_halves(with_device);
        recompress_while(forget_it, 0, ZC_AGAIN);
        expect_missing(0);
        assert_int_equal(cache_stat(payload_bytes), 0);

        renew_halves(with_device);
        /* The other page is found later in the same walk. */
        recompress_while(take_and_store_elsewhere, 1, ZC_AGAIN);
        expect_missing(0);
        expect(1, SUPPORT_SAME, 3);
    }
}

TEST_OF_WHOLE_PAGES(a_page_that_is_written_back_meanwhile_is_on_the_device)
{
    renew_halves(true);
    recompress_while(write_it_back, 0, ZC_AGAIN);
    assert_int_equal(cache_stat(stored_pages), 0);
    assert_int_equal(count_on_device(0, 1), 1);
    expect(0, SUPPORT_SAME, 1);
}

/* ---- what fails ---- */

/* Kernel placement: the small object needs a zspage of its own class. */
TEST_OF_WHOLE_PAGES(at_the_limit_a_page_without_room_stays)
{
    uint64_t i;

    renew(ZC_CACHE_OPTIONS(.compressor_name = "copy",
                           .limit_bytes = PAGES * 4096,
                           .placement = ZC_PLACEMENT_KERNEL));
    store_halves(0, PAGES);
    assert_int_equal(cache_stat(pool_total_size), PAGES * 4096);
    assert_int_equal(RECOMPRESS_AGAIN(0), 0);
    assert_int_equal(cache_stat(recompress_fail), 16);
    assert_int_equal(cache_stat(pool_total_size), PAGES * 4096);
    expect_halves(0, PAGES);
    /* A zspage less is enough for the first, and each makes room for more. */
    for (i = 0; i < ZSPAGE; i++)
        forget(i);
    assert_int_equal(RECOMPRESS(0), PAGES - ZSPAGE);
    expect_halves(ZSPAGE, PAGES - ZSPAGE);
    assert_true(cache_stat(pool_total_size) <= (PAGES / 2 + ZSPAGE) * 4096);
}

TEST_OF_WHOLE_PAGES(a_pool_without_a_limit_of_its_own_stays_below_it)
{
    unsigned count = 0;

    renew(ZC_CACHE_OPTIONS(.compressor_name = "copy",
                           .limit_bytes = PAGES * 4096,
                           .pool_ops = &support_bump_pool));
    while (try_store(count, SUPPORT_HALVES, count) == ZC_OK)
        count++;
    assert_true(count > PAGES / 2);
    assert_int_equal(RECOMPRESS_AGAIN(0), 0);
    assert_true(cache_stat(pool_total_size) <= PAGES * 4096);
    expect_halves(0, count);
}

TEST_OF_WHOLE_PAGES(a_failure_leaves_the_page_as_it_is)
{
    static const enum zc_inject_point points[] = {ZC_INJECT_DECOMPRESS,
                                                  ZC_INJECT_MALLOC};
    unsigned i;

    store_halves(0, 1);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_cache_recompress(cache, NULL, NULL), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_status(zc_cache_set_compressor(cache, "lz4", 0), ZC_OK);
    store(1, SUPPORT_HALVES, 1);
    for (i = 0; i < 2; i++) {
        zc_inject_arm(points[i], i == 0 ? 0 : 3, UINT32_MAX);
        (void)zc_cache_recompress(
            cache,
            &(struct zc_recompress_options){
                .struct_size = sizeof(struct zc_recompress_options),
                .compressor_name = "halves"},
            NULL);
        zc_inject_disarm();
        expect_halves(0, 2);
    }
    (void)RECOMPRESS(0);
    expect_halves(0, 2);
}

TEST_OF_WHOLE_PAGES(a_damaged_page_is_counted_and_kept)
{
    renew(ZC_CACHE_OPTIONS(.compressor_name = "halves", .checksums = 1));
    store_halves(0, 2);
    support_flip_bit(cache, 0);
    /* The other one is half a page with "copy" too: no smaller. */
    assert_int_equal(RECOMPRESS(.compressor_name = "copy"), 0);
    assert_int_equal(cache_stat(recompress_fail), 1);
    assert_int_equal(cache_stat(decompress_fail), 1);
    assert_int_equal(cache_stat(recompress_poor), 1);
    assert_int_equal(cache_stat(stored_pages), 2);
}

static zc_status refused(struct zc_recompress_options options, const char *word)
{
    char reason[ZC_REASON_SIZE] = "";
    uint64_t pages = 12345;
    zc_status status;

    options.struct_size = sizeof(options);
    options.reason = reason;
    options.reason_size = sizeof(reason);
    status = zc_cache_recompress(cache, &options, &pages);
    assert_int_equal(pages, 12345);
    if (strstr(reason, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reason, word);
    return status;
}

#define REFUSED(word, ...)                                                     \
    refused((struct zc_recompress_options){__VA_ARGS__}, word)

TEST_OF_WHOLE_PAGES(what_is_wrong_is_said)
{
    assert_status(REFUSED("\"none\", but lz4", .compressor_name = "none"),
                  ZC_UNSUPPORTED);
    assert_status(REFUSED("99999 is not from", .compressor_name = "halves",
                          .compressor_level = 99999),
                  ZC_INVALID);
    assert_status(REFUSED("28801", .min_age_seconds = 28801), ZC_INVALID);
    assert_status(REFUSED("one_owner: 2", .one_owner = 2), ZC_INVALID);
    assert_status(REFUSED("owner: 1024", .owner = 1024), ZC_INVALID);
    assert_status(REFUSED("retry: 2", .retry = 2), ZC_INVALID);
    assert_status(zc_cache_recompress(NULL, NULL, NULL), ZC_INVALID);
    renew(NULL);
    assert_status(REFUSED("not entry", .min_age_seconds = 1), ZC_UNSUPPORTED);
    assert_status(zc_cache_recompress(cache, NULL, NULL), ZC_OK);
    renew(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ZSPAGE));
    assert_status(REFUSED("zspage", .owner = 0), ZC_UNSUPPORTED);
}
