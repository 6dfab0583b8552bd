/* SPDX-License-Identifier: MIT */
/*
 * dense.c - dense placement: objects in and out of segments.
 *
 * No size-class table packs compressed pages better than 1.043 pool bytes per
 * payload byte, because every class keeps a zspage half filled; granules of 8
 * bytes with a 4-byte header have an ideal of 1.005.  So objects of any size
 * lie side by side (pool/dense.h has the picture), a new one goes into the
 * tightest free span of its group, and a freed one is joined with its free
 * neighbours at once.  What churn opens all the same, compaction heals
 * (pool/dense_compact.c).
 *
 * Segments are in groups, one for each four processors, each with its own bins
 * and lock, which is held for a few dozen memory accesses.  A thread that needs
 * pages asks the arena for them without that lock, but with the group's growth
 * mutex: it makes the newest segment longer by a few pages, or begins another
 * one if that is full.  Two threads that need pages of one group: the second
 * waits for the mutex, searches again, and uses the pages that the first has
 * brought.  Without the mutex the limit could refuse the second thread, because
 * the first has counted in the last pages and not yet attached them.
 *
 * An object that leaves no room for its header in a page has a zspage of one
 * page, as in kernel placement (pool/kernel.c): of segments, whose length is a
 * power of two, each would leave nearly a page unused.  Where the limit leaves
 * no page for it, it goes into a segment that has room.
 *
 * If the limit allows no other page, the free spans of one segment are joined
 * to one, if they are long enough together.  So a pool at its limit refuses an
 * object only if no segment without readers has as many free granules.
 */
#include "pool/dense.h"
#include "pool/kernel.h"

#include "platform/memory.h"
#include "platform/processor.h"

/* A segment grows by so many pages: a store that needs a page, about every
 * tenth one, pays for so many first touches. */
#define GROWTH_PAGES 4

/* Other groups that are searched for a span before the own group grows. */
#define OTHERS_MAX 16

static const struct zc_group_ops segment_ops;

/* The last group: the zspages of one page. */
static struct zc_group *page_group(const struct zc_zspool *pool)
{
    return &pool->groups[pool->segment_groups];
}

static zc_status init_segments(const struct zc_zspool *pool,
                               struct zc_group *group)
{
    struct zc_dense *dense = zc_calloc(1, sizeof(*dense));
    zc_status status;

    if (dense == NULL)
        return ZC_NO_MEMORY;
    status = zc_group_init(group);
    if (status != ZC_OK) {
        zc_free(dense);
        return status;
    }
    zc_dense_init(dense, pool->page_size);
    group->ops = &segment_ops;
    group->zspage_pages = pool->segment_pages;
    group->own = dense;
    return ZC_OK;
}

static void dense_destroy(struct zc_zspool *pool)
{
    unsigned i;

    for (i = 0; i < pool->group_count; i++) {
        zc_group_destroy(&pool->groups[i]);
        zc_free(pool->groups[i].own);
    }
    zc_free(pool->groups);
}

static zc_status dense_create(struct zc_zspool *pool)
{
    const unsigned segments = pool->segment_groups;
    zc_status status;
    unsigned i;

    pool->groups = zc_calloc(segments + 1, sizeof(*pool->groups));
    if (pool->groups == NULL)
        return ZC_NO_MEMORY;
    for (i = 0; i <= segments; i++) {
        status = i < segments ? init_segments(pool, &pool->groups[i])
                              : zc_size_class_init(pool, pool->page_size, 1, 1,
                                                   &pool->groups[i]);
        if (status != ZC_OK) {
            dense_destroy(pool);
            return status;
        }
        pool->group_count++;
    }
    pool->class_count = 2;
    pool->huge_class_size = pool->page_size - ZC_DENSE_HEADER_BYTES + 1;
    pool->header_bytes = ZC_DENSE_HEADER_BYTES;
    return ZC_OK;
}

/* Counts granules that a segment has gained or lost, and moves it to the list
 * of its new fullness. */
static void count_granules(const struct zc_segment *segment, uint32_t gained,
                           uint32_t lost)
{
    struct zc_zspage *zspage = segment->zspage;

    zspage->used += gained - lost;
    segment->dense->used += (uint64_t)gained - lost;
    if (!zspage->isolated)
        zc_group_update(segment->group, zspage,
                        zc_fullness_of(zspage->used, segment->granules));
}

