/* SPDX-License-Identifier: MIT */
/*
 * ksm.c - two pages of equal content become one frame.
 *
 * The merging thread and a thread that writes to one of the pages: first the
 * merging thread makes both entries read-only, each under its table's lock, and
 * takes a reference to both frames.  From then on a write faults, and copies
 * the frame because the frame has another reference (vm/fault.c).  So pages
 * that compare equal stay equal until the second entry points to the first
 * frame.  That entry is changed under its table's lock, and only if no write
 * has changed it meanwhile: otherwise that write would be lost.
 *
 * Two merging threads: each needs the folio locks of both frames, and two folio
 * locks have no order.  If each held one and waited for the other, neither
 * would go on.  So a merging thread only tries both locks, and gives up if one
 * is held.
 */
#include <string.h>

#include "vm/vm.h"

/* Write-protects a present page.  Returns its frame with a reference; *pte_out
 * gets the entry as it is now.  NULL: not present. */
static struct zc_vm_frame *protect_page(struct zc_vm *vm,
                                        struct zc_vm_table *table,
                                        unsigned index, zc_pte *pte_out)
{
    struct zc_vm_frame *frame = NULL;
    zc_pte *entry = &table->entries[index];

    zc_spinlock_lock(&table->lock);
    if ((*entry & ZC_PTE_PRESENT) != 0) {
        *entry &= ~(zc_pte)ZC_PTE_WRITE;
        frame = zc_pte_frame(vm, *entry);
        zc_folio_get(&frame->folio);
    }
    *pte_out = *entry;
    zc_spinlock_unlock(&table->lock);
    return frame;
}

/* Whether two locked frames can be one. */
static zc_status compare_frames(const struct zc_vm *vm,
                                const struct zc_vm_frame *frame,
                                const struct zc_vm_frame *other)
{
    if (zc_folio_has(&frame->folio, ZC_FOLIO_SWAPCACHE) ||
        zc_folio_has(&other->folio, ZC_FOLIO_SWAPCACHE))
        return ZC_BUSY;
    if (memcmp(frame->folio.data, other->folio.data, vm->page_size) != 0)
        return ZC_MISSING;
    return ZC_OK;
}

/* Points the entry of `fault` at the frame. */
static zc_status merge_into(struct zc_vm_fault *fault,
                            struct zc_vm_frame *frame)
{
    struct zc_vm *vm = fault->space->vm;

    zc_folio_get(&frame->folio); /* the mapping's */
    if (!zc_vm_install(fault, frame, ZC_PTE_ACCESSED | ZC_PTE_DIRTY, false)) {
        zc_folio_put(zc_vm_swap(vm), &frame->folio);
        return ZC_BUSY;
    }
    zc_vm_count(vm, ZC_VM_PAGES_MERGED);
    zc_vm_drop_pte(vm, fault->pte);
    return ZC_OK;
}

static zc_status merge_frames(struct zc_vm_fault *fault,
                              struct zc_vm_frame *frame,
                              struct zc_vm_frame *other)
{
    struct zc_swap *swap = zc_vm_swap(fault->space->vm);
    zc_status status = ZC_BUSY;

    if (!zc_folio_trylock(&frame->folio))
        return ZC_BUSY;
    if (zc_folio_trylock(&other->folio)) {
        status = compare_frames(fault->space->vm, frame, other);
        zc_folio_unlock(swap, &other->folio);
    }
    if (status == ZC_OK)
        status = merge_into(fault, frame);
    zc_folio_unlock(swap, &frame->folio);
    return status;
}

zc_status zc_vm_merge(struct zc_vm_space *space, uint64_t page,
                      struct zc_vm_space *other, uint64_t other_page)
{
    struct zc_vm_fault fault = {.space = other, .page = other_page};
    struct zc_vm_frame *other_frame;
    struct zc_vm_table *table;
    struct zc_vm_frame *frame;
    zc_status status;
    struct zc_vm *vm;
    zc_pte pte;

    if (space == NULL || other == NULL || space->vm != other->vm ||
        page >= space->page_count || other_page >= other->page_count)
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    vm = space->vm;
    fault.index = zc_vm_index(other_page);
    fault.table = zc_vm_table_find(other, other_page);
    table = zc_vm_table_find(space, page);
    if (table == NULL || fault.table == NULL)
        return ZC_MISSING;
    frame = protect_page(vm, table, zc_vm_index(page), &pte);
    if (frame == NULL)
        return ZC_MISSING;
    other_frame = protect_page(vm, fault.table, fault.index, &fault.pte);
    if (other_frame == NULL)
        status = ZC_MISSING;
    else
        status = frame == other_frame
                     ? ZC_OK
                     : merge_frames(&fault, frame, other_frame);
    if (other_frame != NULL)
        zc_folio_put(zc_vm_swap(vm), &other_frame->folio);
    zc_folio_put(zc_vm_swap(vm), &frame->folio);
    return status;
}
