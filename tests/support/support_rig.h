/* SPDX-License-Identifier: MIT */
/*
 * support_rig.h - compressed memory, slots, page I/O and a shrinker around one
 * device under control of the test; used by slot, as the cache uses them.
 *
 * There is one rig in a process.  Type 0 has the device, and the caller chooses
 * the slots.  Functions that assert are for the main thread: rig_begin(),
 * rig_end(), rig_set*(), rig_expect*(), rig_fill(), rig_get(), rig_pin_all(),
 * rig_make_stuck().  Any thread may call the others.
 */
#ifndef ZC_TESTS_SUPPORT_RIG_H
#define ZC_TESTS_SUPPORT_RIG_H

#include <pthread.h>

#include "support_cache.h"
#include "support_call.h"
#include "support_claim.h"
#include "support_device.h"
#include "swap.h"
#include "zswap.h"

#define RIG_SLOTS 8192

/* Of the cache the rig sets struct_size, slot_count and context_count; the
 * default compressor is "halves", and the default LRU one of entries. */
struct rig_options {
    struct zc_cache_options cache;
    unsigned io_workers;
    bool has_no_make_room; /* a store at the limit is refused */
};

struct rig {
    struct zc_zswap zswap;
    struct zc_swap swap;
    struct zc_pageio pageio;
    struct zc_shrinker shrinker;
    struct support_device device;
    size_t page_size;
    zc_atomic_u32 folios; /* live ones */
    struct rig_seen {
        unsigned calls;
        bool is_cached; /* up to date, under writeback, neither locked nor
                         * dirty */
        bool has_entry;
        uint32_t users; /* of the device */
    } seen;             /* rig_look() */
};

extern struct rig rig;

/*
 * RIG_TEST(what_holds, .io_workers = 1, ...) { ... }: a test with a rig of
 * these options, which is made before it and ended after it.
 */
#define RIG_TEST(name, ...)                                                    \
    TEST_BETWEEN(name, rig_begin(&(const struct rig_options){__VA_ARGS__}),    \
                 rig_end())

void rig_begin(const struct rig_options *options);

/* Empties every slot, and fails unless nothing is left. */
void rig_end(void);

/* Turns the device on again, after zc_swap_device_end(). */
void rig_device_on(unsigned io_workers);

/* ---- slots, as the cache uses them ---- */

static inline zc_swp rig_slot(uint64_t offset)
{
    return zc_swp_make(0, offset);
}

static inline struct zc_slot_ref rig_at(uint64_t offset)
{
    return zc_slot_find(&rig.swap, rig_slot(offset));
}

/* ZC_OK: the page is stored, in memory or on the device. */
zc_status rig_store(uint64_t offset, const void *page, unsigned owner);
/* ZC_OK; ZC_MISSING; ZC_CORRUPT; ZC_IO_ERROR. */
zc_status rig_read(uint64_t offset, void *page_out);
/* Reads and forgets; the same statuses. */
zc_status rig_take(uint64_t offset, void *page_out);
void rig_forget(uint64_t offset);

/* Stores the page of `kind` made from the slot's offset; expects to read it. */
void rig_set(uint64_t offset, enum support_kind kind);
void rig_set_for(uint64_t offset, enum support_kind kind, unsigned owner);
void rig_expect(uint64_t offset, enum support_kind kind);
/* The same of `count` slots with SUPPORT_HALVES. */
void rig_fill(unsigned first, unsigned count, unsigned owner);
void rig_expect_all(unsigned count);

/* A bare pin of each of the first `count` slots. */
void rig_pin_all(unsigned count);
void rig_unpin_all(unsigned count);

/* ---- where a page is ---- */

bool rig_has_entry(uint64_t offset);
/* Of the `count` slots from the first. */
unsigned rig_entries(unsigned first, unsigned count);
bool rig_has_written(uint64_t offset);
/* The cached folio with a reference (rig_put()), or NULL. */
struct zc_folio *rig_folio(uint64_t offset);
bool rig_is_cached(uint64_t offset);
/* The same, locked, and made if it is not there. */
struct zc_folio *rig_get(uint64_t offset);
void rig_put(uint64_t offset, struct zc_folio *folio);
void rig_unlock(uint64_t offset, struct zc_folio *folio); /* and put */

/* The token of the entry at a slot, by its index or by its handle. */
struct zc_zswap_token rig_token(uint64_t offset, bool by_handle);
/* Writes back the entry of a slot. */
zc_status rig_write_back(uint64_t offset);

uint64_t rig_stat(enum zc_stat stat);
uint64_t rig_stuck(void);
uint64_t rig_pool_pages(void);
/* Bytes of objects charged to an owner. */
uint64_t rig_charged(unsigned owner);
/* This owner's pages never go to the device. */
void rig_forbid(unsigned owner);

/* The word of writes under way. */
static inline uint32_t rig_writes_under_way(void)
{
    return zc_atomic_u32_load_acquire(&rig.pageio.writes);
}

/* As on_write of the device: notes in rig.seen what a write finds. */
void rig_look(uint64_t slot);
/* Users of the device now. */
uint32_t rig_users(void);

/* Returns when no request is under way. */
void rig_settle(void);

/*
 * Stores a page, writes it back, and lets the write fail while the folio is
 * locked: the folio is stuck.  Returns it with a reference, locked.  The rig
 * needs an I/O worker.
 */
struct zc_folio *rig_make_stuck(uint64_t offset);

#endif
