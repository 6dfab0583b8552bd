/* SPDX-License-Identifier: MIT */
/*
 * swap.h - swap devices, their slots and folios, and pages to and from them.
 *
 *   swapcache.c                the table from slots to folios
 *   swap/folio.c               folios: made, referenced, locked
 *   swap/slots*.c              devices and their slots
 *   swap/pageio*.c             a folio out and in
 *   swap/writeback.c           one entry to its slot on the device
 *   swap/shrinker*.c           which entry goes, and how far
 *   swap/backing/              what is behind a device
 */
#ifndef ZC_SWAP_H
#define ZC_SWAP_H

#include <zcache/swap.h>
#include <zcache/types.h>

#include "base/sparse.h"
#include "platform/park.h"
#include "platform/thread.h"
#include "swap/backing/backing.h"
#include "zswap.h"

/* --- folios and the swap cache ----------------------------------------- */

/*
 * Folios, and the table from swap entries to them.
 *
 * A folio is a page frame: bytes, a reference count, and a word of flags of
 * which one is its lock.  While it is in the swap cache the table holds a
 * reference; whoever holds its lock then has the slot pinned: it is neither
 * freed nor read nor written by anybody else.
 *
 * A look-up gives a reference and nothing more.  By the time the folio is
 * locked it may have left the cache, or be there for another slot; so after
 * locking: zc_folio_is_of() (RECHECK_IN_SWAPCACHE, RECHECK_SAME_ENTRY).
 */

struct zc_swap;

/* A slot that was looked up, once for a call: what the directory of its device
 * has for it stays while the caller has the device. */
struct zc_slot_ref {
    struct zc_cluster *cluster; /* NULL: no slot near it was ever used */
    zc_swp name;
};

enum zc_folio_flag {
    ZC_FOLIO_LOCKED = 1u << 0,
    ZC_FOLIO_WAITERS = 1u << 1,   /* somebody sleeps on the word */
    ZC_FOLIO_UPTODATE = 1u << 2,  /* the bytes are the page */
    ZC_FOLIO_DIRTY = 1u << 3,     /* nothing else has them */
    ZC_FOLIO_WRITEBACK = 1u << 4, /* a write of it is under way */
    ZC_FOLIO_SWAPCACHE = 1u << 5, /* in the table, under `swap` */
    ZC_FOLIO_STUCK = 1u << 6,     /* a write of it failed */
    ZC_FOLIO_FLAG_SHIFT = 16      /* from here on the owner's (vm) */
};

struct zc_folio {
    zc_atomic_u32 references; /* the last put frees; pairs with itself */
    zc_atomic_u32 flags;      /* LOCKED: acquire, release */
    /* The slot it was last in the swap cache for: deletion clears the flag and
     * not the name.  [folio lock and cluster's to write; either to read] */
    zc_swp swap;
    void *data; /* one page; [folio lock] while not uptodate */
};

/* Where frames come from: given to a cache when it is made, and good until it
 * has ended.  NULL functions: the system's. */
struct zc_folio_frames {
    /* A folio with its data, flags 0 and one reference, or NULL.  May block;
     * reclaims only if it may: writeback runs inside of reclaim. */
    struct zc_folio *(*alloc)(void *context, bool may_reclaim);
    void (*free)(void *context, struct zc_folio *folio);
    void *context;
};

/* --- folios: swap/folio.c --------------------------------------- */

/* May block.  NULL: no frame (also injected: ZC_INJECT_FRAME). */
struct zc_folio *zc_folio_alloc(struct zc_swap *swap, bool may_reclaim);
/* By who has a reference already. */
void zc_folio_get(struct zc_folio *folio);
/* The last put frees; a folio in the cache has the table's, so that is not the
 * last.  A folio got by its slot is put by zc_swapcache_put(). */
void zc_folio_put(struct zc_swap *swap, struct zc_folio *folio);

void zc_folio_lock(struct zc_swap *swap, struct zc_folio *folio);
bool zc_folio_trylock(struct zc_folio *folio);
/* By anybody, not only by who locked it. */
void zc_folio_unlock(struct zc_swap *swap, struct zc_folio *folio);

