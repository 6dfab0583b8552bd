/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - kernel placement: an object takes a slot of its size class.
 *
 * One group per class that is not merged away, largest first.  A zspage of it
 * is a chain of pages cut into slots, its free slots in a list through their
 * headers (pool/kernel.h).  An object goes to the first zspage of the fullest
 * list that has room, so that the others may run empty; without one, to a new
 * zspage.  For the same objects in the same order a pool has the same number of
 * pages as zsmalloc.
 *
 * Why it cannot go wrong.  The invariant under the class's lock: each header in
 * use names a cell, and that cell has the object's location.  A thread that
 * places, frees or moves an object changes header, counters and cell under one
 * hold of the lock, so a thread that takes the lock next finds them in step.  A
 * new zspage can be reached by no other thread until its group is stored, under
 * that lock; its free list is written before, and its first object placed
 * before the unlock, so no other thread finds it empty.
 */
#include "pool/kernel.h"

#include <string.h>

#include "base/bits.h"
#include "platform/memory.h"
#include "rules.h"

#define HEADER_BYTES 8

/* Free links leave room for the tags of a header in use. */
#define LINK_SHIFT 3

#define FULL (ZC_FULLNESS_GROUPS - 1)

_Static_assert(sizeof(uint64_t) == HEADER_BYTES, "a header is one word");
_Static_assert(ZC_BITS(0, LINK_SHIFT) >= ZC_OBJECT_TAGS,
               "a link has none of the tags");

/* ---- slots ---- */

/* The link to the next free slot; ZC_SLOT_NONE becomes all ones. */
static uint64_t link_to(uint32_t index)
{
    uint64_t next = index == ZC_SLOT_NONE ? UINT64_MAX : index;

    return next << LINK_SHIFT;
}

static uint16_t linked_slot(uint64_t header)
{
    return (uint16_t)(header >> LINK_SHIFT);
}

static uint32_t slot_index(const struct zc_arena *arena,
                           const struct zc_group *size_class,
                           const struct zc_zspage *zspage, uint64_t location)
{
    uint32_t bytes = (uint32_t)(location - zc_zspage_location(arena, zspage)) *
                     ZC_UNIT_BYTES;

    ZC_ASSERT(bytes / size_class->slot_bytes < size_class->slot_count);
    ZC_ASSERT(bytes % size_class->slot_bytes == 0);
    return bytes / size_class->slot_bytes;
}

static bool header_is_outside(const struct zc_group *size_class)
{
    return size_class->huge && ZC_RULE(HUGE_HEADER_IN_ZSPAGE);
}

static size_t payload_offset(const struct zc_group *size_class)
{
    return size_class->huge ? 0 : HEADER_BYTES;
}

char *zc_slot_payload(const struct zc_arena *arena,
                      const struct zc_group *size_class, uint64_t location)
{
    return zc_location_address(arena, location) + payload_offset(size_class);
}

uint64_t zc_slot_header(const struct zc_arena *arena,
                        const struct zc_group *size_class,
                        const struct zc_zspage *zspage, uint64_t location)
{
    uint64_t header;

    if (header_is_outside(size_class))
        return zspage->huge_header;
    memcpy(&header, zc_location_address(arena, location), sizeof(header));
    return header;
}

void zc_slot_set_header(const struct zc_arena *arena,
                        const struct zc_group *size_class,
                        struct zc_zspage *zspage, uint64_t location,
                        uint64_t header)
{
    if (header_is_outside(size_class))
        zspage->huge_header = header;
    else
        memcpy(zc_location_address(arena, location), &header, sizeof(header));
}

uint64_t zc_slot_take(const struct zc_arena *arena,
                      const struct zc_group *size_class,
                      struct zc_zspage *zspage, uint64_t header, size_t size)
{
    uint32_t index = zspage->first_free;
    uint64_t location = zc_slot_location(arena, size_class, zspage, index);
    uint64_t link;

    ZC_ASSERT(index < size_class->slot_count);
    ZC_ASSERT((header & ZC_OBJECT_TAGS) == ZC_OBJECT_ALLOCATED);
    link = zc_slot_header(arena, size_class, zspage, location);
    ZC_ASSERT((link & ZC_OBJECT_TAGS) == 0);
    zspage->first_free = linked_slot(link);
    zspage->objects++;
    zc_zspage_cancel_release(zspage);
    zc_slot_set_header(arena, size_class, zspage, location, header);
    zc_memory_open(zc_slot_payload(arena, size_class, location), size);
    return location;
}

