/* SPDX-License-Identifier: MIT */
/* front.c - making and ending a cache, and its settings. */
#include "front.h"

#include "options.h"
#include "platform/memory.h"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch)                                      \
    TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *zc_version(void)
{
    return VERSION_TEXT(ZC_VERSION_MAJOR, ZC_VERSION_MINOR, ZC_VERSION_PATCH);
}

zc_status zc_cache_create(const struct zc_cache_options *options,
                          struct zc_cache **cache_out)
{
    struct zc_cache_options own;
    struct zc_cache *cache;
    zc_status status;

    if (cache_out == NULL)
        return ZC_INVALID;
    status = zc_options_copy_in(&own, sizeof(own), options);
    if (status == ZC_OK)
        status = zc_zcache_check_options(&own);
    if (status != ZC_OK)
        return status;
    cache = zc_calloc(1, sizeof(*cache));
    if (cache == NULL)
        return ZC_NO_MEMORY;
    status = zc_zcache_init(&cache->zcache, &own);
    if (status != ZC_OK) {
        zc_free(cache);
        return status;
    }
    *cache_out = cache;
    return ZC_OK;
}

void zc_cache_destroy(struct zc_cache *cache)
{
    if (cache == NULL)
        return;
    zc_zcache_destroy(&cache->zcache);
    zc_free(cache);
}

zc_status zc_cache_set_compressor(struct zc_cache *cache, const char *name,
                                  int level)
{
    if (cache == NULL)
        return ZC_INVALID;
    return zc_generations_change(&cache->zcache.generations, name, level);
}

zc_status zc_cache_set_limit(struct zc_cache *cache, uint64_t limit_bytes,
                             unsigned accept_threshold_percent)
{
    if (cache == NULL || accept_threshold_percent > 100)
        return ZC_INVALID;
    if (accept_threshold_percent == 0)
        accept_threshold_percent = ZC_ACCEPT_THRESHOLD_DEFAULT;
    zc_zcache_apply_limit(&cache->zcache, limit_bytes,
                          accept_threshold_percent);
    return ZC_OK;
}

zc_status zc_cache_compact(struct zc_cache *cache,
                           const struct zc_compact_budget *budget,
                           struct zc_compact_result *result_out)
{
    const struct zc_entries *entries;

    if (cache == NULL)
        return ZC_INVALID;
    entries = &cache->zcache.entries;
    if (entries->pool_ops->compact == NULL)
        return ZC_UNSUPPORTED;
    return entries->pool_ops->compact(entries->pool, budget, result_out);
}

struct zc_zspool *zc_cache_zspool(struct zc_cache *cache)
{
    if (cache == NULL || cache->zcache.entries.pool_ops != &zc_pool_zspool)
        return NULL;
    return cache->zcache.entries.pool;
}
