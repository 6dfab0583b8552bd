/* SPDX-License-Identifier: MIT */
/* store_zcache.c - the library, in both placements. */
#include <zcache/zcache.h>

#include "store.h"

static void *create(unsigned placement, const char **why_out)
{
    struct zc_cache *cache;

    (void)why_out;
    must(zc_cache_create(
             ZC_CACHE_OPTIONS(.placement = placement, .compressor_name = "lz4"),
             &cache),
         "zc_cache_create");
    return cache;
}

static void *create_dense(uint32_t slots, const char **why_out)
{
    (void)slots;
    return create(ZC_PLACEMENT_DENSE, why_out);
}

static void *create_kernel(uint32_t slots, const char **why_out)
{
    (void)slots;
    return create(ZC_PLACEMENT_KERNEL, why_out);
}

static void destroy(void *store)
{
    zc_cache_destroy(store);
}

static void put(void *store, uint32_t slot, const void *page)
{
    must(zc_cache_store(store, zc_swp_make(0, slot), page), "zc_cache_store");
}

static bool get(void *store, uint32_t slot, void *page_out)
{
    return zc_cache_load(store, zc_swp_make(0, slot), page_out) == ZC_OK;
}

static void forget(void *store, uint32_t slot)
{
    must(zc_cache_invalidate(store, zc_swp_make(0, slot)),
         "zc_cache_invalidate");
}

static bool compact(void *store)
{
    must(zc_cache_compact(store, NULL, NULL), "zc_cache_compact");
    return true;
}

static void usage(void *store, struct store_usage *usage_out)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};

    must(zc_cache_account(store, &accounting), "zc_cache_account");
    usage_out->payload_bytes = accounting.payload_bytes;
    usage_out->pool_bytes = accounting.pool_bytes;
    usage_out->metadata_bytes = accounting.metadata_bytes;
}

const struct store_ops store_dense = {
    .name = "dense",
    .create = create_dense,
    .destroy = destroy,
    .put = put,
    .get = get,
    .forget = forget,
    .compact = compact,
    .usage = usage,
};

const struct store_ops store_kernel = {
    .name = "kernel",
    .create = create_kernel,
    .destroy = destroy,
    .put = put,
    .get = get,
    .forget = forget,
    .compact = compact,
    .usage = usage,
};
