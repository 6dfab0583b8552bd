/* SPDX-License-Identifier: MIT */
/* ops.c - the zspool as the pool behind a cache. */
#include <zcache/pool.h>

#include "base/assert.h"
#include "zspool.h"

zc_status zc_zspool_create_for(const struct zc_pool_config *config,
                               size_t user_bytes, struct zc_zspool **pool_out)
{
    return zc_zspool_create_with_records(
        ZC_ZSPOOL_OPTIONS(.page_size = config->page_size,
                          .placement = config->placement,
                          .chain_length = config->chain_length,
                          .limit_bytes = config->limit_bytes,
                          .segment_bytes = config->segment_bytes,
                          .keep_lru = config->keep_lru,
                          .reason = config->reason,
                          .reason_size = config->reason_size,
                          .group_count = config->group_count),
        user_bytes, pool_out);
}

static zc_status zspool_create(const struct zc_pool_config *config,
                               void **pool_out)
{
    struct zc_zspool *pool;
    zc_status status = zc_zspool_create_for(config, 0, &pool);

    if (status == ZC_OK)
        *pool_out = pool;
    return status;
}

static void zspool_destroy(void *pool)
{
    zc_zspool_destroy(pool);
}

static zc_status zspool_put(void *pool, const void *data, size_t size,
                            zc_handle *handle_out)
{
    return zc_zspool_put(pool, data, size, handle_out);
}

static void zspool_free(void *pool, zc_handle handle)
{
    zc_status status = zc_zspool_free(pool, handle);

    /* The cache frees what it has, once: anything else is our mistake. */
    ZC_ASSERT(status == ZC_OK);
    (void)status;
}

static zc_status zspool_read_begin(void *pool, zc_handle handle,
                                   struct zc_zspool_read *read_out)
{
    zc_status status = zc_zspool_read_begin(pool, handle, read_out);

    ZC_ASSERT(status == ZC_OK);
    return status;
}

static void zspool_read_end(void *pool, struct zc_zspool_read *read)
{
    zc_zspool_read_end(pool, read);
}

static uint64_t zspool_page_count(const void *pool)
{
    return zc_zspool_page_count(pool);
}

static void zspool_usage(const void *pool, struct zc_pool_usage *usage_out)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    (void)zc_zspool_get_stats(pool, &stats);
    usage_out->pages = stats.pages_allocated;
    usage_out->payload_bytes = stats.payload_bytes;
    usage_out->handle_bytes = stats.handle_bytes;
    usage_out->metadata_bytes = stats.metadata_bytes;
    usage_out->kept_bytes = stats.kept_bytes;
}

static size_t zspool_huge_class_size(const void *pool)
{
    return zc_zspool_huge_class_size(pool);
}

static zc_status zspool_compact(void *pool,
                                const struct zc_compact_budget *budget,
                                struct zc_compact_result *result_out)
{
    return zc_zspool_compact(pool, budget, result_out);
}

static zc_status zspool_reclaim(void *pool, zc_zspool_evict evict,
                                void *context, uint64_t page_goal,
                                uint64_t *pages_out)
{
    return zc_zspool_reclaim(pool, evict, context, page_goal, pages_out);
}

static void zspool_set_limit(void *pool, uint64_t limit_bytes)
{
    (void)zc_zspool_set_limit(pool, limit_bytes);
}

static zc_status zspool_put_beyond(void *pool, const void *data, size_t size,
                                   zc_handle *handle_out)
{
    return zc_zspool_put_beyond(pool, data, size, handle_out);
}

static uint64_t zspool_used_pages(const void *pool)
{
    return zc_zspool_used_pages(pool);
}

const struct zc_pool_ops zc_pool_zspool = {
    .struct_size = sizeof(struct zc_pool_ops),
    .name = "zspool",
    .create = zspool_create,
    .destroy = zspool_destroy,
    .put = zspool_put,
    .free = zspool_free,
    .read_begin = zspool_read_begin,
    .read_end = zspool_read_end,
    .page_count = zspool_page_count,
    .usage = zspool_usage,
    .huge_class_size = zspool_huge_class_size,
    .compact = zspool_compact,
    .reclaim = zspool_reclaim,
    .set_limit = zspool_set_limit,
    .put_beyond = zspool_put_beyond,
    .used_pages = zspool_used_pages,
};
