/* SPDX-License-Identifier: MIT */
/*
 * dense.h - what the files of dense placement share.
 *
 * A segment is a zspage of up to `segment_pages` pages: it begins with a few
 * and grows as it fills.  It is tiled without gaps by objects and free spans,
 * both in whole granules (1/512 of a page, 8 bytes at least):
 *
 *   object   [word][payload ... slack]
 *   span     [word][next][previous] ... [length]
 *
 *   word of an object, 32 bits:
 *      31            3      2          1          0
 *     +---------------+-----------+----------+-----------+
 *     |  cell index   | PREV_FREE | DEFERRED | ALLOCATED |
 *     +---------------+-----------+----------+-----------+
 *   word of a span: its length in granules in place of the cell index, and no
 *   tag.  Two spans never touch.
 *
 * PREV_FREE says that a span ends where this object begins; its length stands
 * in its last four bytes, so a free finds both neighbours in constant time.
 *
 * Spans that can hold their links are in bins by length, one bin per length up
 * to the largest object, so that the first bin that is not empty is the best
 * fit.  Smaller spans wait for a neighbour to be freed.
 */
#ifndef ZC_POOL_DENSE_H
#define ZC_POOL_DENSE_H

#include <string.h>

#include "base/bits.h"
#include "zspool.h"

#define ZC_DENSE_GRANULES_PER_PAGE 512
#define ZC_DENSE_HEADER_BYTES 4
#define ZC_DENSE_PREV_FREE 4u
#define ZC_DENSE_WORD_SHIFT 3

/* Lengths up to the largest object have a bin each, longer ones share one per
 * power of two. */
#define ZC_DENSE_EXACT_BINS (ZC_DENSE_GRANULES_PER_PAGE + 2)
#define ZC_DENSE_BINS (ZC_DENSE_EXACT_BINS + 8)
#define ZC_DENSE_BITMAP_WORDS ((ZC_DENSE_BINS + 63) / 64)

/* The segments of a group and their free spans; the group's lock guards all of
 * it.  A span is in the bins of its segment's group. */
struct zc_dense {
    uint64_t used;          /* granules in use */
    uint64_t capacity;      /* granules of all segments */
    unsigned granule_shift; /* log2 of the bytes of a granule */
    uint32_t linked_min;    /* shortest span that holds its links, granules */
    uint64_t bitmap[ZC_DENSE_BITMAP_WORDS]; /* bins that are not empty */
    uint64_t first[ZC_DENSE_BINS]; /* location + 1 of a bin's first span */
    struct zc_zspage *open; /* the newest segment, which may grow; or NULL */

    zc_counter turns; /* which other group is asked first */

    /* [compaction] (pool/dense_compact.c) */
    struct zc_zspage *victim;   /* segment being emptied; isolated */
    bool is_done;               /* nothing more to gain in this round */
    unsigned failures;          /* victims in a row that were given up */
    unsigned scans;             /* steps that found no segment to slide */
    uint64_t moved;             /* objects, in this round */
    uint32_t min_unsatisfiable; /* least length that no segment has free */
};

static inline struct zc_dense *zc_dense_of(const struct zc_group *group)
{
    return group->own;
}

/* A segment that the caller works on: it holds the group's lock, or no other
 * thread can reach the segment yet. */
struct zc_segment {
    struct zc_zspool *pool;
    struct zc_group *group;
    struct zc_dense *dense;
    struct zc_zspage *zspage;
    char *memory;
    uint64_t location; /* of its first granule */
    uint32_t granules; /* that it has */
};

/* Granules of a segment, as many as its pages have. */
static inline uint32_t zc_segment_granules(const struct zc_zspage *zspage)
{
    return (uint32_t)zspage->pages * ZC_DENSE_GRANULES_PER_PAGE;
}

static inline struct zc_segment zc_segment_in(struct zc_zspool *pool,
                                              struct zc_group *group,
                                              const struct zc_chunk *chunk,
                                              struct zc_zspage *zspage)
{
    struct zc_segment segment = {
        .pool = pool,
        .group = group,
        .dense = zc_dense_of(group),
        .zspage = zspage,
        .granules = zc_segment_granules(zspage),
    };

    segment.memory =
        zc_chunk_place(&pool->arena, chunk, zspage, &segment.location);
    return segment;
}

static inline struct zc_segment zc_segment_of(struct zc_zspool *pool,
                                              struct zc_group *group,
                                              struct zc_zspage *zspage)
{
    return zc_segment_in(pool, group,
                         zc_arena_chunk(&pool->arena, zspage->chunk), zspage);
}

/* The segment around a location. */
static inline struct zc_segment zc_segment_around(struct zc_zspool *pool,
                                                  struct zc_group *group,
                                                  uint64_t location)
{
    const struct zc_chunk *chunk = zc_location_chunk(&pool->arena, location);

    return zc_segment_in(pool, group, chunk,
                         zc_chunk_zspage(&pool->arena, chunk, location));
}

