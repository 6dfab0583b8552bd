/* SPDX-License-Identifier: MIT */
/*
 * swap.h - swap devices: where a cache writes cold pages back to.
 *
 * A device has a type, the upper part of its swap entries, and slots.  Without
 * a device the slots of a type are names only, and a page that does not fit is
 * refused.  With one, cold pages go to their slot on it, and zc_cache_load(),
 * zc_cache_take() and zc_cache_invalidate() find them there.
 *
 * The simple way is zc_cache_options.backing_path, which turns on type 0.
 *
 * Thread-safety: any thread, any time, except as zc_swap_on() says.  Blocking:
 * these wait for the device.  Fork: in a child they are ZC_UNSUPPORTED for a
 * cache of its parent (zcache.h).
 */
#ifndef ZCACHE_SWAP_H
#define ZCACHE_SWAP_H

#include <zcache/backing.h>
#include <zcache/options.h>
#include <zcache/types.h>

ZC_BEGIN_DECLS

struct zc_cache; /* zcache.h */

struct zc_swap_options {
    size_t struct_size; /* sizeof(struct zc_swap_options) */

    /* The device behind (backing.h); NULL means &zc_backing_memory. */
    const struct zc_backing_ops *backing_ops;
    void *backing_user; /* handed to backing_ops->open */

    /* Slots of the device, 1 to the cache's slot_count; 0: all of these. */
    uint64_t slot_count;

    /* Threads that do the I/O, up to 64; 0: the threads that ask for it. */
    unsigned io_workers;

    /* 1: fast enough that a fault (vm.h) reads it itself, past the swap cache
     * (the kernel's SWP_SYNCHRONOUS_IO). */
    unsigned synchronous;

    /* 1: the library gives the slots to pages of address spaces (vm.h), at most
     * ZC_MANAGED_SLOTS_MAX; 0: the caller of zc_cache_store() names them. */
    unsigned managed;
    unsigned slot_order; /* enum zc_slot_order, where managed */

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;
};

#define ZC_MANAGED_SLOTS_MAX (UINT64_C(1) << 32)

/* Which free slot of a managed device is given next: races depend on it. */
enum zc_slot_order {
    ZC_SLOT_ORDER_DEFAULT = 0,    /* round robin */
    ZC_SLOT_ORDER_LOWEST = 1,     /* the lowest offset */
    ZC_SLOT_ORDER_LAST_FREED = 2, /* the one freed last, else the lowest */
    ZC_SLOT_ORDER_ROUND_ROBIN = 3 /* the next above the last one given */
};

#define ZC_SWAP_OPTIONS(...) ZC_OPTIONS(zc_swap_options, __VA_ARGS__)

/*
 * Turns on a device, under the lowest type that has none and under which
 * nothing is stored; type_out gets the type.  NULL options mean all defaults.
 *
 * While it runs, no call for slots of that type may run: such a call could find
 * no device and yet meet pages that were stored with one.
 *
 * ZC_OK; ZC_INVALID: a field is out of its range; ZC_UNSUPPORTED: a newer
 * struct, or the device says so; ZC_REJECTED: all ZC_SWP_TYPE_COUNT types are
 * in use; ZC_BUSY: another zc_swap_on() or zc_swap_off() is under way;
 * ZC_NO_MEMORY; ZC_IO_ERROR: the device cannot be opened.  Follows swapon(2).
 */
ZC_API ZC_MUST_CHECK zc_status zc_swap_on(struct zc_cache *cache,
                                          const struct zc_swap_options *options,
                                          unsigned *type_out);

/*
 * Called by zc_swap_off() with each page that is still stored, on the calling
 * thread.  The bytes, page_size of them, are valid until it returns.  ZC_OK: it
 * has the page now, and the slot is free.  Any other status: the page stays,
 * and zc_swap_off() ends with that status.
 *
 * It may call the cache, but not for `slot`, which is pinned meanwhile.
 */
typedef zc_status (*zc_swap_unuse)(void *context, zc_swp slot,
                                   const void *page);

/*
 * Turns a device off: no new pages go there, every page of its slots is read
 * back and handed to `unuse`, all users are waited for, and the type is free.
 * NULL `unuse`: only if no slot is in use.
 *
 * On any error the device is in use again, `unuse` keeps the pages that it took
 * and nothing is lost.
 *
 * ZC_OK; ZC_INVALID: no such device, or a managed one with an `unuse`; ZC_BUSY:
 * another zc_swap_on() or zc_swap_off() is under way, or slots are in use and
 * `unuse` is NULL; ZC_IO_ERROR, ZC_CORRUPT: a page cannot be read;
 * ZC_NO_MEMORY; what `unuse` returned.  Follows swapoff(2).
 */
ZC_API ZC_MUST_CHECK zc_status zc_swap_off(struct zc_cache *cache,
                                           unsigned type, zc_swap_unuse unuse,
                                           void *context);

struct zc_swap_stats {
    size_t struct_size;
    uint64_t slot_count;
    uint64_t slots_used;
    uint64_t cached_folios; /* pages of it in the swap cache now */
    uint64_t stuck_folios;  /* of them: their write failed, kept in memory */
    /* What a file takes on its file system now, which ls does not show of one
     * without a name; 0: the device does not say (backing.h). */
    uint64_t disk_bytes;
    /* ---- since it was turned on */
    uint64_t pages_written; /* writes that succeeded */
    uint64_t pages_read;
    uint64_t write_errors;
    uint64_t read_errors;
};

/*
 * Fills stats_out up to its struct_size, which the caller sets.  The numbers
 * are read one after another and are no snapshot.
 *
 * ZC_OK; ZC_INVALID: no such device, NULL, or struct_size is not set.
 */
ZC_API zc_status zc_swap_get_stats(struct zc_cache *cache, unsigned type,
                                   struct zc_swap_stats *stats_out);

ZC_END_DECLS

#endif
