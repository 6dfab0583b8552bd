/* SPDX-License-Identifier: MIT */
/*
 * support_front.h - a cache with a device that a test holds in its hand, and
 * pages put where the test wants them.
 *
 * Main thread only.
 */
#ifndef ZC_TESTS_SUPPORT_FRONT_H
#define ZC_TESTS_SUPPORT_FRONT_H

#include <zcache/swap.h>

#include "support_bump.h"
#include "support_cache.h"
#include "support_device.h"

/* Where a page is. */
enum support_place {
    SUPPORT_IN_MEMORY, /* compressed */
    SUPPORT_ON_DEVICE,
    SUPPORT_UNDER_WRITEBACK, /* until it settles; needs a worker */
    SUPPORT_STUCK,           /* its write failed; needs SUPPORT_FRONT_OPTIONS */
    SUPPORT_PLACE_COUNT
};

struct support_front {
    struct support_device device;
    struct support_bump_control pool; /* where that is the pool */
    struct zc_cache *cache;
    unsigned type;
    pthread_t settler;
    bool settles;
};

/* A pool that can be told to refuse, so that a page whose write failed has
 * nowhere to go; pages without an object do not go to the device. */
#define SUPPORT_FRONT_OPTIONS                                                  \
    ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .pool_ops = &support_bump_pool)

/* NULL options are the defaults, of the swap's too but for the device. */
void support_front_begin(struct support_front *swap,
                         const struct zc_cache_options *cache_options,
                         const struct zc_swap_options *swap_options);
/* Settles, and ends all of it. */
void support_front_end(struct support_front *swap);

/* Stores a page by this name and has it where it is wanted; with ON_DEVICE,
 * every other page of the cache goes there too. */
void support_front_put(struct support_front *swap, zc_swp slot,
                       enum support_kind kind, uint64_t seed,
                       enum support_place place);

/* Every page to the device, written before this returns. */
void support_front_write_back(struct support_front *swap);

/* Lets writes go on, to their success, and waits for them. */
void support_front_settle(struct support_front *swap);
/* The same by another thread, a little later: for what has to wait for it. */
void support_front_settle_soon(struct support_front *swap);

struct zc_swap_stats support_front_stats(const struct support_front *swap);
#define support_front_stat(swap, field) (support_front_stats(swap).field)

#endif
