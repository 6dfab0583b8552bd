/* SPDX-License-Identifier: MIT */
/*
 * swapoff.c - every page of a device home.
 *
 * cache/swap.c stops the device and goes through its slots; for each that is in
 * use it hands us the folio, locked and read.  We go through all page tables
 * and map the folio wherever its slot is named.  What is not found then is in
 * the hand of a thread: a fork has taken a count and not set its entry, or an
 * exit has cleared the entry and not dropped its count yet.  Swapoff sleeps
 * until that thread is done, and walks again.
 *
 * No wake-up is lost.  Swapoff says that it may sleep, then walks, then reads
 * the count; the other thread drops the count or sets the entry, then asks
 * whether swapoff sleeps.  Both do their middle part under one lock:
 *
 *     a drop    the cluster's: swapoff reads the count before it is dropped,
 *               and then the other sees what swapoff said; or after, and then
 *               the count is not there
 *     a fork    the table's of the child, likewise.  Swapoff finds that table:
 *               the fork made it before it took the count from the parent's
 *               entry, under the lock of the parent's table, which the walk
 *               takes before it comes to the child
 *
 * That is a walk for each slot, as the kernel's was until 5.1: a walk for all
 * slots would need all their folios at once.
 */
#include "vm/vm.h"

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
                             struct zc_vm_table *table, struct zc_folio *folio,
                             zc_swp slot)
{
    struct zc_vm_fault fault = {.space = space, .table = table};
    zc_status status = ZC_OK;

    for (; status == ZC_OK && find_slot(&fault, slot); fault.index++) {
        fault.page = table->first + fault.index;
        status = bring_home(&fault, folio);
    }
    return status;
}

static zc_status unuse_space(struct zc_vm_space *space, struct zc_folio *folio,
                             zc_swp slot)
{
    zc_status status = ZC_OK;
    struct zc_vm_table *table;

    for (table = zc_vm_tables(space);
         table != NULL && status == ZC_OK &&
         zc_slot_count(zc_slot_find(zc_vm_swap(space->vm), slot)) != 0;
         table = table->older)
        status = unuse_table(space, table, folio, slot);
    return status;
}

/* One walk. */
static zc_status unuse_all(struct zc_vm *vm, struct zc_folio *folio,
                           zc_swp slot)
{
    zc_status status = ZC_OK;
    struct zc_list *link;

    zc_mutex_lock(&vm->lock);
    for (link = vm->spaces.next; link != &vm->spaces && status == ZC_OK;
         link = link->next)
        status = unuse_space(ZC_CONTAINER(link, struct zc_vm_space, link),
                             folio, slot);
    zc_mutex_unlock(&vm->lock);
    return status;
}

/* zc_cache_unuse. */
static zc_status unuse(void *context, struct zc_folio *folio)
{
    struct zc_vm *vm = context;
    struct zc_swap *swap = zc_vm_swap(vm);
    const zc_swp slot = folio->swap;
    zc_status status;

    /* If it cannot be mapped, and not be written either, reclaim finds it. */
    zc_frame_age(vm, zc_frame_of(folio));
    for (;;) {
        zc_atomic_u32_store_relaxed(&vm->swapoff_waits, 1);
        status = unuse_all(vm, folio, slot);
        if (status != ZC_OK || zc_slot_count(zc_slot_find(swap, slot)) == 0)
            break;
        zc_park_while(&swap->parking, &vm->swapoff_waits, 1);
    }
    zc_atomic_u32_store_relaxed(&vm->swapoff_waits, 0);
    return status;
}

void zc_vm_wake_swapoff(struct zc_vm *vm)
{
    if (zc_atomic_u32_load_relaxed(&vm->swapoff_waits) == 0)
        return;
    zc_atomic_u32_store_relaxed(&vm->swapoff_waits, 0);
    zc_unpark_all(&zc_vm_swap(vm)->parking, &vm->swapoff_waits);
}

void zc_vm_drop_count(struct zc_vm *vm, zc_swp slot)
{
    zc_slot_drop(zc_vm_swap(vm), slot);
    zc_vm_wake_swapoff(vm);
}

zc_status zc_vm_swap_off(struct zc_vm *vm, unsigned type)
{
    if (vm == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&vm->cache->process))
        return ZC_UNSUPPORTED;
    return zc_cache_swap_off(vm->cache, type, unuse, vm);
}
