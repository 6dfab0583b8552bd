/* SPDX-License-Identifier: MIT */
/*
 * arena.c - page frames for zspages, and back to the system.
 *
 * Address space is taken in chunks of 512 pages, each cut into zspages of one
 * length; memory is resident only in those given out.  An unmapped chunk's
 * record is used again for the same length.  Descriptors are never freed: a
 * reader with an old location may still read the pin word of a free zspage, and
 * finds it LOCKED (pool/pin.c).
 *
 * The limit counts populated pages.  The first pages of a zspage are populated,
 * as many as its group asks for and the limit leaves; the group may ask for
 * more later.  One atomic word has the pages given out and the pages kept.  A
 * thread counts its pages in by a CAS on it, before it populates them, so two
 * threads never both get the last pages below the limit.
 *
 * Empty zspages are kept populated up to a number of pages, and one empty chunk
 * mapped, so that an object which comes and goes at the edge of a zspage, or
 * has a zspage to itself, costs no system calls.  All go back at the first put
 * or free of a new clock second, at a compaction, and before the limit refuses
 * pages.  Kept zspages are not counted as pool pages; the limit holds for the
 * two together.  Kernel placement keeps nothing: its resident pages are its
 * pool pages, as in the kernel.
 *
 * The arena's lock guards its lists.  No thread holds it while it asks the
 * system for memory, so no other thread waits for the system there.  A thread
 * reserves its pages against the limit, takes a free zspage or builds a chunk,
 * and publishes the chunk under the lock.
 */
#include "zspool.h"

#include "base/bits.h"
#include "platform/memory.h"
#include "platform/processor.h"

#define LOCATION_UNITS_SHIFT 35 /* as in pool/handle.c */

_Static_assert(sizeof(void *) > 4 || sizeof(struct zc_zspage) <= ZC_CACHE_LINE,
               "a descriptor fills no more than a cache line");
_Static_assert(LOCATION_UNITS_SHIFT - 18 <= 20 && ZC_CHUNK_PAGES <= 1 << 12,
               "chunk and slot fit where a descriptor has them");

/* A free zspage's pin word; as PIN_LOCKED in pool/pin.c. */
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

static uint64_t limit_in_pages(const struct zc_arena *arena,
                               uint64_t limit_bytes)
{
    return limit_bytes == 0 ? UINT64_MAX : limit_bytes / arena->page_size;
}

zc_status zc_arena_init(struct zc_arena *arena, size_t page_size,
                        uint64_t limit_bytes, uint32_t keep_pages)
{
    unsigned i;

    arena->page_size = page_size;
    zc_atomic_u64_init(&arena->limit_pages, limit_in_pages(arena, limit_bytes));
    arena->chunk_count = 0;
    arena->chunk_units_shift =
        zc_log2((uint64_t)ZC_CHUNK_PAGES * page_size / ZC_UNIT_BYTES);
    zc_atomic_u64_init(&arena->pages, 0);
    arena->keep_pages = keep_pages;
    zc_list_init(&arena->kept_zspages);
    arena->kept_chunk = NULL;
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

    /* The parent's threads may have been anywhere at the fork.  But a record
     * exists before it is counted, and its pointer is set only while its memory
     * is mapped. */
    for (i = 0; i < arena->chunk_count; i++) {
        memory = zc_chunk_memory(zc_arena_chunk(arena, i));
        if (memory != NULL)
            zc_pages_unmap(memory, chunk_bytes(arena));
    }
}

/*
 * Counts pages in, as many as the limit leaves up to `most`; returns how many,
 * or 0 where it leaves less than `least`.
 */
static uint32_t charge_pages(struct zc_arena *arena, uint32_t most,
                             uint32_t least)
{
    uint64_t now = zc_atomic_u64_load_relaxed(&arena->pages);
    uint64_t limit;
    uint64_t resident;
    uint32_t pages;

    do {
        limit = zc_arena_limit(arena);
        resident = (now & UINT32_MAX) + (now >> 32);
        pages = most;
        if (limit < resident + most)
            pages = limit > resident ? (uint32_t)(limit - resident) : 0;
        if (pages < least)
            return 0;
    } while (!zc_atomic_u64_exchange_if(&arena->pages, &now, now + pages));
    return pages;
}

