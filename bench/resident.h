/* SPDX-License-Identifier: MIT */
/*
 * resident.h - a filled cache with the address of every object known, so that
 * the codec alone can read the same bytes.
 *
 * Its codec is liblz4's with one branch in front, which records the address
 * that a load decompresses from.  An address is valid until the cache stores,
 * invalidates or compacts.
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

/* Finds the pages of a corpus that are not same-filled; returns how many. */
uint32_t resident_choose_pages(const struct corpus *corpus,
                               uint32_t **pages_out);

/* A cache whose slot i holds pages[i % page_count] of the corpus. */
void resident_fill(struct resident *resident, unsigned placement,
                   const struct corpus *corpus, const uint32_t *pages,
                   uint32_t page_count, uint32_t slots);
void resident_destroy(struct resident *resident);

/* On one thread.  A raw object has no address, because no codec reads it: the
 * page of the slot is returned instead. */
struct resident_object resident_find(const struct resident *resident,
                                     uint32_t slot);

/* The placement by its name: dense or kernel. */
unsigned placement_named(const char *name);

#endif
