/* SPDX-License-Identifier: MIT */
/* test_front_swapoff.c - devices off, with pages wherever they may be. */
#include "support_front.h"
#include "support_threads.h"

#include <limits.h>
#include <sched.h>

#include "base/inject.h"
#include "cache/cache.h"
#include "swap/slots.h"

#define DEVICE_SLOTS 2000
#define PAGES 30

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

/* What an unuse function was given. */
struct receiver {
    struct zc_cache *cache;
    unsigned type;
    unsigned count;
    unsigned refuses_at; /* the page with that count; 0: none */
    zc_status refusal;
    bool has[DEVICE_SLOTS]; /* given, and right: SUPPORT_TEXT of its offset */
    unsigned wrong;
};

static zc_status receive(void *context, zc_swp slot, const void *page)
{
    struct receiver *receiver = context;
    uint64_t offset = zc_swp_offset(slot);

    if (++receiver->count == receiver->refuses_at)
        return receiver->refusal;
    if (zc_swp_type(slot) != receiver->type || receiver->has[offset] ||
        !support_is_page(page, 4096, SUPPORT_TEXT, offset))
        receiver->wrong++;
    receiver->has[offset] = true;
    return ZC_OK;
}

static void init(struct receiver *receiver, const struct support_front *swap)
{
    memset(receiver, 0, sizeof(*receiver));
    receiver->cache = swap->cache;
    receiver->type = swap->type;
}

/* Pages at 0, 3, 6, ...; a third of them on the device. */
static void store_pages(struct support_front *swap)
{
    uint64_t i;

    for (i = 0; i < PAGES / 3; i++)
        support_store(swap->cache, slot_of(swap, 3 * i), SUPPORT_TEXT, 3 * i);
    support_front_write_back(swap);
    for (; i < PAGES; i++)
        support_store(swap->cache, slot_of(swap, 3 * i), SUPPORT_TEXT, 3 * i);
}

/* Those that were not handed over are still there. */
static void expect_rest(struct support_front *swap,
                        const struct receiver *receiver)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++) {
        if (receiver->has[3 * i])
            support_expect_missing(swap->cache, slot_of(swap, 3 * i));
        else
            support_expect(swap->cache, slot_of(swap, 3 * i), SUPPORT_TEXT,
                           3 * i);
    }
}

static void expect_off(struct support_front *swap)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_swap_get_stats(swap->cache, swap->type, &stats),
                  ZC_INVALID);
    assert_int_equal(swap->device.closes, swap->device.opens);
    support_expect_empty(swap->cache);
    assert_false(zc_zswap_has_type(&swap->cache->zswap, swap->type));
}

/* ---- off ---- */

TEST(every_page_is_handed_over)
{
    struct support_front swap;
    struct receiver receiver;
    uint64_t i;

    begin(&swap, 0);
    store_pages(&swap);
    init(&receiver, &swap);
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_OK);
    assert_int_equal(receiver.count, PAGES);
    assert_int_equal(receiver.wrong, 0);
    for (i = 0; i < PAGES; i++)
        assert_true(receiver.has[3 * i]);
    expect_off(&swap);
    support_front_end(&swap);
}

TEST(a_page_is_handed_over_from_everywhere)
{
    struct support_front swap;
    struct receiver receiver;
    enum support_place place;
    unsigned type;

    for (place = 0; place < SUPPORT_PLACE_COUNT; place++) {
        begin(&swap, 1);
        support_front_put(&swap, slot_of(&swap, 7), SUPPORT_TEXT, 7, place);
        support_front_settle_soon(&swap);
        init(&receiver, &swap);
        assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                      ZC_OK);
        assert_int_equal(receiver.count, 1);
        assert_int_equal(receiver.wrong, 0);
        expect_off(&swap);
        /* The next one begins with nothing. */
        assert_status(zc_swap_on(swap.cache, NULL, &type), ZC_OK);
        assert_int_equal(type, swap.type);
        assert_int_equal(support_front_stat(&swap, slots_used), 0);
        assert_int_equal(support_front_stat(&swap, cached_folios), 0);
        assert_int_equal(support_front_stat(&swap, stuck_folios), 0);
        support_front_end(&swap);
    }
}

