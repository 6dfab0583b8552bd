/* SPDX-License-Identifier: MIT */
/*
 * store_malloc.c - compress, malloc, copy: what a program does without a
 * library.
 *
 * To compact is to give free memory back to the system, by the function that
 * the malloc has for it.  No malloc can move an object.
 *
 * A same-filled page is kept as a word, as in all stores here, so that the
 * comparison is about the other pages.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_DEFAULT */
#endif

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "corpus.h"
#include "store.h"

struct object {
    void *data; /* NULL and size not 0: the word `fill` repeated */
    uint64_t fill;
    uint16_t size; /* 0: nothing */
};

struct malloc_store {
    struct object *objects;
    uint32_t slots;
    uint64_t payload_bytes;
    unsigned char buffer[CODEC_BUFFER_BYTES];
};

static void *create(uint32_t slots, const char **why_out)
{
    struct malloc_store *store = map_memory(sizeof(*store));

    (void)why_out;
    store->objects = map_memory(slots * sizeof(*store->objects));
    store->slots = slots;
    return store;
}

static void forget(void *opaque, uint32_t slot)
{
    struct malloc_store *store = opaque;
    struct object *object = &store->objects[slot];

    if (object->data != NULL)
        store->payload_bytes -= object->size;
    free(object->data);
    *object = (struct object){.data = NULL};
}

static void destroy(void *opaque)
{
    struct malloc_store *store = opaque;
    uint32_t slot;

    for (slot = 0; slot < store->slots; slot++)
        forget(store, slot);
    unmap_memory(store->objects, store->slots * sizeof(*store->objects));
    unmap_memory(store, sizeof(*store));
}

static void put(void *opaque, uint32_t slot, const void *page)
{
    struct malloc_store *store = opaque;
    struct object made = {.size = sizeof(made.fill)};

    if (page_is_same_filled(page)) {
        memcpy(&made.fill, page, sizeof(made.fill));
    } else {
        made.size = (uint16_t)codec_compress(page, store->buffer);
        made.data = malloc(made.size);
        if (made.data == NULL)
            die("malloc");
        memcpy(made.data, made.size == PAGE_BYTES ? page : store->buffer,
               made.size);
        store->payload_bytes += made.size;
    }
    forget(store, slot);
    store->objects[slot] = made;
}

static bool get(void *opaque, uint32_t slot, void *page_out)
{
    struct malloc_store *store = opaque;
    const struct object *object = &store->objects[slot];
    char *out = page_out;
    size_t at;

    if (object->size == 0)
        return false;
    if (object->data != NULL) {
        codec_decompress(object->data, object->size, page_out);
        return true;
    }
    for (at = 0; at < PAGE_BYTES; at += sizeof(object->fill))
        memcpy(out + at, &object->fill, sizeof(object->fill));
    return true;
}

/* Calls each of these functions that the process has, by name. */
static bool compact(void *opaque)
{
    int (*trim)(size_t);
    void (*collect)(bool);
    void (*release)(void);
    int (*control)(const char *, void *, size_t *, void *, size_t);

    (void)opaque;
    *(void **)&trim = dlsym(RTLD_DEFAULT, "malloc_trim");
    *(void **)&collect = dlsym(RTLD_DEFAULT, "mi_collect");
    *(void **)&release =
        dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory");
    *(void **)&control = dlsym(RTLD_DEFAULT, "mallctl");
    if (trim != NULL)
        (void)trim(0);
    if (collect != NULL)
        collect(true);
    if (release != NULL)
        release();
    if (control != NULL)
        (void)control("arena.4096.purge", NULL, NULL, NULL, 0);
    return true;
}

static void usage(void *opaque, struct store_usage *usage_out)
{
    struct malloc_store *store = opaque;

    *usage_out = (struct store_usage){
        .payload_bytes = store->payload_bytes,
        .metadata_bytes = store->slots * sizeof(*store->objects)};
}

const struct store_ops store_malloc = {
    .name = "malloc",
    .create = create,
    .destroy = destroy,
    .put = put,
    .get = get,
    .forget = forget,
    .compact = compact,
    .usage = usage,
};