/* The caller holds the lock, or is alone with the flag. */
void zc_folio_set(struct zc_folio *folio, uint32_t flags);
void zc_folio_clear(struct zc_folio *folio, uint32_t flags);
/* Any of these flags; acquire: what came before it was set is seen. */
bool zc_folio_has(const struct zc_folio *folio, uint32_t flags);

/* Ends WRITEBACK and wakes who waits for it.  It began under the lock, with a
 * reference that the end gives up after this. */
void zc_folio_end_writeback(struct zc_swap *swap, struct zc_folio *folio);
void zc_folio_wait_writeback(struct zc_swap *swap, struct zc_folio *folio);

/* After locking: is it still in the swap cache, and for this slot? */
bool zc_folio_is_of(const struct zc_folio *folio, zc_swp slot);

/* --- the table: swapcache.c ------------------------------------------ */

/* The folio cached for a slot with a reference, or NULL.  The caller holds a
 * device reference. */
struct zc_folio *zc_swapcache_look_up(struct zc_slot_ref slot);

/*
 * Puts a new locked folio in the cache for a slot in use.  The caller holds a
 * device reference, and gets a reference to the folio; its bytes are
 * undefined.  May block, and does not reclaim.
 *
 * ZC_OK; ZC_BUSY: a folio or a bare pin is there; ZC_MISSING: the slot's count
 * is 0; ZC_NO_MEMORY.  Follows swap_cache_alloc_folio().
 */
zc_status zc_swapcache_create(struct zc_swap *swap, struct zc_slot_ref slot,
                              struct zc_folio **folio_out);

/*
 * The folio of a slot, locked and rechecked, made if it was not there;
 * *created_out: it was made, and has to be read.  Sleeps for the folio's lock
 * and for a bare pin.  The caller holds a device reference, and gets one to the
 * folio.  May block.
 *
 * ZC_OK (of a folio that is there, whatever the slot's count); ZC_MISSING: none
 * is there, and the slot's count is 0; ZC_NO_MEMORY.
 */
zc_status zc_swapcache_get(struct zc_swap *swap, struct zc_slot_ref slot,
                           struct zc_folio **folio_out, bool *created_out);

/*
 * Takes a locked folio out of the cache and drops the table's reference; the
 * slot is freed if its count is 0.  The caller holds a reference to the folio,
 * and a device reference.  May block (last_put()).
 */
void zc_swapcache_delete(struct zc_swap *swap, struct zc_folio *folio);

/*
 * Deletes a locked folio from the cache if nobody needs the slot: its count is
 * 0, and it is not under writeback.  The folio is then dirty: its slot's copy
 * is gone.  True: done.  The caller holds a reference to the folio, and a
 * device reference.  May block (last_put()).  Follows folio_free_swap().
 */
bool zc_swapcache_try_to_free(struct zc_swap *swap, struct zc_folio *folio);

/*
 * Gives up the caller's reference to a folio that he had for `slot`, unlocked.
 * If only the table knows the folio then, it leaves the cache where nobody
 * misses it: its slot has a copy (it is neither dirty nor under writeback), or
 * the slot's count is 0.
 *
 * Whoever had a folio of the cache and does not keep it ends with this: the end
 * of a writeback too, for a write under way holds a reference.  Of several the
 * last one drops it, and exactly one of them is the last (swapcache.c says
 * why).  Never sleeps for a lock of the folio; takes a device reference of its
 * own.  May block (last_put()).
 */
void zc_swapcache_put(struct zc_swap *swap, zc_swp slot,
                      struct zc_folio *folio);

/* --- devices and slots ------------------------------------------------- */

