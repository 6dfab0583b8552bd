/* SPDX-License-Identifier: MIT */
/*
 * shrinker.c - from goals to candidates to writeback.
 *
 * lru = entry: the owners take turns; a turn is an attempt.  How many of the
 * owner's coldest pages an attempt looks at is an option (shrink_looks).
 *
 *   all       The candidate is the coldest page among those that have no second
 *             chance left: so an attempt finds one if there is any.
 *   a number  The kernel's loop.  An attempt looks at so many pages, and writes
 *             back each that has no second chance left.  A page that gets its
 *             second chance is a look gone, and an attempt that writes nothing
 *             has failed.  So the first runs after every page was stored or
 *             loaded write back nothing, and newer pages are refused meanwhile.
 *
 * The goal is pool pages given back to the system, and a page written back only
 * leaves a hole in one: so, unless told otherwise (shrink_compact), after every
 * few of them the pool is compacted a little.
 *
 * In lru_mode drop the candidates are dropped: there is no device that fails.
 *
 * lru = zspage: the pool names the objects of its coldest zspage one by one,
 * and gives the zspage back if it becomes empty.  What counts is the objects
 * left, not the result for each: an object whose entry is unlinked already is
 * freed by the thread that drops its last reference.
 *
 * A shrink ends when its goal is reached, when nothing is left to write, or
 * when it does not help: ZC_SHRINK_RETRIES_MAX attempts failed (in a row, if
 * they look at all; in the kernel's loop in all), or the device failed
 * ZC_SHRINK_ERRORS_MAX writes in a row.  The attempt itself ends
 * with the submission and does not see a failed write: the page comes back to
 * the pool, and would be written back again and again.
 *
 * The next store that finds no room would begin the same again, and with a
 * device that is full or dead each store would cost so many writes.  So there
 * is a back-off: after ZC_SHRINK_ERRORS_MAX failed writes in a row, of any
 * thread, stores are refused at once.  One store in ZC_SHRINK_TRY_EVERY probes:
 * it writes one page, and goes on if any write has succeeded meanwhile; a
 * success ends the back-off.  A refused page goes past memory to the device, as
 * always, and so may find out too.
 *
 * Pages for adjacent slots of a file go out in runs.  A shrink ends its run
 * before it returns and before it sleeps for writes, and when it gets no frame,
 * because the run has some.
 *
 * The storing thread comes here with its slot pinned, so it does not sleep for
 * writes to end; writeback skips all pinned slots (SHRINK_SKIPS_CALLERS_SLOT).
 */
#include "swap.h"

#include <string.h>

#include "rules.h"

/* Stuck folios retried before a shrink. */
#define STUCK_MAX 32

/* After so many pages written back the pool is compacted, by so many objects at
 * most. */
#define COMPACT_PAGES 32
#define COMPACT_OBJECTS 256

struct shrink {
    struct zc_shrinker *shrinker;
    struct zc_pageio *pageio;
    struct zc_zswap *zswap;
    unsigned owner;        /* ZC_OWNER_ANY: all in turn */
    unsigned min_age;      /* of pages, in seconds */
    bool may_sleep;        /* nothing is pinned */
    uint64_t page_goal;    /* if the goal is a number of pages */
    uint64_t pages;        /* pool pages given back so far */
    uint64_t written;      /* pages submitted so far */
    uint64_t scanned;      /* entries looked at so far */
    unsigned uncompacted;  /* written since the last compaction */
    unsigned failures;     /* failed attempts */
    unsigned attempts;     /* of this round over the owners */
    uint32_t write_errors; /* failed in a row before this shrink */
    bool is_probe;         /* a probe during a back-off */
    struct zc_write_run run;
};

typedef bool (*goal)(const struct shrink *shrink);

static void begin_shrink(struct shrink *shrink, struct zc_shrinker *shrinker,
                         unsigned owner, bool may_sleep)
{
    struct zc_pageio *pageio = shrinker->pageio;

    *shrink = (struct shrink){
        .shrinker = shrinker,
        .pageio = pageio,
        .zswap = pageio->zswap,
        .owner = owner,
        .may_sleep = may_sleep,
        .write_errors = zc_pageio_failures(pageio),
    };
    (void)zc_pageio_retry(pageio, STUCK_MAX);
}

static void throttle(struct shrink *shrink)
{
    if (shrink->may_sleep)
        zc_pageio_throttle_run(shrink->pageio, &shrink->run);
}

