/* SPDX-License-Identifier: MIT */
/*
 * access.c - reads and writes as a processor does them.
 *
 * The page table's lock stands for the atomicity of a processor.  The accessing
 * thread reads the entry and copies the bytes under one hold of it.  A thread
 * that takes the page away (reclaim, unmap, KSM) changes the entry under the
 * same lock; so after its unlock no access by the old entry is under way.  An
 * access that the entry does not allow is a fault; after the fault the access
 * begins again.
 */
#include <string.h>

#include "vm/vm.h"

struct access {
    struct zc_vm_space *space;
    uint64_t page;
    size_t offset;
    size_t size;
    bool is_write;
    void *bytes_out;   /* of a read, or NULL */
    const void *bytes; /* of a write, or NULL */
};

/* Copies the bytes in or out; the table is locked. */
static void transfer(const struct access *access, char *data)
{
    if (access->bytes_out != NULL)
        memcpy(access->bytes_out, data + access->offset, access->size);
    if (access->bytes != NULL)
        memcpy(data + access->offset, access->bytes, access->size);
}

/* Does the access if the entry allows it.  *pte_out gets the entry. */
static bool try_access(const struct access *access, struct zc_vm_table *table,
                       zc_pte *pte_out)
{
    const struct zc_vm *vm = access->space->vm;
    zc_pte *entry = &table->entries[zc_vm_index(access->page)];
    bool allowed;

    zc_spinlock_lock(&table->lock);
    allowed = (*entry & ZC_PTE_PRESENT) != 0 &&
              (!access->is_write || (*entry & ZC_PTE_WRITE) != 0);
    if (allowed) {
        *entry |= access->is_write ? ZC_PTE_ACCESSED | ZC_PTE_DIRTY
                                   : ZC_PTE_ACCESSED;
        transfer(access, zc_pte_frame(vm, *entry)->folio.data);
    }
    *pte_out = *entry;
    zc_spinlock_unlock(&table->lock);
    return allowed;
}

static zc_status do_access(const struct access *access,
                           enum zc_fault_kind *kind_out)
{
    struct zc_vm_space *space = access->space;
    struct zc_vm_fault fault = {
        .space = space,
        .page = access->page,
        .index = zc_vm_index(access->page),
        .is_write = access->is_write,
        .kind = ZC_FAULT_NONE,
    };
    zc_status status;

    fault.table = zc_vm_table_find(space, access->page);
    if (fault.table == NULL)
        return ZC_INVALID;
    while (!try_access(access, fault.table, &fault.pte)) {
        if ((fault.pte & ZC_PTE_MAPPED) == 0)
            return ZC_INVALID;
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
    const struct access access = {
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
    const struct access access = {
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
    const struct access access = {
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
