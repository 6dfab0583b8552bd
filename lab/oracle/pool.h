/* SPDX-License-Identifier: MIT */
/* pool.h - what holds for a pool and a cache whenever a lock is free. */
#ifndef LAB_ORACLE_POOL_H
#define LAB_ORACLE_POOL_H

#include <stddef.h>

#include <zcache/zcache.h>
#include <zcache/zspool.h>

/*
 * The objects to watch are given once and registered in each execution.  Reset:
 * none is watched.
 */
void lab_watch_reset(void);
void lab_watch_register(void);

/*
 * From here on, whenever the lock of the group that objects of this size are in
 * is free: free + in use + deferred = objects of each zspage; every allocated
 * header leads to a cell that leads back; both tags never; deferred objects
 * only under reclaim.
 */
void lab_watch_pool(struct zc_zspool *pool, size_t size);
/* The same of the group of this number. */
void lab_watch_group(struct zc_zspool *pool, unsigned index);

/* Now, while no thread uses the pool: the lists and counts of its arena fit its
 * chunks, and its LRU has every zspage. */
void lab_check_pool(struct zc_zspool *pool);

/* Now: every cell is free, and in the free lists once. */
void lab_check_handles(struct zc_zspool *pool);

/*
 * From here on, whenever the lock of the shard of this slot is free (the shard
 * must exist): its entries are alive, are referenced, and are counted.
 */
void lab_watch_shard(struct zc_cache *cache, zc_swp slot);

/* Now, while no thread uses the cache: only the tree has references. */
void lab_check_references(struct zc_cache *cache, zc_swp slot);

struct zc_sparse;

/* zc_sparse_find() without a step. */
void *lab_sparse_find(const struct zc_sparse *sparse, uint64_t index);
/* What the tree has at a slot: the index of the entry and 1, or 0. */
uint32_t lab_entry_at(const struct zc_cache *cache, zc_swp slot);

/* Parts of lab_watch_reset() and lab_watch_register(). */
void lab_watch_reset_shard(void);
void lab_watch_register_shard(void);

#endif