void zc_dense_carve(const struct zc_segment *segment, uint32_t start,
                    uint32_t length, uint32_t cell)
{
    char *object = zc_segment_at(segment, start);
    uint32_t span_length = zc_dense_word(object) >> ZC_DENSE_WORD_SHIFT;
    uint32_t end = start + length;
    char *next;

    ZC_ASSERT(!zc_dense_is_object(zc_dense_word(object)));
    ZC_ASSERT(span_length >= length);
    zc_span_unbin(segment, start, span_length);
    zc_memory_open(object, zc_dense_bytes(segment->dense, length));
    if (span_length > length) {
        zc_memory_open(zc_segment_at(segment, end),
                       zc_dense_bytes(segment->dense, span_length - length));
        zc_span_write(segment, end, span_length - length);
        zc_span_bin(segment, end, span_length - length);
    } else if (end < segment->granules) {
        next = zc_segment_at(segment, end);
        zc_dense_set_word(next, zc_dense_word(next) & ~ZC_DENSE_PREV_FREE);
    } else {
        segment->zspage->tail = 0;
    }
    /* Spans never touch, so what is in front of this one is an object. */
    zc_dense_set_word(object,
                      cell << ZC_DENSE_WORD_SHIFT | ZC_OBJECT_ALLOCATED);
    zc_zspage_cancel_release(segment->zspage);
    segment->zspage->objects++;
    count_granules(segment, length, 0);
}

void zc_dense_erase(const struct zc_segment *segment, uint32_t start,
                    uint32_t length)
{
    const struct zc_dense *dense = segment->dense;
    bool is_binned = !segment->zspage->isolated;
    uint32_t span_start = start;
    uint32_t span_length = length;
    uint32_t neighbour;
    uint32_t word;

    word = zc_dense_word(zc_segment_at(segment, start));
    ZC_ASSERT((word & ZC_OBJECT_TAGS) == ZC_OBJECT_ALLOCATED);
    if ((word & ZC_DENSE_PREV_FREE) != 0) {
        neighbour =
            zc_dense_word(zc_segment_at(segment, start) - sizeof(uint32_t));
        span_start -= neighbour;
        span_length += neighbour;
        if (is_binned)
            zc_span_unbin(segment, span_start, neighbour);
    }
    if (start + length < segment->granules) {
        word = zc_dense_word(zc_segment_at(segment, start + length));
        if (!zc_dense_is_object(word)) {
            neighbour = word >> ZC_DENSE_WORD_SHIFT;
            span_length += neighbour;
            if (is_binned)
                zc_span_unbin(segment, start + length, neighbour);
        }
    }
    zc_memory_open(zc_segment_at(segment, span_start),
                   zc_dense_bytes(dense, span_length));
    zc_span_write(segment, span_start, span_length);
    if (is_binned)
        zc_span_bin(segment, span_start, span_length);
    segment->zspage->objects--;
    count_granules(segment, 0, length);
}

static uint32_t pages_of(uint32_t granules)
{
    return (uint32_t)zc_divide_up(granules, ZC_DENSE_GRANULES_PER_PAGE);
}

/* A new segment: one free span of at least `length` granules, which no other
 * thread can reach yet. */
static zc_status new_segment(struct zc_zspool *pool, struct zc_group *group,
                             uint32_t length, bool beyond,
                             struct zc_segment *segment_out)
{
    const uint32_t least = pages_of(length);
    struct zc_zspage *zspage;
    zc_status status;

    status = beyond ? zc_arena_get_beyond(&pool->arena, pool->segment_pages,
                                          least, &zspage)
                    : zc_arena_get(&pool->arena, pool->segment_pages, least,
                                   GROWTH_PAGES, &zspage);
    if (status != ZC_OK)
        return status;
    zspage->objects = 0;
    zspage->used = 0;
    zspage->round = 0;
    zspage->isolated = false;
    *segment_out = zc_segment_of(pool, group, zspage);
    zc_span_write(segment_out, 0, segment_out->granules);
    return ZC_OK;
}

static void attach_segment(const struct zc_segment *segment)
{
    zc_group_insert(segment->group, segment->zspage, 0);
    zc_span_bin(segment, 0, segment->granules);
    segment->dense->capacity += segment->granules;
    segment->dense->open = segment->zspage;
    /* Pairs with the acquires of group_now() (pool/pin.c) and of reclaim. */
    zc_atomic_pointer_store_release(&segment->zspage->group, segment->group);
    zc_zspage_unlock(segment->zspage);
}

/*
 * Makes a segment with room for an object of `length` granules, which the
 * caller places next.  The caller holds the growth mutex and the group's lock;
 * the lock is released and taken again in between.
 */
