/* SPDX-License-Identifier: MIT */
/* reclaim.c - owners, and shrinking and writeback on request. */
#include "base/options.h"
#include "cache/cache.h"

static zc_status refuse_owner(unsigned owner, char *reason, size_t reason_size)
{
    return zc_refuse(reason, reason_size, ZC_INVALID,
                     "owner: %u is not from 0 to %d", owner,
                     ZC_OWNER_COUNT - 1);
}

zc_status zc_cache_set_owner(struct zc_cache *cache, unsigned owner,
                             const struct zc_owner_options *options)
{
    struct zc_owner_options own;
    struct zc_owner *record;
    zc_status status;

    status = ZC_OPTIONS_READ(&own, options);
    if (status != ZC_OK)
        return status;
    if (cache == NULL)
        return ZC_REFUSE(&own, ZC_INVALID, "cache: NULL");
    if (owner >= ZC_OWNER_COUNT)
        return refuse_owner(owner, own.reason, own.reason_size);
    if (zc_process_is_child(&cache->process))
        return ZC_CACHE_REFUSE_CHILD(&own);
    if (own.no_writeback > 1)
        return ZC_REFUSE(&own, ZC_INVALID, "no_writeback: %u is not 0 or 1",
                         own.no_writeback);
    record = zc_lru_owner(&cache->zswap.lru, owner);
    if (record == NULL)
        return ZC_NO_MEMORY;
    zc_atomic_u64_store_relaxed(&record->limit_bytes, own.limit_bytes == 0
                                                          ? UINT64_MAX
                                                          : own.limit_bytes);
    zc_atomic_u32_store_relaxed(&record->no_writeback, own.no_writeback);
    return ZC_OK;
}

/* Whether a device is on. */
static bool has_any_device(const struct zc_cache *cache)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        if (zc_swap_has_device(&cache->swap, type))
            return true;
    return false;
}

zc_status zc_cache_shrink(struct zc_cache *cache, uint64_t page_goal,
                          uint64_t *pages_out)
{
    zc_status status;
    uint64_t pages;

    if (cache == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (cache->zswap.lru_mode == ZC_LRU_NONE ||
        (!cache->zswap.drops && !has_any_device(cache)))
        return ZC_UNSUPPORTED;
    status =
        zc_shrinker_shrink(&cache->shrinker, ZC_OWNER_ANY, page_goal, &pages);
    if (pages_out != NULL)
        *pages_out = pages;
    return status;
}

zc_status zc_cache_check_cold(unsigned min_age_seconds, unsigned one_owner,
                              unsigned owner, char *reason, size_t reason_size)
{
    if (min_age_seconds > ZC_AGE_SECONDS_MAX)
        return zc_refuse(reason, reason_size, ZC_INVALID,
                         "min_age_seconds: %u is not from 0 to %d",
                         min_age_seconds, ZC_AGE_SECONDS_MAX);
    if (one_owner > 1)
        return zc_refuse(reason, reason_size, ZC_INVALID,
                         "one_owner: %u is not 0 or 1", one_owner);
    if (owner >= ZC_OWNER_COUNT)
        return refuse_owner(owner, reason, reason_size);
    return ZC_OK;
}

zc_status zc_cache_writeback(struct zc_cache *cache,
                             const struct zc_writeback_options *options,
                             size_t *bytes_out)
{
    struct zc_writeback_options own;
    zc_status status;
    size_t bytes;

    status = ZC_OPTIONS_READ(&own, options);
    if (status != ZC_OK)
        return status;
    if (cache == NULL)
        return ZC_REFUSE(&own, ZC_INVALID, "cache: NULL");
    status = zc_cache_check_cold(own.min_age_seconds, own.one_owner, own.owner,
                                 own.reason, own.reason_size);
    if (status != ZC_OK)
        return status;
    if (zc_process_is_child(&cache->process))
        return ZC_CACHE_REFUSE_CHILD(&own);
    if (cache->zswap.lru_mode != ZC_LRU_ENTRY)
        return ZC_REFUSE(&own, ZC_UNSUPPORTED,
                         "the cache's lru_mode is not entry");
    if (!has_any_device(cache))
        return ZC_REFUSE(&own, ZC_UNSUPPORTED, "no device is on");
    status = zc_shrinker_writeback(&cache->shrinker, &own, &bytes);
    if (bytes_out != NULL)
        *bytes_out = bytes;
    return status;
}
