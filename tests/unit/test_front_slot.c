/* SPDX-License-Identifier: MIT */
/*
 * test_front_slot.c - pages of a type with a device, wherever they are: in
 * compressed memory, on the device, in a write under way, or in a folio whose
 * write failed.
 */
#include "support_claim.h"
#include "support_front.h"
#include "support_test.h"

#include "base/inject.h"
#include "cache/cache.h"

#define SLOT 7
#define DEVICE_SLOTS 1000

static void begin(struct support_front *swap, unsigned io_workers)
{
    support_front_begin(
        swap, SUPPORT_FRONT_OPTIONS,
        ZC_SWAP_OPTIONS(.slot_count = DEVICE_SLOTS, .io_workers = io_workers));
}

static zc_swp slot_of(const struct support_front *swap, uint64_t offset)
{
    return zc_swp_make(swap->type, offset);
}

/* ---- one page, wherever it is ---- */

TEST(a_page_is_loaded_from_everywhere)
{
    struct support_front swap;
    enum support_place place;
    zc_swp slot;

    for (place = 0; place < SUPPORT_PLACE_COUNT; place++) {
        begin(&swap, 1);
        slot = slot_of(&swap, SLOT);
        support_front_put(&swap, slot, SUPPORT_TEXT, 1, place);
        support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
        support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
        assert_int_equal(support_front_stat(&swap, slots_used), 1);
        assert_int_equal(swap.device.reads, place == SUPPORT_ON_DEVICE ? 2 : 0);
        support_expect_missing(swap.cache, slot_of(&swap, SLOT + 1));
        support_front_settle(&swap);
        support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
        support_front_end(&swap);
    }
}

TEST(a_page_is_taken_from_everywhere_once)
{
    struct support_front swap;
    enum support_place place;
    char page[4096];
    zc_swp slot;

    for (place = 0; place < SUPPORT_PLACE_COUNT; place++) {
        begin(&swap, 1);
        slot = slot_of(&swap, SLOT);
        support_front_put(&swap, slot, SUPPORT_TEXT, 1, place);
        support_front_settle_soon(&swap);
        assert_status(zc_cache_take(swap.cache, slot, page), ZC_OK);
        assert_true(support_is_page(page, sizeof(page), SUPPORT_TEXT, 1));
        assert_status(zc_cache_take(swap.cache, slot, page), ZC_MISSING);
        support_expect_missing(swap.cache, slot);
        assert_int_equal(support_front_stat(&swap, slots_used), 0);
        assert_int_equal(support_front_stat(&swap, cached_folios), 0);
        assert_int_equal(support_front_stat(&swap, stuck_folios), 0);
        assert_false(support_device_has(&swap.device, SLOT));
        support_front_end(&swap);
    }
}

TEST(a_page_is_invalidated_everywhere)
{
    struct support_front swap;
    enum support_place place;
    zc_swp slot;

    for (place = 0; place < SUPPORT_PLACE_COUNT; place++) {
        begin(&swap, 1);
        slot = slot_of(&swap, SLOT);
        support_front_put(&swap, slot, SUPPORT_TEXT, 1, place);
        support_front_settle_soon(&swap);
        assert_status(zc_cache_invalidate(swap.cache, slot), ZC_OK);
        support_expect_missing(swap.cache, slot);
        assert_status(zc_cache_invalidate(swap.cache, slot), ZC_MISSING);
        assert_int_equal(support_front_stat(&swap, slots_used), 0);
        assert_int_equal(support_front_stat(&swap, cached_folios), 0);
        assert_false(support_device_has(&swap.device, SLOT));
        support_front_end(&swap);
    }
}

