/* SPDX-License-Identifier: MIT */
/*
 * test_stress_cache.c - every operation of a cache at once, on few slots.
 *
 * Each stored page names its slot and its version and has a sum over all of it
 * (G2).  The rest depends on which threads may change a slot:
 *
 *   OWNED    one worker stores and removes, all load.  A page that is surely
 *            there is found, and is no older than what was surely stored (G1).
 *   WATCHED  one worker stores, all remove.  A load finds no older page than
 *            what was stored before it began (G1), and none that was stored
 *            before an invalidate or take that ended before it began (G3).
 *   WILD     all store and remove.  A page is taken once, and not seen by loads
 *            that begin after that.
 *
 * Meanwhile the compressor changes, pages are compressed again, the pool is
 * compacted, statistics are read, and in half of the runs the limit moves (G4).
 * ZC_STRESS_SECONDS makes each run longer.
 */
#include "support_cache.h"

#include <inttypes.h>
#include <sched.h>

#include "support_threads.h"

#define WORKERS 4
#define OWNED_EACH 4
#define SLOTS_EACH_KIND (WORKERS * OWNED_EACH)
#define WILD_SLOTS 6
#define RING 4096
#define RUN_MS 450

enum {
    TYPE_OWNED,
    TYPE_WATCHED,
    TYPE_WILD,
    TYPE_COUNT
};

struct owned_slot {
    atomic_uint_fast64_t present;  /* the version that is surely there, or 0 */
    atomic_uint_fast64_t removals; /* begun, or a store that may remove */
    uint64_t version;              /* the owner's: last one tried */
};

struct watched_slot {
    atomic_uint_fast64_t stored; /* last version whose store returned ZC_OK */
    atomic_uint_fast64_t gone;   /* no later load may find this or older */
    uint64_t version;            /* the writer's */
};

/* A version that was taken, and when. */
struct taken {
    atomic_uint_fast64_t version;
    atomic_uint_fast64_t when;
};

struct wild_slot {
    atomic_uint_fast64_t version; /* last one tried, by any thread */
    struct taken taken[RING];
};

struct arena {
    struct zc_cache *cache;
    bool has_limit; /* stores may be refused */
    bool drops;     /* pages may be dropped; none is refused */
    struct owned_slot owned[SLOTS_EACH_KIND];
    struct watched_slot watched[SLOTS_EACH_KIND];
    struct wild_slot wild[WILD_SLOTS];
    atomic_uint_fast64_t clock; /* takes of wild slots that have ended */
};

static uint64_t below(struct support_worker *worker, uint64_t count)
{
    return support_random_below(&worker->random, count);
}

/* Around the edge of a leaf, around the edge of a shard, and far apart. */
static zc_swp slot_of(unsigned type, unsigned index)
{
    switch (type) {
    case TYPE_OWNED:
        return zc_swp_make(type, 128 - SLOTS_EACH_KIND / 2 + index);
    case TYPE_WATCHED:
        return zc_swp_make(type, 16384 - SLOTS_EACH_KIND / 2 + index);
    default:
        return zc_swp_make(type, (uint64_t)index * 5000011);
    }
}

static zc_status store(struct support_worker *worker, zc_swp slot,
                       uint64_t version)
{
    const struct arena *arena = worker->context;
    char page[4096];
    zc_status status;

    support_stamp_page(page, sizeof(page), slot, version);
    status = zc_cache_store(arena->cache, slot, page);
    if (status != ZC_OK && (status != ZC_REJECTED || !arena->has_limit))
        support_mistake(worker, "store of %" PRIx64 ": %s", slot.value,
                        zc_status_name(status));
    worker->operations++;
    return status;
}

/* Loads or takes; 0: nothing there.  G2. */
static uint64_t read_page(struct support_worker *worker, zc_swp slot,
                          bool is_take)
{
    const struct arena *arena = worker->context;
    uint64_t version = 0;
    char page[4096];
    zc_status status;

    status = is_take ? zc_cache_take(arena->cache, slot, page)
                     : zc_cache_load(arena->cache, slot, page);
    worker->operations++;
    if (status == ZC_MISSING || (is_take && status == ZC_BUSY))
        return 0;
    if (status != ZC_OK)
        support_mistake(worker, "%s of %" PRIx64 ": %s",
                        is_take ? "take" : "load", slot.value,
                        zc_status_name(status));
    else if (!support_read_stamp(page, sizeof(page), slot, &version))
        support_mistake(worker, "G2: %" PRIx64 " has not one whole page",
                        slot.value);
    return version;
}

