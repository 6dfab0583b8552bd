/* SPDX-License-Identifier: MIT */
/* test_front_swapoff.c - devices off, with pages wherever they may be. */
#include "support_call.h"
#include "support_front.h"
#include "support_threads.h"

#include <limits.h>
#include <sched.h>

#include "base/inject.h"
#include "cache/cache.h"
#include "swap/slots.h"

#define PAGES 30
#define SLOT 7

/* What an unuse function was given. */
static struct {
    unsigned count;
    unsigned refuses_at; /* the page with that count; 0: none */
    zc_status refusal;
    bool has[DEVICE_SLOTS]; /* given, and right: a page of text of its offset */
    unsigned wrong;
} received;

static zc_status receive(void *context, zc_swp slot, const void *page)
{
    uint64_t offset = zc_swp_offset(slot);

    (void)context;
    if (++received.count == received.refuses_at)
        return received.refusal;
    if (slot.value != at(offset).value || received.has[offset] ||
        !support_is_page(page, 4096, SUPPORT_TEXT, offset))
        received.wrong++;
    received.has[offset] = true;
    return ZC_OK;
}

static void receive_none_yet(void)
{
    memset(&received, 0, sizeof(received));
}

static zc_status turn_off(void)
{
    return zc_swap_off(cache, swap_type, receive, NULL);
}

/* Pages of text, a third of them on the device; nothing received. */
static void fill(void)
{
    receive_none_yet();
    store_pages(0, PAGES / 3);
    write_all_back();
    store_pages(PAGES / 3, PAGES - PAGES / 3);
}

/* Pages that were not handed over are still there. */
static void expect_rest(void)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++) {
        if (received.has[i])
            expect_missing(i);
        else
            expect(i, SUPPORT_TEXT, i);
    }
}

/* All pages were handed over once, and the device is gone. */
static void expect_off(unsigned pages)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    assert_int_equal(received.wrong, 0);
    assert_int_equal(received.count, pages);
    assert_status(zc_swap_get_stats(cache, swap_type, &stats), ZC_INVALID);
    assert_int_equal(disk.closes, disk.opens);
    support_expect_empty(cache);
    assert_false(zc_zswap_has_type(&cache->zswap, swap_type));
}

/* ---- off ---- */

TEST_OF_DEVICE(every_page_is_handed_over)
{
    fill();
    assert_status(turn_off(), ZC_OK);
    expect_off(PAGES);
}

TEST_OF_DEVICE(a_page_is_handed_over_from_everywhere)
{
    enum place place;
    unsigned type;

    for (place = 0; place < PLACE_COUNT; place++) {
        renew_device_with(1);
        receive_none_yet();
        put(SLOT, SLOT, place);
        let_writes_end_soon();
        assert_status(turn_off(), ZC_OK);
        expect_off(1);
        /* The next one begins with nothing. */
        assert_status(zc_swap_on(cache, NULL, &type), ZC_OK);
        assert_int_equal(type, swap_type);
        assert_int_equal(device_stat(slots_used), 0);
        assert_int_equal(device_stat(cached_folios), 0);
        assert_int_equal(device_stat(stuck_folios), 0);
    }
}

TEST_OF_DEVICE(without_unuse_only_an_empty_device_goes)
{
    enum place place;

    receive_none_yet();
    for (place = 0; place < PLACE_COUNT; place++) {
        renew_device_with(1);
        put(SLOT, SLOT, place);
        assert_status(zc_swap_off(cache, swap_type, NULL, NULL), ZC_BUSY);
        let_writes_end();
        expect(SLOT, SUPPORT_TEXT, SLOT);
        store(SLOT, SUPPORT_TEXT, 8);
        forget(SLOT);
        assert_status(zc_swap_off(cache, swap_type, NULL, NULL), ZC_OK);
        expect_off(0);
    }
}

TEST_OF_DEVICE(a_refused_page_stays)
{
    static const zc_status refusals[] = {ZC_NO_MEMORY, ZC_AGAIN, ZC_MISSING};
    unsigned n;

    for (n = 1; n <= PAGES; n++) {
        renew_device_with(n % 2);
        fill();
        received.refuses_at = n;
        received.refusal = refusals[n % 3];
        assert_status(turn_off(), refusals[n % 3]);
        assert_int_equal(received.count, n);
        expect_rest();
        assert_int_equal(device_stat(slots_used), PAGES - n + 1);
        assert_int_equal(device_stat(cached_folios), 0);
        /* In use again. */
        store(0, SUPPORT_TEXT, 0);
        received.has[0] = false;
        assert_status(turn_off(), ZC_OK);
        /* The refused page comes again, and slot 0 if it was handed over. */
        expect_off(PAGES + (n == 1 ? 1 : 2));
    }
}

