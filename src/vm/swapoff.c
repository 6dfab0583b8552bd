/* SPDX-License-Identifier: MIT */
/*
 * swapoff.c - swaps in every page of a device.
 *
 * cache/swap.c stops the device and goes through its slots; for each slot in
 * use it calls us with the folio, locked and read.  We walk all page tables and
 * map the folio at each entry that names its slot.  A count without an entry
 * belongs to a thread at that moment: a fork has taken a count and not yet set
 * its entry, or an exit has cleared the entry and not yet dropped its count.
 * Swapoff sleeps until that thread is done, and walks again.
 *
 * No wake-up is lost; otherwise swapoff would sleep for ever.  Swapoff sets
 * swapoff_waits, then walks, then reads the count.  The other thread drops the
 * count or sets the entry, then reads swapoff_waits.  Both do their middle step
 * under one lock:
 *
 *     a drop    the cluster's lock.  If swapoff reads the count before the
 *               drop, the other thread sees swapoff_waits set; if after,
 *               swapoff sees that the count is gone
 *     a fork    the lock of the child's table, likewise.  Swapoff finds that
 *               table: the fork made it before it took the count from the
 *               parent's entry, under the lock of the parent's table, which
 *               the walk takes before it comes to the child
 *
 * There is one walk for each slot, as in the kernel until 5.1: a walk for all
 * slots would need all their folios at once.
 */
#include "vm/vm.h"

/* Maps the folio at one entry, if the entry still names its slot. */
static zc_status map_folio_at(struct zc_vm_fault *fault, struct zc_folio *folio)
{
    struct zc_vm *vm = fault->space->vm;
    struct zc_vm_frame *frame = zc_vm_frame_for(fault, folio);
    const unsigned owner = fault->space->owner;
    bool has_room;

    if (frame == NULL)
        return ZC_NO_MEMORY;
    has_room = frame->owner == owner ||
               zc_frame_make_room(vm, owner, ZC_FRAME_NO_WAIT);
    if (has_room)
        zc_frame_charge(vm, frame, owner);
    if (has_room && zc_vm_install(fault, frame, 0, false))
        zc_slot_drop(zc_vm_swap(vm), zc_pte_slot(fault->pte));
    else
        zc_folio_put(zc_vm_swap(vm), &frame->folio);
    return has_room ? ZC_OK : ZC_NO_MEMORY;
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
        status = map_folio_at(&fault, folio);
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

/* One walk over all page tables. */
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
static zc_status unuse_folio(void *context, struct zc_folio *folio)
{
    struct zc_vm *vm = context;
    struct zc_swap *swap = zc_vm_swap(vm);
    const zc_swp slot = folio->swap;
    zc_status status;

    /* If it can be neither mapped nor written, reclaim finds it on the list. */
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
    return zc_cache_swap_off(vm->cache, type, unuse_folio, vm);
}
