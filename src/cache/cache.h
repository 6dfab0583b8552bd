/* SPDX-License-Identifier: MIT */
/*
 * cache.h - a cache as its users see it: compressed memory and perhaps devices.
 *
 *   cache/cache.c    create, destroy, settings
 *   cache/slot.c     store, load, take, invalidate: with a device the call pins
 *                    the slot from look-up to return; without one references
 *                    are the lifetime rule and nothing is pinned
 *   cache/reclaim.c  owners, shrinking, writeback by age
 *   cache/recompress.c
 *                    compressing cold pages again
 *   cache/swap.c     swapon and swapoff
 *   cache/stats.c    counters, and where the memory goes
 */
#ifndef ZC_CACHE_CACHE_H
#define ZC_CACHE_CACHE_H

#include <zcache/swap.h>
#include <zcache/zcache.h>

#include "platform/process.h"
#include "swap.h"
#include "zswap.h"

struct zc_cache {
    struct zc_process_mark process; /* that made the cache */
    struct zc_zswap zswap;
    struct zc_swap swap;
    struct zc_pageio pageio;
    struct zc_shrinker shrinker;
};

/*
 * Swapoff.  For each slot of the device with a count, `unuse` gets the cached
 * folio, locked and up to date; it brings the count to zero and leaves the
 * folio locked.  NULL: swapoff succeeds only if no slot is in use.  Returns as
 * zc_swap_off(); also ZC_INVALID: `unuse` is not for this kind of device,
 * managed or not.
 */
typedef zc_status (*zc_cache_unuse)(void *context, struct zc_folio *folio);
zc_status zc_cache_swap_off(struct zc_cache *cache, unsigned type,
                            zc_cache_unuse unuse, void *context);

/* Refuses a call in a child after fork(); the reason goes into the options. */
#define ZC_CACHE_REFUSE_CHILD(options)                                         \
    ZC_REFUSE((options), ZC_UNSUPPORTED,                                       \
              "the cache is another process's, whose child this is")

/* --- among the files of cache ---------------------------------------- */

/* Checks the fields of these names, of the options of a call on cold pages;
 * `reason` gets why it is ZC_INVALID. */
zc_status zc_cache_check_cold(unsigned min_age_seconds, unsigned one_owner,
                              unsigned owner, char *reason, size_t reason_size);

/* zc_swap.last_put. */
void zc_cache_last_put(void *context, zc_swp slot);

/* Turns off every device and drops its pages.  No other thread uses the cache,
 * and no write is under way. */
void zc_cache_drop_devices(struct zc_cache *cache);

#endif