/*
 * Swap devices and their slots: counts, pins, and who frees.
 *
 * A slot has a swap count, the references from page tables (or, where the
 * caller names slots, 1 for a page being stored); at most one folio in the swap
 * cache; and a bare pin for whoever works on it with no folio.  It is freed by
 * whoever removes the last of count, folio and pin:
 *
 *     in use -> FREEING -> last_put(slot), no lock held -> free
 *
 * so that what is stored under it is gone before it can be given out again.
 * The FREEING slot is nobody's but the one's who frees it; swapoff waits for
 * him by his device reference (SWAPOFF_AND_LAST_PUT_AGREE).
 *
 * A slot and what hangs on it may be touched only by a user of the device
 * (zc_swap_device_get(), DEVICE_REF_AROUND_TREE), which swapoff waits for.
 *
 *   swap/slots.c          devices: on, get, put, stop, wait, off
 *   swap/slots_cluster.c  finding and making the clusters of a device
 *   swap/slots_alloc.c    which slot is given out next
 *   swap/slots_count.c    counts, pins, freeing
 *   swap/slots_claim.c    slots that the caller names
 *   swapcache*.c         folios (swapcache.h)
 */

#define ZC_CLUSTER_SHIFT 9
#define ZC_CLUSTER_SLOTS (1u << ZC_CLUSTER_SHIFT)

/* A swap count beyond one byte is kept in an overflow table. */
#define ZC_COUNT_IN_PLACE_MAX 254
#define ZC_COUNT_MAX (1u << 24)

enum zc_slot_flag {
    ZC_SLOT_CACHED = 1u << 0,  /* a folio is in the swap cache */
    ZC_SLOT_PINNED = 1u << 1,  /* a bare pin */
    ZC_SLOT_ZERO = 1u << 2,    /* the page is all zeros, and nowhere else */
    ZC_SLOT_FREEING = 1u << 3, /* last_put() is being called */
    ZC_SLOT_WAITERS = 1u << 4, /* somebody sleeps for PINNED or FREEING */
};

/* 512 slots, made when the first of them is used, kept until swapoff; so are
 * the three tables, each set once: pairs with the acquires of its readers. */
struct zc_cluster {
    struct zc_spinlock lock;
    /* [lock] to write: pins that ended and somebody waited for.  Who waits
     * sleeps on it. */
    zc_atomic_u32 changes;
    uint32_t used;                    /* [lock] slots that are not free */
    zc_atomic_pointer folios;         /* struct zc_folio *[], [lock] inside */
    zc_atomic_pointer overflow;       /* uint32_t[], [lock] inside */
    zc_atomic_pointer sums;           /* uint64_t[], [the slot's pin] inside */
    uint8_t counts[ZC_CLUSTER_SLOTS]; /* [lock] 255: in `overflow` */
    uint8_t flags[ZC_CLUSTER_SLOTS];  /* [lock] enum zc_slot_flag */
};

struct zc_slot_allocator; /* swap/slots_alloc.c */

/* Never freed while the swap exists: a stale type finds it, and is refused. */
struct zc_swap_device {
    /* Users, and ZC_DEVICE_ON; 0: off and nobody there.  Pairs with itself;
     * swapoff sleeps on it. */
    zc_atomic_u32 users;
    /* New pages and slots: 0 from swapoff's beginning.  Looked at under the
     * lock of the cluster that gets one, or with its slot pinned; pairs with
     * zc_swap_device_next(), which looks at every cluster after it is 0. */
    zc_atomic_u32 accepts;
    unsigned type;
    bool synchronous;
    bool managed;
    uint64_t slot_count;
    struct zc_backing *backing;
    struct zc_sparse clusters;
    struct zc_slot_allocator *allocator; /* managed; or NULL */
    zc_counter used;                     /* slots that are not free */
    zc_counter cached;                   /* folios */
    zc_counter stuck; /* ZC_FOLIO_STUCK; kept by who sets and clears it */
    zc_counter bytes; /* of the clusters and their tables */
};

#define ZC_DEVICE_ON (UINT32_C(1) << 31)

struct zc_swap {
    size_t page_size;
    /* 1: somebody turns a device on or off, one at a time.  A word and not a
     * lock: callers' functions run meanwhile, which may take locks of any rank.
     * Pairs with itself. */
    zc_atomic_u32 change;
    struct zc_parking parking;
    struct zc_folio_frames frames; /* as at init, always */
    /* Called for a slot that nobody uses any more, before it can be used again:
     * forgets what is stored under it, wherever (zc_backing_discard() too).
     * With no lock of the library held but perhaps a folio's. */
    void (*last_put)(void *context, zc_swp slot);
    void *context;
    struct zc_swap_device devices[ZC_SWP_TYPE_COUNT];
};

