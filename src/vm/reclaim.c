/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c - frames out: second chance, unmap, page I/O.
 *
 *     coldest frame of some owner, isolated, with a reference
 *     lock it, if it is not locked: reclaim waits for no folio lock
 *     used since the last scan?  back to the hot end
 *     if it has no slot: give it one, and a place in the swap cache
 *     for each mapping: one more swap count, then under the table's lock the
 *     entry becomes the swap entry
 *     dirty: page I/O, which unlocks; clean: its slot has a copy
 *     the last put takes it out of the swap cache and frees the frame
 *
 * The thread that unmaps a swap entry drops its count.  If the entry came
 * first, that thread would drop the count of another entry, and the slot could
 * be given to another page while an entry names it.
 *
 * As soon as the frame is in the swap cache, a thread that faults on one of its
 * entries finds it there.  A frame stays, and becomes the hottest, if a count
 * could not be raised, so that an entry still maps the frame; if it could not
 * be written; or if a fault has mapped it again.
 *
 * A thread that needs a frame may reclaim while it has a folio locked.  It
 * cannot deadlock: reclaim only tries folio locks, and waits for no write
 * (zc_vm_shrink), so it never waits for a thread that waits for that folio.
 */
#include "vm/vm.h"

#define SCAN_FACTOR 8 /* frames looked at for each one wanted, at most */
#define BATCH 32      /* frames in one round of the reclaimer */
#define STUCK_MAX 32  /* failed writes retried in one go */

static bool maps_frame(const struct zc_vm *vm, zc_pte pte,
                       const struct zc_vm_frame *frame)
{
    return (pte & ZC_PTE_PRESENT) != 0 && zc_pte_frame(vm, pte) == frame;
}

/*
 * Walks the frame's mappings: whether one used the frame since the last scan,
 * or is mlocked; clears the accessed bits.  The caller holds the folio's lock.
 * A thread that maps an mlocked page to a frame that reclaim can find holds it
 * too, so the walk misses no such mapping.  Otherwise reclaim would unmap the
 * others, and then keep the frame for this one.
 */
static bool was_used(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    struct zc_vm_place place = zc_rmap_first(vm, frame);
    struct zc_vm_place next;
    bool used = false;
    bool is_mapping;
    zc_pte *entry;

    while (place.table != NULL) {
        entry = &place.table->entries[place.index];
        zc_spinlock_lock(&place.table->lock);
        is_mapping = maps_frame(vm, *entry, frame);
        if (is_mapping) {
            used |= (*entry & (ZC_PTE_ACCESSED | ZC_PTE_LOCKED)) != 0;
            *entry &= ~(zc_pte)ZC_PTE_ACCESSED;
            next = zc_rmap_next(vm, frame, place);
        }
        zc_spinlock_unlock(&place.table->lock);
        /* A mapping that is gone has no link to the next: begin again. */
        place = is_mapping ? next : zc_rmap_first(vm, frame);
    }
    return used;
}

/*
 * Makes one mapping a swap entry: raises the count first, and drops it if it
 * was not needed.  ZC_OK: done, or the mapping was gone; ZC_BUSY: it is
 * mlocked.
 */
static zc_status unmap_one(struct zc_vm *vm, struct zc_vm_frame *frame,
                           struct zc_vm_place place)
{
    const zc_swp slot = frame->folio.swap;
    zc_pte *entry = &place.table->entries[place.index];
    bool unmapped = false;
    bool is_locked = false;
    zc_status status;

    status = zc_slot_dup(zc_vm_swap(vm), slot);
    if (status != ZC_OK)
        return status;
    zc_spinlock_lock(&place.table->lock);
    if (maps_frame(vm, *entry, frame)) {
        is_locked = (*entry & ZC_PTE_LOCKED) != 0;
        unmapped = !is_locked;
    }
    if (unmapped) {
        if ((*entry & ZC_PTE_DIRTY) != 0)
            zc_folio_set(&frame->folio, ZC_FOLIO_DIRTY);
        *entry = zc_pte_of_slot(slot) | (*entry & ZC_PTE_KEPT);
        zc_rmap_remove(vm, frame, place);
    }
    zc_spinlock_unlock(&place.table->lock);
    if (unmapped)
        zc_folio_put(zc_vm_swap(vm), &frame->folio); /* the mapping's */
    else
        zc_vm_drop_count(vm, slot);
    return is_locked ? ZC_BUSY : ZC_OK;
}

