/* SPDX-License-Identifier: MIT */
/* pool.c - zspages, object headers and handle cells add up. */
#include "pool.h"

#include "engine/explore.h"
#include "platform/lab_platform.h"
#include "pool/dense.h"
#include "pool/kernel.h"
#include "zspool.h"

struct watched {
    struct zc_zspool *pool;
    struct zc_group *group;
};

static struct watched watched[LAB_ORACLES];

struct tally {
    uint32_t allocated;
    uint32_t deferred;
    uint32_t free;
};

/* The header of an object in use must lead back to the object's place, also
 * before put has written it, and after it was freed under a visitor. */
static void check_cell(const struct zc_zspool *pool, uint32_t cell,
                       uint64_t location)
{
    struct zc_cell_view view;

    if (cell >= pool->handles.used.value ||
        !zc_handles_is_placed(&pool->handles, cell)) {
        lab_fail("header without a cell", "of the object at %#llx: cell %u",
                 (unsigned long long)location, cell);
        return;
    }
    zc_handles_view_at(&pool->handles, cell, &view);
    if (view.location != location)
        lab_fail("cell leads elsewhere", "from %#llx to %#llx",
                 (unsigned long long)location,
                 (unsigned long long)view.location);
}

static void count_object(struct tally *tally, unsigned tags)
{
    if (tags == ZC_OBJECT_TAGS)
        lab_fail("both tags", "of an object header");
    else if (tags == ZC_OBJECT_ALLOCATED)
        tally->allocated++;
    else if (tags == ZC_OBJECT_DEFERRED)
        tally->deferred++;
    else
        tally->free++;
}

/* Length of the free list through the headers; more than there are slots: it
 * has a cycle, or leaves the zspage. */
static uint32_t list_length(const struct zc_arena *arena,
                            const struct zc_group *group,
                            const struct zc_zspage *zspage) ZC_NO_LOCK_ANALYSIS
{
    uint32_t index = zspage->first_free;
    uint32_t length = 0;

    while (index < group->slot_count && length <= group->slot_count) {
        index = (uint32_t)(zc_slot_header(
                               arena, group, zspage,
                               zc_slot_location(arena, group, zspage, index)) >>
                           3);
        length++;
    }
    return length;
}

static void check_slots(const struct watched *at, struct zc_zspage *zspage)
    ZC_NO_LOCK_ANALYSIS
{
    const struct zc_arena *arena = &at->pool->arena;
    struct tally tally = {0, 0, 0};

    for (uint32_t i = 0; i < at->group->slot_count; i++) {
        uint64_t location = zc_slot_location(arena, at->group, zspage, i);
        uint64_t header = zc_slot_header(arena, at->group, zspage, location);
        unsigned tags = (unsigned)header & ZC_OBJECT_TAGS;
        zc_handle handle = {header & ~(uint64_t)ZC_OBJECT_TAGS};
        zc_handle live;

        count_object(&tally, tags);
        if (tags != ZC_OBJECT_ALLOCATED)
            continue;
        check_cell(at->pool, zc_handle_cell(handle), location);
        if (zc_handles_at(&at->pool->handles, zc_handle_cell(handle), &live) &&
            live.value != handle.value)
            lab_fail("header of an earlier object", "of the object at %#llx",
                     (unsigned long long)location);
    }
    if (tally.allocated != zspage->objects)
        lab_fail("zspage miscounted", "%u objects, %u headers say so",
                 zspage->objects, tally.allocated);
    if (tally.deferred != 0 && !zspage->reclaimed)
        lab_fail("deferred object left behind", "%u", tally.deferred);
    if (list_length(arena, at->group, zspage) != tally.free)
        lab_fail("free list broken", "%u free slots, %u in the list",
                 tally.free, list_length(arena, at->group, zspage));
}