TEST(without_unuse_only_an_empty_device_goes)
{
    struct support_front swap;
    enum support_place place;
    zc_swp slot;

    for (place = 0; place < SUPPORT_PLACE_COUNT; place++) {
        begin(&swap, 1);
        slot = slot_of(&swap, 7);
        support_front_put(&swap, slot, SUPPORT_TEXT, 7, place);
        assert_status(zc_swap_off(swap.cache, swap.type, NULL, NULL), ZC_BUSY);
        support_front_settle(&swap);
        support_expect(swap.cache, slot, SUPPORT_TEXT, 7);
        support_store(swap.cache, slot, SUPPORT_TEXT, 8);
        assert_status(zc_cache_invalidate(swap.cache, slot), ZC_OK);
        assert_status(zc_swap_off(swap.cache, swap.type, NULL, NULL), ZC_OK);
        expect_off(&swap);
        support_front_end(&swap);
    }
}

/* Returns when a thread waits for the slot. */
static void await_waiter(struct support_front *swap, zc_swp slot)
{
    struct zc_cluster *cluster = zc_slot_find(&swap->cache->swap, slot).cluster;
    bool waits = false;

    assert_non_null(cluster);
    while (!waits) {
        (void)sched_yield();
        zc_spinlock_lock(&cluster->lock);
        waits = (cluster->flags[zc_slot_index(slot)] & ZC_SLOT_WAITERS) != 0;
        zc_spinlock_unlock(&cluster->lock);
    }
}

struct call {
    struct support_front *swap;
    zc_swp slot;
    zc_status status;
};

static void *store_one(void *argument)
{
    struct call *call = argument;

    call->status =
        support_try_store(call->swap->cache, call->slot, SUPPORT_TEXT, 7);
    return NULL;
}

static void *turn_off_without_unuse(void *argument)
{
    struct call *call = argument;

    call->status = zc_swap_off(call->swap->cache, call->swap->type, NULL, NULL);
    return NULL;
}

/* A store has claimed the slot, which has no count yet; it gets one while
 * swapoff waits for the slot. */
TEST(without_unuse_a_page_stored_meanwhile_is_in_use)
{
    struct support_front swap;
    struct call store;
    struct call off;
    pthread_t storer;
    pthread_t turner;

    begin(&swap, 0);
    store = (struct call){.swap = &swap, .slot = slot_of(&swap, 7)};
    off = store;
    swap.pool.put_status = ZC_NO_MEMORY; /* so it goes to the device */
    support_device_hold(&swap.device);
    assert_int_equal(pthread_create(&storer, NULL, store_one, &store), 0);
    support_device_await_held(&swap.device, 1);
    assert_int_equal(
        pthread_create(&turner, NULL, turn_off_without_unuse, &off), 0);
    await_waiter(&swap, store.slot);
    support_device_let_go(&swap.device);
    assert_int_equal(pthread_join(storer, NULL), 0);
    assert_int_equal(pthread_join(turner, NULL), 0);
    assert_status(store.status, ZC_OK);
    assert_status(off.status, ZC_BUSY);
    support_expect(swap.cache, store.slot, SUPPORT_TEXT, 7);
    support_front_end(&swap);
}

