/* SPDX-License-Identifier: MIT */
/* support_pool.c - see support_pool.h. */
#include "support_pool.h"

#include <stdlib.h>

#include "support_content.h"
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

/* More calls than any test needs, even with one object a call. */
#define COMPACT_CALLS_MAX 1000000

const struct support_shape support_shapes[] = {
    {"dense", ZC_PLACEMENT_DENSE, 0, 0, 0, 0},
    {"kernel", ZC_PLACEMENT_KERNEL, 0, 0, 0, 0},
    {"dense, segments of 16 pages", ZC_PLACEMENT_DENSE, 4096, 0, 16, 0},
    {"dense, 64 KiB pages", ZC_PLACEMENT_DENSE, 65536, 0, 4, 0},
    {"dense, segments of 4 pages", ZC_PLACEMENT_DENSE, 4096, 0, 4, 0},
    {"dense, segments of 128 pages", ZC_PLACEMENT_DENSE, 4096, 0, 128, 0},
    {"dense, 8 KiB pages", ZC_PLACEMENT_DENSE, 8192, 0, 8, 0},
    {"dense, 16 KiB pages", ZC_PLACEMENT_DENSE, 16384, 0, 0, 0},
    {"dense, 32 KiB pages", ZC_PLACEMENT_DENSE, 32768, 0, 0, 0},
    {"kernel, chains of 4", ZC_PLACEMENT_KERNEL, 4096, 4, 0, 0},
    {"kernel, chains of 16", ZC_PLACEMENT_KERNEL, 4096, 16, 0, 0},
    {"kernel, 8 KiB pages", ZC_PLACEMENT_KERNEL, 8192, 0, 0, 0},
    {"kernel, 16 KiB pages", ZC_PLACEMENT_KERNEL, 16384, 0, 0, 0},
    {"kernel, 32 KiB pages", ZC_PLACEMENT_KERNEL, 32768, 5, 0, 0},
    {"kernel, 64 KiB pages", ZC_PLACEMENT_KERNEL, 65536, 0, 0, 0},
};

const unsigned support_shape_count = sizeof(support_shapes) /
                                     sizeof(support_shapes[0]);

size_t support_page_size(const struct support_shape *shape)
{
    return shape->page_size == 0 ? ZC_PAGE_SIZE_MIN : shape->page_size;
}

struct zc_zspool *support_pool_with(const struct support_shape *shape,
                                    unsigned keep_lru)
{
    const size_t page_size = support_page_size(shape);
    struct zc_zspool *pool = NULL;

    assert_status(
        zc_zspool_create(
            ZC_ZSPOOL_OPTIONS(.page_size = shape->page_size,
                              .placement = shape->placement,
                              .chain_length = shape->chain_length,
                              .segment_bytes = shape->segment_pages * page_size,
                              .group_count = 1, .keep_lru = keep_lru,
                              .limit_bytes = shape->limit_pages * page_size),
            &pool),
        ZC_OK);
    return pool;
}

struct zc_zspool *support_pool_new(const struct support_shape *shape)
{
    return support_pool_with(shape, 0);
}

void support_pool_end(struct zc_zspool *pool)
{
    support_pool_check(pool);
    zc_zspool_destroy(pool);
}

int support_pool_setup(void **state)
{
    *state = support_pool_new(*state);
    return 0;
}

int support_pool_teardown(void **state)
{
    support_pool_end(*state);
    return 0;
}

void support_on_all_shapes(void (*test)(struct zc_zspool *pool))
{
    const struct support_shape *shape;
    struct zc_zspool *pool;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        print_message("  %s\n", shape->name);
        pool = support_pool_new(shape);
        test(pool);
        support_pool_end(pool);
    }
}

size_t support_zspage_bytes(const struct zc_zspool *pool, size_t size)
{
    return zc_group_of(pool, size)->zspage_pages * pool->page_size;
}

uint64_t support_pages_for(const struct zc_zspool *pool, size_t size)
{
    if (pool->placement == ZC_PLACEMENT_DENSE)
        return 1;
    return zc_group_of(pool, size)->zspage_pages;
}

zc_handle support_object_new(struct zc_zspool *pool, size_t size,
                             uint64_t owner, uint64_t sequence)
{
    static char bytes[ZC_PAGE_SIZE_MAX];
    zc_handle handle = {0};

    support_stamp(bytes, size, owner, sequence);
    assert_status(zc_zspool_alloc(pool, size, &handle), ZC_OK);
    assert_status(zc_zspool_write(pool, handle, bytes, size), ZC_OK);
    return handle;
}

void support_object_check(struct zc_zspool *pool, zc_handle handle, size_t size,
                          uint64_t owner, uint64_t sequence)
{
    struct zc_zspool_read read;

    assert_status(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
    assert_int_equal(read.size, size);
    assert_int_equal((uintptr_t)read.data % 4, 0);
    assert_true(support_has_stamp(read.data, size, owner, sequence));
    zc_zspool_read_end(pool, &read);
}

void support_object_free(struct zc_zspool *pool, zc_handle handle)
{
    assert_status(zc_zspool_free(pool, handle), ZC_OK);
}

uint64_t support_location_of(const struct zc_zspool *pool, zc_handle handle)
{
    struct zc_cell_view view;

    assert_status(zc_handles_read(&pool->handles, handle, &view), ZC_OK);
    return view.location;
}

struct zc_zspage *support_zspage_of(const struct zc_zspool *pool,
                                    zc_handle handle)
{
    return zc_location_zspage(&pool->arena, support_location_of(pool, handle));
}

struct zc_zspool_stats support_stats(const struct zc_zspool *pool)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_zspool_get_stats(pool, &stats), ZC_OK);
    return stats;
}

void support_objects_new(struct zc_zspool *pool, size_t size, unsigned count,
                         zc_handle *handles_out)
{
    unsigned i;

    for (i = 0; i < count; i++)
        handles_out[i] = support_object_new(pool, size, i, 0);
}

void support_objects_check(struct zc_zspool *pool, size_t size, unsigned count,
                           const zc_handle *handles)
{
    unsigned i;

    for (i = 0; i < count; i++)
        if (handles[i].value != 0)
            support_object_check(pool, handles[i], size, i, 0);
}

void support_objects_free(struct zc_zspool *pool, unsigned count,
                          zc_handle *handles)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (handles[i].value != 0)
            support_object_free(pool, handles[i]);
        handles[i].value = 0;
    }
}

void support_sparse_objects(struct zc_zspool *pool, size_t size, unsigned count,
                            unsigned keep, zc_handle *handles_out)
{
    unsigned i;

    support_objects_new(pool, size, count, handles_out);
    for (i = 0; i < count; i += keep)
        support_objects_free(pool, i + keep > count ? count - i - 1 : keep - 1,
                             &handles_out[i + 1]);
}

struct zc_compact_result support_compact(struct zc_zspool *pool,
                                         const struct zc_compact_budget *budget)
{
    struct zc_compact_result total = {.struct_size = sizeof(total)};
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned calls = 0;
    zc_status status;

    do {
        assert_true(calls++ < COMPACT_CALLS_MAX);
        status = zc_zspool_compact(pool, budget, &result);
        total.objects_moved += result.objects_moved;
        total.pages_freed += result.pages_freed;
    } while (status == ZC_AGAIN);
    assert_status(status, ZC_OK);
    return total;
}

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