/* Unmaps all.  True: no mapping is left. */
static bool unmap_all(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    struct zc_vm_place place;

    while ((place = zc_rmap_first(vm, frame)).table != NULL)
        if (unmap_one(vm, frame, place) != ZC_OK)
            return false;
    return true;
}

/* Gives the locked folio a slot if it has none.  True: it is in the cache. */
static bool give_slot(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    struct zc_folio *folio = &frame->folio;
    zc_swp slot;

    if (zc_folio_has(folio, ZC_FOLIO_SWAPCACHE))
        return true;
    if (!zc_folio_has(folio, ZC_FOLIO_UPTODATE) ||
        zc_rmap_first(vm, frame).table == NULL ||
        zc_slot_alloc(zc_vm_swap(vm), folio, &slot) != ZC_OK)
        return false;
    zc_folio_set(folio, ZC_FOLIO_DIRTY); /* the slot has no copy yet */
    return true;
}

/* The owner that is charged for the page in compressed memory.  A frame that
 * was read for a fault but not mapped has no owner; its page is charged to
 * owner 0, as a page that is stored for no owner is. */
static unsigned payer_of(const struct zc_vm_frame *frame)
{
    return frame->owner == ZC_OWNER_COUNT ? 0 : frame->owner;
}

/* Writes out a locked folio that has no mapping, and unlocks it.  True: it is
 * on its way out. */
static bool write_out(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_folio *folio = &frame->folio;
    zc_status status;

    if (zc_frame_try_free_slot(vm, folio)) { /* the slot has no count */
        zc_folio_unlock(swap, folio);
        return true;
    }
    if (!zc_folio_has(folio, ZC_FOLIO_DIRTY)) {
        /* Its slot has a copy: it leaves the cache with our put, unless another
         * thread looks it up. */
        zc_folio_unlock(swap, folio);
        return true;
    }
    status = zc_pageio_write(&vm->cache->pageio, folio, payer_of(frame));
    if (status != ZC_OK)
        return false;
    zc_vm_count(vm, ZC_VM_SWAPPED_OUT);
    return true;
}

/* Tries to free an isolated frame; the caller keeps its reference.  True:
 * besides the swap cache only that reference, or a write under way, keeps
 * it. */
static bool reclaim_frame(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_folio *folio = &frame->folio;
    bool had_slot;

    if (!zc_folio_trylock(folio))
        return false;
    had_slot = zc_folio_has(folio, ZC_FOLIO_SWAPCACHE);
    if (zc_folio_has(folio, ZC_FOLIO_WRITEBACK) || was_used(vm, frame) ||
        !give_slot(vm, frame) || !unmap_all(vm, frame)) {
        /* Gives up a slot that was taken in vain. */
        if (!had_slot && zc_folio_has(folio, ZC_FOLIO_SWAPCACHE))
            (void)zc_frame_try_free_slot(vm, folio);
        zc_folio_unlock(swap, folio);
        return false;
    }
    return write_out(vm, frame);
}

/* Drops the reference of reclaim.  A frame that stays in use is put at the hot
 * end. */
static void put_back(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    struct zc_folio *folio = &frame->folio;
    const bool is_cached = zc_folio_has(folio, ZC_FOLIO_SWAPCACHE);
    /* While it is isolated it does not get another slot: only reclaim gives
     * one. */
    const zc_swp slot = folio->swap;

    zc_frame_put_back(vm, frame);
    if (is_cached)
        zc_swapcache_put(zc_vm_swap(vm), slot, folio);
    else
        zc_folio_put(zc_vm_swap(vm), folio);
}

