/* SPDX-License-Identifier: MIT */
/* support_churn.c - see support_churn.h. */
#include "support_churn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/inject.h"
#include "platform/processor.h"
#include "support_threads.h"

#define TYPE_DEVICE 0
#define TYPE_PLAIN 1
#define SLOT_COUNT 5000 /* several clusters */
#define LIMIT_PAGES 12
#define OWNER_LIMITED 2
#define OWNER_KEPT 3 /* its pages may be forbidden to leave memory */
#define OWNERS 4
#define LOOK_NS 1000000
#define LOOKS_MAX 60000 /* a minute */

static uint64_t below(struct support_worker *worker, uint64_t count)
{
    return support_random_below(&worker->random, count);
}

static bool is_on_device(unsigned index)
{
    return index < SUPPORT_CHURN_DEVICE_SLOTS;
}

static zc_swp slot_of(unsigned index)
{
    if (is_on_device(index))
        return zc_swp_make(TYPE_DEVICE, (uint64_t)index * 131);
    return zc_swp_make(TYPE_PLAIN, (uint64_t)index * 131);
}

/* ---- no call for slots of the device runs while it is turned on ---- */

static void enter(struct support_churn *churn, unsigned index)
{
    if (!is_on_device(index) || !churn->config.swaps)
        return;
    (void)pthread_mutex_lock(&churn->gate);
    (void)pthread_rwlock_rdlock(&churn->turn);
    (void)pthread_mutex_unlock(&churn->gate);
}

static void leave(struct support_churn *churn, unsigned index)
{
    if (is_on_device(index) && churn->config.swaps)
        (void)pthread_rwlock_unlock(&churn->turn);
}

/* ---- pages ---- */

/* May a store end with this status? */
static bool is_right(const struct support_churn *churn, unsigned index,
                     unsigned owner, zc_status status)
{
    const struct support_churn_config *config = &churn->config;
    bool has_device = is_on_device(index);

    switch (status) {
    case ZC_OK:
        return true;
    case ZC_REJECTED:
        return !has_device || config->swaps || owner == OWNER_KEPT;
    case ZC_BUSY:
        return has_device && config->swaps;
    case ZC_NO_MEMORY:
        return config->injects;
    case ZC_IO_ERROR:
        return has_device &&
               (config->injects || config->behind == SUPPORT_BEHIND_FAULTY);
    default:
        return false;
    }
}

static void store(struct support_churn *churn, struct support_worker *worker)
{
    unsigned index = (unsigned)below(worker, SUPPORT_CHURN_SLOTS);
    unsigned owner = (unsigned)below(worker, OWNERS);
    struct support_oracle *oracle = &churn->oracles[index];
    char page[SUPPORT_CHURN_PAGE];
    zc_status status;
    uint64_t version;
    uint64_t event;

    enter(churn, index);
    event = support_oracle_store(oracle, &version);
    support_stamp_page(page, sizeof(page), slot_of(index), version);
    status = zc_cache_store_for(churn->cache, owner, slot_of(index), page);
    if (status == ZC_OK)
        support_oracle_end(oracle, event, SUPPORT_DONE);
    else if (status == ZC_BUSY)
        support_oracle_end(oracle, event, SUPPORT_NOTHING);
    else
        support_oracle_end(oracle, event, SUPPORT_GONE);
    leave(churn, index);
    if (!is_right(churn, index, owner, status))
        support_mistake(worker, "store in slot %u: %s", index,
                        zc_status_name(status));
}

/* NULL: right; else what is wrong with a read that began at `begin`. */
static const char *check_read(struct support_churn *churn, unsigned index,
                              uint64_t begin, zc_status status,
                              const char *page, bool takes)
{
    uint64_t version = 0;

    switch (status) {
    case ZC_OK:
        if (!support_read_stamp(page, SUPPORT_CHURN_PAGE, slot_of(index),
                                &version))
            return "not one whole page of its own";
        break;
    case ZC_MISSING:
        break;
    case ZC_CORRUPT:
    case ZC_IO_ERROR:
        return churn->config.injects ? NULL : zc_status_name(status);
    default:
        return zc_status_name(status);
    }
    return support_oracle_found(&churn->oracles[index], begin, version, takes);
}

static void load(struct support_churn *churn, struct support_worker *worker)
{
    unsigned index = (unsigned)below(worker, SUPPORT_CHURN_SLOTS);
    char page[SUPPORT_CHURN_PAGE];
    const char *wrong;
    zc_status status;
    uint64_t begin;

    enter(churn, index);
    begin = support_oracle_read(&churn->oracles[index]);
    status = zc_cache_load(churn->cache, slot_of(index), page);
    wrong = check_read(churn, index, begin, status, page, false);
    leave(churn, index);
    if (wrong != NULL)
        support_mistake(worker, "load of slot %u: %s", index, wrong);
}

