/* SPDX-License-Identifier: MIT */
/*
 * pageio.h - a folio out to its slot and in from it: zero bit, then compressed
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
#ifndef ZC_SWAP_PAGEIO_H
#define ZC_SWAP_PAGEIO_H

#include "swap/slots.h"
#include "zswap/zswap.h"

/* When a load forgets the entry: the policies that can be compared. */
enum zc_exclusive_policy {
    ZC_EXCLUSIVE_IF_SWAPCACHE = 0, /* EXCLUSIVE_ONLY_FROM_SWAPCACHE */
    ZC_EXCLUSIVE_NEVER = 1
};

/* In zc_pageio.writes. */
#define ZC_WRITES_WAITERS (UINT32_C(1) << 31)

struct zc_pageio {
    struct zc_zcache *zcache;
    struct zc_swap *swap;
    unsigned load_policy;   /* enum zc_exclusive_policy, resolved */
    uint32_t writes_max;    /* at least 1 */
    struct zc_stats *stats; /* of the zcache */
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

/* The fields up to `stats` are set by the caller before.  ZC_OK;
 * ZC_NO_MEMORY. */
/* Where a page was found. */
enum zc_page_source {
    ZC_SOURCE_CACHED, /* nowhere below: the folio was up to date */
    ZC_SOURCE_ZERO,   /* by its zero bit */
    ZC_SOURCE_POOL,
    ZC_SOURCE_DEVICE
};

zc_status zc_pageio_init(struct zc_pageio *pageio);
/* Waits for the writes under way, and lets go of stuck folios, which stay in
 * the swap cache.  No new write begins; every device is still on. */
void zc_pageio_destroy(struct zc_pageio *pageio);

/*
 * Writes out a folio that is locked, in the swap cache, and up to date, and
 * unlocks it: a zero bit, or into the zcache, or submitted to the device, which
 * goes on after the return (NOTHING_AFTER_SUBMIT).  The caller keeps its
 * reference.  May block, also for an older write of the folio.
 *
 * ZC_OK: the page is taken care of, or is on its way and its folio under
 * writeback.  Either way the folio is not dirty, and leaves the swap cache with
 * the last reference (zc_swapcache_put()), unless somebody makes it dirty again
 * meanwhile.  If a write on its way fails, the folio is dirty and stuck, and is
 * stored again by zc_pageio_retry().
 *
 * ZC_REJECTED: the owner forbids the device and the zcache refused: nothing is
 * written, the folio is unlocked and dirty.  Trying again at once is useless.
 * ZC_NO_MEMORY: the same.  Follows swap_writeout().
 */
zc_status zc_pageio_write(struct zc_pageio *pageio, struct zc_folio *folio,
                          unsigned owner);

/*
 * A request for a page of this slot, which the caller has pinned.  May block.
 * ZC_OK; ZC_INVALID: it has no device; ZC_NO_MEMORY.
 */
zc_status zc_pageio_prepare_write(struct zc_pageio *pageio, zc_swp slot,
                                  unsigned owner,
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
 * cache a load from the zcache is exclusive and leaves the folio dirty;
 * otherwise the entry stays until the swap count drops
 * (EXCLUSIVE_ONLY_FROM_SWAPCACHE, COPY_LIVES_UNTIL_SWAP_FREE).
 *
 * ZC_OK: up to date, and *source_out (may be NULL) says from where; ZC_CORRUPT,
 * ZC_IO_ERROR: it is not, and what was stored is kept.  `slot` is the folio's.
 * Follows swap_read_folio().
 */
zc_status zc_pageio_read(struct zc_pageio *pageio, struct zc_folio *folio,
                         zc_swp slot, enum zc_page_source *source_out);

/* The device's copy of a slot, waited for; the caller has the slot pinned.
 * ZC_OK; else page_out is undefined: ZC_IO_ERROR; ZC_CORRUPT: it is not what
 * was written there. */
zc_status zc_pageio_read_device(struct zc_pageio *pageio, zc_swp slot,
                                void *page_out);
/* A page straight to the device, waited for; the caller has the slot pinned,
 * and no write of it is under way.  Clears the zero bit.  ZC_OK;
 * ZC_IO_ERROR: the slot's content is undefined; ZC_NO_MEMORY: nothing was
 * written. */
zc_status zc_pageio_write_device(struct zc_pageio *pageio, zc_swp slot,
                                 const void *page);

/*
 * Stores stuck folios into the zcache again, whatever its limit says, and so
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
    return pageio->zcache->entries.checksums;
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

#endif