/* The segment of a zspage that has a group, whose lock is held. */
static inline struct zc_segment zc_segment_here(struct zc_zspool *pool,
                                                struct zc_zspage *zspage)
{
    return zc_segment_of(pool, zc_atomic_pointer_load_relaxed(&zspage->group),
                         zspage);
}

/* Bytes of so many granules. */
static inline size_t zc_dense_bytes(const struct zc_dense *dense,
                                    uint32_t granules)
{
    return (size_t)granules << dense->granule_shift;
}

static inline char *zc_segment_at(const struct zc_segment *segment,
                                  uint32_t granule)
{
    return segment->memory + zc_dense_bytes(segment->dense, granule);
}

static inline uint64_t zc_segment_location(const struct zc_segment *segment,
                                           uint32_t granule)
{
    return segment->location +
           zc_dense_bytes(segment->dense, granule) / ZC_UNIT_BYTES;
}

static inline uint32_t zc_segment_granule(const struct zc_segment *segment,
                                          uint64_t location)
{
    return (uint32_t)((location - segment->location) * ZC_UNIT_BYTES >>
                      segment->dense->granule_shift);
}

static inline uint32_t zc_dense_word(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline void zc_dense_set_word(char *at, uint32_t word)
{
    memcpy(at, &word, sizeof(word));
}

static inline bool zc_dense_is_object(uint32_t word)
{
    return (word & ZC_OBJECT_TAGS) != 0;
}

/* Granules that an object of `size` bytes takes, with its header. */
static inline uint32_t zc_dense_granules(const struct zc_dense *dense,
                                         size_t size)
{
    return (uint32_t)((size + ZC_DENSE_HEADER_BYTES + zc_dense_bytes(dense, 1) -
                       1) >>
                      dense->granule_shift);
}

/* Granules of the object or span that begins with `word`. */
uint32_t zc_dense_length(const struct zc_segment *segment, uint32_t word);

/* ---- pool/span.c; group lock held ---- */

void zc_dense_init(struct zc_dense *dense, size_t page_size);

/* Makes [start, start + length) a free span, in no bin.  What is in front of it
 * is not a free span. */
void zc_span_write(const struct zc_segment *segment, uint32_t start,
                   uint32_t length);

/* Into and out of its bin, unless it is too short to be in one. */
void zc_span_bin(const struct zc_segment *segment, uint32_t start,
                 uint32_t length);
void zc_span_unbin(const struct zc_segment *segment, uint32_t start,
                   uint32_t length);

/* The least length of a span in which an object of `length` granules can be
 * placed: shorter spans are in no bin. */
static inline uint32_t zc_span_wanted(const struct zc_dense *dense,
                                      uint32_t length)
{
    return length < dense->linked_min ? dense->linked_min : length;
}

/* The best span of at least `length` granules; false: none. */
bool zc_span_find(const struct zc_dense *dense, uint32_t length,
                  uint64_t *location_out);

/* Puts every span of a segment in its bin, or takes them out. */
void zc_segment_bin_all(const struct zc_segment *segment);
void zc_segment_unbin_all(const struct zc_segment *segment);

/* ---- pool/dense.c; group lock held ---- */

/* Carves an object out of a binned span and writes its header. */
void zc_dense_carve(const struct zc_segment *segment, uint32_t start,
                    uint32_t length, uint32_t cell);

/* Turns an object back into free space, joined with its neighbours. */
void zc_dense_erase(const struct zc_segment *segment, uint32_t start,
                    uint32_t length);

/* Takes an empty, locked segment off its group; its spans are in no bin. */
void zc_dense_detach(struct zc_zspool *pool, struct zc_group *group,
                     struct zc_zspage *zspage);

/* ---- pool/dense_reclaim.c: see struct zc_group_ops ---- */

bool zc_dense_next(struct zc_zspool *pool, struct zc_zspage *zspage,
                   uint32_t *place_inout, zc_handle *handle_out);
void zc_dense_isolate(struct zc_zspool *pool, struct zc_zspage *zspage);
zc_status zc_dense_defer(struct zc_zspool *pool,
                         const struct zc_object_ref *ref);
bool zc_dense_is_deferred(struct zc_zspool *pool,
                          const struct zc_object_ref *ref);
void zc_dense_undefer(struct zc_zspool *pool, const struct zc_object_ref *ref);
void zc_dense_end_reclaim(struct zc_zspool *pool, struct zc_zspage *zspage,
                          bool rebuild);

/* ---- pool/dense_compact.c ---- */

/* Joins the free spans of one segment to one of at least `length` granules, for
 * an object that would be refused.  The caller holds the group's lock.  False:
 * no segment was found that has so many. */
bool zc_dense_make_span(struct zc_zspool *pool, struct zc_group *group,
                        uint32_t length);

zc_status zc_dense_compact_step(struct zc_zspool *pool, uint64_t most,
                                struct zc_compact_result *result);
void zc_dense_compact_pause(struct zc_zspool *pool,
                            struct zc_compact_result *result);

#endif
