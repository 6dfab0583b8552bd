/* SPDX-License-Identifier: MIT */
/*
 * zspool.h - a pool of objects of up to one page, named by handles.
 *
 * The pool is zsmalloc as a library: an object is found through its handle, so
 * it can be moved, and whole page frames go back to the system.  It is usable
 * alone; the cache (zcache.h) is one user of it.
 *
 * Placements
 *   ZC_PLACEMENT_DENSE   objects of any size side by side in segments of some
 *                        tens of KiB, best fit; the default.
 *   ZC_PLACEMENT_KERNEL  the size classes, chain lengths, fullness groups and
 *                        huge class of zsmalloc, exactly: the same objects in
 *                        the same order take the same number of pages.
 *
 * Thread-safety.  Every function may be called from any thread at any time,
 * except that zc_zspool_destroy() must be the last call.  Calls on *different*
 * handles never need the caller's help.  On the *same* handle:
 *
 *              read   write   tags   size   visit  free
 *      read     ok     X       ok     ok     ok     X
 *      write    X      X       ok     ok     X      X
 *      tags     ok     ok      ok     ok     ok     s
 *      size     ok     ok      ok     ok     ok     s
 *      visit    ok     X       ok     ok     ok     ok
 *      free     X      X       s      s      ok     s
 *
 *   ok  may run together           s  safe; the loser gets ZC_STALE
 *   X   the caller must keep them apart (memory stays safe: the worst is that
 *       bytes of another object are read or written)
 *
 * A visit is the callback of zc_zspool_iterate() that has the object.  A caller
 * that writes objects in place keeps the two apart by a lock of its own, which
 * the callback takes before it looks at the bytes.
 *
 * Compaction may run together with everything, and so may zc_zspool_reclaim():
 * what its callback does to an object is a read or a free like any other.
 *
 * Blocking: no function waits for a device.  Functions that can ask the system
 * for memory say so.  Signals: nothing here may be called from a signal
 * handler.
 *
 * Ownership: the caller owns the pool, and each object until it frees it; bytes
 * are copied in and lent out.
 *
 * Fork: in a child process the pools of its parent can only be destroyed,
 * whatever threads of the parent did at the fork; that takes no lock, unmaps
 * the pages and leaves memory of malloc() as it is.  Every other call on one is
 * ZC_UNSUPPORTED, or gives 0, or does nothing.
 */
#ifndef ZCACHE_ZSPOOL_H
#define ZCACHE_ZSPOOL_H

#include <zcache/options.h>
#include <zcache/types.h>

ZC_BEGIN_DECLS

struct zc_zspool;

/* --- what every user calls ------------------------------------------- */

enum zc_placement {
    ZC_PLACEMENT_DEFAULT = 0, /* dense */
    ZC_PLACEMENT_DENSE = 1,
    ZC_PLACEMENT_KERNEL = 2
};

struct zc_zspool_options {
    size_t struct_size; /* sizeof(struct zc_zspool_options) */

    /* Bytes of a page, a power of two from 4096 to 65536; 0 means 4096. */
    size_t page_size;

    /* enum zc_placement; 0 means dense. */
    unsigned placement;

    /*
     * Kernel placement: the longest chain of pages in a zspage, 4 to 16;
     * 0 means 8 (CONFIG_ZSMALLOC_CHAIN_SIZE).
     */
    unsigned chain_length;

    /*
     * Most bytes of pool pages, rounded down to pages; 0 means no limit but
     * what handles can name, which is refused alike: 256 GiB, and 2^29
     * objects.  An object is refused only when it needs a page beyond it, and
     * pool pages are never above it, not for a moment.  Dense placement fills
     * it to what each segment has left that is smaller than an object; a
     * segment gets its pages as it fills, so that the limit need not be a
     * multiple of one.
     *
     * The least is what an empty pool needs for an object of any size, so that
     * no size is refused for ever: a page in dense placement, the longest chain
     * of the class table in kernel placement (at most chain_length pages:
     * objects of that class come in no less).
     */
    uint64_t limit_bytes;

    /*
     * Dense placement: most bytes of a segment, a power of two from 4 to 128
     * pages; 0 means 32 pages.
     */
    size_t segment_bytes;

    /* 1: keep zspages by age, so that zc_zspool_reclaim() works. */
    unsigned keep_lru;

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;

    /*
     * Dense placement: groups of segments, up to ZC_GROUP_COUNT_MAX, each with
     * its own lock.  A thread places objects in the group of its processor.
     * More groups scale further; until the pool is compacted, each has holes of
     * its own.  0: one for each 4 processors, but no more than one for each 16
     * segments of the limit, and at least one.
     */
    unsigned group_count;
};

#define ZC_GROUP_COUNT_MAX 1024