void zc_slot_put(const struct zc_arena *arena,
                 const struct zc_group *size_class, struct zc_zspage *zspage,
                 uint64_t location)
{
    ZC_ASSERT(zspage->objects > 0);
    ZC_ASSERT((zc_slot_header(arena, size_class, zspage, location) &
               ZC_OBJECT_TAGS) == ZC_OBJECT_ALLOCATED);
    zc_slot_link(arena, size_class, zspage,
                 slot_index(arena, size_class, zspage, location));
    zspage->objects--;
}

void zc_slot_link(const struct zc_arena *arena,
                  const struct zc_group *size_class, struct zc_zspage *zspage,
                  uint32_t index)
{
    uint64_t location = zc_slot_location(arena, size_class, zspage, index);

    zc_memory_close(zc_slot_payload(arena, size_class, location),
                    size_class->slot_bytes - payload_offset(size_class));
    zc_slot_set_header(arena, size_class, zspage, location,
                       link_to(zspage->first_free));
    zspage->first_free = (uint16_t)index;
}

/* ---- zspages ---- */

/* Makes every slot of a zspage free; no other thread knows the zspage yet. */
static void link_slots(const struct zc_arena *arena,
                       const struct zc_group *size_class,
                       struct zc_zspage *zspage)
{
    char *memory = zc_zspage_memory(arena, zspage);
    uint64_t link;
    uint32_t index;
    char *slot;

    zspage->objects = 0;
    zspage->first_free = 0;
    zspage->isolated = false;
    zspage->huge_header = link_to(ZC_SLOT_NONE);
    zc_memory_close(memory, size_class->zspage_pages * arena->page_size);
    if (header_is_outside(size_class))
        return;
    for (index = 0; index < size_class->slot_count; index++) {
        slot = memory + (size_t)index * size_class->slot_bytes;
        link = link_to(index + 1 < size_class->slot_count ? index + 1
                                                          : ZC_SLOT_NONE);
        zc_memory_open(slot, sizeof(link));
        memcpy(slot, &link, sizeof(link));
    }
}

/* A new zspage with all its slots free; no other thread can reach it.  May
 * block. */
static zc_status new_zspage(struct zc_zspool *pool,
                            const struct zc_group *size_class, bool beyond,
                            struct zc_zspage **zspage_out)
    ZC_EXCLUDES(size_class->lock)
{
    const uint32_t pages = size_class->zspage_pages;
    struct zc_zspage *zspage;
    zc_status status;

    status = beyond ? zc_arena_get_beyond(&pool->arena, pages, pages, &zspage)
                    : zc_arena_get(&pool->arena, pages, pages, pages, &zspage);
    if (status != ZC_OK)
        return status;
    link_slots(&pool->arena, size_class, zspage);
    *zspage_out = zspage;
    return ZC_OK;
}

/* Makes a new zspage one of the group. */
static void attach_zspage(struct zc_group *size_class, struct zc_zspage *zspage)
    ZC_REQUIRES(size_class->lock)
{
    zc_group_insert(size_class, zspage, 0);
    /* Pairs with the acquires of group_now() (pool/pin.c) and of reclaim. */
    zc_atomic_pointer_store_release(&zspage->group, size_class);
    zc_zspage_unlock(zspage);
}

void zc_kernel_detach(struct zc_zspool *pool, struct zc_group *size_class,
                      struct zc_zspage *zspage)
{
    ZC_ASSERT(zspage->objects == 0);
    zc_group_remove(size_class, zspage);
    zc_zspage_lru_remove(pool, zspage);
    /* Pairs with the acquires of group_now() (pool/pin.c) and of reclaim. */
    zc_atomic_pointer_store_release(&zspage->group, NULL);
}

void zc_kernel_sort(struct zc_group *size_class, struct zc_zspage *zspage)
{
    zc_group_update(size_class, zspage,
                    zc_fullness_of(zspage->objects, size_class->slot_count));
}

/* The first zspage of the fullest list with room, or NULL. */
static struct zc_zspage *find_room(const struct zc_group *size_class)
    ZC_REQUIRES(size_class->lock)
{
    unsigned fullness = FULL;
    const struct zc_list *list;

    while (fullness-- > 0) {
        list = &size_class->fullness[fullness];
        if (!zc_list_is_empty(list))
            return ZC_CONTAINER(list->next, struct zc_zspage, link);
    }
    return NULL;
}

