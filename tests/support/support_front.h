/* SPDX-License-Identifier: MIT */
/*
 * support_front.h - a cache with a device under control of a test, and pages in
 * the place that the test chooses.
 *
 * Main thread only.
 */
#ifndef ZC_TESTS_SUPPORT_FRONT_H
#define ZC_TESTS_SUPPORT_FRONT_H

#include <zcache/swap.h>

#include "support_bump.h"
#include "support_cache.h"
#include "support_device.h"

/* The place of a page. */
enum support_place {
    SUPPORT_IN_MEMORY, /* compressed */
    SUPPORT_ON_DEVICE,
    SUPPORT_UNDER_WRITEBACK, /* until support_front_settle(); needs a worker */
    SUPPORT_STUCK,           /* its write failed; needs SUPPORT_FRONT_OPTIONS */
    SUPPORT_PLACE_COUNT
};

struct support_front {
    struct support_device device;
    struct support_bump_control pool; /* of the pool, if it is a bump pool */
    struct zc_cache *cache;
    unsigned type;
    pthread_t settler;
    bool settles;
};

/* A pool that refuses on request, so that no place is left for a page whose
 * write failed.  Pages without an object never go to the device. */
#define SUPPORT_FRONT_OPTIONS                                                  \
    ZC_CACHE_OPTIONS(.lru_mode = ZC_LRU_ENTRY, .pool_ops = &support_bump_pool)

/* NULL options: the defaults, also of the swap except for its device. */
void support_front_begin(struct support_front *swap,
                         const struct zc_cache_options *cache_options,
                         const struct zc_swap_options *swap_options);
/* Waits for all writes, and ends everything. */
void support_front_end(struct support_front *swap);

/* Stores a page in a slot and moves it to the wanted place; ON_DEVICE moves
 * every other page of the cache to the device too. */
void support_front_put(struct support_front *swap, zc_swp slot,
                       enum support_kind kind, uint64_t seed,
                       enum support_place place);

/* Writes every page to the device before it returns. */
void support_front_write_back(struct support_front *swap);

/* Lets the waiting writes succeed, and waits for them. */
void support_front_settle(struct support_front *swap);
/* The same from another thread, a little later, while a call waits. */
void support_front_settle_soon(struct support_front *swap);

struct zc_swap_stats support_front_stats(const struct support_front *swap);
#define support_front_stat(swap, field) (support_front_stats(swap).field)

#endif
