/* SPDX-License-Identifier: MIT */
/*
 * zspool_arena.c - page frames for zspages, and back to the system.
 *
 * Address space is taken in chunks of 512 pages, each cut into zspages of one
 * length; memory is resident only in those given out.  A zspage that comes back
 * is discarded at once, and a chunk whose last zspage comes back is unmapped.
 * The descriptors stay: a reader with an old location may still look at one,
 * and finds it locked (zspool_pin.c).  An unmapped chunk's record is used again
 * for the same length.
 *
 * The system is asked without the lock: reserve the pages against the limit,
 * take a free zspage or build a chunk, publish it.
 */
#include "zspool_internal.h"

#include "base/bits.h"
#include "platform/memory.h"

#define LOCATION_UNITS_SHIFT 35 /* as in zspool_handle.c */

_Static_assert(sizeof(void *) > 4 || sizeof(struct zc_zspage) <= ZC_CACHE_LINE,
               "a descriptor fills no more than a cache line");
_Static_assert(LOCATION_UNITS_SHIFT - 18 <= 20 && ZC_CHUNK_PAGES <= 1 << 12,
               "chunk and slot fit where a descriptor has them");

/* A free zspage's pin word; as PIN_LOCKED in zspool_pin.c. */
#define PIN_LOCKED (UINT32_C(1) << 31)

static size_t chunk_bytes(const struct zc_arena *arena)
{
    return (size_t)ZC_CHUNK_PAGES * arena->page_size;
}

static size_t chunk_alignment(const struct zc_arena *arena)
{
    size_t system_size = zc_pages_system_size();

    return system_size > arena->page_size ? system_size : arena->page_size;
}

zc_status zc_arena_init(struct zc_arena *arena, size_t page_size,
                        uint64_t limit_bytes)
{
    unsigned i;

    arena->page_size = page_size;
    arena->limit_pages = limit_bytes == 0 ? UINT64_MAX
                                          : limit_bytes / page_size;
    arena->chunk_count = 0;
    arena->chunk_units_shift =
        zc_log2((uint64_t)ZC_CHUNK_PAGES * page_size / ZC_UNIT_BYTES);
    arena->descriptor_bytes = 0;
    zc_atomic_u64_init(&arena->pages, 0);
    zc_records_init(&arena->chunks, sizeof(struct zc_chunk));
    for (i = 0; i <= ZC_SEGMENT_PAGES_MAX; i++) {
        zc_list_init(&arena->partial[i]);
        zc_list_init(&arena->unmapped[i]);
    }
    return zc_spinlock_init(&arena->lock, ZC_RANK_POOL_ARENA, "arena");
}

void zc_arena_destroy(struct zc_arena *arena)
{
    struct zc_chunk *chunk;
    uint32_t i;

    for (i = 0; i < arena->chunk_count; i++) {
        chunk = zc_arena_chunk(arena, i);
        if (zc_chunk_memory(chunk) != NULL)
            zc_pages_unmap(zc_chunk_memory(chunk), chunk_bytes(arena));
        zc_free(chunk->descriptors);
    }
    zc_spinlock_destroy(&arena->lock);
    zc_records_destroy(&arena->chunks);
}

void zc_arena_leave(const struct zc_arena *arena)
{
    char *memory;
    uint32_t i;

    /* A record is there before it is counted, and its memory is mapped before
     * the pointer is set and unmapped after it is cleared. */
    for (i = 0; i < arena->chunk_count; i++) {
        memory = zc_chunk_memory(zc_arena_chunk(arena, i));
        if (memory != NULL)
            zc_pages_unmap(memory, chunk_bytes(arena));
    }
}

/* Counts pages in, unless that would pass the limit. */
static zc_status charge(struct zc_arena *arena, uint32_t pages)
{
    uint64_t now = zc_atomic_u64_load_relaxed(&arena->pages);

    do {
        if (now + pages > arena->limit_pages)
            return ZC_REJECTED;
    } while (!zc_atomic_u64_exchange_if(&arena->pages, &now, now + pages));
    return ZC_OK;
}