TEST_OF_DEVICE(a_refused_page_stays_its_owners)
{
    const struct zc_owner_options options = {.struct_size = sizeof(options),
                                             .no_writeback = 1};

    receive_none_yet();
    assert_status(zc_cache_set_owner(cache, 5, &options), ZC_OK);
    store_for(5, SLOT, 1);
    received.refuses_at = 1;
    received.refusal = ZC_AGAIN;
    assert_status(turn_off(), ZC_AGAIN);
    assert_int_equal(cache_stat(stored_pages), 1);
    write_all_back();
    assert_false(support_device_has(&disk, SLOT));
}

TEST_OF_DEVICE(a_refused_stuck_page_stays_stuck)
{
    receive_none_yet();
    put(SLOT, SLOT, STUCK);
    received.refuses_at = 1;
    received.refusal = ZC_AGAIN;
    assert_status(turn_off(), ZC_AGAIN);
    assert_int_equal(device_stat(stuck_folios), 1);
    expect(SLOT, SUPPORT_TEXT, SLOT);
    assert_status(turn_off(), ZC_OK);
    expect_off(2);
}

/* ---- failures ---- */

TEST_OF_DEVICE(what_cannot_be_read_stays)
{
    fill();
    atomic_store(&disk.fails_reads, true);
    assert_status(turn_off(), ZC_IO_ERROR);
    atomic_store(&disk.fails_reads, false);
    assert_int_equal(device_stat(cached_folios), 0);
    expect_rest();
    assert_status(turn_off(), ZC_OK);
    expect_off(PAGES);
}

TEST_OF_DEVICE(no_failure_loses_a_page)
{
    static const struct {
        enum zc_inject_point point;
        zc_status status;
    } rows[] = {{ZC_INJECT_FRAME, ZC_NO_MEMORY},
                {ZC_INJECT_MALLOC, ZC_NO_MEMORY},
                {ZC_INJECT_DECOMPRESS, ZC_CORRUPT}};
    zc_status status;
    uint32_t countdown;
    unsigned i;

    for (i = 0; i < 3; i++) {
        renew_device_with(0);
        fill();
        for (countdown = 0;; countdown++) {
            zc_inject_arm(rows[i].point, countdown, 1);
            status = turn_off();
            zc_inject_disarm();
            if (status == ZC_OK)
                break;
            assert_status(status, rows[i].status);
            expect_rest();
        }
        assert_true(countdown > 0);
        expect_off(PAGES);
    }
}

/* ---- with a call that waits ---- */

static zc_status statuses[2]; /* of a call on each of two threads */

static struct support_call calls[2];

static void call_store(void *unused)
{
    (void)unused;
    statuses[0] = try_store(SLOT, SUPPORT_TEXT, SLOT);
}

static void call_load(void *unused)
{
    (void)unused;
    statuses[0] = try_load(SLOT);
}

static void call_off(void *unuse)
{
    statuses[1] =
        zc_swap_off(cache, swap_type, unuse == NULL ? NULL : receive, NULL);
}

static void await_both(void)
{
    support_device_let_go(&disk);
    support_call_join(&calls[0]);
    support_call_join(&calls[1]);
}

/* Returns when a thread waits for the slot. */
static void await_waiter(void)
{
    struct zc_cluster *cluster = zc_slot_find(&cache->swap, at(SLOT)).cluster;
    bool waits = false;

    assert_non_null(cluster);
    while (!waits) {
        (void)sched_yield();
        zc_spinlock_lock(&cluster->lock);
        waits = (cluster->flags[zc_slot_index(at(SLOT))] & ZC_SLOT_WAITERS) !=
                0;
        zc_spinlock_unlock(&cluster->lock);
    }
}

/* A store has claimed the slot, which has no count yet; it gets one while
 * swapoff waits for the slot. */
TEST_OF_DEVICE(without_unuse_a_page_stored_meanwhile_is_in_use)
{
    spied.put_status = ZC_NO_MEMORY; /* so it goes to the device */
    support_device_hold(&disk);
    support_call_start(&calls[0], call_store, NULL);
    support_device_await_held(&disk, 1);
    support_call_start(&calls[1], call_off, NULL);
    await_waiter();
    await_both();
    assert_status(statuses[0], ZC_OK);
    assert_status(statuses[1], ZC_BUSY);
    expect(SLOT, SUPPORT_TEXT, SLOT);
}

