/* SPDX-License-Identifier: MIT */
/*
 * slots_alloc.c - which free slot of a managed device is given out next.
 *
 * Free slots are the zeros of a bitmap with summaries, found in a few steps in
 * any order by offset.  In each order, slots that were never used are given out
 * upwards, so that the memory for them is touched from its beginning on, and
 * only as far as slots were ever used.
 *
 * "Freed last" is a stack: each freed slot links to the one freed before it.
 * While it is not empty, slots are taken only from its top.
 *
 * The thread that takes a slot and swapoff: a slot that is taken is not yet in
 * use, so swapoff would not see it, and would end the device while the thread
 * puts a page there.  So the thread puts the slot in use under its cluster's
 * lock, and only if the device still accepts pages then; otherwise it gives the
 * slot back.  Swapoff stops the device and then looks for slots in use under
 * the same lock: it finds this one, or the thread finds the device stopped.
 */
#include "base/bitmap.h"
#include "base/bits.h"
#include "platform/memory.h"
#include "swap/slots.h"

struct zc_slot_allocator {
    struct zc_spinlock lock;
    unsigned order; /* enum zc_slot_order, not DEFAULT */
    uint64_t slot_count;
    struct zc_bitmap taken; /* [lock] not free */
    uint64_t next;          /* [lock] ROUND_ROBIN: where to look first */
    uint64_t ever_taken;    /* [lock] above the highest slot ever taken */
    uint64_t freed_count;   /* [lock] LAST_FREED: slots on the stack, */
    uint32_t freed_last;    /* [lock] the one on top, */
    uint32_t *freed_before; /* [lock] and under each slot the one before */
    void *memory;           /* of bitmap and stack */
    size_t memory_bytes;
};

static uint64_t stack_bytes(unsigned order, uint64_t slot_count)
{
    return order == ZC_SLOT_ORDER_LAST_FREED ? slot_count * sizeof(uint32_t)
                                             : 0;
}

zc_status zc_slot_allocator_create(uint64_t slot_count, unsigned order,
                                   struct zc_slot_allocator **allocator_out)
{
    struct zc_slot_allocator *allocator = zc_calloc(1, sizeof(*allocator));
    uint64_t bitmap_bytes = zc_bitmap_bytes(slot_count);
    uint64_t bytes;

    if (allocator == NULL)
        return ZC_NO_MEMORY;
    if (order == ZC_SLOT_ORDER_DEFAULT)
        order = ZC_SLOT_ORDER_ROUND_ROBIN;
    bytes = zc_round_up(bitmap_bytes + stack_bytes(order, slot_count),
                        zc_pages_system_size());
    allocator->order = order;
    allocator->slot_count = slot_count;
    allocator->memory_bytes = (size_t)bytes;
    if (bytes <= SIZE_MAX)
        allocator->memory =
            zc_pages_map(allocator->memory_bytes, zc_pages_system_size());
    if (allocator->memory == NULL)
        goto free_allocator;
    if (zc_spinlock_init(&allocator->lock, ZC_RANK_SLOTS, "slots") != ZC_OK)
        goto unmap;
    zc_bitmap_init(&allocator->taken, allocator->memory, slot_count);
    if (order == ZC_SLOT_ORDER_LAST_FREED)
        allocator->freed_before =
            (void *)((char *)allocator->memory + (size_t)bitmap_bytes);
    *allocator_out = allocator;
    return ZC_OK;

unmap:
    zc_pages_unmap(allocator->memory, allocator->memory_bytes);
free_allocator:
    zc_free(allocator);
    return ZC_NO_MEMORY;
}

void zc_slot_allocator_destroy(struct zc_slot_allocator *allocator)
{
    if (allocator == NULL)
        return;
    zc_spinlock_destroy(&allocator->lock);
    zc_pages_unmap(allocator->memory, allocator->memory_bytes);
    zc_free(allocator);
}

