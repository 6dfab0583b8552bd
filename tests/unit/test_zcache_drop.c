/* SPDX-License-Identifier: MIT */
/*
 * test_zcache_drop.c - a cache of pages that are elsewhere: it drops the
 * coldest, and says which; and what a program can ask it.
 */
#include "support_front.h"

#include <string.h>

#define PAGES 1000
#define LIMIT ((uint64_t)1 << 20) /* 256 pages of noise */

static struct {
    unsigned count;
    unsigned times[PAGES]; /* told of each offset */
    unsigned whole;        /* with its page */
} told;

static void note(void *user, zc_swp slot, const void *page)
{
    const uint64_t offset = zc_swp_offset(slot);

    assert_ptr_equal(user, &told);
    assert_true(offset < PAGES);
    told.count++;
    told.times[offset]++;
    told.whole += page != NULL &&
                  support_is_page(page, 4096, SUPPORT_NOISE, offset);
    assert_status(zc_cache_contains(cache, slot), ZC_MISSING);
}

static void renew_dropping(bool with_pages)
{
    memset(&told, 0, sizeof(told));
    renew(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_DROP, .limit_bytes = LIMIT,
                           .dropped = note, .dropped_user = &told,
                           .dropped_pages = with_pages));
}

static void store_noise(uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++)
        store(i, SUPPORT_NOISE, i);
}

TEST_OF_CACHE(every_store_is_taken_and_the_coldest_pages_go)
{
    const uint64_t accept = LIMIT / 100 * 90;

    renew_dropping(true);
    store_noise(0, PAGES);
    assert_int_equal(cache_stat(reject_pool_limit), 0);
    assert_in_range(cache_stat(pool_total_size), accept - 2 * 4096, LIMIT);
    assert_int_equal(cache_stat(dropped_pages), told.count);
    assert_int_equal(told.whole, told.count);
    assert_int_equal(cache_stat(stored_pages), PAGES - told.count);
    /* The newest are here; each other one was told of, once. */
    for (uint64_t i = 0; i < PAGES; i++) {
        const bool is_here = i >= told.count;

        assert_int_equal(told.times[i], !is_here);
        if (is_here)
            expect(i, SUPPORT_NOISE, i);
        else
            expect_missing(i);
    }
}

TEST_OF_CACHE(a_page_that_is_used_stays)
{
    renew_dropping(false);
    for (uint64_t i = 0; i < PAGES; i++) {
        store(i, SUPPORT_NOISE, i);
        expect(0, SUPPORT_NOISE, 0);
    }
    assert_true(told.count > PAGES / 2);
    assert_int_equal(told.times[0], 0);
    assert_int_equal(told.whole, 0);
}

TEST_OF_CACHE(a_smaller_limit_and_a_shrink_drop_pages)
{
    uint64_t pages;

    renew_dropping(false);
    store_noise(0, 200);
    assert_int_equal(told.count, 0);
    assert_status(zc_cache_set_limit(cache, LIMIT / 2, 0), ZC_OK);
    assert_true(cache_stat(pool_total_size) <= LIMIT / 2);
    assert_int_equal(zc_cache_limit(cache), LIMIT / 2);
    assert_status(zc_cache_shrink(cache, 10, &pages), ZC_OK);
    assert_true(pages >= 10);
    assert_true(cache_stat(pool_total_size) <=
                LIMIT / 2 / 100 * 90 - 10 * 4096);
    assert_int_equal(cache_stat(dropped_pages), told.count);
}

TEST_OF_CACHE(an_owner_may_be_spared)
{
    const struct zc_owner_options spared = {.struct_size = sizeof(spared),
                                            .no_writeback = 1};

    renew_dropping(false);
    assert_status(zc_cache_set_owner(cache, 1, &spared), ZC_OK);
    for (uint64_t i = 0; i < 10; i++)
        assert_status(try_store_for(1, i, SUPPORT_NOISE, i), ZC_OK);
    store_noise(10, PAGES);
    for (uint64_t i = 0; i < 10; i++)
        expect(i, SUPPORT_NOISE, i);
}