TEST(a_refused_page_stays)
{
    static const zc_status refusals[] = {ZC_NO_MEMORY, ZC_AGAIN, ZC_MISSING};
    struct support_front swap;
    struct receiver receiver;
    unsigned at;

    for (at = 1; at <= PAGES; at++) {
        begin(&swap, at % 2);
        store_pages(&swap);
        init(&receiver, &swap);
        receiver.refuses_at = at;
        receiver.refusal = refusals[at % 3];
        assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                      refusals[at % 3]);
        assert_int_equal(receiver.count, at);
        expect_rest(&swap, &receiver);
        assert_int_equal(support_front_stat(&swap, slots_used), PAGES - at + 1);
        assert_int_equal(support_front_stat(&swap, cached_folios), 0);
        /* In use again. */
        support_store(swap.cache, slot_of(&swap, 0), SUPPORT_TEXT, 0);
        receiver.has[0] = false;
        assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                      ZC_OK);
        assert_int_equal(receiver.wrong, 0);
        expect_off(&swap);
        support_front_end(&swap);
    }
}

TEST(a_refused_page_stays_its_owners)
{
    const struct zc_owner_options options = {.struct_size = sizeof(options),
                                             .no_writeback = 1};
    struct support_front swap;
    struct receiver receiver;
    char page[4096];

    begin(&swap, 0);
    assert_status(zc_cache_set_owner(swap.cache, 5, &options), ZC_OK);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 7);
    assert_status(zc_cache_store_for(swap.cache, 5, slot_of(&swap, 7), page),
                  ZC_OK);
    init(&receiver, &swap);
    receiver.refuses_at = 1;
    receiver.refusal = ZC_AGAIN;
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_AGAIN);
    assert_int_equal(support_cache_stat(swap.cache, stored_pages), 1);
    support_front_write_back(&swap);
    assert_false(support_device_has(&swap.device, 7));
    support_front_end(&swap);
}

TEST(a_refused_stuck_page_stays_stuck)
{
    struct support_front swap;
    struct receiver receiver;

    begin(&swap, 0);
    support_front_put(&swap, slot_of(&swap, 7), SUPPORT_TEXT, 7, SUPPORT_STUCK);
    init(&receiver, &swap);
    receiver.refuses_at = 1;
    receiver.refusal = ZC_AGAIN;
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_AGAIN);
    assert_int_equal(support_front_stat(&swap, stuck_folios), 1);
    support_expect(swap.cache, slot_of(&swap, 7), SUPPORT_TEXT, 7);
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_OK);
    assert_int_equal(receiver.wrong, 0);
    expect_off(&swap);
    support_front_end(&swap);
}

TEST(what_cannot_be_read_stays)
{
    struct support_front swap;
    struct receiver receiver;

    begin(&swap, 0);
    store_pages(&swap);
    init(&receiver, &swap);
    atomic_store(&swap.device.fails_reads, true);
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_IO_ERROR);
    atomic_store(&swap.device.fails_reads, false);
    assert_int_equal(support_front_stat(&swap, cached_folios), 0);
    expect_rest(&swap, &receiver);
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_OK);
    assert_int_equal(receiver.count, PAGES);
    expect_off(&swap);
    support_front_end(&swap);
}

static void *turn_off_to_receiver(void *argument)
{
    struct call *call = argument;
    struct receiver receiver;

    init(&receiver, call->swap);
    call->status =
        zc_swap_off(call->swap->cache, call->swap->type, receive, &receiver);
    return NULL;
}

static void *load_one(void *argument)
{
    struct call *call = argument;
    char page[4096];

    call->status = zc_cache_load(call->swap->cache, call->slot, page);
    return NULL;
}

/* Swapoff has the folio, and its read fails when it has half of it; a load
 * that waits for the folio must read the page itself. */