/* Adds to the pages given out, and to those kept, in one step. */
static void recount_pages(struct zc_arena *arena, int given_out, int kept)
{
    const uint64_t change = (uint64_t)(int64_t)given_out +
                            ((uint64_t)(int64_t)kept << 32);
    uint64_t now = zc_atomic_u64_load_relaxed(&arena->pages);

    while (!zc_atomic_u64_exchange_if(&arena->pages, &now, now + change))
        ;
}

static size_t populated_bytes(const struct zc_arena *arena,
                              const struct zc_zspage *zspage)
{
    return (size_t)zspage->pages * arena->page_size;
}

/* Notes that one more, or one less, is kept, and when.  Only the holder of the
 * lock writes these. */
static void count_kept(struct zc_arena *arena, int change)
    ZC_REQUIRES(arena->lock)
{
    zc_counter_add(&arena->kept_second,
                   zc_clock_seconds() - zc_counter_read(&arena->kept_second));
    zc_counter_add(&arena->kept_count, (uint64_t)(int64_t)change);
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
    if (chunk == arena->kept_chunk) {
        arena->kept_chunk = NULL;
        count_kept(arena, -1);
    }
    return zspage;
}

/* Takes an unmapped chunk record of that length off its list: no other thread
 * can reach it.  NULL: there is none. */
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

/* Makes a chunk record for zspages of that length; no other thread can reach it
 * yet. */
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
    zc_counter_add(&arena->descriptor_bytes, zc_malloc_size(descriptors));
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

/* A kept zspage of that length with so many pages, or NULL. */
static struct zc_zspage *find_kept(const struct zc_arena *arena,
                                   uint32_t length, uint32_t least)
    ZC_REQUIRES(arena->lock)
{
    struct zc_zspage *zspage;
    struct zc_list *link;

    for (link = arena->kept_zspages.next; link != &arena->kept_zspages;
         link = link->next) {
        zspage = ZC_CONTAINER(link, struct zc_zspage, link);
        if (zc_arena_chunk(arena, zspage->chunk)->zspage_pages == length &&
            zspage->pages >= least)
            return zspage;
    }
    return NULL;
}

/* The same, not kept any more. */
static struct zc_zspage *take_kept(struct zc_arena *arena, uint32_t length,
                                   uint32_t least)
{
    struct zc_zspage *zspage;

    if (zc_counter_read(&arena->kept_count) == 0)
        return NULL;
    zc_spinlock_lock(&arena->lock);
    zspage = find_kept(arena, length, least);
    if (zspage != NULL) {
        recount_pages(arena, zspage->pages, -zspage->pages);
        zc_list_remove(&zspage->link);
        count_kept(arena, -1);
    }
    zc_spinlock_unlock(&arena->lock);
    return zspage;
}

/* charge_pages(), but what is kept goes before the limit refuses anything. */
static uint32_t charge_first(struct zc_arena *arena, uint32_t most,
                             uint32_t least)
{
    uint32_t pages = charge_pages(arena, most, least);

    if (pages == most || zc_counter_read(&arena->kept_count) == 0)
        return pages;
    recount_pages(arena, -(int)pages, 0);
    zc_arena_give_back(arena);
    return charge_pages(arena, most, least);
}

/* A zspage for pages that are counted in, not populated yet. */
static zc_status take_zspage(struct zc_arena *arena, uint32_t length,
                             struct zc_zspage **zspage_out)
{
    struct zc_zspage *zspage;
    zc_status status;

    for (;;) {
        zc_spinlock_lock(&arena->lock);
        zspage = take_free(arena, length);
        zc_spinlock_unlock(&arena->lock);
        if (zspage != NULL)
            break;
        status = add_chunk(arena, length);
        if (status != ZC_OK)
            return status;
    }
    *zspage_out = zspage;
    return ZC_OK;
}

