/* SPDX-License-Identifier: MIT */
/*
 * swap.h - swap devices, their slots and folios, and pages to and from them.
 *
 *   swapcache.c                the table from slots to folios
 *   swap/folio.c               folios: made, referenced, locked
 *   swap/slots*.c              devices and their slots
 *   swap/pageio*.c             a folio out and in
 *   swap/writeback.c           one entry to its slot on the device
 *   swap/shrinker*.c           which entry is written back, and how many
 *   swap/backing/              the device behind a swap device
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
 * A folio is a page frame: bytes, a reference count, and a word of flags, one
 * of which is its lock.  While it is in the swap cache the table holds a
 * reference, and the holder of its lock has the slot pinned: no other thread
 * frees, reads or writes the slot.
 *
 * A look-up gives a reference and nothing more.  Before the caller has locked
 * the folio, it may leave the cache, or be cached for another slot; so after
 * locking the caller asks zc_folio_is_of() (RECHECK_IN_SWAPCACHE,
 * RECHECK_SAME_ENTRY).
 */

struct zc_swap;
struct zc_swap_device;

/* A slot, looked up once for a call.  The cluster stays while the caller holds
 * a reference to the device. */
struct zc_slot_ref {
    struct zc_cluster *cluster; /* NULL: none of its slots was ever used */
    zc_swp name;
};

enum zc_folio_flag {
    ZC_FOLIO_LOCKED = 1u << 0,
    ZC_FOLIO_WAITERS = 1u << 1,   /* a thread sleeps on the word */
    ZC_FOLIO_UPTODATE = 1u << 2,  /* the bytes are the page */
    ZC_FOLIO_DIRTY = 1u << 3,     /* no other place has them */
    ZC_FOLIO_WRITEBACK = 1u << 4, /* a write of it is under way */
    ZC_FOLIO_SWAPCACHE = 1u << 5, /* in the table, under `swap` */
    ZC_FOLIO_STUCK = 1u << 6,     /* a write of it failed */
    ZC_FOLIO_FLAG_SHIFT = 16      /* higher bits are the owner's (vm) */
};

struct zc_folio {
    zc_atomic_u32 references; /* the last put frees; pairs with itself */
    zc_atomic_u32 flags;      /* LOCKED: acquire, release */
    /* The slot that it is cached for, or was last: deletion clears the flag and
     * not the name.  [folio lock and cluster's to write; either to read] */
    zc_swp swap;
    void *data; /* one page; [folio lock] while not uptodate */
};

/* The source of frames: given to a cache when it is made, and valid until it is
 * destroyed.  NULL functions: memory of the system. */
struct zc_folio_frames {
    /* A folio with its data, flags 0 and one reference, or NULL.  May block;
     * reclaims only if `may_reclaim`, because writeback runs inside reclaim. */
    struct zc_folio *(*alloc)(void *context, bool may_reclaim);
    void (*free)(void *context, struct zc_folio *folio);
    void *context;
};

/* --- folios: swap/folio.c --------------------------------------- */

/* May block.  NULL: no frame (also injected: ZC_INJECT_FRAME). */
struct zc_folio *zc_folio_alloc(struct zc_swap *swap, bool may_reclaim);
/* The caller has a reference already. */
void zc_folio_get(struct zc_folio *folio);
/* The put of the last reference frees the folio.  A folio in the swap cache has
 * the table's reference besides.  A folio that was looked up by its slot is put
 * by zc_swapcache_put().  True: one reference is left. */
bool zc_folio_put(struct zc_swap *swap, struct zc_folio *folio);

void zc_folio_lock(struct zc_swap *swap, struct zc_folio *folio);
bool zc_folio_trylock(struct zc_folio *folio);
/* Locks a folio that no other thread can reach yet, and clears its flags. */
void zc_folio_lock_new(struct zc_folio *folio);
/* By any thread, not only by the one that locked it. */
void zc_folio_unlock(struct zc_swap *swap, struct zc_folio *folio);

/* The caller holds the lock, or no other thread changes the flag. */
void zc_folio_set(struct zc_folio *folio, uint32_t flags);
void zc_folio_clear(struct zc_folio *folio, uint32_t flags);
/* Whether any of these flags is set.  Acquire: pairs with its set. */
bool zc_folio_has(const struct zc_folio *folio, uint32_t flags);