static void take(struct support_churn *churn, struct support_worker *worker)
{
    unsigned index = (unsigned)below(worker, SUPPORT_CHURN_SLOTS);
    struct support_oracle *oracle = &churn->oracles[index];
    char page[SUPPORT_CHURN_PAGE];
    const char *wrong;
    zc_status status;
    uint64_t begin;
    uint64_t event;

    enter(churn, index);
    begin = support_oracle_read(oracle);
    event = support_oracle_remove(oracle);
    status = zc_cache_take(churn->cache, slot_of(index), page);
    if (status != ZC_OK) /* this call removed no page */
        support_oracle_end(oracle, event, SUPPORT_NOTHING);
    wrong = check_read(churn, index, begin, status, page, true);
    if (status == ZC_OK)
        support_oracle_end(oracle, event, SUPPORT_DONE);
    leave(churn, index);
    if (wrong != NULL)
        support_mistake(worker, "take of slot %u: %s", index, wrong);
}

static void invalidate(struct support_churn *churn,
                       struct support_worker *worker)
{
    unsigned index = (unsigned)below(worker, SUPPORT_CHURN_SLOTS);
    struct support_oracle *oracle = &churn->oracles[index];
    zc_status status;
    uint64_t event;

    enter(churn, index);
    event = support_oracle_remove(oracle);
    status = zc_cache_invalidate(churn->cache, slot_of(index));
    support_oracle_end(oracle, event, SUPPORT_DONE);
    leave(churn, index);
    if (status != ZC_OK && status != ZC_MISSING)
        support_mistake(worker, "invalidate of slot %u: %s", index,
                        zc_status_name(status));
}

static void begin_removals(struct support_churn *churn, unsigned first,
                           unsigned end, uint64_t *events)
{
    unsigned i;

    for (i = first; i < end; i++)
        events[i] = support_oracle_remove(&churn->oracles[i]);
}

static void end_removals(struct support_churn *churn, unsigned first,
                         unsigned end, const uint64_t *events)
{
    unsigned i;

    for (i = first; i < end; i++)
        support_oracle_end(&churn->oracles[i], events[i], SUPPORT_DONE);
}

static void invalidate_many(struct support_churn *churn,
                            struct support_worker *worker)
{
    unsigned first = (unsigned)below(worker, SUPPORT_CHURN_DEVICE_SLOTS);
    unsigned end = first + 1 +
                   (unsigned)below(worker, SUPPORT_CHURN_DEVICE_SLOTS - first);
    bool whole = below(worker, 8) == 0;
    uint64_t events[SUPPORT_CHURN_SLOTS];
    zc_status status;
    zc_swp slot;

    if (whole) {
        first = 0;
        end = SUPPORT_CHURN_DEVICE_SLOTS;
    }
    slot = slot_of(first);
    enter(churn, first);
    begin_removals(churn, first, end, events);
    if (whole)
        status = zc_cache_invalidate_type(churn->cache, TYPE_DEVICE);
    else
        status = zc_cache_invalidate_range(churn->cache, slot,
                                           zc_swp_offset(slot_of(end - 1)) -
                                               zc_swp_offset(slot) + 1);
    end_removals(churn, first, end, events);
    leave(churn, first);
    if (status != ZC_OK)
        support_mistake(worker, "invalidate of many: %s",
                        zc_status_name(status));
}

/* ---- settings, and room ---- */

static void reclaim(struct support_churn *churn, struct support_worker *worker)
{
    const struct zc_writeback_options options = {
        .struct_size = sizeof(options),
        .budget_bytes = below(worker, 3) * 4 * SUPPORT_CHURN_PAGE,
        .min_age_seconds = (unsigned)below(worker, 2),
        .one_owner = (unsigned)below(worker, 2),
        .owner = (unsigned)below(worker, OWNERS),
    };
    zc_status status;

    if (below(worker, 2) == 0)
        status = zc_cache_shrink(churn->cache, 1 + below(worker, 4), NULL);
    else
        status = zc_cache_writeback(churn->cache, &options, NULL);
    if (status != ZC_OK && status != ZC_AGAIN && status != ZC_UNSUPPORTED)
        support_mistake(worker, "reclaim: %s", zc_status_name(status));
    if (below(worker, 8) == 0)
        zc_clock_advance(1);
}

