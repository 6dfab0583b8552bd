/* SPDX-License-Identifier: MIT */
/*
 * support_rig.h - compressed memory, slots, page I/O and a shrinker around one
 * device that a test can stop and make fail; used by slot, as the cache uses
 * them.
 *
 * Type 0 has the device, and the caller chooses the slots.  Functions that
 * assert are for the main thread: rig_init(), rig_end(), rig_set(),
 * rig_expect*(), rig_check*().  Any thread may call the others.
 */
#ifndef ZC_TESTS_SUPPORT_RIG_H
#define ZC_TESTS_SUPPORT_RIG_H

#include <pthread.h>

#include "support_cache.h"
#include "support_claim.h"
#include "swap.h"
#include "zswap.h"

#define RIG_SLOTS 8192

struct rig;

struct rig_options {
    struct zc_cache_options cache; /* page_size and slot_count are the rig's */
    unsigned io_workers;
    bool has_no_make_room; /* a store at the limit is refused */
};

/* The device: pages in memory. */
struct rig_device {
    struct rig *rig;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *pages;             /* [own slot's pin] */
    bool written[RIG_SLOTS]; /* [lock] */
    unsigned writes;         /* [lock] that ended, successful or not */
    unsigned reads;          /* [lock] */
    unsigned failing_writes; /* [lock] so many more fail; UINT_MAX: all */
    unsigned failing_reads;  /* [lock] */
    bool is_held;            /* [lock] writes wait, except the maker's */
    unsigned waiting;        /* [lock] writes that wait now */
    unsigned permits;        /* [lock] how many of them may go on */
    pthread_t maker;         /* the thread that made the rig */
    pthread_t writer;        /* [lock] of the last write */
    zc_swp last;             /* [lock] its slot */
    unsigned strange;        /* [lock] reads of slots never written */
    /* Called in the middle of each write, or NULL. */
    void (*on_write)(void *context, zc_swp slot);
    void *context;
};

struct rig {
    struct zc_zswap zswap;
    struct zc_swap swap;
    struct zc_pageio pageio;
    struct zc_shrinker shrinker;
    struct rig_device device;
    size_t page_size;
    zc_atomic_u32 folios; /* live ones */
};

/* The cache of most tests: 4 KiB pages, "halves", an LRU of entries. */
struct rig_options rig_defaults(void);

void rig_init(struct rig *rig, const struct rig_options *options);

/* Empties every slot, and fails unless nothing is left. */
void rig_end(struct rig *rig);

/* Turns the device on again, after zc_swap_device_end(). */
void rig_device_on(struct rig *rig, unsigned io_workers);

/* ---- slots, as the cache uses them ---- */

static inline zc_swp rig_slot(uint64_t offset)
{
    return zc_swp_make(0, offset);
}

/* ZC_OK: the page is stored, in memory or on the device. */
zc_status rig_store(struct rig *rig, zc_swp slot, const void *page,
                    unsigned owner);
/* ZC_OK; ZC_MISSING; ZC_CORRUPT; ZC_IO_ERROR. */
zc_status rig_read(struct rig *rig, zc_swp slot, void *page_out);
/* Reads and forgets; the same statuses. */
zc_status rig_take(struct rig *rig, zc_swp slot, void *page_out);
void rig_forget(struct rig *rig, zc_swp slot);

/* Stores the page of `kind` made from the slot's offset; expects to read it. */
void rig_set(struct rig *rig, uint64_t offset, enum support_kind kind);
void rig_set_for(struct rig *rig, uint64_t offset, enum support_kind kind,
                 unsigned owner);
void rig_expect(struct rig *rig, uint64_t offset, enum support_kind kind);

/* ---- where a page is ---- */

bool rig_has_entry(struct rig *rig, uint64_t offset);
bool rig_has_written(struct rig *rig, uint64_t offset);
/* The cached folio with a reference (zc_swapcache_put()), or NULL. */
struct zc_folio *rig_folio(struct rig *rig, uint64_t offset);
bool rig_is_cached(struct rig *rig, uint64_t offset);

/* The token of the entry at a slot, by its index or by its handle. */
struct zc_zswap_token rig_token(struct rig *rig, uint64_t offset,
                                bool by_handle);
/* Writes back the entry of a slot. */
zc_status rig_write_back(struct rig *rig, uint64_t offset);

uint64_t rig_stat(const struct rig *rig, enum zc_stat stat);
uint64_t rig_stuck(const struct rig *rig);
/* Bytes of objects charged to an owner. */
uint64_t rig_charged(const struct rig *rig, unsigned owner);

/*
 * Writes back a page and lets the write fail while the folio is locked: the
 * folio is stuck.  Returns it with a reference, locked.  The rig needs an I/O
 * worker.
 */
struct zc_folio *rig_make_stuck(struct rig *rig, uint64_t offset);

/* ---- the device ---- */

extern const struct zc_backing_ops rig_device_ops; /* its user is the rig */

/* From now on writes wait, except those of the thread that made the rig;
 * rig_let_go() ends this. */
void rig_hold(struct rig *rig);
void rig_let_go(struct rig *rig);
/* Lets one write go on: one that waits, or the next. */
void rig_let_one_go(struct rig *rig);
/* Returns when so many writes wait. */
void rig_wait_for_waiting(struct rig *rig, unsigned count);
/* Returns when no request is under way. */
void rig_settle(struct rig *rig);
/* So many of the next calls fail; UINT_MAX: all, 0: none. */
void rig_fail_writes(struct rig *rig, unsigned count);
void rig_fail_reads(struct rig *rig, unsigned count);
unsigned rig_writes(struct rig *rig);

/* ---- another thread, for one call ---- */

struct rig_thread {
    pthread_t thread;
    void (*run)(void *context);
    void *context;
    zc_atomic_u32 is_done;
};

void rig_thread_start(struct rig_thread *thread, void (*run)(void *context),
                      void *context);
/* Does the thread still run some time later? */
bool rig_thread_waits(struct rig_thread *thread);
void rig_thread_join(struct rig_thread *thread);

#endif
