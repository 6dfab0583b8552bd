/* SPDX-License-Identifier: MIT */
/*
 * pool.c - a pool of places of one page each.
 *
 * The lock guards the list of free places.  Two rules keep the list right, and
 * the lab can break each; outside the lab zc_lab_holds() is always true.
 *
 *   FREE_UNDER_LOCK   a place enters the list under the lock
 *   TAKE_IN_ONE       a free place is found and taken in one section
 */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/lab.h>

struct place {
    struct place *next; /* [lock] while it is free */
    size_t size;        /* of the object in it */
    char *bytes;
};

struct places {
    pthread_mutex_t lock;
    struct place *free; /* [lock] */
    uint64_t used;      /* [lock] */
    uint64_t payload;   /* [lock] */
    size_t page_size;
    char *memory;
    struct place places[PLACES];
};

static zc_status places_create(const struct zc_pool_config *config,
                               void **pool_out)
{
    struct places *pool = calloc(1, sizeof(*pool));
    unsigned i;

    if (pool == NULL)
        return ZC_NO_MEMORY;
    pool->page_size = config->page_size;
    pool->memory = calloc(PLACES, config->page_size);
    if (pool->memory == NULL || pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool->memory);
        free(pool);
        return ZC_NO_MEMORY;
    }
    for (i = 0; i < PLACES; i++) {
        pool->places[i].bytes = pool->memory + i * pool->page_size;
        pool->places[i].next = pool->free;
        pool->free = &pool->places[i];
    }
    zc_lab_name(&pool->lock, "pool lock");
    *pool_out = pool;
    return ZC_OK;
}

static void places_destroy(void *pool)
{
    struct places *own = pool;

    (void)pthread_mutex_destroy(&own->lock);
    free(own->memory);
    free(own);
}

static struct place *take_place(struct places *pool, size_t size)
{
    struct place *place;

    (void)pthread_mutex_lock(&pool->lock);
    place = pool->free;
    if (!zc_lab_holds("TAKE_IN_ONE")) {
        (void)pthread_mutex_unlock(&pool->lock);
        (void)pthread_mutex_lock(&pool->lock);
    }
    if (place != NULL) {
        pool->free = place->next;
        pool->used++;
        pool->payload += size;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return place;
}

static zc_status places_put(void *pool, const void *data, size_t size,
                            zc_handle *handle_out)
{
    struct place *place = take_place(pool, size);

    if (place == NULL)
        return ZC_NO_MEMORY;
    place->size = size;
    memcpy(place->bytes, data, size);
    handle_out->value = (uintptr_t)place;
    return ZC_OK;
}

static void places_free(void *pool, zc_handle handle)
{
    struct places *own = pool;
    struct place *place = (struct place *)(uintptr_t)handle.value;

    if (zc_lab_holds("FREE_UNDER_LOCK"))
        (void)pthread_mutex_lock(&own->lock);
    place->next = own->free;
    own->free = place;
    if (!zc_lab_holds("FREE_UNDER_LOCK"))
        (void)pthread_mutex_lock(&own->lock);
    own->used--;
    own->payload -= place->size;
    (void)pthread_mutex_unlock(&own->lock);
}

/* Objects never move, so there is nothing to pin. */
static zc_status places_read_begin(void *pool, zc_handle handle,
                                   struct zc_zspool_read *read_out)
{
    const struct place *place = (const struct place *)(uintptr_t)handle.value;

    (void)pool;
    read_out->data = place->bytes;
    read_out->size = place->size;
    read_out->pin = NULL;
    return ZC_OK;
}

static void places_read_end(void *pool, struct zc_zspool_read *read)
{
    (void)pool;
    (void)read;
}

static void places_usage(const void *pool, struct zc_pool_usage *usage_out)
{
    struct places *own = (struct places *)(uintptr_t)pool;

    (void)pthread_mutex_lock(&own->lock);
    usage_out->pages = own->used;
    usage_out->payload_bytes = own->payload;
    usage_out->handle_bytes = 0;
    usage_out->metadata_bytes = sizeof(*own);
    (void)pthread_mutex_unlock(&own->lock);
}

static uint64_t places_page_count(const void *pool)
{
    struct zc_pool_usage usage = {.struct_size = sizeof(usage)};

    places_usage(pool, &usage);
    return usage.pages;
}

const struct zc_pool_ops places_ops = {
    .struct_size = sizeof(places_ops),
    .name = "places",
    .create = places_create,
    .destroy = places_destroy,
    .put = places_put,
    .free = places_free,
    .read_begin = places_read_begin,
    .read_end = places_read_end,
    .page_count = places_page_count,
    .usage = places_usage,
};
