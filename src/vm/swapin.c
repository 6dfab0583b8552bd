/* SPDX-License-Identifier: MIT */
/*
 * swapin.c - a fault on a swap entry.
 *
 * An unchanged page table entry proves that its page is still the same only
 * while its slot cannot be given to another page.  So on both paths the slot is
 * pinned from before the page is read until the entry is set.
 *
 * Through the swap cache:
 *
 *     folio of the slot, locked and rechecked (zc_swapcache_get)
 *     read it unless it is up to date
 *     copy it, if it is a merged page of another place
 *     table lock: entry unchanged?  set it
 *     drop the swap count; perhaps give up the slot
 *     unlock, last
 *
 * A second thread finds the folio and waits for its lock
 * (SWAPCACHE_LOCKED_UNTIL_PTE_SET).  If the read failed, the second thread
 * finds the folio not up to date and reads it again.  Only a folio that is up
 * to date is copied (UPTODATE_BEFORE_COPY): the copy is marked up to date, so
 * what a failed read left would pass for a page.
 *
 * Past the swap cache, if the device is synchronous and the slot's count is 1:
 *
 *     a frame of our own, before the pin: to get one may shrink, down to this
 *     very slot (SHRINK_SKIPS_CALLERS_SLOT)
 *     bare pin (SYNC_SWAPIN_PINS_SLOT); the loser waits and faults again
 *     read into the frame; what is stored stays as it is
 *     table lock: entry unchanged?  set it
 *     drop the swap count, end the pin: now what was stored goes
 *
 * If the entry has changed, or the page cannot be mapped, the frame is freed,
 * and the copy behind the slot stays.
 *
 * Two policies of 2024 that were not taken begin as this path does
 * (zcache/vm.h): one goes back, through the swap cache, if zswap has the page;
 * one takes the page out of zswap and stores it again if it is not mapped.
 */
#include <string.h>

#include "base/inject.h"
#include "rules.h"
#include "vm/vm.h"

static void raise_kind(struct zc_vm_fault *fault, enum zc_page_source source)
{
    static const enum zc_fault_kind kinds[] = {
        [ZC_SOURCE_CACHED] = ZC_FAULT_CACHED,
        [ZC_SOURCE_ZERO] = ZC_FAULT_SWAPIN_ZERO,
        [ZC_SOURCE_POOL] = ZC_FAULT_POOL,
        [ZC_SOURCE_DEVICE] = ZC_FAULT_DEVICE,
    };

    if (fault->kind < kinds[source])
        fault->kind = kinds[source];
}

/* Maps the frame if the entry is unchanged; `is_new`: no other thread can reach
 * it yet.  False: it has changed, or a failure was injected. */
static bool install_frame(struct zc_vm_fault *fault, struct zc_vm_frame *frame,
                          zc_pte bits, bool is_new)
{
    struct zc_vm *vm = fault->space->vm;
    bool is_installed;

    if (zc_inject(ZC_INJECT_INSTALL)) {
        zc_vm_count(vm, ZC_VM_INSTALLS_FAILED);
        return false;
    }
    zc_frame_charge(vm, frame, fault->space->owner);
    is_installed = zc_vm_install(fault, frame, bits | ZC_PTE_ACCESSED, is_new);
    if (!is_installed)
        zc_vm_count(vm, ZC_VM_INSTALLS_FAILED);
    return is_installed;
}

/* --- past the swap cache --------------------------------------------- */

/* The frame has the only copy of a page that was taken out of zswap
 * (ZC_SWAP_IN_STORE_AGAIN): it is stored again. */
static void store_again(struct zc_vm_fault *fault, struct zc_slot_ref slot,
                        struct zc_folio *folio)
{
    struct zc_vm *vm = fault->space->vm;

    if (zc_zswap_store(&vm->cache->zswap, slot.name, folio->data,
                       fault->space->owner, true) != ZC_OK)
        (void)zc_pageio_write_device(&vm->cache->pageio, slot, folio->data);
}

/* The slot is pinned, so that no thread stores the page or writes it back
 * meanwhile. */
static bool belongs_in_cache(const struct zc_vm *vm, struct zc_slot_ref slot)
{
    return vm->swap_in == ZC_SWAP_IN_CACHED_IF_STORED &&
           zc_zswap_has(&vm->cache->zswap, slot.name);
}

/* The slot is pinned.  ZC_OK: the page is mapped, and the caller drops its
 * count; ZC_REJECTED: it has to go through the swap cache. */