/* Whatever was under way lands before, or not at all. */
TEST(a_page_is_replaced_everywhere)
{
    struct support_front swap;
    enum support_place place;
    zc_swp slot;

    for (place = 0; place < SUPPORT_PLACE_COUNT; place++) {
        begin(&swap, 1);
        slot = slot_of(&swap, SLOT);
        support_front_put(&swap, slot, SUPPORT_TEXT, 1, place);
        support_front_settle_soon(&swap);
        support_store(swap.cache, slot, SUPPORT_TEXT, 2);
        assert_int_equal(support_front_stat(&swap, slots_used), 1);
        assert_int_equal(support_front_stat(&swap, cached_folios), 0);
        assert_int_equal(support_front_stat(&swap, stuck_folios), 0);
        support_expect(swap.cache, slot, SUPPORT_TEXT, 2);
        support_front_write_back(&swap);
        assert_true(support_device_has(&swap.device, SLOT));
        support_expect(swap.cache, slot, SUPPORT_TEXT, 2);
        support_front_end(&swap);
    }
}

TEST(a_load_does_not_wait_for_a_write)
{
    struct support_front swap;
    zc_swp slot;

    begin(&swap, 1);
    slot = slot_of(&swap, SLOT);
    support_front_put(&swap, slot, SUPPORT_TEXT, 1, SUPPORT_UNDER_WRITEBACK);
    support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_int_equal(swap.device.writes, 0); /* it stands still */
    support_front_settle(&swap);
    assert_int_equal(swap.device.writes, 1);
    support_front_end(&swap);
}

TEST(two_takes_under_a_write_give_one_page)
{
    struct support_front swap;
    char page[4096];
    unsigned got = 0;
    unsigned i;
    zc_swp slot;

    begin(&swap, 1);
    slot = slot_of(&swap, SLOT);
    support_front_put(&swap, slot, SUPPORT_TEXT, 1, SUPPORT_UNDER_WRITEBACK);
    support_front_settle_soon(&swap);
    for (i = 0; i < 2; i++)
        got += zc_cache_take(swap.cache, slot, page) == ZC_OK;
    assert_int_equal(got, 1);
    support_front_end(&swap);
}

TEST(what_cannot_be_read_is_kept)
{
    struct support_front swap;
    char page[4096];
    zc_swp slot;

    begin(&swap, 0);
    slot = slot_of(&swap, SLOT);
    support_front_put(&swap, slot, SUPPORT_TEXT, 1, SUPPORT_ON_DEVICE);
    atomic_store(&swap.device.fails_reads, true);
    assert_status(zc_cache_load(swap.cache, slot, page), ZC_IO_ERROR);
    assert_status(zc_cache_take(swap.cache, slot, page), ZC_IO_ERROR);
    assert_int_equal(support_front_stat(&swap, slots_used), 1);
    atomic_store(&swap.device.fails_reads, false);
    support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
    support_front_end(&swap);
}

TEST(what_is_damaged_is_kept)
{
    struct support_front swap;
    char page[4096];
    zc_swp slot;

    support_front_begin(&swap, ZC_CACHE_OPTIONS(.checksums = 1), NULL);
    slot = slot_of(&swap, SLOT);
    support_store(swap.cache, slot, SUPPORT_TEXT, 1);
    support_flip_bit(swap.cache, 99);
    support_expect_corrupt(swap.cache, slot);
    assert_status(zc_cache_take(swap.cache, slot, page), ZC_CORRUPT);
    support_expect_corrupt(swap.cache, slot);
    assert_status(zc_cache_invalidate(swap.cache, slot), ZC_OK);
    support_expect_missing(swap.cache, slot);
    support_front_end(&swap);
}

static void set_zero(struct support_front *swap, zc_swp slot)
{
    struct zc_folio *folio = NULL;

    assert_status(support_slot_claim(&swap->cache->swap, slot, &folio), ZC_OK);
    zc_slot_set_zero(zc_slot_find(&swap->cache->swap, slot), true);
    support_slot_release(&swap->cache->swap, slot, folio, true);
}