/* Ends WRITEBACK and wakes its waiters.  It began under the folio's lock, with
 * a reference that the caller drops after this. */
void zc_folio_end_writeback(struct zc_swap *swap, struct zc_folio *folio);
void zc_folio_wait_writeback(struct zc_swap *swap, struct zc_folio *folio);

/* Asked after locking: is the folio still in the swap cache, for this slot? */
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
 * The folio of a slot, locked and rechecked; made if it was not there.
 * *created_out: it was made, and must be read.  Sleeps for the folio's lock and
 * for a bare pin.  The caller holds a device reference, and gets one to the
 * folio.  May block.
 *
 * ZC_OK; a folio that is there is returned whatever the slot's count is;
 * ZC_MISSING: none is there, and the slot's count is 0; ZC_NO_MEMORY.
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
 * Deletes a locked folio from the cache if its slot is not needed: the count is
 * 0, and the folio is not under writeback.  Then the folio is dirty, because
 * its slot's copy is gone.  True: done.  The caller holds a reference to the
 * folio, and a device reference.  May block (last_put()).  Follows
 * folio_free_swap().
 */
bool zc_swapcache_try_free_slot(struct zc_swap *swap, struct zc_folio *folio);

/*
 * Drops the caller's reference to a folio that it got for `slot` and has
 * unlocked.  If only the table's reference is left, and the folio is not
 * needed, it leaves the cache.  It is not needed if its slot has a copy (it is
 * neither dirty nor under writeback), or if the slot's count is 0.
 *
 * Every user of a cached folio ends with this call.  So does the end of a
 * writeback, for a write under way holds a reference.  Exactly one of several
 * users is the last, and that one removes the folio (swapcache.c says why).
 * Never sleeps for a lock of the folio; takes a device reference of its own.
 * May block (last_put()).
 */
void zc_swapcache_put(struct zc_swap *swap, zc_swp slot,
                      struct zc_folio *folio);
/* The same for a caller that holds a reference to the slot's device. */
void zc_swapcache_put_on(struct zc_swap *swap, struct zc_swap_device *device,
                         zc_swp slot, struct zc_folio *folio);

/* --- devices and slots ------------------------------------------------- */

/*
 * Swap devices and their slots: counts, pins, and freeing.
 *
 * A slot has three uses: a swap count, the references from page tables (where
 * the caller names slots: 1 while a page is stored); at most one folio in the
 * swap cache; and a bare pin, for a thread that works on it without a folio.
 * The thread that removes the last use frees the slot:
 *
 *     in use -> FREEING -> last_put(slot), no lock held -> free
 *
 * so what is stored for it is gone before it can be given out again.  Only the
 * freeing thread touches a FREEING slot; swapoff waits for that thread's device
 * reference (SWAPOFF_AND_LAST_PUT_AGREE).
 *
 * Only a user of the device (zc_swap_device_get(), DEVICE_REF_AROUND_TREE) may
 * touch a slot and what belongs to it; swapoff waits for the users.
 *
 *   swap/slots.c          devices: on, get, put, stop, wait, off
 *   swap/slots_cluster.c  finding and making the clusters of a device
 *   swap/slots_alloc.c    which slot is given out next
 *   swap/slots_count.c    counts, pins, freeing
 *   swap/slots_claim.c    slots that the caller names
 *   swapcache.c           folios
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
    ZC_SLOT_WAITERS = 1u << 4, /* a thread sleeps for PINNED or FREEING */
};

/* 512 slots.  Made when the first of them is used, and kept until swapoff.  So
 * are the three tables, each set once; that pairs with the acquires of
 * readers. */
struct zc_cluster {
    struct zc_spinlock lock;
    /* [lock] to write.  Raised at the end of a pin that a thread waits for;
     * waiters sleep on it. */
    zc_atomic_u32 changes;
    uint32_t used;                    /* [lock] slots that are not free */
    zc_atomic_pointer folios;         /* struct zc_folio *[], [lock] inside */
    zc_atomic_pointer overflow;       /* uint32_t[], [lock] inside */
    zc_atomic_pointer sums;           /* uint64_t[], [the slot's pin] inside */
    uint8_t counts[ZC_CLUSTER_SLOTS]; /* [lock] 255: in `overflow` */
    uint8_t flags[ZC_CLUSTER_SLOTS];  /* [lock] enum zc_slot_flag */
};

struct zc_slot_allocator; /* swap/slots_alloc.c */

