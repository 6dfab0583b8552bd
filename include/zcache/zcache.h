/* SPDX-License-Identifier: MIT */
/*
 * zcache.h - the compressed page store: zswap as a library.
 *
 *     zc_cache_create(ZC_CACHE_OPTIONS(.limit_bytes = 64 << 20), &cache);
 *     zc_cache_store(cache, zc_swp_make(0, 42), page);
 *     zc_cache_load(cache, zc_swp_make(0, 42), page);
 *     zc_cache_destroy(cache);
 *
 * A page is stored under a swap entry (type, offset).  A load copies it, a take
 * copies it and forgets it, an invalidate forgets it.
 *
 * Guarantees, which the tests and the lab check by number:
 *   G1  after a store returned ZC_OK, every load of that slot that starts
 *       later returns its page, or one stored later, until it is taken or
 *       invalidated; with lru_mode drop, or dropped;
 *   G2  a load returns one whole stored page or no page: never a mixture,
 *       never a page of another slot;
 *   G3  after an invalidate returned, no load that starts later returns what
 *       was stored before;
 *   G4  reclaim, writeback, compaction and a change of compressor are not
 *       visible in G1 to G3.
 * A take is a load and an invalidate in one step; a store that fails or is
 * refused is an invalidate.
 *
 * Memory ordering: stores, loads, takes and invalidates of one slot may run
 * together.  Each takes effect at one moment between its start and its return,
 * and all threads see these moments in one order.  What a thread did before a
 * store happens before (as C11 defines it) what another thread does after a
 * load or take that returned that page, wherever the page was meanwhile: the
 * store releases, the load acquires.  Do not rely on an order between calls on
 * different slots, or after a load that found no page.
 *
 * Thread-safety: every function may be called from any thread at any time,
 * except that zc_cache_destroy() must be the last call.
 *
 * Blocking: store, load and take wait for a compressor context; a store asks
 * the system for memory.  Under a type that has a device (swap.h), store, load,
 * take and invalidate also wait for the device, and for each other on one slot.
 * A function that can wait for more says so.  Signals: nothing here may be
 * called from a signal handler.
 *
 * Ownership: the caller owns the pages that it passes, and the cache copies
 * them before a call returns.  Pages may lie at any address.  The caller keeps
 * compressors and pool_ops as long as the cache lives; everything else that it
 * passes is read during the call only, but for what its own functions keep.
 *
 * Fork: in a child process the caches of its parent can only be destroyed, at
 * any time, whatever threads of the parent did at the fork; every other call on
 * one is ZC_UNSUPPORTED, or gives NULL or 0.  That destroy returns at once and
 * has no effect on the parent: it takes no lock, waits for no thread or
 * transfer, closes the child's descriptors and unmaps the pool's pages.  Memory
 * of malloc() stays, and so does a pool of the embedder's (pool.h); a device of
 * the embedder's is left and not closed (backing.h).  A cache whose creation or
 * destruction was under way at the fork is not touched in the child at all.
 * The child may make caches of its own.
 */
#ifndef ZCACHE_ZCACHE_H
#define ZCACHE_ZCACHE_H

#include <zcache/compressor.h>
#include <zcache/options.h>
#include <zcache/pool.h>
#include <zcache/types.h>
#include <zcache/zspool.h>

ZC_BEGIN_DECLS

#define ZC_VERSION_MAJOR 0
#define ZC_VERSION_MINOR 1
#define ZC_VERSION_PATCH 0

struct zc_cache;
struct zc_cache_options;
struct zc_cache_stats;

/* --- what every embedder calls --------------------------------------- */

/*
 * Makes an empty cache, which the caller ends with zc_cache_destroy().  NULL
 * options mean all defaults.  Opens the file of backing_path.
 *
 * ZC_OK; ZC_INVALID: a field is out of its range, which `reason` names, or
 * backing_path is empty or names something that exists and is no directory;
 * ZC_UNSUPPORTED: no compressor has that name, or the struct is newer and sets
 * fields that this version does not know; ZC_NO_MEMORY; ZC_IO_ERROR: the file
 * of backing_path cannot be made.  Follows zswap_pool_create().
 */
ZC_API ZC_MUST_CHECK zc_status zc_cache_create(
    const struct zc_cache_options *options, struct zc_cache **cache_out);

