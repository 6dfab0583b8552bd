/* SPDX-License-Identifier: MIT */
/*
 * spy.h - plug-ins that record what the library passes to them: a pool, a
 * device, a compressor; and pages to store.
 *
 * There is one of each in a process: each observation has its own process.
 */
#ifndef ZC_TESTS_EFFECTS_SPY_H
#define ZC_TESTS_EFFECTS_SPY_H

#include <zcache/backing.h>
#include <zcache/compressor.h>
#include <zcache/pool.h>
#include <zcache/swap.h>
#include <zcache/zcache.h>

#define SPY_TRANSFERS 4096
struct spy {
    /* The pool. */
    struct zc_pool_config pool_config;
    unsigned pool_creates;
    unsigned pool_puts;
    uint64_t pool_payload; /* of all puts */
    unsigned pool_compacts;
    unsigned pool_reclaims;
    size_t object_size; /* of the last put */
    unsigned char object[ZC_PAGE_SIZE_MAX];

    /* The device. */
    struct zc_backing_config device_config;
    unsigned device_opens;
    unsigned device_writes;
    unsigned device_reads;
    unsigned device_discards;
    uint64_t written[SPY_TRANSFERS]; /* slots, in order */
    uint64_t tokens[SPY_TRANSFERS];  /* first words of the pages written */
    unsigned meet;                   /* writes wait for so many at once, */
    unsigned meet_ms;                /* so long */
    unsigned under_way;
    unsigned most_under_way;

    /* The compressor. */
    size_t compressed_size; /* of each page; 0: 100 */
    unsigned contexts_created;
    unsigned contexts_destroyed;
    unsigned compress_level; /* of the last page */
    unsigned decompressed_without_context;
};

extern struct spy spy;

/* The pool's reads stand still from the first call to the last. */
void spy_hold_reads(void);
void spy_await_read(void);
void spy_let_go(void);

extern struct zc_pool_ops spy_pool;           /* all but huge_class_size */
size_t spy_huge_class_size(const void *pool); /* 64 */
extern struct zc_backing_ops spy_device;
extern struct zc_compressor spy_compressor; /* "spy", not registered yet */

/* --- pages ----------------------------------------------------------- */

/* A page of one word, over and over. */
const void *page_same(uint64_t word, size_t page_size);
/* One that compresses to about a third, and begins with `token`. */
const void *page_text(uint64_t token);
/* One that does not compress; it begins with `token`. */
const void *page_noise(uint64_t token);

/* --- caches ---------------------------------------------------------- */

/* With struct_size set by it; ends the observation unless it can be made. */
struct zc_cache *cache_of(struct zc_cache_options options);

/* Turns on a device under a type. */
unsigned device_of(struct zc_cache *cache, struct zc_swap_options options);

void store(struct zc_cache *cache, uint64_t offset, const void *page);

/* Stores pages_text(first + i) at offsets first + i. */
void store_texts(struct zc_cache *cache, uint64_t first, uint64_t count);

/* Whether the page there is this one, to the last byte. */
bool comes_back(struct zc_cache *cache, uint64_t offset, const void *page);

#endif