static zc_status add_segment(struct zc_zspool *pool, struct zc_group *group,
                             uint32_t length, bool beyond) ZC_NO_LOCK_ANALYSIS
{
    struct zc_segment segment;
    uint64_t location;
    zc_status status;
    bool is_needed;

    zc_spinlock_unlock(&group->lock);
    status = new_segment(pool, group, length, beyond, &segment);
    zc_spinlock_lock(&group->lock);
    if (status != ZC_OK)
        return status;
    /* If another thread has freed a span meanwhile, the segment is not needed.
     * It is not attached then: a segment is released by the free that empties
     * it, and this one would get no object. */
    is_needed = !zc_span_find(zc_dense_of(group), length, &location);
    if (is_needed) {
        attach_segment(&segment);
        return ZC_OK;
    }
    zc_spinlock_unlock(&group->lock);
    zc_arena_put(&pool->arena, segment.zspage);
    zc_spinlock_lock(&group->lock);
    return ZC_OK;
}

/* Adds `pages`, which are populated, to the end of a segment. */
static void lengthen_segment(struct zc_zspool *pool, struct zc_group *group,
                             struct zc_zspage *zspage, uint32_t pages)
{
    const struct zc_segment before = zc_segment_of(pool, group, zspage);
    const uint32_t start = before.granules - zspage->tail;
    struct zc_segment after;

    if (zspage->tail != 0 && !zspage->isolated)
        zc_span_unbin(&before, start, zspage->tail);
    zspage->pages = (uint8_t)(zspage->pages + pages);
    after = zc_segment_of(pool, group, zspage);
    after.dense->capacity += after.granules - before.granules;
    zc_memory_open(zc_segment_at(&after, start),
                   zc_dense_bytes(after.dense, after.granules - start));
    zc_span_write(&after, start, after.granules - start);
    if (zspage->isolated)
        return;
    zc_span_bin(&after, start, after.granules - start);
    zc_group_update(group, zspage,
                    zc_fullness_of(zspage->used, after.granules));
}

/*
 * Makes the open segment longer by at least `least` pages.  The caller holds
 * the growth mutex and the group's lock; the lock is released and taken again
 * in between.  Meanwhile a pin keeps the segment's pages: other threads may
 * free all its objects, and compaction may isolate it and put it back, but
 * neither releases it.  If it is empty when the pin ends, the unpin releases
 * it.
 */
static zc_status grow_segment(struct zc_zspool *pool, struct zc_group *group,
                              uint32_t least) ZC_NO_LOCK_ANALYSIS
{
    struct zc_zspage *open = zc_dense_of(group)->open;
    const uint32_t room = pool->segment_pages - open->pages;
    uint32_t most = least < GROWTH_PAGES ? GROWTH_PAGES : least;
    uint32_t pages;
    zc_status status;

    if (most > room)
        most = room;
    zc_zspage_pin(open);
    zc_spinlock_unlock(&group->lock);
    status = zc_arena_grow(&pool->arena, open, least, most, &pages);
    if (status == ZC_OK) {
        zc_spinlock_lock(&group->lock);
        lengthen_segment(pool, group, open, pages);
        zc_spinlock_unlock(&group->lock);
    }
    zc_zspage_unpin(pool, open);
    zc_spinlock_lock(&group->lock);
    return status;
}

/* Gets pages for a span of `wanted` granules.  The caller holds the growth
 * mutex and the group's lock; the lock is released and taken again in between,
 * so another thread may use the span first. */
static zc_status grow_group(struct zc_zspool *pool, struct zc_group *group,
                            uint32_t wanted, bool beyond) ZC_NO_LOCK_ANALYSIS
{
    const struct zc_zspage *open = zc_dense_of(group)->open;
    uint32_t least;

    if (open != NULL && !open->isolated && !beyond) {
        least = pages_of(wanted - open->tail);
        if (open->pages + least <= pool->segment_pages)
            return grow_segment(pool, group, least);
    }
    return add_segment(pool, group, wanted, beyond);
}

/*
 * Makes a span when the group has none that is long enough.  The caller holds
 * the group's lock, which is released and taken again in between; on return the
 * caller holds the growth mutex too.
 */