/* ---- the operations ---- */

/*
 * Gets a zspage with room when the group has none.  The caller holds the
 * class's lock, which is released and taken again in between.  *begun_out: the
 * result of zc_growth_begin().
 */
static zc_status make_room(struct zc_zspool *pool, struct zc_group *size_class,
                           bool beyond, struct zc_zspage **zspage_out,
                           bool *begun_out) ZC_NO_LOCK_ANALYSIS
{
    zc_status status;

    zc_spinlock_unlock(&size_class->lock);
    *begun_out = zc_growth_begin(pool, size_class);
    if (*begun_out) {
        zc_spinlock_lock(&size_class->lock);
        *zspage_out = find_room(size_class);
        if (*zspage_out != NULL)
            return ZC_OK;
        zc_spinlock_unlock(&size_class->lock);
    }
    status = new_zspage(pool, size_class, false, zspage_out);
    if (status == ZC_REJECTED && beyond)
        status = new_zspage(pool, size_class, true, zspage_out);
    zc_spinlock_lock(&size_class->lock);
    if (status == ZC_OK) {
        attach_zspage(size_class, *zspage_out);
    } else if (status == ZC_REJECTED) {
        /* Another thread may have freed a slot meanwhile. */
        *zspage_out = find_room(size_class);
        if (*zspage_out != NULL)
            status = ZC_OK;
    }
    return status;
}

zc_status zc_slot_place(struct zc_zspool *pool, struct zc_group *size_class,
                        size_t size, bool beyond, zc_handle *handle_out,
                        struct zc_object_ref *ref_out) ZC_NO_LOCK_ANALYSIS
{
    struct zc_zspage *zspage;
    zc_handle handle = {0};
    uint64_t location;
    bool begun = false;
    zc_status status;

    status = zc_group_lock_and_take(size_class, &pool->handles, &handle);
    if (status != ZC_OK)
        return status;
    zspage = find_room(size_class);
    if (zspage == NULL) {
        status = make_room(pool, size_class, beyond, &zspage, &begun);
        if (status != ZC_OK) {
            zc_handles_put_back(&pool->handles, &size_class->cells, handle);
            zc_spinlock_unlock(&size_class->lock);
            zc_growth_end(size_class, begun);
            return status;
        }
    }
    location = zc_slot_take(&pool->arena, size_class, zspage,
                            handle.value | ZC_OBJECT_ALLOCATED, size);
    zc_kernel_sort(size_class, zspage);
    zc_zspage_lru_add(pool, zspage);
    size_class->objects++;
    size_class->payload_bytes += size;
    if (ref_out != NULL) {
        zc_handles_set_coming(&pool->handles, handle, location, size);
        zc_zspage_pin(zspage);
        *ref_out = (struct zc_object_ref){zspage, size_class, location, size};
    } else {
        zc_handles_set(&pool->handles, handle, location, size);
    }
    zc_spinlock_unlock(&size_class->lock);
    zc_growth_end(size_class, begun);
    *handle_out = handle;
    return ZC_OK;
}

static zc_status kernel_place(struct zc_zspool *pool, size_t size, bool beyond,
                              zc_handle *handle_out,
                              struct zc_object_ref *ref_out)
{
    return zc_slot_place(pool, zc_group_of(pool, size), size, beyond,
                         handle_out, ref_out);
}

static bool remove_object(struct zc_zspool *pool, struct zc_group *size_class,
                          struct zc_zspage *zspage, uint64_t location,
                          size_t size) ZC_REQUIRES(size_class->lock)
{
    zc_slot_put(&pool->arena, size_class, zspage, location);
    size_class->objects--;
    size_class->payload_bytes -= size;
    if (zspage->objects == 0 && zc_zspage_try_release(zspage)) {
        zc_kernel_detach(pool, size_class, zspage);
        return true;
    }
    zc_kernel_sort(size_class, zspage);
    return false;
}

