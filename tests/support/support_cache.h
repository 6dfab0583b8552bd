/* SPDX-License-Identifier: MIT */
/*
 * support_cache.h - what tests of the cache share: pages that can be made again
 * from a number, caches over every pool, and shortcuts that assert.
 *
 * Functions that assert are for the main thread; any thread may call the
 * others.
 */
#ifndef ZC_TESTS_SUPPORT_CACHE_H
#define ZC_TESTS_SUPPORT_CACHE_H

#include <zcache/zcache.h>

#include "support_content.h"
#include "support_test.h"

/* ---- pages ---- */

enum support_kind {
    SUPPORT_ZERO,   /* every byte 0 */
    SUPPORT_SAME,   /* one word, from the seed */
    SUPPORT_HALVES, /* noise, twice: for the compressor "halves" */
    SUPPORT_TEXT,   /* lz4 compresses it about 2.5 times */
    SUPPORT_NOISE,  /* incompressible */
    SUPPORT_KIND_COUNT
};

void support_make_page(void *page, size_t page_size, enum support_kind kind,
                       uint64_t seed);

/* Whether the page is exactly what support_make_page() makes of these. */
bool support_is_page(const void *page, size_t page_size, enum support_kind kind,
                     uint64_t seed);

/*
 * A page that names itself: it carries its slot, its version and a checksum,
 * and the rest follows from these; some pages are noise, some one repeated
 * word.  support_read_stamp() returns true if the page is whole and of this
 * slot, and gives its version, which is never 0.
 */
void support_stamp_page(void *page, size_t page_size, zc_swp slot,
                        uint64_t version);
bool support_read_stamp(const void *page, size_t page_size, zc_swp slot,
                        uint64_t *version_out);

/* ---- caches ---- */

enum support_over {
    SUPPORT_OVER_DENSE,
    SUPPORT_OVER_KERNEL,
    SUPPORT_OVER_MALLOC,
    SUPPORT_OVER_BUMP, /* support_bump.h */
    SUPPORT_OVER_AGES, /* dense, with an LRU of entries */
    SUPPORT_OVER_COUNT
};

/* Options that choose the pool; the rest are defaults. */
struct zc_cache_options support_cache_options(enum support_over over);

struct zc_cache *support_cache_create(const struct zc_cache_options *options);
struct zc_cache *support_cache_over(enum support_over over);

size_t support_cache_page_size(const struct zc_cache *cache);

/* Slot 0:offset, for tests with one type. */
static inline zc_swp support_slot(uint64_t offset)
{
    return zc_swp_make(0, offset);
}

zc_status support_try_store(struct zc_cache *cache, zc_swp slot,
                            enum support_kind kind, uint64_t seed);
void support_store(struct zc_cache *cache, zc_swp slot, enum support_kind kind,
                   uint64_t seed);

/* Asserts that a load finds this page; nothing. */
void support_expect(struct zc_cache *cache, zc_swp slot, enum support_kind kind,
                    uint64_t seed);
void support_expect_missing(struct zc_cache *cache, zc_swp slot);

struct zc_cache_stats support_cache_stats(const struct zc_cache *cache);
#define support_cache_stat(cache, field) (support_cache_stats(cache).field)

/* Asserts that no page is stored and the pool is empty. */
void support_expect_empty(struct zc_cache *cache);

/* Flips a bit of an object of the cache's zspool; `place` chooses which. */
void support_flip_bit(struct zc_cache *cache, size_t place);

/* ---- buffers with an unreadable page on either side ---- */

struct support_guard {
    char *mapping;
    size_t bytes; /* between the guards */
};

void support_guard_init(struct support_guard *guard);
void support_guard_fini(struct support_guard *guard);

/* `size` bytes that begin right after, or end right before, a guard. */
char *support_guard_first(const struct support_guard *guard);
char *support_guard_last(const struct support_guard *guard, size_t size);

/* ---- compressors ---- */

/* The number of built-in compressors, which come first in the registry; the
 * name of one, counted modulo that number. */
unsigned support_codec_count(void);
const char *support_codec_name(unsigned number);

/* ---- a compressor that stores half of a page made of two halves ---- */

/*
 * "halves": its behaviour can be changed while no thread is in it.  Compression
 * calls on_compress first; decompression, which several threads may do at once,
 * calls on_decompress.  So a test can stop a thread in the middle.
 */
struct support_halves {
    void (*on_compress)(void *context);
    void (*on_decompress)(void *context);
    void *context;
    zc_status compress_status;   /* what compress gives instead of ZC_OK */
    zc_status decompress_status; /* the same for decompress */
    size_t claimed_size; /* the size that compress returns; 0: the true one */
};

extern struct support_halves support_halves;

/* Registers the compressor once in a process, and resets its fields. */
void support_use_halves(void);

#endif
