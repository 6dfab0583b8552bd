/* SPDX-License-Identifier: MIT */
/*
 * test_stress_evict.c - pages that are evicted while they are stored, loaded,
 * taken and invalidated, entry by entry and zspage by zspage.
 *
 * A mutex per slot stands for the pin: a thread that stores, takes, invalidates
 * or evicts holds it, and knows what the slot has: a version in the cache, or
 * one that was written back.  Loads hold nothing.  Each page names its slot and
 * its version and has a sum over all of it.  At the end nothing is left: not an
 * entry on a list, not a byte charged.
 */
#include "support_test.h"
#include "support_threads.h"
#include "support_zswap.h"

#include <inttypes.h>

#include "platform/processor.h"

#define SLOTS 96
#define OWNERS 3
#define RUN_MS 700

struct place {
    pthread_mutex_t pin;
    uint64_t stored;   /* [pin] the version in the cache, or 0 */
    uint64_t written;  /* [pin] the version written back, or 0 */
    uint64_t versions; /* [pin] ever tried */
};

struct arena {
    struct zc_zswap *zswap;
    struct place places[SLOTS];
};

static uint64_t below(struct support_worker *worker, uint64_t count)
{
    return support_random_below(&worker->random, count);
}

static void expect_version(struct support_worker *worker, zc_swp slot,
                           const char *page, uint64_t wanted)
{
    uint64_t version = 0;

    if (!support_read_stamp(page, 4096, slot, &version))
        support_mistake(worker, "%" PRIx64 " has not one whole page",
                        slot.value);
    else if (wanted != 0 && version != wanted)
        support_mistake(worker, "%" PRIx64 ": %" PRIu64 ", not %" PRIu64,
                        slot.value, version, wanted);
}

static void store(struct support_worker *worker, struct place *place,
                  zc_swp slot)
{
    const struct arena *arena = worker->context;
    char page[4096];
    zc_status status;

    place->versions++;
    support_stamp_page(page, sizeof(page), slot, place->versions);
    status = zc_zswap_store(arena->zswap, slot, page,
                            (unsigned)below(worker, OWNERS), false);
    place->stored = status == ZC_OK ? place->versions : 0;
    place->written = 0;
    /* Noise does not fit beside its slot. */
    if (status != ZC_OK &&
        (status != ZC_REJECTED || arena->zswap->lru_mode != ZC_LRU_ZSPAGE))
        support_mistake(worker, "store: %s", zc_status_name(status));
}

static void take(struct support_worker *worker, struct place *place,
                 zc_swp slot)
{
    const struct arena *arena = worker->context;
    char page[4096];
    zc_status status = zc_zswap_take(arena->zswap, slot, page);

    if (status != (place->stored != 0 ? ZC_OK : ZC_MISSING))
        support_mistake(worker, "take: %s", zc_status_name(status));
    else if (status == ZC_OK)
        expect_version(worker, slot, page, place->stored);
    place->stored = 0;
}

static void invalidate(struct support_worker *worker, struct place *place,
                       zc_swp slot)
{
    const struct arena *arena = worker->context;
    zc_status status = zc_zswap_invalidate(arena->zswap, slot);

    if (status != (place->stored != 0 ? ZC_OK : ZC_MISSING))
        support_mistake(worker, "invalidate: %s", zc_status_name(status));
    place->stored = 0;
    place->written = 0;
}

static void use_slots(struct support_worker *worker)
{
    struct arena *arena = worker->context;
    char page[4096];
    unsigned index;
    unsigned kind;
    zc_swp slot;

    while (!support_is_stopped(worker)) {
        index = (unsigned)below(worker, SLOTS);
        slot = support_slot(index * 131u);
        kind = (unsigned)below(worker, 8);
        worker->operations++;
        if (kind < 4) { /* unpinned */
            if (zc_zswap_load(arena->zswap, slot, page) == ZC_OK)
                expect_version(worker, slot, page, 0);
            continue;
        }
        (void)pthread_mutex_lock(&arena->places[index].pin);
        if (kind < 6)
            store(worker, &arena->places[index], slot);
        else if (kind < 7)
            take(worker, &arena->places[index], slot);
        else
            invalidate(worker, &arena->places[index], slot);
        (void)pthread_mutex_unlock(&arena->places[index].pin);
    }
}

/* ---- eviction ---- */

/* Under the pin an entry that is found has the stored page, and the unlink
 * succeeds. */