TEST(a_zero_bit_is_a_page)
{
    struct support_front swap;
    char page[4096] = {1};
    zc_swp slot;

    begin(&swap, 0);
    slot = slot_of(&swap, SLOT);
    support_front_put(&swap, slot, SUPPORT_TEXT, 1, SUPPORT_ON_DEVICE);
    set_zero(&swap, slot);
    support_expect(swap.cache, slot, SUPPORT_ZERO, 0);
    assert_status(zc_cache_take(swap.cache, slot, page), ZC_OK);
    assert_true(support_is_page(page, sizeof(page), SUPPORT_ZERO, 0));
    support_expect_missing(swap.cache, slot);

    support_front_put(&swap, slot, SUPPORT_TEXT, 1, SUPPORT_ON_DEVICE);
    set_zero(&swap, slot);
    support_store(swap.cache, slot, SUPPORT_TEXT, 2);
    support_front_write_back(&swap);
    support_expect(swap.cache, slot, SUPPORT_TEXT, 2);
    support_front_end(&swap);
}

/* ---- what compressed memory refuses ---- */

static void begin_full(struct support_front *swap)
{
    support_front_begin(swap, ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_NONE), NULL);
    support_store(swap->cache, slot_of(swap, 0), SUPPORT_TEXT, 0);
    assert_status(zc_cache_set_limit(swap->cache, 4096, 0), ZC_OK);
}