static void uncharge(struct zc_arena *arena, uint32_t pages)
{
    uint64_t now = zc_atomic_u64_load_relaxed(&arena->pages);

    do {
        ZC_ASSERT(now >= pages);
    } while (!zc_atomic_u64_exchange_if(&arena->pages, &now, now - pages));
}

/* A free zspage of a mapped chunk, or NULL.  Takes lower ones first. */
static struct zc_zspage *take_free(struct zc_arena *arena, uint32_t pages)
    ZC_REQUIRES(arena->lock)
{
    struct zc_list *partial = &arena->partial[pages];
    struct zc_zspage *zspage;
    struct zc_chunk *chunk;

    if (zc_list_is_empty(partial))
        return NULL;
    chunk = ZC_CONTAINER(partial->next, struct zc_chunk, link);
    zspage = ZC_CONTAINER(chunk->free_zspages.next, struct zc_zspage, link);
    zc_list_remove(&zspage->link);
    chunk->used++;
    if (chunk->used == chunk->zspage_count)
        zc_list_remove(&chunk->link);
    return zspage;
}

/* A chunk record of that length without memory, ours alone; NULL: none. */
static struct zc_chunk *take_record(struct zc_arena *arena, uint32_t pages)
{
    struct zc_list *unmapped = &arena->unmapped[pages];
    struct zc_chunk *chunk = NULL;

    zc_spinlock_lock(&arena->lock);
    if (!zc_list_is_empty(unmapped)) {
        chunk = ZC_CONTAINER(unmapped->next, struct zc_chunk, link);
        zc_list_remove(&chunk->link);
    }
    zc_spinlock_unlock(&arena->lock);
    return chunk;
}

static void give_record(struct zc_arena *arena, struct zc_chunk *chunk)
{
    zc_spinlock_lock(&arena->lock);
    zc_list_add_first(&arena->unmapped[chunk->zspage_pages], &chunk->link);
    zc_spinlock_unlock(&arena->lock);
}

/* Numbers a new chunk record; false: its place must be reserved first. */
static bool number_record(struct zc_arena *arena, uint32_t *index_out)
    ZC_EXCLUDES(arena->lock)
{
    bool numbered;

    zc_spinlock_lock(&arena->lock);
    *index_out = arena->chunk_count;
    numbered = zc_records_has(&arena->chunks, arena->chunk_count);
    if (numbered)
        arena->chunk_count++;
    zc_spinlock_unlock(&arena->lock);
    return numbered;
}

/* A new chunk record for zspages of that length, ours alone. */
static zc_status new_record(struct zc_arena *arena, uint32_t pages,
                            struct zc_chunk **chunk_out)
{
    uint32_t count = ZC_CHUNK_PAGES / pages;
    void *descriptors =
        zc_calloc(1, count * sizeof(struct zc_zspage) + ZC_CACHE_LINE);
    struct zc_zspage *zspages;
    struct zc_chunk *chunk;
    zc_status status;
    uint32_t index;
    uint32_t i;

    if (descriptors == NULL)
        return ZC_NO_MEMORY;
    while (!number_record(arena, &index)) {
        status = index >> (LOCATION_UNITS_SHIFT - arena->chunk_units_shift) == 0
                     ? zc_records_reserve(&arena->chunks, index + 1)
                     : ZC_REJECTED;
        if (status != ZC_OK) {
            zc_free(descriptors);
            return status;
        }
    }
    zspages = (struct zc_zspage *)(uintptr_t)zc_round_up((uintptr_t)descriptors,
                                                         ZC_CACHE_LINE);
    for (i = 0; i < count; i++) {
        zspages[i].chunk = index & ZC_BITS(0, 20);
        zspages[i].slot = i & ZC_BITS(0, 12);
        zc_list_init(&zspages[i].link);
        zc_list_init(&zspages[i].lru);
        zc_atomic_u32_init(&zspages[i].pin, PIN_LOCKED);
    }
    chunk = zc_arena_chunk(arena, index);
    chunk->zspages = zspages;
    chunk->descriptors = descriptors;
    chunk->zspage_pages = pages;
    chunk->zspage_count = count;
    zc_list_init(&chunk->link);
    zc_spinlock_lock(&arena->lock);
    arena->descriptor_bytes += zc_malloc_size(descriptors);
    zc_spinlock_unlock(&arena->lock);
    *chunk_out = chunk;
    return ZC_OK;
}