/* page_size, last_put and context are set by the caller before; frames too, or
 * all NULL.  ZC_OK; ZC_NO_MEMORY. */
zc_status zc_swap_init(struct zc_swap *swap);
/* Every device is off. */
void zc_swap_destroy(struct zc_swap *swap);

/* --- devices --------------------------------------------------------- */

/*
 * Opens a device under a type that has none.  The caller has swap->change
 * and has checked the options.  ZC_OK; ZC_NO_MEMORY; what open() returned.
 */
zc_status zc_swap_device_on(struct zc_swap *swap, unsigned type,
                            const struct zc_swap_options *options);

/* One more user of the device of a slot, or NULL: there is none, or it goes, or
 * it has no such slot. */
struct zc_swap_device *zc_swap_device_get(struct zc_swap *swap, zc_swp slot);
void zc_swap_device_put(struct zc_swap *swap, struct zc_swap_device *device);

/* Without a reference: is there a device under this type (now), or the last
 * user of one that goes?  One load. */
static inline bool zc_swap_has_device(const struct zc_swap *swap, unsigned type)
{
    return type < ZC_SWP_TYPE_COUNT &&
           zc_atomic_u32_load_acquire(&swap->devices[type].users) != 0;
}

/*
 * The steps of swapoff, in this order, under swap->change:
 *   stop    no new slots or pages (zc_swap_device_accepts())
 *   next    the first slot at or after *offset_inout that has a count, a folio
 *           or a pin; false: none.  The caller empties it, and looks again from
 *           0 until there is none.  Where it is only pinned, zc_slot_wait().
 *           Slots that are FREEING are left to who frees them
 *   end     no new users; sleeps until the last has gone, and frees all
 * or restart, which undoes stop.
 */
void zc_swap_device_stop(struct zc_swap_device *device);
void zc_swap_device_restart(struct zc_swap_device *device);

/* May a page go where there was none?  Asked after zc_slot_claim(): then either
 * swapoff sees the pin, or this is false (swap/slots_cluster.c says why a load
 * is enough). */
static inline bool zc_swap_device_accepts(const struct zc_swap_device *device)
{
    return zc_atomic_u32_load_acquire(&device->accepts) != 0;
}

bool zc_swap_device_next(struct zc_swap_device *device, uint64_t *offset_inout);
void zc_swap_device_end(struct zc_swap *swap, struct zc_swap_device *device);

/*
 * In a child after fork(), instead of turning devices off: their descriptors
 * are closed.  Takes no lock, whatever was under way.  A device that was being
 * turned on or off at the fork is passed over.
 */
void zc_swap_leave(const struct zc_swap *swap);

/* Bytes of clusters and allocators, for accounting; not of folios. */
uint64_t zc_swap_bytes(struct zc_swap *swap);

/* --- slots: the caller holds a device reference, unless it says otherwise */

/* Without a lock, and without making anything. */
struct zc_slot_ref zc_slot_find(struct zc_swap *swap, zc_swp slot);

/*
 * Gives a locked folio that is in no cache a free slot of some managed device,
 * and puts it in the swap cache there, in one step; its count is 0.  Takes no
 * device reference of the caller's.  May block.
 *
 * ZC_OK; ZC_REJECTED: no device has a free slot; ZC_NO_MEMORY.  Follows
 * folio_alloc_swap().
 */
zc_status zc_slot_alloc(struct zc_swap *swap, struct zc_folio *folio,
                        zc_swp *slot_out);

/*
 * One more reference, by somebody who has one or holds the locked cached
 * folio.  May block (overflow).  ZC_OK; ZC_NO_MEMORY; ZC_REJECTED:
 * ZC_COUNT_MAX are there.  Follows swap_duplicate().
 */
zc_status zc_slot_dup(struct zc_swap *swap, zc_swp slot);

/* The same where nothing may block.  Also ZC_AGAIN: there is no room for the
 * count, which zc_slot_reserve_counts() makes. */