TEST(what_is_refused_goes_to_the_device)
{
    struct support_front swap;
    zc_swp slot;

    begin_full(&swap);
    slot = slot_of(&swap, SLOT);
    support_store(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_true(support_device_has(&swap.device, SLOT));
    assert_int_equal(support_cache_stat(swap.cache, disk_writes), 1);
    assert_int_equal(support_cache_stat(swap.cache, stored_pages), 1);
    support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_int_equal(support_cache_stat(swap.cache, disk_swapins), 1);
    support_store(swap.cache, slot, SUPPORT_TEXT, 2);
    support_expect(swap.cache, slot, SUPPORT_TEXT, 2);
    /* Over a page that is in memory, too. */
    support_store(swap.cache, slot_of(&swap, 0), SUPPORT_TEXT, 3);
    support_expect(swap.cache, slot_of(&swap, 0), SUPPORT_TEXT, 3);
    support_front_end(&swap);
}

TEST(what_the_device_refuses_too_is_gone)
{
    struct support_front swap;
    char page[4096];
    zc_swp slot;
    zc_swp other;

    begin_full(&swap);
    slot = slot_of(&swap, SLOT);
    other = slot_of(&swap, 0);
    support_store(swap.cache, slot, SUPPORT_TEXT, 1);
    atomic_store(&swap.device.fails_writes, true);
    assert_status(support_try_store(swap.cache, slot, SUPPORT_TEXT, 2),
                  ZC_IO_ERROR);
    support_expect_missing(swap.cache, slot);
    assert_status(zc_cache_take(swap.cache, slot, page), ZC_MISSING);
    assert_int_equal(support_front_stat(&swap, slots_used), 1);
    support_expect(swap.cache, other, SUPPORT_TEXT, 0);
    assert_status(support_try_store(swap.cache, other, SUPPORT_TEXT, 2),
                  ZC_IO_ERROR);
    support_expect_missing(swap.cache, other);
    assert_int_equal(support_front_stat(&swap, slots_used), 0);
    support_front_end(&swap);
}

TEST(what_may_not_be_written_is_refused)
{
    const struct zc_owner_options options = {.struct_size = sizeof(options),
                                             .no_writeback = 1};
    struct support_front swap;
    char page[4096];
    zc_swp slot;

    begin_full(&swap);
    slot = slot_of(&swap, SLOT);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
    assert_status(zc_cache_set_owner(swap.cache, 5, &options), ZC_OK);
    support_store(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_status(zc_cache_store_for(swap.cache, 5, slot, page), ZC_REJECTED);
    support_expect_missing(swap.cache, slot);
    assert_false(support_device_has(&swap.device, SLOT));
    assert_int_equal(support_front_stat(&swap, slots_used), 1);
    assert_status(zc_cache_store_for(swap.cache, 6, slot, page), ZC_OK);
    assert_true(support_device_has(&swap.device, SLOT));
    support_front_end(&swap);
}

/* Whatever fails, the page is in one of the two, or the call says so. */
TEST(no_memory_sends_a_page_to_the_device)
{
    struct support_front swap;
    uint32_t countdown;
    zc_status status;
    bool on_device = false;
    zc_swp slot;

    for (countdown = 0;; countdown++) {
        begin(&swap, 0);
        slot = slot_of(&swap, SLOT);
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        status = support_try_store(swap.cache, slot, SUPPORT_TEXT, 1);
        on_device = on_device || support_device_has(&swap.device, SLOT);
        if (zc_inject_failures() == 0)
            break;
        zc_inject_disarm();
        if (status == ZC_OK) {
            support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
        } else {
            assert_status(status, ZC_NO_MEMORY);
            support_expect_missing(swap.cache, slot);
            assert_int_equal(support_front_stat(&swap, slots_used), 0);
        }
        support_front_end(&swap);
    }
    zc_inject_disarm();
    assert_true(on_device);
    assert_true(countdown > 2);
    support_front_end(&swap);
}

TEST(over_the_limit_the_coldest_are_written_back)
{
    struct support_front swap;
    uint64_t pool_bytes;
    uint64_t i;

    support_front_begin(&swap,
                        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY,
                                         .limit_bytes = 64 * 4096,
                                         .placement = ZC_PLACEMENT_KERNEL),
                        ZC_SWAP_OPTIONS(.slot_count = DEVICE_SLOTS));
    for (i = 0; i < DEVICE_SLOTS; i++) {
        support_store(swap.cache, slot_of(&swap, i), SUPPORT_TEXT, i);
        pool_bytes = support_cache_stat(swap.cache, pool_total_size);
        assert_true(pool_bytes <= 64 * 4096);
    }
    assert_true(support_cache_stat(swap.cache, zswpwb) > DEVICE_SLOTS / 2);
    assert_true(support_device_has(&swap.device, 0));
    assert_false(support_device_has(&swap.device, DEVICE_SLOTS - 1));
    for (i = 0; i < DEVICE_SLOTS; i++)
        support_expect(swap.cache, slot_of(&swap, i), SUPPORT_TEXT, i);
    support_front_end(&swap);
}

/*
 * One segment is all that the limit allows: what goes to the device makes room
 * in it, a few pages at a time, and the rest stays in memory.
 */
TEST(a_small_limit_is_used_with_a_device)
{
    struct support_front swap;
    struct zc_cache_stats stats;
    uint64_t payload = 0;
    uint64_t i;

    support_front_begin(
        &swap,
        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .limit_bytes = 128 * 1024),
        ZC_SWAP_OPTIONS(.slot_count = DEVICE_SLOTS));
    for (i = 0; i < DEVICE_SLOTS; i++) {
        support_store(swap.cache, slot_of(&swap, i), SUPPORT_TEXT, i);
        stats = support_cache_stats(swap.cache);
        assert_true(stats.pool_total_size <= 128 * 1024);
        if (i >= DEVICE_SLOTS / 2)
            payload += stats.payload_bytes;
    }
    assert_true(payload / (DEVICE_SLOTS / 2) * 100 >= 128 * 1024 * 85);
    /* None went past memory. */
    assert_int_equal(stats.disk_writes, 0);
    assert_int_equal(stats.reject_reclaim_fail, 0);
    for (i = 0; i < DEVICE_SLOTS; i++)
        support_expect(swap.cache, slot_of(&swap, i), SUPPORT_TEXT, i);
    support_front_end(&swap);
}

