/* SPDX-License-Identifier: MIT */
/* support_bump.c - a pool that never uses a byte twice. */
#include "support_bump.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES ((size_t)64 << 20) /* of address space; touched as needed */

struct bump_pool {
    pthread_mutex_t lock;
    char *arena;    /* [lock] */
    size_t used;    /* [lock] bytes of the arena */
    size_t bytes;   /* [lock] of live objects */
    size_t payload; /* [lock] their sizes */
    size_t page_size;
    struct support_bump_control *control; /* [lock] never NULL */
    struct support_bump_control own;      /* used when the user gave none */
};

struct bump_object {
    uint32_t size;
    uint32_t state;
    char data[];
};

#define STATE_LIVE 0x4c495645u
#define STATE_FREED 0x46524545u

static void die(const char *what)
{
    fprintf(stderr, "bump pool: %s\n", what);
    abort();
}

static zc_status bump_create(const struct zc_pool_config *config,
                             void **pool_out)
{
    struct support_bump_control *control = config->user;
    struct bump_pool *pool;

    if (control != NULL && control->create_status != ZC_OK)
        return control->create_status;
    pool = calloc(1, sizeof(*pool));
    if (pool == NULL)
        return ZC_NO_MEMORY;
    pool->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pool->arena == MAP_FAILED) {
        free(pool);
        return ZC_NO_MEMORY;
    }
    (void)pthread_mutex_init(&pool->lock, NULL);
    pool->page_size = config->page_size;
    pool->control = control != NULL ? control : &pool->own;
    pool->control->config = *config;
    pool->control->creates++;
    *pool_out = pool;
    return ZC_OK;
}

static void bump_destroy(void *pool)
{
    struct bump_pool *own = pool;

    own->control->destroys++;
    (void)munmap(own->arena, ARENA_BYTES);
    (void)pthread_mutex_destroy(&own->lock);
    free(own);
}

static struct bump_object *object_of(const struct bump_pool *pool,
                                     zc_handle handle)
{
    struct bump_object *object;

    if (handle.value == 0 || handle.value > pool->used)
        die("not a handle");
    object = (void *)(pool->arena + (handle.value - 1));
    if (object->state == STATE_FREED)
        die("an object used after it was freed");
    if (object->state != STATE_LIVE)
        die("not an object");
    return object;
}

static zc_status bump_put(void *pool, const void *data, size_t size,
                          zc_handle *handle_out)
{
    struct bump_pool *own = pool;
    struct bump_object *object;
    size_t bytes = (sizeof(*object) + size + 7) / 8 * 8;
    zc_status status;

    if (size == 0 || size > own->page_size)
        die("an object of no size it could have");
    (void)pthread_mutex_lock(&own->lock);
    status = own->control->put_status;
    if (status == ZC_OK && own->used + bytes > ARENA_BYTES)
        status = ZC_NO_MEMORY;
    if (status == ZC_OK) {
        object = (void *)(own->arena + own->used);
        object->size = (uint32_t)size;
        object->state = STATE_LIVE;
        memcpy(object->data, data, size);
        handle_out->value = own->used + 1;
        own->used += bytes;
        own->bytes += bytes;
        own->payload += size;
        own->control->puts++;
    }
    (void)pthread_mutex_unlock(&own->lock);
    return status;
}

static void bump_free(void *pool, zc_handle handle)
{
    struct bump_pool *own = pool;
    struct bump_object *object;

    (void)pthread_mutex_lock(&own->lock);
    object = object_of(own, handle);
    object->state = STATE_FREED;
    own->bytes -= (sizeof(*object) + object->size + 7) / 8 * 8;
    own->payload -= object->size;
    own->control->frees++;
    (void)pthread_mutex_unlock(&own->lock);
}

static zc_status bump_read_begin(void *pool, zc_handle handle,
                                 struct zc_zspool_read *read_out)
{
    struct bump_pool *own = pool;
    struct bump_object *object;
    zc_status status;

    (void)pthread_mutex_lock(&own->lock);
    status = own->control->read_status;
    if (status == ZC_OK) {
        object = object_of(own, handle);
        read_out->data = object->data;
        read_out->size = object->size - own->control->read_less;
        read_out->pin = object;
        own->control->reads++;
    }
    (void)pthread_mutex_unlock(&own->lock);
    return status;
}

static void bump_read_end(void *pool, struct zc_zspool_read *read)
{
    struct bump_pool *own = pool;
    const struct bump_object *object = read->pin;

    (void)pthread_mutex_lock(&own->lock);
    if (object->state != STATE_LIVE)
        die("an object freed while it was read");
    own->control->reads_ended++;
    (void)pthread_mutex_unlock(&own->lock);
}

static uint64_t bump_page_count(const void *pool)
{
    /* `const` says nothing about the lock. */
    struct bump_pool *own = (struct bump_pool *)(uintptr_t)pool;
    uint64_t pages;

    (void)pthread_mutex_lock(&own->lock);
    pages = own->control->has_page_count
                ? own->control->page_count
                : (own->bytes + own->page_size - 1) / own->page_size;
    (void)pthread_mutex_unlock(&own->lock);
    return pages;
}

static void bump_usage(const void *pool, struct zc_pool_usage *usage_out)
{
    struct bump_pool *own = (struct bump_pool *)(uintptr_t)pool;

    usage_out->pages = bump_page_count(pool);
    (void)pthread_mutex_lock(&own->lock);
    usage_out->payload_bytes = own->payload;
    (void)pthread_mutex_unlock(&own->lock);
    usage_out->handle_bytes = 11;
    usage_out->metadata_bytes = 7;
}

static size_t bump_huge_class_size(const void *pool)
{
    const struct bump_pool *own = pool;

    return own->control->huge_class_size != 0 ? own->control->huge_class_size
                                              : own->page_size;
}

const struct zc_pool_ops support_bump_pool = {
    .struct_size = sizeof(struct zc_pool_ops),
    .name = "bump",
    .create = bump_create,
    .destroy = bump_destroy,
    .put = bump_put,
    .free = bump_free,
    .read_begin = bump_read_begin,
    .read_end = bump_read_end,
    .page_count = bump_page_count,
    .usage = bump_usage,
    .huge_class_size = bump_huge_class_size,
};