/*
 * Stores a copy of page_size bytes under `slot`, in place of what was there.
 * With every status but ZC_BUSY and ZC_INVALID an older page of the slot is
 * gone afterwards: it would be stale.
 *
 * A page on which the compressor fails, or gains nothing, is stored raw.
 *
 * Without a device a store over the limit is refused; with lru_mode drop it
 * drops the coldest pages first.  With a device it first writes
 * back the coldest pages, down to the accept threshold; if that does not help,
 * the page goes to the device.
 *
 * Offsets should lie close together: the tree of slots takes 4 bytes a page
 * where they are dense.  It takes 0.5 KiB for a page that is alone among 128
 * offsets, 1.6 KiB for one alone among 2^14, and 5.6 KiB for one alone among
 * 2^23; when the page goes, only 0.5 KiB of that is given back.  Map keys that
 * are spread out, as hashes are, to small numbers first.
 *
 * ZC_OK; ZC_REJECTED: the limit (see limit_bytes), or the most that the pool
 * can hold; ZC_NO_MEMORY; ZC_IO_ERROR: refused by both the pool and the device;
 * ZC_BUSY: the device is being turned off; ZC_INVALID: no such slot, a slot of
 * a managed device, or a NULL page.  With ZC_BUSY and ZC_INVALID nothing has
 * changed.  Follows zswap_store().
 */
ZC_API ZC_MUST_CHECK zc_status zc_cache_store(struct zc_cache *cache,
                                              zc_swp slot, const void *page);

/*
 * Copies the page of `slot`, page_size bytes, to page_out and keeps it.
 *
 * ZC_OK; ZC_MISSING: there is none; ZC_CORRUPT: it does not decode to a page,
 * or its checksum differs; ZC_IO_ERROR: the device failed to read it;
 * ZC_INVALID: no such slot, a slot of a managed device, or NULL.  With
 * ZC_CORRUPT and ZC_IO_ERROR the page is kept, and page_out is undefined.
 * Follows zswap_load() of a folio outside the swap cache.
 */
ZC_API ZC_MUST_CHECK zc_status zc_cache_load(struct zc_cache *cache,
                                             zc_swp slot, void *page_out);

/*
 * Copies the page of `slot` to page_out and forgets it, in one step: of two
 * takes of one stored page exactly one gets it.  With a device it waits for a
 * write of that page that is under way.
 *
 * As zc_cache_load(); a corrupt page is kept.  Also ZC_BUSY: each of
 * ZC_TAKE_ATTEMPTS_MAX times that it read the slot, another thread replaced the
 * page meanwhile.  page_out is undefined after any status but ZC_OK and
 * ZC_INVALID: another thread may have taken what was read.  Follows
 * zswap_load() of a folio in the swap cache, an exclusive load.
 */
#define ZC_TAKE_ATTEMPTS_MAX 64
ZC_API ZC_MUST_CHECK zc_status zc_cache_take(struct zc_cache *cache,
                                             zc_swp slot, void *page_out);

/*
 * Forgets the page of `slot`.  With a device it waits for a write of that page
 * that is under way.
 *
 * ZC_OK; ZC_MISSING: there was none, which is often fine; ZC_INVALID: no such
 * slot, or a slot of a managed device.  Follows zswap_invalidate().
 */
ZC_API zc_status zc_cache_invalidate(struct zc_cache *cache, zc_swp slot);

/*
 * Whether `slot` has a page, which is not read and gets no younger.  Old news
 * where other threads store or forget pages.
 *
 * ZC_OK; ZC_MISSING: there is none; ZC_INVALID: no such slot, or a slot of a
 * managed device.  The kernel's nearest is zswap's look-up in the tree.
 */
ZC_API ZC_MUST_CHECK zc_status zc_cache_contains(struct zc_cache *cache,
                                                 zc_swp slot);

/*
 * Sets *slot_inout to the first slot with a page of its type, at that offset or
 * behind it.  To visit all pages of a type, begin with zc_swp_make(type, 0) and
 * go on with the slot behind the last one.  A page that is stored before the
 * walk and is there until its end is visited once; one that comes or goes
 * meanwhile may be or not.  A walk waits for no other thread for long and holds
 * nothing between two calls.
 *
 * ZC_OK; ZC_MISSING: there are no more, and *slot_inout is as it was;
 * ZC_INVALID: no such type, NULL, or a managed device.
 */
ZC_API ZC_MUST_CHECK zc_status zc_cache_next(struct zc_cache *cache,
                                             zc_swp *slot_inout);

