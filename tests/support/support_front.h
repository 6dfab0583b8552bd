/* SPDX-License-Identifier: MIT */
/*
 * support_front.h - the cache that a test is about, with or without a device,
 * and its pages.
 *
 * There is one at a time.  TEST_OF_CACHE() begins with the default cache,
 * TEST_OF_DEVICE() with one that has a device; the end checks that its pool
 * and its device have everything back.  The names are short, because each line
 * of such a test has one.
 *
 * Main thread only.
 */
#ifndef ZC_TESTS_SUPPORT_FRONT_H
#define ZC_TESTS_SUPPORT_FRONT_H

#include <zcache/swap.h>

#include "support_bump.h"
#include "support_cache.h"
#include "support_device.h"

#define TEST_OF_CACHE(name) TEST_WITH(name, begin_cache, end_cache)
#define TEST_OF_DEVICE(name) TEST_WITH(name, begin_device, end_cache)

int begin_cache(void **state);
int begin_device(void **state);
int end_cache(void **state);

extern struct zc_cache *cache;
extern unsigned swap_type;                /* of its device */
extern struct support_device disk;        /* if it has one */
extern struct support_bump_control spied; /* of its pool, if it is spied on */

/* Ends the cache, and makes another one in its place.  A pool does as `spied`
 * says from the beginning.  NULL options: the defaults, also of the device. */
void end(void);
void renew(const struct zc_cache_options *options);
void renew_over(enum support_over over);
void renew_device(const struct zc_cache_options *options,
                  const struct zc_swap_options *swap_options);

/* That of TEST_OF_DEVICE(), of so many slots: a pool that refuses on request,
 * so that no place is left for a page whose write failed. */
#define DEVICE_SLOTS 2000
void renew_device_with(unsigned io_workers);

/* ---- its pages ---- */

zc_swp at(uint64_t offset); /* a slot of the device, or of type 0 */

zc_status try_store(uint64_t offset, enum support_kind kind, uint64_t seed);
zc_status try_store_for(unsigned owner, uint64_t offset, enum support_kind kind,
                        uint64_t seed);
zc_status try_load(uint64_t offset);
zc_status try_take(uint64_t offset);

void store(uint64_t offset, enum support_kind kind, uint64_t seed);
void store_for(unsigned owner, uint64_t first, uint64_t count);
void expect(uint64_t offset, enum support_kind kind, uint64_t seed);
void expect_missing(uint64_t offset);
void expect_taken(uint64_t offset, enum support_kind kind, uint64_t seed);
void forget(uint64_t offset);

/* Pages of text, each of its offset: stored, and found. */
void store_pages(uint64_t first, uint64_t count);
void expect_pages(uint64_t first, uint64_t count);

#define cache_stat(field) support_cache_stat(cache, field)
struct zc_cache_accounting accounting(void);
#define accounted(field) (accounting().field)
struct zc_swap_stats device_stats(void);
#define device_stat(field) (device_stats().field)

/* ---- where they are ---- */

enum place {
    IN_MEMORY, /* compressed */
    ON_DEVICE,
    UNDER_WRITEBACK, /* until let_writes_end(); needs a worker */
    STUCK,           /* its write failed; needs the pool of TEST_OF_DEVICE() */
    PLACE_COUNT
};

/* Stores a page of text and moves it there; ON_DEVICE moves all others too. */
void put(uint64_t offset, uint64_t seed, enum place place);

void write_all_back(void); /* to the device, and waits for that */
unsigned count_on_device(uint64_t first, uint64_t count);

/* The waiting writes succeed: now; or a little later, while a call waits. */
void let_writes_end(void);
void let_writes_end_soon(void);

#endif
