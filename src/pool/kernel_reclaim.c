/* SPDX-License-Identifier: MIT */
/*
 * kernel_reclaim.c - deferred slots of kernel placement, and the free
 * list after a reclaim that did not empty its zspage.
 *
 * The free list is rebuilt from the headers alone, in the order of the slots: a
 * slot that is not ALLOCATED is free, and the cell of a DEFERRED one is
 * released first.
 */
#include "pool/kernel.h"

#include "rules.h"

bool zc_kernel_next(struct zc_zspool *pool, struct zc_zspage *zspage,
                    uint32_t *place_inout, zc_handle *handle_out)
    ZC_NO_LOCK_ANALYSIS
{
    const struct zc_group *size_class =
        zc_atomic_pointer_load_relaxed(&zspage->group);
    uint64_t header;
    uint32_t index;

    for (index = *place_inout; index < size_class->slot_count; index++) {
        header = zc_slot_header(
            &pool->arena, size_class, zspage,
            zc_slot_location(&pool->arena, size_class, zspage, index));
        if ((header & ZC_OBJECT_TAGS) != ZC_OBJECT_ALLOCATED)
            continue;
        handle_out->value = header & ~(uint64_t)ZC_OBJECT_TAGS;
        *place_inout = index + 1;
        return true;
    }
    *place_inout = index;
    return false;
}

void zc_kernel_isolate(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    /* The free list is in the zspage itself, so there is nothing to remove. */
    (void)pool;
    (void)zspage;
}

zc_status zc_kernel_defer(struct zc_zspool *pool,
                          const struct zc_object_ref *ref) ZC_NO_LOCK_ANALYSIS
{
    const struct zc_arena *arena = &pool->arena;
    struct zc_group *size_class = ref->group;
    struct zc_zspage *zspage = ref->zspage;
    uint64_t header = zc_slot_header(arena, size_class, zspage, ref->location);

    if ((header & ZC_OBJECT_TAGS) == ZC_OBJECT_DEFERRED)
        return ZC_STALE;
    ZC_ASSERT((header & ZC_OBJECT_TAGS) == ZC_OBJECT_ALLOCATED);
    if (!ZC_RULE(NO_FREE_LIST_UNDER_RECLAIM)) {
        zc_slot_put(arena, size_class, zspage, ref->location);
    } else {
        header &= ~(uint64_t)ZC_OBJECT_TAGS;
        zc_slot_set_header(arena, size_class, zspage, ref->location,
                           header | ZC_OBJECT_DEFERRED);
        zspage->objects--;
    }
    size_class->objects--;
    size_class->payload_bytes -= ref->size;
    return ZC_OK;
}

bool zc_kernel_is_deferred(struct zc_zspool *pool,
                           const struct zc_object_ref *ref) ZC_NO_LOCK_ANALYSIS
{
    uint64_t header =
        zc_slot_header(&pool->arena, ref->group, ref->zspage, ref->location);

    return (header & ZC_OBJECT_TAGS) == ZC_OBJECT_DEFERRED;
}

void zc_kernel_undefer(struct zc_zspool *pool, const struct zc_object_ref *ref)
    ZC_NO_LOCK_ANALYSIS
{
    const struct zc_arena *arena = &pool->arena;
    struct zc_group *size_class = ref->group;
    uint64_t header =
        zc_slot_header(arena, size_class, ref->zspage, ref->location);

    header &= ~(uint64_t)ZC_OBJECT_TAGS;
    zc_slot_set_header(arena, size_class, ref->zspage, ref->location,
                       header | ZC_OBJECT_ALLOCATED);
    ref->zspage->objects++;
    size_class->objects++;
    size_class->payload_bytes += ref->size;
}

void zc_kernel_end_reclaim(struct zc_zspool *pool, struct zc_zspage *zspage,
                           bool rebuild) ZC_NO_LOCK_ANALYSIS
{
    const struct zc_arena *arena = &pool->arena;
    struct zc_group *size_class =
        zc_atomic_pointer_load_relaxed(&zspage->group);
    uint32_t index = size_class->slot_count;
    zc_handle handle;
    uint64_t location;
    uint64_t header;

    if (rebuild && ZC_RULE(FAILED_RECLAIM_REBUILDS_LIST))
        zspage->first_free = ZC_SLOT_NONE;
    while (index-- > 0) {
        location = zc_slot_location(arena, size_class, zspage, index);
        header = zc_slot_header(arena, size_class, zspage, location);
        if ((header & ZC_OBJECT_TAGS) == ZC_OBJECT_ALLOCATED)
            continue;
        if ((header & ZC_OBJECT_TAGS) == ZC_OBJECT_DEFERRED &&
            ZC_RULE(RECLAIM_END_RELEASES_CELLS)) {
            handle.value = header & ~(uint64_t)ZC_OBJECT_TAGS;
            zc_handles_free(&pool->handles, &size_class->cells, handle);
        }
        if (rebuild && ZC_RULE(FAILED_RECLAIM_REBUILDS_LIST))
            zc_slot_link(arena, size_class, zspage, index);
    }
    zspage->isolated = false;
    zc_group_insert(size_class, zspage,
                    zc_fullness_of(zspage->objects, size_class->slot_count));
}