/*
 * Fills stats_out up to its struct_size, which the caller sets.  Takes a few
 * locks of the pool for a moment.
 *
 * ZC_OK; ZC_INVALID: NULL, or struct_size is not set.
 */
ZC_API zc_status zc_cache_get_stats(const struct zc_cache *cache,
                                    struct zc_cache_stats *stats_out);

/*
 * Ends a cache with everything in it; waits for writes under way.  No other
 * call may run.  NULL is allowed.  In a child after fork(): see the head of
 * this file.
 */
ZC_API void zc_cache_destroy(struct zc_cache *cache);

/* --- the structs of these calls -------------------------------------- */

#define ZC_SLOT_COUNT_DEFAULT (UINT64_C(1) << 32)
#define ZC_SLOT_COUNT_MAX (UINT64_C(1) << 40)
#define ZC_ACCEPT_THRESHOLD_DEFAULT 90 /* accept_threshold_percent */
#define ZC_CONTEXT_COUNT_MAX 4096

struct zc_folio_frames; /* the library's own; see zc_cache_options.frames */

/* Most programs set limit_bytes, and perhaps backing_path.  Zero in a field is
 * the default that its comment names. */
struct zc_cache_options {
    size_t struct_size; /* sizeof(struct zc_cache_options) */

    /* Bytes of a page, a power of two from 4096 to 65536; 0 means 4096. */
    size_t page_size;

    /*
     * Most bytes of pool pages, rounded down to pages; 0 means no limit but
     * the pool's own, 256 GiB in a zspool.  The pool is never above it, except
     * for pages that a device failed to write and that are nowhere else.  A
     * store whose object needs a page beyond the limit is refused, and so are
     * all later ones until the pages that objects fill fall to
     * accept_threshold_percent of it (zswap's hysteresis).  A page of one
     * repeated word needs no object and is always taken.
     *
     * The least is what an object of any size needs: see zspool.h; 2 pages for
     * zc_pool_malloc; one for a pool without set_limit() (pool.h), which may go
     * above its limit by what stores add at the same time.
     */
    uint64_t limit_bytes;
    unsigned accept_threshold_percent; /* 1 to 100; 0 means 90 */

    /* A compressor of compressor.h; NULL means "lz4", or the first of "zstd"
     * and "copy" in a build that has no lz4. */
    const char *compressor_name;

    /* A level of that compressor; 0, ZC_LEVEL_DEFAULT, means its default. */
    int compressor_level;

    /* Compressor contexts, up to ZC_CONTEXT_COUNT_MAX; 0: one per processor. */
    unsigned context_count;

    /*
     * Slots of each type: offsets run from 0 to slot_count - 1, up to
     * ZC_SLOT_COUNT_MAX; 0: 2^32.  It costs nothing until slots are used, but
     * offsets should lie close together: see zc_cache_store().
     */
    uint64_t slot_count;

    /* For the pool behind the cache: see zspool.h. */
    unsigned placement;
    unsigned chain_length;
    size_t segment_bytes;

    /*
     * 1: a 64-bit checksum (XXH3) of each object in the pool, 8 bytes of
     * metadata each, and of each page on a device, 8 bytes a slot (made for 512
     * slots at a time).  It is verified whenever the page is read: a page that
     * is damaged, or is an older one of its slot, is ZC_CORRUPT.  Two kinds of
     * pages have none: those of one repeated word, which have no object, and
     * those whose write is under way or has failed, which are whole in memory.
     */
    unsigned checksums;

    /* 1: store pages of one repeated word like any other page.  2: the same,
     * but for pages of zeros.  Linux 6.12 and later keep only these out of
     * zswap, in the zeromap; zram, and zswap until 6.11, all of them. */
    unsigned no_same_filled;

    /* The pool behind the cache (pool.h); NULL means &zc_pool_zspool. */
    const struct zc_pool_ops *pool_ops;
    void *pool_user; /* handed to pool_ops->create */

    /*
     * Where cold pages go: type 0 gets a device (swap.h) of slot_count slots on
     * a scratch file.  A directory ("/var/tmp") gives a file in it that has no
     * name.  Any other path is the name of a new file, made with mode 0600 and
     * removed at once, so that a program that is killed leaves nothing; a path
     * that exists, or is a symbolic link, is refused.  zc_swap_get_stats() says
     * how many bytes the file takes.  For a file that stays or is there
     * already, and for a block device, turn on zc_backing_file with
     * zc_swap_on().  NULL: no device.
     */
    const char *backing_path;
    unsigned io_workers; /* as in struct zc_swap_options, for that device */

