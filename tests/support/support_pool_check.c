/* SPDX-License-Identifier: MIT */
/* support_pool_check.c - whether all parts of a pool agree. */
#include "support_pool.h"

#include "support_test.h"

#include "pool/dense.h"
#include "pool/kernel.h"

/* Copies of pool/pin.c and pool/handle.c, on purpose. */
#define PIN_LOCKED (UINT32_C(1) << 31)
#define PIN_RELEASE (UINT32_C(1) << 30)
#define CELL_NEXT_SHIFT 2
#define CELL_GENERATION_SHIFT 37 /* plus the bits of a page size */
#define CELLS_AT_HAND_MAX 15     /* of a group */

/* Copies of pool/span.c. */
#define SPAN_NEXT_OFFSET 4
#define SPAN_PREVIOUS_OFFSET 12

/* ---- cells ---- */

/* What a walk over the cells, or over the zspages, has found. */
struct sums {
    uint64_t objects;
    uint64_t payload_bytes;
    uint64_t pages;
    uint64_t used_granules; /* of segments */
    uint64_t alone;         /* objects that have a page alone, beside those */
    uint64_t zspages[ZC_FULLNESS_GROUPS];
};

static uint32_t count_free_cells(const struct zc_handles *handles,
                                 uint32_t next)
{
    const uint32_t used = zc_atomic_u32_load_relaxed(&handles->used);
    const struct zc_cell *cell;
    zc_handle handle;
    uint32_t count = 0;

    while (next != 0) {
        assert_in_range(next, 1, used);
        assert_in_range(++count, 1, used);
        assert_false(zc_handles_at(handles, next - 1, &handle));
        cell = zc_records_at(&handles->cells, next - 1);
        next = (uint32_t)((zc_atomic_u64_load_relaxed(&cell->word) &
                           ZC_BITS(0, CELL_GENERATION_SHIFT)) >>
                          CELL_NEXT_SHIFT);
    }
    return count;
}

static struct sums check_cells(const struct zc_zspool *pool)
{
    const struct zc_handles *handles = &pool->handles;
    const uint32_t used = zc_atomic_u32_load_relaxed(&handles->used);
    uint32_t free_cells = count_free_cells(handles, handles->first_free);
    struct sums sums = {0};
    struct zc_cell_view view;
    zc_handle handle;
    uint32_t at_hand;
    uint32_t index;

    for (index = 0; index < pool->group_count; index++) {
        at_hand = count_free_cells(handles, pool->groups[index].cells.first);
        assert_in_range(at_hand, 0, CELLS_AT_HAND_MAX);
        free_cells += at_hand;
    }
    for (index = 0; index < used; index++) {
        if (!zc_handles_at(handles, index, &handle))
            continue;
        assert_int_equal(zc_handle_cell(handle), index);
        assert_status(zc_handles_read(handles, handle, &view), ZC_OK);
        sums.objects++;
        sums.payload_bytes += view.size;
    }
    assert_int_equal(sums.objects + free_cells, used);
    return sums;
}

/* ---- arena ---- */

static void check_chunk(const struct zc_arena *arena,
                        const struct zc_chunk *chunk, uint32_t index)
{
    const struct zc_zspage *zspage;
    struct zc_list *link;
    uint32_t count = 0;

    assert_int_equal(chunk->zspage_count, ZC_CHUNK_PAGES / chunk->zspage_pages);
    if (zc_chunk_memory(chunk) == NULL) {
        assert_int_equal(chunk->used, 0);
        assert_ptr_not_equal(chunk, arena->kept_chunk);
        return;
    }
    assert_int_equal((uintptr_t)zc_chunk_memory(chunk) % arena->page_size, 0);
    for (link = chunk->free_zspages.next; link != &chunk->free_zspages;
         link = link->next) {
        zspage = ZC_CONTAINER(link, struct zc_zspage, link);
        assert_int_equal(zspage->chunk, index);
        assert_ptr_equal(&chunk->zspages[zspage->slot], zspage);
        assert_int_equal(zc_atomic_u32_load_relaxed(&zspage->pin), PIN_LOCKED);
        assert_null(zc_atomic_pointer_load_relaxed(&zspage->group));
        count++;
    }
    assert_int_equal(chunk->used + count, chunk->zspage_count);
    /* It is in the list exactly if it has free pages. */
    assert_int_equal(zc_list_is_empty(&chunk->link), count == 0);
}