/* Populates a zspage's first pages, which are counted in. */
static zc_status populate_zspage(struct zc_arena *arena, uint32_t length,
                                 uint32_t pages, struct zc_zspage **zspage_out)
{
    struct zc_zspage *zspage = NULL;
    zc_status status = take_zspage(arena, length, &zspage);

    if (status != ZC_OK) {
        recount_pages(arena, -(int)pages, 0);
        return status;
    }
    zspage->pages = (uint8_t)pages;
    zc_pages_populate(zc_zspage_memory(arena, zspage),
                      populated_bytes(arena, zspage));
    *zspage_out = zspage;
    return ZC_OK;
}

static void hand_out(struct zc_arena *arena, struct zc_zspage *zspage)
{
    zc_memory_open(zc_zspage_memory(arena, zspage),
                   populated_bytes(arena, zspage));
    zc_counter_add(&arena->zspages, 1);
}

zc_status zc_arena_get(struct zc_arena *arena, uint32_t length, uint32_t least,
                       uint32_t most, struct zc_zspage **zspage_out)
{
    struct zc_zspage *zspage = take_kept(arena, length, least);
    zc_status status = ZC_OK;
    uint32_t pages;

    ZC_ASSERT(least > 0);
    ZC_ASSERT(least <= most);
    ZC_ASSERT(most <= length);
    ZC_ASSERT(length <= ZC_SEGMENT_PAGES_MAX);
    if (zspage == NULL) {
        pages = charge_first(arena, most, least);
        if (pages == 0)
            return ZC_REJECTED;
        status = populate_zspage(arena, length, pages, &zspage);
    }
    if (status != ZC_OK)
        return status;
    hand_out(arena, zspage);
    *zspage_out = zspage;
    return ZC_OK;
}

zc_status zc_arena_get_beyond(struct zc_arena *arena, uint32_t length,
                              uint32_t least, struct zc_zspage **zspage_out)
{
    struct zc_zspage *zspage = NULL;
    zc_status status;

    recount_pages(arena, (int)least, 0);
    status = populate_zspage(arena, length, least, &zspage);
    if (status != ZC_OK)
        return status;
    hand_out(arena, zspage);
    *zspage_out = zspage;
    return ZC_OK;
}

zc_status zc_arena_grow(struct zc_arena *arena, const struct zc_zspage *zspage,
                        uint32_t least, uint32_t most, uint32_t *pages_out)
{
    uint32_t pages = charge_first(arena, most, least);

    ZC_ASSERT(least > 0);
    ZC_ASSERT(least <= most);
    if (pages == 0)
        return ZC_REJECTED;
    zc_pages_populate(zc_zspage_memory(arena, zspage) +
                          populated_bytes(arena, zspage),
                      pages * arena->page_size);
    *pages_out = pages;
    return ZC_OK;
}

/* Keeps an empty zspage; false: there are enough already. */
static bool keep_zspage(struct zc_arena *arena, struct zc_zspage *zspage)
{
    bool is_kept;

    if (arena->keep_pages == 0)
        return false;
    zc_spinlock_lock(&arena->lock);
    is_kept = zc_arena_kept_pages(arena) + zspage->pages <= arena->keep_pages;
    if (is_kept) {
        recount_pages(arena, -zspage->pages, zspage->pages);
        zc_list_add_first(&arena->kept_zspages, &zspage->link);
        count_kept(arena, 1);
    }
    zc_spinlock_unlock(&arena->lock);
    return is_kept;
}

/* Gives an empty chunk's memory up; the caller unmaps it. */
static char *take_memory(struct zc_chunk *chunk)
{
    char *memory = zc_chunk_memory(chunk);

    zc_list_remove(&chunk->link);
    zc_atomic_pointer_store_relaxed(&chunk->memory, NULL);
    return memory;
}

static void unmap_chunk(struct zc_arena *arena, struct zc_chunk *chunk,
                        char *memory)
{
    zc_pages_unmap(memory, chunk_bytes(arena));
    give_record(arena, chunk);
}