    /* How cold pages are found, to be written back or dropped: enum
     * zc_lru_mode. */
    unsigned lru_mode;

    /* What writes back when a store finds the pool at its limit: 1, a thread of
     * the cache; 0, that store. */
    unsigned shrink_worker;

    /* Most writes to devices under way, above which a thread waits; but one
     * that has a slot pinned, or a run of adjacent pages, finishes those first.
     * 0 means 32, as zram's batch. */
    unsigned writes_max;

    /*
     * Where the page frames come from that pages pass through on their way to
     * a device and back, for as long as the cache lives.  NULL: the system.
     * zc_vm_create() (vm.h) sets it for the cache that it makes.
     */
    const struct zc_folio_frames *frames;

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;

    unsigned group_count; /* for the pool behind: see zspool.h */

    /* How pages to write back are looked for, with lru_mode entry: enum
     * zc_shrink_policy.  The two fields behind it are parts of a policy: 0 in
     * one is what the policy has. */
    unsigned shrink_policy;

    /* Entries that one attempt looks at, 1 to ZC_SHRINK_LOOKS_ALL: nr_to_walk
     * of shrink_memcg().  ZC_SHRINK_LOOKS_ALL: an attempt goes on until it has
     * a page that may go, and 16 failures in a row end a run.  Any other
     * number: an attempt writes back each of these entries that has no second
     * chance left; one that writes nothing has failed; and 16 failures, in a
     * row or not, end a run, as MAX_RECLAIM_RETRIES does in shrink_worker().
     * There a round over the owners without an attempt is a failure too. */
    unsigned shrink_looks;

    /* Whether a run compacts the pool after every 32 pages: enum
     * zc_shrink_compact.  shrink_worker() does not: zsmalloc's own shrinker
     * does, when the system is short of memory. */
    unsigned shrink_compact;

    /*
     * A page that compresses to so many bytes or more is stored raw, up to
     * page_size; 0: from what zc_zspool_huge_class_size() says on, as
     * zram_write_page() does.  page_size is the rule of zswap_compress() since
     * 6.18.  In between an object takes a page of the pool either way, and
     * saves no memory: raw it need not be decompressed.  lru_mode zspage
     * refuses what does not compress, and ignores this field.
     */
    size_t raw_from;

    /*
     * With lru_mode drop: called for each page that the cache drops, once, by
     * the thread that needed room (a store, zc_cache_shrink(),
     * zc_cache_set_limit(), or the thread of shrink_worker), after the page is
     * gone and with no lock held.  `page` is the page where dropped_pages is 1,
     * and valid during the call; NULL: not asked for, damaged, or no memory to
     * decompress it.  It may load, take, look for and invalidate pages; it may
     * not store, shrink or set a limit.  Another page may be in the slot by
     * then.  NULL: nothing is told.
     */
    void (*dropped)(void *dropped_user, zc_swp slot, const void *page);
    void *dropped_user;
    unsigned dropped_pages; /* 1: with the page */

    /*
     * What ages are measured with, instead of the seconds of a monotonic clock:
     * those of a simulation, or a count of operations.  NULL: the seconds.  It
     * is handed clock_user, and its number never falls, but wraps to 0.  The
     * min_age_seconds of a call are in its unit.  Stores, loads and scans call
     * it, some with locks held: so it returns at once, does not call the cache,
     * and may run on many threads.
     */
    uint32_t (*clock)(void *user);
    void *clock_user; /* handed to clock */
};

/*
 * What a run of the shrinker does, and when it begins.  A run is what
 * zc_cache_shrink(), a store over the limit, or the thread of shrink_worker
 * does: attempts, in each of which one owner has its turn.  An owner over its
 * own limit has one attempt, but with ZC_SHRINK_ALL a run.
 */
