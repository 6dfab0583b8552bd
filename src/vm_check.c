/* SPDX-License-Identifier: MIT */
/*
 * vm_check.c - whether everything agrees, when nothing runs.
 *
 *   page tables   each present entry is a mapping of its frame
 *   frames        references = mappings + swap cache; free ones have none
 *   slots         swap count = swap entries that name the slot
 *   entries       nothing is stored under a slot that nobody uses
 */
#include <stdarg.h>
#include <stdio.h>

#include "platform/memory.h"
#include "vm_internal.h"

struct check {
    struct zc_vm *vm;
    uint32_t *mapped;                    /* by frame */
    uint32_t *counts[ZC_SWP_TYPE_COUNT]; /* by slot, of managed devices */
    char *text_out;
    size_t capacity;
    bool failed;
};

static void fail(struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first one is told. */
static void fail(struct check *check, const char *format, ...)
{
    va_list arguments;

    if (check->failed)
        return;
    check->failed = true;
    if (check->capacity == 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(check->text_out, check->capacity, format, arguments);
    va_end(arguments);
}

static bool alloc_counts(struct check *check)
{
    struct zc_swap_device *device;
    unsigned type;

    check->mapped =
        zc_calloc((size_t)check->vm->frame_count, sizeof(*check->mapped));
    if (check->mapped == NULL)
        return false;
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        device = &zc_vm_swap(check->vm)->devices[type];
        if (!zc_swap_has_device(zc_vm_swap(check->vm), type) ||
            !device->managed)
            continue;
        check->counts[type] =
            zc_calloc((size_t)device->slot_count, sizeof(*check->counts[type]));
        if (check->counts[type] == NULL)
            return false;
    }
    return true;
}

static void free_counts(struct check *check)
{
    unsigned type;

    zc_free(check->mapped);
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        zc_free(check->counts[type]);
}

static void count_entry(struct check *check, zc_pte pte)
{
    zc_swp slot = zc_pte_slot(pte);

    if ((pte & ZC_PTE_PRESENT) != 0) {
        check->mapped[pte >> ZC_PTE_SHIFT]++;
    } else if ((pte & ZC_PTE_SWAP) != 0) {
        if (check->counts[zc_swp_type(slot)] == NULL)
            fail(check, "a swap entry of type %u, which is off",
                 zc_swp_type(slot));
        else
            check->counts[zc_swp_type(slot)][zc_swp_offset(slot)]++;
    }
}

static void count_entries(struct check *check)
{
    struct zc_vm *vm = check->vm;
    struct zc_vm_space *space;
    struct zc_vm_table *table;
    struct zc_list *link;
    size_t i;
    unsigned j;

    zc_mutex_lock(&vm->lock);
    for (link = vm->spaces.next; link != &vm->spaces; link = link->next) {
        space = ZC_CONTAINER(link, struct zc_vm_space, link);
        for (i = 0; i < space->table_count; i++) {
            table = zc_vm_table_find(space, (uint64_t)i << ZC_TABLE_SHIFT);
            if (table == NULL)
                continue;
            zc_spinlock_lock(&table->lock);
            for (j = 0; j < ZC_TABLE_ENTRIES; j++)
                count_entry(check, table->entries[j]);
            zc_spinlock_unlock(&table->lock);
        }
    }
    zc_mutex_unlock(&vm->lock);
}

static void check_frames(struct check *check)
{
    struct zc_vm *vm = check->vm;
    uint64_t in_use = 0;
    uint64_t i;

    for (i = 0; i < vm->frame_count; i++) {
        struct zc_vm_frame *frame = &vm->frames[i];
        struct zc_folio *folio = &frame->folio;
        const uint32_t references =
            zc_atomic_u32_load_relaxed(&folio->references);
        const uint32_t cached = references != 0 &&
                                zc_folio_has(folio, ZC_FOLIO_SWAPCACHE);

        in_use += references != 0;
        if (check->mapped[i] != (references == 0 ? 0 : frame->mapped))
            fail(check, "frame %llu: %u entries map it, it counts %u",
                 (unsigned long long)i, check->mapped[i], frame->mapped);
        if (references != check->mapped[i] + cached)
            fail(check, "frame %llu: %u references, %u mappings, %u cached",
                 (unsigned long long)i, references, check->mapped[i], cached);
        if (references != 0 && zc_folio_has(folio, ZC_FOLIO_LOCKED))
            fail(check, "frame %llu: locked", (unsigned long long)i);
    }
    if (in_use + zc_frames_free(vm) != vm->frame_count)
        fail(check, "%llu frames in use and %llu free, of %llu",
             (unsigned long long)in_use, (unsigned long long)zc_frames_free(vm),
             (unsigned long long)vm->frame_count);
}

static void check_slot(struct check *check, zc_swp slot)
{
    struct zc_vm *vm = check->vm;
    const uint32_t count = zc_slot_count(zc_vm_swap(vm), slot);
    const uint32_t named =
        check->counts[zc_swp_type(slot)][zc_swp_offset(slot)];
    struct zc_folio *folio;

    if (count != named)
        fail(check, "slot %u:%llu: count %u, %u entries name it",
             zc_swp_type(slot), (unsigned long long)zc_swp_offset(slot), count,
             named);
    folio = zc_swapcache_look_up(zc_vm_swap(vm), slot);
    if (folio != NULL)
        zc_swapcache_put(zc_vm_swap(vm), slot, folio);
    if (count == 0 && folio == NULL)
        fail(check, "slot %u:%llu: in use by nobody", zc_swp_type(slot),
             (unsigned long long)zc_swp_offset(slot));
}

static void check_slots(struct check *check)
{
    struct zc_swap *swap = zc_vm_swap(check->vm);
    uint64_t in_use = 0;
    uint64_t offset;
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        if (check->counts[type] == NULL)
            continue;
        for (offset = 0; zc_swap_device_next(&swap->devices[type], &offset);
             offset++) {
            in_use++;
            check_slot(check, zc_swp_make(type, offset));
        }
    }
    if (zc_zcache_stored_pages(&check->vm->cache->zcache) > in_use)
        fail(check, "%llu pages stored for %llu slots in use",
             (unsigned long long)zc_zcache_stored_pages(
                 &check->vm->cache->zcache),
             (unsigned long long)in_use);
}

zc_status zc_vm_check(struct zc_vm *vm, char *text_out, size_t capacity)
{
    struct check check = {
        .vm = vm,
        .text_out = text_out,
        .capacity = capacity,
    };
    zc_status status = ZC_OK;

    if (vm == NULL || (text_out == NULL && capacity != 0))
        return ZC_INVALID;
    zc_pageio_drain(&vm->cache->pageio);
    if (alloc_counts(&check)) {
        count_entries(&check);
        check_frames(&check);
        check_slots(&check);
        status = check.failed ? ZC_CORRUPT : ZC_OK;
    } else {
        status = ZC_NO_MEMORY;
    }
    free_counts(&check);
    return status;
}