/* Makes a zspage, whose memory the system has back, free again. */
static void give_zspage(struct zc_arena *arena, struct zc_zspage *zspage)
{
    struct zc_chunk *chunk = zc_arena_chunk(arena, zspage->chunk);
    char *memory = NULL;

    zc_spinlock_lock(&arena->lock);
    zc_list_add_first(&chunk->free_zspages, &zspage->link);
    if (chunk->used == chunk->zspage_count)
        zc_list_add_first(&arena->partial[chunk->zspage_pages], &chunk->link);
    chunk->used--;
    if (chunk->used == 0 && arena->keep_pages != 0 &&
        arena->kept_chunk == NULL) {
        arena->kept_chunk = chunk;
        count_kept(arena, 1);
    } else if (chunk->used == 0) {
        memory = take_memory(chunk);
    }
    zc_spinlock_unlock(&arena->lock);
    if (memory != NULL)
        unmap_chunk(arena, chunk, memory);
}

static void discard_zspage(struct zc_arena *arena, struct zc_zspage *zspage)
{
    char *memory = zc_zspage_memory(arena, zspage);

    zc_pages_discard(memory, populated_bytes(arena, zspage));
    zc_memory_close(memory, populated_bytes(arena, zspage));
}

void zc_arena_release(struct zc_arena *arena, struct zc_zspage *zspage)
{
    ZC_ASSERT(zc_atomic_pointer_load_relaxed(&zspage->group) == NULL);
    zc_counter_subtract(&arena->zspages, 1);
    discard_zspage(arena, zspage);
    recount_pages(arena, -zspage->pages, 0);
    give_zspage(arena, zspage);
}

void zc_arena_put(struct zc_arena *arena, struct zc_zspage *zspage)
{
    ZC_ASSERT(zc_atomic_pointer_load_relaxed(&zspage->group) == NULL);
    zc_memory_close(zc_zspage_memory(arena, zspage),
                    populated_bytes(arena, zspage));
    if (keep_zspage(arena, zspage))
        zc_counter_subtract(&arena->zspages, 1);
    else
        zc_arena_release(arena, zspage);
}

/* A kept zspage, still counted as one, or NULL. */
static struct zc_zspage *take_any_kept(struct zc_arena *arena)
{
    struct zc_zspage *zspage = NULL;

    zc_spinlock_lock(&arena->lock);
    if (!zc_list_is_empty(&arena->kept_zspages)) {
        zspage = ZC_CONTAINER(arena->kept_zspages.next, struct zc_zspage, link);
        zc_list_remove(&zspage->link);
        count_kept(arena, -1);
    }
    zc_spinlock_unlock(&arena->lock);
    return zspage;
}

void zc_arena_give_back(struct zc_arena *arena)
{
    struct zc_zspage *zspage;
    struct zc_chunk *chunk;
    char *memory = NULL;

    for (;;) {
        zspage = take_any_kept(arena);
        if (zspage == NULL)
            break;
        discard_zspage(arena, zspage);
        recount_pages(arena, 0, -zspage->pages);
        give_zspage(arena, zspage);
    }

    zc_spinlock_lock(&arena->lock);
    chunk = arena->kept_chunk;
    arena->kept_chunk = NULL;
    if (chunk != NULL) {
        memory = take_memory(chunk);
        count_kept(arena, -1);
    }
    zc_spinlock_unlock(&arena->lock);
    if (chunk != NULL)
        unmap_chunk(arena, chunk, memory);
}

void zc_arena_give_back_old(struct zc_arena *arena)
{
    if (zc_counter_read(&arena->kept_count) != 0 &&
        zc_counter_read(&arena->kept_second) != zc_clock_seconds())
        zc_arena_give_back(arena);
}

void zc_arena_set_limit(struct zc_arena *arena, uint64_t limit_bytes)
{
    const uint64_t limit = limit_in_pages(arena, limit_bytes);

    zc_atomic_u64_store_relaxed(&arena->limit_pages, limit);
    if (zc_arena_pages(arena) + zc_arena_kept_pages(arena) > limit)
        zc_arena_give_back(arena);
}