enum zc_shrink_policy {
    ZC_SHRINK_DEFAULT = 0, /* ZC_SHRINK_ALL */
    /* This library's: ZC_SHRINK_LOOKS_ALL, and compaction. */
    ZC_SHRINK_ALL = 1,
    /* shrink_worker() of Linux 6.18: 1 look, no compaction. */
    ZC_SHRINK_6_18 = 2,
    /* The patch "mm/zswap: Support batch writeback in shrink_memcg()" of June
     * 2026: 32 looks, no compaction.  A model: no kernel here has it. */
    ZC_SHRINK_BATCH = 3,
    /* The patch "mm: zswap: proactive shrinking before pool size limit is hit"
     * of 2024: as 6.18, but a run begins at 1 % of the limit above the accept
     * threshold, and pages are refused at the limit only, without hysteresis.
     * A model: no kernel here has it. */
    ZC_SHRINK_PROACTIVE = 4
};

#define ZC_SHRINK_LOOKS_ALL 0xffffffffu /* shrink_looks */

enum zc_shrink_compact {
    ZC_SHRINK_COMPACT_DEFAULT = 0, /* the policy's */
    ZC_SHRINK_COMPACT_OFF = 1,
    ZC_SHRINK_COMPACT_ON = 2
};

enum zc_lru_mode {
    ZC_LRU_DEFAULT = 0, /* entry with a backing_path, else none */
    ZC_LRU_NONE = 1,    /* not kept: nothing is written back */
    ZC_LRU_ENTRY = 2,   /* entries by age, with a second chance; zswap's */
    /* The pool's zspages by age (zsmalloc's of 6.3): whole zspages are emptied.
     * Pages that do not compress are refused.  zc_pool_zspool only. */
    ZC_LRU_ZSPAGE = 3,
    /* Entries by age, as in entry, and no device: the coldest pages are
     * dropped, as a cache of pages that are elsewhere wants it.  A store that
     * finds no room drops pages until the pool is at the accept threshold.
     * A page has its second chance if it was loaded since the last look; a
     * store alone gives it none, so a page that is never loaded goes first.
     * G1 then ends "or until the cache dropped it, and loads say ZC_MISSING".
     * Pages of an owner with no_writeback are not dropped, nor are those of one
     * repeated word, which take no room. */
    ZC_LRU_DROP = 4
};

/* Options with named fields: ZC_CACHE_OPTIONS(.limit_bytes = 64 << 20). */
#define ZC_CACHE_OPTIONS(...) ZC_OPTIONS(zc_cache_options, __VA_ARGS__)

/*
 * Counters.  One with a name of the kernel (zswap's debugfs and vmstat) has the
 * kernel's definition, that of 6.18: docs/kernel-map.md.  They are read one
 * after another and are no snapshot.  Those above the line, and raw_pages, are
 * of now; the others count since creation.
 */
struct zc_cache_stats {
    size_t struct_size;
    uint64_t stored_pages;      /* pages in compressed memory, all kinds */
    uint64_t same_filled_pages; /* of them: one repeated word, no object */
    /* of them: those that do not get smaller than a page */
    uint64_t stored_incompressible_pages;
    uint64_t pool_total_size; /* bytes of pool pages */
    uint64_t payload_bytes;   /* bytes of objects, raw pages whole */
    uint64_t generations;     /* compressor settings in use */
    /* ---- */
    uint64_t zswpout;           /* pages stored */
    uint64_t zswpin;            /* pages loaded or taken */
    uint64_t invalidated_pages; /* pages forgotten by invalidate */
    uint64_t replaced_pages;    /* pages forgotten by a later store */
    uint64_t pool_limit_hit;    /* times a store found the pool at its limit */
    uint64_t reject_reclaim_fail;   /* candidates whose writeback failed */
    uint64_t reject_alloc_fail;     /* pool or tree allocation failed */
    uint64_t reject_kmemcache_fail; /* entry or owner allocation failed */
    uint64_t compress_fail;         /* the compressor failed: stored raw */
    uint64_t decompress_fail;       /* reads that found damage */
    uint64_t take_retries;         /* attempts of takes that another call won */
    uint64_t reject_compress_poor; /* lru_mode zspage: did not compress */
    uint64_t reject_owner_limit;   /* stores refused by an owner's limit */
    uint64_t zswpwb;               /* pages unlinked to be written back */
    uint64_t disk_writes;     /* pages that went to a device past the pool */
    uint64_t disk_swapins;    /* pages read from a device */
    uint64_t disk_corrupt;    /* pages a device gave back other than written */
    uint64_t write_errors;    /* writes that a device failed */
    uint64_t stored_again;    /* pages stored again after such an error */
    uint64_t writeback_busy;  /* candidates that another thread had pinned */
    uint64_t writeback_stale; /* candidates that were gone at the recheck */
    uint64_t swpin_zero;      /* folios read that were all zeros */
    uint64_t swpout_zero;     /* folios written that were all zeros */
    uint64_t raw_pages;       /* of stored_pages: raw, by raw_from */
    uint64_t reject_pool_limit;  /* stores refused by the limit */
    uint64_t shrink_runs;        /* runs of the shrinker that ended */
    uint64_t shrink_scanned;     /* entries that they looked at */
    uint64_t written_by_age;     /* of zswpwb: by zc_cache_writeback() */
    uint64_t recompressed_pages; /* made smaller by zc_cache_recompress() */
    uint64_t recompress_poor;    /* tried, but they would be no smaller */
    uint64_t recompress_stale;   /* tried, but used or changed meanwhile */
    uint64_t recompress_fail;    /* tried, but damaged, or the pool had no
                                    room or memory */
    uint64_t dropped_pages;      /* pages that lru_mode drop dropped */
};

