/* SPDX-License-Identifier: MIT */
/*
 * zcache_internal.h - a cache and its parts.
 *
 *   slot -> tree -> entry -> handle -> pool
 *                     |
 *                 generation (compressor, contexts)
 *
 *   zcache.c        create, destroy, options
 *   zcache_store.c  a page in
 *   zcache_load.c   a page out, and pages forgotten
 *   zcache_stats.c  counters and accounting
 */
#ifndef ZC_ZCACHE_INTERNAL_H
#define ZC_ZCACHE_INTERNAL_H

#include <zcache/zcache.h>

#include "entry.h"
#include "generation.h"
#include "stats.h"
#include "tree.h"

struct zc_cache {
    size_t page_size;
    bool same_filled;       /* look for pages of one repeated word */
    size_t huge_class_size; /* from this size on a page is stored raw */
    struct zc_generations generations;
    struct zc_entries entries; /* with the pool */
    struct zc_tree tree;
    struct zc_stats stats;

    /* The limit, and whether stores are refused until the pool falls to the
     * threshold.  Independent numbers: a store may act on old ones. */
    zc_atomic_u64 limit_pages;     /* UINT64_MAX: none */
    zc_atomic_u64 threshold_pages; /* limit * accept_threshold / 100 */
    zc_atomic_u32 is_full;
};

/* Drops the tree's reference to an unlinked entry; `reason` says who did it. */
void zc_cache_forget(struct zc_cache *cache, struct zc_entry *entry,
                     enum zc_stat reason);

/* Pages linked now. */
uint64_t zc_cache_stored_pages(const struct zc_cache *cache);

/* The threshold counts from these; zc_cache_set_limit() without its checks. */
void zc_cache_apply_limit(struct zc_cache *cache, uint64_t limit_bytes,
                          unsigned accept_threshold_percent);

#endif