TEST(a_load_does_not_trust_a_read_that_failed)
{
    struct support_front swap;
    struct zc_folio *folio;
    struct call load;
    struct call off;
    pthread_t loader;
    pthread_t turner;

    begin(&swap, 0);
    load = (struct call){.swap = &swap, .slot = slot_of(&swap, 7)};
    off = load;
    support_front_put(&swap, load.slot, SUPPORT_TEXT, 7, SUPPORT_ON_DEVICE);
    support_device_hold_reads(&swap.device);
    atomic_store(&swap.device.fails_reads, true);
    assert_int_equal(pthread_create(&turner, NULL, turn_off_to_receiver, &off),
                     0);
    support_device_await_held(&swap.device, 1);
    folio = zc_swapcache_look_up(zc_slot_find(&swap.cache->swap, load.slot));
    assert_non_null(folio);
    assert_int_equal(pthread_create(&loader, NULL, load_one, &load), 0);
    while (!zc_folio_has(folio, ZC_FOLIO_WAITERS))
        (void)sched_yield();
    support_device_let_go(&swap.device);
    assert_int_equal(pthread_join(turner, NULL), 0);
    assert_int_equal(pthread_join(loader, NULL), 0);
    assert_status(off.status, ZC_IO_ERROR);
    assert_status(load.status, ZC_IO_ERROR);
    zc_swapcache_put(&swap.cache->swap, load.slot, folio);
    atomic_store(&swap.device.fails_reads, false);
    support_expect(swap.cache, load.slot, SUPPORT_TEXT, 7);
    support_front_end(&swap);
}

TEST(what_does_not_decode_stays)
{
    struct support_front swap;
    struct receiver receiver;

    begin(&swap, 0);
    store_pages(&swap);
    init(&receiver, &swap);
    zc_inject_arm(ZC_INJECT_DECOMPRESS, 5, 1);
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_CORRUPT);
    zc_inject_disarm();
    expect_rest(&swap, &receiver);
    assert_status(zc_swap_off(swap.cache, swap.type, receive, &receiver),
                  ZC_OK);
    assert_int_equal(receiver.count, PAGES);
    expect_off(&swap);
    support_front_end(&swap);
}

TEST(no_memory_for_a_folio_loses_nothing)
{
    static const enum zc_inject_point points[] = {ZC_INJECT_FRAME,
                                                  ZC_INJECT_MALLOC};
    struct support_front swap;
    struct receiver receiver;
    zc_status status;
    uint32_t countdown;
    unsigned failures;
    unsigned i;

    for (i = 0; i < 2; i++) {
        begin(&swap, 0);
        store_pages(&swap);
        init(&receiver, &swap);
        failures = 0;
        for (countdown = 0;; countdown++) {
            zc_inject_arm(points[i], countdown, 1);
            status = zc_swap_off(swap.cache, swap.type, receive, &receiver);
            zc_inject_disarm();
            if (status == ZC_OK)
                break;
            assert_status(status, ZC_NO_MEMORY);
            expect_rest(&swap, &receiver);
            failures++;
        }
        assert_true(failures > 0);
        assert_int_equal(receiver.count, PAGES);
        assert_int_equal(receiver.wrong, 0);
        expect_off(&swap);
        support_front_end(&swap);
    }
}

/* ---- from inside unuse ---- */

static zc_status call_back(void *context, zc_swp slot, const void *page)
{
    struct receiver *receiver = context;
    zc_swp elsewhere = zc_swp_make(receiver->type + 1, zc_swp_offset(slot));
    char buffer[4096];
    unsigned type = 99;

    if (zc_swap_off(receiver->cache, receiver->type, NULL, NULL) != ZC_BUSY ||
        zc_swap_on(receiver->cache, NULL, &type) != ZC_BUSY || type != 99)
        receiver->wrong++;
    /* The device takes no new pages, but gives those it has. */
    if (zc_cache_store(receiver->cache, zc_swp_make(receiver->type, 1), page) !=
            ZC_BUSY ||
        zc_cache_load(receiver->cache, zc_swp_make(receiver->type, 1),
                      buffer) != ZC_MISSING ||
        (zc_swp_offset(slot) != 87 &&
         zc_cache_load(receiver->cache, zc_swp_make(receiver->type, 87),
                       buffer) != ZC_OK))
        receiver->wrong++;
    if (zc_cache_store(receiver->cache, elsewhere, page) != ZC_OK)
        receiver->wrong++;
    return receive(context, slot, page);
}