/* Options with named fields: ZC_ZSPOOL_OPTIONS(.limit_bytes = 1 << 20). */
#define ZC_ZSPOOL_OPTIONS(...) ZC_OPTIONS(zc_zspool_options, __VA_ARGS__)

/*
 * Makes an empty pool, which the caller ends with zc_zspool_destroy().  NULL
 * options mean all defaults.
 *
 * ZC_OK; ZC_INVALID: a field is out of its range, which `reason` names;
 * ZC_UNSUPPORTED: the struct is from a newer version and sets something this
 * one does not know; ZC_NO_MEMORY.  Follows zs_create_pool().
 */
ZC_API ZC_MUST_CHECK zc_status zc_zspool_create(
    const struct zc_zspool_options *options, struct zc_zspool **pool_out);

/*
 * Ends a pool with everything in it.  No other call may be running.  NULL is
 * allowed.  Follows zs_destroy_pool(), which demands an empty pool; this one
 * does not.
 */
ZC_API void zc_zspool_destroy(struct zc_zspool *pool);

/*
 * Makes an object of `size` bytes, 1 to page_size, and copies `data` into it.
 * May ask the system for memory.
 *
 * ZC_OK; ZC_INVALID: size 0 or above the page size, or NULL; ZC_REJECTED: the
 * pool's limit; ZC_NO_MEMORY.  Follows zs_malloc() and zs_obj_write().
 */
ZC_API ZC_MUST_CHECK zc_status zc_zspool_put(struct zc_zspool *pool,
                                             const void *data, size_t size,
                                             zc_handle *handle_out);

/*
 * Gives an object back.  Its zspage goes back to the system when it was the
 * last one in it.  In dense placement empty zspages are kept for the next
 * objects, as many pages as a segment has (kept_bytes in struct
 * zc_zspool_stats); they go back with the first put or free in a later second,
 * with a compaction or a reclaim, and before the limit refuses anything.  While
 * the object is visited, its bytes and its room stay (and count) until the last
 * visit ends; the handle is stale at once.
 *
 * ZC_OK; ZC_STALE: freed before; ZC_INVALID: never was a handle of this pool.
 * A stale handle is recognised unless its cell has meanwhile been reused
 * exactly a multiple of 16384 times (4 KiB pages; 1024 times at 64 KiB).  A
 * handle of another pool, also of one that is destroyed, is recognised by a
 * number in it that is given again after 131072 (2^17) pools; of what comes
 * from elsewhere (another process, bytes that were never a handle) one in
 * 131072 at most is taken for a handle of this pool.  Follows zs_free().
 */
ZC_API zc_status zc_zspool_free(struct zc_zspool *pool, zc_handle handle);

/*
 * One reading: from zc_zspool_read_begin() to zc_zspool_read_end() the object
 * stays where it is.  `data` is aligned to 4 bytes.
 *
 * The one struct here without a struct_size: every load of a cache fills one,
 * and these three fields are all it will ever have.
 */
struct zc_zspool_read {
    const void *data; /* the object's bytes */
    size_t size;      /* how many */
    void *pin;        /* the pool's */
};

/*
 * Lends the bytes of an object without a copy.  While they are lent, compaction
 * leaves the zspage alone; allocations and frees go on.  Keep it short.
 *
 * ZC_OK, also for an object freed under reclaim until that reclaim ends (see
 * zc_zspool_evict); ZC_STALE: freed; ZC_INVALID: never was a handle of this
 * pool, or NULL.  Follows zs_obj_read_begin().
 */
ZC_API ZC_MUST_CHECK zc_status zc_zspool_read_begin(
    struct zc_zspool *pool, zc_handle handle, struct zc_zspool_read *read_out);

/* Ends a reading; once per zc_zspool_read_begin() that returned ZC_OK.  Follows
 * zs_obj_read_end(). */
ZC_API void zc_zspool_read_end(struct zc_zspool *pool,
                               struct zc_zspool_read *read);

/* ======================================================================
 * The rest: writing in place, tags, walks, compaction, reclaim, counters,
 * limits, size classes.
 * ====================================================================== */

/* "dense", "kernel", a static text; NULL for any other number, that of the
 * default too.  Placements are numbered from 1 without a gap. */
ZC_API const char *zc_placement_name(unsigned placement);

/*
 * Reserves an object of `size` bytes, 1 to page_size.  Its content is undefined
 * until zc_zspool_write(), also for zc_zspool_iterate() and
 * zc_zspool_reclaim(), which meet it from now on.  zc_zspool_put() is cheaper,
 * and neither of the two meets its object before it is written.  May ask the
 * system for memory.
 *
 * ZC_OK; ZC_INVALID: size 0 or above the page size, or NULL; ZC_REJECTED: the
 * pool's limit; ZC_NO_MEMORY.  Follows zs_malloc().
 */