static bool evict_pinned(struct support_worker *worker, struct place *place,
                         zc_swp slot, const struct zc_zswap_token *token)
{
    const struct arena *arena = worker->context;
    struct zc_entry *entry = zc_zswap_find(arena->zswap, slot, token);
    char page[4096];

    if (entry == NULL)
        return false;
    if (zc_zswap_read(arena->zswap, entry, page) != ZC_OK)
        support_mistake(worker, "damage at %" PRIx64, slot.value);
    else
        expect_version(worker, slot, page, place->stored);
    zc_zswap_evict(arena->zswap, entry);
    zc_zswap_put(arena->zswap, entry);
    place->written = place->stored;
    place->stored = 0;
    worker->operations++;
    return true;
}

static bool evict(struct support_worker *worker, zc_swp slot,
                  const struct zc_zswap_token *token)
{
    struct arena *arena = worker->context;
    struct place *place = &arena->places[zc_swp_offset(slot) / 131u];
    bool is_evicted;

    if (pthread_mutex_trylock(&place->pin) != 0)
        return false;
    is_evicted = evict_pinned(worker, place, slot, token);
    (void)pthread_mutex_unlock(&place->pin);
    return is_evicted;
}

static void evict_entries(struct support_worker *worker)
{
    const struct arena *arena = worker->context;
    struct zc_zswap_token token = {.by_handle = false};
    struct zc_lru_candidate candidate;
    unsigned owner = OWNERS;

    while (!support_is_stopped(worker)) {
        if (!zc_lru_next_owner(&arena->zswap->lru, &owner))
            continue;
        if (below(worker, 8) == 0)
            zc_clock_advance(1);
        if (zc_lru_scan(&arena->zswap->lru, owner, (unsigned)below(worker, 2),
                        &candidate) != ZC_OK)
            continue;
        token.index = candidate.token;
        (void)evict(worker, candidate.slot, &token);
    }
}

static zc_status evict_object(void *context, zc_handle handle)
{
    struct support_worker *worker = context;
    const struct arena *arena = worker->context;
    const struct zc_zswap_token token = {.by_handle = true, .handle = handle};
    zc_swp slot;

    if (zc_zswap_slot_of(arena->zswap, handle, &slot) != ZC_OK) {
        support_mistake(worker, "an object without a slot");
        return ZC_STALE;
    }
    return evict(worker, slot, &token) ? ZC_OK : ZC_BUSY;
}

static void evict_zspages(struct support_worker *worker)
{
    const struct arena *arena = worker->context;
    const struct zc_entries *entries = &arena->zswap->entries;
    uint64_t pages;

    while (!support_is_stopped(worker))
        (void)entries->pool_ops->reclaim(entries->pool, evict_object, worker, 1,
                                         &pages);
}

/* ---- runs ---- */

static void run(struct zc_cache_options options)
{
    static struct arena arena;
    struct support_crew crew;
    uint64_t evicted;
    unsigned i;

    memset(&arena, 0, sizeof(arena));
    arena.zswap = support_zswap_create(options);
    for (i = 0; i < SLOTS; i++)
        assert_int_equal(pthread_mutex_init(&arena.places[i].pin, NULL), 0);
    support_crew_init(&crew);
    for (i = 0; i < 3; i++)
        support_crew_add(&crew, use_slots, &arena);
    for (i = 0; i < 2; i++)
        support_crew_add(&crew,
                         options.lru_mode == ZC_LRU_ENTRY ? evict_entries
                                                          : evict_zspages,
                         &arena);
    support_crew_run(&crew, support_stress_milliseconds(RUN_MS));

    evicted = zc_stats_sum(&arena.zswap->stats, ZC_STAT_ZSWPWB);
    assert_int_equal(evicted,
                     crew.workers[3].operations + crew.workers[4].operations);
    assert_true(evicted > 0);
    zc_zswap_invalidate_range(arena.zswap, 0, 0, UINT64_C(1) << 32);
    for (i = 0; i < OWNERS; i++) {
        assert_int_equal(zc_lru_count(&arena.zswap->lru, i), 0);
        assert_int_equal(support_zswap_charged(arena.zswap, i), 0);
    }
    support_zswap_destroy(arena.zswap);
    for (i = 0; i < SLOTS; i++)
        assert_int_equal(pthread_mutex_destroy(&arena.places[i].pin), 0);
}

TEST(pages_go_entry_by_entry)
{
    run((struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY});
    run((struct zc_cache_options){
        .lru_mode = ZC_LRU_ENTRY, .pool_ops = &zc_pool_malloc, .checksums = 1});
}

TEST(pages_go_zspage_by_zspage)
{
    run((struct zc_cache_options){.lru_mode = ZC_LRU_ZSPAGE,
                                  .segment_bytes = 4 * 4096});
    run((struct zc_cache_options){.lru_mode = ZC_LRU_ZSPAGE,
                                  .placement = ZC_PLACEMENT_KERNEL,
                                  .checksums = 1});
}