static zc_status make_span(struct zc_zspool *pool, struct zc_group *group,
                           uint32_t length, bool beyond, uint64_t *location_out)
    ZC_NO_LOCK_ANALYSIS
{
    const struct zc_dense *dense = zc_dense_of(group);
    const uint32_t wanted = zc_span_wanted(dense, length);
    zc_status status = ZC_OK;

    zc_spinlock_unlock(&group->lock);
    zc_mutex_lock(&group->growth);
    zc_spinlock_lock(&group->lock);
    for (;;) {
        if (zc_span_find(dense, length, location_out))
            return ZC_OK;
        if (status != ZC_OK)
            return status;
        status = grow_group(pool, group, wanted, false);
        if (status == ZC_REJECTED && zc_dense_make_span(pool, group, wanted))
            status = ZC_OK;
        if (status == ZC_REJECTED && beyond)
            status = grow_group(pool, group, wanted, true);
    }
}

/* What may be done to place an object. */
enum effort {
    FIT,   /* only a span that exists is used */
    GROW,  /* new pages may be used, or spans joined */
    BEYOND /* GROW, and the limit refuses no page */
};

static zc_status place_in_group(struct zc_zspool *pool, struct zc_group *group,
                                size_t size, enum effort effort,
                                zc_handle *handle_out,
                                struct zc_object_ref *ref_out)
    ZC_NO_LOCK_ANALYSIS
{
    uint32_t length = zc_dense_granules(zc_dense_of(group), size);
    bool has_grown = false;
    struct zc_segment segment;
    zc_handle handle = {0};
    uint64_t location;
    zc_status status;

    status = zc_group_lock_and_take(group, &pool->handles, &handle);
    if (status != ZC_OK)
        return status;
    if (!zc_span_find(zc_dense_of(group), length, &location)) {
        has_grown = effort != FIT;
        status = has_grown ? make_span(pool, group, length, effort == BEYOND,
                                       &location)
                           : ZC_REJECTED;
        if (status != ZC_OK) {
            zc_handles_put_back(&pool->handles, &group->cells, handle);
            zc_spinlock_unlock(&group->lock);
            if (has_grown)
                zc_mutex_unlock(&group->growth);
            return status;
        }
    }
    /* With ref_out the caller writes the bytes next: they are prefetched. */
    if (ref_out != NULL)
        zc_memory_prefetch_write(zc_location_address(&pool->arena, location),
                                 size);
    segment = zc_segment_around(pool, group, location);
    zc_dense_carve(&segment, zc_segment_granule(&segment, location), length,
                   zc_handle_cell(handle));
    zc_zspage_lru_add(pool, segment.zspage);
    group->objects++;
    group->payload_bytes += size;
    if (ref_out != NULL) {
        zc_handles_set_coming(&pool->handles, handle, location, size);
        zc_zspage_pin(segment.zspage);
        *ref_out =
            (struct zc_object_ref){segment.zspage, group, location, size};
    } else {
        zc_handles_set(&pool->handles, handle, location, size);
    }
    zc_spinlock_unlock(&group->lock);
    if (has_grown)
        zc_mutex_unlock(&group->growth);
    *handle_out = handle;
    return ZC_OK;
}

/*
 * Places an object in a free span of this processor's group; else of one of a
 * few other groups, for a thread may have left holes there before it moved to
 * this processor; else in new pages.
 *
 * Another thread may have counted in the last pages below the limit and not yet
 * attached them: the object would be refused although they have room for it.
 * That thread holds the growth mutex of its group meanwhile.  So before an
 * object is refused, every group is tried with its growth mutex held, one after
 * the other: the wait for the mutex ends when those pages can be used.
 */
static zc_status place_in_segment(struct zc_zspool *pool, size_t size,
                                  bool beyond, zc_handle *handle_out,
                                  struct zc_object_ref *ref_out)
{
    const unsigned count = pool->segment_groups;
    const unsigned own = count == 1 ? 0 : zc_processor_current() % count;
    struct zc_dense *dense = zc_dense_of(&pool->groups[own]);
    unsigned turn;
    zc_status status = ZC_REJECTED;
    unsigned i;

    if (count > 1) {
        status = place_in_group(pool, &pool->groups[own], size, FIT, handle_out,
                                ref_out);
        turn = (unsigned)zc_counter_read(&dense->turns);
        for (i = 0; i < OTHERS_MAX && i + 1 < count && status == ZC_REJECTED;
             i++, turn++)
            status = place_in_group(
                pool, &pool->groups[(own + 1 + turn % (count - 1)) % count],
                size, FIT, handle_out, ref_out);
        if (i > 0)
            zc_counter_add(&dense->turns, i);
    }
    for (i = 0; i < count && status == ZC_REJECTED; i++)
        status = place_in_group(pool, &pool->groups[(own + i) % count], size,
                                GROW, handle_out, ref_out);
    if (status == ZC_REJECTED && beyond)
        status = place_in_group(pool, &pool->groups[own], size, BEYOND,
                                handle_out, ref_out);
    return status;
}

