/* SPDX-License-Identifier: MIT */
/*
 * vm.h - simulated virtual memory over a cache: address spaces, page tables,
 * faults, reclaim.
 *
 * A machine (struct zc_vm) has a bounded number of page frames, and a cache of
 * its own that takes all its frames from them; it swaps to the managed devices
 * (swap.h) of that cache.  Address spaces have private anonymous pages,
 * numbered from 0.  Threads read and write pages by zc_vm_read() and
 * zc_vm_write(), and fault as processors do; the loser of a race tries again.
 *
 * Guarantees, which the tests and the lab check by number:
 *   V1  a read returns what was last written to that page of that space, or,
 *       of writes that overlap it in time, one of them whole;
 *   V2  a page never written reads as zeros; after a fork both sides see what
 *       was there, and then each its own writes;
 *   V3  reclaim, swapping, merging, swapoff and failures of devices that only
 *       fail writes are not visible in V1 and V2.
 *
 * Thread-safety: any thread, any time, but zc_vm_space_destroy() is the last
 * call on its space, and zc_vm_destroy() on the machine.  Blocking: all of them
 * may reclaim, and so wait for devices.
 *
 * Ownership: bytes are copied before a call returns.  A space belongs to the
 * caller that made it, the cache to the machine.
 *
 * Fork: in a child process the machines of its parent can only be destroyed,
 * with spaces or without, whatever threads of the parent did at the fork; that
 * destroys the cache as zcache.h says it of a child, unmaps the frames and
 * takes no lock.  zc_vm_space_destroy() does nothing there, zc_vm_cache() gives
 * the cache, and every other call is ZC_UNSUPPORTED.
 */
#ifndef ZCACHE_VM_H
#define ZCACHE_VM_H

#include <zcache/options.h>
#include <zcache/swap.h>
#include <zcache/types.h>
#include <zcache/zcache.h>

ZC_BEGIN_DECLS

struct zc_vm;
struct zc_vm_space;

/* --- a machine and its spaces ---------------------------------------- */

struct zc_vm_options {
    size_t struct_size;   /* sizeof(struct zc_vm_options) */
    uint64_t frame_count; /* page frames, 16 to 2^32; 0 means 16384 */
    unsigned swap_in;     /* enum zc_swap_in_policy */
    /* 1: a thread reclaims when frames run low (kswapd); 0: a thread that needs
     * a frame reclaims. */
    unsigned background_reclaim;

    /* Why a call failed: see types.h.  NULL: not wanted. */
    char *reason;
    size_t reason_size;
};

/* How a fault reads a page from a synchronous device (swap.h) when the swap
 * count is one; other devices always go through the swap cache. */
enum zc_swap_in_policy {
    ZC_SWAP_IN_DEFAULT = 0, /* bypass */
    /* Through the swap cache, always: kernels from 6.19 on.  Costs each fault
     * an insertion into the swap cache and a removal. */
    ZC_SWAP_IN_CACHED = 1,
    /* Past it, the slot pinned and the load not exclusive: 6.9 to 6.18.  Costs
     * least; until the page is mapped it is there twice. */
    ZC_SWAP_IN_BYPASS = 2,
    /* Past it, the load exclusive, and the page stored again if the page table
     * has changed: what was proposed in 2024 and not taken.  Costs a second
     * compression then, and a second fault for each write, since the page is
     * mapped read-only.  The page is lost where neither memory nor the device
     * takes it again. */
    ZC_SWAP_IN_STORE_AGAIN = 3,
    /* Through it if compressed memory has the page, which is looked up with
     * the slot pinned, else past it: what was proposed first, in an RFC of
     * March 2024, and not taken.  Costs each fault a look-up, and one that
     * finds the page what CACHED costs, after a frame and a pin in vain. */
    ZC_SWAP_IN_CACHED_IF_STORED = 4
};

#define ZC_VM_OPTIONS(...) ZC_OPTIONS(zc_vm_options, __VA_ARGS__)

/*
 * Makes a machine: its frames, then a cache over them, made as
 * zc_cache_create() makes one.  NULL options, of either kind, mean all
 * defaults.  The caller ends it with zc_vm_destroy().
 *
 * ZC_OK; what zc_cache_create() returns, with its reason in `cache_options`;
 * of `options`, and with the reason there: ZC_INVALID: a field is out of its
 * range; ZC_UNSUPPORTED: a newer struct with unknown fields set; ZC_NO_MEMORY.
 * ZC_INVALID too: frames in `cache_options`, or no vm_out.
 */