/* Pages of a chunk's zspages that a group has. */
static uint64_t pages_of_chunk(const struct zc_chunk *chunk)
{
    const struct zc_zspage *zspage;
    uint64_t pages = 0;

    for (zspage = chunk->zspages; zspage < chunk->zspages + chunk->zspage_count;
         zspage++)
        if (zc_atomic_pointer_load_relaxed(&zspage->group) != NULL) {
            assert_in_range(zspage->pages, 1, chunk->zspage_pages);
            pages += zspage->pages;
        }
    return pages;
}

/* Kept zspages are empty and unused.  Returns how many there are. */
static uint64_t check_kept(const struct zc_arena *arena)
{
    const struct zc_zspage *zspage;
    struct zc_list *link;
    uint64_t count = 0;
    uint64_t pages = 0;

    for (link = arena->kept_zspages.next; link != &arena->kept_zspages;
         link = link->next) {
        zspage = ZC_CONTAINER(link, struct zc_zspage, link);
        assert_int_equal(zc_atomic_u32_load_relaxed(&zspage->pin), PIN_LOCKED);
        assert_null(zc_atomic_pointer_load_relaxed(&zspage->group));
        pages += zspage->pages;
        count++;
    }
    assert_int_equal(zc_counter_read(&arena->kept_count),
                     count + (arena->kept_chunk != NULL));
    if (arena->kept_chunk != NULL) {
        assert_int_equal(arena->kept_chunk->used, 0);
        assert_non_null(zc_chunk_memory(arena->kept_chunk));
    }
    assert_true(pages <= arena->keep_pages);
    assert_int_equal(zc_arena_kept_pages(arena), pages);
    return count;
}

static void check_arena(const struct zc_arena *arena)
{
    const uint64_t kept = check_kept(arena);
    const struct zc_chunk *chunk;
    uint64_t zspages = 0;
    uint64_t pages = 0;
    uint32_t i;

    for (i = 0; i < arena->chunk_count; i++) {
        chunk = zc_arena_chunk(arena, i);
        check_chunk(arena, chunk, i);
        zspages += chunk->used;
        pages += pages_of_chunk(chunk);
    }
    assert_int_equal(zc_counter_read(&arena->zspages), zspages - kept);
    assert_int_equal(zc_arena_pages(arena), pages);
    assert_true(pages + zc_arena_kept_pages(arena) <= zc_arena_limit(arena));
}

static void check_pin(const struct zc_zspage *zspage)
{
    uint32_t word = zc_atomic_u32_load_relaxed(&zspage->pin);

    assert_int_equal(word & PIN_LOCKED, 0);
    /* It is empty exactly if its last reader is to release it. */
    assert_int_equal(zspage->objects == 0, (word & PIN_RELEASE) != 0);
    if ((word & PIN_RELEASE) != 0)
        assert_int_not_equal(word & ~PIN_RELEASE, 0);
    assert_false(zspage->isolated);
}

/* ---- segments ---- */

static void check_object_word(const struct zc_segment *segment, uint32_t at,
                              uint32_t word)
{
    struct zc_cell_view view;

    assert_int_equal(word & ZC_OBJECT_TAGS, ZC_OBJECT_ALLOCATED);
    zc_handles_view_at(&segment->pool->handles, word >> ZC_DENSE_WORD_SHIFT,
                       &view);
    assert_int_equal(view.location, zc_segment_location(segment, at));
}

static void check_span(const struct zc_segment *segment, uint32_t at,
                       uint32_t length)
{
    const char *end = zc_segment_at(segment, at + length);

    assert_in_range(length, 1, segment->granules - at);
    assert_int_equal(zc_dense_word(end - sizeof(uint32_t)), length);
}