/* Swapoff has the folio, and its read fails when it has half of it; a load
 * that waits for the folio must read the page itself. */
TEST_OF_DEVICE(a_load_does_not_trust_a_read_that_failed)
{
    struct zc_folio *folio;

    put(SLOT, SLOT, ON_DEVICE);
    support_device_hold_reads(&disk);
    atomic_store(&disk.fails_reads, true);
    support_call_start(&calls[1], call_off, &received);
    support_device_await_held(&disk, 1);
    folio = zc_swapcache_look_up(zc_slot_find(&cache->swap, at(SLOT)));
    assert_non_null(folio);
    support_call_start(&calls[0], call_load, NULL);
    while (!zc_folio_has(folio, ZC_FOLIO_WAITERS))
        (void)sched_yield();
    await_both();
    assert_status(statuses[0], ZC_IO_ERROR);
    assert_status(statuses[1], ZC_IO_ERROR);
    zc_swapcache_put(&cache->swap, at(SLOT), folio);
    atomic_store(&disk.fails_reads, false);
    expect(SLOT, SUPPORT_TEXT, SLOT);
}

/* ---- from inside unuse ---- */

#define LAST (PAGES - 1)

/* The device takes no new pages, but gives those that it has. */
static zc_status call_back(void *context, zc_swp slot, const void *page)
{
    const uint64_t offset = zc_swp_offset(slot);
    unsigned type = 99;

    if (zc_swap_off(cache, swap_type, NULL, NULL) != ZC_BUSY ||
        zc_swap_on(cache, NULL, &type) != ZC_BUSY || type != 99 ||
        zc_cache_store(cache, at(PAGES), page) != ZC_BUSY ||
        try_load(PAGES) != ZC_MISSING ||
        (offset != LAST && try_load(LAST) != ZC_OK) ||
        zc_cache_store(cache, zc_swp_make(swap_type + 1, offset), page) !=
            ZC_OK)
        received.wrong++;
    return receive(context, slot, page);
}

TEST_OF_DEVICE(unuse_may_call_the_cache)
{
    uint64_t i;

    fill();
    assert_status(zc_swap_off(cache, swap_type, call_back, NULL), ZC_OK);
    for (i = 0; i < PAGES; i++)
        support_expect(cache, zc_swp_make(swap_type + 1, i), SUPPORT_TEXT, i);
    assert_status(zc_cache_invalidate_type(cache, swap_type + 1), ZC_OK);
    expect_off(PAGES);
}

/* ---- page tables ---- */

static unsigned asked;
static unsigned references_left; /* that the next call cannot drop yet */

static zc_status unuse_folio(void *context, struct zc_folio *folio)
{
    struct zc_swap *swap = context;

    asked++;
    if (!zc_folio_has(folio, ZC_FOLIO_LOCKED) ||
        !zc_folio_has(folio, ZC_FOLIO_UPTODATE) ||
        zc_slot_count(zc_slot_find(swap, folio->swap)) == 0)
        return ZC_CORRUPT;
    while (zc_slot_count(zc_slot_find(swap, folio->swap)) > references_left)
        zc_slot_drop(swap, folio->swap);
    references_left = 0;
    return ZC_OK;
}

/* A folio with a slot of its own and so many references from page tables; the
 * caller has a reference too. */
static struct zc_folio *swap_out(unsigned references)
{
    struct zc_swap *swap = &cache->swap;
    struct zc_folio *folio = zc_folio_alloc(swap, true);
    zc_swp slot;

    assert_non_null(folio);
    zc_folio_lock(swap, folio);
    memset(folio->data, 1, 4096);
    zc_folio_set(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY);
    assert_status(zc_slot_alloc(swap, folio, &slot), ZC_OK);
    while (references-- > 0)
        assert_status(zc_slot_dup(swap, slot), ZC_OK);
    zc_folio_unlock(swap, folio);
    return folio;
}

TEST_OF_DEVICE(page_tables_are_asked_only_for_what_they_have)
{
    struct zc_folio *folios[3];
    unsigned i;

    renew_device(NULL, ZC_SWAP_OPTIONS(.managed = 1, .slot_count = 100));
    /* There are no tables to hand the pages to. */
    assert_status(turn_off(), ZC_INVALID);
    references_left = 1;
    asked = 0;
    for (i = 0; i < 3; i++)
        folios[i] = swap_out(i); /* none, one, two */
    assert_int_equal(device_stat(slots_used), 3);
    assert_status(
        zc_cache_swap_off(cache, swap_type, unuse_folio, &cache->swap), ZC_OK);
    /* The one that left a reference is asked again. */
    assert_int_equal(asked, 3);
    for (i = 0; i < 3; i++) {
        assert_false(zc_folio_has(folios[i], ZC_FOLIO_SWAPCACHE));
        zc_folio_put(&cache->swap, folios[i]);
    }
}