ZC_API ZC_MUST_CHECK zc_status
zc_vm_create(const struct zc_cache_options *cache_options,
             const struct zc_vm_options *options, struct zc_vm **vm_out);

/*
 * The machine's cache, for devices, settings and counters.  The machine owns
 * it: do not destroy it.  NULL: `vm` is NULL.
 */
ZC_API struct zc_cache *zc_vm_cache(struct zc_vm *vm);

#define ZC_VM_PAGES_MAX (UINT64_C(1) << 36)

/*
 * Makes an address space of pages 0 to page_count - 1 (1 to ZC_VM_PAGES_MAX of
 * them), none of them mapped, whose frames are charged to `owner`.
 *
 * ZC_OK; ZC_INVALID: a number out of its range, or NULL; ZC_NO_MEMORY.
 */
ZC_API ZC_MUST_CHECK zc_status
zc_vm_space_create(struct zc_vm *vm, unsigned owner, uint64_t page_count,
                   struct zc_vm_space **space_out);

#define ZC_VM_LOCKED 1u /* mlock(2): reclaim leaves the pages alone */

/*
 * Maps `count` pages from `first` on that are not mapped; those that are stay
 * as they are.
 *
 * ZC_OK; ZC_INVALID: the range leaves the space, or unknown flags;
 * ZC_NO_MEMORY: nothing of this call is left.  Follows mmap(2).
 */
ZC_API ZC_MUST_CHECK zc_status zc_vm_map(struct zc_vm_space *space,
                                         uint64_t first, uint64_t count,
                                         unsigned flags);

/* The most costly thing that an access had to do. */
enum zc_fault_kind {
    ZC_FAULT_NONE,        /* the page was there */
    ZC_FAULT_ZERO,        /* first touch */
    ZC_FAULT_REUSE,       /* write to a page that no other space has any more */
    ZC_FAULT_COPY,        /* write to a shared page, or a merged one */
    ZC_FAULT_CACHED,      /* found in the swap cache */
    ZC_FAULT_SWAPIN_ZERO, /* all zeros by its zero bit */
    ZC_FAULT_POOL,        /* decompressed */
    ZC_FAULT_DEVICE,      /* read from a device */
    ZC_FAULT_KINDS
};

/*
 * Reads or writes `size` bytes at `offset` of a page, in one step: no thread
 * sees half of a write.  kind_out may be NULL.
 *
 * ZC_OK; ZC_INVALID: not mapped (SIGSEGV), or the bytes leave the page;
 * ZC_IO_ERROR, ZC_CORRUPT: the page cannot be brought back (SIGBUS), and stays
 * where it is; ZC_NO_MEMORY: 16 rounds of reclaim, as in the kernel, got no
 * frame for it.  With any of these bytes_out and kind_out are untouched.
 * Follows handle_pte_fault().
 */
ZC_API ZC_MUST_CHECK zc_status zc_vm_read(struct zc_vm_space *space,
                                          uint64_t page, size_t offset,
                                          void *bytes_out, size_t size,
                                          enum zc_fault_kind *kind_out);
ZC_API ZC_MUST_CHECK zc_status zc_vm_write(struct zc_vm_space *space,
                                           uint64_t page, size_t offset,
                                           const void *bytes, size_t size,
                                           enum zc_fault_kind *kind_out);

/* The same with no bytes: the page is present, and writable if `is_write`, at
 * some moment of the call. */
ZC_API ZC_MUST_CHECK zc_status zc_vm_touch(struct zc_vm_space *space,
                                           uint64_t page, bool is_write,
                                           enum zc_fault_kind *kind_out);

/*
 * What a read of the page would be now: old news when other threads use the
 * machine.  Nothing moves, and the page gets no younger.
 *
 * ZC_OK; ZC_INVALID: the page is not mapped, or NULL.  Follows mincore(2).
 */
ZC_API ZC_MUST_CHECK zc_status zc_vm_where(struct zc_vm_space *space,
                                           uint64_t page,
                                           enum zc_fault_kind *kind_out);

/* Unmaps all pages and ends the space, as exit(2).  NULL is allowed. */
ZC_API void zc_vm_space_destroy(struct zc_vm_space *space);

/* Ends a machine and its cache, with everything in them.  The caller has ended
 * every space, and no other call of either may run.  NULL is allowed. */
ZC_API void zc_vm_destroy(struct zc_vm *vm);

/* ======================================================================
 * The rest: fork, merging, reclaim, swapoff, counters.
 * ====================================================================== */

/* The name of a kind, "pool"; a static text, never NULL. */
ZC_API const char *zc_fault_kind_name(enum zc_fault_kind kind);

