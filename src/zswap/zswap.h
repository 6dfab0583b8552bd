/* SPDX-License-Identifier: MIT */
/*
 * zswap.h - pages in compressed form by slot: zswap without devices.
 *
 *   slot -> tree -> entry -> handle -> pool
 *                     |
 *                 generation (compressor, contexts)
 *
 *   zswap/zswap.c        making and ending it, settings
 *   zswap/store.c  a page in
 *   zswap/load.c   a page out, and pages forgotten
 *   zswap/evict.c  an entry out, for writeback: found again, read, unlinked
 *
 * What the caller of the public functions sees is struct zc_cache
 * (cache/cache.h), which has one of these and perhaps devices.  Nothing here knows of devices:
 * whoever needs the slot to stay what it is holds its pin.
 */
#ifndef ZC_ZSWAP_ZSWAP_H
#define ZC_ZSWAP_ZSWAP_H

#include <zcache/zcache.h>

#include "base/stats.h"
#include "codec/generation.h"
#include "zswap/entry.h"
#include "zswap/lru.h"
#include "zswap/tree.h"

struct zc_zcache {
    size_t page_size;
    bool same_filled;       /* look for pages of one repeated word */
    size_t huge_class_size; /* from this size on a page is stored raw */
    unsigned lru_mode;      /* enum zc_lru_mode, resolved: never DEFAULT */
    struct zc_generations generations;
    struct zc_entries entries; /* with the pool */
    struct zc_tree tree;
    struct zc_lru lru; /* ZC_LRU_ENTRY; the owners' records in every mode */
    struct zc_stats stats;

    /*
     * Called by a store that the limit refuses, with no lock and no context
     * held (NO_SHRINK_WITH_CONTEXT): makes room, never waiting for `slot`.  The
     * store then tries once more.  NULL: nothing can be done.  For a store over
     * its owner's limit, `owner` says whose entries are to go, and the store
     * goes on if it is true: something was written; else ZC_OWNER_ANY.
     */
    bool (*make_room)(void *context, zc_swp slot, unsigned owner);
    void *context;

    /* The limit, and whether stores are refused until the pool falls to the
     * threshold.  Independent numbers: a store may act on old ones. */
    zc_atomic_u64 limit_pages;     /* UINT64_MAX: none */
    zc_atomic_u64 threshold_pages; /* limit * accept_threshold / 100 */
    zc_atomic_u32 is_full;
    struct zc_mutex limit_lock; /* one change at a time, the pool's with it */

    /* Of the pool: whether it holds the limit itself, and the pages that the
     * threshold is about. */
    bool pool_has_limit;
    zc_status (*put_beyond)(void *pool, const void *data, size_t size,
                            zc_handle *handle_out); /* or its put */
    uint64_t (*used_pages)(const void *pool);
};

#define ZC_OWNER_ANY ZC_OWNER_COUNT

/* `options` are complete and checked.  make_room and context are the caller's
 * to set afterwards.  ZC_OK; ZC_NO_MEMORY; what the pool says. */
zc_status zc_zcache_init(struct zc_zcache *zcache,
                         const struct zc_cache_options *options);
/* Forgets everything; nobody uses it any more. */
void zc_zcache_destroy(struct zc_zcache *zcache);
/* In a child after fork(), instead: takes no lock. */
void zc_zcache_leave(struct zc_zcache *zcache);
/* Its last part: the memory goes with whatever is stored in it. */
void zc_zcache_drop(struct zc_zcache *zcache);

/* Fills in defaults and checks all that is not the pool's or the device's;
 * options->reason says what is wrong.  ZC_OK; ZC_INVALID; ZC_UNSUPPORTED: there
 * is no such compressor. */
zc_status zc_zcache_check_options(struct zc_cache_options *options);

/*
 * Stores a page under a slot in place of what was there; a store that fails
 * erases that (FAILED_STORE_ERASES_OLD).  `force`, for a page that has nowhere
 * else to be: whatever the limits say.
 *
 * ZC_OK; ZC_REJECTED: the limit, the owner's, the pool's own, or (lru = zspage)
 * a page that does not compress; ZC_NO_MEMORY.
 */
zc_status zc_zcache_store(struct zc_zcache *zcache, zc_swp slot,
                          const void *page, unsigned owner, bool force);

/* ZC_OK; ZC_MISSING; ZC_CORRUPT: kept.  zc_cache_load(). */
zc_status zc_zcache_load(struct zc_zcache *zcache, zc_swp slot, void *page_out);

/* Also ZC_BUSY; zc_cache_take(). */
zc_status zc_zcache_take(struct zc_zcache *zcache, zc_swp slot, void *page_out);

/* ZC_OK; ZC_MISSING. */
zc_status zc_zcache_invalidate(struct zc_zcache *zcache, zc_swp slot);

/* The slots of one type from first to end - 1. */
void zc_zcache_invalidate_range(struct zc_zcache *zcache, unsigned type,
                                uint64_t first, uint64_t end);

/* Whether anything is stored under a type; for swapon. */
bool zc_zcache_has_type(const struct zc_zcache *zcache, unsigned type);

/* --- writeback's side: zswap/evict.c -------------------------------- */

/* How writeback knows what it came for: by the entry (lru = entry), or by the
 * handle of its object (lru = zspage). */
struct zc_zcache_token {
    bool by_handle;
    uint32_t index;
    zc_handle handle;
};

/*
 * The entry of a slot if it is still the one of the token, with a reference,
 * else NULL.  The caller has the slot pinned (WRITEBACK_RECHECKS_TREE).
 */
struct zc_entry *zc_zcache_find(struct zc_zcache *zcache, zc_swp slot,
                                const struct zc_zcache_token *token);

/* Decompresses it.  ZC_OK; ZC_CORRUPT: it stays as it is. */
zc_status zc_zcache_read(struct zc_zcache *zcache, struct zc_entry *entry,
                         void *page_out);

/*
 * Unlinks it and drops the tree's reference; it must be linked still, which the
 * caller's pin guarantees.  The caller's own reference stays.  Counts as
 * written back.
 */
void zc_zcache_evict(struct zc_zcache *zcache, struct zc_entry *entry);

void zc_zcache_put(struct zc_zcache *zcache, struct zc_entry *entry);

/* The slot that an object of this mode's pool begins with (lru = zspage).  The
 * handle may be a deferred one.  ZC_OK; ZC_STALE. */
zc_status zc_zcache_slot_of(struct zc_zcache *zcache, zc_handle handle,
                            zc_swp *slot_out);

/* --- limits ---------------------------------------------------------- */

/* Used pool pages above the accept threshold now, or where there are more than
 * the limit, all of them: what shrinking is to free. */
uint64_t zc_zcache_excess_pages(const struct zc_zcache *zcache);

/* The threshold counts from these; zc_cache_set_limit() without its checks. */
void zc_zcache_apply_limit(struct zc_zcache *zcache, uint64_t limit_bytes,
                           unsigned accept_threshold_percent);

/* Whether an owner's pages never go to a device. */
bool zc_zcache_owner_forbids(const struct zc_zcache *zcache, unsigned owner);

/* --- among the files of zcache --------------------------------------- */

/* Drops the tree's reference to an unlinked entry; `reason` says who did it. */
void zc_zcache_forget(struct zc_zcache *zcache, struct zc_entry *entry,
                      enum zc_stat reason);

/* Pages linked now. */
uint64_t zc_zcache_stored_pages(const struct zc_zcache *zcache);

#endif