/* The candidate is the very slot that is being stored. */
TEST(a_store_does_not_wait_for_its_own_slot)
{
    struct support_front swap;
    unsigned i;

    support_front_begin(&swap,
                        ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY,
                                         .placement = ZC_PLACEMENT_KERNEL),
                        NULL);
    assert_status(zc_cache_set_limit(swap.cache, 4096, 0), ZC_OK);
    for (i = 0; i < 4; i++) {
        support_store(swap.cache, slot_of(&swap, SLOT), SUPPORT_NOISE, i);
        support_expect(swap.cache, slot_of(&swap, SLOT), SUPPORT_NOISE, i);
    }
    assert_int_equal(support_front_stat(&swap, slots_used), 1);
    support_front_end(&swap);
}

/* ---- bad input, and types without a device ---- */

static void expect_invalid(struct support_front *swap, zc_swp slot)
{
    char page[4096];

    assert_status(support_try_store(swap->cache, slot, SUPPORT_TEXT, 1),
                  ZC_INVALID);
    assert_status(zc_cache_load(swap->cache, slot, page), ZC_INVALID);
    assert_status(zc_cache_take(swap->cache, slot, page), ZC_INVALID);
    assert_status(zc_cache_invalidate(swap->cache, slot), ZC_INVALID);
    assert_int_equal(support_front_stat(swap, slots_used), 0);
}

TEST(slots_behind_a_device_are_refused)
{
    struct support_front swap;

    begin(&swap, 0);
    expect_invalid(&swap, slot_of(&swap, DEVICE_SLOTS));
    expect_invalid(&swap, slot_of(&swap, ZC_SLOT_COUNT_DEFAULT));
    assert_status(
        zc_cache_invalidate_range(swap.cache, slot_of(&swap, 1), DEVICE_SLOTS),
        ZC_INVALID);
    assert_status(
        zc_cache_invalidate_range(swap.cache, slot_of(&swap, 0), DEVICE_SLOTS),
        ZC_OK);
    support_store(swap.cache, slot_of(&swap, DEVICE_SLOTS - 1), SUPPORT_TEXT,
                  1);
    support_expect(swap.cache, slot_of(&swap, DEVICE_SLOTS - 1), SUPPORT_TEXT,
                   1);
    support_front_end(&swap);
}

TEST(slots_of_a_managed_device_are_refused)
{
    struct support_front swap;

    support_front_begin(
        &swap, NULL, ZC_SWAP_OPTIONS(.slot_count = DEVICE_SLOTS, .managed = 1));
    expect_invalid(&swap, slot_of(&swap, SLOT));
    assert_status(zc_cache_invalidate_range(swap.cache, slot_of(&swap, 0), 10),
                  ZC_INVALID);
    assert_status(zc_cache_invalidate_type(swap.cache, swap.type), ZC_INVALID);
    support_front_end(&swap);
}

TEST(bad_arguments_change_nothing)
{
    struct support_front swap;
    char page[4096] = {1};

    begin(&swap, 0);
    assert_status(zc_cache_store(swap.cache, slot_of(&swap, 1), NULL),
                  ZC_INVALID);
    assert_status(zc_cache_store(NULL, slot_of(&swap, 1), page), ZC_INVALID);
    assert_status(
        zc_cache_store_for(swap.cache, ZC_OWNER_COUNT, slot_of(&swap, 1), page),
        ZC_INVALID);
    assert_status(zc_cache_load(swap.cache, slot_of(&swap, 1), NULL),
                  ZC_INVALID);
    assert_status(zc_cache_take(swap.cache, slot_of(&swap, 1), NULL),
                  ZC_INVALID);
    assert_int_equal(support_front_stat(&swap, slots_used), 0);
    support_front_end(&swap);
}

TEST(misses_take_no_memory)
{
    struct support_front swap;
    uint64_t bytes;
    uint64_t i;

    support_front_begin(&swap, NULL, NULL);
    bytes = zc_swap_bytes(&swap.cache->swap);
    for (i = 0; i < 1000; i++) {
        support_expect_missing(swap.cache, slot_of(&swap, i << 21));
        assert_status(zc_cache_invalidate(swap.cache, slot_of(&swap, i << 21)),
                      ZC_MISSING);
    }
    assert_int_equal(zc_swap_bytes(&swap.cache->swap), bytes);
    support_front_end(&swap);
}

