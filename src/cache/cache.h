/* SPDX-License-Identifier: MIT */
/*
 * cache.h - a cache as its users see it: compressed memory and perhaps devices.
 *
 *   cache/cache.c    create, destroy, settings
 *   cache/slot.c     store, load, take, invalidate: with a device the slot is
 *                    pinned from look-up to return; without one references
 *                    are the lifetime rule and nothing is pinned
 *   cache/reclaim.c  owners, shrinking, writeback by age
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
    struct zc_process_mark process; /* which made it */
    struct zc_zswap zswap;
    struct zc_swap swap;
    struct zc_pageio pageio;
    struct zc_shrinker shrinker;
};

/*
 * Swapoff, for the fault side too: `unuse` gets each cached folio of the device
 * that still has a count, locked and up to date, and is to bring the count to
 * zero and leave it locked.  NULL: only if no slot is in use.  See
 * zc_swap_off() for what is returned; also ZC_INVALID: the device is not a
 * managed one.
 */
typedef zc_status (*zc_cache_unuse)(void *context, struct zc_folio *folio);
zc_status zc_cache_swap_off(struct zc_cache *cache, unsigned type,
                            zc_cache_unuse unuse, void *context);

/* Refuses a call of a child after fork(), in the reason of its options. */
#define ZC_CACHE_REFUSE_CHILD(options)                                         \
    ZC_REFUSE((options), ZC_UNSUPPORTED,                                       \
              "the cache is another process's, whose child this is")

/* --- among the files of cache ---------------------------------------- */

/* zc_swap.last_put. */
void zc_cache_last_put(void *context, zc_swp slot);

/* Turns off every device with whatever is on it.  Nobody else uses the cache,
 * and no write is under way. */
void zc_cache_drop_devices(struct zc_cache *cache);

#endif