zc_status zc_slot_dup_atomic(struct zc_swap *swap, zc_swp slot);
/* For a slot that may be gone meanwhile; takes a device reference of its own.
 * May block.  ZC_OK; ZC_NO_MEMORY; ZC_MISSING: there is no such slot now. */
zc_status zc_slot_reserve_counts(struct zc_swap *swap, zc_swp slot);

/*
 * Drops a reference; the slot is freed if that was the last use of it.  With
 * the last one a folio goes that only the table knows: nobody can ask for it
 * any more.  Takes a device reference of its own for as long as it touches the
 * slot (SWAPOFF_AND_LAST_PUT_AGREE).  May block.  Follows swap_free().
 */
void zc_slot_drop(struct zc_swap *swap, zc_swp slot);

/* The count now.  0 of a slot that the caller names: nothing is stored there,
 * which needs neither a claim nor memory to find out. */
uint32_t zc_slot_count(struct zc_slot_ref slot);

/*
 * Pins a slot in use with no folio.  ZC_OK; ZC_BUSY: a folio or another pin is
 * there; ZC_MISSING: its count is 0.  Follows swapcache_prepare().
 */
zc_status zc_slot_pin(struct zc_swap *swap, struct zc_slot_ref slot);

/*
 * Ends a bare pin and wakes who waits; frees the slot if its count is 0.
 * Follows swapcache_clear().
 */
void zc_slot_unpin(struct zc_swap *swap, struct zc_slot_ref slot);

/* Sleeps until the slot has no bare pin, or at least some pin has ended
 * meanwhile (PIN_LOSER_SLEEPS).  May return early. */
void zc_slot_wait(struct zc_swap *swap, struct zc_slot_ref slot);

/* A slot as it was claimed.  It stays so until the release, but for what the
 * claimer does. */
struct zc_claimed {
    struct zc_slot_ref slot;
    /* NULL: the pin is bare; or the cached folio, locked and rechecked, with a
     * reference; it may be under writeback (zc_folio_wait_writeback() before
     * its bytes or its slot are given up). */
    struct zc_folio *folio;
    bool has_count;
    bool is_zero; /* its zero bit */
};

/*
 * For slots that the caller names: pins a slot whether it is in use or not.
 * Sleeps for any bare pin and any folio's lock.  May block.  `required`: its
 * count must not be 0, or nothing is pinned or made (ZC_MISSING).  ZC_OK;
 * ZC_MISSING; ZC_NO_MEMORY (a cluster): only where it is not required.
 *
 * zc_slot_release() ends it: unlocks the folio and gives up the reference, or
 * ends the bare pin.  `in_use` is the count from now on: 1 or 0.  With 0 any
 * folio leaves the cache (it is not under writeback), and the slot is freed.
 * With 1 a folio that is neither dirty nor under writeback leaves it: there is
 * a copy elsewhere.
 */
zc_status zc_slot_claim(struct zc_swap *swap, zc_swp slot, bool required,
                        struct zc_claimed *claimed_out);
void zc_slot_release(struct zc_swap *swap, const struct zc_claimed *claimed,
                     bool in_use);

/*
 * The checksum of the page that the device has, or will have when a write ends.
 * The caller has the slot pinned, either way.  Room for it is made before it is
 * set, and may block.  ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_slot_reserve_sum(struct zc_swap *swap, struct zc_slot_ref slot);
void zc_slot_set_sum(struct zc_slot_ref slot, uint64_t sum);
/* False, too, where none was ever set. */
bool zc_slot_has_sum(struct zc_slot_ref slot, uint64_t sum);

/* The zero bit; by who has the slot pinned, either way. */
void zc_slot_set_zero(struct zc_slot_ref slot, bool is_zero);
bool zc_slot_is_zero(struct zc_slot_ref slot);

/* --- page I/O ---------------------------------------------------------- */

/*
 * A folio out to its slot and in from it: zero bit, then compressed
 * memory, then the device.
 *
 * The order is the same both ways, and a page is in one of the three at a time:
 * each write clears what the others had.
 *
 * Where checksums are on, each page that goes to a device gets one, kept with
 * its slot, and no page comes from there whose checksum differs.  A page in a
 * folio has none: the folio is memory like the caller's own.
 *
 *   swap/pageio.c        making and ending it, throttling, transfers waited for
 *   pageio_read.c   a folio in
 *   pageio_write.c  a folio out: where to, the request, its completion
 *   pageio_stuck.c  folios whose write failed
 */