static void recompress(struct support_churn *churn,
                       struct support_worker *worker)
{
    const struct zc_recompress_options options = {
        .struct_size = sizeof(options),
        .compressor_name =
            support_codec_name((unsigned)below(worker, support_codec_count())),
        .budget_pages = below(worker, 2) * (1 + below(worker, 12)),
        .min_age_seconds = (unsigned)below(worker, 2),
        .retry = (unsigned)below(worker, 2),
    };
    zc_status status = zc_cache_recompress(churn->cache, &options, NULL);

    if (status != ZC_OK && status != ZC_AGAIN && status != ZC_UNSUPPORTED &&
        (status != ZC_NO_MEMORY || !churn->config.injects))
        support_mistake(worker, "recompress: %s", zc_status_name(status));
}

static void set_compressor(struct support_churn *churn,
                           struct support_worker *worker)
{
    zc_status status = zc_cache_set_compressor(
        churn->cache,
        support_codec_name((unsigned)below(worker, support_codec_count())), 0);

    if (status != ZC_OK && status != ZC_BUSY &&
        (status != ZC_NO_MEMORY || !churn->config.injects))
        support_mistake(worker, "change of compressor: %s",
                        zc_status_name(status));
}

static void set_owner(struct support_churn *churn,
                      struct support_worker *worker)
{
    struct zc_owner_options options = {.struct_size = sizeof(options)};
    unsigned owner = OWNER_LIMITED;
    zc_status status;

    if (below(worker, 2) == 0) {
        owner = OWNER_KEPT;
        options.no_writeback = (unsigned)below(worker, 2);
    } else {
        options.limit_bytes = below(worker, 6) * SUPPORT_CHURN_PAGE;
    }
    status = zc_cache_set_owner(churn->cache, owner, &options);
    if (status != ZC_OK && (status != ZC_NO_MEMORY || !churn->config.injects))
        support_mistake(worker, "owner: %s", zc_status_name(status));
}

static void set_limit(struct support_churn *churn,
                      struct support_worker *worker)
{
    uint64_t pages = below(worker, 4) == 0 ? 0 : 4 + below(worker, LIMIT_PAGES);

    (void)zc_cache_set_limit(churn->cache, pages * SUPPORT_CHURN_PAGE,
                             50 + (unsigned)below(worker, 51));
}

static void look(struct support_churn *churn, struct support_worker *worker)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    struct zc_cache_accounting parts = {.struct_size = sizeof(parts)};
    struct zc_swap_stats swap = {.struct_size = sizeof(swap)};
    zc_status status;

    if (zc_cache_get_stats(churn->cache, &stats) != ZC_OK ||
        zc_cache_account(churn->cache, &parts) != ZC_OK)
        support_mistake(worker, "counters");
    status = zc_swap_get_stats(churn->cache, TYPE_DEVICE, &swap);
    if (status != ZC_OK && (status != ZC_INVALID || !churn->config.swaps))
        support_mistake(worker, "device's counters: %s",
                        zc_status_name(status));
    (void)zc_cache_compact(churn->cache, NULL, NULL);
}

/* ---- the device off and on ---- */

/* The pages that were handed over, until the swapoff has ended. */
struct off {
    struct support_churn *churn;
    struct support_worker *worker;
    uint64_t begin;
    unsigned count;
    unsigned refuses_at;
    struct {
        unsigned index;
        uint64_t event;
    } given[SUPPORT_CHURN_DEVICE_SLOTS];
};

static zc_status unuse(void *context, zc_swp slot, const void *page)
{
    unsigned index = (unsigned)(zc_swp_offset(slot) / 131);
    struct off *off = context;
    const char *wrong;

    if (off->count == SUPPORT_CHURN_DEVICE_SLOTS ||
        index >= SUPPORT_CHURN_DEVICE_SLOTS) {
        support_mistake(off->worker, "swapoff: slot %u more", index);
        return ZC_INVALID;
    }
    if (off->count == off->refuses_at)
        return ZC_AGAIN;
    off->given[off->count].index = index;
    off->given[off->count++].event =
        support_oracle_remove(&off->churn->oracles[index]);
    wrong = check_read(off->churn, index, off->begin, ZC_OK, page, true);
    if (wrong != NULL)
        support_mistake(off->worker, "swapoff: slot %u: %s", index, wrong);
    return ZC_OK;
}

static zc_status turn_off(struct support_churn *churn,
                          struct support_worker *worker)
{
    struct off off = {.churn = churn, .worker = worker};
    const bool is_emptied = below(worker, 4) != 0;
    zc_status status;
    unsigned i;

