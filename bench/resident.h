/* SPDX-License-Identifier: MIT */
/*
 * resident.h - a filled cache of which we know where every object lies, so that
 * the codec alone can read the very same bytes.
 *
 * The cache is the library's own in everything but one branch: its codec is
 * liblz4's with an ear in front, which hears from where a load decompresses.
 * The addresses hold until something is stored, forgotten or compacted.
 */
#ifndef ZCACHE_BENCH_RESIDENT_H
#define ZCACHE_BENCH_RESIDENT_H

#include <zcache/zcache.h>

#include "corpus.h"

struct resident_object {
    const void *data;
    size_t size; /* PAGE_BYTES: raw */
};

struct resident {
    struct zc_cache *cache;
    const struct corpus *corpus;
    const uint32_t *pages; /* slot i holds pages[i % page_count] */
    uint32_t page_count;
    uint32_t count;
};

/* The pages of a corpus that are not same-filled; their number. */
uint32_t resident_choose_pages(const struct corpus *corpus,
                               uint32_t **pages_out);

/* A cache whose slot i holds pages[i % page_count] of the corpus. */
void resident_fill(struct resident *resident, unsigned placement,
                   const struct corpus *corpus, const uint32_t *pages,
                   uint32_t page_count, uint32_t slots);
void resident_destroy(struct resident *resident);

/* On one thread.  An object that is not compressed is not heard: the page that
 * the slot was filled with then stands for it. */
struct resident_object resident_find(const struct resident *resident,
                                     uint32_t slot);

/* The placement by its name: dense or kernel. */
unsigned placement_named(const char *name);

#endif
