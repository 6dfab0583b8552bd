/* SPDX-License-Identifier: MIT */
/*
 * pool_malloc.c - the C library's malloc as the pool behind a cache.
 *
 * An object is a block with its size in front, and its handle is the block's
 * address.  Bytes are counted as malloc rounds them; what it keeps for itself
 * beyond that, and what it does not give back, cannot be seen from here.
 */
#include <zcache/pool.h>

#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "platform/atomic.h"
#include "platform/memory.h"

struct malloc_pool {
    size_t page_size;
    zc_counter bytes;   /* of all blocks */
    zc_counter payload; /* of all objects in them */
};

struct malloc_object {
    size_t size;
    char data[];
};

static struct malloc_object *object_of(zc_handle handle)
{
    return (struct malloc_object *)(uintptr_t)handle.value;
}

static zc_status malloc_create(const struct zc_pool_config *config,
                               void **pool_out)
{
    struct malloc_pool *pool = zc_calloc(1, sizeof(*pool));

    if (pool == NULL)
        return ZC_NO_MEMORY;
    pool->page_size = config->page_size;
    *pool_out = pool;
    return ZC_OK;
}

static void malloc_destroy(void *pool)
{
    const struct malloc_pool *own = pool;

    /* The cache has freed every object: malloc could not find them. */
    ZC_ASSERT(zc_counter_read(&own->bytes) == 0);
    (void)own;
    zc_free(pool);
}

static zc_status malloc_put(void *pool, const void *data, size_t size,
                            zc_handle *handle_out)
{
    struct malloc_pool *own = pool;
    struct malloc_object *object = zc_malloc(sizeof(*object) + size);

    if (object == NULL)
        return ZC_NO_MEMORY;
    object->size = size;
    memcpy(object->data, data, size);
    zc_counter_add(&own->bytes, zc_malloc_size(object));
    zc_counter_add(&own->payload, size);
    handle_out->value = (uintptr_t)object;
    return ZC_OK;
}

static void malloc_free(void *pool, zc_handle handle)
{
    struct malloc_pool *own = pool;

    zc_counter_subtract(&own->bytes, zc_malloc_size(object_of(handle)));
    zc_counter_subtract(&own->payload, object_of(handle)->size);
    zc_free(object_of(handle));
}

static zc_status malloc_read_begin(void *pool, zc_handle handle,
                                   struct zc_zspool_read *read_out)
{
    (void)pool;
    read_out->data = object_of(handle)->data;
    read_out->size = object_of(handle)->size;
    read_out->pin = NULL;
    return ZC_OK;
}

static void malloc_read_end(void *pool, struct zc_zspool_read *read)
{
    (void)pool;
    read->data = NULL;
}

static uint64_t malloc_page_count(const void *pool)
{
    const struct malloc_pool *own = pool;

    return zc_divide_up(zc_counter_read(&own->bytes), own->page_size);
}

static void malloc_usage(const void *pool, struct zc_pool_usage *usage_out)
{
    const struct malloc_pool *own = pool;

    usage_out->pages = malloc_page_count(pool);
    usage_out->payload_bytes = zc_counter_read(&own->payload);
    usage_out->handle_bytes = 0;
    usage_out->metadata_bytes = zc_malloc_size(pool);
}

const struct zc_pool_ops zc_pool_malloc = {
    .struct_size = sizeof(struct zc_pool_ops),
    .name = "malloc",
    .create = malloc_create,
    .destroy = malloc_destroy,
    .put = malloc_put,
    .free = malloc_free,
    .read_begin = malloc_read_begin,
    .read_end = malloc_read_end,
    .page_count = malloc_page_count,
    .usage = malloc_usage,
};