/* Never freed while the swap exists: an old slot name finds it, and is
 * refused. */
struct zc_swap_device {
    /* Users, and ZC_DEVICE_ON; 0: off, and no users.  Pairs with itself;
     * swapoff sleeps on it. */
    zc_atomic_u32 users;
    /* 1: takes new pages and slots; swapoff stores 0 first.  Read under the
     * lock of the slot's cluster, or with the slot pinned; pairs with
     * zc_swap_device_next(), which visits every cluster after the store of
     * 0. */
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
    zc_counter stuck;                    /* folios with ZC_FOLIO_STUCK */
    zc_counter bytes;                    /* of the clusters and their tables */
};

#define ZC_DEVICE_ON (UINT32_C(1) << 31)

struct zc_swap {
    size_t page_size;
    /* 1: a device is being turned on or off, one at a time.  A word and not a
     * lock: the embedder's functions run meanwhile, which may take locks of any
     * rank.  Pairs with itself. */
    zc_atomic_u32 change;
    struct zc_parking parking;
    struct zc_folio_frames frames; /* constant after init */
    /* Called when a slot has no use any more, before it can be used again:
     * drops what is stored for it, wherever (zc_backing_discard() too).  No
     * lock of the library is held but perhaps a folio's. */
    void (*last_put)(void *context, zc_swp slot);
    void *context;
    struct zc_swap_device devices[ZC_SWP_TYPE_COUNT];
};

/* The caller has set page_size, last_put and context; frames too, or all NULL.
 * ZC_OK; ZC_NO_MEMORY. */
zc_status zc_swap_init(struct zc_swap *swap);
/* Every device is off. */
void zc_swap_destroy(struct zc_swap *swap);

/* --- devices --------------------------------------------------------- */

/* Opens a device under a type that has none.  The caller has set swap->change
 * and has checked the options.  ZC_OK; ZC_NO_MEMORY; what open() returned. */
zc_status zc_swap_device_on(struct zc_swap *swap, unsigned type,
                            const struct zc_swap_options *options);

/* One more user of the device of a slot.  NULL: there is none, it is being
 * turned off, or it has no such slot. */
struct zc_swap_device *zc_swap_device_get(struct zc_swap *swap, zc_swp slot);
void zc_swap_device_put(struct zc_swap *swap, struct zc_swap_device *device);

/* Whether the type has a device now, or users of one that is being turned off.
 * Needs no reference.  One load. */
static inline bool zc_swap_has_device(const struct zc_swap *swap, unsigned type)
{
    return type < ZC_SWP_TYPE_COUNT &&
           zc_atomic_u32_load_acquire(&swap->devices[type].users) != 0;
}

/*
 * The steps of swapoff, in this order, under swap->change:
 *   stop    no new slots or pages (zc_swap_device_accepts())
 *   next    the first slot at or after *offset_inout that has a count, a folio
 *           or a pin; false: none.  The caller empties it and looks again from
 *           there until there is none.  Where it is only pinned,
 *           zc_slot_wait().  FREEING slots are left to the freeing thread
 *   end     no new users; sleeps until the last has gone, and frees all
 * or restart, which undoes stop.
 */
void zc_swap_device_stop(struct zc_swap_device *device);
void zc_swap_device_restart(struct zc_swap_device *device);

/* Whether new pages are accepted.  Asked after zc_slot_claim(): either swapoff
 * sees the pin, or this is false (swap/slots_cluster.c says why a load is
 * enough). */
static inline bool zc_swap_device_accepts(const struct zc_swap_device *device)
{
    return zc_atomic_u32_load_acquire(&device->accepts) != 0;
}

bool zc_swap_device_next(struct zc_swap_device *device, uint64_t *offset_inout);
void zc_swap_device_end(struct zc_swap *swap, struct zc_swap_device *device);

/*
 * In a child after fork(), instead of swapoff: closes the devices' descriptors.
 * Takes no lock.  A device that was being turned on or off at the fork is
 * skipped.
 */
void zc_swap_leave(const struct zc_swap *swap);

/* Bytes of clusters and allocators, for accounting; not of folios. */
uint64_t zc_swap_bytes(struct zc_swap *swap);

/* --- slots: the caller holds a device reference, unless it says otherwise */

/* Takes no lock, and makes nothing. */
struct zc_slot_ref zc_slot_find(struct zc_swap *swap, zc_swp slot);

