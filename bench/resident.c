/* SPDX-License-Identifier: MIT */
/* resident.c - see resident.h. */
#include "resident.h"

#include <string.h>

/* What the pool in the making, or the last alloc, was; one thread at a time. */
static void *last_pool;
static zc_handle last_handle;

static zc_status listening_create(const struct zc_pool_config *config,
                                  void **pool_out)
{
    zc_status status = zc_pool_zspool.create(config, pool_out);

    if (status == ZC_OK)
        last_pool = *pool_out;
    return status;
}

static zc_status listening_put(void *pool, const void *data, size_t size,
                               zc_handle *handle_out)
{
    zc_status status = zc_pool_zspool.put(pool, data, size, handle_out);

    if (status == ZC_OK)
        last_handle = *handle_out;
    return status;
}

uint32_t resident_choose_pages(const struct corpus *corpus,
                               uint32_t **pages_out)
{
    uint32_t *pages = map_memory(corpus->count * sizeof(*pages));
    uint32_t count = 0;
    uint32_t i;

    for (i = 0; i < corpus->count; i++) {
        if (!page_is_same_filled(corpus_page(corpus, i)))
            pages[count++] = i;
    }
    if (count == 0)
        die("every page is same-filled");
    *pages_out = pages;
    return count;
}

void resident_fill(struct resident *resident, unsigned placement,
                   const struct corpus *corpus, const uint32_t *pages,
                   uint32_t page_count, uint32_t slots)
{
    static struct zc_pool_ops listening;
    uint32_t slot;

    listening = zc_pool_zspool;
    listening.create = listening_create;
    listening.put = listening_put;
    resident->count = slots;
    resident->handles = map_memory(slots * sizeof(*resident->handles));
    must(zc_cache_create(ZC_CACHE_OPTIONS(.placement = placement,
                                          .compressor_name = "lz4",
                                          .pool_ops = &listening),
                         &resident->cache),
         "zc_cache_create");
    resident->pool = last_pool;
    for (slot = 0; slot < slots; slot++) {
        must(zc_cache_store(resident->cache, zc_swp_make(0, slot),
                            corpus_page(corpus, pages[slot % page_count])),
             "zc_cache_store");
        resident->handles[slot] = last_handle;
    }
}

void resident_destroy(struct resident *resident)
{
    zc_cache_destroy(resident->cache);
    unmap_memory(resident->handles,
                 resident->count * sizeof(*resident->handles));
}

struct resident_object resident_find(const struct resident *resident,
                                     uint32_t slot)
{
    struct resident_object object;
    struct zc_zspool_read read;

    must(zc_pool_zspool.read_begin(resident->pool, resident->handles[slot],
                                   &read),
         "read_begin");
    object.data = read.data;
    object.size = read.size;
    zc_pool_zspool.read_end(resident->pool, &read);
    return object;
}

unsigned placement_named(const char *name)
{
    unsigned i;

    if (name == NULL)
        return ZC_PLACEMENT_DENSE;
    for (i = 1; zc_placement_name(i) != NULL; i++)
        if (strcmp(zc_placement_name(i), name) == 0)
            return i;
    die("\"%s\" is no placement", name);
}
