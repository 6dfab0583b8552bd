/* SPDX-License-Identifier: MIT */
/*
 * access.c - reads and writes as a processor does them.
 *
 * A processor reads the entry and does the access in one step.  Here the
 * accessing thread does both under one hold of the page table's lock.  A thread
 * that takes the page away (reclaim, unmap, KSM) changes the entry under the
 * same lock; so after its unlock no access by the old entry is under way.
 * Otherwise an access would reach a frame that has another page by then, or a
 * write would be lost.  An access that the entry does not allow is a fault.
 * The fault that sets the entry does the access under the same lock, if the new
 * entry allows it; else the access begins again.
 */
#include <string.h>

#include "platform/memory.h"
#include "vm/vm.h"

/* Copies the bytes in or out; the table is locked. */
static void transfer_bytes(const struct zc_vm_access *access, char *data)
{
    if (access->bytes_out != NULL)
        memcpy(access->bytes_out, data + access->offset, access->size);
    if (access->bytes != NULL)
        memcpy(data + access->offset, access->bytes, access->size);
}

bool zc_vm_access_now(const struct zc_vm_access *access, zc_pte *entry)
{
    if ((*entry & ZC_PTE_PRESENT) == 0 ||
        (access->is_write && (*entry & ZC_PTE_WRITE) == 0))
        return false;
    *entry |= access->is_write ? ZC_PTE_ACCESSED | ZC_PTE_DIRTY
                               : ZC_PTE_ACCESSED;
    transfer_bytes(access, zc_pte_frame(access->space->vm, *entry)->folio.data);
    return true;
}

/* The first attempt.  *pte_out gets the entry. */
static bool try_access(const struct zc_vm_access *access,
                       struct zc_vm_table *table, zc_pte *pte_out)
{
    zc_pte *entry = &table->entries[zc_vm_index(access->page)];
    bool done;

    zc_memory_prefetch_write(entry, sizeof(*entry));
    zc_spinlock_lock(&table->lock);
    done = zc_vm_access_now(access, entry);
    *pte_out = *entry;
    zc_spinlock_unlock(&table->lock);
    return done;
}

static zc_status do_access(const struct zc_vm_access *access,
                           enum zc_fault_kind *kind_out)
{
    struct zc_vm_space *space = access->space;
    struct zc_vm_fault fault = {
        .space = space,
        .page = access->page,
        .index = zc_vm_index(access->page),
        .is_write = access->is_write,
        .kind = ZC_FAULT_NONE,
        .access = access,
    };
    zc_status status;

    fault.table = zc_vm_table_find(space, access->page);
    if (fault.table == NULL)
        return ZC_INVALID;
    while (!fault.is_done && !try_access(access, fault.table, &fault.pte)) {
        if ((fault.pte & ZC_PTE_MAPPED) == 0)
            return ZC_INVALID;
        /* What the end of the fault writes. */
        zc_memory_prefetch_write(&fault.table->next[fault.index], 1);
        status = zc_vm_handle_fault(&fault);
        if (status == ZC_AGAIN)
            zc_vm_count(space->vm, ZC_VM_FAULT_RETRIES);
        else if (status != ZC_OK)
            return status;
    }
    zc_vm_count_fault(space->vm, fault.kind);
    if (kind_out != NULL)
        *kind_out = fault.kind;
    return ZC_OK;
}

static bool is_in_page(const struct zc_vm_space *space, uint64_t page,
                       size_t offset, size_t size)
{
    return space != NULL && page < space->page_count &&
           offset <= space->vm->page_size &&
           size <= space->vm->page_size - offset;
}

zc_status zc_vm_read(struct zc_vm_space *space, uint64_t page, size_t offset,
                     void *bytes_out, size_t size, enum zc_fault_kind *kind_out)
{
    const struct zc_vm_access access = {
        .space = space,
        .page = page,
        .offset = offset,
        .size = size,
        .bytes_out = bytes_out,
    };

    if (!is_in_page(space, page, offset, size) || bytes_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    return do_access(&access, kind_out);
}

zc_status zc_vm_write(struct zc_vm_space *space, uint64_t page, size_t offset,
                      const void *bytes, size_t size,
                      enum zc_fault_kind *kind_out)
{
    const struct zc_vm_access access = {
        .space = space,
        .page = page,
        .offset = offset,
        .size = size,
        .is_write = true,
        .bytes = bytes,
    };

    if (!is_in_page(space, page, offset, size) || bytes == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    return do_access(&access, kind_out);
}

zc_status zc_vm_touch(struct zc_vm_space *space, uint64_t page, bool is_write,
                      enum zc_fault_kind *kind_out)
{
    const struct zc_vm_access access = {
        .space = space,
        .page = page,
        .is_write = is_write,
    };

    if (!is_in_page(space, page, 0, 0))
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    return do_access(&access, kind_out);
}

/* The device reference keeps the slot's cluster; the entry may change
 * meanwhile. */
static enum zc_fault_kind where_slot_is(struct zc_vm *vm, zc_swp name)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_swap_device *device = zc_swap_device_get(swap, name);
    enum zc_fault_kind kind = ZC_FAULT_DEVICE;
    struct zc_slot_ref slot;
    struct zc_folio *folio;

    if (device == NULL) /* swapoff has ended: the page is in a frame */
        return ZC_FAULT_NONE;
    slot = zc_slot_find(swap, name);
    folio = zc_swapcache_look_up(slot);
    if (folio != NULL) {
        zc_swapcache_put(swap, name, folio);
        kind = ZC_FAULT_CACHED;
    } else if (zc_slot_is_zero(slot)) {
        kind = ZC_FAULT_SWAPIN_ZERO;
    } else if (zc_zswap_has(&vm->cache->zswap, name)) {
        kind = ZC_FAULT_POOL;
    }
    zc_swap_device_put(swap, device);
    return kind;
}

zc_status zc_vm_where(struct zc_vm_space *space, uint64_t page,
                      enum zc_fault_kind *kind_out)
{
    struct zc_vm_table *table;
    zc_pte pte;

    if (!is_in_page(space, page, 0, 0) || kind_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&space->vm->cache->process))
        return ZC_UNSUPPORTED;
    table = zc_vm_table_find(space, page);
    if (table == NULL)
        return ZC_INVALID;
    zc_spinlock_lock(&table->lock);
    pte = table->entries[zc_vm_index(page)];
    zc_spinlock_unlock(&table->lock);
    if ((pte & ZC_PTE_MAPPED) == 0)
        return ZC_INVALID;
    if ((pte & ZC_PTE_SWAP) != 0)
        *kind_out = where_slot_is(space->vm, zc_pte_slot(pte));
    else
        *kind_out = (pte & ZC_PTE_PRESENT) != 0 ? ZC_FAULT_NONE : ZC_FAULT_ZERO;
    return ZC_OK;
}