/*
 * Gives a locked folio that is in no cache a free slot of some managed device,
 * and puts it in the swap cache there, in one step; the slot's count is 0.  The
 * caller needs no device reference.  May block.
 *
 * ZC_OK; ZC_REJECTED: no device has a free slot; ZC_NO_MEMORY.  Follows
 * folio_alloc_swap().
 */
zc_status zc_slot_alloc(struct zc_swap *swap, struct zc_folio *folio,
                        zc_swp *slot_out);

/*
 * Raises the count.  The caller has a count already, or holds the lock of the
 * cached folio.  May block (overflow).  ZC_OK; ZC_NO_MEMORY; ZC_REJECTED: the
 * count is ZC_COUNT_MAX.  Follows swap_duplicate().
 */
zc_status zc_slot_dup(struct zc_swap *swap, zc_swp slot);

/* zc_slot_dup() where nothing may block.  Also ZC_AGAIN: there is no room for
 * the count, which zc_slot_reserve_counts() makes. */
zc_status zc_slot_dup_atomic(struct zc_swap *swap, zc_swp slot);
/* The slot may be gone meanwhile; takes a device reference of its own.  May
 * block.  ZC_OK; ZC_NO_MEMORY; ZC_MISSING: there is no such slot now. */
zc_status zc_slot_reserve_counts(struct zc_swap *swap, zc_swp slot);

/*
 * Lowers the count; frees the slot if that was its last use.  At 0 a folio that
 * only the table references leaves the cache too, because no thread can ask for
 * it any more.  Takes a device reference of its own for as long as it touches
 * the slot (SWAPOFF_AND_LAST_PUT_AGREE).  May block.  Follows swap_free().
 */
void zc_slot_drop(struct zc_swap *swap, zc_swp slot);

/* The count now.  0 for a slot that the caller names: nothing is stored there.
 * Needs neither a claim nor memory. */
uint32_t zc_slot_count(struct zc_slot_ref slot);

/* Whether the slot has one count, and no folio in the swap cache. */
bool zc_slot_is_single(struct zc_slot_ref slot);

/*
 * Pins a slot in use with no folio.  ZC_OK: *is_zero_out, which may be NULL,
 * gets the slot's zero bit, which no other thread changes while the pin lasts;
 * ZC_BUSY: a folio or another pin is there; ZC_MISSING: its count is 0.
 * Follows swapcache_prepare().
 */
zc_status zc_slot_pin(struct zc_swap *swap, struct zc_slot_ref slot,
                      bool *is_zero_out);

/* Ends a bare pin and wakes its waiters; frees the slot if its count is 0.
 * Follows swapcache_clear(). */
void zc_slot_unpin(struct zc_swap *swap, struct zc_slot_ref slot);

/* Lowers the count and ends a bare pin in one step: zc_slot_drop() and
 * zc_slot_unpin() of a slot that the caller has both of. */
void zc_slot_unpin_and_drop(struct zc_swap *swap, struct zc_slot_ref slot);

/* Sleeps while the slot has a bare pin (PIN_LOSER_SLEEPS).  May return
 * early. */
void zc_slot_wait(struct zc_swap *swap, struct zc_slot_ref slot);

/* A claimed slot.  Until the release only the claiming thread changes it. */
struct zc_claimed {
    struct zc_slot_ref slot;
    /* NULL: the pin is bare.  Else the cached folio, locked and rechecked, with
     * a reference; it may be under writeback (zc_folio_wait_writeback() before
     * its bytes or its slot are given up). */
    struct zc_folio *folio;
    bool has_count;
    bool is_zero; /* its zero bit */
};

/*
 * For slots that the caller names: pins a slot whether it is in use or not.
 * Sleeps for any bare pin and any folio's lock.  May block.  `required`: if the
 * slot's count is 0, nothing is pinned or made (ZC_MISSING).  ZC_OK;
 * ZC_MISSING; ZC_NO_MEMORY: a cluster; only if not required.
 *
 * zc_slot_release() ends it: unlocks the folio and drops the reference, or ends
 * the bare pin.  `in_use` is the new count: 1 or 0.  With 0 any folio leaves
 * the cache (it is not under writeback), and the slot is freed.  With 1 a folio
 * that is neither dirty nor under writeback leaves the cache: there is a copy
 * elsewhere.
 */
