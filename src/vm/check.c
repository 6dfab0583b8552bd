/* SPDX-License-Identifier: MIT */
/*
 * check.c - whether everything agrees, when nothing runs.
 *
 *   page tables   entries are of one kind, and name frames and slots that exist
 *   mappings      each present entry is a mapping of its frame, and the frame
 *                 finds it; a frame with several is writable through none
 *   frames        references = mappings + swap cache + failed writes; each is
 *                 free, or on its owner's list, or kept by a failed write only
 *   owners        charged for the frames that are theirs
 *   slots         swap count = swap entries that name the slot
 *   entries       nothing is stored for a slot that has no use, or twice
 *
 * The memory grows with the frames and swap entries that exist, and the time
 * with the page tables and clusters that exist, not with the largest size of
 * spaces and devices.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/memory.h"
#include "vm/vm.h"

/* What the page tables and lists say of one frame. */
struct seen {
    uint32_t mapped;
    uint32_t writable;
    uint32_t records; /* failed writes that keep it */
    bool is_listed;
    bool is_free; /* on that list */
};

struct check {
    struct zc_vm *vm;
    struct seen *frames;
    uint64_t *named; /* the slots of all swap entries, in order */
    size_t named_room;
    size_t named_count;
    size_t next; /* those before it are checked */
    char *text_out;
    size_t capacity;
    bool failed;
};