/* Its slot would be free but for the folio. */
TEST_OF_DEVICE(a_folio_that_no_page_table_needs_keeps_no_device)
{
    struct zc_folio *folio;

    renew_device(NULL, ZC_SWAP_OPTIONS(.managed = 1, .slot_count = 100));
    folio = swap_out(0);
    assert_status(zc_swap_off(cache, swap_type, NULL, NULL), ZC_OK);
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE | ZC_FOLIO_LOCKED));
    zc_folio_put(&cache->swap, folio);
}

TEST_OF_DEVICE(an_end_drops_what_page_tables_have)
{
    struct zc_folio *folio;

    renew_device(NULL, ZC_SWAP_OPTIONS(.managed = 1, .slot_count = 100));
    folio = swap_out(2);
    zc_swapcache_put(&cache->swap, folio->swap, folio);
}

TEST_OF_CACHE(bad_types_are_refused)
{
    static const unsigned types[] = {0, ZC_SWP_TYPE_COUNT, 99, UINT_MAX};
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};
    unsigned i;

    for (i = 0; i < 4; i++) {
        assert_status(zc_swap_off(cache, types[i], NULL, NULL), ZC_INVALID);
        assert_status(zc_swap_get_stats(cache, types[i], &stats), ZC_INVALID);
    }
    assert_status(zc_swap_off(NULL, 0, NULL, NULL), ZC_INVALID);
    assert_status(zc_swap_get_stats(NULL, 0, &stats), ZC_INVALID);
}

/* ---- with other threads ---- */

static atomic_uint ways[PAGES]; /* times that a page was received or taken */

static zc_status receive_in_traffic(void *context, zc_swp slot,
                                    const void *page)
{
    uint64_t offset = zc_swp_offset(slot);

    (void)context;
    if (!support_is_page(page, 4096, SUPPORT_TEXT, offset))
        return ZC_CORRUPT;
    atomic_fetch_add(&ways[offset], 1);
    return ZC_OK;
}

static void load_and_take(struct support_worker *worker)
{
    char page[4096];

    while (!support_is_stopped(worker)) {
        uint64_t offset = support_random_below(&worker->random, PAGES);
        bool is_take = support_random_below(&worker->random, 64) == 0;
        zc_status status = is_take ? zc_cache_take(cache, at(offset), page)
                                   : zc_cache_load(cache, at(offset), page);

        if (status == ZC_OK &&
            !support_is_page(page, sizeof(page), SUPPORT_TEXT, offset))
            support_mistake(worker, "another page");
        if (status != ZC_OK && status != ZC_MISSING)
            support_mistake(worker, "%s", zc_status_name(status));
        if (status == ZC_OK && is_take)
            atomic_fetch_add(&ways[offset], 1);
    }
}

static void write_back(struct support_worker *worker)
{
    while (!support_is_stopped(worker)) {
        (void)zc_cache_writeback(cache, NULL, NULL);
        sched_yield();
    }
}

static void turn_off_in_traffic(struct support_worker *worker)
{
    zc_status status = zc_swap_off(cache, swap_type, receive_in_traffic, NULL);

    if (status != ZC_OK)
        support_mistake(worker, "swapoff: %s", zc_status_name(status));
    atomic_store(&worker->crew->stopped, true);
}

/* Each page goes exactly one way, and swapoff comes to an end. */
TEST_OF_DEVICE(it_ends_while_others_go_on)
{
    struct support_crew crew;
    unsigned round;
    unsigned i;

    receive_none_yet();
    for (round = 0; round < 20; round++) {
        renew_device_with(round % 3);
        store_pages(0, PAGES);
        memset(ways, 0, sizeof(ways));
        support_crew_init(&crew);
        support_crew_add(&crew, load_and_take, NULL);
        support_crew_add(&crew, load_and_take, NULL);
        support_crew_add(&crew, write_back, NULL);
        support_crew_add(&crew, turn_off_in_traffic, NULL);
        support_crew_run(&crew, 0);
        for (i = 0; i < PAGES; i++)
            assert_int_equal(atomic_load(&ways[i]), 1);
        expect_off(0);
    }
}
