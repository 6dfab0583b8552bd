/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a copy of an address space that shares its pages.
 *
 * For each entry: under the lock of the parent's table the page becomes
 * read-only and gets a reference, or the slot gets a count; then, under the
 * lock of the child's table, the child's entry is set.  No thread runs in the
 * child yet.
 *
 * The forking thread and a thread of the parent: between the two locks the
 * second may swap out or unmap the parent's page, or fault to write to it.  The
 * child gets the page as it was at the first lock, not a newer one and not a
 * frame or slot of another page.  A slot keeps its page while it has a count.
 * A frame that has the child's reference is not written: before a thread
 * writes to a shared frame it counts the frame's references, under the
 * table's lock, and if there are more than two, its own and its mapping's, it
 * writes to a copy (vm/fault.c).
 */
#include "vm/vm.h"

/*
 * Takes a reference or a count for the child.  *pte_out gets the child's entry;
 * 0: the page is not mapped.  ZC_AGAIN: no room for the count; ZC_REJECTED: the
 * count is ZC_COUNT_MAX.
 */
static zc_status share_entry(struct zc_vm *vm, struct zc_vm_table *table,
                             unsigned index, zc_pte *pte_out)
{
    zc_pte *entry = &table->entries[index];
    zc_status status = ZC_OK;

    zc_spinlock_lock(&table->lock);
    if ((*entry & ZC_PTE_PRESENT) != 0) {
        *entry &= ~(zc_pte)ZC_PTE_WRITE;
        zc_folio_get(&zc_pte_frame(vm, *entry)->folio);
    } else if ((*entry & ZC_PTE_SWAP) != 0) {
        status = zc_slot_dup_atomic(zc_vm_swap(vm), zc_pte_slot(*entry));
    }
    *pte_out = *entry & ~(zc_pte)ZC_PTE_LOCKED; /* not inherited */
    zc_spinlock_unlock(&table->lock);
    return status;
}

static zc_status copy_entry(struct zc_vm_table *from, struct zc_vm_table *to,
                            struct zc_vm *vm, unsigned index)
{
    struct zc_vm_place place = {to, index};
    zc_status status;
    zc_pte pte;

    status = share_entry(vm, from, index, &pte);
    while (status == ZC_AGAIN) {
        status = zc_slot_reserve_counts(zc_vm_swap(vm), zc_pte_slot(pte));
        if (status == ZC_OK || status == ZC_MISSING)
            status = share_entry(vm, from, index, &pte);
    }
    if (status != ZC_OK || pte == 0)
        return status;
    zc_vm_count(vm, ZC_VM_PAGES_FORKED);
    zc_spinlock_lock(&to->lock);
    to->entries[index] = pte;
    if ((pte & ZC_PTE_PRESENT) != 0) {
        /* The parent's entry may be gone, and its dirty bit with it. */
        to->entries[index] |= ZC_PTE_DIRTY;
        zc_rmap_add(vm, zc_pte_frame(vm, pte), place);
        zc_frame_age(vm, zc_pte_frame(vm, pte));
    }
    zc_spinlock_unlock(&to->lock);
    if ((pte & ZC_PTE_SWAP) != 0)
        zc_vm_wake_swapoff(vm);
    return ZC_OK;
}

static zc_status copy_table(struct zc_vm_table *from, struct zc_vm_space *child)
{
    struct zc_vm_table *to = zc_vm_table_make(child, from->first);
    const unsigned count = zc_vm_table_pages(child, from);
    zc_status status = ZC_OK;
    unsigned index;

    if (to == NULL)
        return ZC_NO_MEMORY;
    for (index = 0; index < count && status == ZC_OK; index++)
        status = copy_entry(from, to, child->vm, index);
    return status;
}

static zc_status copy_tables(struct zc_vm_space *space,
                             struct zc_vm_space *child)
{
    zc_status status = ZC_OK;
    struct zc_vm_table *table;

    for (table = zc_vm_tables(space); table != NULL && status == ZC_OK;
         table = table->older)
        status = copy_table(table, child);
    return status;
}

zc_status zc_vm_fork(struct zc_vm_space *space, struct zc_vm_space **child_out)
{
    struct zc_vm_space *child;
    zc_status status;

    if (space == NULL || child_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    status = zc_vm_space_make(space->vm, space->owner, space->page_count,
                              space->family, &child);
    if (status != ZC_OK)
        return status;
    zc_mutex_lock(&space->mappings);
    status = copy_tables(space, child);
    zc_mutex_unlock(&space->mappings);
    if (status != ZC_OK) {
        zc_vm_space_destroy(child);
        return status;
    }
    *child_out = child;
    return ZC_OK;
}