TEST(unuse_may_call_the_cache)
{
    struct support_front swap;
    struct receiver receiver;
    uint64_t i;

    begin(&swap, 0);
    store_pages(&swap);
    init(&receiver, &swap);
    assert_status(zc_swap_off(swap.cache, swap.type, call_back, &receiver),
                  ZC_OK);
    assert_int_equal(receiver.wrong, 0);
    for (i = 0; i < PAGES; i++)
        support_expect(swap.cache, zc_swp_make(swap.type + 1, 3 * i),
                       SUPPORT_TEXT, 3 * i);
    assert_status(zc_cache_invalidate_type(swap.cache, swap.type + 1), ZC_OK);
    expect_off(&swap);
    support_front_end(&swap);
}

TEST(a_managed_device_is_for_page_tables)
{
    struct zc_cache *cache = support_cache_create(NULL);
    struct receiver receiver = {.cache = cache};
    unsigned type;

    assert_status(zc_swap_on(cache,
                             ZC_SWAP_OPTIONS(.managed = 1, .slot_count = 100),
                             &type),
                  ZC_OK);
    assert_status(zc_swap_off(cache, type, receive, &receiver), ZC_INVALID);
    assert_status(zc_swap_off(cache, type, NULL, NULL), ZC_OK);
    zc_cache_destroy(cache);
}

/* What a fault side's unuse is given. */
struct tables {
    struct zc_swap *swap;
    unsigned calls;
    unsigned references_left; /* that it cannot drop yet */
};

static zc_status unuse_folio(void *context, struct zc_folio *folio)
{
    struct tables *tables = context;

    tables->calls++;
    if (!zc_folio_has(folio, ZC_FOLIO_LOCKED) ||
        !zc_folio_has(folio, ZC_FOLIO_UPTODATE) ||
        zc_slot_count(zc_slot_find(tables->swap, folio->swap)) == 0)
        return ZC_CORRUPT;
    while (zc_slot_count(zc_slot_find(tables->swap, folio->swap)) >
           tables->references_left)
        zc_slot_drop(tables->swap, folio->swap);
    tables->references_left = 0;
    return ZC_OK;
}

/* A folio with a slot of its own and so many references from page tables; the
 * caller has a reference too. */
static struct zc_folio *swap_out(struct zc_swap *swap, unsigned references)
{
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

TEST(page_tables_are_asked_only_for_what_they_have)
{
    struct support_front front;
    struct tables tables;
    struct zc_folio *folios[3];
    unsigned i;

    support_front_begin(&front, NULL,
                        ZC_SWAP_OPTIONS(.managed = 1, .slot_count = 100));
    tables = (struct tables){.swap = &front.cache->swap, .references_left = 1};
    for (i = 0; i < 3; i++)
        folios[i] = swap_out(tables.swap, i); /* none, one, two */
    assert_int_equal(support_front_stat(&front, slots_used), 3);
    assert_status(
        zc_cache_swap_off(front.cache, front.type, unuse_folio, &tables),
        ZC_OK);
    /* The one that left a reference is asked again. */
    assert_int_equal(tables.calls, 3);
    for (i = 0; i < 3; i++) {
        assert_false(zc_folio_has(folios[i], ZC_FOLIO_SWAPCACHE));
        zc_folio_put(tables.swap, folios[i]);
    }
    support_front_end(&front);
}

TEST(bad_types_are_refused)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};
    struct zc_cache *cache = support_cache_create(NULL);

    assert_status(zc_swap_off(cache, 0, NULL, NULL), ZC_INVALID);
    assert_status(zc_swap_off(cache, ZC_SWP_TYPE_COUNT, NULL, NULL),
                  ZC_INVALID);
    assert_status(zc_swap_off(cache, UINT_MAX, NULL, NULL), ZC_INVALID);
    assert_status(zc_swap_off(NULL, 0, NULL, NULL), ZC_INVALID);
    assert_status(zc_swap_get_stats(cache, 0, &stats), ZC_INVALID);
    assert_status(zc_swap_get_stats(cache, 99, &stats), ZC_INVALID);
    assert_status(zc_swap_get_stats(NULL, 0, &stats), ZC_INVALID);
    zc_cache_destroy(cache);
}