static void raise_to(atomic_uint_fast64_t *bound, uint64_t version)
{
    uint_fast64_t was = atomic_load(bound);

    while (was < version && !atomic_compare_exchange_weak(bound, &was, version))
        continue;
}

/* ---- owned slots ---- */

static void begin_removal(struct owned_slot *own)
{
    atomic_store(&own->present, 0);
    atomic_fetch_add(&own->removals, 1);
}

static void store_owned(struct support_worker *worker, unsigned index)
{
    struct arena *arena = worker->context;
    struct owned_slot *own = &arena->owned[index];

    if (arena->has_limit)
        begin_removal(own);
    if (store(worker, slot_of(TYPE_OWNED, index), ++own->version) == ZC_OK)
        atomic_store(&own->present, own->version);
}

static void remove_owned(struct support_worker *worker, unsigned index)
{
    struct arena *arena = worker->context;
    struct owned_slot *own = &arena->owned[index];
    uint64_t wanted = atomic_load(&own->present);
    unsigned first = index / OWNED_EACH * OWNED_EACH;
    zc_swp slot = slot_of(TYPE_OWNED, index);
    uint64_t version;
    bool found;
    unsigned i;

    switch (below(worker, 3)) {
    case 0:
        begin_removal(own);
        version = read_page(worker, slot, true);
        if (version != wanted && !(arena->drops && version == 0))
            support_mistake(worker, "G1: the owner took another page");
        break;
    case 1:
        begin_removal(own);
        found = zc_cache_invalidate(arena->cache, slot) == ZC_OK;
        if (found != (wanted != 0) && !(arena->drops && !found))
            support_mistake(worker, "G1: the owner invalidated another page");
        break;
    default: /* all of this owner, from the first on */
        for (i = first; i < first + OWNED_EACH; i++)
            begin_removal(&arena->owned[i]);
        if (zc_cache_invalidate_range(arena->cache, slot_of(TYPE_OWNED, first),
                                      OWNED_EACH) != ZC_OK)
            support_mistake(worker, "the owner's range");
        break;
    }
    if (read_page(worker, slot, false) != 0)
        support_mistake(worker, "G3: a page after its owner removed it");
}

static void load_owned(struct support_worker *worker, unsigned index)
{
    struct arena *arena = worker->context;
    struct owned_slot *own = &arena->owned[index];
    uint64_t removals = atomic_load(&own->removals);
    uint64_t wanted = atomic_load(&own->present);
    uint64_t version = read_page(worker, slot_of(TYPE_OWNED, index), false);

    if (version != 0 && version < wanted)
        support_mistake(worker, "G1: version %" PRIu64 " after %" PRIu64,
                        version, wanted);
    if (version == 0 && wanted != 0 && !arena->drops &&
        removals == atomic_load(&own->removals))
        support_mistake(worker, "G1: version %" PRIu64 " is missing", wanted);
}

static void use_owned(struct support_worker *worker)
{
    unsigned mine = worker->index * OWNED_EACH +
                    (unsigned)below(worker, OWNED_EACH);
    uint64_t choice = below(worker, 10);

    if (choice < 4)
        store_owned(worker, mine);
    else if (choice < 5)
        remove_owned(worker, mine);
    else
        load_owned(worker, (unsigned)below(worker, SLOTS_EACH_KIND));
}

/* ---- watched slots ---- */