static void note_failure(struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Keeps the first failure only. */
static void note_failure(struct check *check, const char *format, ...)
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

/* Whether page tables may name slots of this type. */
static bool is_managed(const struct check *check, unsigned type)
{
    const struct zc_swap *swap = zc_vm_swap(check->vm);

    return zc_swap_has_device(swap, type) && swap->devices[type].managed;
}

/* --- page tables ----------------------------------------------------- */

typedef void (*visit_entry)(struct check *check, zc_pte pte);

static void visit_space(struct check *check, const struct zc_vm_space *space,
                        visit_entry visit)
{
    struct zc_vm_table *table;
    unsigned i;

    for (table = zc_vm_tables(space); table != NULL; table = table->older) {
        zc_spinlock_lock(&table->lock);
        if (table->space != space || table->first >= space->page_count ||
            zc_vm_index(table->first) != 0 ||
            zc_vm_table_find(space, table->first) != table)
            note_failure(check, "a table that is not of its place, %llu",
                         (unsigned long long)table->first);
        for (i = 0; i < ZC_TABLE_ENTRIES; i++)
            visit(check, table->entries[i]);
        zc_spinlock_unlock(&table->lock);
    }
}

static void visit_spaces(struct check *check, visit_entry visit)
{
    struct zc_vm *vm = check->vm;
    struct zc_list *link;
    uint64_t spaces = 0;

    zc_mutex_lock(&vm->lock);
    for (link = vm->spaces.next; link != &vm->spaces; link = link->next) {
        spaces++;
        visit_space(check, ZC_CONTAINER(link, struct zc_vm_space, link), visit);
    }
    if (spaces != vm->space_count)
        note_failure(check, "%llu spaces, counted as %llu",
                     (unsigned long long)spaces,
                     (unsigned long long)vm->space_count);
    zc_mutex_unlock(&vm->lock);
}

/* How many places `named` needs. */
static void count_named(struct check *check, zc_pte pte)
{
    check->named_room += (pte & ZC_PTE_SWAP) != 0;
}

static bool alloc_counts(struct check *check)
{
    visit_spaces(check, count_named);
    check->frames =
        zc_calloc((size_t)check->vm->frame_count, sizeof(*check->frames));
    check->named = zc_calloc(check->named_room + 1, sizeof(*check->named));
    return check->frames != NULL && check->named != NULL;
}

static void free_counts(struct check *check)
{
    zc_free(check->frames);
    zc_free(check->named);
}

static void count_swap_entry(struct check *check, zc_swp slot)
{
    const struct zc_swap *swap = zc_vm_swap(check->vm);
    const unsigned type = zc_swp_type(slot);

    if (!is_managed(check, type))
        note_failure(check, "a swap entry of type %u, which is off", type);
    else if (zc_swp_offset(slot) >= swap->devices[type].slot_count)
        note_failure(check, "a swap entry beyond its device, %u:%llu", type,
                     (unsigned long long)zc_swp_offset(slot));
    else if (check->named_count < check->named_room)
        check->named[check->named_count++] = slot.value;
}

static void count_entry(struct check *check, zc_pte pte)
{
    const zc_pte kinds = ZC_PTE_PRESENT | ZC_PTE_SWAP;

    if (pte != 0 && (pte & ZC_PTE_MAPPED) == 0)
        note_failure(check, "an entry outside of any mapping, %llx",
                     (unsigned long long)pte);
    else if ((pte & kinds) == kinds)
        note_failure(check, "an entry both present and swapped out, %llx",
                     (unsigned long long)pte);
    else if ((pte & kinds) == 0 && (pte & ~(zc_pte)ZC_PTE_KEPT) != 0)
        note_failure(check, "an entry with nothing behind it, %llx",
                     (unsigned long long)pte);
    else if ((pte & ZC_PTE_SWAP) != 0)
        count_swap_entry(check, zc_pte_slot(pte));
    else if ((pte & ZC_PTE_PRESENT) == 0)
        return;
    else if (pte >> ZC_PTE_SHIFT >= check->vm->frame_count)
        note_failure(check, "an entry of frame %llu of %llu",
                     (unsigned long long)(pte >> ZC_PTE_SHIFT),
                     (unsigned long long)check->vm->frame_count);
    else {
        check->frames[pte >> ZC_PTE_SHIFT].mapped++;
        check->frames[pte >> ZC_PTE_SHIFT].writable += (pte & ZC_PTE_WRITE) !=
                                                       0;
    }
}

static int compare_slots(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void count_entries(struct check *check)
{
    visit_spaces(check, count_entry);
    qsort(check->named, check->named_count, sizeof(*check->named),
          compare_slots);
}

/* --- frames ---------------------------------------------------------- */

/* The failed writes that keep frames. */
static void count_records(struct check *check)
{
    struct zc_pageio *pageio = &check->vm->cache->pageio;
    struct zc_page_write *write;
    struct zc_list *link;

    zc_spinlock_lock(&pageio->stuck_lock);
    for (link = pageio->stuck.next; link != &pageio->stuck; link = link->next) {
        write = ZC_CONTAINER(link, struct zc_page_write, link);
        check->frames[zc_frame_of(write->folio) - check->vm->frames].records++;
    }
    zc_spinlock_unlock(&pageio->stuck_lock);
}

/* Visits a list of frames; returns how many. */
static uint64_t count_list(struct check *check, struct zc_list *list,
                           bool is_free, unsigned owner)
{
    struct zc_list *link;
    struct zc_vm_frame *frame;
    struct seen *seen;
    uint64_t count = 0;

    for (link = list->next; link != list; link = link->next, count++) {
        frame = ZC_CONTAINER(link, struct zc_vm_frame, age);
        seen = &check->frames[frame - check->vm->frames];
        seen->is_listed = true;
        seen->is_free = is_free;
        if (!is_free && frame->owner != owner)
            note_failure(check, "a frame of owner %u on the list of owner %u",
                         frame->owner, owner);
    }
    return count;
}

static void count_lists(struct check *check)
{
    struct zc_vm *vm = check->vm;
    uint64_t free_count;
    unsigned i;

    zc_spinlock_lock(&vm->frames_lock);
    free_count = count_list(check, &vm->free, true, 0);
    if (free_count != vm->free_count)
        note_failure(check, "%llu free frames, counted as %llu",
                     (unsigned long long)free_count,
                     (unsigned long long)vm->free_count);
    for (i = 0; i <= ZC_OWNER_COUNT; i++)
        if (count_list(check, &vm->owners[i].cold_to_hot, false, i) != 0 &&
            zc_list_is_empty(&vm->owners[i].turn))
            note_failure(check, "owner %u has frames and no turn", i);
    zc_spinlock_unlock(&vm->frames_lock);
}

/* The mappings that a frame knows lead back to it. */
static void check_mappings(struct check *check, struct zc_vm_frame *frame)
{
    const uint64_t number = (uint64_t)(frame - check->vm->frames);
    const struct seen *seen = &check->frames[number];
    struct zc_vm_place place = frame->mappings;
    uint32_t count = 0;
    zc_pte pte;

    if (seen->mapped != frame->mapped)
        note_failure(check, "frame %llu: %u entries map it, it counts %u",
                     (unsigned long long)number, seen->mapped, frame->mapped);
    if (seen->writable != 0 && seen->mapped > 1)
        note_failure(check, "frame %llu: shared, and written to",
                     (unsigned long long)number);
    for (; place.table != NULL && count <= frame->mapped; count++) {
        pte = place.table->entries[place.index];
        if ((pte & ZC_PTE_PRESENT) == 0 || pte >> ZC_PTE_SHIFT != number)
            note_failure(check, "frame %llu: a mapping that is not",
                         (unsigned long long)number);
        place = place.table->next[place.index];
    }
    if (count != frame->mapped)
        note_failure(check, "frame %llu: knows %u mappings of %u",
                     (unsigned long long)number, count, frame->mapped);
}

static void check_references(struct check *check, struct zc_vm_frame *frame)
{
    const uint64_t number = (uint64_t)(frame - check->vm->frames);
    const struct seen *seen = &check->frames[number];
    const uint32_t references =
        zc_atomic_u32_load_relaxed(&frame->folio.references);
    const uint32_t cached = references != 0 &&
                            zc_folio_has(&frame->folio, ZC_FOLIO_SWAPCACHE);

    if (references != seen->mapped + cached + seen->records)
        note_failure(check,
                     "frame %llu: %u references, %u mapped, %u cached, %u kept",
                     (unsigned long long)number, references, seen->mapped,
                     cached, seen->records);
    if (references != 0 && zc_folio_has(&frame->folio, ZC_FOLIO_LOCKED))
        note_failure(check, "frame %llu: locked", (unsigned long long)number);
    if (frame->is_isolated)
        note_failure(check, "frame %llu: isolated", (unsigned long long)number);
    if ((references == 0) != (seen->is_listed && seen->is_free))
        note_failure(check, "frame %llu: %s", (unsigned long long)number,
                     references == 0 ? "free, on no list"
                                     : "in use, among the free");
    if (!seen->is_listed && seen->records == 0)
        note_failure(check, "frame %llu: in use, on no list",
                     (unsigned long long)number);
}

static void check_frames(struct check *check)
{
    struct zc_vm *vm = check->vm;
    struct zc_vm_frame *frame;
    uint64_t i;

    count_records(check);
    count_lists(check);
    for (i = 0; i < vm->frame_count; i++) {
        frame = &vm->frames[i];
        if (!check->frames[i].is_free || check->frames[i].mapped != 0)
            check_mappings(check, frame);
        check_references(check, frame);
    }
}

static void check_owners(struct check *check)
{
    struct zc_vm *vm = check->vm;
    uint64_t charged[ZC_OWNER_COUNT + 1] = {0};
    uint64_t i;

    for (i = 0; i < vm->frame_count; i++)
        if (!check->frames[i].is_free)
            charged[vm->frames[i].owner]++;
    for (i = 0; i <= ZC_OWNER_COUNT; i++)
        if (charged[i] != vm->owners[i].frames)
            note_failure(check, "owner %u has %llu frames, and is charged %llu",
                         (unsigned)i, (unsigned long long)charged[i],
                         (unsigned long long)vm->owners[i].frames);
}

/* --- slots ----------------------------------------------------------- */

/* Counts the entries that name this slot, and passes them. */
static uint32_t take_named(struct check *check, uint64_t slot)
{
    uint32_t count = 0;

    for (;
         check->next < check->named_count && check->named[check->next] == slot;
         check->next++)
        count++;
    return count;
}

/* Finds entries that name slots below `end`: slots between the last slot in use
 * and this one are free. */
static void check_free_slots(struct check *check, uint64_t end)
{
    uint32_t count;
    zc_swp slot;

    while (check->next < check->named_count &&
           check->named[check->next] < end) {
        slot.value = check->named[check->next];
        count = take_named(check, slot.value);
        note_failure(check, "slot %u:%llu: free, %u entries name it",
                     zc_swp_type(slot), (unsigned long long)zc_swp_offset(slot),
                     count);
    }
}

/* A slot in use; true: it has a page in compressed memory. */
static bool check_slot(struct check *check, zc_swp slot)
{
    struct zc_swap *swap = zc_vm_swap(check->vm);
    const struct zc_slot_ref ref = zc_slot_find(swap, slot);
    const uint32_t count = zc_slot_count(ref);
    const uint32_t named = take_named(check, slot.value);
    const unsigned type = zc_swp_type(slot);
    const unsigned long long offset = zc_swp_offset(slot);
    const bool stored = zc_zswap_has(&check->vm->cache->zswap, slot);
    struct zc_folio *folio = zc_swapcache_look_up(ref);

    if (count != named)
        note_failure(check, "slot %u:%llu: count %u, %u entries name it", type,
                     offset, count, named);
    if (stored && zc_slot_is_zero(ref))
        note_failure(check, "slot %u:%llu: all zeros, and stored", type,
                     offset);
    if (count == 0 && folio == NULL)
        note_failure(check,
                     "slot %u:%llu: in use, with neither a count nor a folio",
                     type, offset);
    if (folio != NULL && folio->swap.value != slot.value)
        note_failure(check, "slot %u:%llu: a folio of another slot", type,
                     offset);
    if (folio != NULL) /* removes it if not needed */
        zc_swapcache_put(swap, slot, folio);
    return stored;
}

static void check_slots(struct check *check)
{
    struct zc_zswap *zswap = &check->vm->cache->zswap;
    struct zc_swap *swap = zc_vm_swap(check->vm);
    const uint64_t stored_pages = zc_zswap_stored_pages(zswap);
    bool has_others = false;
    uint64_t stored = 0;
    uint64_t offset;
    unsigned type;
    zc_swp slot;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        if (!is_managed(check, type)) {
            has_others = has_others || zc_zswap_has_type(zswap, type);
            continue;
        }
        for (offset = 0; zc_swap_device_next(&swap->devices[type], &offset);
             offset++) {
            slot = zc_swp_make(type, offset);
            check_free_slots(check, slot.value);
            stored += check_slot(check, slot);
        }
    }
    check_free_slots(check, UINT64_MAX);
    if (!has_others && stored_pages != stored)
        note_failure(check, "%llu pages stored, %llu of them for slots in use",
                     (unsigned long long)stored_pages,
                     (unsigned long long)stored);
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
    if (zc_process_is_child(&vm->cache->process))
        return ZC_UNSUPPORTED;
    zc_vm_reclaimer_hold(vm);
    zc_pageio_drain(&vm->cache->pageio);
    if (alloc_counts(&check)) {
        count_entries(&check);
        check_slots(&check);
        check_frames(&check);
        check_owners(&check);
        status = check.failed ? ZC_CORRUPT : ZC_OK;
    } else {
        status = ZC_NO_MEMORY;
    }
    free_counts(&check);
    zc_vm_reclaimer_release(vm);
    return status;
}
