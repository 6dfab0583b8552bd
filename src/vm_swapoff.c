/* SPDX-License-Identifier: MIT */
/*
 * vm_swapoff.c - every page of a device home.
 *
 * The front stops the device and goes through its slots; for each that is in
 * use it hands us the folio, locked and read.  We go through all page tables
 * and map the folio wherever its slot is named.  What is not found then is on
 * its way: a fork has taken a count and not set its entry, or an exit has
 * cleared the entry and not dropped its count yet; so we look again until the
 * count is zero.
 *
 * That is a walk for each slot, as the kernel's was until 5.1: a walk for all
 * slots would need all their folios at once.
 */
#include "vm_internal.h"

/* Maps the folio at one place, if that still names its slot. */
static zc_status bring_home(struct zc_vm_fault *fault, struct zc_folio *folio)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_vm_frame *frame = zc_vm_frame_for(fault, folio);
    const unsigned owner = fault->space->owner;
    zc_status status = ZC_NO_MEMORY;

    if (frame == NULL)
        return ZC_NO_MEMORY;
    if (frame->owner == owner ||
        zc_frame_make_room(vm, owner, ZC_FRAME_NO_WAIT)) {
        zc_frame_charge(vm, frame, owner);
        if (zc_vm_install(fault, frame, 0)) {
            zc_frame_age(vm, frame);
            zc_slot_drop(zc_vm_swap(vm), zc_pte_slot(fault->pte));
        }
        status = ZC_OK;
    }
    zc_folio_put(zc_vm_swap(vm), &frame->folio);
    return status;
}

/* The first entry at or after fault->index that names the slot; false: none. */
static bool find_slot(struct zc_vm_fault *fault, zc_swp slot)
{
    struct zc_vm_table *table = fault->table;
    bool found = false;
    zc_pte pte;

    zc_spinlock_lock(&table->lock);
    while (!found && fault->index < ZC_TABLE_ENTRIES) {
        pte = table->entries[fault->index];
        found = (pte & ZC_PTE_SWAP) != 0 &&
                zc_pte_slot(pte).value == slot.value;
        if (found)
            fault->pte = pte;
        else
            fault->index++;
    }
    zc_spinlock_unlock(&table->lock);
    return found;
}

static zc_status unuse_table(struct zc_vm_space *space,
                             struct zc_vm_table *table, uint64_t first,
                             struct zc_folio *folio, zc_swp slot)
{
    struct zc_vm_fault fault = {.space = space, .table = table};
    zc_status status = ZC_OK;

    for (; status == ZC_OK && find_slot(&fault, slot); fault.index++) {
        fault.page = first + fault.index;
        status = bring_home(&fault, folio);
    }
    return status;
}

static zc_status unuse_space(struct zc_vm_space *space, struct zc_folio *folio,
                             zc_swp slot)
{
    const uint64_t table_count = space->table_count;
    zc_status status = ZC_OK;
    struct zc_vm_table *table;
    uint64_t i;

    for (i = 0; i < table_count && status == ZC_OK &&
                zc_slot_count(zc_vm_swap(space->vm), slot) != 0;
         i++) {
        table = zc_vm_table_find(space, i << ZC_TABLE_SHIFT);
        if (table != NULL)
            status =
                unuse_table(space, table, i << ZC_TABLE_SHIFT, folio, slot);
    }
    return status;
}

/* zc_front_unuse. */
static zc_status unuse(void *context, struct zc_folio *folio)
{
    struct zc_vm *vm = context;
    const zc_swp slot = folio->swap;
    zc_status status = ZC_OK;
    struct zc_list *link;

    /* If it cannot be mapped, and not be written either, reclaim finds it. */
    zc_frame_age(vm, zc_frame_of(folio));
    while (status == ZC_OK && zc_slot_count(zc_vm_swap(vm), slot) != 0) {
        zc_mutex_lock(&vm->lock);
        for (link = vm->spaces.next; link != &vm->spaces && status == ZC_OK;
             link = link->next)
            status = unuse_space(ZC_CONTAINER(link, struct zc_vm_space, link),
                                 folio, slot);
        zc_mutex_unlock(&vm->lock);
        if (status == ZC_OK && zc_slot_count(zc_vm_swap(vm), slot) != 0)
            zc_cpu_relax();
    }
    return status;
}

zc_status zc_vm_swap_off(struct zc_vm *vm, unsigned type)
{
    if (vm == NULL)
        return ZC_INVALID;
    return zc_front_swap_off(vm->cache, type, unuse, vm);
}
