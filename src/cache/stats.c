/* SPDX-License-Identifier: MIT */
/* stats.c - a cache's counters, and where its memory goes. */
#include <string.h>

#include "base/options.h"
#include "cache/cache.h"
#include "platform/memory.h"

/* A sum that is read while other threads count may be below zero; then 0. */
static uint64_t or_none(uint64_t sum)
{
    return sum > INT64_MAX ? 0 : sum;
}

static struct zc_pool_usage pool_usage(const struct zc_cache *cache)
{
    struct zc_pool_usage usage;

    memset(&usage, 0, sizeof(usage));
    usage.struct_size = sizeof(usage);
    cache->zswap.entries.pool_ops->usage(cache->zswap.entries.pool, &usage);
    return usage;
}

/* What page I/O, writeback, the shrinker and recompression count. */
static void sum_swap_side(const struct zc_stats *stats,
                          struct zc_cache_stats *own)
{
    own->dropped_pages = zc_stats_sum(stats, ZC_STAT_DROPPED);
    own->zswpwb = zc_stats_sum(stats, ZC_STAT_ZSWPWB);
    own->disk_writes = zc_stats_sum(stats, ZC_STAT_DISK_WRITES);
    own->disk_swapins = zc_stats_sum(stats, ZC_STAT_DISK_SWAPINS);
    own->disk_corrupt = zc_stats_sum(stats, ZC_STAT_DISK_CORRUPT);
    own->write_errors = zc_stats_sum(stats, ZC_STAT_WRITE_ERRORS);
    own->stored_again = zc_stats_sum(stats, ZC_STAT_STORED_AGAIN);
    own->writeback_busy = zc_stats_sum(stats, ZC_STAT_WRITEBACK_BUSY);
    own->writeback_stale = zc_stats_sum(stats, ZC_STAT_WRITEBACK_STALE);
    own->swpin_zero = zc_stats_sum(stats, ZC_STAT_SWPIN_ZERO);
    own->swpout_zero = zc_stats_sum(stats, ZC_STAT_SWPOUT_ZERO);
    own->reject_reclaim_fail = zc_stats_sum(stats, ZC_STAT_REJECT_RECLAIM_FAIL);
    own->shrink_runs = zc_stats_sum(stats, ZC_STAT_SHRINK_RUNS);
    own->shrink_scanned = zc_stats_sum(stats, ZC_STAT_SHRINK_SCANNED);
    own->written_by_age = zc_stats_sum(stats, ZC_STAT_WRITTEN_BY_AGE);
    own->recompressed_pages = zc_stats_sum(stats, ZC_STAT_RECOMPRESSED);
    own->recompress_poor = zc_stats_sum(stats, ZC_STAT_RECOMPRESS_POOR);
    own->recompress_stale = zc_stats_sum(stats, ZC_STAT_RECOMPRESS_STALE);
    own->recompress_fail = zc_stats_sum(stats, ZC_STAT_RECOMPRESS_FAIL);
}

zc_status zc_cache_get_stats(const struct zc_cache *cache,
                             struct zc_cache_stats *stats_out)
{
    struct zc_cache_stats own;
    const struct zc_stats *stats;
    struct zc_pool_usage usage;

    if (cache == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    stats = &cache->zswap.stats;
    usage = pool_usage(cache);
    memset(&own, 0, sizeof(own));
    own.stored_pages = or_none(zc_zswap_stored_pages(&cache->zswap));
    own.same_filled_pages =
        or_none(zc_stats_sum(stats, ZC_STAT_SAME_FILLED_PAGES));
    own.stored_incompressible_pages =
        or_none(zc_stats_sum(stats, ZC_STAT_INCOMPRESSIBLE_PAGES));
    own.raw_pages = or_none(zc_stats_sum(stats, ZC_STAT_RAW_PAGES));
    own.pool_total_size = usage.pages * cache->zswap.page_size;
    own.payload_bytes = usage.payload_bytes;
    own.generations = zc_generations_count(&cache->zswap.generations);
    own.zswpout = zc_stats_sum(stats, ZC_STAT_ZSWPOUT);
    own.zswpin = zc_stats_sum(stats, ZC_STAT_LOADED) +
                 zc_stats_sum(stats, ZC_STAT_TAKEN);
    own.invalidated_pages = zc_stats_sum(stats, ZC_STAT_INVALIDATED);
    own.replaced_pages = zc_stats_sum(stats, ZC_STAT_REPLACED);
    own.pool_limit_hit = zc_stats_sum(stats, ZC_STAT_POOL_LIMIT_HIT);
    own.reject_pool_limit = zc_stats_sum(stats, ZC_STAT_REJECT_POOL_LIMIT);
    own.reject_alloc_fail = zc_stats_sum(stats, ZC_STAT_REJECT_ALLOC_FAIL);
    own.reject_kmemcache_fail =
        zc_stats_sum(stats, ZC_STAT_REJECT_KMEMCACHE_FAIL);
    own.compress_fail = zc_stats_sum(stats, ZC_STAT_COMPRESS_FAIL);
    own.decompress_fail = zc_stats_sum(stats, ZC_STAT_DECOMPRESS_FAIL);
    own.take_retries = zc_stats_sum(stats, ZC_STAT_TAKE_RETRIES);
    own.reject_compress_poor =
        zc_stats_sum(stats, ZC_STAT_REJECT_COMPRESS_POOR);
    own.reject_owner_limit = zc_stats_sum(stats, ZC_STAT_REJECT_OWNER_LIMIT);
    sum_swap_side(stats, &own);
    return zc_options_copy_out(stats_out, &own, sizeof(own));
}

/* Clusters, allocators, and folios in memory of the system.  Frames that the
 * cache was given are accounted for by their owner. */
static uint64_t swap_bytes(struct zc_cache *cache)
{
    uint64_t bytes = zc_swap_bytes(&cache->swap);
    unsigned type;

    if (cache->swap.frames.alloc != NULL)
        return bytes;
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        bytes += zc_counter_read(&cache->swap.devices[type].cached) *
                 (cache->zswap.page_size + sizeof(struct zc_folio));
    return bytes;
}

zc_status zc_cache_account(struct zc_cache *cache,
                           struct zc_cache_accounting *accounting_out)
{
    struct zc_cache_accounting own;
    struct zc_pool_usage usage;

    if (cache == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    memset(&own, 0, sizeof(own));
    usage = pool_usage(cache);
    own.payload_bytes = usage.payload_bytes;
    own.pool_bytes = usage.pages * cache->zswap.page_size;
    own.entry_bytes = zc_entries_bytes(&cache->zswap.entries);
    own.tree_bytes = zc_tree_bytes(&cache->zswap.tree);
    /* The handles of our pool are in the entries. */
    own.handle_bytes = cache->zswap.entries.zspool == NULL ? usage.handle_bytes
                                                           : 0;
    own.context_bytes = zc_generations_bytes(&cache->zswap.generations);
    own.other_bytes = usage.metadata_bytes + usage.kept_bytes +
                      zc_malloc_size(cache) +
                      zc_process_mark_bytes(&cache->process) +
                      zc_lru_bytes(&cache->zswap.lru) + swap_bytes(cache);
    own.metadata_bytes = own.entry_bytes + own.tree_bytes + own.handle_bytes +
                         usage.metadata_bytes;
    own.total_bytes = own.pool_bytes + own.entry_bytes + own.tree_bytes +
                      own.handle_bytes + own.context_bytes + own.other_bytes;
    return zc_options_copy_out(accounting_out, &own, sizeof(own));
}