TEST_OF_CACHE(it_has_no_device)
{
    char reason[ZC_REASON_SIZE];
    struct zc_cache *other;
    unsigned type;

    renew_dropping(false);
    assert_status(zc_swap_on(cache, NULL, &type), ZC_UNSUPPORTED);
    assert_status(
        zc_cache_create(
            ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_DROP, .backing_path = "/tmp",
                             .reason = reason, .reason_size = sizeof(reason)),
            &other),
        ZC_INVALID);
    assert_non_null(strstr(reason, "backing_path"));
    assert_status(
        zc_cache_create(ZC_CACHE_OPTIONS(.dropped = note, .reason = reason,
                                         .reason_size = sizeof(reason)),
                        &other),
        ZC_INVALID);
    assert_non_null(strstr(reason, "dropped: needs lru_mode 4"));
}

/* ---- what a program can ask ---- */

static const uint64_t places[] = {0, 5, 127, 128, 1999};

#define PLACES (sizeof(places) / sizeof(places[0]))

/* Visits all pages; they are those of `places`. */
static void expect_walk(void)
{
    zc_swp slot = at(0);
    unsigned found = 0;

    while (zc_cache_next(cache, &slot) == ZC_OK) {
        assert_true(found < PLACES);
        assert_int_equal(slot.value, at(places[found]).value);
        found++;
        slot = zc_swp_make(zc_swp_type(slot), zc_swp_offset(slot) + 1);
    }
    assert_int_equal(found, PLACES);
}

static void expect_looks(void)
{
    const struct zc_cache_stats before = support_cache_stats(cache);

    for (unsigned i = 0; i < PLACES; i++)
        assert_status(zc_cache_contains(cache, at(places[i])), ZC_OK);
    assert_status(zc_cache_contains(cache, at(1)), ZC_MISSING);
    assert_status(zc_cache_contains(NULL, at(0)), ZC_INVALID);
    assert_status(zc_cache_contains(cache, zc_swp_make(ZC_SWP_TYPE_COUNT, 0)),
                  ZC_INVALID);
    assert_status(zc_cache_next(cache, NULL), ZC_INVALID);
    assert_int_equal(cache_stat(zswpin), before.zswpin);
}

TEST_OF_CACHE(pages_in_memory_are_found_and_visited)
{
    for (unsigned i = 0; i < PLACES; i++)
        store(places[i], SUPPORT_TEXT, i);
    expect_looks();
    expect_walk();
}

TEST_OF_DEVICE(pages_on_a_device_are_found_and_visited)
{
    for (unsigned i = 0; i < PLACES; i++)
        store(places[i], SUPPORT_TEXT, i);
    write_all_back();
    store(5, SUPPORT_ZERO, 0);
    assert_int_equal(count_on_device(1999, 1), 1);
    expect_looks();
    expect_walk();
}

TEST_OF_CACHE(an_empty_cache_has_nothing_to_visit)
{
    zc_swp slot = at(7);

    assert_status(zc_cache_next(cache, &slot), ZC_MISSING);
    assert_int_equal(slot.value, at(7).value);
}

TEST_OF_CACHE(settings_can_be_read)
{
    int level;

    renew(ZC_CACHE_OPTIONS(.page_size = 16384, .compressor_name = "copy"));
    assert_int_equal(zc_cache_page_size(cache), 16384);
    assert_int_equal(zc_cache_limit(cache), 0);
    assert_string_equal(zc_cache_compressor(cache, NULL), "copy");
    assert_status(zc_cache_set_limit(cache, 3 * 16384 + 1, 0), ZC_OK);
    assert_int_equal(zc_cache_limit(cache), 3 * 16384);
    assert_status(zc_cache_set_compressor(cache, "lz4hc", 5), ZC_OK);
    assert_string_equal(zc_cache_compressor(cache, &level), "lz4hc");
    assert_int_equal(level, 5);
    assert_int_equal(zc_cache_page_size(NULL), 0);
    assert_int_equal(zc_cache_limit(NULL), 0);
    assert_null(zc_cache_compressor(NULL, NULL));
}