/* ======================================================================
 * The rest: settings, owners, ranges, reclaim, accounting.
 * ====================================================================== */

/* The version of the library that runs, "0.1.0"; a static text. */
ZC_API const char *zc_version(void);

/*
 * Forgets `count` slots from `first` on, slot by slot: other threads may see
 * some gone and others not.  Waits as zc_cache_invalidate() does.
 *
 * ZC_OK, also where there were none; ZC_INVALID: the range leaves the type or
 * its device, or the device is managed; then nothing has changed.
 */
ZC_API zc_status zc_cache_invalidate_range(struct zc_cache *cache, zc_swp first,
                                           uint64_t count);

/* The same for every slot of a type.  ZC_OK; ZC_INVALID: no such type, or its
 * device is managed.  Follows zswap_swapoff(). */
ZC_API zc_status zc_cache_invalidate_type(struct zc_cache *cache,
                                          unsigned type);

/*
 * Compresses pages that are stored from now on with another compressor or
 * level.  Older pages stay readable; the old contexts go with the last of them.
 * NULL means the current compressor.  Makes all contexts, one change at a time.
 *
 * ZC_OK; ZC_UNSUPPORTED: no compressor has that name; ZC_INVALID: a level out
 * of its range; ZC_REJECTED: ZC_GENERATIONS_MAX settings are still in use;
 * ZC_NO_MEMORY.  On error nothing has changed.  Follows a write to zswap's
 * parameter `compressor`.
 */
ZC_API ZC_MUST_CHECK zc_status zc_cache_set_compressor(struct zc_cache *cache,
                                                       const char *name,
                                                       int level);

/*
 * Sets the limit and the accept threshold (0 means 90).  See the options, but
 * every limit is taken.  A limit below the pages that there are takes none
 * away: stores are refused, or with a device write back, until so many pages
 * are gone by invalidate, zc_cache_shrink() or zc_cache_compact().  With a
 * limit below the least that the option accepts, pages that need an object are
 * refused.
 *
 * ZC_OK; ZC_INVALID: a threshold above 100.  Follows a write to zswap's
 * parameters `max_pool_percent` and `accept_threshold_percent`.
 *
 * With lru_mode drop it drops the coldest pages until the pool is at the new
 * threshold.
 */
ZC_API zc_status zc_cache_set_limit(struct zc_cache *cache,
                                    uint64_t limit_bytes,
                                    unsigned accept_threshold_percent);

/* What is set now.  Bytes of a page, 0 for NULL; the limit in bytes, 0: none;
 * the name of the compressor, and its level in level_out if that is not NULL.
 * The name belongs to the compressor; NULL: `cache` is NULL, or in a child. */
ZC_API size_t zc_cache_page_size(const struct zc_cache *cache);
ZC_API uint64_t zc_cache_limit(const struct zc_cache *cache);
ZC_API const char *zc_cache_compressor(struct zc_cache *cache, int *level_out);

/*
 * A store for an owner, 0 to ZC_OWNER_COUNT - 1; zc_cache_store() is a store
 * for owner 0.  As zc_cache_store(); also ZC_REJECTED: the owner's limit;
 * ZC_INVALID: no such owner.
 */
ZC_API ZC_MUST_CHECK zc_status zc_cache_store_for(struct zc_cache *cache,
                                                  unsigned owner, zc_swp slot,
                                                  const void *page);

