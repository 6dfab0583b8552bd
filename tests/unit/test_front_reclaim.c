/* SPDX-License-Identifier: MIT */
/* test_front_reclaim.c - pages written back because the caller says so. */
#include "support_front.h"
#include "support_test.h"

#include "base/inject.h"
#include "cache/cache.h"
#include "platform/processor.h"

#define PAGES 200

static void begin(struct support_front *swap, unsigned lru_mode)
{
    support_front_begin(swap,
                        ZC_CACHE_OPTIONS(.lru_mode = lru_mode,
                                         .placement = ZC_PLACEMENT_KERNEL),
                        NULL);
}

static zc_swp slot_of(const struct support_front *swap, uint64_t offset)
{
    return zc_swp_make(swap->type, offset);
}

static void store_for(struct support_front *swap, unsigned owner,
                      uint64_t first, uint64_t count)
{
    char page[4096];
    uint64_t i;

    for (i = first; i < first + count; i++) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, i);
        assert_status(
            zc_cache_store_for(swap->cache, owner, slot_of(swap, i), page),
            ZC_OK);
    }
}

static void expect_all(struct support_front *swap, uint64_t count)
{
    uint64_t i;

    for (i = 0; i < count; i++)
        support_expect(swap->cache, slot_of(swap, i), SUPPORT_TEXT, i);
}

static unsigned count_on_device(struct support_front *swap, uint64_t first,
                                uint64_t count)
{
    unsigned found = 0;
    uint64_t i;

    for (i = first; i < first + count; i++)
        found += support_device_has(&swap->device, i);
    return found;
}

static uint64_t pool_pages(const struct support_front *swap)
{
    return support_cache_stat(swap->cache, pool_total_size) / 4096;
}

/* ---- shrink ---- */

TEST(a_shrink_gives_pages_back)
{
    static const unsigned modes[] = {ZC_LRU_ENTRY, ZC_LRU_ZSPAGE};
    struct support_front swap;
    uint64_t before;
    uint64_t given;
    unsigned i;

    for (i = 0; i < 2; i++) {
        begin(&swap, modes[i]);
        store_for(&swap, 0, 0, PAGES);
        before = pool_pages(&swap);
        given = 12345;
        assert_status(zc_cache_shrink(swap.cache, 20, &given), ZC_OK);
        assert_true(given >= 20);
        assert_true(pool_pages(&swap) <= before - 20);
        assert_true(pool_pages(&swap) > 0);
        expect_all(&swap, PAGES);
        assert_status(zc_cache_shrink(swap.cache, 1, NULL), ZC_OK);
        expect_all(&swap, PAGES);
        support_front_end(&swap);
    }
}

TEST(a_goal_beyond_what_there_is_says_again)
{
    struct support_front swap;
    uint64_t given = 12345;

    begin(&swap, ZC_LRU_ENTRY);
    assert_status(zc_cache_shrink(swap.cache, 0, &given), ZC_OK);
    assert_int_equal(given, 0);
    assert_status(zc_cache_shrink(swap.cache, 1, &given), ZC_AGAIN);
    assert_int_equal(given, 0);
    store_for(&swap, 0, 0, PAGES);
    assert_status(zc_cache_shrink(swap.cache, UINT64_MAX, &given), ZC_AGAIN);
    assert_true(given > 0);
    expect_all(&swap, PAGES);
    support_front_end(&swap);
}

/* Were it ZC_AGAIN, a loop that waits for its end would not end. */
TEST(without_a_device_there_is_nowhere_to_write)
{
    static const unsigned modes[] = {ZC_LRU_ENTRY, ZC_LRU_ZSPAGE};
    uint64_t given = 12345;
    struct zc_cache *cache;
    size_t bytes = 12345;
    unsigned type;
    unsigned i;

    for (i = 0; i < 2; i++) {
        cache = support_cache_create(ZC_CACHE_OPTIONS(.lru_mode = modes[i]));
        support_store(cache, support_slot(1), SUPPORT_TEXT, 1);
        assert_status(zc_cache_shrink(cache, 1, &given), ZC_UNSUPPORTED);
        assert_status(zc_cache_writeback(cache, NULL, &bytes), ZC_UNSUPPORTED);
        assert_int_equal(given, 12345);
        assert_int_equal(bytes, 12345);
        support_expect(cache, support_slot(1), SUPPORT_TEXT, 1);
        assert_status(zc_cache_invalidate(cache, support_slot(1)), ZC_OK);
        /* Where there was one before, too. */
        assert_status(zc_swap_on(cache, NULL, &type), ZC_OK);
        support_store(cache, zc_swp_make(type, 1), SUPPORT_TEXT, 1);
        (void)zc_cache_shrink(cache, 1, NULL);
        assert_int_equal(support_cache_stat(cache, zswpwb), 1);
        assert_status(zc_cache_invalidate_type(cache, type), ZC_OK);
        assert_status(zc_swap_off(cache, type, NULL, NULL), ZC_OK);
        assert_status(zc_cache_shrink(cache, 1, &given), ZC_UNSUPPORTED);
        zc_cache_destroy(cache);
    }
}