/* Returns how many spans must be in a bin. */
static uint64_t check_segment(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    const struct zc_segment segment = zc_segment_here(pool, zspage);
    bool after_span = false;
    uint32_t objects = 0;
    uint32_t granules = 0;
    uint64_t binned = 0;
    uint32_t length = 0;
    uint32_t word;
    uint32_t at;

    for (at = 0; at < segment.granules; at += length) {
        word = zc_dense_word(zc_segment_at(&segment, at));
        length = zc_dense_length(&segment, word);
        if (zc_dense_is_object(word)) {
            check_object_word(&segment, at, word);
            assert_int_equal((word & ZC_DENSE_PREV_FREE) != 0, after_span);
            after_span = false;
            objects++;
            granules += length;
        } else {
            assert_false(after_span); /* free spans are never adjacent */
            check_span(&segment, at, length);
            binned += length >= segment.dense->linked_min;
            after_span = true;
        }
    }
    assert_int_equal(at, segment.granules);
    if (zspage->pages < pool->segment_pages)
        assert_int_equal(zspage->tail, after_span ? length : 0);
    assert_int_equal(zspage->objects, objects);
    assert_int_equal(zspage->used, granules);
    return binned;
}

static bool bin_takes(unsigned bin, uint32_t length)
{
    if (bin < ZC_DENSE_EXACT_BINS)
        return length == bin;
    return length >= ZC_DENSE_EXACT_BINS &&
           bin - ZC_DENSE_EXACT_BINS ==
               zc_log2(length) - zc_log2(ZC_DENSE_GRANULES_PER_PAGE);
}

static uint64_t check_bins(const struct zc_zspool *pool,
                           const struct zc_group *group)
{
    const struct zc_dense *dense = zc_dense_of(group);
    uint64_t count = 0;
    uint64_t previous;
    uint64_t link;
    uint64_t found;
    const char *span;
    unsigned bin;

    for (bin = 0; bin < ZC_DENSE_BINS; bin++) {
        assert_int_equal((dense->bitmap[bin / 64] >> bin % 64 & 1) != 0,
                         dense->first[bin] != 0);
        previous = 0;
        for (link = dense->first[bin]; link != 0;) {
            span = zc_location_address(&pool->arena, link - 1);
            assert_false(zc_dense_is_object(zc_dense_word(span)));
            assert_true(
                bin_takes(bin, zc_dense_word(span) >> ZC_DENSE_WORD_SHIFT));
            memcpy(&found, span + SPAN_PREVIOUS_OFFSET, sizeof(found));
            assert_int_equal(found, previous);
            previous = link;
            memcpy(&link, span + SPAN_NEXT_OFFSET, sizeof(link));
            count++;
        }
    }
    return count;
}

/* ---- slots ---- */

/* Every header in use leads to a cell that leads back; the other slots are in
 * the free list. */
static void check_slots(const struct zc_zspool *pool,
                        const struct zc_group *group,
                        const struct zc_zspage *zspage) ZC_REQUIRES(group->lock)
{
    const struct zc_arena *arena = &pool->arena;
    uint32_t next = zspage->first_free;
    struct zc_cell_view view;
    uint32_t objects = 0;
    uint32_t free_slots = 0;
    uint64_t location;
    uint64_t header;
    zc_handle handle;
    uint32_t index;

    for (index = 0; index < group->slot_count; index++) {
        location = zc_slot_location(arena, group, zspage, index);
        header = zc_slot_header(arena, group, zspage, location);
        if ((header & ZC_OBJECT_TAGS) == 0)
            continue;
        assert_int_equal(header & ZC_OBJECT_TAGS, ZC_OBJECT_ALLOCATED);
        handle.value = header & ~(uint64_t)ZC_OBJECT_TAGS;
        assert_status(zc_handles_read(&pool->handles, handle, &view), ZC_OK);
        assert_int_equal(view.location, location);
        objects++;
    }
    while (next != ZC_SLOT_NONE) {
        assert_in_range(next, 0, group->slot_count - 1);
        location = zc_slot_location(arena, group, zspage, next);
        header = zc_slot_header(arena, group, zspage, location);
        assert_int_equal(header & ZC_OBJECT_TAGS, 0);
        next = (uint16_t)(header >> 3);
        assert_in_range(++free_slots, 1, group->slot_count);
    }
    assert_int_equal(zspage->objects, objects);
    assert_int_equal(objects + free_slots, group->slot_count);
}

/* ---- zspages of either placement ---- */

/* get_fullness_group(): 0, all, else a tenth of the whole percent, plus 1. */
static unsigned fullness_of(uint64_t used, uint64_t capacity)
{
    if (used == 0 || used == capacity)
        return used == 0 ? 0 : 11;
    return (unsigned)(used * 100 / capacity / 10 + 1);
}