ZC_API ZC_MUST_CHECK zc_status zc_zspool_alloc(struct zc_zspool *pool,
                                               size_t size,
                                               zc_handle *handle_out);

/*
 * Writes a whole object: `size` must be the size it was allocated with.
 *
 * ZC_OK; ZC_INVALID: another size, NULL data, or never was a handle of this
 * pool; ZC_STALE: freed.  Follows zs_obj_write().
 */
ZC_API ZC_MUST_CHECK zc_status zc_zspool_write(struct zc_zspool *pool,
                                               zc_handle handle,
                                               const void *data, size_t size);

/* The bytes an object was allocated with.  ZC_OK; ZC_STALE: freed; ZC_INVALID:
 * never was a handle of this pool, or NULL. */
ZC_API ZC_MUST_CHECK zc_status zc_zspool_object_size(
    const struct zc_zspool *pool, zc_handle handle, size_t *size_out);

/* The caller's tag bits of a handle; both are clear after an allocation. */
#define ZC_TAG_0 1u
#define ZC_TAG_1 2u

/*
 * Clears, then sets user tag bits, in one atomic step; `previous_out` (may be
 * NULL) gets the tags as they were.  With clear = 0 and set = 0 it reads them.
 *
 * ZC_OK; ZC_INVALID: other bits, or never was a handle of this pool; ZC_STALE:
 * freed.
 */
ZC_API zc_status zc_zspool_change_tags(struct zc_zspool *pool, zc_handle handle,
                                       unsigned clear, unsigned set,
                                       unsigned *previous_out);

/*
 * Called with each object, with no lock held.  Its bytes stay where they are
 * and as they are until the call returns, also if it is freed meanwhile, by
 * another thread or by the callback itself; only zc_zspool_write() changes
 * them.  The callback may call the pool, except to destroy it.  Returning false
 * ends the walk.
 */
typedef bool (*zc_zspool_visit)(void *context, zc_handle handle,
                                const void *data, size_t size);

/*
 * Visits every object that lives from the beginning of the call to its end,
 * once, and any other at most once, in no promised order.  An object of
 * zc_zspool_put() is seen with its bytes or not at all.
 *
 * ZC_OK: all visited; ZC_AGAIN: the callback ended the walk; ZC_INVALID: NULL.
 */
ZC_API zc_status zc_zspool_iterate(struct zc_zspool *pool,
                                   zc_zspool_visit visit, void *context);

/* How much one call of zc_zspool_compact() may do; 0 means no bound. */
struct zc_compact_budget {
    size_t struct_size;
    uint64_t objects;      /* objects moved */
    uint64_t microseconds; /* time; looked at after every few objects */

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;
};

/* What one call did. */
struct zc_compact_result {
    size_t struct_size; /* sizeof(struct zc_compact_result) */
    uint64_t objects_moved;
    uint64_t pages_freed; /* pool pages given back */
};

/*
 * Moves objects together and gives emptied pages back, within a budget (NULL:
 * none).  A later call goes on where this one stopped.  `result_out` (may be
 * NULL) is filled up to its struct_size.
 *
 * ZC_OK: a whole round is done; ZC_AGAIN: the budget ended first; ZC_BUSY:
 * another thread is compacting this pool; ZC_UNSUPPORTED: a newer struct;
 * ZC_INVALID: also a struct_size of the result that was never set.  Follows
 * zs_compact(); one at a time as d2658f2052c7.
 */
ZC_API zc_status zc_zspool_compact(struct zc_zspool *pool,
                                   const struct zc_compact_budget *budget,
                                   struct zc_compact_result *result_out);

/*
 * Called by zc_zspool_reclaim() with the handle of an object of the zspage that
 * it empties, on the calling thread, with no lock held.  It is to put the
 * object's bytes elsewhere and free the handle, and return ZC_OK; anything else
 * ends the attempt on this zspage.  It may call the pool.
 *
 * Another thread may have freed the handle just before.  Until the reclaim of
 * its zspage ends, such a handle can still be read; it is ZC_STALE for every
 * other function, as is a second free, and it becomes no other object's.
 */
typedef zc_status (*zc_zspool_evict)(void *context, zc_handle handle);

/*
 * Empties the coldest zspages (by their last allocation), until page_goal pages
 * are given back or a few zspages in turn could not be emptied.  Zspages with
 * readers are passed over.  pages_out (may be NULL) gets the number of pages
 * given back, with ZC_OK and with ZC_AGAIN.
 *
 * ZC_OK: the goal is reached; ZC_AGAIN: it is not; ZC_UNSUPPORTED: the pool was
 * made without keep_lru; ZC_INVALID: NULL.  Follows zs_reclaim_page() of 6.3.
 */