static void check_segment(const struct watched *at, struct zc_zspage *zspage)
{
    struct zc_segment segment = zc_segment_of(at->pool, at->group, zspage);
    uint32_t end = segment.granules;
    struct tally tally = {0, 0, 0};
    uint32_t used = 0;
    uint32_t granule = 0;

    while (granule < end) {
        uint32_t word = zc_dense_word(zc_segment_at(&segment, granule));
        uint32_t length = zc_dense_length(&segment, word);
        unsigned tags = word & ZC_OBJECT_TAGS;

        count_object(&tally, tags);
        if (tags != 0)
            used += length;
        if (tags == ZC_OBJECT_ALLOCATED)
            check_cell(at->pool, word >> ZC_DENSE_WORD_SHIFT,
                       zc_segment_location(&segment, granule));
        if (length == 0)
            break;
        granule += length;
    }
    if (granule != end)
        lab_fail("segment has gaps", "%u of %u granules", granule, end);
    if (tally.allocated != zspage->objects || used != zspage->used)
        lab_fail("zspage miscounted",
                 "%u objects in %u granules, walked %u in "
                 "%u",
                 zspage->objects, zspage->used, tally.allocated, used);
    if (tally.deferred != 0 && !zspage->reclaimed)
        lab_fail("deferred object left behind", "%u", tally.deferred);
}

static void check_chunk(const struct watched *at, struct zc_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->zspage_count; i++) {
        struct zc_zspage *zspage = &chunk->zspages[i];

        if (zspage->group.value != at->group)
            continue;
        if (at->group->slot_count == 0)
            check_segment(at, zspage);
        else
            check_slots(at, zspage);
    }
}

static void check_zspages(void *argument)
{
    const struct watched *at = argument;
    const struct zc_arena *arena = &at->pool->arena;

    for (uint32_t i = 0; i < arena->chunk_count; i++) {
        struct zc_chunk *chunk = zc_arena_chunk(arena, i);

        if (chunk->memory.value != NULL &&
            chunk->zspage_pages == at->group->zspage_pages)
            check_chunk(at, chunk);
    }
}

static void check_group(void *argument)
{
    lab_guard_check(check_zspages, argument);
}

void lab_watch_reset(void)
{
    for (unsigned i = 0; i < LAB_ORACLES; i++)
        watched[i].group = NULL;
    lab_watch_reset_shard();
}

static void watch(struct zc_zspool *pool, struct zc_group *group)
{
    unsigned free = 0;

    while (free < LAB_ORACLES && watched[free].group != NULL)
        free++;
    if (free == LAB_ORACLES)
        return;
    watched[free].pool = pool;
    watched[free].group = group;
}

void lab_watch_pool(struct zc_zspool *pool, size_t size)
{
    watch(pool, zc_group_of(pool, size));
}

void lab_watch_group(struct zc_zspool *pool, unsigned index)
{
    watch(pool, &pool->groups[index]);
}

void lab_watch_register(void)
{
    for (unsigned i = 0; i < LAB_ORACLES && watched[i].group != NULL; i++) {
        lab_declare_lock(&watched[i].group->lock.words);
        lab_oracle("zspage accounting", check_group, &watched[i],
                   &watched[i].group->lock);
    }
    lab_watch_register_shard();
}

/* Length of a list of free cells; more than there are cells: it has a cycle. */
static uint32_t count_cells(const struct zc_handles *handles, uint32_t first)
{
    uint32_t used = handles->used.value;
    uint32_t length = 0;

    while (first != 0 && length <= used) {
        const struct zc_cell *cell = zc_records_at(&handles->cells, first - 1);

        first = (uint32_t)(cell->word.value >> 2);
        length++;
    }
    return length;
}

/* Length of a list, both ways; more than `most`: the links are wrong. */
static uint32_t length_of(const struct zc_list *list, uint32_t most)
{
    const struct zc_list *link;
    uint32_t length = 0;

    for (link = list->next; link != list && length <= most; link = link->next) {
        if (link->previous->next != link || link->next->previous != link)
            return most + 1;
        length++;
    }
    return length;
}

/* What the chunks and zspages of an arena are in sum. */
struct census {
    uint32_t with_room;
    uint32_t unmapped;
    uint32_t zspages; /* given out, or kept */
};

static void count_chunk(struct zc_chunk *chunk, struct census *census)
{
    uint32_t free;

    if (chunk->memory.value == NULL) {
        census->unmapped++;
        return;
    }
    free = length_of(&chunk->free_zspages, chunk->zspage_count);
    if (free + chunk->used != chunk->zspage_count)
        lab_fail("chunk miscounted", "%u zspages, %u in use, %u free",
                 chunk->zspage_count, chunk->used, free);
    census->with_room += free > 0;
    census->zspages += chunk->used;
}