/* Returns how full it is. */
static unsigned check_zspage(struct zc_zspool *pool, struct zc_group *group,
                             struct zc_zspage *zspage, struct sums *sums,
                             uint64_t *binned)
{
    check_pin(zspage);
    assert_ptr_equal(zc_atomic_pointer_load_relaxed(&zspage->group), group);
    sums->objects += zspage->objects;
    sums->pages += zspage->pages;
    if (group->slot_count == 0) {
        *binned += check_segment(pool, zspage);
        sums->used_granules += zspage->used;
        return fullness_of(zspage->used, zc_segment_granules(zspage));
    }
    zc_spinlock_lock(&group->lock);
    check_slots(pool, group, zspage);
    zc_spinlock_unlock(&group->lock);
    sums->alone += zspage->objects;
    return fullness_of(zspage->objects, group->slot_count);
}

static void check_group(struct zc_zspool *pool, struct zc_group *group,
                        struct sums *sums)
{
    const struct zc_list *list;
    struct zc_list *link;
    uint64_t binned = 0;
    unsigned fullness;

    for (fullness = 0; fullness < ZC_FULLNESS_GROUPS; fullness++) {
        list = &group->fullness[fullness];
        for (link = list->next; link != list; link = link->next) {
            assert_ptr_equal(link->next->previous, link);
            assert_int_equal(
                check_zspage(pool, group,
                             ZC_CONTAINER(link, struct zc_zspage, link), sums,
                             &binned),
                fullness);
            sums->zspages[fullness]++;
        }
    }
    if (group->slot_count == 0) {
        assert_null(zc_dense_of(group)->victim);
        assert_int_equal(check_bins(pool, group), binned);
    }
}

/* ---- the whole pool ---- */

/* What the pool says of itself is what was found in it. */
static void check_counts(const struct zc_zspool *pool, const struct sums *sums)
{
    const struct zc_zspool_stats stats = support_stats(pool);
    struct zc_zspool_class row = {.struct_size = sizeof(row)};
    uint64_t zspages[ZC_FULLNESS_GROUPS] = {0};
    uint64_t objects = 0;
    uint64_t pages = 0;
    uint64_t total = 0;
    zc_status status;
    unsigned i;
    unsigned k;

    for (i = 0; (status = zc_zspool_get_class(pool, i, &row)) != ZC_INVALID;
         i++) {
        if (status != ZC_OK)
            continue;
        objects += row.objects_used;
        pages += row.pages_used;
        for (k = 0; k < ZC_FULLNESS_GROUPS; k++)
            zspages[k] += row.zspages[k];
    }
    for (k = 0; k < ZC_FULLNESS_GROUPS; k++)
        total += sums->zspages[k];
    assert_memory_equal(zspages, sums->zspages, sizeof(zspages));
    assert_int_equal(stats.zspages, total);
    assert_int_equal(objects, sums->objects);
    assert_int_equal(stats.objects, sums->objects);
    assert_int_equal(stats.pages_allocated, sums->pages);
    assert_int_equal(pages, sums->pages);
    assert_int_equal(zc_zspool_page_count(pool), sums->pages);
    if (pool->placement == ZC_PLACEMENT_DENSE)
        assert_int_equal(
            zc_zspool_used_pages(pool),
            sums->alone +
                zc_divide_up(sums->used_granules, ZC_DENSE_GRANULES_PER_PAGE));
}

void support_pool_check(struct zc_zspool *pool)
{
    const struct sums cells = check_cells(pool);
    struct sums found = {0};
    unsigned i;

    check_arena(&pool->arena);
    for (i = 0; i < pool->group_count; i++)
        check_group(pool, &pool->groups[i], &found);
    assert_int_equal(found.objects, cells.objects);
    assert_int_equal(support_stats(pool).payload_bytes, cells.payload_bytes);
    check_counts(pool, &found);
}

void support_pool_check_empty(struct zc_zspool *pool)
{
    const struct zc_zspool_stats stats = support_stats(pool);

    support_pool_check(pool);
    assert_int_equal(stats.objects, 0);
    assert_int_equal(stats.payload_bytes, 0);
    assert_int_equal(stats.zspages, 0);
    assert_int_equal(zc_zspool_page_count(pool), 0);
}
