/* SPDX-License-Identifier: MIT */
/*
 * test_front_slot.c - pages of a type with a device, wherever they are: in
 * compressed memory, on the device, in a write under way, or in a folio whose
 * write failed.
 */
#include "support_claim.h"
#include "support_front.h"

#include "base/inject.h"
#include "cache/cache.h"

#define SLOT 7

/* No folio is left, and so many slots are in use. */
static void expect_used(uint64_t slots)
{
    assert_int_equal(device_stat(slots_used), slots);
    assert_int_equal(device_stat(cached_folios), 0);
    assert_int_equal(device_stat(stuck_folios), 0);
}

/* ---- one page, wherever it is ---- */

TEST_OF_DEVICE(a_page_is_loaded_from_everywhere)
{
    enum place place;

    for (place = 0; place < PLACE_COUNT; place++) {
        renew_device_with(1);
        put(SLOT, 1, place);
        expect(SLOT, SUPPORT_TEXT, 1);
        expect(SLOT, SUPPORT_TEXT, 1);
        assert_int_equal(device_stat(slots_used), 1);
        assert_int_equal(disk.reads, place == ON_DEVICE ? 2 : 0);
        /* A load does not wait for a write. */
        assert_int_equal(disk.writes, place == ON_DEVICE ? 1 : 0);
        expect_missing(SLOT + 1);
        let_writes_end();
        expect(SLOT, SUPPORT_TEXT, 1);
    }
}

TEST_OF_DEVICE(a_page_is_taken_or_invalidated_everywhere_once)
{
    unsigned i;

    for (i = 0; i < 2 * PLACE_COUNT; i++) {
        renew_device_with(1);
        put(SLOT, 1, i / 2);
        let_writes_end_soon();
        if (i % 2 == 0)
            expect_taken(SLOT, SUPPORT_TEXT, 1);
        else
            forget(SLOT);
        assert_status(try_take(SLOT), ZC_MISSING);
        expect_missing(SLOT);
        assert_status(zc_cache_invalidate(cache, at(SLOT)), ZC_MISSING);
        expect_used(0);
        assert_false(support_device_has(&disk, SLOT));
    }
}

/* A write under way ends before, or never begins. */
TEST_OF_DEVICE(a_page_is_replaced_everywhere)
{
    enum place place;

    for (place = 0; place < PLACE_COUNT; place++) {
        renew_device_with(1);
        put(SLOT, 1, place);
        let_writes_end_soon();
        store(SLOT, SUPPORT_TEXT, 2);
        expect_used(1);
        expect(SLOT, SUPPORT_TEXT, 2);
        write_all_back();
        assert_true(support_device_has(&disk, SLOT));
        expect(SLOT, SUPPORT_TEXT, 2);
    }
}

TEST_OF_DEVICE(what_cannot_be_read_is_kept)
{
    put(SLOT, 1, ON_DEVICE);
    atomic_store(&disk.fails_reads, true);
    assert_status(try_load(SLOT), ZC_IO_ERROR);
    assert_status(try_take(SLOT), ZC_IO_ERROR);
    assert_int_equal(device_stat(slots_used), 1);
    atomic_store(&disk.fails_reads, false);
    expect(SLOT, SUPPORT_TEXT, 1);
}

TEST_OF_DEVICE(what_is_damaged_is_kept)
{
    renew_device(ZC_CACHE_OPTIONS(.checksums = 1), NULL);
    store(SLOT, SUPPORT_TEXT, 1);
    support_flip_bit(cache, 99);
    assert_status(try_load(SLOT), ZC_CORRUPT);
    assert_status(try_take(SLOT), ZC_CORRUPT);
    assert_status(try_load(SLOT), ZC_CORRUPT);
    forget(SLOT);
    expect_missing(SLOT);
}

static void put_zeros(void)
{
    struct zc_folio *folio = NULL;

    put(SLOT, 1, ON_DEVICE);
    assert_status(support_slot_claim(&cache->swap, at(SLOT), &folio), ZC_OK);
    zc_slot_set_zero(zc_slot_find(&cache->swap, at(SLOT)), true);
    support_slot_release(&cache->swap, at(SLOT), folio, true);
}

TEST_OF_DEVICE(a_zero_bit_is_a_page)
{
    put_zeros();
    expect(SLOT, SUPPORT_ZERO, 0);
    expect_taken(SLOT, SUPPORT_ZERO, 0);
    expect_missing(SLOT);

    put_zeros();
    put(SLOT, 2, ON_DEVICE);
    expect(SLOT, SUPPORT_TEXT, 2);
}

/* ---- what compressed memory refuses ---- */

/* A page of slot 0, and no room beside it. */
static void renew_full(void)
{
    renew_device(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_NONE), NULL);
    store(0, SUPPORT_TEXT, 0);
    assert_status(zc_cache_set_limit(cache, 4096, 0), ZC_OK);
}

