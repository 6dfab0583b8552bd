/* SPDX-License-Identifier: MIT */
/*
 * rmap.c - from a frame to the page table entries that map it.
 *
 * The mappings of a frame are a list that is linked through the page tables.
 * One of a few locks, chosen by the frame's number, guards it.  A thread that
 * changes a mapping holds the lock of the page table, and takes the list's lock
 * inside it.  Reclaim comes from the frame; if it locked the other way round,
 * the two threads would wait for each other for ever.  So reclaim reads a place
 * under the list's lock, releases that lock, locks the page table, and checks
 * that the entry still maps the frame.  Between the two locks the entry may
 * change, and even the space may end: the place is only a hint until the check.
 * The memory of a page table is not freed before the machine ends, so reclaim
 * can lock it even then (vm/table.c).
 *
 * A frame records the page that it was read for or first mapped at, its home: a
 * page number in a family of spaces (those that are forks of one another).  A
 * swap-in at any other page copies the frame.  In the kernel the home is
 * anon_vma and index, by which its reclaim finds the mappings, and would miss
 * one elsewhere.  This machine's list misses none; the copy is made because the
 * kernel makes it (ksm_might_need_to_copy()).  It happens after KSM: pages that
 * share a frame are swapped out under one slot, and the frame that is read back
 * has one home.  The folio's lock guards the home; a fork, which does not have
 * that lock, maps only frames that are mapped, and so have a home.
 */
#include "vm/vm.h"

static struct zc_spinlock *lock_of(struct zc_vm *vm,
                                   const struct zc_vm_frame *frame)
{
    return &vm->rmap_locks[(size_t)(frame - vm->frames) & (ZC_RMAP_LOCKS - 1)];
}

static struct zc_vm_place *next_of(struct zc_vm_place place)
{
    return &place.table->next[place.index];
}

void zc_rmap_add(struct zc_vm *vm, struct zc_vm_frame *frame,
                 struct zc_vm_place place)
{
    struct zc_spinlock *lock = lock_of(vm, frame);

    zc_spinlock_lock(lock);
    *next_of(place) = frame->mappings;
    frame->mappings = place;
    frame->mapped++;
    if (frame->home_family == 0) {
        frame->home_family = place.table->space->family;
        frame->home_page = place.table->first + place.index;
    }
    zc_spinlock_unlock(lock);
}

void zc_rmap_begin(struct zc_vm_frame *frame, struct zc_vm_place place)
{
    *next_of(place) = (struct zc_vm_place){.table = NULL};
    frame->mappings = place;
    frame->mapped = 1;
    frame->home_family = place.table->space->family;
    frame->home_page = place.table->first + place.index;
}

void zc_rmap_remove(struct zc_vm *vm, struct zc_vm_frame *frame,
                    struct zc_vm_place place)
{
    struct zc_spinlock *lock = lock_of(vm, frame);
    struct zc_vm_place *link;

    zc_spinlock_lock(lock);
    link = &frame->mappings;
    while (link->table != place.table || link->index != place.index) {
        ZC_ASSERT(link->table != NULL);
        link = next_of(*link);
    }
    *link = *next_of(place);
    frame->mapped--;
    zc_spinlock_unlock(lock);
}

void zc_rmap_set_home(struct zc_vm_frame *frame,
                      const struct zc_vm_space *space, uint64_t page)
{
    if (frame->home_family != 0)
        return;
    frame->home_family = space->family;
    frame->home_page = page;
}

void zc_rmap_reset_home(struct zc_vm_frame *frame, struct zc_vm_place place)
{
    frame->home_family = place.table->space->family;
    frame->home_page = place.table->first + place.index;
}

/* The place that a link of the list names. */
static struct zc_vm_place follow_link(struct zc_spinlock *lock,
                                      const struct zc_vm_place *link)
{
    struct zc_vm_place place;

    zc_spinlock_lock(lock);
    place = *link;
    zc_spinlock_unlock(lock);
    return place;
}

struct zc_vm_place zc_rmap_first(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    return follow_link(lock_of(vm, frame), &frame->mappings);
}

struct zc_vm_place zc_rmap_next(struct zc_vm *vm, struct zc_vm_frame *frame,
                                struct zc_vm_place place)
{
    return follow_link(lock_of(vm, frame), next_of(place));
}

bool zc_rmap_needs_copy(const struct zc_vm_frame *frame,
                        const struct zc_vm_space *space, uint64_t page)
{
    return frame->home_family != 0 &&
           (frame->home_family != space->family || frame->home_page != page);
}
