/* SPDX-License-Identifier: MIT */
/*
 * memory.c - a device that is memory: pages as they are.
 *
 * A sparse array of leaves of 1024 slots.  A leaf is made at the first write to
 * one of its slots and stays until the close.  A page exists from the first
 * write to its slot until the discard.
 *
 * No locks: a leaf is published once, and only the thread that may use a slot
 * touches its page (backing.h).
 */
#include <zcache/backing.h>

#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/sparse.h"
#include "platform/memory.h"

#define LEAF_SHIFT 10
#define LEAF_SLOTS (1u << LEAF_SHIFT)

struct leaf {
    void *pages[LEAF_SLOTS]; /* [the slot's user] NULL: not written */
};

struct memory {
    size_t page_size;
    struct zc_sparse leaves;
    zc_counter leaf_bytes;
};

static zc_status memory_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    struct memory *memory = zc_calloc(1, sizeof(*memory));

    if (memory == NULL)
        return ZC_NO_MEMORY;
    memory->page_size = config->page_size;
    zc_sparse_init(&memory->leaves,
                   zc_divide_up(config->slot_count, LEAF_SLOTS));
    *backing_out = memory;
    return ZC_OK;
}

static void destroy_leaf(void *pointer, void *context)
{
    struct leaf *leaf = pointer;
    unsigned i;

    (void)context;
    for (i = 0; i < LEAF_SLOTS; i++)
        zc_free(leaf->pages[i]);
    zc_free(leaf);
}

static void memory_close(void *backing)
{
    struct memory *memory = backing;

    zc_sparse_destroy(&memory->leaves, destroy_leaf, NULL);
    zc_free(memory);
}

/* The place of a slot's page pointer; NULL: its leaf is not there. */
static void **find_place(const struct memory *memory, uint64_t slot)
{
    struct leaf *leaf = zc_sparse_find(&memory->leaves, slot >> LEAF_SHIFT);

    return leaf == NULL ? NULL : &leaf->pages[slot % LEAF_SLOTS];
}

/* find_place(), but makes the leaf if it is not there; NULL: no memory. */
static void **make_place(struct memory *memory, uint64_t slot)
{
    void **found = find_place(memory, slot);
    zc_atomic_pointer *place;
    struct leaf *leaf;

    if (found != NULL)
        return found;
    place = zc_sparse_make(&memory->leaves, slot >> LEAF_SHIFT);
    if (place == NULL)
        return NULL;
    leaf =
        zc_publish_any(place, zc_calloc(1, sizeof(*leaf)), &memory->leaf_bytes);
    return leaf == NULL ? NULL : &leaf->pages[slot % LEAF_SLOTS];
}

static zc_status memory_write(void *backing, uint64_t slot, const void *page)
{
    struct memory *memory = backing;
    void **place = make_place(memory, slot);

    if (place == NULL)
        return ZC_IO_ERROR;
    if (*place == NULL)
        *place = zc_malloc(memory->page_size);
    if (*place == NULL)
        return ZC_IO_ERROR;
    memcpy(*place, page, memory->page_size);
    return ZC_OK;
}

static zc_status memory_read(void *backing, uint64_t slot, void *page_out)
{
    const struct memory *memory = backing;
    void **place = find_place(memory, slot);

    /* A slot is read only after it was written; a file would have zeros. */
    ZC_ASSERT(place != NULL && *place != NULL);
    if (place == NULL || *place == NULL)
        memset(page_out, 0, memory->page_size);
    else
        memcpy(page_out, *place, memory->page_size);
    return ZC_OK;
}

static void memory_discard(void *backing, uint64_t slot)
{
    void **place = find_place(backing, slot);

    if (place == NULL)
        return;
    zc_free(*place);
    *place = NULL;
}

const struct zc_backing_ops zc_backing_memory = {
    .struct_size = sizeof(zc_backing_memory),
    .name = "memory",
    .open = memory_open,
    .close = memory_close,
    .write = memory_write,
    .read = memory_read,
    .discard = memory_discard,
};