/* Maps one more chunk of that length. */
static zc_status add_chunk(struct zc_arena *arena, uint32_t pages)
{
    struct zc_chunk *chunk = take_record(arena, pages);
    zc_status status;
    char *memory;
    uint32_t i;

    if (chunk == NULL) {
        status = new_record(arena, pages, &chunk);
        if (status != ZC_OK)
            return status;
    }
    memory = zc_pages_map(chunk_bytes(arena), chunk_alignment(arena));
    if (memory == NULL) {
        give_record(arena, chunk);
        return ZC_NO_MEMORY;
    }
    zc_memory_close(memory, chunk_bytes(arena));

    zc_spinlock_lock(&arena->lock);
    zc_atomic_pointer_store_relaxed(&chunk->memory, memory);
    chunk->used = 0;
    zc_list_init(&chunk->free_zspages);
    for (i = chunk->zspage_count; i > 0; i--)
        zc_list_add_first(&chunk->free_zspages, &chunk->zspages[i - 1].link);
    zc_list_add_first(&arena->partial[pages], &chunk->link);
    zc_spinlock_unlock(&arena->lock);
    return ZC_OK;
}

zc_status zc_arena_get(struct zc_arena *arena, uint32_t pages,
                       struct zc_zspage **zspage_out)
{
    struct zc_zspage *zspage;
    zc_status status;
    char *memory;

    ZC_ASSERT(pages > 0);
    ZC_ASSERT(pages <= ZC_SEGMENT_PAGES_MAX);
    status = charge(arena, pages);
    if (status != ZC_OK)
        return status;
    for (;;) {
        zc_spinlock_lock(&arena->lock);
        zspage = take_free(arena, pages);
        zc_spinlock_unlock(&arena->lock);
        if (zspage != NULL)
            break;
        status = add_chunk(arena, pages);
        if (status != ZC_OK) {
            uncharge(arena, pages);
            return status;
        }
    }
    zc_counter_add(&arena->zspages, 1);
    memory = zc_zspage_memory(arena, zspage);
    zc_memory_open(memory, pages * arena->page_size);
    zc_pages_populate(memory, pages * arena->page_size);
    *zspage_out = zspage;
    return ZC_OK;
}

void zc_arena_put(struct zc_arena *arena, struct zc_zspage *zspage)
{
    struct zc_chunk *chunk = zc_arena_chunk(arena, zspage->chunk);
    uint32_t pages = chunk->zspage_pages;
    char *memory = zc_zspage_memory(arena, zspage);
    char *unmapped = NULL;

    ZC_ASSERT(zc_atomic_pointer_load_relaxed(&zspage->group) == NULL);
    zc_pages_discard(memory, pages * arena->page_size);
    zc_memory_close(memory, pages * arena->page_size);
    zc_counter_subtract(&arena->zspages, 1);
    uncharge(arena, pages);

    zc_spinlock_lock(&arena->lock);
    zc_list_add_first(&chunk->free_zspages, &zspage->link);
    if (chunk->used == chunk->zspage_count)
        zc_list_add_first(&arena->partial[pages], &chunk->link);
    chunk->used--;
    if (chunk->used == 0) {
        zc_list_remove(&chunk->link);
        unmapped = zc_chunk_memory(chunk);
        zc_atomic_pointer_store_relaxed(&chunk->memory, NULL);
    }
    zc_spinlock_unlock(&arena->lock);

    if (unmapped != NULL) {
        zc_pages_unmap(unmapped, chunk_bytes(arena));
        give_record(arena, chunk);
    }
}