TEST_OF_DEVICE(what_is_refused_goes_to_the_device)
{
    renew_full();
    store(SLOT, SUPPORT_TEXT, 1);
    assert_true(support_device_has(&disk, SLOT));
    assert_int_equal(cache_stat(disk_writes), 1);
    assert_int_equal(cache_stat(stored_pages), 1);
    expect(SLOT, SUPPORT_TEXT, 1);
    assert_int_equal(cache_stat(disk_swapins), 1);
    store(SLOT, SUPPORT_TEXT, 2);
    expect(SLOT, SUPPORT_TEXT, 2);
    /* Over a page that is in memory, too. */
    store(0, SUPPORT_TEXT, 3);
    expect(0, SUPPORT_TEXT, 3);
}

TEST_OF_DEVICE(what_the_device_refuses_too_is_gone)
{
    renew_full();
    store(SLOT, SUPPORT_TEXT, 1);
    atomic_store(&disk.fails_writes, true);
    assert_status(try_store(SLOT, SUPPORT_TEXT, 2), ZC_IO_ERROR);
    expect_missing(SLOT);
    assert_status(try_take(SLOT), ZC_MISSING);
    expect_used(1);
    expect(0, SUPPORT_TEXT, 0);
    assert_status(try_store(0, SUPPORT_TEXT, 2), ZC_IO_ERROR);
    expect_missing(0);
    expect_used(0);
}

TEST_OF_DEVICE(what_may_not_be_written_is_refused)
{
    const struct zc_owner_options options = {.struct_size = sizeof(options),
                                             .no_writeback = 1};

    renew_full();
    assert_status(zc_cache_set_owner(cache, 5, &options), ZC_OK);
    store(SLOT, SUPPORT_TEXT, 1);
    assert_status(try_store_for(5, SLOT, SUPPORT_TEXT, 1), ZC_REJECTED);
    expect_missing(SLOT);
    assert_false(support_device_has(&disk, SLOT));
    expect_used(1);
    assert_status(try_store_for(6, SLOT, SUPPORT_TEXT, 1), ZC_OK);
    assert_true(support_device_has(&disk, SLOT));
}

/* If anything fails, the page is in one of the two, or the call says so. */
TEST_OF_DEVICE(no_memory_sends_a_page_to_the_device)
{
    bool was_on_device = false;
    uint32_t countdown;
    zc_status status;

    for (countdown = 0;; countdown++) {
        renew_device_with(0);
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        status = try_store(SLOT, SUPPORT_TEXT, 1);
        was_on_device |= support_device_has(&disk, SLOT);
        if (zc_inject_failures() == 0)
            break;
        zc_inject_disarm();
        if (status == ZC_OK) {
            expect(SLOT, SUPPORT_TEXT, 1);
        } else {
            assert_status(status, ZC_NO_MEMORY);
            expect_missing(SLOT);
            expect_used(0);
        }
    }
    zc_inject_disarm();
    assert_true(was_on_device);
    assert_true(countdown > 2);
}

/*
 * Over its limit a cache writes the coldest back.  One segment is all that the
 * smaller limit allows: what goes to the device makes room in it, a few pages
 * at a time, and the rest stays in memory.
 */
TEST_OF_DEVICE(over_the_limit_the_coldest_are_written_back)
{
    static const struct {
        unsigned placement;
        uint64_t limit;
        unsigned percent; /* payload, at least */
    } rows[] = {{ZC_PLACEMENT_KERNEL, 64 * 4096, 0},
                {ZC_PLACEMENT_DENSE, 32 * 4096, 85}};
    const unsigned pages = 1000;
    struct zc_cache_stats stats;
    uint64_t payload;
    unsigned row;
    uint64_t i;

    for (row = 0; row < 2; row++) {
        renew_device(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY,
                                      .limit_bytes = rows[row].limit,
                                      .placement = rows[row].placement),
                     NULL);
        payload = 0;
        for (i = 0; i < pages; i++) {
            store(i, SUPPORT_TEXT, i);
            stats = support_cache_stats(cache);
            assert_true(stats.pool_total_size <= rows[row].limit);
            if (i >= pages / 2)
                payload += stats.payload_bytes;
        }
        assert_true(payload / (pages / 2) * 100 >=
                    rows[row].limit * rows[row].percent);
        if (rows[row].percent != 0) { /* none went past memory */
            assert_int_equal(stats.disk_writes, 0);
            assert_int_equal(stats.reject_pool_limit, 0);
        }
        assert_true(stats.zswpwb > pages / 2);
        assert_true(support_device_has(&disk, 0));
        assert_false(support_device_has(&disk, pages - 1));
        expect_pages(0, pages);
    }
}

/* The candidate is the very slot that is being stored. */
TEST_OF_DEVICE(a_store_does_not_wait_for_its_own_slot)
{
    unsigned i;

    renew_device(ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY,
                                  .placement = ZC_PLACEMENT_KERNEL),
                 NULL);
    assert_status(zc_cache_set_limit(cache, 4096, 0), ZC_OK);
    for (i = 0; i < 4; i++) {
        store(SLOT, SUPPORT_NOISE, i);
        expect(SLOT, SUPPORT_NOISE, i);
    }
    assert_int_equal(device_stat(slots_used), 1);
}

/* ---- bad input, and types without a device ---- */

