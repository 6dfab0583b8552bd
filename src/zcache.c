/* SPDX-License-Identifier: MIT */
/* zcache.c - making and ending compressed memory, and its settings. */
#include "zcache_internal.h"

#include <stddef.h>

#include "options.h"
#include "platform/processor.h"

#define CONTEXT_COUNT_MAX 4096
#define WRITES_MAX_DEFAULT 32

static zc_status check_lru_mode(struct zc_cache_options *options)
{
    if (options->lru_mode == ZC_LRU_DEFAULT)
        options->lru_mode = options->backing_path != NULL ? ZC_LRU_ENTRY
                                                          : ZC_LRU_NONE;
    return options->lru_mode > ZC_LRU_ZSPAGE ? ZC_INVALID : ZC_OK;
}

/* The pool checks its own, and io_workers the device. */
zc_status zc_zcache_check_options(struct zc_cache_options *options)
{
    if (zc_options_check_page_size(&options->page_size) != ZC_OK)
        return ZC_INVALID;
    if (options->accept_threshold_percent == 0)
        options->accept_threshold_percent = ZC_ACCEPT_THRESHOLD_DEFAULT;
    if (options->accept_threshold_percent > 100)
        return ZC_INVALID;
    if (options->compressor_name == NULL)
        options->compressor_name = "lz4";
    if (options->context_count == 0)
        options->context_count = zc_processor_count();
    if (options->context_count > CONTEXT_COUNT_MAX)
        return ZC_INVALID;
    if (options->slot_count == 0)
        options->slot_count = ZC_SLOT_COUNT_DEFAULT;
    if (options->slot_count > ZC_SLOT_COUNT_MAX)
        return ZC_INVALID;
    if (options->checksums > 1 || options->no_same_filled > 1 ||
        options->shrink_worker > 1)
        return ZC_INVALID;
    if (options->writes_max == 0)
        options->writes_max = WRITES_MAX_DEFAULT;
    if (check_lru_mode(options) != ZC_OK)
        return ZC_INVALID;
    if (options->pool_ops == NULL)
        options->pool_ops = &zc_pool_zspool;
    return ZC_OK;
}

static bool is_complete(const struct zc_pool_ops *ops)
{
    return ops->struct_size >= offsetof(struct zc_pool_ops, reclaim) &&
           ops->create != NULL && ops->destroy != NULL && ops->put != NULL &&
           ops->free != NULL && ops->read_begin != NULL &&
           ops->read_end != NULL && ops->page_count != NULL &&
           ops->usage != NULL;
}

static bool can_reclaim(const struct zc_pool_ops *ops)
{
    return ops->struct_size >= sizeof(*ops) && ops->reclaim != NULL;
}

static zc_status create_pool(struct zc_zcache *zcache,
                             const struct zc_cache_options *options)
{
    const struct zc_pool_ops *ops = options->pool_ops;
    struct zc_pool_config config = {
        .struct_size = sizeof(config),
        .page_size = options->page_size,
        .placement = options->placement,
        .chain_length = options->chain_length,
        .segment_bytes = options->segment_bytes,
        .user = options->pool_user,
        .keep_lru = options->lru_mode == ZC_LRU_ZSPAGE,
    };
    zc_status status;

    if (!is_complete(ops) || (config.keep_lru != 0 && !can_reclaim(ops)))
        return ZC_INVALID;
    status = ops->create(&config, &zcache->entries.pool);
    if (status != ZC_OK)
        return status;
    zcache->entries.pool_ops = ops;
    zcache->huge_class_size = ops->huge_class_size == NULL
                                  ? options->page_size
                                  : ops->huge_class_size(zcache->entries.pool);
    return ZC_OK;
}

