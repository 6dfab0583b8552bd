/* SPDX-License-Identifier: MIT */
/*
 * pageio.h - a folio out to its slot and in from it: zero bit, then compressed
 * memory, then the device.
 *
 * The order is the same both ways, and a page is in one of the three at a time:
 * each write clears what the others had.
 */
#ifndef ZC_PAGEIO_H
#define ZC_PAGEIO_H

#include "swapslots.h"
#include "zcache_internal.h"

struct zc_pageio {
    struct zc_zcache *zcache;
    struct zc_swap *swap;
    unsigned load_policy; /* enum zc_exclusive_policy, resolved */
    /* Folios whose write failed: kept in the swap cache, dirty. */
    struct zc_spinlock stuck_lock;
    struct zc_list stuck; /* [stuck_lock] of struct zc_page_write */
    uint32_t stuck_count; /* [stuck_lock] */
    /* Writes under way, and who waits for there to be fewer. */
    zc_atomic_u32 writes;
    uint32_t writes_max;
    struct zc_stats *stats; /* of the zcache */
};

/* When a load forgets the entry: the policies that can be compared. */
enum zc_exclusive_policy {
    ZC_EXCLUSIVE_IF_SWAPCACHE = 0, /* EXCLUSIVE_ONLY_FROM_SWAPCACHE */
    ZC_EXCLUSIVE_NEVER = 1
};

zc_status zc_pageio_init(struct zc_pageio *pageio);
/* Waits for the writes under way, and lets go of stuck folios. */
void zc_pageio_destroy(struct zc_pageio *pageio);

/*
 * Writes out a folio that is locked, in the swap cache, and up to date, and
 * unlocks it: a zero bit, or into the zcache, or submitted to the device, which
 * goes on after the return (NOTHING_AFTER_SUBMIT).  The caller keeps its
 * reference.  On success completion drops the folio from the cache unless
 * somebody took it; on an error it stays there, dirty and stuck, and is stored
 * again by zc_pageio_retry().
 *
 * ZC_OK: the page is taken care of, or is on its way; the folio may still be in
 * the cache.  ZC_REJECTED: the owner forbids the device and the zcache refused:
 * nothing is written, the folio is unlocked and dirty.  ZC_NO_MEMORY: the same.
 * Follows swap_writeout().
 */
zc_status zc_pageio_write(struct zc_pageio *pageio, struct zc_folio *folio,
                          unsigned owner);

/*
 * Only the device's part of it: submits a locked, uptodate, cached folio and
 * unlocks it.  Writeback's own entry.  ZC_OK; ZC_NO_MEMORY: nothing is
 * submitted and the folio is still locked.
 */
zc_status zc_pageio_submit_write(struct zc_pageio *pageio,
                                 struct zc_folio *folio);

/*
 * Reads a folio that is locked and not up to date, and keeps it locked.
 * `folio` is in the swap cache, or private and its slot pinned.  In the swap
 * cache a load from the zcache is exclusive and leaves the folio dirty;
 * otherwise the entry stays until the swap count drops
 * (EXCLUSIVE_ONLY_FROM_SWAPCACHE, COPY_LIVES_UNTIL_SWAP_FREE).
 *
 * ZC_OK: up to date; ZC_CORRUPT, ZC_IO_ERROR: it is not, and what was stored is
 * kept; ZC_NO_MEMORY.  `slot` is the folio's.  Follows swap_read_folio().
 */
zc_status zc_pageio_read(struct zc_pageio *pageio, struct zc_folio *folio,
                         zc_swp slot);

/* The device's copy of a slot, waited for; the caller has the slot pinned. */
zc_status zc_pageio_read_device(struct zc_pageio *pageio, zc_swp slot,
                                void *page_out);
/* A page straight to the device, waited for; the caller has the slot pinned. */
zc_status zc_pageio_write_device(struct zc_pageio *pageio, zc_swp slot,
                                 const void *page);

/*
 * Stores stuck folios into the zcache again, whatever its limit says, and so
 * lets them go; at most `count`.  Returns how many are still stuck.
 */
uint32_t zc_pageio_retry(struct zc_pageio *pageio, uint32_t count);

/* Sleeps until fewer than writes_max are under way.  No pin, no folio lock and
 * no context may be held. */
void zc_pageio_throttle(struct zc_pageio *pageio);

#endif