static void expect_invalid(uint64_t offset)
{
    assert_status(try_store(offset, SUPPORT_TEXT, 1), ZC_INVALID);
    assert_status(try_load(offset), ZC_INVALID);
    assert_status(try_take(offset), ZC_INVALID);
    assert_status(zc_cache_invalidate(cache, at(offset)), ZC_INVALID);
    assert_int_equal(device_stat(slots_used), 0);
}

TEST_OF_DEVICE(slots_behind_a_device_are_refused)
{
    expect_invalid(DEVICE_SLOTS);
    expect_invalid(ZC_SLOT_COUNT_DEFAULT);
    assert_status(zc_cache_invalidate_range(cache, at(1), DEVICE_SLOTS),
                  ZC_INVALID);
    assert_status(zc_cache_invalidate_range(cache, at(0), DEVICE_SLOTS), ZC_OK);
    store(DEVICE_SLOTS - 1, SUPPORT_TEXT, 1);
    expect(DEVICE_SLOTS - 1, SUPPORT_TEXT, 1);
}

TEST_OF_DEVICE(slots_of_a_managed_device_are_refused)
{
    renew_device(NULL,
                 ZC_SWAP_OPTIONS(.slot_count = DEVICE_SLOTS, .managed = 1));
    expect_invalid(SLOT);
    assert_status(zc_cache_invalidate_range(cache, at(0), 10), ZC_INVALID);
    assert_status(zc_cache_invalidate_type(cache, swap_type), ZC_INVALID);
    assert_status(zc_swap_off(cache, swap_type, NULL, NULL), ZC_OK);
}

TEST_OF_DEVICE(misses_take_no_memory)
{
    uint64_t bytes;
    uint64_t i;

    renew_device(NULL, NULL);
    bytes = accounted(other_bytes);
    for (i = 0; i < 1000; i++) {
        expect_missing(i << 21);
        assert_status(zc_cache_invalidate(cache, at(i << 21)), ZC_MISSING);
    }
    assert_int_equal(accounted(other_bytes), bytes);
}

TEST_OF_DEVICE(pages_take_memory_wherever_they_are)
{
    const uint64_t before = accounted(other_bytes);
    uint64_t used;

    put(7, 7, ON_DEVICE);
    used = accounted(other_bytes);
    assert_true(used >= before + sizeof(struct zc_cluster));
    put(8, 8, STUCK);
    assert_true(accounted(other_bytes) >= used + 4096);
}

TEST_OF_DEVICE(other_types_know_nothing_of_a_device)
{
    const unsigned type = swap_type;

    swap_type = type + 1;
    store(DEVICE_SLOTS + 5, SUPPORT_TEXT, 1);
    expect(DEVICE_SLOTS + 5, SUPPORT_TEXT, 1);
    expect_taken(DEVICE_SLOTS + 5, SUPPORT_TEXT, 1);
    store(DEVICE_SLOTS + 5, SUPPORT_TEXT, 1);
    forget(DEVICE_SLOTS + 5);
    store(DEVICE_SLOTS + 5, SUPPORT_TEXT, 1);
    assert_status(zc_cache_invalidate_type(cache, type), ZC_OK);
    expect(DEVICE_SLOTS + 5, SUPPORT_TEXT, 1);
    swap_type = type;
    assert_int_equal(device_stat(slots_used), 0);
}

/* ---- many at once ---- */

TEST_OF_DEVICE(a_range_forgets_its_slots_only)
{
    static const struct {
        uint64_t first;
        uint64_t count;
        uint64_t left;
    } rows[] = {{0, 100, 20}, {101, 8, 18}, {100, 0, 18}};
    uint64_t i;

    for (i = 0; i < 20; i++)
        put(100 + i * i, i, i % 3 == 0 ? ON_DEVICE : IN_MEMORY);
    for (i = 0; i < 3; i++) {
        assert_status(
            zc_cache_invalidate_range(cache, at(rows[i].first), rows[i].count),
            ZC_OK);
        assert_int_equal(device_stat(slots_used), rows[i].left);
    }
    expect(100, SUPPORT_TEXT, 0);
    expect_missing(101);
    expect_missing(104);
    expect(109, SUPPORT_TEXT, 3);
    assert_status(zc_cache_invalidate_type(cache, swap_type), ZC_OK);
    expect_used(0);
    support_expect_empty(cache);
}

TEST_OF_DEVICE(a_wide_range_looks_only_where_pages_are)
{
    const uint64_t last = ZC_SLOT_COUNT_DEFAULT - 1;

    renew_device(NULL, NULL);
    store(0, SUPPORT_TEXT, 1);
    store(last / 2, SUPPORT_TEXT, 2);
    store(last, SUPPORT_TEXT, 3);
    assert_status(zc_cache_invalidate_range(cache, at(1), last - 1), ZC_OK);
    expect(0, SUPPORT_TEXT, 1);
    expect_missing(last / 2);
    expect(last, SUPPORT_TEXT, 3);
    assert_status(zc_cache_invalidate_type(cache, swap_type), ZC_OK);
    support_expect_empty(cache);
}