zc_status zc_slot_claim(struct zc_swap *swap, zc_swp slot, bool required,
                        struct zc_claimed *claimed_out);
void zc_slot_release(struct zc_swap *swap, const struct zc_claimed *claimed,
                     bool in_use);

/*
 * The checksum of the page that the device has, or will have when a write ends.
 * The caller has the slot pinned, bare or by its folio.  Room for it is
 * reserved before it is set, which may block.  ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_slot_reserve_sum(struct zc_swap *swap, struct zc_slot_ref slot);
void zc_slot_set_sum(struct zc_slot_ref slot, uint64_t sum);
/* False also if none was ever set. */
bool zc_slot_has_sum(struct zc_slot_ref slot, uint64_t sum);

/* The zero bit.  The caller has the slot pinned, bare or by its folio. */
void zc_slot_set_zero(struct zc_slot_ref slot, bool is_zero);
bool zc_slot_is_zero(struct zc_slot_ref slot);

/* --- page I/O ---------------------------------------------------------- */

/*
 * A folio out to its slot and in from it: zero bit, then compressed memory,
 * then the device.  A read asks them in this order; a write to one of them
 * clears those that are asked earlier.
 *
 * Where checksums are on, each page that goes to a device gets one, kept with
 * its slot, and a page from the device whose checksum differs is refused.  A
 * page in a folio has none: the folio is memory like the caller's own.
 *
 *   swap/pageio.c        making and ending it, throttling, transfers waited for
 *   swap/pageio_read.c   a folio in
 *   swap/pageio_write.c  a folio out: where to, the request, its completion
 *   swap/pageio_stuck.c  folios whose write failed
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
    struct zc_list stuck;      /* [stuck_lock] of struct zc_page_write */
    zc_atomic_u32 stuck_count; /* on the list, or being retried; a figure */
    /* Requests under way, and ZC_WRITES_WAITERS: a thread sleeps on the word
     * until there are fewer.  Pairs with itself. */
    zc_atomic_u32 writes;
    /* Writes that failed since the last success, of either kind: a hint for the
     * shrinker.  If it wraps to 0, a few more writes are tried. */
    zc_atomic_u32 failures;
};

/*
 * A request to write one page.  It is made before the page's entry is given up,
 * so that nothing can fail after that.  If the write fails, the request keeps
 * the folio on the stuck list.
 */
struct zc_page_write {
    struct zc_io io;
    struct zc_pageio *pageio;
    struct zc_swap_device *device; /* with a reference; stuck: NULL */
    struct zc_folio *folio;        /* with a reference, once it is submitted */
    zc_swp slot;
    unsigned owner;      /* charged when it is stored again */
    struct zc_list link; /* [stuck_lock] */
};

/* Where a page was found. */
enum zc_page_source {
    ZC_SOURCE_CACHED, /* no read: the folio was up to date */
    ZC_SOURCE_ZERO,   /* by its zero bit */
    ZC_SOURCE_POOL,
    ZC_SOURCE_DEVICE
};

/* The caller has set the fields up to `stats`.  ZC_OK; ZC_NO_MEMORY. */
zc_status zc_pageio_init(struct zc_pageio *pageio);
/* Waits for the writes under way, and drops the records of stuck folios, which
 * stay in the swap cache.  No new write begins; every device is still on. */
void zc_pageio_destroy(struct zc_pageio *pageio);

/*
 * Writes out a folio that is locked, in the swap cache, and up to date, and
 * unlocks it: a zero bit, or into zswap, or submitted to the device, which goes
 * on after the return (NOTHING_AFTER_SUBMIT).  The caller keeps its reference.
 * May block, also for an older write of the folio.
 *
 * ZC_OK: the page is stored, or is on its way with its folio under writeback.
 * Either way the folio is not dirty, and leaves the swap cache with its last
 * user (zc_swapcache_put()), unless a thread makes it dirty again meanwhile.
 * If a write on its way fails, the folio is dirty and stuck, and
 * zc_pageio_retry() stores it again.
 *
 * ZC_REJECTED: the owner forbids the device and zswap refused: nothing is
 * written, the folio is unlocked and dirty.  Trying again at once is useless.
 * ZC_NO_MEMORY: the same.  Follows swap_writeout().
 */
zc_status zc_pageio_write(struct zc_pageio *pageio, struct zc_folio *folio,
                          unsigned owner);