ZC_API zc_status zc_zspool_reclaim(struct zc_zspool *pool,
                                   zc_zspool_evict evict, void *context,
                                   uint64_t page_goal, uint64_t *pages_out);

/*
 * Counters: independent numbers read one after another, not a snapshot.  When
 * nothing runs they agree with each other.
 */
struct zc_zspool_stats {
    size_t struct_size;
    uint64_t objects;         /* live objects */
    uint64_t payload_bytes;   /* sum of their sizes */
    uint64_t pages_allocated; /* pool pages, zs_get_total_pages() */
    uint64_t pool_bytes;      /* pages_allocated * page_size */
    uint64_t pages_compacted; /* given back by compaction, ever */
    uint64_t objects_moved;   /* by compaction, or to fit a put, ever */
    uint64_t zspages;         /* zspages (segments) there are */
    uint64_t handle_bytes;    /* resident bytes of handle cells; of the pool
                                 behind a cache, of its entries */
    uint64_t metadata_bytes;  /* other resident bytes outside the pages */
    uint64_t limit_rejects;   /* allocations refused by the limit, ever */
    uint64_t kept_bytes; /* resident bytes of empty zspages that are kept, see
                            zc_zspool_free(); not among the pool pages.  The
                            limit holds for the two together. */
};

/* Fills stats_out up to its struct_size, which the caller sets.  ZC_OK;
 * ZC_INVALID: NULL, or struct_size is not set. */
ZC_API zc_status zc_zspool_get_stats(const struct zc_zspool *pool,
                                     struct zc_zspool_stats *stats_out);

/* Pool pages now; cheap, for limits.  Follows zs_get_total_pages(). */
ZC_API uint64_t zc_zspool_page_count(const struct zc_zspool *pool);

/*
 * Of them those that the objects fill, rounded up: the others are free space in
 * which objects can be placed, here and there.  For a threshold below which a
 * full pool takes objects again.  Takes one lock for a moment.  In kernel
 * placement it is zc_zspool_page_count(), as for zswap.
 */
ZC_API uint64_t zc_zspool_used_pages(const struct zc_zspool *pool);

/*
 * Sets the limit.  See the option, but every limit is taken.  A limit below the
 * pages that there are takes none away: all objects are refused until so many
 * pages have gone back, by frees, compaction or reclaim.  With a limit below
 * the least that the option accepts, some sizes are always refused.  May block.
 *
 * ZC_OK; ZC_INVALID: NULL.
 */
ZC_API zc_status zc_zspool_set_limit(struct zc_zspool *pool,
                                     uint64_t limit_bytes);

/*
 * From this size on an object takes a page alone, so that compressing to it
 * saves nothing: zs_huge_class_size(), 3625 at chain 8 and 4 KiB pages.  In
 * dense placement it is what leaves no room for a header of 4 bytes, 4093 of
 * 4 KiB.
 */
ZC_API size_t zc_zspool_huge_class_size(const struct zc_zspool *pool);

/* One row of the class table; see zc_zspool_get_class(). */
#define ZC_FULLNESS_GROUPS 12
struct zc_zspool_class {
    size_t struct_size;
    unsigned index;                       /* the kernel's class number */
    uint32_t object_bytes;                /* slot size, header included */
    uint32_t pages_per_zspage;            /* chain length */
    uint32_t objects_per_zspage;          /* slots */
    uint64_t zspages[ZC_FULLNESS_GROUPS]; /* 0 %, 10 .. 90 %, 99 %, 100 % */
    uint64_t objects_allocated;           /* slots in its zspages */
    uint64_t objects_used;                /* of them in use */
    uint64_t pages_used;                  /* pool pages */
    uint64_t pages_freeable; /* what compaction could give back now */
};

/*
 * The row of class `index`, from 0.  Merged classes give ZC_MISSING: their
 * objects are counted by the class they are merged into.  In dense placement
 * there are two: index 0, the segments, with object_bytes 0, and index 1, the
 * zspages of one page.
 *
 * ZC_OK; ZC_MISSING: merged; ZC_INVALID: no such class, which ends a loop.
 */
ZC_API zc_status zc_zspool_get_class(const struct zc_zspool *pool,
                                     unsigned index,
                                     struct zc_zspool_class *class_out);

/*
 * Writes the class table as text, in the columns of the kernel's
 * /sys/kernel/debug/zsmalloc/NAME/classes.  Like snprintf(): returns the length
 * of the whole text without its final NUL, and writes at most `capacity` bytes
 * with the NUL.  `text_out` may be NULL when capacity is 0.
 */
ZC_API size_t zc_zspool_print_classes(const struct zc_zspool *pool,
                                      char *text_out, size_t capacity);

ZC_END_DECLS

#endif