struct zc_owner_options {
    size_t struct_size;
    /* Most bytes of objects; 0 means no limit.  Every other value is taken.  A
     * store that finds this owner's objects at the limit writes back pages of
     * this owner once; it goes on if that wrote something, else it is refused
     * (zswap.max).  It looks before the size of its object is known: so each
     * storing thread may go above the limit by one object.  A page of one
     * repeated word needs no object and is always taken. */
    uint64_t limit_bytes;
    unsigned no_writeback; /* 1: its pages never go to a device, nor are they
                              dropped by lru_mode drop */

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;
};

/*
 * Sets the options of an owner, for stores and writeback from now on.  NULL
 * options mean all defaults.  The first call or store for an owner makes its
 * record, about 1.2 KiB, which stays as long as the cache.
 *
 * ZC_OK; ZC_INVALID: no such owner, or a field out of its range;
 * ZC_UNSUPPORTED: a newer struct; ZC_NO_MEMORY.  Follows writes to
 * memory.zswap.max and memory.zswap.writeback.
 */
ZC_API zc_status zc_cache_set_owner(struct zc_cache *cache, unsigned owner,
                                    const struct zc_owner_options *options);

/*
 * Writes back cold pages until the pool has given back page_goal pages.
 * pages_out (may be NULL) gets the number of pages given back, with ZC_OK and
 * with ZC_AGAIN.  Waits for devices, and for writes under way to fall below
 * writes_max.
 *
 * ZC_OK; ZC_AGAIN: fewer pages, for the rest may not go to a device, was in
 * use, or the device failed; a later call may do better, and where this one
 * gave back nothing, only after another store or when the device works again.
 * (With shrink_looks below all it may also have given second chances only: the
 * next call goes on from there.)
 * ZC_UNSUPPORTED: lru_mode is none, or no device is on; ZC_INVALID: NULL.
 * With lru_mode drop it drops pages, and needs no device.  Follows
 * shrink_worker().
 */
ZC_API zc_status zc_cache_shrink(struct zc_cache *cache, uint64_t page_goal,
                                 uint64_t *pages_out);

/* Which pages zc_cache_writeback() takes: one of each owner in turn, and of an
 * owner the coldest first. */
struct zc_writeback_options {
    size_t struct_size;
    uint64_t budget_bytes; /* of pages written, page_size each; 0: no bound */
    /* Only pages that were not stored or loaded for so many seconds (or units
     * of zc_cache_options.clock), up to ZC_AGE_SECONDS_MAX; 0: any. */
    unsigned min_age_seconds;
    unsigned one_owner; /* 1: of `owner` only */
    unsigned owner;

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;
};

/* Eight hours: ages are kept in 15 bits, and begin again after 32768 s (or
 * units of zc_cache_options.clock). */
#define ZC_AGE_SECONDS_MAX 28800

/*
 * Writes back pages proactively, by age and up to a budget.  bytes_out (may be
 * NULL) gets the bytes of the pages written, with ZC_OK and with ZC_AGAIN.
 * NULL options: every page.  Waits as zc_cache_shrink() does.
 *
 * ZC_OK: the budget is spent, or no such page is left; ZC_AGAIN: pages that
 * could not be written are left; ZC_UNSUPPORTED: lru_mode is not entry, no
 * device is on, or a newer struct; ZC_INVALID.  Follows zram's `writeback` with
 * `idle` and its writeback_limit.
 */
ZC_API zc_status zc_cache_writeback(struct zc_cache *cache,
                                    const struct zc_writeback_options *options,
                                    size_t *bytes_out);

/* What zc_cache_recompress() does, and to which pages. */
struct zc_recompress_options {
    size_t struct_size;

    /* A compressor of compressor.h; NULL means the current one. */
    const char *compressor_name;
    /* A level of that compressor; 0 means its default, or, with a NULL name,
     * the level that is current. */
    int compressor_level;

    /* Only pages that were not stored or loaded for so many seconds (or units
     * of zc_cache_options.clock), up to ZC_AGE_SECONDS_MAX; 0: any. */
    unsigned min_age_seconds;

    /* Most pages to compress, whether or not they get smaller, as zram's
     * max_pages; 0: no bound. */
    uint64_t budget_pages;

    unsigned one_owner; /* 1: of `owner` only */
    unsigned owner;

    /* 1: also pages that an earlier call could not make smaller, as with a
     * stronger compressor.  A page is known as such until it is stored anew. */
    unsigned retry;

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;
};