uint64_t zc_vm_shrink(struct zc_vm *vm, unsigned owner, uint64_t goal)
{
    struct zc_vm_frame *frame;
    uint64_t scan_max;
    uint64_t freed = 0;
    uint64_t scanned;
    unsigned from = owner;

    if (goal > vm->frame_count)
        goal = vm->frame_count;
    scan_max = goal * SCAN_FACTOR + vm->frame_count / 8;
    /* After the second look at a frame a third one tells nothing new. */
    if (scan_max > 2 * vm->frame_count)
        scan_max = 2 * vm->frame_count;
    /* Failed writes keep frames, needed or not. */
    (void)zc_pageio_retry(&vm->cache->pageio, STUCK_MAX);
    for (scanned = 0; scanned < scan_max && freed < goal; scanned++) {
        if (owner == ZC_OWNER_COUNT && !zc_frame_next_owner(vm, &from))
            break;
        frame = zc_frame_isolate(vm, from);
        if (frame == NULL && owner != ZC_OWNER_COUNT)
            break;
        if (frame == NULL) /* raced: its list is empty, try the next owner */
            continue;
        zc_vm_count(vm, ZC_VM_RECLAIM_SCANNED);
        if (reclaim_frame(vm, frame)) {
            freed++;
            zc_vm_count(vm, ZC_VM_RECLAIM_FREED);
        }
        put_back(vm, frame);
    }
    return freed;
}

zc_status zc_vm_reclaim(struct zc_vm *vm, unsigned owner, uint64_t goal,
                        uint64_t *freed_out)
{
    uint64_t freed;

    if (vm == NULL || owner > ZC_OWNER_COUNT)
        return ZC_INVALID;
    if (zc_process_is_child(&vm->cache->process))
        return ZC_UNSUPPORTED;
    freed = zc_vm_shrink(vm, owner, goal);
    zc_pageio_throttle(&vm->cache->pageio);
    if (freed_out != NULL)
        *freed_out = freed;
    return freed >= goal ? ZC_OK : ZC_AGAIN;
}

/* --- the reclaimer --------------------------------------------------- */

static void run_reclaimer(void *argument)
{
    struct zc_vm *vm = argument;

    zc_mutex_lock(&vm->reclaimer_lock);
    while (!vm->is_ending) {
        if (!vm->is_wanted || vm->holders != 0) {
            zc_condition_wait(&vm->reclaimer_changed, &vm->reclaimer_lock);
            continue;
        }
        vm->is_wanted = false;
        vm->is_busy = true;
        zc_mutex_unlock(&vm->reclaimer_lock);
        while (zc_frames_free(vm) < vm->high &&
               zc_vm_shrink(vm, ZC_OWNER_COUNT, BATCH) != 0)
            zc_pageio_throttle(&vm->cache->pageio);
        zc_mutex_lock(&vm->reclaimer_lock);
        vm->is_busy = false;
        zc_condition_broadcast(&vm->reclaimer_changed);
    }
    zc_mutex_unlock(&vm->reclaimer_lock);
}

zc_status zc_vm_reclaimer_start(struct zc_vm *vm)
{
    return zc_thread_start(&vm->reclaimer, run_reclaimer, vm);
}

void zc_vm_reclaimer_stop(struct zc_vm *vm)
{
    zc_mutex_lock(&vm->reclaimer_lock);
    vm->is_ending = true;
    zc_condition_broadcast(&vm->reclaimer_changed);
    zc_mutex_unlock(&vm->reclaimer_lock);
    zc_thread_join(&vm->reclaimer);
}

void zc_vm_reclaimer_wake(struct zc_vm *vm)
{
    if (!vm->has_reclaimer)
        return;
    zc_mutex_lock(&vm->reclaimer_lock);
    vm->is_wanted = true;
    zc_condition_broadcast(&vm->reclaimer_changed);
    zc_mutex_unlock(&vm->reclaimer_lock);
}

void zc_vm_reclaimer_hold(struct zc_vm *vm)
{
    if (!vm->has_reclaimer)
        return;
    zc_mutex_lock(&vm->reclaimer_lock);
    vm->holders++;
    while (vm->is_busy)
        zc_condition_wait(&vm->reclaimer_changed, &vm->reclaimer_lock);
    zc_mutex_unlock(&vm->reclaimer_lock);
}

void zc_vm_reclaimer_release(struct zc_vm *vm)
{
    if (!vm->has_reclaimer)
        return;
    zc_mutex_lock(&vm->reclaimer_lock);
    vm->holders--;
    zc_condition_broadcast(&vm->reclaimer_changed);
    zc_mutex_unlock(&vm->reclaimer_lock);
}
