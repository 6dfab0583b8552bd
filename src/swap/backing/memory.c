/* SPDX-License-Identifier: MIT */
/*
 * memory.c - a device that is memory: pages as they are.
 *
 * A directory of leaves of 1024 slots.  The directory is address space only
 * until it is touched, a leaf is made at the first write to one of its slots
 * and stays until the close, and a page is there from the first write to its
 * slot until the discard.
 *
 * No locks: a leaf is published once, and a slot in it belongs to whoever has
 * the right to use the slot (backing.h).
 */
#include <zcache/backing.h>

#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "platform/atomic.h"
#include "platform/memory.h"

#define LEAF_SHIFT 10
#define LEAF_SLOTS (1u << LEAF_SHIFT)

struct leaf {
    struct leaf *next;       /* constant once it is in the list of leaves */
    void *pages[LEAF_SLOTS]; /* [the slot's user] NULL: not written */
};

struct memory {
    size_t page_size;
    uint64_t slot_count;
    size_t directory_bytes;
    /* Released when made; pairs with the acquire in find(). */
    zc_atomic_pointer *directory;
    zc_atomic_pointer leaves; /* all of them, for the close */
};

static zc_status memory_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    uint64_t leaves = (config->slot_count + LEAF_SLOTS - 1) >> LEAF_SHIFT;
    uint64_t bytes =
        zc_round_up(leaves * sizeof(zc_atomic_pointer), zc_pages_system_size());
    struct memory *memory;

    if (bytes > SIZE_MAX / 2)
        return ZC_NO_MEMORY;
    memory = zc_calloc(1, sizeof(*memory));
    if (memory == NULL)
        return ZC_NO_MEMORY;
    memory->page_size = config->page_size;
    memory->slot_count = config->slot_count;
    memory->directory_bytes = (size_t)bytes;
    memory->directory = zc_pages_map((size_t)bytes, zc_pages_system_size());
    if (memory->directory == NULL) {
        zc_free(memory);
        return ZC_NO_MEMORY;
    }
    *backing_out = memory;
    return ZC_OK;
}

static void memory_close(void *backing)
{
    struct memory *memory = backing;
    struct leaf *leaf = zc_atomic_pointer_load_acquire(&memory->leaves);
    struct leaf *next;
    unsigned i;

    for (; leaf != NULL; leaf = next) {
        next = leaf->next;
        for (i = 0; i < LEAF_SLOTS; i++)
            zc_free(leaf->pages[i]);
        zc_free(leaf);
    }
    zc_pages_unmap(memory->directory, memory->directory_bytes);
    zc_free(memory);
}

/* Pages are malloc()'s, and stay. */
static void memory_leave(void *backing)
{
    const struct memory *memory = backing;

    zc_pages_unmap(memory->directory, memory->directory_bytes);
}

/* Where the page of a slot is noted; NULL: its leaf is not there. */
static void **find(const struct memory *memory, uint64_t slot)
{
    struct leaf *leaf;

    ZC_ASSERT(slot < memory->slot_count);
    leaf =
        zc_atomic_pointer_load_acquire(&memory->directory[slot >> LEAF_SHIFT]);
    return leaf == NULL ? NULL : &leaf->pages[slot % LEAF_SLOTS];
}

/* Makes a leaf unless another thread has: whoever publishes first wins. */
static bool add_leaf(struct memory *memory, uint64_t slot)
{
    struct leaf *fresh = zc_calloc(1, sizeof(*fresh));
    void *expected = NULL;
    void *head;

    if (fresh == NULL)
        return false;
    if (!zc_atomic_pointer_exchange_if(&memory->directory[slot >> LEAF_SHIFT],
                                       &expected, fresh)) {
        zc_free(fresh);
        return true;
    }
    head = zc_atomic_pointer_load_relaxed(&memory->leaves);
    do
        fresh->next = head;
    while (!zc_atomic_pointer_exchange_if(&memory->leaves, &head, fresh));
    return true;
}

static zc_status memory_write(void *backing, uint64_t slot, const void *page)
{
    struct memory *memory = backing;
    void **place = find(memory, slot);

    if (place == NULL) {
        if (!add_leaf(memory, slot))
            return ZC_IO_ERROR;
        place = find(memory, slot);
    }
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
    void **place = find(memory, slot);

    /* Nobody asks for what he never wrote; a file would have zeros there. */
    ZC_ASSERT(place != NULL);
    ZC_ASSERT(*place != NULL);
    if (place == NULL || *place == NULL)
        memset(page_out, 0, memory->page_size);
    else
        memcpy(page_out, *place, memory->page_size);
    return ZC_OK;
}

static void memory_discard(void *backing, uint64_t slot)
{
    void **place = find(backing, slot);

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
    .leave_in_child = memory_leave,
};
