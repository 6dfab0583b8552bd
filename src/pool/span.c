/* SPDX-License-Identifier: MIT */
/*
 * span.c - the free spans of dense placement, and which fits best.
 *
 * Best fit over exact lengths: a bitmap says which bins are not empty, and the
 * first set bit at or above the wanted length names the bin of the tightest
 * spans of all segments of the group.  A bin is a list whose links, locations,
 * are in the spans themselves.  The caller of each function holds the group's
 * lock.
 */
#include "pool/dense.h"

#include "platform/memory.h"

#define NEXT_OFFSET 4
#define PREVIOUS_OFFSET 12
#define LINKS_END 20   /* bytes at the front of a span that are in use */
#define LENGTH_BYTES 4 /* and at its end */

static uint64_t load_link(const char *span, size_t offset)
{
    uint64_t link;

    memcpy(&link, span + offset, sizeof(link));
    return link;
}

static void store_link(char *span, size_t offset, uint64_t link)
{
    memcpy(span + offset, &link, sizeof(link));
}

void zc_dense_init(struct zc_dense *dense, size_t page_size)
{
    memset(dense, 0, sizeof(*dense));
    dense->granule_shift = zc_log2(page_size / ZC_DENSE_GRANULES_PER_PAGE);
    dense->linked_min = (uint32_t)zc_divide_up(LINKS_END + LENGTH_BYTES,
                                               zc_dense_bytes(dense, 1));
}

static unsigned bin_of(uint32_t length)
{
    unsigned bin;

    if (length < ZC_DENSE_EXACT_BINS)
        return length;
    bin = ZC_DENSE_EXACT_BINS + zc_log2(length) -
          zc_log2(ZC_DENSE_GRANULES_PER_PAGE);
    ZC_ASSERT(bin < ZC_DENSE_BINS);
    return bin;
}

void zc_span_write(const struct zc_segment *segment, uint32_t start,
                   uint32_t length)
{
    char *span = zc_segment_at(segment, start);
    size_t bytes = zc_dense_bytes(segment->dense, length);
    uint32_t end = start + length;
    char *next;

    ZC_ASSERT(length > 0);
    ZC_ASSERT(end <= segment->granules);
    zc_dense_set_word(span, length << ZC_DENSE_WORD_SHIFT);
    zc_dense_set_word(span + bytes - LENGTH_BYTES, length);
    if (end < segment->granules) {
        next = zc_segment_at(segment, end);
        zc_dense_set_word(next, zc_dense_word(next) | ZC_DENSE_PREV_FREE);
    } else {
        /* The span of an empty segment of the largest size does not fit into 16
         * bits; such a segment has all its pages, so `tail` is not used. */
        segment->zspage->tail = (uint16_t)length;
    }
    if (bytes > LINKS_END + LENGTH_BYTES)
        zc_memory_close(span + LINKS_END, bytes - LINKS_END - LENGTH_BYTES);
}

void zc_span_bin(const struct zc_segment *segment, uint32_t start,
                 uint32_t length)
{
    struct zc_dense *dense = segment->dense;
    uint64_t location = zc_segment_location(segment, start);
    char *span = zc_segment_at(segment, start);
    unsigned bin;

    if (length < dense->linked_min)
        return;
    bin = bin_of(length);
    store_link(span, NEXT_OFFSET, dense->first[bin]);
    store_link(span, PREVIOUS_OFFSET, 0);
    if (dense->first[bin] != 0)
        store_link(
            zc_location_address(&segment->pool->arena, dense->first[bin] - 1),
            PREVIOUS_OFFSET, location + 1);
    else
        dense->bitmap[bin / 64] |= UINT64_C(1) << bin % 64;
    dense->first[bin] = location + 1;
}

void zc_span_unbin(const struct zc_segment *segment, uint32_t start,
                   uint32_t length)
{
    const struct zc_arena *arena = &segment->pool->arena;
    struct zc_dense *dense = segment->dense;
    char *span = zc_segment_at(segment, start);
    uint64_t previous;
    uint64_t next;
    unsigned bin;

    if (length < dense->linked_min)
        return;
    bin = bin_of(length);
    next = load_link(span, NEXT_OFFSET);
    previous = load_link(span, PREVIOUS_OFFSET);
    if (next != 0)
        store_link(zc_location_address(arena, next - 1), PREVIOUS_OFFSET,
                   previous);
    if (previous != 0) {
        store_link(zc_location_address(arena, previous - 1), NEXT_OFFSET, next);
        return;
    }
    ZC_ASSERT(dense->first[bin] == zc_segment_location(segment, start) + 1);
    dense->first[bin] = next;
    if (next == 0)
        dense->bitmap[bin / 64] &= ~(UINT64_C(1) << bin % 64);
}

bool zc_span_find(const struct zc_dense *dense, uint32_t length,
                  uint64_t *location_out)
{
    uint32_t wanted = zc_span_wanted(dense, length);
    unsigned word = bin_of(wanted) / 64;
    uint64_t bits = dense->bitmap[word] & ~ZC_BITS(0, bin_of(wanted) % 64);

    ZC_ASSERT(wanted < ZC_DENSE_EXACT_BINS);
    while (bits == 0) {
        if (++word == ZC_DENSE_BITMAP_WORDS)
            return false;
        bits = dense->bitmap[word];
    }
    *location_out = dense->first[word * 64 + zc_lowest_bit(bits)] - 1;
    return true;
}

uint32_t zc_dense_length(const struct zc_segment *segment, uint32_t word)
{
    struct zc_cell_view view;

    if (!zc_dense_is_object(word))
        return word >> ZC_DENSE_WORD_SHIFT;
    zc_handles_view_at(&segment->pool->handles, word >> ZC_DENSE_WORD_SHIFT,
                       &view);
    return zc_dense_granules(segment->dense, view.size);
}

typedef void (*span_action)(const struct zc_segment *segment, uint32_t start,
                            uint32_t length);

static void for_each_span(const struct zc_segment *segment, span_action action)
{
    uint32_t at = 0;
    uint32_t length;
    uint32_t word;

    while (at < segment->granules) {
        word = zc_dense_word(zc_segment_at(segment, at));
        length = zc_dense_length(segment, word);
        if (!zc_dense_is_object(word))
            action(segment, at, length);
        at += length;
    }
    ZC_ASSERT(at == segment->granules);
}

void zc_segment_bin_all(const struct zc_segment *segment)
{
    for_each_span(segment, zc_span_bin);
}

void zc_segment_unbin_all(const struct zc_segment *segment)
{
    for_each_span(segment, zc_span_unbin);
}