/* The next slot in the allocator's order; slot_count: none is free. */
static uint64_t choose_slot(struct zc_slot_allocator *allocator)
    ZC_REQUIRES(allocator->lock)
{
    uint64_t offset;

    if (allocator->order == ZC_SLOT_ORDER_ROUND_ROBIN) {
        offset = zc_bitmap_next_clear(&allocator->taken, allocator->next);
        if (offset < allocator->slot_count)
            return offset;
    }
    if (allocator->freed_count > 0) {
        offset = allocator->freed_last;
        allocator->freed_last = allocator->freed_before[offset];
        allocator->freed_count--;
        return offset;
    }
    return zc_bitmap_next_clear(&allocator->taken, 0);
}

bool zc_slot_allocator_take(struct zc_slot_allocator *allocator,
                            uint64_t *offset_out)
{
    uint64_t offset;
    bool found;

    zc_spinlock_lock(&allocator->lock);
    offset = choose_slot(allocator);
    found = offset < allocator->slot_count;
    if (found) {
        zc_bitmap_set(&allocator->taken, offset);
        allocator->next = offset + 1;
        if (allocator->ever_taken <= offset)
            allocator->ever_taken = offset + 1;
        *offset_out = offset;
    }
    zc_spinlock_unlock(&allocator->lock);
    return found;
}

void zc_slot_allocator_give(struct zc_slot_allocator *allocator,
                            uint64_t offset)
{
    zc_spinlock_lock(&allocator->lock);
    ZC_ASSERT(zc_bitmap_has(&allocator->taken, offset));
    zc_bitmap_clear(&allocator->taken, offset);
    if (allocator->order == ZC_SLOT_ORDER_LAST_FREED) {
        allocator->freed_before[offset] = allocator->freed_last;
        allocator->freed_last = (uint32_t)offset;
        allocator->freed_count++;
    }
    zc_spinlock_unlock(&allocator->lock);
}

uint64_t zc_slot_allocator_bytes(struct zc_slot_allocator *allocator)
{
    uint64_t ever_taken;

    zc_spinlock_lock(&allocator->lock);
    ever_taken = allocator->ever_taken;
    zc_spinlock_unlock(&allocator->lock);
    return zc_malloc_size(allocator) + zc_bitmap_bytes(ever_taken) +
           stack_bytes(allocator->order, ever_taken);
}

/* Inserts the folio at a slot that was taken for it. */
static zc_status use_slot(struct zc_swap_device *device, zc_swp slot,
                          struct zc_folio *folio)
{
    struct zc_cluster *cluster = zc_cluster_make(device, zc_swp_offset(slot));
    bool accepts;

    if (cluster == NULL || zc_cluster_add_folios(device, cluster) != ZC_OK)
        return ZC_NO_MEMORY;
    zc_spinlock_lock(&cluster->lock);
    accepts = zc_swap_device_accepts(device);
    if (accepts)
        zc_cluster_insert(device, cluster, slot, folio);
    zc_spinlock_unlock(&cluster->lock);
    return accepts ? ZC_OK : ZC_REJECTED;
}

static zc_status alloc_on(struct zc_swap_device *device, struct zc_folio *folio,
                          zc_swp *slot_out)
{
    uint64_t offset;
    zc_status status;
    zc_swp slot;

    if (!device->managed || !zc_swap_device_accepts(device) ||
        !zc_slot_allocator_take(device->allocator, &offset))
        return ZC_REJECTED;
    slot = zc_swp_make(device->type, offset);
    status = use_slot(device, slot, folio);
    if (status == ZC_OK)
        *slot_out = slot;
    else
        zc_slot_allocator_give(device->allocator, offset);
    return status;
}

zc_status zc_slot_alloc(struct zc_swap *swap, struct zc_folio *folio,
                        zc_swp *slot_out)
{
    zc_status status = ZC_REJECTED;
    struct zc_swap_device *device;
    unsigned type;

    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    ZC_ASSERT(!zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    for (type = 0; type < ZC_SWP_TYPE_COUNT && status == ZC_REJECTED; type++) {
        if (!zc_swap_has_device(swap, type))
            continue;
        device = zc_swap_device_get(swap, zc_swp_make(type, 0));
        if (device == NULL)
            continue;
        status = alloc_on(device, folio, slot_out);
        zc_swap_device_put(swap, device);
    }
    return status;
}