/* Makes a request for a page of this slot, which the caller has pinned.  May
 * block.  ZC_OK; ZC_INVALID: it has no device; ZC_NO_MEMORY. */
zc_status zc_pageio_prepare_write(struct zc_pageio *pageio,
                                  struct zc_slot_ref slot, unsigned owner,
                                  struct zc_page_write **write_out);
/* Frees a request that was not submitted. */
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
 * Writes to adjacent slots, submitted by one thread and transferred in one
 * step.  Until zc_pageio_end_run() their folios are under writeback and the
 * writes count as under way.  So the thread ends the run before it sleeps for
 * any write, and before it returns to a caller.  Begins as all zeros.
 */
struct zc_write_run {
    unsigned count;
    struct zc_page_write *writes[ZC_BACKING_RUN_MAX]; /* slots ascend by one */
};

/* zc_pageio_submit_write(), but the transfer may wait for the end of the run.
 * Ends a run that is full, or to which the slot does not belong.  `run` may be
 * NULL. */
void zc_pageio_submit_in_run(struct zc_write_run *run,
                             struct zc_page_write *write,
                             struct zc_folio *folio);

/* Transfers and completes the writes of a run, which may be empty. */
void zc_pageio_end_run(struct zc_write_run *run);

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
/* The same for a caller that knows the slot's zero bit, since it has the slot
 * pinned. */
zc_status zc_pageio_read_pinned(struct zc_pageio *pageio,
                                struct zc_folio *folio, struct zc_slot_ref slot,
                                bool is_zero, enum zc_page_source *source_out);

/* Reads the device's copy of a slot, and waits for it.  The caller has the slot
 * pinned.  ZC_OK; else page_out is undefined: ZC_IO_ERROR; ZC_CORRUPT: it is
 * not what was written there. */
zc_status zc_pageio_read_device(struct zc_pageio *pageio,
                                struct zc_slot_ref slot, void *page_out);
/* Writes a page to the device, and waits for it.  The caller has the slot
 * pinned, and no write of it is under way.  Clears the zero bit.  ZC_OK;
 * ZC_IO_ERROR: the slot's content is undefined; ZC_NO_MEMORY: nothing was
 * written. */
zc_status zc_pageio_write_device(struct zc_pageio *pageio,
                                 struct zc_slot_ref slot, const void *page);

/*
 * Stores stuck folios into zswap again, whatever its limit says; then they are
 * not stuck any more.  A folio that zswap refuses is written once more.  Tries
 * `count` of them at most, and skips those that another thread has locked.
 * Returns how many are still stuck, or being retried.
 */
uint32_t zc_pageio_retry(struct zc_pageio *pageio, uint32_t count);

/*
 * Clears STUCK: the page is not needed, or is elsewhere by now.  Does nothing
 * if the folio was not stuck.  The caller holds the folio's lock; the folio is
 * not under writeback, and is in the swap cache or the caller holds a reference
 * to its device.
 */
void zc_pageio_forget_stuck(struct zc_pageio *pageio, struct zc_folio *folio);

/* Sleeps until fewer than writes_max are under way.  The caller holds no pin,
 * no folio lock and no context. */
void zc_pageio_throttle(struct zc_pageio *pageio);

/* zc_pageio_throttle() for a thread with a run: ends the run before it sleeps.
 */
void zc_pageio_throttle_run(struct zc_pageio *pageio, struct zc_write_run *run);

/* Sleeps until no write of any thread is under way.  The same holds for the
 * caller. */
void zc_pageio_drain(struct zc_pageio *pageio);

/* Writes that failed since the last success. */
static inline uint32_t zc_pageio_failures(const struct zc_pageio *pageio)
{
    return zc_atomic_u32_load_relaxed(&pageio->failures);
}

/* --- among the files of pageio --------------------------------------- */

/* The device of a pinned slot: the pin keeps it on. */
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

/* Notes the checksum of a page before it goes to its slot on the device.  The
 * caller has the slot pinned, and room reserved. */
void zc_pageio_note_sum(struct zc_pageio *pageio, zc_swp slot,
                        const void *page);

/* Notes how a write ended. */
void zc_pageio_note_write(struct zc_pageio *pageio, zc_status status);

/* Keeps a folio whose write failed, or stores it again at once.  Takes over the
 * request and its reference to the folio.  Never sleeps for a folio lock. */
void zc_pageio_keep_stuck(struct zc_page_write *write);