static zc_status dense_place(struct zc_zspool *pool, size_t size, bool beyond,
                             zc_handle *handle_out,
                             struct zc_object_ref *ref_out)
{
    zc_status status;

    if (size < pool->huge_class_size)
        return place_in_segment(pool, size, beyond, handle_out, ref_out);
    status =
        zc_slot_place(pool, page_group(pool), size, false, handle_out, ref_out);
    if (status == ZC_REJECTED)
        status = place_in_segment(pool, size, false, handle_out, ref_out);
    if (status == ZC_REJECTED && beyond)
        status = zc_slot_place(pool, page_group(pool), size, true, handle_out,
                               ref_out);
    return status;
}

void zc_dense_detach(struct zc_zspool *pool, struct zc_group *group,
                     struct zc_zspage *zspage)
{
    ZC_ASSERT(zspage->used == 0);
    zc_zspage_lru_remove(pool, zspage);
    if (!zspage->isolated)
        zc_group_remove(group, zspage);
    zspage->isolated = false;
    if (zc_dense_of(group)->open == zspage)
        zc_dense_of(group)->open = NULL;
    zc_dense_of(group)->capacity -= zc_segment_granules(zspage);
    zc_atomic_pointer_store_release(&zspage->group, NULL);
}

static void dense_detach(struct zc_zspool *pool, struct zc_group *group,
                         struct zc_zspage *zspage)
{
    struct zc_segment segment = zc_segment_of(pool, group, zspage);

    zc_span_unbin(&segment, 0, segment.granules);
    zc_dense_detach(pool, group, zspage);
}

static bool dense_remove(struct zc_zspool *pool, struct zc_group *group,
                         struct zc_zspage *zspage, uint64_t location,
                         size_t size)
{
    struct zc_segment segment = zc_segment_of(pool, group, zspage);

    zc_dense_erase(&segment, zc_segment_granule(&segment, location),
                   zc_dense_granules(segment.dense, size));
    group->objects--;
    group->payload_bytes -= size;
    /* An isolated segment is released by compaction, or by the end of
     * reclaim. */
    if (zspage->used > 0 || zspage->isolated || !zc_zspage_try_release(zspage))
        return false;
    dense_detach(pool, group, zspage);
    return true;
}

/* The largest object fits into one page: its header is in the descriptor. */
static uint32_t dense_least_pages(size_t page_size, unsigned chain_length)
{
    (void)page_size;
    (void)chain_length;
    return 1;
}

/* An object takes as much as it needs, so each allocated one is in use. */
static void dense_read_class(const struct zc_group *group,
                             struct zc_zspool_class *row)
{
    const struct zc_dense *dense = zc_dense_of(group);
    const uint64_t segment_granules = (uint64_t)group->zspage_pages *
                                      ZC_DENSE_GRANULES_PER_PAGE;

    ZC_ASSERT(dense->capacity >= dense->used);
    row->pages_used += dense->capacity / ZC_DENSE_GRANULES_PER_PAGE;
    row->objects_allocated += group->objects;
    row->pages_freeable += (dense->capacity - dense->used) / segment_granules *
                           group->zspage_pages;
}

static uint64_t dense_used_pages(const struct zc_zspool *pool)
{
    struct zc_group *group;
    uint64_t used = 0;
    uint64_t pages = 0;
    unsigned i;

    for (i = 0; i < pool->group_count; i++) {
        group = &pool->groups[i];
        zc_spinlock_lock(&group->lock);
        if (group == page_group(pool))
            pages = group->objects;
        else
            used += zc_dense_of(group)->used;
        zc_spinlock_unlock(&group->lock);
    }
    return pages + zc_divide_up(used, ZC_DENSE_GRANULES_PER_PAGE);
}

static const struct zc_group_ops segment_ops = {
    .remove = dense_remove,
    .next = zc_dense_next,
    .isolate = zc_dense_isolate,
    .defer = zc_dense_defer,
    .is_deferred = zc_dense_is_deferred,
    .undefer = zc_dense_undefer,
    .end_reclaim = zc_dense_end_reclaim,
    .detach = dense_detach,
    .read_class = dense_read_class,
};

const struct zc_placement_ops zc_dense_placement = {
    .name = "dense",
    .keeps = true,
    .create = dense_create,
    .destroy = dense_destroy,
    .place = dense_place,
    .least_pages = dense_least_pages,
    .used_pages = dense_used_pages,
    .compact_step = zc_dense_compact_step,
    .compact_pause = zc_dense_compact_pause,
};