/* ---- with others about ---- */

struct traffic {
    struct support_front *swap;
    atomic_uint_fast64_t received[PAGES]; /* times */
    atomic_uint_fast64_t taken[PAGES];
};

static zc_status receive_in_traffic(void *context, zc_swp slot,
                                    const void *page)
{
    struct traffic *traffic = context;
    uint64_t offset = zc_swp_offset(slot);

    if (!support_is_page(page, 4096, SUPPORT_TEXT, offset))
        return ZC_CORRUPT;
    atomic_fetch_add(&traffic->received[offset], 1);
    return ZC_OK;
}

static void load_and_take(struct support_worker *worker)
{
    struct traffic *traffic = worker->context;
    struct zc_cache *cache = traffic->swap->cache;
    char page[4096];
    uint64_t offset;
    zc_status status;
    bool is_take;
    zc_swp slot;

    while (!support_is_stopped(worker)) {
        offset = support_random_below(&worker->random, PAGES);
        is_take = support_random_below(&worker->random, 64) == 0;
        slot = slot_of(traffic->swap, offset);
        status = is_take ? zc_cache_take(cache, slot, page)
                         : zc_cache_load(cache, slot, page);
        if (status == ZC_OK &&
            !support_is_page(page, sizeof(page), SUPPORT_TEXT, offset))
            support_mistake(worker, "another page");
        if (status != ZC_OK && status != ZC_MISSING)
            support_mistake(worker, "%s", zc_status_name(status));
        if (status == ZC_OK && is_take)
            atomic_fetch_add(&traffic->taken[offset], 1);
        worker->operations++;
    }
}

static void write_back(struct support_worker *worker)
{
    struct traffic *traffic = worker->context;

    while (!support_is_stopped(worker)) {
        (void)zc_cache_writeback(traffic->swap->cache, NULL, NULL);
        worker->operations++;
        sched_yield();
    }
}

static void turn_off(struct support_worker *worker)
{
    struct traffic *traffic = worker->context;
    zc_status status;

    status = zc_swap_off(traffic->swap->cache, traffic->swap->type,
                         receive_in_traffic, traffic);
    if (status != ZC_OK)
        support_mistake(worker, "swapoff: %s", zc_status_name(status));
    atomic_store(&worker->crew->stopped, true);
}

/* Each page goes exactly one way, and swapoff comes to an end. */
TEST(it_ends_while_others_go_on)
{
    struct support_front swap;
    struct support_crew crew;
    static struct traffic traffic;
    unsigned round;
    uint64_t i;

    for (round = 0; round < 20; round++) {
        memset(&traffic, 0, sizeof(traffic));
        begin(&swap, round % 3);
        for (i = 0; i < PAGES; i++)
            support_store(swap.cache, slot_of(&swap, i), SUPPORT_TEXT, i);
        traffic.swap = &swap;
        support_crew_init(&crew);
        support_crew_add(&crew, load_and_take, &traffic);
        support_crew_add(&crew, load_and_take, &traffic);
        support_crew_add(&crew, write_back, &traffic);
        support_crew_add(&crew, turn_off, &traffic);
        support_crew_run(&crew, 0);
        for (i = 0; i < PAGES; i++)
            assert_int_equal(atomic_load(&traffic.received[i]) +
                                 atomic_load(&traffic.taken[i]),
                             1);
        expect_off(&swap);
        support_front_end(&swap);
    }
}
