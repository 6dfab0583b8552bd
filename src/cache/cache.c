/* SPDX-License-Identifier: MIT */
/*
 * cache.c - making and ending a cache, and its settings.
 *
 * Parts are made from the lowest to the highest: compressed memory, slots, page
 * I/O, shrinker, and last the device on a file, which needs them all.  They are
 * ended in the reverse order, except the devices: before their pages are
 * dropped, the worker must have ended and every write must be complete.
 */
#include "cache/cache.h"

#include "base/options.h"
#include "platform/memory.h"
#include "platform/processor.h"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch)                                      \
    TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *zc_version(void)
{
    return VERSION_TEXT(ZC_VERSION_MAJOR, ZC_VERSION_MINOR, ZC_VERSION_PATCH);
}

static zc_status init_swap(struct zc_cache *cache,
                           const struct zc_cache_options *options)
{
    cache->swap.page_size = cache->zswap.page_size;
    if (options->frames != NULL)
        cache->swap.frames = *options->frames;
    cache->swap.last_put = zc_cache_last_put;
    cache->swap.context = cache;
    return zc_swap_init(&cache->swap);
}

static zc_status init_pageio(struct zc_cache *cache,
                             const struct zc_cache_options *options)
{
    cache->pageio.zswap = &cache->zswap;
    cache->pageio.swap = &cache->swap;
    cache->pageio.writes_max = options->writes_max;
    cache->pageio.stats = &cache->zswap.stats;
    return zc_pageio_init(&cache->pageio);
}

static zc_status init_parts(struct zc_cache *cache,
                            const struct zc_cache_options *options)
{
    zc_status status;

    status = zc_zswap_init(&cache->zswap, options);
    if (status != ZC_OK)
        return status;
    status = init_swap(cache, options);
    if (status != ZC_OK)
        goto destroy_zcache;
    status = init_pageio(cache, options);
    if (status != ZC_OK)
        goto destroy_swap;
    status = zc_shrinker_init(&cache->shrinker, &cache->pageio, options);
    if (status != ZC_OK)
        goto destroy_pageio;
    if (cache->zswap.lru_mode != ZC_LRU_NONE) {
        cache->zswap.make_room = zc_shrinker_make_room;
        cache->zswap.context = &cache->shrinker;
    }
    return ZC_OK;

destroy_pageio:
    zc_pageio_destroy(&cache->pageio);
destroy_swap:
    zc_swap_destroy(&cache->swap);
destroy_zcache:
    zc_zswap_destroy(&cache->zswap);
    return status;
}

static zc_status turn_on_file(struct zc_cache *cache,
                              const struct zc_cache_options *options)
{
    struct zc_backing_file file = {
        .struct_size = sizeof(file),
        .path = options->backing_path,
    };
    unsigned type;
    zc_status status;

    if (options->backing_path == NULL)
        return ZC_OK;
    status = zc_swap_on(cache,
                        ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_file,
                                        .backing_user = &file,
                                        .io_workers = options->io_workers,
                                        .reason = options->reason,
                                        .reason_size = options->reason_size),
                        &type);
    ZC_ASSERT(status != ZC_OK || type == 0);
    return status;
}

zc_status zc_cache_create(const struct zc_cache_options *options,
                          struct zc_cache **cache_out)
{
    struct zc_cache_options own;
    struct zc_cache *cache;
    zc_status status;

    status = ZC_OPTIONS_READ(&own, options);
    if (status != ZC_OK)
        return status;
    if (cache_out == NULL)
        return ZC_REFUSE(&own, ZC_INVALID, "cache_out: NULL");
    status = zc_zswap_check_options(&own);
    if (status != ZC_OK)
        return status;
    cache = zc_calloc(1, sizeof(*cache));
    if (cache == NULL)
        return ZC_NO_MEMORY;
    status = zc_process_mark_init(&cache->process);
    if (status != ZC_OK)
        goto free_cache;
    status = init_parts(cache, &own);
    if (status != ZC_OK)
        goto destroy_mark;
    status = turn_on_file(cache, &own);
    if (status != ZC_OK) {
        zc_cache_destroy(cache);
        return status;
    }
    *cache_out = cache;
    return ZC_OK;

destroy_mark:
    zc_process_mark_destroy(&cache->process);
free_cache:
    zc_free(cache);
    return status;
}

/* In a child after fork(): closes descriptors and unmaps mappings.  All else is
 * the parent's; memory of malloc() is not freed. */
static void leave_cache(struct zc_cache *cache)
{
    zc_swap_leave(&cache->swap);
    zc_zswap_leave(&cache->zswap);
    zc_process_mark_destroy(&cache->process);
}

void zc_cache_destroy(struct zc_cache *cache)
{
    if (cache == NULL)
        return;
    if (zc_process_is_child(&cache->process)) {
        leave_cache(cache);
        return;
    }
    zc_shrinker_destroy(&cache->shrinker);
    zc_pageio_destroy(&cache->pageio);
    zc_cache_drop_devices(cache);
    zc_swap_destroy(&cache->swap);
    zc_zswap_destroy(&cache->zswap);
    zc_process_mark_destroy(&cache->process);
    zc_free(cache);
}

zc_status zc_cache_set_compressor(struct zc_cache *cache, const char *name,
                                  int level)
{
    if (cache == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    return zc_generations_change(&cache->zswap.generations, name, level);
}

zc_status zc_cache_set_limit(struct zc_cache *cache, uint64_t limit_bytes,
                             unsigned accept_threshold_percent)
{
    if (cache == NULL || accept_threshold_percent > 100)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (accept_threshold_percent == 0)
        accept_threshold_percent = ZC_ACCEPT_THRESHOLD_DEFAULT;
    zc_zswap_apply_limit(&cache->zswap, limit_bytes, accept_threshold_percent);
    if (cache->zswap.drops)
        (void)zc_shrinker_to_threshold(&cache->shrinker, true);
    return ZC_OK;
}

size_t zc_cache_page_size(const struct zc_cache *cache)
{
    return cache == NULL ? 0 : cache->zswap.page_size;
}

uint64_t zc_cache_limit(const struct zc_cache *cache)
{
    uint64_t pages;

    if (cache == NULL)
        return 0;
    pages = zc_atomic_u64_load_relaxed(&cache->zswap.limit_pages);
    return pages == UINT64_MAX ? 0 : pages * cache->zswap.page_size;
}

const char *zc_cache_compressor(struct zc_cache *cache, int *level_out)
{
    const unsigned processor = zc_processor_current();
    struct zc_generation *generation;
    const char *name;

    if (cache == NULL || zc_process_is_child(&cache->process))
        return NULL;
    generation = zc_generations_get(&cache->zswap.generations, processor);
    name = generation->compressor->name;
    if (level_out != NULL)
        *level_out = generation->level;
    zc_generation_put(generation, processor);
    return name;
}

zc_status zc_cache_compact(struct zc_cache *cache,
                           const struct zc_compact_budget *budget,
                           struct zc_compact_result *result_out)
{
    const struct zc_entries *entries;

    if (cache == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    entries = &cache->zswap.entries;
    if (entries->pool_ops->compact == NULL)
        return ZC_UNSUPPORTED;
    return entries->pool_ops->compact(entries->pool, budget, result_out);
}

struct zc_zspool *zc_cache_zspool(struct zc_cache *cache)
{
    if (cache == NULL || zc_process_is_child(&cache->process))
        return NULL;
    return cache->zswap.entries.zspool;
}