/* Numbers the groups, largest class first, and finds the huge watermark. */
static void merge_classes(struct zc_zspool *pool)
{
    unsigned index = pool->class_count;
    size_t previous_slots = 0;
    uint32_t previous_pages = 0;
    size_t bytes;
    size_t slots;
    uint32_t pages;

    pool->group_count = 0;
    pool->huge_class_size = 0;
    pool->header_bytes = HEADER_BYTES;
    while (index-- > 0) {
        bytes = zc_class_bytes(pool->page_size, index);
        pages = zc_class_chain(pool->page_size, pool->chain_length, bytes);
        slots = pages * pool->page_size / bytes;
        if (pages != previous_pages || slots != previous_slots)
            pool->group_count++;
        pool->class_group[index] = (uint16_t)(pool->group_count - 1);
        /* The smallest payload that is too large for this class. */
        if (pool->huge_class_size == 0 && pages != 1 && slots != 1)
            pool->huge_class_size = bytes - HEADER_BYTES + 1;
        previous_pages = pages;
        previous_slots = slots;
    }
}

zc_status zc_size_class_init(const struct zc_zspool *pool, size_t bytes,
                             uint32_t pages, unsigned index,
                             struct zc_group *size_class)
{
    size_class->ops = &zc_size_class_ops;
    size_class->index = index;
    size_class->slot_bytes = (uint32_t)bytes;
    size_class->zspage_pages = pages;
    size_class->slot_count = (uint32_t)(pages * pool->page_size / bytes);
    size_class->huge = pages == 1 && size_class->slot_count == 1;
    return zc_group_init(size_class);
}

static zc_status init_class(const struct zc_zspool *pool, unsigned index,
                            struct zc_group *size_class)
{
    size_t bytes = zc_class_bytes(pool->page_size, index);

    return zc_size_class_init(
        pool, bytes, zc_class_chain(pool->page_size, pool->chain_length, bytes),
        index, size_class);
}

static void destroy_classes(struct zc_zspool *pool, unsigned count)
{
    while (count-- > 0)
        zc_group_destroy(&pool->groups[count]);
    zc_free(pool->groups);
    zc_free(pool->class_group);
}

static zc_status kernel_create(struct zc_zspool *pool)
{
    unsigned initialised = 0;
    zc_status status;
    unsigned index;

    pool->class_count = zc_class_count(pool->page_size);
    pool->class_group =
        zc_calloc(pool->class_count, sizeof(*pool->class_group));
    if (pool->class_group == NULL)
        return ZC_NO_MEMORY;
    merge_classes(pool);
    pool->groups = zc_calloc(pool->group_count, sizeof(*pool->groups));
    if (pool->groups == NULL) {
        zc_free(pool->class_group);
        return ZC_NO_MEMORY;
    }
    /* The largest class of each group comes first and gives it its shape. */
    for (index = pool->class_count; index-- > 0;) {
        if (pool->class_group[index] < initialised)
            continue;
        status = init_class(pool, index, &pool->groups[initialised]);
        if (status != ZC_OK) {
            destroy_classes(pool, initialised);
            return status;
        }
        initialised++;
    }
    ZC_ASSERT(initialised == pool->group_count);
    return ZC_OK;
}

static void kernel_destroy(struct zc_zspool *pool)
{
    destroy_classes(pool, pool->group_count);
}

/* The longest chain: an object of its class may be the first to come. */
static uint32_t least_pages(size_t page_size, unsigned chain_length)
{
    unsigned index = zc_class_count(page_size);
    uint32_t longest = 0;
    uint32_t pages;

    while (index-- > 0) {
        pages = zc_class_chain(page_size, chain_length,
                               zc_class_bytes(page_size, index));
        if (pages > longest)
            longest = pages;
    }
    return longest;
}

static void read_class(const struct zc_group *size_class,
                       struct zc_zspool_class *row)
    ZC_REQUIRES(size_class->lock)
{
    row->objects_allocated += zc_kernel_zspages(size_class) *
                              size_class->slot_count;
    row->pages_used += zc_kernel_zspages(size_class) * size_class->zspage_pages;
    row->pages_freeable += zc_kernel_spare_zspages(size_class) *
                           size_class->zspage_pages;
}

const struct zc_group_ops zc_size_class_ops = {
    .remove = remove_object,
    .next = zc_kernel_next,
    .isolate = zc_kernel_isolate,
    .defer = zc_kernel_defer,
    .is_deferred = zc_kernel_is_deferred,
    .undefer = zc_kernel_undefer,
    .end_reclaim = zc_kernel_end_reclaim,
    .detach = zc_kernel_detach,
    .read_class = read_class,
};

const struct zc_placement_ops zc_kernel_placement = {
    .name = "kernel",
    .create = kernel_create,
    .destroy = kernel_destroy,
    .place = kernel_place,
    .least_pages = least_pages,
    .compact_step = zc_kernel_compact_step,
};
