/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - the C library's malloc as the pool behind a cache.
 *
 * An object is a block with its size in front, and its handle is the block's
 * address.  Bytes are counted as malloc rounds them; what it keeps for itself
 * beyond that, and what it does not give back, cannot be seen from here.
 */
#include <zcache/pool.h>

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/options.h"
#include "platform/atomic.h"
#include "platform/memory.h"

struct malloc_pool {
    size_t page_size;
    zc_atomic_u64 limit; /* bytes; UINT64_MAX: none */
    zc_atomic_u64 bytes; /* of all blocks; CAS against the limit */
    zc_counter payload;  /* of all objects in them */
};

struct malloc_object {
    size_t size;
    char data[];
};

static struct malloc_object *object_of(zc_handle handle)
{
    return (struct malloc_object *)(uintptr_t)handle.value;
}

static void malloc_set_limit(void *pool, uint64_t limit_bytes)
{
    struct malloc_pool *own = pool;

    zc_atomic_u64_store_relaxed(
        &own->limit, limit_bytes == 0
                         ? UINT64_MAX
                         : limit_bytes - limit_bytes % own->page_size);
}

static zc_status malloc_create(const struct zc_pool_config *config,
                               void **pool_out)
{
    /* A block of a page is a little more than a page. */
    const uint64_t least = 2 * (uint64_t)config->page_size;
    struct malloc_pool *pool;

    if (config->limit_bytes != 0 && config->limit_bytes < least)
        return ZC_REFUSE(config, ZC_INVALID,
                         "limit_bytes: %" PRIu64 " is less than %" PRIu64
                         ", in which an object of any size can be stored; "
                         "0 means no limit",
                         config->limit_bytes, least);
    pool = zc_calloc(1, sizeof(*pool));
    if (pool == NULL)
        return ZC_NO_MEMORY;
    pool->page_size = config->page_size;
    zc_atomic_u64_init(&pool->bytes, 0);
    zc_atomic_u64_init(&pool->limit, 0);
    malloc_set_limit(pool, config->limit_bytes);
    *pool_out = pool;
    return ZC_OK;
}

static void malloc_destroy(void *pool)
{
    const struct malloc_pool *own = pool;

    /* The cache has freed every object: malloc could not find them. */
    ZC_ASSERT(zc_atomic_u64_load_relaxed(&own->bytes) == 0);
    (void)own;
    zc_free(pool);
}

/* Counts a block in; false: the limit. */
static bool charge_block(struct malloc_pool *pool, uint64_t bytes, bool beyond)
{
    uint64_t now = zc_atomic_u64_load_relaxed(&pool->bytes);

    do {
        if (!beyond && now + bytes > zc_atomic_u64_load_relaxed(&pool->limit))
            return false;
    } while (!zc_atomic_u64_exchange_if(&pool->bytes, &now, now + bytes));
    return true;
}

static void uncharge_block(struct malloc_pool *pool, uint64_t bytes)
{
    uint64_t now = zc_atomic_u64_load_relaxed(&pool->bytes);

    while (!zc_atomic_u64_exchange_if(&pool->bytes, &now, now - bytes))
        ;
}

static zc_status put_block(struct malloc_pool *own, const void *data,
                           size_t size, bool beyond, zc_handle *handle_out)
{
    struct malloc_object *object = zc_malloc(sizeof(*object) + size);

    if (object == NULL)
        return ZC_NO_MEMORY;
    if (!charge_block(own, zc_malloc_size(object), beyond)) {
        zc_free(object);
        return ZC_REJECTED;
    }
    object->size = size;
    memcpy(object->data, data, size);
    zc_counter_add(&own->payload, size);
    handle_out->value = (uintptr_t)object;
    return ZC_OK;
}

static zc_status malloc_put(void *pool, const void *data, size_t size,
                            zc_handle *handle_out)
{
    return put_block(pool, data, size, false, handle_out);
}

static zc_status malloc_put_beyond(void *pool, const void *data, size_t size,
                                   zc_handle *handle_out)
{
    return put_block(pool, data, size, true, handle_out);
}

static void malloc_free(void *pool, zc_handle handle)
{
    struct malloc_pool *own = pool;

    uncharge_block(own, zc_malloc_size(object_of(handle)));
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

    return zc_divide_up(zc_atomic_u64_load_relaxed(&own->bytes),
                        own->page_size);
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
    .set_limit = malloc_set_limit,
    .put_beyond = malloc_put_beyond,
};