/*
 * Makes a copy of a space, both sharing their pages until one writes.  The
 * parent may be used meanwhile; each page is as it was at some moment of the
 * call.  The caller owns the child.
 *
 * ZC_OK; ZC_NO_MEMORY, ZC_REJECTED (2^24 swap entries name one slot): there is
 * no child; ZC_INVALID: NULL.  Follows fork(2).
 */
ZC_API ZC_MUST_CHECK zc_status zc_vm_fork(struct zc_vm_space *space,
                                          struct zc_vm_space **child_out);

/* Unmaps `count` pages from `first` on; their contents are gone.  ZC_OK;
 * ZC_INVALID: the range leaves the space.  Follows munmap(2). */
ZC_API zc_status zc_vm_unmap(struct zc_vm_space *space, uint64_t first,
                             uint64_t count);

/*
 * Merges two present pages of equal content into one frame, which a write
 * breaks apart again.
 *
 * ZC_OK: one frame now, or it was before; ZC_MISSING: they differ, or one is
 * not present; ZC_BUSY: one is being used; ZC_INVALID: no such page.  Follows
 * KSM's try_to_merge_two_pages().
 */
ZC_API zc_status zc_vm_merge(struct zc_vm_space *space, uint64_t page,
                             struct zc_vm_space *other, uint64_t other_page);

/*
 * Frees up to `goal` frames by swapping out pages, coldest first, of one owner
 * or of all (ZC_OWNER_COUNT).  freed_out (may be NULL) gets how many, with
 * those whose writes are still under way, with ZC_OK and with ZC_AGAIN.
 *
 * ZC_OK; ZC_AGAIN: they are fewer than the goal; ZC_INVALID: no such owner.
 * Follows shrink_folio_list().
 */
ZC_API zc_status zc_vm_reclaim(struct zc_vm *vm, unsigned owner, uint64_t goal,
                               uint64_t *freed_out);

/* Sets the most frames of an owner's pages; 0 means no limit.  ZC_OK;
 * ZC_INVALID: no such owner.  Follows a write to memory.max. */
ZC_API zc_status zc_vm_set_owner_limit(struct zc_vm *vm, unsigned owner,
                                       uint64_t frames);

/*
 * Brings the pages on a managed device back into frames, and turns it off; any
 * other device is turned off by zc_swap_off().
 *
 * ZC_OK; ZC_INVALID: no such device, or it is not managed; else as
 * zc_swap_off(), and ZC_NO_MEMORY also where a page would bring its owner over
 * the limit.  Follows swapoff(2).
 */
ZC_API ZC_MUST_CHECK zc_status zc_vm_swap_off(struct zc_vm *vm, unsigned type);

/* Independent numbers; when nothing runs they agree with each other. */
struct zc_vm_stats {
    size_t struct_size;
    uint64_t frame_count;
    uint64_t frames_free;
    uint64_t spaces;
    /* ---- since the machine was made */
    uint64_t faults[ZC_FAULT_KINDS]; /* NONE: accesses without a fault */
    /* faults that lost a race, or were made to, and were tried again */
    uint64_t fault_retries;
    uint64_t pin_waits;   /* of them: slept for another thread's bare pin */
    uint64_t swapped_out; /* pages unmapped and written out */
    uint64_t reclaim_scanned;
    uint64_t reclaim_freed;
    uint64_t direct_reclaims; /* by threads that needed a frame */
    uint64_t pages_merged;
    uint64_t pages_forked; /* page table entries copied */
    uint64_t ksm_copies;   /* swap-ins that had to copy a merged page */
    /* pages read for nothing: the entry had changed */
    uint64_t installs_failed;
};

/* Fills stats_out up to its struct_size, which the caller sets.  ZC_OK;
 * ZC_INVALID: NULL, or struct_size is not set. */
ZC_API zc_status zc_vm_get_stats(struct zc_vm *vm,
                                 struct zc_vm_stats *stats_out);

/*
 * For tests, when nothing else runs: checks that page tables, swap counts, swap
 * cache, entries and frames agree.  Waits for the writes under way, and holds
 * the reclaimer in the background meanwhile.
 *
 * ZC_OK; ZC_CORRUPT: they do not agree, and text_out (may be NULL when capacity
 * is 0) says what, cut to capacity; ZC_INVALID; ZC_NO_MEMORY.
 */
ZC_API zc_status zc_vm_check(struct zc_vm *vm, char *text_out, size_t capacity);

ZC_END_DECLS

#endif
