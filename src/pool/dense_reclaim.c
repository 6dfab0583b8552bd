/* SPDX-License-Identifier: MIT */
/*
 * dense_reclaim.c - deferred objects of dense placement, and the free
 * spans after a reclaim that did not empty its segment.
 *
 * A deferred object keeps its header, and its cell keeps its size, so that the
 * segment can be walked as before.  When reclaim ends, the spans are made anew
 * from the headers, in the order of addresses; all that lies between two
 * allocated objects becomes one span.
 */
#include "pool/dense.h"

#include "platform/memory.h"
#include "rules.h"

bool zc_dense_next(struct zc_zspool *pool, struct zc_zspage *zspage,
                   uint32_t *place_inout, zc_handle *handle_out)
{
    struct zc_segment segment = zc_segment_here(pool, zspage);
    uint32_t at = *place_inout;
    bool found = false;
    uint32_t word;

    while (!found && at < segment.granules) {
        word = zc_dense_word(zc_segment_at(&segment, at));
        found = (word & ZC_OBJECT_TAGS) == ZC_OBJECT_ALLOCATED &&
                zc_handles_at(&pool->handles, word >> ZC_DENSE_WORD_SHIFT,
                              handle_out);
        at += zc_dense_length(&segment, word);
    }
    *place_inout = at;
    return found;
}

void zc_dense_isolate(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    struct zc_segment segment = zc_segment_here(pool, zspage);

    zc_segment_unbin_all(&segment);
}

zc_status zc_dense_defer(struct zc_zspool *pool,
                         const struct zc_object_ref *ref)
{
    struct zc_segment segment = zc_segment_of(pool, ref->group, ref->zspage);
    char *object = zc_location_address(&pool->arena, ref->location);
    uint32_t word = zc_dense_word(object);

    if ((word & ZC_OBJECT_TAGS) == ZC_OBJECT_DEFERRED)
        return ZC_STALE;
    ZC_ASSERT((word & ZC_OBJECT_TAGS) == ZC_OBJECT_ALLOCATED);
    if (!ZC_RULE(NO_FREE_LIST_UNDER_RECLAIM)) {
        zc_dense_erase(&segment, zc_segment_granule(&segment, ref->location),
                       zc_dense_granules(segment.dense, ref->size));
    } else {
        word &= ~ZC_OBJECT_TAGS;
        zc_dense_set_word(object, word | ZC_OBJECT_DEFERRED);
        ref->zspage->objects--;
    }
    ref->group->objects--;
    ref->group->payload_bytes -= ref->size;
    return ZC_OK;
}

bool zc_dense_is_deferred(struct zc_zspool *pool,
                          const struct zc_object_ref *ref)
{
    uint32_t word =
        zc_dense_word(zc_location_address(&pool->arena, ref->location));

    return (word & ZC_OBJECT_TAGS) == ZC_OBJECT_DEFERRED;
}

void zc_dense_undefer(struct zc_zspool *pool, const struct zc_object_ref *ref)
{
    char *object = zc_location_address(&pool->arena, ref->location);
    uint32_t word = zc_dense_word(object) & ~ZC_OBJECT_TAGS;

    zc_dense_set_word(object, word | ZC_OBJECT_ALLOCATED);
    ref->zspage->objects++;
    ref->group->objects++;
    ref->group->payload_bytes += ref->size;
}

/* Releases the cell of a deferred object; `word` is its header. */
static void release_cell(const struct zc_segment *segment, uint32_t word)
{
    struct zc_handles *handles = &segment->pool->handles;
    zc_handle handle;
    bool is_live;

    if ((word & ZC_OBJECT_TAGS) != ZC_OBJECT_DEFERRED ||
        !ZC_RULE(RECLAIM_END_RELEASES_CELLS))
        return;
    is_live = zc_handles_at(handles, word >> ZC_DENSE_WORD_SHIFT, &handle);
    ZC_ASSERT(is_live);
    if (is_live)
        zc_handles_free(handles, &segment->group->cells, handle);
}

/* Makes one span of all that lies between two allocated objects.  Returns the
 * granules in use. */
static uint32_t rewrite_spans(const struct zc_segment *segment)
{
    const uint32_t end = segment->granules;
    uint32_t run_start = 0;
    uint32_t used = 0;
    uint32_t length;
    uint32_t word;
    uint32_t at;

    segment->zspage->tail = 0;
    for (at = 0; at < end; at += length) {
        word = zc_dense_word(zc_segment_at(segment, at));
        length = zc_dense_length(segment, word);
        if ((word & ZC_OBJECT_TAGS) != ZC_OBJECT_ALLOCATED) {
            release_cell(segment, word);
            continue;
        }
        if (run_start < at)
            zc_span_write(segment, run_start, at - run_start);
        run_start = at + length;
        used += length;
    }
    if (run_start < end)
        zc_span_write(segment, run_start, end - run_start);
    return used;
}

void zc_dense_end_reclaim(struct zc_zspool *pool, struct zc_zspage *zspage,
                          bool rebuild)
{
    struct zc_segment segment = zc_segment_here(pool, zspage);
    uint32_t used;

    /* An empty segment is rebuilt too: detach expects its one span in a bin. */
    (void)rebuild;
    zc_memory_open(segment.memory,
                   zc_dense_bytes(segment.dense, segment.granules));
    used = rewrite_spans(&segment);
    segment.dense->used -= zspage->used - used;
    zspage->used = used;
    zspage->isolated = false;
    zc_segment_bin_all(&segment);
    zc_group_insert(segment.group, zspage,
                    zc_fullness_of(used, segment.granules));
}
