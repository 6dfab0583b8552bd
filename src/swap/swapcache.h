/* SPDX-License-Identifier: MIT */
/*
 * swapcache.h - folios, and the table from swap entries to them.
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
#ifndef ZC_SWAP_SWAPCACHE_H
#define ZC_SWAP_SWAPCACHE_H

#include <zcache/types.h>

#include "platform/park.h"

struct zc_swap;

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
struct zc_folio *zc_swapcache_look_up(struct zc_swap *swap, zc_swp slot);

/*
 * Puts a new locked folio in the cache for a slot in use.  The caller holds a
 * device reference, and gets a reference to the folio; its bytes are
 * undefined.  May block, and does not reclaim.
 *
 * ZC_OK; ZC_BUSY: a folio or a bare pin is there; ZC_MISSING: the slot's count
 * is 0; ZC_NO_MEMORY.  Follows swap_cache_alloc_folio().
 */
zc_status zc_swapcache_create(struct zc_swap *swap, zc_swp slot,
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
zc_status zc_swapcache_get(struct zc_swap *swap, zc_swp slot,
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

#endif