static zc_status write_back(struct shrink *shrink, zc_swp slot,
                            const struct zc_zswap_token *token)
{
    zc_status status;

    if (shrink->zswap->drops) {
        status = zc_zswap_discard(shrink->zswap, slot, token);
        shrink->written += status == ZC_OK;
        return status;
    }
    status = zc_writeback_page(shrink->pageio, &shrink->run, slot, token);
    if (status == ZC_NO_MEMORY && shrink->run.count != 0) {
        /* The run has frames. */
        zc_pageio_end_run(&shrink->run);
        status = zc_writeback_page(shrink->pageio, &shrink->run, slot, token);
    }
    if (status == ZC_OK)
        shrink->written++;
    else
        zc_stats_add(shrink->pageio->stats, ZC_STAT_REJECT_RECLAIM_FAIL, 1);
    return status;
}

static uint64_t pool_pages(const struct shrink *shrink)
{
    const struct zc_entries *entries = &shrink->zswap->entries;

    return entries->pool_ops->page_count(entries->pool);
}

/* Other threads fill the pool meanwhile: so each step is counted by itself. */
static void count_pages(struct shrink *shrink, uint64_t before)
{
    uint64_t after = pool_pages(shrink);

    if (after < before)
        shrink->pages += before - after;
}

/* ---- is it any good ---- */

/* Whether the last writes, of any thread, have all failed: the back-off. */
static bool has_failed_all(const struct zc_pageio *pageio)
{
    return zc_pageio_failures(pageio) >= ZC_SHRINK_ERRORS_MAX;
}

static bool is_device_failing(struct shrink *shrink)
{
    uint32_t errors = zc_pageio_failures(shrink->pageio);

    if (errors < shrink->write_errors) {
        /* A write has succeeded. */
        shrink->write_errors = 0;
        shrink->is_probe = false;
    }
    if (shrink->is_probe)
        return shrink->written > 0;
    return errors - shrink->write_errors >= ZC_SHRINK_ERRORS_MAX;
}

static bool may_go_on(struct shrink *shrink)
{
    return shrink->failures < ZC_SHRINK_RETRIES_MAX &&
           !is_device_failing(shrink) &&
           zc_atomic_u32_load_relaxed(&shrink->shrinker->is_ending) == 0;
}

static bool looks_at_all(const struct shrink *shrink)
{
    return shrink->shrinker->looks == ZC_SHRINK_LOOKS_ALL;
}

static void note_attempt(struct shrink *shrink, bool is_good)
{
    shrink->attempts++;
    if (!is_good)
        shrink->failures++;
    else if (looks_at_all(shrink))
        shrink->failures = 0;
}

/* The kernel's loop: a round over the owners without an attempt is a failure.
 * A run begins where the last one ended, so its first round may be short. */
static void note_round(struct shrink *shrink)
{
    if (shrink->attempts == 0 && !looks_at_all(shrink))
        shrink->failures++;
    shrink->attempts = 0;
}

/* ---- lru = entry ---- */

/* Owners from one to the next that has a turn; all if it is the same. */
static unsigned owners_between(unsigned before, unsigned owner)
{
    return owner > before ? owner - before : owner + ZC_OWNER_COUNT - before;
}

/* The owner whose turn it is, after at most one round.  False: no owner has
 * pages that may go. */
static bool next_owner(struct shrink *shrink, unsigned *owner_out)
{
    struct zc_lru *lru = &shrink->zswap->lru;
    unsigned passed = 0;
    unsigned before;
    unsigned owner;
    unsigned first;

    if (shrink->owner != ZC_OWNER_ANY) {
        *owner_out = shrink->owner;
        return zc_lru_count(lru, shrink->owner) != 0 &&
               !zc_zswap_owner_forbids(shrink->zswap, shrink->owner);
    }
    first = zc_atomic_u32_load_relaxed(&lru->cursor);
    owner = first;
    do {
        before = owner;
        if (!zc_lru_next_owner(lru, &owner))
            return false;
        passed += owners_between(before, owner);
        if (passed > ZC_OWNER_COUNT)
            return false;
    } while (zc_zswap_owner_forbids(shrink->zswap, owner));
    zc_atomic_u32_store_relaxed(&lru->cursor, owner);
    if (owner <= first)
        note_round(shrink);
    *owner_out = owner;
    return true;
}