/* ---- writeback ---- */

TEST(writeback_keeps_to_its_budget)
{
    const struct zc_writeback_options options = {.struct_size = sizeof(options),
                                                 .budget_bytes = 5 * 4096};
    struct support_front swap;
    size_t bytes = 0;

    begin(&swap, ZC_LRU_ENTRY);
    store_for(&swap, 0, 0, PAGES);
    assert_status(zc_cache_writeback(swap.cache, &options, &bytes), ZC_OK);
    assert_int_equal(bytes, 5 * 4096);
    assert_int_equal(count_on_device(&swap, 0, PAGES), 5);
    /* The coldest are those that were stored first. */
    assert_int_equal(count_on_device(&swap, 0, 5), 5);
    assert_status(zc_cache_writeback(swap.cache, NULL, &bytes), ZC_OK);
    assert_int_equal(bytes, (PAGES - 5) * 4096);
    assert_int_equal(count_on_device(&swap, 0, PAGES), PAGES);
    assert_int_equal(support_cache_stat(swap.cache, zswpwb), PAGES);
    expect_all(&swap, PAGES);
    support_front_end(&swap);
}

TEST(writeback_takes_what_is_old)
{
    const struct zc_writeback_options options = {.struct_size = sizeof(options),
                                                 .min_age_seconds = 100};
    struct support_front swap;
    size_t bytes = 12345;

    begin(&swap, ZC_LRU_ENTRY);
    store_for(&swap, 0, 0, 10);
    assert_status(zc_cache_writeback(swap.cache, &options, &bytes), ZC_OK);
    assert_int_equal(bytes, 0);
    zc_clock_advance(200);
    store_for(&swap, 0, 10, 10);
    support_expect(swap.cache, slot_of(&swap, 3), SUPPORT_TEXT, 3);
    assert_status(zc_cache_writeback(swap.cache, &options, &bytes), ZC_OK);
    assert_int_equal(bytes, 9 * 4096);
    assert_false(support_device_has(&swap.device, 3));
    assert_int_equal(count_on_device(&swap, 10, 10), 0);
    expect_all(&swap, 20);
    support_front_end(&swap);
}

/* ---- owners ---- */

TEST(writeback_takes_one_owners)
{
    const struct zc_writeback_options options = {
        .struct_size = sizeof(options), .one_owner = 1, .owner = 7};
    struct support_front swap;
    size_t bytes = 0;

    begin(&swap, ZC_LRU_ENTRY);
    store_for(&swap, 3, 0, 10);
    store_for(&swap, 7, 10, 5);
    store_for(&swap, 0, 15, 5);
    assert_status(zc_cache_writeback(swap.cache, &options, &bytes), ZC_OK);
    assert_int_equal(bytes, 5 * 4096);
    assert_int_equal(count_on_device(&swap, 10, 5), 5);
    expect_all(&swap, 20);
    support_front_end(&swap);
}

TEST(an_owner_may_keep_his_pages_in_memory)
{
    struct zc_owner_options options = {.struct_size = sizeof(options),
                                       .no_writeback = 1};
    struct support_front swap;

    begin(&swap, ZC_LRU_ENTRY);
    assert_status(zc_cache_set_owner(swap.cache, 3, &options), ZC_OK);
    store_for(&swap, 3, 0, 10);
    store_for(&swap, 4, 10, 10);
    assert_status(zc_cache_writeback(swap.cache, NULL, NULL), ZC_OK);
    assert_int_equal(count_on_device(&swap, 0, 10), 0);
    assert_int_equal(count_on_device(&swap, 10, 10), 10);
    expect_all(&swap, 20);
    options.no_writeback = 0;
    assert_status(zc_cache_set_owner(swap.cache, 3, &options), ZC_OK);
    assert_status(zc_cache_writeback(swap.cache, NULL, NULL), ZC_OK);
    assert_int_equal(count_on_device(&swap, 0, 10), 10);
    expect_all(&swap, 20);
    support_front_end(&swap);
}

