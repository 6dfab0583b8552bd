/* SPDX-License-Identifier: MIT */
/* zcache.c - making and ending a cache, and its settings. */
#include "zcache_internal.h"

#include "options.h"
#include "platform/memory.h"
#include "platform/processor.h"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch)                                      \
    TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

#define CONTEXT_COUNT_MAX 4096

const char *zc_version(void)
{
    return VERSION_TEXT(ZC_VERSION_MAJOR, ZC_VERSION_MINOR, ZC_VERSION_PATCH);
}

/* Fills in the defaults that are the cache's own; the pool checks the rest. */
static zc_status check_options(struct zc_cache_options *options)
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
    if (options->checksums > 1 || options->no_same_filled > 1)
        return ZC_INVALID;
    if (options->pool_ops == NULL)
        options->pool_ops = &zc_pool_zspool;
    return ZC_OK;
}

static bool is_complete(const struct zc_pool_ops *ops)
{
    return ops->struct_size >= sizeof(*ops) && ops->create != NULL &&
           ops->destroy != NULL && ops->put != NULL && ops->free != NULL &&
           ops->read_begin != NULL && ops->read_end != NULL &&
           ops->page_count != NULL && ops->usage != NULL;
}

static zc_status create_pool(struct zc_cache *cache,
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
    };
    zc_status status;

    if (!is_complete(ops))
        return ZC_INVALID;
    status = ops->create(&config, &cache->entries.pool);
    if (status != ZC_OK)
        return status;
    cache->entries.pool_ops = ops;
    cache->huge_class_size = ops->huge_class_size == NULL
                                 ? options->page_size
                                 : ops->huge_class_size(cache->entries.pool);
    return ZC_OK;
}

static zc_status init_parts(struct zc_cache *cache,
                            const struct zc_cache_options *options)
{
    zc_status status;

    status = zc_generations_init(
        &cache->generations, options->page_size, options->context_count,
        options->compressor_name, options->compressor_level);
    if (status != ZC_OK)
        return status;
    status = create_pool(cache, options);
    if (status != ZC_OK)
        goto destroy_generations;
    cache->entries.page_size = options->page_size;
    cache->entries.checksums = options->checksums != 0;
    cache->entries.generations = &cache->generations;
    status = zc_entries_init(&cache->entries);
    if (status != ZC_OK)
        goto destroy_pool;
    zc_tree_init(&cache->tree, &cache->entries, options->slot_count);
    return ZC_OK;

destroy_pool:
    cache->entries.pool_ops->destroy(cache->entries.pool);
destroy_generations:
    zc_generations_destroy(&cache->generations);
    return status;
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
        status = check_options(&own);
    if (status != ZC_OK)
        return status;
    cache = zc_calloc(1, sizeof(*cache));
    if (cache == NULL)
        return ZC_NO_MEMORY;
    cache->page_size = own.page_size;
    cache->same_filled = own.no_same_filled == 0;
    zc_cache_apply_limit(cache, own.limit_bytes, own.accept_threshold_percent);
    status = init_parts(cache, &own);
    if (status != ZC_OK) {
        zc_free(cache);
        return status;
    }
    *cache_out = cache;
    return ZC_OK;
}

void zc_cache_destroy(struct zc_cache *cache)
{
    unsigned type;

    if (cache == NULL)
        return;
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        (void)zc_cache_invalidate_type(cache, type);
    ZC_ASSERT(zc_cache_stored_pages(cache) == 0);
    ZC_ASSERT(zc_generations_count(&cache->generations) == 1);
    zc_tree_destroy(&cache->tree);
    zc_entries_destroy(&cache->entries);
    cache->entries.pool_ops->destroy(cache->entries.pool);
    zc_generations_destroy(&cache->generations);
    zc_free(cache);
}

zc_status zc_cache_set_compressor(struct zc_cache *cache, const char *name,
                                  int level)
{
    if (cache == NULL)
        return ZC_INVALID;
    return zc_generations_change(&cache->generations, name, level);
}

void zc_cache_apply_limit(struct zc_cache *cache, uint64_t limit_bytes,
                          unsigned accept_threshold_percent)
{
    uint64_t limit_pages = UINT64_MAX;
    uint64_t threshold_pages = UINT64_MAX;

    if (limit_bytes != 0) {
        limit_pages = limit_bytes / cache->page_size;
        /* In this order no product overflows. */
        threshold_pages = limit_pages / 100 * accept_threshold_percent +
                          limit_pages % 100 * accept_threshold_percent / 100;
    }
    zc_atomic_u64_store_relaxed(&cache->limit_pages, limit_pages);
    zc_atomic_u64_store_relaxed(&cache->threshold_pages, threshold_pages);
}

zc_status zc_cache_set_limit(struct zc_cache *cache, uint64_t limit_bytes,
                             unsigned accept_threshold_percent)
{
    if (cache == NULL || accept_threshold_percent > 100)
        return ZC_INVALID;
    if (accept_threshold_percent == 0)
        accept_threshold_percent = ZC_ACCEPT_THRESHOLD_DEFAULT;
    zc_cache_apply_limit(cache, limit_bytes, accept_threshold_percent);
    return ZC_OK;
}

zc_status zc_cache_compact(struct zc_cache *cache,
                           const struct zc_compact_budget *budget,
                           struct zc_compact_result *result_out)
{
    if (cache == NULL)
        return ZC_INVALID;
    if (cache->entries.pool_ops->compact == NULL)
        return ZC_UNSUPPORTED;
    return cache->entries.pool_ops->compact(cache->entries.pool, budget,
                                            result_out);
}

struct zc_zspool *zc_cache_zspool(struct zc_cache *cache)
{
    if (cache == NULL || cache->entries.pool_ops != &zc_pool_zspool)
        return NULL;
    return cache->entries.pool;
}
