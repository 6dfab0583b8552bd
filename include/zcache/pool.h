/* SPDX-License-Identifier: MIT */
/*
 * pool.h - what a cache asks of the pool behind it, so that another can be
 * plugged in.
 *
 * Two are built in: zc_pool_zspool (the default: zspool.h, either placement)
 * and zc_pool_malloc (one malloc() per object, no compaction).  An allocator
 * experimenter writes a third as a table of functions: docs/pools.md has one.
 *
 * Thread-safety: a pool does its own locking.  The cache calls every function
 * from any thread.  It never frees an object while it reads it, and never uses
 * a handle after it freed it, with one exception: a handle that reclaim() hands
 * to evict may have been freed just before (zc_zspool_evict).  The functions
 * must not call the cache, except by evict.
 *
 * Blocking: all of them may block.  A put runs with a compressor context held,
 * so it should wait for nothing but the system's memory.
 *
 * Fork: a child that destroys the cache calls nothing of a pool that is not
 * zc_pool_zspool: its locks may be held for ever.  Its memory stays.
 */
#ifndef ZCACHE_POOL_H
#define ZCACHE_POOL_H

#include <zcache/zspool.h>

ZC_BEGIN_DECLS

struct zc_pool_ops;

/* The zspool, the default; pool_user is not used. */
ZC_API extern const struct zc_pool_ops zc_pool_zspool;

/* The C library's malloc(); pages are counted by usable sizes. */
ZC_API extern const struct zc_pool_ops zc_pool_malloc;

/* --- a pool of your own ---------------------------------------------- */

/* What the cache tells a pool when it makes it. */
struct zc_pool_config {
    size_t struct_size;
    size_t page_size;
    unsigned placement;    /* enum zc_placement, as the cache's option */
    unsigned chain_length; /* as the cache's option */
    size_t segment_bytes;  /* as the cache's option */
    void *user;            /* the cache's pool_user */
    unsigned keep_lru;     /* 1: reclaim() will be called */

    /* The cache's limit in bytes, 0: none; for a pool with set_limit(). */
    uint64_t limit_bytes;

    /* Where create says why it failed (types.h); of the cache's options. */
    char *reason;
    size_t reason_size;

    unsigned group_count; /* as the cache's option */
};

/* What a pool holds, in bytes; see struct zc_cache_accounting. */
struct zc_pool_usage {
    size_t struct_size;
    uint64_t pages;          /* pool pages of page_size, for limits */
    uint64_t payload_bytes;  /* sum of the objects' sizes */
    uint64_t handle_bytes;   /* resident, for handles */
    uint64_t metadata_bytes; /* resident, anything else but the pages */
    uint64_t kept_bytes;     /* resident, empty pages kept for later */
};

struct zc_pool_ops {
    size_t struct_size; /* sizeof(struct zc_pool_ops) */
    const char *name;   /* in the reason of a create() that gave none */

    /* ZC_OK, ZC_NO_MEMORY, ZC_INVALID for a config it cannot serve. */
    zc_status (*create)(const struct zc_pool_config *config, void **pool_out);

    /* The cache has freed every object before.  (Only zc_pool_zspool also gets
     * pools that still have some.) */
    void (*destroy)(void *pool);

    /*
     * A new object with these bytes, which never change; `size` is 1 to
     * page_size.  ZC_OK, ZC_NO_MEMORY; ZC_REJECTED: the limit, for a pool with
     * set_limit(), else a limit of the pool's own.
     */
    zc_status (*put)(void *pool, const void *data, size_t size,
                     zc_handle *handle_out);
    void (*free)(void *pool, zc_handle handle);

    /* Lends the bytes of an object, which stay where they are until read_end().
     * ZC_OK, or ZC_CORRUPT where the pool finds itself damaged. */
    zc_status (*read_begin)(void *pool, zc_handle handle,
                            struct zc_zspool_read *read_out);
    void (*read_end)(void *pool, struct zc_zspool_read *read);

    /* Pool pages now; called at every store of a cache with a limit. */
    uint64_t (*page_count)(const void *pool);
    void (*usage)(const void *pool, struct zc_pool_usage *usage_out);

    /* Size from which an object is not worth compressing; NULL: page size. */
    size_t (*huge_class_size)(const void *pool);

    /* As zc_zspool_compact(); NULL: it cannot. */
    zc_status (*compact)(void *pool, const struct zc_compact_budget *budget,
                         struct zc_compact_result *result_out);

    /* As zc_zspool_reclaim(), for a pool made with keep_lru; NULL, or a
     * struct_size that ends before it: the pool cannot. */
    zc_status (*reclaim)(void *pool, zc_zspool_evict evict, void *context,
                         uint64_t page_goal, uint64_t *pages_out);

    /*
     * Sets the most bytes of pool pages, 0: no limit.  The first limit is in
     * the config; create() returns ZC_INVALID for one in which nothing could be
     * stored.  Such a pool holds the limit itself: put() is ZC_REJECTED exactly
     * when it needs a page beyond the limit, or when a limit that was lowered
     * has left more pages than it allows.  NULL, or a struct_size that ends
     * before it: the cache refuses a store that finds page_count() at the
     * limit; puts at the same time may then go above it, by what they add.
     */
    void (*set_limit)(void *pool, uint64_t limit_bytes);

    /*
     * put(), but the limit refuses nothing: for a page that a device failed to
     * write, and that is nowhere else.  NULL, or a struct_size that ends before
     * it: put().
     */
    zc_status (*put_beyond)(void *pool, const void *data, size_t size,
                            zc_handle *handle_out);

    /*
     * Of page_count() the pages that objects fill, rounded up; the others are
     * room for objects of any size.  A cache that was full takes pages again
     * when this falls to its threshold.  NULL, or a struct_size that ends
     * before it: page_count().
     */
    uint64_t (*used_pages)(const void *pool);
};

ZC_END_DECLS

#endif