TEST(an_owner_over_his_limit_writes_back_his_own)
{
    const struct zc_owner_options options = {.struct_size = sizeof(options),
                                             .limit_bytes = 8 * 4096};
    struct support_front swap;

    begin(&swap, ZC_LRU_ENTRY);
    store_for(&swap, 0, 0, 50);
    assert_status(zc_cache_set_owner(swap.cache, 3, &options), ZC_OK);
    store_for(&swap, 3, 50, 100);
    assert_int_equal(count_on_device(&swap, 0, 50), 0);
    assert_true(count_on_device(&swap, 50, 100) > 40);
    assert_int_equal(support_cache_stat(swap.cache, reject_owner_limit), 0);
    expect_all(&swap, 150);
    /* NULL: no limit again. */
    assert_status(zc_cache_set_owner(swap.cache, 3, NULL), ZC_OK);
    store_for(&swap, 3, 50, 100);
    support_front_end(&swap);
}

/* ---- bad input ---- */

TEST(modes_that_keep_no_order_say_so)
{
    struct support_front swap;
    uint64_t pages = 12345;
    size_t bytes = 12345;

    begin(&swap, ZC_LRU_NONE);
    assert_status(zc_cache_shrink(swap.cache, 1, &pages), ZC_UNSUPPORTED);
    assert_status(zc_cache_writeback(swap.cache, NULL, &bytes), ZC_UNSUPPORTED);
    support_front_end(&swap);
    begin(&swap, ZC_LRU_ZSPAGE);
    assert_status(zc_cache_writeback(swap.cache, NULL, &bytes), ZC_UNSUPPORTED);
    support_front_end(&swap);
    assert_int_equal(pages, 12345);
    assert_int_equal(bytes, 12345);
}

TEST(bad_options_are_refused)
{
    static const struct zc_writeback_options bad[] = {
        {.min_age_seconds = ZC_AGE_SECONDS_MAX + 1},
        {.one_owner = 2},
        {.one_owner = 1, .owner = ZC_OWNER_COUNT},
        {.owner = ZC_OWNER_COUNT},
    };
    struct {
        struct zc_writeback_options known;
        uint64_t more;
    } newer = {{.struct_size = sizeof(newer)}, 1};
    struct zc_owner_options owner = {.struct_size = sizeof(owner)};
    struct zc_writeback_options options;
    struct support_front swap;
    size_t bytes = 12345;
    size_t i;

    begin(&swap, ZC_LRU_ENTRY);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options = bad[i];
        options.struct_size = sizeof(options);
        assert_status(zc_cache_writeback(swap.cache, &options, &bytes),
                      ZC_INVALID);
    }
    assert_status(zc_cache_writeback(swap.cache, &newer.known, &bytes),
                  ZC_UNSUPPORTED);
    assert_int_equal(bytes, 12345);
    assert_status(zc_cache_writeback(NULL, NULL, NULL), ZC_INVALID);
    assert_status(zc_cache_shrink(NULL, 1, NULL), ZC_INVALID);
    assert_status(zc_cache_set_owner(NULL, 0, &owner), ZC_INVALID);
    assert_status(zc_cache_set_owner(swap.cache, ZC_OWNER_COUNT, &owner),
                  ZC_INVALID);
    owner.no_writeback = 2;
    assert_status(zc_cache_set_owner(swap.cache, 0, &owner), ZC_INVALID);
    owner.struct_size = 1;
    assert_status(zc_cache_set_owner(swap.cache, 0, &owner), ZC_INVALID);
    support_front_end(&swap);
}

TEST(an_owner_without_memory_is_not_set)
{
    struct support_front swap;

    begin(&swap, ZC_LRU_ENTRY);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_cache_set_owner(swap.cache, 9, NULL), ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_status(zc_cache_set_owner(swap.cache, 9, NULL), ZC_OK);
    support_front_end(&swap);
}
