/* SPDX-License-Identifier: MIT */
/*
 * recompress.c - compressing cold pages again, with another compressor.
 *
 * The pages are visited in the order of their slots, as zram visits its table,
 * and not in that of the LRU: so neither an order nor a second chance changes.
 * A page that was compressed with this setting, or that did not get smaller
 * before, is passed over.  So a call with a budget goes on where the last one
 * ended, although it begins at the first slot.
 *
 * The page is compressed without a pin, and loads go on meanwhile.  Only the
 * step that links the new entry needs the pin (RECOMPRESS_PINS_SLOT): writeback
 * has found the old entry under its pin and will unlink that.  A slot that is
 * pinned already is in use, so its page is not cold, and it is left.
 */
#include "base/options.h"
#include "cache/cache.h"
#include "platform/memory.h"
#include "rules.h"

/* A call ends after so many pages in a row for which there was no room. */
#define FAILURES_MAX 16

struct run {
    struct zc_cache *cache;
    struct zc_zswap_recompress with;
    uint64_t budget;   /* pages that may still be compressed */
    uint64_t pages;    /* made smaller */
    unsigned failures; /* in a row */
    bool is_left;      /* a page was in use, or had no room */
};

/* Where the slot has a device: zc_zswap_replace() with the slot pinned. */
static bool replace_pinned(struct zc_cache *cache, zc_swp name,
                           struct zc_entry *entry, struct zc_entry *smaller)
{
    struct zc_swap *swap = &cache->swap;
    struct zc_swap_device *device = zc_swap_device_get(swap, name);
    struct zc_slot_ref slot;
    bool replaced = false;

    if (device == NULL) {
        zc_entry_put(&cache->zswap.entries, smaller);
        return false;
    }
    slot = zc_slot_find(swap, name);
    if (zc_slot_pin(swap, slot, NULL) == ZC_OK) {
        replaced = zc_zswap_replace(&cache->zswap, entry, smaller);
        zc_slot_unpin(swap, slot);
    } else {
        zc_entry_put(&cache->zswap.entries, smaller);
    }
    zc_swap_device_put(swap, device);
    return replaced;
}

static bool replace(struct zc_cache *cache, struct zc_entry *entry,
                    struct zc_entry *smaller)
{
    const zc_swp slot = zc_entry_slot(entry);

    if (zc_swap_has_device(&cache->swap, zc_swp_type(slot)) &&
        ZC_RULE(RECOMPRESS_PINS_SLOT))
        return replace_pinned(cache, slot, entry, smaller);
    /* A type with pages gets no device: if it has one by now, the entry is not
     * linked any more. */
    return zc_zswap_replace(&cache->zswap, entry, smaller);
}

static void count(struct run *run, enum zc_stat stat)
{
    zc_stats_add(&run->cache->zswap.stats, stat, 1);
}

static void recompress_entry(struct run *run, struct zc_entry *entry)
{
    struct zc_entry *smaller;
    zc_status status;

    status =
        zc_zswap_recompress(&run->cache->zswap, &run->with, entry, &smaller);
    run->budget--;
    if (status == ZC_MISSING || status == ZC_CORRUPT) {
        count(run, status == ZC_MISSING ? ZC_STAT_RECOMPRESS_POOR
                                        : ZC_STAT_RECOMPRESS_FAIL);
        return;
    }
    if (status != ZC_OK) {
        count(run, ZC_STAT_RECOMPRESS_FAIL);
        run->is_left = true;
        run->failures++;
        return;
    }
    run->failures = 0;
    if (replace(run->cache, entry, smaller)) {
        run->pages++;
        return;
    }
    count(run, ZC_STAT_RECOMPRESS_STALE);
    run->is_left = true;
}

static void recompress_type(struct run *run, unsigned type)
{
    struct zc_zswap *zswap = &run->cache->zswap;
    struct zc_entry *entry;
    uint64_t offset = 0;

    while (run->budget > 0 && run->failures < FAILURES_MAX &&
           (entry = zc_zswap_next_cold(zswap, &run->with, type, &offset)) !=
               NULL) {
        recompress_entry(run, entry);
        zc_entry_put(&zswap->entries, entry);
        offset++;
    }
}

static zc_status run_options(struct run *run, struct zc_cache *cache,
                             const struct zc_recompress_options *options)
{
    struct zc_generations *generations = &cache->zswap.generations;
    zc_status status;

    *run = (struct run){
        .cache = cache,
        .with = {.owner = options->one_owner != 0 ? options->owner
                                                  : ZC_OWNER_ANY,
                 .min_age = options->min_age_seconds,
                 .retry = options->retry != 0},
        .budget = options->budget_pages != 0 ? options->budget_pages
                                             : UINT64_MAX,
    };
    run->with.page = zc_malloc(cache->zswap.page_size);
    if (run->with.page == NULL)
        return ZC_NO_MEMORY;
    status = zc_generations_find(generations, options->compressor_name,
                                 options->compressor_level,
                                 &run->with.generation);
    if (status != ZC_OK)
        zc_free(run->with.page);
    return status;
}

static zc_status check(const struct zc_cache *cache,
                       const struct zc_recompress_options *options)
{
    const unsigned lru_mode = cache->zswap.lru_mode;
    zc_status status = zc_cache_check_cold(
        options->min_age_seconds, options->one_owner, options->owner,
        options->reason, options->reason_size);

    if (status != ZC_OK)
        return status;
    if (options->retry > 1)
        return ZC_REFUSE(options, ZC_INVALID, "retry: %u is not 0 or 1",
                         options->retry);
    if (options->compressor_name != NULL &&
        (status = zc_zswap_check_compressor(
             options->compressor_name, options->compressor_level,
             options->reason, options->reason_size)) != ZC_OK)
        return status;
    if (zc_process_is_child(&cache->process))
        return ZC_CACHE_REFUSE_CHILD(options);
    if (lru_mode == ZC_LRU_ZSPAGE)
        return ZC_REFUSE(options, ZC_UNSUPPORTED,
                         "the cache's lru_mode is zspage");
    if (lru_mode != ZC_LRU_ENTRY && options->min_age_seconds != 0)
        return ZC_REFUSE(options, ZC_UNSUPPORTED,
                         "min_age_seconds: the cache's lru_mode is not entry");
    return ZC_OK;
}

zc_status zc_cache_recompress(struct zc_cache *cache,
                              const struct zc_recompress_options *options,
                              uint64_t *pages_out)
{
    struct zc_recompress_options own;
    struct run run;
    zc_status status;
    unsigned type;

    status = ZC_OPTIONS_READ(&own, options);
    if (status != ZC_OK)
        return status;
    if (cache == NULL)
        return ZC_REFUSE(&own, ZC_INVALID, "cache: NULL");
    status = check(cache, &own);
    if (status != ZC_OK)
        return status;
    status = run_options(&run, cache, &own);
    if (status != ZC_OK)
        return zc_refuse_for(
            own.reason, own.reason_size, status, "the compressor",
            own.compressor_name == NULL ? "(current)" : own.compressor_name);
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        recompress_type(&run, type);
    zc_generation_put(run.with.generation, zc_processor_current());
    zc_free(run.with.page);
    if (pages_out != NULL)
        *pages_out = run.pages;
    return run.is_left && run.budget > 0 ? ZC_AGAIN : ZC_OK;
}
