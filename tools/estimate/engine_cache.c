/* SPDX-License-Identifier: MIT */
/* engine_cache.c - a cache of the library. */
#include <stdlib.h>

#include "estimate/engine.h"

struct engine {
    const struct run_request *request;
    struct zc_cache *cache;
    uint64_t empty_metadata_bytes; /* of the cache without pages */
    uint64_t empty_pool_bytes;
};

static bool account(struct engine *engine, uint64_t *payload_out,
                    uint64_t *pool_out, uint64_t *metadata_out)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};

    if (zc_cache_account(engine->cache, &accounting) != ZC_OK)
        return false;
    *payload_out = accounting.payload_bytes;
    *pool_out = accounting.pool_bytes;
    *metadata_out = accounting.metadata_bytes;
    return true;
}

static zc_status make_cache(const struct run_request *request,
                            struct zc_cache **cache_out, char *reason)
{
    return zc_cache_create(
        ZC_CACHE_OPTIONS(.page_size = request->snapshot->page_size,
                         .compressor_name = request->codec->name,
                         .compressor_level = request->codec->level,
                         .placement = request->placement, .reason = reason,
                         .reason_size = ZC_REASON_SIZE),
        cache_out);
}

static zc_status create(const struct run_request *request,
                        struct engine **engine_out, char *reason)
{
    struct engine *engine = memory_allocate(1, sizeof(*engine));
    uint64_t payload;
    zc_status status = make_cache(request, &engine->cache, reason);

    engine->request = request;
    if (status == ZC_OK && !account(engine, &payload, &engine->empty_pool_bytes,
                                    &engine->empty_metadata_bytes)) {
        zc_cache_destroy(engine->cache);
        status = ZC_INVALID;
    }
    if (status != ZC_OK) {
        free(engine);
        return status;
    }
    *engine_out = engine;
    return ZC_OK;
}

static void destroy(struct engine *engine)
{
    zc_cache_destroy(engine->cache);
    free(engine);
}

static zc_status store(struct engine *engine, unsigned thread, uint64_t index,
                       const unsigned char *page)
{
    (void)thread;
    return zc_cache_store(engine->cache, zc_swp_make(0, index), page);
}

static zc_status load(struct engine *engine, unsigned thread, uint64_t index,
                      unsigned char *page_out)
{
    (void)thread;
    return zc_cache_load(engine->cache, zc_swp_make(0, index), page_out);
}

/* The sizes of all objects, from a second cache: one page after another. */
static bool measure_sizes(const struct run_request *request,
                          struct run_result *result)
{
    const struct snapshot *snapshot = request->snapshot;
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    char reason[ZC_REASON_SIZE];
    struct zc_cache *cache;
    uint64_t before = 0;
    uint64_t i;

    if (make_cache(request, &cache, reason) != ZC_OK)
        return false;
    result->sizes =
        memory_allocate((size_t)snapshot->page_count, sizeof(*result->sizes));
    for (i = 0; i < snapshot->page_count; i++) {
        if (zc_cache_store(cache, zc_swp_make(0, i),
                           snapshot->bytes + (size_t)i * snapshot->page_size) !=
                ZC_OK ||
            zc_cache_get_stats(cache, &stats) != ZC_OK)
            break;
        result->sizes[i] = (uint32_t)(stats.payload_bytes - before);
        before = stats.payload_bytes;
    }
    zc_cache_destroy(cache);
    return i == snapshot->page_count;
}

static bool measure(struct engine *engine, struct run_result *result)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    if (!account(engine, &result->payload_bytes, &result->pool_bytes,
                 &result->metadata_bytes) ||
        zc_cache_get_stats(engine->cache, &stats) != ZC_OK)
        return false;
    result->pool_bytes -= engine->empty_pool_bytes;
    result->metadata_bytes -= engine->empty_metadata_bytes;
    result->raw_pages = stats.raw_pages;
    result->free_pages = stats.same_filled_pages;
    return !engine->request->want_sizes ||
           measure_sizes(engine->request, result);
}

static struct zc_zspool *pool_of(struct engine *engine)
{
    return zc_cache_zspool(engine->cache);
}

const struct engine_ops engine_cache = {
    .create = create,
    .destroy = destroy,
    .store = store,
    .load = load,
    .measure = measure,
    .pool = pool_of,
};
