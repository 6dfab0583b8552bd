/* SPDX-License-Identifier: MIT */
/*
 * fault.c - faults without swap: the first touch, and a write to a page that
 * others share.
 *
 * Every fault ends alike: under the table's lock the entry is compared with
 * what it was when the access failed, and changed only if it is the same.
 * Otherwise the fault would undo what another thread did to the entry
 * meanwhile.
 *
 * A page is shared while another user can reach its frame: another mapping, the
 * swap cache with a slot that has a count, or a thread that copies it.  Each of
 * these holds a reference, and would see a write to the frame.  So a frame that
 * is not in the swap cache, and has no reference but the mapping's and that of
 * this fault, may be written.  The faulting thread counts the references under
 * the table's lock, and a thread that forks takes its reference under the same
 * lock, so no fork comes between the count and the change of the entry.
 */
#include <string.h>

#include "vm/vm.h"

static void raise_kind(struct zc_vm_fault *fault, enum zc_fault_kind kind)
{
    if (fault->kind < kind)
        fault->kind = kind;
}

bool zc_vm_install(struct zc_vm_fault *fault, struct zc_vm_frame *frame,
                   zc_pte bits, bool is_new)
{
    struct zc_vm *vm = fault->space->vm;
    zc_pte *entry = &fault->table->entries[fault->index];
    struct zc_vm_place place = {fault->table, fault->index};

    zc_spinlock_lock(&fault->table->lock);
    if (!zc_pte_same(*entry, fault->pte)) {
        zc_spinlock_unlock(&fault->table->lock);
        return false;
    }
    if ((fault->pte & ZC_PTE_PRESENT) != 0)
        zc_rmap_remove(vm, zc_pte_frame(vm, fault->pte), place);
    *entry = zc_pte_of_frame(vm, frame) | bits | (fault->pte & ZC_PTE_KEPT);
    if (is_new)
        zc_rmap_begin(frame, place);
    else
        zc_rmap_add(vm, frame, place);
    fault->is_done = fault->access != NULL &&
                     zc_vm_access_now(fault->access, entry);
    zc_frame_age(vm, frame);
    zc_spinlock_unlock(&fault->table->lock);
    return true;
}

/* Maps a frame that no other thread can reach yet. */
static zc_status map_new(struct zc_vm_fault *fault, struct zc_vm_frame *frame,
                         enum zc_fault_kind kind)
{
    zc_folio_set(&frame->folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY);
    if (!zc_vm_install(fault, frame, ZC_PTE_WRITE | ZC_PTE_ACCESSED, true)) {
        zc_folio_put(zc_vm_swap(fault->space->vm), &frame->folio);
        return ZC_AGAIN;
    }
    raise_kind(fault, kind);
    return ZC_OK;
}

/* The page was never written: maps a frame of zeros. */
static zc_status first_touch(struct zc_vm_fault *fault)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_vm_frame *frame =
        zc_frame_alloc(vm, fault->space->owner, ZC_FRAME_MAY_WAIT);

    if (frame == NULL)
        return ZC_NO_MEMORY;
    memset(frame->folio.data, 0, vm->page_size);
    return map_new(fault, frame, ZC_FAULT_ZERO);
}

/* Takes a reference to the frame of a present entry, if it is unchanged. */
static struct zc_vm_frame *hold_frame(struct zc_vm_fault *fault)
{
    struct zc_vm_frame *frame = NULL;

    zc_spinlock_lock(&fault->table->lock);
    if (zc_pte_same(fault->table->entries[fault->index], fault->pte)) {
        frame = zc_pte_frame(fault->space->vm, fault->pte);
        zc_folio_get(&frame->folio);
    }
    zc_spinlock_unlock(&fault->table->lock);
    return frame;
}

/*
 * Makes the entry writable if no other user has the frame, which is locked.
 * The references are counted under the table's lock, under which a fork takes
 * its own.
 */
static bool try_reuse(struct zc_vm_fault *fault, struct zc_vm_frame *frame)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_vm_place place = {fault->table, fault->index};
    zc_pte *entry = &fault->table->entries[fault->index];
    bool is_ours;

    if (zc_folio_has(&frame->folio, ZC_FOLIO_SWAPCACHE) &&
        !zc_frame_try_free_slot(vm, &frame->folio))
        return false;
    zc_spinlock_lock(&fault->table->lock);
    /* Pairs with the release in zc_folio_put() of the last other user. */
    is_ours = zc_pte_same(*entry, fault->pte) &&
              zc_atomic_u32_load_acquire(&frame->folio.references) == 2;
    if (is_ours) {
        *entry |= ZC_PTE_WRITE;
        zc_rmap_reset_home(frame, place);
    }
    zc_spinlock_unlock(&fault->table->lock);
    return is_ours;
}

/* Gives the page a frame of its own. */
static zc_status copy_frame(struct zc_vm_fault *fault, struct zc_vm_frame *old)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_vm_frame *frame =
        zc_frame_alloc(vm, fault->space->owner, ZC_FRAME_MAY_WAIT);
    zc_status status;

    if (frame == NULL)
        return ZC_NO_MEMORY;
    /* No thread writes to the old frame while we hold a reference. */
    memcpy(frame->folio.data, old->folio.data, vm->page_size);
    status = map_new(fault, frame, ZC_FAULT_COPY);
    if (status == ZC_OK)
        zc_vm_drop_pte(vm, fault->pte); /* the old mapping's reference */
    return status;
}

static zc_status write_to_shared(struct zc_vm_fault *fault)
{
    struct zc_swap *swap = zc_vm_swap(fault->space->vm);
    struct zc_vm_frame *frame = hold_frame(fault);
    zc_status status = ZC_OK;
    bool reused = false;

    if (frame == NULL)
        return ZC_AGAIN;
    if (zc_folio_trylock(&frame->folio)) {
        reused = try_reuse(fault, frame);
        zc_folio_unlock(swap, &frame->folio);
    }
    if (reused)
        raise_kind(fault, ZC_FAULT_REUSE);
    else
        status = copy_frame(fault, frame);
    zc_folio_put(swap, &frame->folio);
    return status;
}

zc_status zc_vm_handle_fault(struct zc_vm_fault *fault)
{
    if ((fault->pte & ZC_PTE_SWAP) != 0)
        return zc_vm_swap_in(fault);
    if ((fault->pte & ZC_PTE_PRESENT) != 0)
        return write_to_shared(fault);
    return first_touch(fault);
}