/* Drops the records of all stuck folios.  No other thread uses pageio any
 * more. */
void zc_pageio_drop_stuck(struct zc_pageio *pageio);

/*
 * Writes back the page of a slot if it still is the one that the token names.
 * The caller holds no lock and no reference: slot and token are all that is
 * known of the candidate.  May block, but never for a slot that another thread
 * has pinned.
 *
 * ZC_OK: unlinked and submitted; ZC_BUSY: another thread uses the slot, perhaps
 * swaps it in; ZC_MISSING: the slot is free or has another page by now;
 * ZC_INVALID: it has no device that accepts pages; ZC_REJECTED: its owner's
 * pages never go to one; ZC_NO_MEMORY; ZC_CORRUPT: it cannot be decompressed,
 * and stays.  The transfer may wait for the end of `run`, which may be NULL.
 * Follows zswap_writeback_entry().
 */
zc_status zc_writeback_page(struct zc_pageio *pageio, struct zc_write_run *run,
                            zc_swp slot, const struct zc_zswap_token *token);

/* --- shrinking --------------------------------------------------------- */

/*
 * Which pages are written back, and how many.
 *
 *   swap/shrinker.c         from goals to candidates to writeback
 *   swap/shrinker_worker.c  a thread that does it in the background
 */

/* So many failures end a run: MAX_RECLAIM_RETRIES. */
#define ZC_SHRINK_RETRIES_MAX 16

/* Entries that an attempt looks at with ZC_SHRINK_BATCH: SWAP_CLUSTER_MAX. */
#define ZC_SHRINK_LOOKS_BATCH 32

/* So many failed writes, and no success, end a shrink: the pages of failed
 * writes come back to the pool.  The first of them may be a run of pages, which
 * fail together. */
#define ZC_SHRINK_ERRORS_MAX 8

/* Back-off: after ZC_SHRINK_ERRORS_MAX failed writes in a row, one of so many
 * stores that find no room probes the device.  A power of two. */
#define ZC_SHRINK_TRY_EVERY 64

struct zc_shrinker {
    struct zc_pageio *pageio;
    unsigned looks;   /* as zc_cache_options.shrink_looks; never 0 */
    bool has_compact; /* a run compacts the pool */
    /* Stores during a back-off: which one probes. */
    zc_atomic_u32 backoff_count;
    /* The worker, where there is one. */
    bool has_worker;
    struct zc_mutex lock;
    struct zc_condition wanted;
    bool is_wanted;          /* [lock] */
    zc_atomic_u32 is_ending; /* [lock] to write; a shrink ends early */
    struct zc_thread worker;
};

/* Uses shrink_worker, shrink_policy and its parts of the options, which were
 * checked.  ZC_OK; ZC_NO_MEMORY: the worker. */
zc_status zc_shrinker_init(struct zc_shrinker *shrinker,
                           struct zc_pageio *pageio,
                           const struct zc_cache_options *options);
/* Ends the worker.  Called before any part that it uses ends. */
void zc_shrinker_destroy(struct zc_shrinker *shrinker);

/*
 * Writes back cold pages until `page_goal` pool pages are given back, or
 * ZC_SHRINK_RETRIES_MAX attempts have failed (in a row, if attempts look at all
 * entries), or the device fails all writes.  With an LRU; of one owner (lru =
 * entry), or of all in turn (ZC_OWNER_ANY).  The caller holds no lock and no
 * pin.  *pages_out gets the pool pages given back, whatever is returned.
 * ZC_OK; ZC_AGAIN: the goal is not reached.
 */
zc_status zc_shrinker_shrink(struct zc_shrinker *shrinker, unsigned owner,
                             uint64_t page_goal, uint64_t *pages_out);

/*
 * zc_zswap.make_room.  Shrinks down to the accept threshold, or wakes the
 * worker, if there is one, to do it.  For an owner over its limit the caller
 * shrinks below that limit.  Never waits for `slot`, which the caller has
 * pinned.  Back-off: when the last ZC_SHRINK_ERRORS_MAX writes have failed, of
 * either kind, only one call in ZC_SHRINK_TRY_EVERY does anything, and that one
 * writes one page, until a write succeeds.  True: something was written.
 */
bool zc_shrinker_make_room(void *context, zc_swp slot, unsigned owner);

/* zc_cache_writeback(), which has checked the options.  *bytes_out gets the
 * bytes submitted, whatever is returned. */
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