static zc_status read_and_map(struct zc_vm_fault *fault,
                              struct zc_slot_ref slot, bool is_zero,
                              struct zc_vm_frame *frame)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_folio *folio = &frame->folio;
    enum zc_page_source source;
    bool is_taken;
    zc_status status;

    if (belongs_in_cache(vm, slot))
        return ZC_REJECTED;
    status = zc_pageio_read_pinned(&vm->cache->pageio, folio, slot, is_zero,
                                   &source);
    if (status != ZC_OK)
        return status;
    status = ZC_AGAIN;
    is_taken = vm->swap_in == ZC_SWAP_IN_STORE_AGAIN &&
               source == ZC_SOURCE_POOL;
    if (is_taken)
        (void)zc_zswap_invalidate(&vm->cache->zswap, slot.name);
    zc_folio_set(folio, ZC_FOLIO_DIRTY); /* it will have no slot */
    /* A page that may have to be stored again is mapped read-only: no thread
     * writes to it before. */
    zc_folio_get(folio); /* the mapping's: ours keeps the lock */
    if (install_frame(fault, frame, is_taken ? 0 : ZC_PTE_WRITE, true)) {
        raise_kind(fault, source);
        /* After a fork meanwhile the child has the slot too. */
        is_taken = is_taken && zc_slot_count(slot) > 1;
        status = ZC_OK;
    } else {
        zc_folio_put(zc_vm_swap(vm), folio);
    }
    if (is_taken)
        store_again(fault, slot, folio);
    return status;
}

/* Ends the pin, in one step with the count of a page that is mapped. */
static void end_pin(struct zc_vm *vm, struct zc_slot_ref slot, bool is_mapped)
{
    struct zc_swap *swap = zc_vm_swap(vm);

    if (is_mapped && ZC_RULE(SYNC_SWAPIN_PINS_SLOT)) {
        zc_slot_unpin_and_drop(swap, slot);
        zc_vm_wake_swapoff(vm);
    } else if (is_mapped) {
        zc_vm_drop_count(vm, slot.name);
    } else if (ZC_RULE(SYNC_SWAPIN_PINS_SLOT)) {
        zc_slot_unpin(swap, slot);
    }
}

static zc_status swap_in_past_cache(struct zc_vm_fault *fault,
                                    struct zc_slot_ref slot)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_vm_frame *frame;
    zc_status status = ZC_OK;
    bool is_zero;

    /* Before the pin, because it may shrink, down to this very slot. */
    frame = ZC_RULE(SHRINK_SKIPS_CALLERS_SLOT)
                ? zc_frame_alloc(vm, fault->space->owner, ZC_FRAME_MAY_WAIT)
                : ZC_BROKEN(frame_under_pin(fault, slot));
    if (frame == NULL)
        return ZC_NO_MEMORY;
    zc_folio_lock_new(&frame->folio);
    /* Before the look-up, and until the entry is set. */
    if (ZC_RULE(SYNC_SWAPIN_PINS_SLOT))
        status = zc_slot_pin(swap, slot, &is_zero);
    else
        is_zero = zc_slot_is_zero(slot);
    if (status == ZC_OK) {
        status = read_and_map(fault, slot, is_zero, frame);
        end_pin(vm, slot, status == ZC_OK);
    } else {
        if (status == ZC_BUSY) {
            zc_vm_count(vm, ZC_VM_PIN_WAITS);
            zc_slot_wait(swap, slot);
        }
        status = ZC_AGAIN;
    }
    zc_folio_unlock(swap, &frame->folio);
    zc_folio_put(swap, &frame->folio);
    return status;
}

/* --- through the swap cache ------------------------------------------ */

/* Whether a mapped folio gives up its slot: as should_try_to_free_swap(). */
static bool wants_slot_back(const struct zc_vm_fault *fault,
                            const struct zc_swap_device *device, bool is_owned)
{
    return device->synchronous ||
           zc_counter_read(&device->used) * 2 > device->slot_count ||
           (fault->pte & ZC_PTE_LOCKED) != 0 || (fault->is_write && is_owned);
}

struct zc_vm_frame *zc_vm_frame_for(struct zc_vm_fault *fault,
                                    struct zc_folio *folio)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_vm_frame *frame = zc_frame_of(folio);

    if (!zc_rmap_needs_copy(frame, fault->space, fault->page)) {
        zc_folio_get(folio);
        return frame;
    }
    frame = zc_frame_alloc(vm, fault->space->owner, ZC_FRAME_NO_WAIT);
    if (frame == NULL)
        return NULL;
    memcpy(frame->folio.data, folio->data, vm->page_size);
    zc_folio_set(&frame->folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY);
    zc_vm_count(vm, ZC_VM_KSM_COPIES);
    return frame;
}