/*
 * Compresses cold pages again with another compressor, a slow and strong one,
 * and keeps the result where it takes less of the pool: of kernel placement a
 * smaller class, of dense placement fewer bytes.  Other pages stay as they are.
 * Pages stored from now on are still compressed with the current compressor.
 * NULL options: every page, with the current compressor.  pages_out (may be
 * NULL) gets the number of pages that got smaller, with ZC_OK and with
 * ZC_AGAIN.
 *
 * Pages are visited in the order of their slots.  Passed over are those of one
 * repeated word, those that this compressor and level have compressed, and
 * those that an earlier call could not make smaller.  So calls with a budget
 * come to all pages in turn.  Ages and the order of writeback stay as they are.
 * A page stays loadable throughout (G4); one that is used, stored over, taken
 * or invalidated meanwhile is left as that call leaves it.
 *
 * The new object is in the pool before the old one goes: at the limit it must
 * fit into the pages that there are.  After 16 pages in a row for which there
 * was no room the call ends.  It holds memory for one page and makes the
 * compressor's contexts, which stay while a page needs them.  Waits as
 * zc_cache_store() without a device, and for a change of compressor.
 *
 * ZC_OK: the budget is spent, or no such page is left; ZC_AGAIN: pages are left
 * that were in use, or for which there was no room; ZC_UNSUPPORTED: no
 * compressor has that name, lru_mode is zspage, min_age_seconds is set and
 * lru_mode is not entry, or a newer struct; ZC_INVALID; ZC_REJECTED:
 * ZC_GENERATIONS_MAX settings are in use; ZC_NO_MEMORY: contexts.  With these
 * four nothing has changed.  Follows zram's `recompress` with `idle`,
 * recompress_slot().
 */
ZC_API zc_status zc_cache_recompress(
    struct zc_cache *cache, const struct zc_recompress_options *options,
    uint64_t *pages_out);

/* Compacts the pool behind the cache, as zc_zspool_compact(), with the same
 * statuses; also ZC_UNSUPPORTED: the pool cannot. */
ZC_API zc_status zc_cache_compact(struct zc_cache *cache,
                                  const struct zc_compact_budget *budget,
                                  struct zc_compact_result *result_out);

/*
 * Where the memory goes, in resident bytes: total_bytes is the cache's share of
 * the process.  It is the sum of the others except payload_bytes, which is
 * inside pool_bytes, and metadata_bytes, which is a part of the others.
 *
 * It does not include: address space that was never touched, stacks of threads,
 * requests under way, and what a device itself takes (the pages of
 * zc_backing_memory).
 *
 * Pool pages and the lowest level of the tree are given back when the pages in
 * them go.  Entries and handles, with their checksums and links, and the upper
 * levels of the tree are kept for later pages until zc_cache_destroy(): these
 * fields stay at the most there ever was.
 */
struct zc_cache_accounting {
    size_t struct_size;
    uint64_t payload_bytes;  /* what the compressors put out; inside the pool */
    uint64_t pool_bytes;     /* pool pages */
    uint64_t entry_bytes;    /* entries, which have the places of objects in
                                zc_pool_zspool too; checksums, places in the
                                LRU */
    uint64_t tree_bytes;     /* shards and leaves */
    uint64_t handle_bytes;   /* what another pool has for handles */
    uint64_t context_bytes;  /* compressor contexts and buffers; of those that
                                no page went through yet, what malloc() itself
                                touches: a codec may touch some KiB more */
    uint64_t other_bytes;    /* the pool's descriptors and empty pages that it
                                keeps, the cache itself, counts and checksums of
                                devices' slots, pages on their way there or
                                back */
    uint64_t metadata_bytes; /* entry + tree + handle + the pool's part of
                                other: what grows with the entries */
    uint64_t total_bytes;
};

/*
 * Fills accounting_out up to its struct_size, which the caller sets.  Waits for
 * each compressor context in turn.
 *
 * ZC_OK; ZC_INVALID: NULL, or struct_size is not set.
 */
ZC_API zc_status zc_cache_account(struct zc_cache *cache,
                                  struct zc_cache_accounting *accounting_out);

/*
 * The zspool behind the cache, for its class table and counters.  The cache
 * owns it.  NULL: another pool is plugged in, or in a child after fork().
 */
ZC_API struct zc_zspool *zc_cache_zspool(struct zc_cache *cache);

ZC_END_DECLS

#endif