/* In zc_pageio.writes. */
#define ZC_WRITES_WAITERS (UINT32_C(1) << 31)

struct zc_pageio {
    struct zc_zswap *zswap;
    struct zc_swap *swap;
    uint32_t writes_max;    /* at least 1 */
    struct zc_stats *stats; /* of zswap */
    /* Folios whose write failed: kept in the swap cache, dirty. */
    struct zc_spinlock stuck_lock;
    struct zc_list stuck; /* [stuck_lock] of struct zc_page_write */
    uint32_t stuck_count; /* [stuck_lock] of them, and of those looked at */
    /* Requests under way, and ZC_WRITES_WAITERS: somebody sleeps on the word
     * for there to be fewer.  Pairs with itself. */
    zc_atomic_u32 writes;
    /* Writes that failed since one last succeeded, of whichever kind.  A hint
     * for who shrinks: is it any good?  If it comes round to 0 a few more are
     * tried. */
    zc_atomic_u32 failures;
};

/*
 * One page on its way to a device.  It is made before anything is given up for
 * it, so that nothing can fail any more when something is; if the write fails,
 * it keeps the folio on the stuck list.
 */
struct zc_page_write {
    struct zc_io io;
    struct zc_pageio *pageio;
    struct zc_swap_device *device; /* with a reference; stuck: NULL */
    struct zc_folio *folio;        /* with a reference, once it is submitted */
    zc_swp slot;
    unsigned owner;      /* in whose name it is stored again */
    struct zc_list link; /* [stuck_lock] */
};

/* Where a page was found. */
enum zc_page_source {
    ZC_SOURCE_CACHED, /* nowhere below: the folio was up to date */
    ZC_SOURCE_ZERO,   /* by its zero bit */
    ZC_SOURCE_POOL,
    ZC_SOURCE_DEVICE
};

/* The fields up to `stats` are set by the caller before.  ZC_OK;
 * ZC_NO_MEMORY. */
zc_status zc_pageio_init(struct zc_pageio *pageio);
/* Waits for the writes under way, and lets go of stuck folios, which stay in
 * the swap cache.  No new write begins; every device is still on. */
void zc_pageio_destroy(struct zc_pageio *pageio);

/*
 * Writes out a folio that is locked, in the swap cache, and up to date, and
 * unlocks it: a zero bit, or into zswap, or submitted to the device, which
 * goes on after the return (NOTHING_AFTER_SUBMIT).  The caller keeps its
 * reference.  May block, also for an older write of the folio.
 *
 * ZC_OK: the page is taken care of, or is on its way and its folio under
 * writeback.  Either way the folio is not dirty, and leaves the swap cache with
 * the last reference (zc_swapcache_put()), unless somebody makes it dirty again
 * meanwhile.  If a write on its way fails, the folio is dirty and stuck, and is
 * stored again by zc_pageio_retry().
 *
 * ZC_REJECTED: the owner forbids the device and zswap refused: nothing is
 * written, the folio is unlocked and dirty.  Trying again at once is useless.
 * ZC_NO_MEMORY: the same.  Follows swap_writeout().
 */
zc_status zc_pageio_write(struct zc_pageio *pageio, struct zc_folio *folio,
                          unsigned owner);

/*
 * A request for a page of this slot, which the caller has pinned.  May block.
 * ZC_OK; ZC_INVALID: it has no device; ZC_NO_MEMORY.
 */
zc_status zc_pageio_prepare_write(struct zc_pageio *pageio,
                                  struct zc_slot_ref slot, unsigned owner,
                                  struct zc_page_write **write_out);
/* Gives up a request that was not submitted. */
void zc_pageio_cancel_write(struct zc_page_write *write);

/*
 * Submits a locked, uptodate folio, which is in the swap cache for the
 * request's slot, and unlocks it.  Takes over the request and the caller's
 * reference to the folio: the caller may touch neither any more
 * (NOTHING_AFTER_SUBMIT).  With writes_max under way, or no workers, the
 * transfer is done here.  Cannot fail.
 */
