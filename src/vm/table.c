/* SPDX-License-Identifier: MIT */
/*
 * table.c - page tables: one level of pointers to tables of 512 entries.
 *
 * A table is made when a page of it is mapped, is published once, and ends with
 * its space.  Its memory is used again for other tables and not freed before
 * the machine ends.
 *
 * Reclaim and the thread that ends a space: reclaim finds an entry through its
 * frame and holds no reference to the space, which may end before reclaim has
 * locked the table.  The memory is still a table then, perhaps of another
 * space.  Reclaim locks it and checks that the entry maps the frame: if it
 * does, it is a mapping of that frame, in whatever space.
 */
#include "platform/memory.h"
#include "vm/vm.h"

zc_pte zc_pte_of_slot(zc_swp slot)
{
    return ZC_PTE_SWAP | (zc_pte)zc_swp_type(slot) << ZC_PTE_TYPE_SHIFT |
           zc_swp_offset(slot) << ZC_PTE_SHIFT;
}

zc_swp zc_pte_slot(zc_pte pte)
{
    const zc_pte offsets = (UINT64_C(1) << ZC_PTE_TYPE_SHIFT) - 1;

    return zc_swp_make((unsigned)(pte >> ZC_PTE_TYPE_SHIFT),
                       (pte & offsets) >> ZC_PTE_SHIFT);
}

zc_pte zc_pte_of_frame(const struct zc_vm *vm, const struct zc_vm_frame *frame)
{
    return ZC_PTE_PRESENT | (zc_pte)(frame - vm->frames) << ZC_PTE_SHIFT;
}

struct zc_vm_frame *zc_pte_frame(const struct zc_vm *vm, zc_pte pte)
{
    return &vm->frames[pte >> ZC_PTE_SHIFT];
}

/* An unused table: a spare one, or a new one. */
static struct zc_vm_table *take_table(struct zc_vm *vm)
{
    struct zc_vm_table *table = NULL;

    zc_mutex_lock(&vm->lock);
    if (vm->spare_tables != NULL) {
        table = vm->spare_tables;
        vm->spare_tables = table->next_spare;
    }
    zc_mutex_unlock(&vm->lock);
    if (table != NULL)
        return table;
    table = zc_calloc(1, sizeof(*table));
    if (table == NULL)
        return NULL;
    if (zc_spinlock_init(&table->lock, ZC_RANK_PAGE_TABLE, "page table") !=
        ZC_OK) {
        zc_free(table);
        return NULL;
    }
    return table;
}

void zc_vm_table_spare(struct zc_vm *vm, struct zc_vm_table *table)
{
    zc_mutex_lock(&vm->lock);
    table->next_spare = vm->spare_tables;
    vm->spare_tables = table;
    zc_mutex_unlock(&vm->lock);
}

void zc_vm_tables_free(struct zc_vm *vm)
{
    struct zc_vm_table *table;

    while ((table = vm->spare_tables) != NULL) {
        vm->spare_tables = table->next_spare;
        zc_spinlock_destroy(&table->lock);
        zc_free(table);
    }
}

struct zc_vm_table *zc_vm_table_find(const struct zc_vm_space *space,
                                     uint64_t page)
{
    return zc_atomic_pointer_load_acquire(
        &space->tables[page >> ZC_TABLE_SHIFT]);
}

struct zc_vm_table *zc_vm_table_make(struct zc_vm_space *space, uint64_t page)
{
    struct zc_vm_table *table = zc_vm_table_find(space, page);

    if (table != NULL)
        return table;
    table = take_table(space->vm);
    if (table == NULL)
        return NULL;
    /* A reclaim that has an old name of the table reads only its entries. */
    table->space = space;
    table->first = page & ~(uint64_t)(ZC_TABLE_ENTRIES - 1);
    /* Only the holder of the space's `mappings` makes tables. */
    table->older = zc_atomic_pointer_load_relaxed(&space->newest);
    zc_atomic_pointer_store_release(&space->tables[page >> ZC_TABLE_SHIFT],
                                    table);
    zc_atomic_pointer_store_release(&space->newest, table);
    return table;
}
