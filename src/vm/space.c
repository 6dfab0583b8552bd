/* SPDX-License-Identifier: MIT */
/*
 * space.c - address spaces: made, mapped, unmapped, ended.
 *
 * There are no areas (VMAs): the bits MAPPED and LOCKED of an entry say that a
 * page is mapped, and locked; swapping does not change them.  Mapping,
 * unmapping and forking a space exclude each other by its mutex `mappings`.
 *
 * The unmapping thread and a thread that faults meanwhile: the first changes an
 * entry, and the second compares and changes it, under the lock of its table.
 * So one is first, and the other finds what it left.  Otherwise the fault would
 * map a frame at a page that is no longer mapped.
 */
#include "platform/memory.h"
#include "vm/vm.h"

zc_status zc_vm_space_create(struct zc_vm *vm, unsigned owner,
                             uint64_t page_count,
                             struct zc_vm_space **space_out)
{
    if (vm == NULL || space_out == NULL || owner >= ZC_OWNER_COUNT ||
        page_count == 0 || page_count > ZC_VM_PAGES_MAX)
        return ZC_INVALID;
    if (zc_process_is_child(&vm->cache->process))
        return ZC_UNSUPPORTED;
    return zc_vm_space_make(vm, owner, page_count, 0, space_out);
}

zc_status zc_vm_space_make(struct zc_vm *vm, unsigned owner,
                           uint64_t page_count, uint64_t family,
                           struct zc_vm_space **space_out)
{
    const uint64_t table_count = zc_divide_up(page_count, ZC_TABLE_ENTRIES);
    struct zc_vm_space *space = zc_calloc(1, sizeof(*space));

    if (space == NULL)
        return ZC_NO_MEMORY;
    space->vm = vm;
    space->owner = owner;
    space->page_count = page_count;
    space->tables = zc_calloc((size_t)table_count, sizeof(*space->tables));
    if (space->tables == NULL)
        goto free_space;
    if (zc_mutex_init(&space->mappings, ZC_RANK_VM_MAPPINGS, "mappings") !=
        ZC_OK)
        goto free_tables;
    zc_mutex_lock(&vm->lock);
    space->family = family == 0 ? ++vm->families : family;
    zc_list_add_last(&vm->spaces, &space->link);
    vm->space_count++;
    zc_mutex_unlock(&vm->lock);
    *space_out = space;
    return ZC_OK;

free_tables:
    zc_free(space->tables);
free_space:
    zc_free(space);
    return ZC_NO_MEMORY;
}

/* Sets an entry to `left` and returns what it was; its mapping of a frame, if
 * any, is removed. */
static zc_pte clear_entry(struct zc_vm *vm, struct zc_vm_table *table,
                          unsigned index, zc_pte left)
{
    struct zc_vm_place place = {table, index};
    zc_pte pte;

    zc_spinlock_lock(&table->lock);
    pte = table->entries[index];
    table->entries[index] = left;
    if ((pte & ZC_PTE_PRESENT) != 0)
        zc_rmap_remove(vm, zc_pte_frame(vm, pte), place);
    zc_spinlock_unlock(&table->lock);
    return pte;
}

/* Gives up the slot of a folio if it is not needed and the folio's lock is
 * free.  Otherwise reclaim does it, for the frame is on a list. */
static void try_free_slot(struct zc_vm *vm, struct zc_folio *folio)
{
    if (!zc_folio_has(folio, ZC_FOLIO_SWAPCACHE) || !zc_folio_trylock(folio))
        return;
    if (zc_folio_has(folio, ZC_FOLIO_SWAPCACHE))
        (void)zc_frame_try_free_slot(vm, folio);
    zc_folio_unlock(zc_vm_swap(vm), folio);
}

void zc_vm_drop_pte(struct zc_vm *vm, zc_pte pte)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_folio *folio;

    if ((pte & ZC_PTE_SWAP) != 0)
        zc_vm_drop_count(vm, zc_pte_slot(pte));
    if ((pte & ZC_PTE_PRESENT) == 0)
        return;
    folio = &zc_pte_frame(vm, pte)->folio;
    try_free_slot(vm, folio);
    zc_folio_put(swap, folio);
}

static void unmap_pages(struct zc_vm_space *space, uint64_t first,
                        uint64_t count)
{
    struct zc_vm_table *table;
    uint64_t page;

    for (page = first; page < first + count; page++) {
        table = zc_vm_table_find(space, page);
        if (table == NULL)
            page |= ZC_TABLE_ENTRIES - 1; /* its table has no page mapped */
        else
            zc_vm_drop_pte(space->vm,
                           clear_entry(space->vm, table, zc_vm_index(page), 0));
    }
}

static bool is_range(const struct zc_vm_space *space, uint64_t first,
                     uint64_t count)
{
    return space != NULL && first <= space->page_count &&
           count <= space->page_count - first;
}

zc_status zc_vm_unmap(struct zc_vm_space *space, uint64_t first, uint64_t count)
{
    if (!is_range(space, first, count))
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    zc_mutex_lock(&space->mappings);
    unmap_pages(space, first, count);
    zc_mutex_unlock(&space->mappings);
    return ZC_OK;
}

zc_status zc_vm_map(struct zc_vm_space *space, uint64_t first, uint64_t count,
                    unsigned flags)
{
    zc_pte bits = ZC_PTE_MAPPED;
    zc_status status = ZC_OK;
    struct zc_vm_table *table;
    uint64_t page;

    if (!is_range(space, first, count) || (flags & ~ZC_VM_LOCKED) != 0)
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    if ((flags & ZC_VM_LOCKED) != 0)
        bits |= ZC_PTE_LOCKED;
    zc_mutex_lock(&space->mappings);
    /* All tables first: the rest cannot fail. */
    for (page = first; page < first + count && status == ZC_OK;
         page = (page | (ZC_TABLE_ENTRIES - 1)) + 1)
        if (zc_vm_table_make(space, page) == NULL)
            status = ZC_NO_MEMORY;
    for (page = first; page < first + count && status == ZC_OK; page++) {
        table = zc_vm_table_find(space, page);
        zc_spinlock_lock(&table->lock);
        if (table->entries[zc_vm_index(page)] == 0)
            table->entries[zc_vm_index(page)] = bits;
        zc_spinlock_unlock(&table->lock);
    }
    zc_mutex_unlock(&space->mappings);
    return status;
}

void zc_vm_space_destroy(struct zc_vm_space *space)
{
    struct zc_vm_table *table;
    struct zc_vm_table *older;
    struct zc_vm *vm;

    if (space == NULL || zc_process_is_child(&space->vm->cache->process))
        return;
    vm = space->vm;
    /* Off the list first: swapoff walks the list, under its lock. */
    zc_mutex_lock(&vm->lock);
    zc_list_remove(&space->link);
    vm->space_count--;
    zc_mutex_unlock(&vm->lock);
    for (table = zc_vm_tables(space); table != NULL; table = older) {
        older = table->older;
        (void)zc_vm_unmap(space, table->first, zc_vm_table_pages(space, table));
        zc_vm_table_spare(vm, table);
    }
    zc_mutex_destroy(&space->mappings);
    zc_free(space->tables);
    zc_free(space);
}