void zc_pageio_submit_write(struct zc_page_write *write,
                            struct zc_folio *folio);

/*
 * Reads a folio that is locked and not up to date, and keeps it locked.
 * `folio` is in the swap cache, or private and its slot pinned.  In the swap
 * cache a load from zswap is exclusive and leaves the folio dirty;
 * otherwise the entry stays until the swap count drops
 * (EXCLUSIVE_ONLY_FROM_SWAPCACHE, COPY_LIVES_UNTIL_SWAP_FREE).
 *
 * ZC_OK: up to date, and *source_out (may be NULL) says from where; ZC_CORRUPT,
 * ZC_IO_ERROR: it is not, and what was stored is kept.  `slot` is the folio's.
 * Follows swap_read_folio().
 */
zc_status zc_pageio_read(struct zc_pageio *pageio, struct zc_folio *folio,
                         struct zc_slot_ref slot,
                         enum zc_page_source *source_out);

/* The device's copy of a slot, waited for; the caller has the slot pinned.
 * ZC_OK; else page_out is undefined: ZC_IO_ERROR; ZC_CORRUPT: it is not what
 * was written there. */
zc_status zc_pageio_read_device(struct zc_pageio *pageio,
                                struct zc_slot_ref slot, void *page_out);
/* A page straight to the device, waited for; the caller has the slot pinned,
 * and no write of it is under way.  Clears the zero bit.  ZC_OK;
 * ZC_IO_ERROR: the slot's content is undefined; ZC_NO_MEMORY: nothing was
 * written. */
zc_status zc_pageio_write_device(struct zc_pageio *pageio,
                                 struct zc_slot_ref slot, const void *page);

/*
 * Stores stuck folios into zswap again, whatever its limit says, and so
 * lets them go; what it will not take is written once more.  Looks at `count`
 * of them at most, and passes over those that somebody has locked.  Returns how
 * many are still stuck, or are being looked at.
 */
uint32_t zc_pageio_retry(struct zc_pageio *pageio, uint32_t count);

/*
 * The folio is stuck no longer: its page is not needed, or is elsewhere by now.
 * The caller holds its lock, with the folio in the swap cache and not under
 * writeback.  Nothing if it was not stuck.
 */
void zc_pageio_forget_stuck(struct zc_pageio *pageio, struct zc_folio *folio);

/* Sleeps until fewer than writes_max are under way.  No pin, no folio lock and
 * no context may be held. */
void zc_pageio_throttle(struct zc_pageio *pageio);

/* Sleeps until no write is under way, of whoever they are.  As above. */
void zc_pageio_drain(struct zc_pageio *pageio);

/* Writes that failed since one last succeeded. */
static inline uint32_t zc_pageio_failures(const struct zc_pageio *pageio)
{
    return zc_atomic_u32_load_relaxed(&pageio->failures);
}

/* --- among the files of pageio --------------------------------------- */

/* The device of a slot that is pinned: it cannot go. */
static inline struct zc_swap_device *zc_pageio_device(
    const struct zc_pageio *pageio, zc_swp slot)
{
    return &pageio->swap->devices[zc_swp_type(slot)];
}

/* Whether pages on devices have checksums. */
static inline bool zc_pageio_has_sums(const struct zc_pageio *pageio)
{
    return pageio->zswap->entries.checksums;
}

/* Before a page goes to its slot on the device, which the caller has pinned;
 * room was made. */
void zc_pageio_note_sum(struct zc_pageio *pageio, zc_swp slot,
                        const void *page);

/* Notes how a write ended. */
void zc_pageio_note_write(struct zc_pageio *pageio, zc_status status);

/* Keeps a folio whose write failed, or stores it again at once.  The request
 * and its reference to the folio are taken over.  Sleeps for no folio. */
void zc_pageio_keep_stuck(struct zc_page_write *write);

/* Lets go of all of them; nobody else uses pageio any more. */
void zc_pageio_drop_stuck(struct zc_pageio *pageio);