static void check_kept(const struct zc_arena *arena,
                       const struct census *census) ZC_NO_LOCK_ANALYSIS
{
    const uint32_t kept = length_of(&arena->kept_zspages, census->zspages);
    struct zc_list *link = arena->kept_zspages.next;
    const uint64_t counted = arena->pages.value >> 32;
    uint64_t pages = 0;

    for (uint32_t i = 0; i < kept && i < census->zspages; i++) {
        pages += ZC_CONTAINER(link, struct zc_zspage, link)->pages;
        link = link->next;
    }
    if (pages != counted || counted > arena->keep_pages)
        lab_fail("kept pages miscounted", "%llu counted, %llu kept of %u",
                 (unsigned long long)counted, (unsigned long long)pages,
                 arena->keep_pages);
    if (zc_counter_read(&arena->kept_count) !=
            kept + (arena->kept_chunk != NULL) ||
        zc_counter_read(&arena->zspages) + kept != census->zspages)
        lab_fail("zspage lost", "%u in use or kept, of these %u kept",
                 census->zspages, kept);
}

static void check_arena(void *argument) ZC_NO_LOCK_ANALYSIS
{
    const struct zc_arena *arena = argument;
    const uint32_t chunks = arena->chunk_count;
    struct census census = {0};
    uint32_t with_room = 0;
    uint32_t unmapped = 0;

    for (uint32_t i = 0; i < chunks; i++)
        count_chunk(zc_arena_chunk(arena, i), &census);
    for (uint32_t i = 0; i <= ZC_SEGMENT_PAGES_MAX; i++) {
        with_room += length_of(&arena->partial[i], chunks);
        unmapped += length_of(&arena->unmapped[i], chunks);
    }
    if (with_room != census.with_room || unmapped != census.unmapped)
        lab_fail("chunk lost",
                 "%u of %u with room are in a list, %u of %u "
                 "unmapped",
                 with_room, census.with_room, unmapped, census.unmapped);
    check_kept(arena, &census);
}

/* Every zspage of a group is in the pool's LRU, and nothing else is. */
static void check_lru(void *argument) ZC_NO_LOCK_ANALYSIS
{
    const struct zc_zspool *pool = argument;
    uint64_t zspages = 0;
    uint32_t listed;

    for (unsigned i = 0; i < pool->group_count; i++)
        for (unsigned k = 0; k < ZC_FULLNESS_GROUPS; k++)
            zspages += pool->groups[i].zspages[k];
    listed = length_of(&pool->lru, (uint32_t)zspages);
    if (pool->keeps_lru && listed != zspages)
        lab_fail("zspage not in the LRU", "%u of %llu are", listed,
                 (unsigned long long)zspages);
}

void lab_check_pool(struct zc_zspool *pool)
{
    lab_guard_check(check_arena, &pool->arena);
    lab_guard_check(check_lru, pool);
}

/* Nothing is in the pool: no group has a zspage, or counts one. */
static void check_lists(const struct zc_zspool *pool) ZC_NO_LOCK_ANALYSIS
{
    for (unsigned i = 0; i < pool->group_count; i++) {
        const struct zc_group *group = &pool->groups[i];

        for (unsigned k = 0; k < ZC_FULLNESS_GROUPS; k++)
            if (!zc_list_is_empty(&group->fullness[k]) ||
                group->zspages[k] != 0) {
                lab_fail("zspage miscounted",
                         "%lld of group %u, and nothing is in the pool",
                         (long long)group->zspages[k], i);
                return;
            }
    }
}

void lab_check_handles(struct zc_zspool *pool)
{
    const struct zc_handles *handles = &pool->handles;
    uint32_t used = handles->used.value;
    uint32_t free = count_cells(handles, handles->first_free);
    zc_handle handle;

    for (uint32_t i = 0; i < used; i++) {
        if (!zc_handles_at(handles, i, &handle))
            continue;
        lab_fail("handle cell leaked",
                 "cell %u is in use, and nothing is in the pool", i);
        return;
    }
    for (unsigned i = 0; i < pool->group_count; i++)
        free += count_cells(handles, pool->groups[i].cells.first);
    if (free != used)
        lab_fail("free cells miscounted", "%u of %u are in a list", free, used);
    check_lists(pool);
}