/*
 * The coldest page of an owner.  *scans_inout is how many entries may still be
 * looked at.  ZC_OK; ZC_MISSING: the list has none; ZC_AGAIN: all that were
 * looked at had a second chance, or are too young.
 */
static zc_status find_candidate(struct shrink *shrink, unsigned owner,
                                uint64_t *scans_inout,
                                struct zc_lru_candidate *candidate_out)
{
    zc_status status = ZC_AGAIN;

    while (status == ZC_AGAIN && *scans_inout > 0) {
        status = zc_lru_scan(&shrink->zswap->lru, owner, shrink->min_age,
                             candidate_out);
        (*scans_inout)--;
        shrink->scanned += status != ZC_MISSING;
    }
    return status;
}

static zc_status write_candidate(struct shrink *shrink,
                                 const struct zc_lru_candidate *candidate)
{
    const struct zc_zswap_token token = {.index = candidate->token};
    uint64_t pages = pool_pages(shrink);
    zc_status status;

    status = write_back(shrink, candidate->slot, &token);
    if (status == ZC_OK) {
        shrink->uncompacted++;
    } else if (!ZC_RULE(CANDIDATE_ROTATED)) {
        (void)ZC_BROKEN(put_back(&shrink->zswap->lru, candidate));
    }
    count_pages(shrink, pages);
    return status;
}

/* Makes pool pages of holes. */
static void compact_pool(struct shrink *shrink)
{
    const struct zc_entries *entries = &shrink->zswap->entries;
    const struct zc_compact_budget budget = {
        .struct_size = sizeof(budget),
        .objects = COMPACT_OBJECTS,
    };
    uint64_t pages = pool_pages(shrink);

    shrink->uncompacted = 0;
    if (entries->pool_ops->compact == NULL)
        return;
    (void)entries->pool_ops->compact(entries->pool, &budget, NULL);
    count_pages(shrink, pages);
}

/* One attempt; true: a page was submitted. */
static bool try_owner(struct shrink *shrink, unsigned owner)
{
    const bool is_all = looks_at_all(shrink);
    const uint64_t written = shrink->written;
    struct zc_lru_candidate candidate;
    uint64_t scans = shrink->shrinker->looks;

    do {
        throttle(shrink);
        /* One look at each for its second chance, and one for the candidate. */
        if (is_all)
            scans = (uint64_t)zc_lru_count(&shrink->zswap->lru, owner) + 1;
        if (find_candidate(shrink, owner, &scans, &candidate) != ZC_OK)
            break;
        (void)write_candidate(shrink, &candidate);
    } while (!is_all && scans > 0);
    return shrink->written > written;
}

static void shrink_entries(struct shrink *shrink, goal is_reached)
{
    unsigned owner;

    while (!is_reached(shrink) && may_go_on(shrink)) {
        if (!next_owner(shrink, &owner))
            return;
        note_attempt(shrink, try_owner(shrink, owner));
        if (shrink->shrinker->has_compact &&
            shrink->uncompacted >= COMPACT_PAGES && !is_reached(shrink))
            compact_pool(shrink);
    }
}

/* ---- lru = zspage ---- */

/* What the pool calls for each object of the zspage that it empties. */
static zc_status evict_object(void *context, zc_handle handle)
{
    struct shrink *shrink = context;
    const struct zc_zswap_token token = {.by_handle = true, .handle = handle};
    zc_status status;
    zc_swp slot;

    if (is_device_failing(shrink))
        return ZC_IO_ERROR;
    status = zc_zswap_slot_of(shrink->zswap, handle, &slot);
    if (status == ZC_OK)
        status = write_back(shrink, slot, &token);
    /* The object is freed, or will be soon: go on with the next. */
    if (status == ZC_STALE || status == ZC_MISSING)
        status = ZC_OK;
    return status;
}

static void shrink_zspages(struct shrink *shrink, goal is_reached)
{
    const struct zc_entries *entries = &shrink->zswap->entries;
    uint64_t pages;

    while (!is_reached(shrink) && may_go_on(shrink)) {
        throttle(shrink);
        pages = 0;
        (void)entries->pool_ops->reclaim(entries->pool, evict_object, shrink, 1,
                                         &pages);
        shrink->pages += pages;
        note_attempt(shrink, pages != 0);
    }
}

/* ---- goals ---- */