/* The folio is locked, in the swap cache, and up to date. */
static zc_status map_cached(struct zc_vm_fault *fault, struct zc_slot_ref slot,
                            struct zc_swap_device *device,
                            struct zc_folio *folio, enum zc_page_source source)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_vm_frame *frame = zc_vm_frame_for(fault, folio);
    bool is_copy;

    if (frame == NULL)
        return ZC_NO_MEMORY;
    is_copy = &frame->folio != folio;
    /* A shared frame is mapped read-only, and a write faults once more: by then
     * the slot may be given up, and the frame be ours alone. */
    if (!install_frame(fault, frame, is_copy ? ZC_PTE_WRITE : 0, is_copy)) {
        zc_folio_put(zc_vm_swap(vm), &frame->folio);
        return ZC_AGAIN;
    }
    raise_kind(fault, source);
    zc_vm_drop_count(vm, slot.name);
    if ((!is_copy || ZC_RULE(SWAPCACHE_LOCKED_UNTIL_PTE_SET)) &&
        wants_slot_back(fault, device, zc_slot_count(slot) == 0))
        (void)zc_frame_try_free_slot(vm, folio);
    return ZC_OK;
}

/* Reads a locked folio of the swap cache, unless it is up to date. */
static zc_status fill_folio(struct zc_vm_fault *fault, struct zc_slot_ref slot,
                            struct zc_folio *folio,
                            enum zc_page_source *source_out)
{
    struct zc_vm *vm = fault->space->vm;
    zc_status status;

    *source_out = ZC_SOURCE_CACHED;
    if (zc_folio_has(folio, ZC_FOLIO_UPTODATE))
        return ZC_OK;
    /* It is read for this page.  If that fails, it leaves the cache with its
     * last user; a thread that waits for its lock reads it again. */
    zc_rmap_set_home(zc_frame_of(folio), fault->space, fault->page);
    status = zc_pageio_read(&vm->cache->pageio, folio, slot, source_out);
    if (status == ZC_OK)
        zc_frame_age(vm, zc_frame_of(folio));
    return status;
}

static zc_status swap_in_cached(struct zc_vm_fault *fault,
                                struct zc_slot_ref slot,
                                struct zc_swap_device *device)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_swap *swap = zc_vm_swap(vm);
    enum zc_page_source source;
    struct zc_folio *folio;
    bool is_created;
    bool needs_copy;
    zc_status status;

    /* The frame that the swap cache makes is charged to the owner when it is
     * mapped. */
    if (!zc_frame_make_room(vm, fault->space->owner, ZC_FRAME_MAY_WAIT))
        return ZC_NO_MEMORY;
    status = zc_swapcache_get(swap, slot, &folio, &is_created);
    if (status == ZC_MISSING)
        return ZC_AGAIN; /* the slot is free, so the entry has changed */
    if (status != ZC_OK)
        return status;
    status = fill_folio(fault, slot, folio, &source);
    needs_copy =
        zc_rmap_needs_copy(zc_frame_of(folio), fault->space, fault->page);
    if (needs_copy && !ZC_RULE(SWAPCACHE_LOCKED_UNTIL_PTE_SET))
        zc_folio_unlock(swap, folio);
    if (status == ZC_OK || (needs_copy && !ZC_RULE(UPTODATE_BEFORE_COPY)))
        status = map_cached(fault, slot, device, folio, source);
    if (!needs_copy || ZC_RULE(SWAPCACHE_LOCKED_UNTIL_PTE_SET))
        zc_folio_unlock(swap, folio);
    zc_swapcache_put(swap, slot.name, folio);
    return status;
}

zc_status zc_vm_swap_in(struct zc_vm_fault *fault)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_swap *swap = zc_vm_swap(vm);
    const zc_swp name = zc_pte_slot(fault->pte);
    struct zc_swap_device *device = zc_swap_device_get(swap, name);
    struct zc_slot_ref slot;
    zc_status status = ZC_REJECTED;

    if (device == NULL) /* swapoff has ended, so the entry has changed */
        return ZC_AGAIN;
    slot = zc_slot_find(swap, name);
    if (device->synchronous && vm->swap_in != ZC_SWAP_IN_CACHED &&
        zc_slot_is_single(slot))
        status = swap_in_past_cache(fault, slot);
    if (status == ZC_REJECTED)
        status = swap_in_cached(fault, slot, device);
    zc_swap_device_put(swap, device);
    return status;
}