static void remove_watched(struct support_worker *worker, unsigned index)
{
    struct arena *arena = worker->context;
    uint64_t stored[SLOTS_EACH_KIND];
    unsigned first = index;
    unsigned end = index + 1;
    zc_status status;
    unsigned i;

    for (i = 0; i < SLOTS_EACH_KIND; i++)
        stored[i] = atomic_load(&arena->watched[i].stored);
    switch (below(worker, 4)) {
    case 0:
        raise_to(&arena->watched[index].gone,
                 read_page(worker, slot_of(TYPE_WATCHED, index), true));
        return;
    case 1:
        status =
            zc_cache_invalidate(arena->cache, slot_of(TYPE_WATCHED, index));
        if (status == ZC_MISSING)
            status = ZC_OK;
        break;
    case 2:
        end += (unsigned)below(worker, SLOTS_EACH_KIND - index);
        status = zc_cache_invalidate_range(
            arena->cache, slot_of(TYPE_WATCHED, first), end - first);
        break;
    default:
        first = 0;
        end = SLOTS_EACH_KIND;
        status = zc_cache_invalidate_type(arena->cache, TYPE_WATCHED);
        break;
    }
    if (status != ZC_OK)
        support_mistake(worker, "invalidate: %s", zc_status_name(status));
    for (i = first; i < end; i++)
        raise_to(&arena->watched[i].gone, stored[i]);
}

static void load_watched(struct support_worker *worker, unsigned index)
{
    struct arena *arena = worker->context;
    struct watched_slot *watched = &arena->watched[index];
    uint64_t stored = atomic_load(&watched->stored);
    uint64_t gone = atomic_load(&watched->gone);
    uint64_t version = read_page(worker, slot_of(TYPE_WATCHED, index), false);

    if (version != 0 && version < stored)
        support_mistake(worker, "G1: version %" PRIu64 " after %" PRIu64,
                        version, stored);
    if (version != 0 && version <= gone)
        support_mistake(worker,
                        "G3: version %" PRIu64 ", all to %" PRIu64 " are gone",
                        version, gone);
}

static void use_watched(struct support_worker *worker)
{
    struct arena *arena = worker->context;
    unsigned index = (unsigned)below(worker, SLOTS_EACH_KIND);
    uint64_t choice = below(worker, 10);
    struct watched_slot *watched;

    if (choice < 4) {
        index = worker->index * OWNED_EACH + index % OWNED_EACH;
        watched = &arena->watched[index];
        if (store(worker, slot_of(TYPE_WATCHED, index), ++watched->version) ==
            ZC_OK)
            atomic_store(&watched->stored, watched->version);
    } else if (choice < 6) {
        remove_watched(worker, index);
    } else {
        load_watched(worker, index);
    }
}

/* ---- wild slots ---- */

static void take_wild(struct support_worker *worker, unsigned index)
{
    struct arena *arena = worker->context;
    uint64_t version = read_page(worker, slot_of(TYPE_WILD, index), true);
    struct taken *taken;

    if (version == 0)
        return;
    taken = &arena->wild[index].taken[version % RING];
    atomic_store(&taken->when, atomic_fetch_add(&arena->clock, 1) + 1);
    if (atomic_exchange(&taken->version, version) == version)
        support_mistake(worker, "version %" PRIu64 " was taken twice", version);
}

static void load_wild(struct support_worker *worker, unsigned index)
{
    struct arena *arena = worker->context;
    uint64_t began = atomic_load(&arena->clock);
    uint64_t version = read_page(worker, slot_of(TYPE_WILD, index), false);
    struct taken *taken = &arena->wild[index].taken[version % RING];

    if (version != 0 && atomic_load(&taken->version) == version &&
        atomic_load(&taken->when) <= began &&
        atomic_load(&taken->version) == version)
        support_mistake(worker, "G3: version %" PRIu64 " after it was taken",
                        version);
}

static void use_wild(struct support_worker *worker)
{
    struct arena *arena = worker->context;
    unsigned index = (unsigned)below(worker, WILD_SLOTS);
    uint64_t choice = below(worker, 10);

    if (choice < 4)
        (void)store(worker, slot_of(TYPE_WILD, index),
                    atomic_fetch_add(&arena->wild[index].version, 1) + 1);
    else if (choice < 7)
        take_wild(worker, index);
    else if (choice < 8)
        (void)zc_cache_invalidate(arena->cache, slot_of(TYPE_WILD, index));
    else
        load_wild(worker, index);
}

/* ---- all workers ---- */

static void use_slots(struct support_worker *worker)
{
    while (!support_is_stopped(worker)) {
        switch (below(worker, 3)) {
        case 0:
            use_owned(worker);
            break;
        case 1:
            use_watched(worker);
            break;
        default:
            use_wild(worker);
            break;
        }
    }
}