    off.begin = support_oracle_read(&churn->oracles[0]);
    off.refuses_at = below(worker, 3) == 0 ? (unsigned)below(worker, 20)
                                           : UINT32_MAX;
    status =
        zc_swap_off(churn->cache, TYPE_DEVICE, is_emptied ? unuse : NULL, &off);
    for (i = 0; i < off.count; i++)
        support_oracle_end(&churn->oracles[off.given[i].index],
                           off.given[i].event, SUPPORT_DONE);
    if (status == ZC_OK)
        atomic_fetch_add(&churn->offs, 1);
    else if (status != (is_emptied ? ZC_AGAIN : ZC_BUSY) &&
             !churn->config.injects)
        support_mistake(worker, "swapoff: %s", zc_status_name(status));
    return status;
}

static zc_status turn_on(struct support_churn *churn, unsigned *type_out)
{
    const struct zc_backing_file file = {.struct_size = sizeof(file),
                                         .path = churn->path};
    const struct zc_backing_faults faults = {
        .struct_size = sizeof(faults),
        .seed = churn->config.seed,
        .write_errors = 200000,
        .full_after = churn->config.seed % 2 == 0 ? 20 : 0,
    };
    struct zc_swap_options options = {
        .struct_size = sizeof(options),
        .slot_count = SLOT_COUNT,
        .io_workers = churn->config.io_workers,
    };

    if (churn->config.behind == SUPPORT_BEHIND_FILE) {
        options.backing_ops = &zc_backing_file;
        options.backing_user = (void *)(uintptr_t)&file;
    } else if (churn->config.behind == SUPPORT_BEHIND_FAULTY) {
        options.backing_ops = &zc_backing_faulty;
        options.backing_user = (void *)(uintptr_t)&faults;
    }
    return zc_swap_on(churn->cache, &options, type_out);
}

/* While no other call uses the type: forgets its pages, then turns it on. */
static void turn_on_again(struct support_churn *churn,
                          struct support_worker *worker)
{
    uint64_t events[SUPPORT_CHURN_SLOTS];
    unsigned type = TYPE_DEVICE;
    zc_status status;

    (void)pthread_mutex_lock(&churn->gate);
    (void)pthread_rwlock_wrlock(&churn->turn);
    (void)pthread_mutex_unlock(&churn->gate);
    begin_removals(churn, 0, SUPPORT_CHURN_DEVICE_SLOTS, events);
    (void)zc_cache_invalidate_type(churn->cache, TYPE_DEVICE);
    end_removals(churn, 0, SUPPORT_CHURN_DEVICE_SLOTS, events);
    status = turn_on(churn, &type);
    churn->is_on = status == ZC_OK;
    (void)pthread_rwlock_unlock(&churn->turn);
    if ((status != ZC_OK && !churn->config.injects) || type != TYPE_DEVICE)
        support_mistake(worker, "swapon: %s, type %u", zc_status_name(status),
                        type);
}

static void swap(struct support_churn *churn, struct support_worker *worker)
{
    if (!churn->config.swaps || pthread_mutex_trylock(&churn->off) != 0)
        return;
    if (churn->is_on && turn_off(churn, worker) == ZC_OK)
        churn->is_on = false;
    if (!churn->is_on)
        turn_on_again(churn, worker);
    (void)pthread_mutex_unlock(&churn->off);
}

/* ---- a step ---- */

static void arm(struct support_worker *worker)
{
    uint64_t point = below(worker, ZC_INJECT_POINT_COUNT);
    uint32_t countdown = (uint32_t)below(worker, 8);
    uint32_t repeat = 1 + (uint32_t)below(worker, 4);

    if (below(worker, 2) == 0)
        zc_inject_disarm();
    else
        zc_inject_arm((enum zc_inject_point)point, countdown, repeat);
}

void support_churn_step(struct support_churn *churn,
                        struct support_worker *worker)
{
    uint64_t choice = below(worker, 200);

    worker->operations++;
    if (churn->config.injects && below(worker, 8) == 0)
        arm(worker);
    if (choice < 80)
        store(churn, worker);
    else if (choice < 130)
        load(churn, worker);
    else if (choice < 150)
        take(churn, worker);
    else if (choice < 163)
        invalidate(churn, worker);
    else if (choice < 166)
        invalidate_many(churn, worker);
    else if (choice < 178)
        reclaim(churn, worker);
    else if (choice < 184)
        recompress(churn, worker);
    else if (choice < 188)
        set_compressor(churn, worker);
    else if (choice < 192)
        set_owner(churn, worker);
    else if (choice < 194)
        set_limit(churn, worker);
    else if (choice < 198)
        look(churn, worker);
    else
        swap(churn, worker);
}