/*
 * Writes back the page of a slot if it still is the one that the token names.
 * The caller holds nothing: slot and token are all that is known of the
 * candidate.  May block, but never for a slot that somebody has pinned.
 *
 * ZC_OK: unlinked and submitted; ZC_BUSY: somebody is swapping it in, leave it;
 * ZC_MISSING: the slot is free or has another page by now; ZC_INVALID: it has
 * no device that accepts pages; ZC_REJECTED: its owner's pages never go to one;
 * ZC_NO_MEMORY; ZC_CORRUPT: it cannot be decompressed, and stays.  Follows
 * zswap_writeback_entry().
 */
zc_status zc_writeback_page(struct zc_pageio *pageio, zc_swp slot,
                            const struct zc_zswap_token *token);

/* --- shrinking --------------------------------------------------------- */

/*
 * Who goes first, and when: from a goal to pages written back.
 *
 *   swap/shrinker.c         from goals to candidates to writeback
 *   shrinker_worker.c  a thread that does it in the background
 */

#define ZC_SHRINK_RETRIES_MAX 16 /* MAX_RECLAIM_RETRIES */

/* So many writes that fail, and none that succeeds, end a shrink: the pages
 * come back to the pool. */
#define ZC_SHRINK_ERRORS_MAX 8

/* After so many in turn, one store of so many that find no room tries whether
 * the device is well again.  A power of two. */
#define ZC_SHRINK_TRY_EVERY 64

struct zc_shrinker {
    struct zc_pageio *pageio;
    zc_atomic_u32
        refusals; /* while the device failed; whose turn it is to try */
    /* The worker, where there is one. */
    bool has_worker;
    struct zc_mutex lock;
    struct zc_condition wanted;
    bool is_wanted;          /* [lock] */
    zc_atomic_u32 is_ending; /* [lock] to write; a shrink of it ends early */
    struct zc_thread worker;
};

/* ZC_OK; ZC_NO_MEMORY: the worker. */
zc_status zc_shrinker_init(struct zc_shrinker *shrinker,
                           struct zc_pageio *pageio, bool has_worker);
/* Ends the worker; before anything below it goes. */
void zc_shrinker_destroy(struct zc_shrinker *shrinker);

/*
 * Writes back cold pages until `page_goal` pool pages are given back, or
 * ZC_SHRINK_RETRIES_MAX attempts in turn came to nothing, or the device fails
 * all it is given.  In either lru mode; of one owner (lru = entry), or
 * ZC_OWNER_ANY: round robin.  The caller holds nothing.  *pages_out gets the
 * pool pages given back, whatever is returned.  ZC_OK; ZC_AGAIN: the goal is
 * not reached; ZC_UNSUPPORTED: lru = none.
 */
zc_status zc_shrinker_shrink(struct zc_shrinker *shrinker, unsigned owner,
                             uint64_t page_goal, uint64_t *pages_out);

/*
 * zc_zswap.make_room: down to the accept threshold, by the caller or, where
 * there is a worker, by that; for an owner over its limit, by the caller, below
 * that limit.  Never waits for `slot`, which the caller has pinned.  Where the
 * last ZC_SHRINK_ERRORS_MAX writes have failed, of whatever kind, only one call
 * in ZC_SHRINK_TRY_EVERY does anything, and that writes one page, until a write
 * succeeds.  True: something was written.
 */
bool zc_shrinker_make_room(void *context, zc_swp slot, unsigned owner);

/*
 * zc_cache_writeback(), which checked the options.  *bytes_out gets the bytes
 * submitted, whatever is returned.
 */
zc_status zc_shrinker_writeback(struct zc_shrinker *shrinker,
                                const struct zc_writeback_options *options,
                                size_t *bytes_out);

/* --- among the files of shrinker ------------------------------------- */

/* The worker: shrinker_worker.c. */
zc_status zc_shrinker_start(struct zc_shrinker *shrinker);
void zc_shrinker_stop(struct zc_shrinker *shrinker);
void zc_shrinker_wake(struct zc_shrinker *shrinker);

/* Writes back down to the accept threshold; what the worker does.  True:
 * something was written. */
bool zc_shrinker_to_threshold(struct zc_shrinker *shrinker, bool may_sleep);

#endif