static void change_settings(struct support_worker *worker)
{
    const struct arena *arena = worker->context;
    zc_status status;
    uint64_t limit;
    const struct zc_compressor *codec;

    while (!support_is_stopped(worker)) {
        codec =
            zc_compressor_get((unsigned)below(worker, support_codec_count()));
        status = zc_cache_set_compressor(
            arena->cache, codec->name,
            below(worker, 2) == 0 ? ZC_LEVEL_DEFAULT : codec->level_min);
        if (status != ZC_OK)
            support_mistake(worker, "set_compressor: %s",
                            zc_status_name(status));
        limit = below(worker, 3) == 0 ? below(worker, 20) * 4096 : 0;
        if (arena->has_limit &&
            zc_cache_set_limit(arena->cache, limit, 50) != ZC_OK)
            support_mistake(worker, "set_limit");
        worker->operations++;
        support_sleep_ns(300000);
    }
}

static void recompress(struct support_worker *worker)
{
    const struct arena *arena = worker->context;
    const struct zc_recompress_options options = {
        .struct_size = sizeof(options),
        .compressor_name =
            support_codec_name((unsigned)below(worker, support_codec_count())),
        .retry = 1,
    };
    zc_status status = zc_cache_recompress(arena->cache, &options, NULL);

    if (status != ZC_OK && status != ZC_AGAIN)
        support_mistake(worker, "recompress: %s", zc_status_name(status));
}

static void compact(struct support_worker *worker)
{
    const struct zc_compact_budget budget = {
        .struct_size = sizeof(budget),
        .objects = 8,
    };
    const struct arena *arena = worker->context;
    zc_status status;

    while (!support_is_stopped(worker)) {
        recompress(worker);
        status = zc_cache_compact(arena->cache,
                                  below(worker, 2) == 0 ? &budget : NULL, NULL);
        if (status != ZC_OK && status != ZC_AGAIN && status != ZC_UNSUPPORTED)
            support_mistake(worker, "compact: %s", zc_status_name(status));
        worker->operations++;
        support_sleep_ns(300000);
    }
}

static void read_stats(struct support_worker *worker)
{
    const uint64_t absurd = UINT64_C(1) << 40;
    struct zc_cache_accounting parts = {.struct_size = sizeof(parts)};
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    const struct arena *arena = worker->context;

    while (!support_is_stopped(worker)) {
        if (zc_cache_get_stats(arena->cache, &stats) != ZC_OK ||
            zc_cache_account(arena->cache, &parts) != ZC_OK)
            support_mistake(worker, "no statistics");
        /* Not a snapshot, but never a number below zero. */
        if (stats.stored_pages > absurd || stats.same_filled_pages > absurd ||
            stats.stored_incompressible_pages > absurd ||
            stats.payload_bytes > absurd || stats.pool_total_size > absurd ||
            stats.generations < 1 || stats.generations > ZC_GENERATIONS_MAX)
            support_mistake(worker,
                            "stats: %" PRIu64 " stored, %" PRIu64
                            " same-filled, %" PRIu64 " raw, %" PRIu64
                            " payload, %" PRIu64 " generations",
                            stats.stored_pages, stats.same_filled_pages,
                            stats.stored_incompressible_pages,
                            stats.payload_bytes, stats.generations);
        if (parts.total_bytes != parts.pool_bytes + parts.entry_bytes +
                                     parts.tree_bytes + parts.handle_bytes +
                                     parts.context_bytes + parts.other_bytes)
            support_mistake(worker, "the parts are not the total");
        worker->operations++;
    }
}

/* Nothing runs any more: what is surely there is there. */
static void check_rest(struct arena *arena)
{
    uint64_t version;
    unsigned type;
    unsigned i;
    char page[4096];

    for (i = 0; i < SLOTS_EACH_KIND; i++) {
        const zc_swp slot = slot_of(TYPE_OWNED, i);

        if (atomic_load(&arena->owned[i].present) == 0) {
            assert_status(zc_cache_load(arena->cache, slot, page), ZC_MISSING);
            continue;
        }
        if (arena->drops && zc_cache_contains(arena->cache, slot) == ZC_MISSING)
            continue;
        assert_status(zc_cache_load(arena->cache, slot, page), ZC_OK);
        assert_true(support_read_stamp(page, sizeof(page), slot, &version));
        assert_int_equal(version, atomic_load(&arena->owned[i].present));
    }
    assert_int_equal(support_cache_stat(arena->cache, decompress_fail), 0);
    for (type = 0; type < TYPE_COUNT; type++)
        assert_status(zc_cache_invalidate_type(arena->cache, type), ZC_OK);
    if (arena->drops)
        assert_true(support_cache_stat(arena->cache, dropped_pages) > 0);
    support_expect_empty(arena->cache);
}