/* ---- begin and end ---- */

void support_churn_begin(struct support_churn *churn,
                         const struct support_churn_config *config)
{
    struct zc_cache_options options = support_cache_options(config->over);
    unsigned type = 99;
    unsigned i;

    memset(churn, 0, sizeof(*churn));
    churn->config = *config;
    assert_int_equal(pthread_mutex_init(&churn->gate, NULL), 0);
    assert_int_equal(pthread_mutex_init(&churn->off, NULL), 0);
    assert_int_equal(pthread_rwlock_init(&churn->turn, NULL), 0);
    for (i = 0; i < SUPPORT_CHURN_SLOTS; i++)
        support_oracle_init(&churn->oracles[i], &churn->clock);
    (void)snprintf(churn->directory, sizeof(churn->directory),
                   "/tmp/zcache-churn-XXXXXX");
    assert_non_null(mkdtemp(churn->directory));
    (void)snprintf(churn->path, sizeof(churn->path), "%s/swap",
                   churn->directory);
    options.lru_mode = config->lru_mode;
    options.limit_bytes = (uint64_t)LIMIT_PAGES * SUPPORT_CHURN_PAGE;
    options.context_count = 2;
    options.shrink_worker = config->shrink_worker;
    options.checksums = config->seed % 3 == 0;
    options.writes_max = config->seed % 4 == 0 ? 2 : 0;
    if (config->over == SUPPORT_OVER_DENSE)
        options.segment_bytes = 4 * SUPPORT_CHURN_PAGE;
    churn->cache = support_cache_create(&options);
    assert_status(turn_on(churn, &type), ZC_OK);
    assert_int_equal(type, TYPE_DEVICE);
    churn->is_on = true;
}

static void check_slot(struct support_churn *churn, unsigned index)
{
    uint64_t begin = support_oracle_read(&churn->oracles[index]);
    char page[SUPPORT_CHURN_PAGE];
    const char *wrong;
    zc_status status;

    status = zc_cache_load(churn->cache, slot_of(index), page);
    if (status != ZC_OK)
        assert_status(status, ZC_MISSING);
    wrong = check_read(churn, index, begin, status, page, false);
    if (wrong != NULL)
        fail_msg("seed 0x%" PRIx64 ": slot %u at rest: %s", churn->config.seed,
                 index, wrong);
}

/* A worker may hold the last zspage under reclaim; it is done with it soon. */
static void await_worker(struct support_churn *churn)
{
    unsigned looks = 0;

    if (churn->config.shrink_worker == 0)
        return;
    while (support_cache_stat(churn->cache, pool_total_size) != 0 &&
           ++looks < LOOKS_MAX)
        support_sleep_ns(LOOK_NS);
}

static void expect_nothing_left(struct support_churn *churn)
{
    struct zc_swap_stats swap = {.struct_size = sizeof(swap)};

    assert_status(zc_cache_invalidate_type(churn->cache, TYPE_DEVICE), ZC_OK);
    assert_status(zc_cache_invalidate_type(churn->cache, TYPE_PLAIN), ZC_OK);
    await_worker(churn);
    support_expect_empty(churn->cache);
    if (!churn->is_on)
        return;
    assert_status(zc_swap_get_stats(churn->cache, TYPE_DEVICE, &swap), ZC_OK);
    assert_int_equal(swap.slots_used, 0);
    assert_int_equal(swap.cached_folios, 0);
    assert_int_equal(swap.stuck_folios, 0);
    assert_status(zc_swap_off(churn->cache, TYPE_DEVICE, NULL, NULL), ZC_OK);
}

void support_churn_end(struct support_churn *churn)
{
    unsigned i;

    zc_inject_disarm();
    for (i = 0; i < SUPPORT_CHURN_SLOTS; i++)
        check_slot(churn, i);
    /* For other seeds the end of the cache drops all of it. */
    if (churn->config.seed % 2 == 0)
        expect_nothing_left(churn);
    zc_cache_destroy(churn->cache);
    for (i = 0; i < SUPPORT_CHURN_SLOTS; i++)
        support_oracle_fini(&churn->oracles[i]);
    assert_int_equal(pthread_rwlock_destroy(&churn->turn), 0);
    assert_int_equal(pthread_mutex_destroy(&churn->off), 0);
    assert_int_equal(pthread_mutex_destroy(&churn->gate), 0);
    assert_int_equal(rmdir(churn->directory), 0);
}