static void run_shrink(struct shrink *shrink, goal is_reached)
{
    if (shrink->zswap->lru_mode == ZC_LRU_ENTRY)
        shrink_entries(shrink, is_reached);
    else
        shrink_zspages(shrink, is_reached);
    zc_pageio_end_run(&shrink->run);
    zc_stats_add(shrink->pageio->stats, ZC_STAT_SHRINK_SCANNED,
                 shrink->scanned);
    zc_stats_add(shrink->pageio->stats, ZC_STAT_SHRINK_RUNS, 1);
}

static bool has_given_pages(const struct shrink *shrink)
{
    return shrink->pages >= shrink->page_goal;
}

static bool is_at_threshold(const struct shrink *shrink)
{
    return zc_zswap_excess_pages(shrink->zswap) == 0;
}

static bool is_owner_below(const struct shrink *shrink)
{
    const struct zc_owner *record =
        zc_lru_find_owner(&shrink->zswap->lru, shrink->owner);

    /* The kernel's loop: zswap_store() calls shrink_memcg() once. */
    if (shrink->attempts > 0 && !looks_at_all(shrink))
        return true;
    return record == NULL || !zc_owner_is_at_limit(record);
}

zc_status zc_shrinker_shrink(struct zc_shrinker *shrinker, unsigned owner,
                             uint64_t page_goal, uint64_t *pages_out)
{
    struct shrink shrink;

    begin_shrink(&shrink, shrinker, owner, true);
    shrink.page_goal = page_goal;
    run_shrink(&shrink, has_given_pages);
    *pages_out = shrink.pages;
    return has_given_pages(&shrink) ? ZC_OK : ZC_AGAIN;
}

/* For stores that found no room.  During a back-off it is a probe. */
static void begin_for_stores(struct shrink *shrink,
                             struct zc_shrinker *shrinker, unsigned owner,
                             bool may_sleep)
{
    begin_shrink(shrink, shrinker, owner, may_sleep);
    shrink->is_probe = has_failed_all(shrinker->pageio);
}

bool zc_shrinker_to_threshold(struct zc_shrinker *shrinker, bool may_sleep)
{
    struct shrink shrink;

    begin_for_stores(&shrink, shrinker, ZC_OWNER_ANY, may_sleep);
    run_shrink(&shrink, is_at_threshold);
    return shrink.written > 0;
}

/* Whether a store may shrink: no back-off, or its turn to probe. */
static bool is_worth_trying(struct zc_shrinker *shrinker)
{
    uint32_t before;

    if (!has_failed_all(shrinker->pageio))
        return true;
    before = zc_atomic_u32_add(&shrinker->backoff_count, 1);
    return before % ZC_SHRINK_TRY_EVERY == ZC_SHRINK_TRY_EVERY - 1;
}

/* The caller has `slot` pinned, and so writeback skips it. */
bool zc_shrinker_make_room(void *context, zc_swp slot, unsigned owner)
{
    struct zc_shrinker *shrinker = context;
    struct shrink shrink;

    (void)slot;
    if (!is_worth_trying(shrinker))
        return false;
    if (owner != ZC_OWNER_ANY) {
        begin_for_stores(&shrink, shrinker, owner, false);
        /* A zspage has objects of any owner, so the goal is one pool page. */
        shrink.page_goal = 1;
        run_shrink(&shrink, shrinker->pageio->zswap->lru_mode == ZC_LRU_ENTRY
                                ? is_owner_below
                                : has_given_pages);
        return shrink.written > 0;
    }
    if (shrinker->has_worker) {
        zc_shrinker_wake(shrinker);
        return false;
    }
    return zc_shrinker_to_threshold(shrinker, false);
}

/* ---- by age, up to a budget ---- */

/*
 * How many entries of each owner may be looked at: each entry twice, because
 * the first look may be its second chance.  Each owner has a number of its own,
 * so an owner with nothing but young pages does not use up the looks of others.
 */
static void count_scans(const struct shrink *shrink,
                        uint64_t scans[ZC_OWNER_COUNT])
{
    const struct zc_lru *lru = &shrink->zswap->lru;
    const uint32_t end = zc_atomic_u32_load_relaxed(&lru->owner_end);
    unsigned owner;

    memset(scans, 0, ZC_OWNER_COUNT * sizeof(*scans));
    for (owner = 0; owner < end; owner++)
        if (shrink->owner == ZC_OWNER_ANY || shrink->owner == owner)
            scans[owner] = 2 * (uint64_t)zc_lru_count(lru, owner);
}

