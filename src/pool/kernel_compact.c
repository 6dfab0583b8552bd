/* SPDX-License-Identifier: MIT */
/*
 * kernel_compact.c - compaction of kernel placement: empty the emptiest
 * zspage of a class into the fullest.
 *
 * A group is a size class here.  A round visits the classes from the largest
 * down, each as long as it holds a zspage's worth of free slots.  A step is one
 * pair of zspages, or part of one: at most STEP_MOVES objects under one hold of
 * the class's lock, a few dozen microseconds.
 *
 * pool->cursor is twice the number of classes done in this round, plus one when
 * the next of them has been begun.
 *
 * Why it cannot go wrong.  The compacting thread and a reader: the source's pin
 * word is LOCKED, so no thread reads or writes the bytes that are copied.  The
 * compacting thread and a freeing thread: the copy is made and the cell changed
 * under one hold of the class's lock, and a free takes this lock before it
 * reads the cell for the last time (pool/pin.c).  Otherwise the freeing thread
 * would free the old slot, and the copy would keep the new one without a
 * handle.  The destination may have readers: the copy goes into a free slot,
 * which none of them reads.
 */
#include "pool/kernel.h"

#include <string.h>

/* Objects moved under one hold of the lock. */
#define STEP_MOVES 16

/*
 * Sources tried before a class is given up for this round: a zspage that has
 * readers is skipped, and each attempt takes time under the lock.
 */
#define SOURCES_MAX 32

#define FULL (ZC_FULLNESS_GROUPS - 1)

uint64_t zc_kernel_spare_zspages(const struct zc_group *size_class)
{
    uint64_t slots = zc_kernel_zspages(size_class) * size_class->slot_count;

    return (slots - size_class->objects) / size_class->slot_count;
}

/* The fullest zspage with room and something in it, or NULL. */
static struct zc_zspage *find_destination(const struct zc_group *size_class)
    ZC_REQUIRES(size_class->lock)
{
    const struct zc_list *list;
    unsigned fullness;

    for (fullness = FULL - 1; fullness > 0; fullness--) {
        list = &size_class->fullness[fullness];
        if (!zc_list_is_empty(list))
            return ZC_CONTAINER(list->next, struct zc_zspage, link);
    }
    return NULL;
}

/* The emptiest other zspage without readers, its pin word locked, or NULL. */
static struct zc_zspage *lock_source(const struct zc_group *size_class,
                                     const struct zc_zspage *destination)
    ZC_REQUIRES(size_class->lock)
{
    unsigned tries = SOURCES_MAX;
    const struct zc_list *list;
    struct zc_list *link;
    struct zc_zspage *zspage;
    unsigned fullness;

    for (fullness = 1; fullness < FULL; fullness++) {
        list = &size_class->fullness[fullness];
        for (link = list->next; link != list; link = link->next) {
            zspage = ZC_CONTAINER(link, struct zc_zspage, link);
            if (zspage == destination)
                continue;
            if (zc_zspage_trylock(zspage))
                return zspage;
            if (--tries == 0)
                return NULL;
        }
    }
    return NULL;
}

static void move_object(struct zc_zspool *pool,
                        const struct zc_group *size_class,
                        struct zc_zspage *source, uint64_t location,
                        struct zc_zspage *destination)
    ZC_REQUIRES(size_class->lock)
{
    const struct zc_arena *arena = &pool->arena;
    uint64_t header = zc_slot_header(arena, size_class, source, location);
    struct zc_cell_view view;
    zc_handle handle;
    uint64_t to;

    handle.value = header & ~(uint64_t)ZC_OBJECT_TAGS;
    zc_handles_view_at(&pool->handles, zc_handle_cell(handle), &view);
    ZC_ASSERT(view.location == location);
    to = zc_slot_take(arena, size_class, destination, header, view.size);
    memcpy(zc_slot_payload(arena, size_class, to),
           zc_slot_payload(arena, size_class, location), view.size);
    zc_handles_move(&pool->handles, zc_handle_cell(handle), to);
    zc_slot_put(arena, size_class, source, location);
}

/* Moves objects until one is full, the other empty, or `most` are moved. */
static uint32_t move_objects(struct zc_zspool *pool,
                             const struct zc_group *size_class,
                             struct zc_zspage *source,
                             struct zc_zspage *destination, uint64_t most)
    ZC_REQUIRES(size_class->lock)
{
    const struct zc_arena *arena = &pool->arena;
    uint32_t moved = 0;
    uint64_t location;
    uint32_t index;

    for (index = 0; index < size_class->slot_count && moved < most; index++) {
        if (source->objects == 0 ||
            destination->objects == size_class->slot_count)
            break;
        location = zc_slot_location(arena, size_class, source, index);
        if ((zc_slot_header(arena, size_class, source, location) &
             ZC_OBJECT_ALLOCATED) == 0)
            continue;
        move_object(pool, size_class, source, location, destination);
        moved++;
    }
    return moved;
}

/*
 * Moves at most `most` objects between one pair of zspages.  Returns how many;
 * 0: nothing is left to do in this group in this round.  The caller gives a
 * source that was emptied to the arena.
 */
static uint32_t compact_class(struct zc_zspool *pool,
                              struct zc_group *size_class, uint64_t most,
                              struct zc_zspage **emptied_out)
    ZC_REQUIRES(size_class->lock)
{
    struct zc_zspage *destination;
    struct zc_zspage *source;
    uint32_t moved;

    if (zc_kernel_spare_zspages(size_class) == 0 || size_class->moves_left == 0)
        return 0;
    destination = find_destination(size_class);
    if (destination == NULL)
        return 0;
    source = lock_source(size_class, destination);
    if (source == NULL)
        return 0;
    moved = move_objects(pool, size_class, source, destination,
                         size_class->moves_left < most ? size_class->moves_left
                                                       : most);
    ZC_ASSERT(moved > 0);
    size_class->moves_left -= moved;
    zc_kernel_sort(size_class, destination);
    if (source->objects == 0) {
        zc_kernel_detach(pool, size_class, source);
        *emptied_out = source;
    } else {
        zc_kernel_sort(size_class, source);
        zc_zspage_unlock(source);
    }
    return moved;
}

zc_status zc_kernel_compact_step(struct zc_zspool *pool, uint64_t most,
                                 struct zc_compact_result *result)
{
    struct zc_group *size_class = &pool->groups[pool->cursor / 2];
    struct zc_zspage *emptied = NULL;
    uint32_t moved;

    ZC_ASSERT(pool->cursor / 2 < pool->group_count);
    zc_spinlock_lock(&size_class->lock);
    if (pool->cursor % 2 == 0) {
        /* Without other threads one move of each object is enough.  The bound
         * ends the round also if other threads free and allocate all the
         * time. */
        size_class->moves_left = size_class->objects;
        pool->cursor++;
    }
    most -= result->objects_moved;
    moved = compact_class(pool, size_class,
                          most < STEP_MOVES ? most : STEP_MOVES, &emptied);
    zc_spinlock_unlock(&size_class->lock);

    result->objects_moved += moved;
    if (emptied != NULL) {
        zc_arena_release(&pool->arena, emptied);
        result->pages_freed += size_class->zspage_pages;
    }
    if (moved > 0)
        return ZC_AGAIN;
    pool->cursor++;
    if (pool->cursor / 2 < pool->group_count)
        return ZC_AGAIN;
    pool->cursor = 0;
    return ZC_OK;
}