TEST(other_types_know_nothing_of_it)
{
    struct support_front swap;
    uint64_t bytes;
    char page[4096];
    zc_swp slot;

    begin(&swap, 0);
    slot = zc_swp_make(swap.type + 1, DEVICE_SLOTS + 5);
    bytes = zc_swap_bytes(&swap.cache->swap);
    support_store(swap.cache, slot, SUPPORT_TEXT, 1);
    support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_status(zc_cache_take(swap.cache, slot, page), ZC_OK);
    support_store(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_status(zc_cache_invalidate(swap.cache, slot), ZC_OK);
    support_store(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_status(zc_cache_invalidate_type(swap.cache, swap.type), ZC_OK);
    support_expect(swap.cache, slot, SUPPORT_TEXT, 1);
    assert_int_equal(support_front_stat(&swap, slots_used), 0);
    assert_int_equal(zc_swap_bytes(&swap.cache->swap), bytes);
    support_front_end(&swap);
}

/* ---- many at once ---- */

static void put_everywhere(struct support_front *swap, uint64_t first,
                           uint64_t count)
{
    uint64_t i;

    for (i = 0; i < count; i++)
        support_front_put(swap, slot_of(swap, first + i * i), SUPPORT_TEXT, i,
                          i % 3 == 0 ? SUPPORT_ON_DEVICE : SUPPORT_IN_MEMORY);
}

TEST(a_range_forgets_its_slots_only)
{
    struct support_front swap;

    begin(&swap, 0);
    put_everywhere(&swap, 100, 20);
    assert_int_equal(support_front_stat(&swap, slots_used), 20);
    assert_status(zc_cache_invalidate_range(swap.cache, slot_of(&swap, 0), 100),
                  ZC_OK);
    assert_int_equal(support_front_stat(&swap, slots_used), 20);
    assert_status(zc_cache_invalidate_range(swap.cache, slot_of(&swap, 101), 8),
                  ZC_OK);
    assert_int_equal(support_front_stat(&swap, slots_used), 18);
    support_expect(swap.cache, slot_of(&swap, 100), SUPPORT_TEXT, 0);
    support_expect_missing(swap.cache, slot_of(&swap, 101));
    support_expect_missing(swap.cache, slot_of(&swap, 104));
    support_expect(swap.cache, slot_of(&swap, 109), SUPPORT_TEXT, 3);
    assert_status(zc_cache_invalidate_range(swap.cache, slot_of(&swap, 100), 0),
                  ZC_OK);
    assert_int_equal(support_front_stat(&swap, slots_used), 18);
    assert_status(zc_cache_invalidate_type(swap.cache, swap.type), ZC_OK);
    assert_int_equal(support_front_stat(&swap, slots_used), 0);
    support_expect_empty(swap.cache);
    support_front_end(&swap);
}

TEST(a_wide_range_looks_only_where_pages_are)
{
    struct support_front swap;
    uint64_t last = ZC_SLOT_COUNT_DEFAULT - 1;

    support_front_begin(&swap, NULL, NULL);
    support_store(swap.cache, slot_of(&swap, 0), SUPPORT_TEXT, 1);
    support_store(swap.cache, slot_of(&swap, last / 2), SUPPORT_TEXT, 2);
    support_store(swap.cache, slot_of(&swap, last), SUPPORT_TEXT, 3);
    assert_status(
        zc_cache_invalidate_range(swap.cache, slot_of(&swap, 1), last - 1),
        ZC_OK);
    support_expect(swap.cache, slot_of(&swap, 0), SUPPORT_TEXT, 1);
    support_expect_missing(swap.cache, slot_of(&swap, last / 2));
    support_expect(swap.cache, slot_of(&swap, last), SUPPORT_TEXT, 3);
    assert_status(zc_cache_invalidate_type(swap.cache, swap.type), ZC_OK);
    support_expect_empty(swap.cache);
    support_front_end(&swap);
}