/* Writes back one page of an owner.  False: it has none that may go, or no look
 * left.  *is_left_inout: a page is left that could not be written. */
static bool write_one(struct shrink *shrink, unsigned owner,
                      uint64_t *scans_inout, bool *is_left_inout)
{
    struct zc_lru_candidate candidate;
    zc_status status;

    if (*scans_inout == 0 || zc_zswap_owner_forbids(shrink->zswap, owner))
        return false;
    throttle(shrink);
    if (find_candidate(shrink, owner, scans_inout, &candidate) != ZC_OK) {
        *scans_inout = 0;
        return false;
    }
    status = write_candidate(shrink, &candidate);
    if (status != ZC_OK && status != ZC_MISSING)
        *is_left_inout = true;
    return true;
}

/* Owners take turns of one page; the first is the owner after the last that had
 * one.  True: pages are left that could not be written. */
static bool write_by_age(struct shrink *shrink, uint64_t page_budget)
{
    struct zc_lru *lru = &shrink->zswap->lru;
    unsigned owner = zc_atomic_u32_load_relaxed(&lru->cursor) % ZC_OWNER_COUNT;
    uint64_t scans[ZC_OWNER_COUNT];
    unsigned passed = 0; /* owners in a row without a page */
    bool is_left = false;
    unsigned before;

    count_scans(shrink, scans);
    while (shrink->written < page_budget && passed < ZC_OWNER_COUNT) {
        if (is_device_failing(shrink))
            return true;
        before = owner;
        if (!zc_lru_next_owner(lru, &owner))
            break;
        passed += owners_between(before, owner);
        if (write_one(shrink, owner, &scans[owner], &is_left)) {
            zc_atomic_u32_store_relaxed(&lru->cursor, owner);
            passed = 0;
        }
    }
    return is_left;
}

zc_status zc_shrinker_writeback(struct zc_shrinker *shrinker,
                                const struct zc_writeback_options *options,
                                size_t *bytes_out)
{
    const size_t page_size = shrinker->pageio->zswap->page_size;
    uint64_t page_budget = UINT64_MAX;
    struct shrink shrink;
    bool is_left;

    if (options->budget_bytes != 0)
        page_budget = options->budget_bytes / page_size;
    begin_shrink(&shrink, shrinker,
                 options->one_owner != 0 ? options->owner : ZC_OWNER_ANY, true);
    shrink.min_age = options->min_age_seconds;
    is_left = write_by_age(&shrink, page_budget);
    zc_pageio_end_run(&shrink.run);
    zc_stats_add(shrink.pageio->stats, ZC_STAT_WRITTEN_BY_AGE, shrink.written);
    *bytes_out = (size_t)shrink.written * page_size;
    return is_left && shrink.written < page_budget ? ZC_AGAIN : ZC_OK;
}

/* ---- life ---- */

/* The policy, and what the options say of its parts. */
static void choose_policy(struct zc_shrinker *shrinker,
                          const struct zc_cache_options *options)
{
    const bool is_all = options->shrink_policy <= ZC_SHRINK_ALL;

    shrinker->looks = is_all ? ZC_SHRINK_LOOKS_ALL : 1;
    if (options->shrink_policy == ZC_SHRINK_BATCH)
        shrinker->looks = ZC_SHRINK_LOOKS_BATCH;
    if (options->shrink_looks != 0)
        shrinker->looks = options->shrink_looks;
    shrinker->has_compact = is_all;
    if (options->shrink_compact != ZC_SHRINK_COMPACT_DEFAULT)
        shrinker->has_compact = options->shrink_compact == ZC_SHRINK_COMPACT_ON;
}

zc_status zc_shrinker_init(struct zc_shrinker *shrinker,
                           struct zc_pageio *pageio,
                           const struct zc_cache_options *options)
{
    shrinker->pageio = pageio;
    choose_policy(shrinker, options);
    shrinker->has_worker = options->shrink_worker != 0;
    zc_atomic_u32_store_relaxed(&shrinker->backoff_count, 0);
    zc_atomic_u32_store_relaxed(&shrinker->is_ending, 0);
    return shrinker->has_worker ? zc_shrinker_start(shrinker) : ZC_OK;
}

void zc_shrinker_destroy(struct zc_shrinker *shrinker)
{
    if (shrinker->has_worker)
        zc_shrinker_stop(shrinker);
}
