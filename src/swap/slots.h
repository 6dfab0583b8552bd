/* SPDX-License-Identifier: MIT */
/*
 * slots.h - swap devices and their slots: counts, pins, and who frees.
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
#ifndef ZC_SWAP_SLOTS_H
#define ZC_SWAP_SLOTS_H

#include <zcache/swap.h>

#include "platform/park.h"
#include "swap/backing/backing.h"
#include "swap/swapcache.h"

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
    /* Blocks of blocks of clusters; each pointer is set once, and pairs with
     * the acquires in the look-up. */
    zc_atomic_pointer *directory;
    uint64_t directory_count;
    struct zc_slot_allocator *allocator; /* managed; or NULL */
    zc_counter used;                     /* slots that are not free */
    zc_counter cached;                   /* folios */
    zc_counter stuck; /* ZC_FOLIO_STUCK; kept by who sets and clears it */
    zc_counter bytes; /* of the directory and clusters */
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
uint32_t zc_slot_count(struct zc_swap *swap, zc_swp slot);

/*
 * Pins a slot in use with no folio.  ZC_OK; ZC_BUSY: a folio or another pin is
 * there; ZC_MISSING: its count is 0.  Follows swapcache_prepare().
 */
zc_status zc_slot_pin(struct zc_swap *swap, zc_swp slot);

/*
 * Ends a bare pin and wakes who waits; frees the slot if its count is 0.
 * Follows swapcache_clear().
 */
void zc_slot_unpin(struct zc_swap *swap, zc_swp slot);

/* Sleeps until the slot has no bare pin, or at least some pin has ended
 * meanwhile (PIN_LOSER_SLEEPS).  May return early. */
void zc_slot_wait(struct zc_swap *swap, zc_swp slot);

/*
 * For slots that the caller names: pins a slot whether it is in use or not.
 * Sleeps for any bare pin and any folio's lock.  *folio_out: NULL, and the pin
 * is bare; or the cached folio, locked and rechecked, with a reference; it may
 * be under writeback (zc_folio_wait_writeback() before its bytes or its slot
 * are given up).  May block.  ZC_OK; ZC_NO_MEMORY (a cluster).
 *
 * zc_slot_release() ends it: unlocks the folio and gives up the reference, or
 * ends the bare pin.  `in_use` is the count from now on: 1 or 0.  With 0 any
 * folio leaves the cache (it is not under writeback), and the slot is freed.
 * With 1 a folio that is neither dirty nor under writeback leaves it: there is
 * a copy elsewhere.
 */
zc_status zc_slot_claim(struct zc_swap *swap, zc_swp slot,
                        struct zc_folio **folio_out);
void zc_slot_release(struct zc_swap *swap, zc_swp slot, struct zc_folio *folio,
                     bool in_use);

/* A slot as it was claimed.  It stays so until the release, but for what the
 * claimer does. */
struct zc_claimed {
    struct zc_folio *folio; /* as zc_slot_claim() */
    bool has_count;
    bool is_zero; /* its zero bit */
};

/*
 * The same, and says what the slot was like.  `required`: its count must not be
 * 0, or nothing is pinned or made (ZC_MISSING).  ZC_OK; ZC_MISSING;
 * ZC_NO_MEMORY: only where it is not required.
 */
zc_status zc_slot_claim_as(struct zc_swap *swap, zc_swp slot, bool required,
                           struct zc_claimed *claimed_out);

/*
 * The checksum of the page that the device has, or will have when a write ends.
 * The caller has the slot pinned, either way.  Room for it is made before it is
 * set, and may block.  ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_slot_reserve_sum(struct zc_swap *swap, zc_swp slot);
void zc_slot_set_sum(struct zc_swap *swap, zc_swp slot, uint64_t sum);
/* False, too, where none was ever set. */
bool zc_slot_has_sum(struct zc_swap *swap, zc_swp slot, uint64_t sum);

/* The zero bit; by who has the slot pinned, either way. */
void zc_slot_set_zero(struct zc_swap *swap, zc_swp slot, bool is_zero);
bool zc_slot_is_zero(struct zc_swap *swap, zc_swp slot);

#endif