static zc_status init_parts(struct zc_zcache *zcache,
                            const struct zc_cache_options *options)
{
    zc_status status;

    status = zc_generations_init(
        &zcache->generations, options->page_size, options->context_count,
        options->compressor_name, options->compressor_level);
    if (status != ZC_OK)
        return status;
    status = create_pool(zcache, options);
    if (status != ZC_OK)
        goto destroy_generations;
    zcache->entries.page_size = options->page_size;
    zcache->entries.checksums = options->checksums != 0;
    zcache->entries.keeps_ages = options->lru_mode == ZC_LRU_ENTRY;
    zcache->entries.prefix_bytes =
        options->lru_mode == ZC_LRU_ZSPAGE ? sizeof(zc_swp) : 0;
    zcache->entries.generations = &zcache->generations;
    zcache->entries.lru = &zcache->lru;
    status = zc_lru_init(&zcache->lru, &zcache->entries);
    if (status != ZC_OK)
        goto destroy_pool;
    status = zc_entries_init(&zcache->entries);
    if (status != ZC_OK)
        goto destroy_lru;
    zc_tree_init(&zcache->tree, &zcache->entries, options->slot_count);
    return ZC_OK;

destroy_lru:
    zc_lru_destroy(&zcache->lru);
destroy_pool:
    zcache->entries.pool_ops->destroy(zcache->entries.pool);
destroy_generations:
    zc_generations_destroy(&zcache->generations);
    return status;
}

zc_status zc_zcache_init(struct zc_zcache *zcache,
                         const struct zc_cache_options *options)
{
    zcache->page_size = options->page_size;
    zcache->same_filled = options->no_same_filled == 0;
    zcache->lru_mode = options->lru_mode;
    zc_zcache_apply_limit(zcache, options->limit_bytes,
                          options->accept_threshold_percent);
    return init_parts(zcache, options);
}

void zc_zcache_destroy(struct zc_zcache *zcache)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        zc_zcache_invalidate_range(zcache, type, 0, zcache->tree.slot_count);
    ZC_ASSERT(zc_zcache_stored_pages(zcache) == 0);
    ZC_ASSERT(zc_generations_count(&zcache->generations) == 1);
    zc_tree_destroy(&zcache->tree);
    zc_lru_destroy(&zcache->lru);
    zc_entries_destroy(&zcache->entries);
    zcache->entries.pool_ops->destroy(zcache->entries.pool);
    zc_generations_destroy(&zcache->generations);
}

void zc_zcache_apply_limit(struct zc_zcache *zcache, uint64_t limit_bytes,
                           unsigned accept_threshold_percent)
{
    uint64_t limit_pages = UINT64_MAX;
    uint64_t threshold_pages = UINT64_MAX;

    if (limit_bytes != 0) {
        limit_pages = limit_bytes / zcache->page_size;
        /* In this order no product overflows. */
        threshold_pages = limit_pages / 100 * accept_threshold_percent +
                          limit_pages % 100 * accept_threshold_percent / 100;
    }
    zc_atomic_u64_store_relaxed(&zcache->limit_pages, limit_pages);
    zc_atomic_u64_store_relaxed(&zcache->threshold_pages, threshold_pages);
}

uint64_t zc_zcache_excess_pages(const struct zc_zcache *zcache)
{
    uint64_t threshold = zc_atomic_u64_load_relaxed(&zcache->threshold_pages);
    uint64_t pages = zcache->entries.pool_ops->page_count(zcache->entries.pool);

    return pages > threshold ? pages - threshold : 0;
}

bool zc_zcache_owner_forbids(const struct zc_zcache *zcache, unsigned owner)
{
    const struct zc_owner *record = zc_lru_find_owner(&zcache->lru, owner);

    return record != NULL &&
           zc_atomic_u32_load_relaxed(&record->no_writeback) != 0;
}

uint64_t zc_zcache_stored_pages(const struct zc_zcache *zcache)
{
    const struct zc_stats *stats = &zcache->stats;
    /* First, for a page is counted in before it can be counted out. */
    const uint64_t out = zc_stats_sum(stats, ZC_STAT_REPLACED) +
                         zc_stats_sum(stats, ZC_STAT_INVALIDATED) +
                         zc_stats_sum(stats, ZC_STAT_TAKEN) +
                         zc_stats_sum(stats, ZC_STAT_ZSWPWB);

    return zc_stats_sum(stats, ZC_STAT_ZSWPOUT) - out;
}

bool zc_zcache_has_type(const struct zc_zcache *zcache, unsigned type)
{
    return zc_tree_has_type(&zcache->tree, type);
}