static atomic_uint_fast64_t dropped_broken;

static void check_dropped(void *user, zc_swp slot, const void *page)
{
    uint64_t version;

    (void)user;
    if (page == NULL || !support_read_stamp(page, 4096, slot, &version))
        atomic_fetch_add(&dropped_broken, 1);
}

static void run(enum support_over over, bool has_limit, bool checksums,
                bool drops)
{
    static struct arena arena;
    struct zc_cache_options options = support_cache_options(over);
    struct support_crew crew;
    unsigned i;

    memset(&arena, 0, sizeof(arena));
    options.checksums = checksums;
    options.context_count = 2;
    if (drops) {
        options.lru_mode = ZC_LRU_DROP;
        options.dropped = check_dropped;
        options.dropped_pages = 1;
    }
    arena.cache = support_cache_create(&options);
    arena.has_limit = has_limit;
    arena.drops = drops;
    support_crew_init(&crew);
    for (i = 0; i < WORKERS; i++)
        support_crew_add(&crew, use_slots, &arena);
    support_crew_add(&crew, change_settings, &arena);
    support_crew_add(&crew, compact, &arena);
    support_crew_add(&crew, read_stats, &arena);

    support_crew_stress(&crew, RUN_MS);
    check_rest(&arena);
    zc_cache_destroy(arena.cache);
}

TEST(the_guarantees_hold_over_every_pool)
{
    static const struct {
        enum support_over over;
        bool has_limit; /* that moves */
        bool checksums;
        bool drops; /* at that limit */
    } rows[] = {
        {SUPPORT_OVER_DENSE, false, true, false},
        {SUPPORT_OVER_DENSE, true, false, false},
        {SUPPORT_OVER_DENSE, true, false, true},
        {SUPPORT_OVER_KERNEL, false, false, false},
        {SUPPORT_OVER_KERNEL, true, true, false},
        {SUPPORT_OVER_KERNEL, true, true, true},
        {SUPPORT_OVER_MALLOC, false, false, false},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        run(rows[i].over, rows[i].has_limit, rows[i].checksums, rows[i].drops);
    assert_int_equal(atomic_load(&dropped_broken), 0);
}

/* ---- the parts of the tree ---- */

#define BLOCK (UINT64_C(1) << 23) /* slots of the part below a directory */

static struct support_meeting meeting;

/* In half of the types the threads make one directory, and a block each; in the
 * others one of every part.  What one thread publishes the others see whole,
 * and give up their own. */
static void make_parts(struct support_worker *worker)
{
    uint64_t version = 0;
    unsigned type;
    zc_swp slot;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        slot = zc_swp_make(type, worker->index * (type % 2 == 0 ? BLOCK : 1));
        support_meet(worker, &meeting);
        if (store(worker, slot, type + 1) == ZC_OK)
            version = read_page(worker, slot, true);
        if (version != type + 1)
            support_mistake(worker, "the page of type %u is lost", type);
    }
}

TEST(threads_that_make_a_part_of_the_tree_share_it)
{
    struct zc_cache_accounting parts = {.struct_size = sizeof(parts)};
    static struct arena arena;
    uint64_t bytes = 0;
    unsigned round;

    for (round = 0; round < 4; round++) {
        memset(&meeting, 0, sizeof(meeting));
        arena.cache = support_cache_create(
            ZC_CACHE_OPTIONS(.slot_count = ZC_SLOT_COUNT_MAX));
        support_crowd(4, make_parts, &arena, 0);
        support_expect_empty(arena.cache);
        assert_status(zc_cache_account(arena.cache, &parts), ZC_OK);
        /* What malloc() rounds a block up to depends on what it has free. */
        if (round > 0)
            assert_in_range(parts.tree_bytes, bytes - 2000, bytes + 2000);
        bytes = parts.tree_bytes;
        zc_cache_destroy(arena.cache);
    }
}
