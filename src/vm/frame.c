/* SPDX-License-Identifier: MIT */
/*
 * frame.c - page frames: free ones, and those in use by age.
 *
 * A frame is a folio.  Each mapping holds a reference, the swap cache one, and
 * each thread that works on it outside a lock its own; the last put frees the
 * frame.  A frame in use is on the list of the owner that it is charged to,
 * cold to hot, unless reclaim has isolated it or it is not mapped yet.
 *
 * Reclaim and a thread that maps the frame: both change the list under the
 * frames lock, and the mapping thread puts the frame on the list after it has
 * mapped it.  So a frame that reclaim takes off its list without getting a
 * reference is not lost to later reclaim: it is being freed, or a thread is
 * about to map it and puts it on the list again.
 *
 * A thread that finds no free frame reclaims.  If reclaim frees nothing while
 * writes are under way, the thread waits for the writes, unless it has a folio
 * locked: no thread waits for other writes with a slot pinned (swap/pageio.c).
 * A few frames are kept for reclaim itself: writing a page back from compressed
 * memory takes one.
 */
#include "base/inject.h"
#include "vm/vm.h"

#define RECLAIM_BATCH 32 /* SWAP_CLUSTER_MAX */
#define RECLAIM_ROUNDS 16

/* What take_free() found. */
struct answer {
    struct zc_vm_frame *frame; /* NULL: none for this owner */
    bool is_over;              /* the owner is at its limit */
    bool is_low;               /* few are left */
};

/* A free frame, if more than `keep` are free and its owner may have one. */
static struct answer take_free(struct zc_vm *vm, unsigned owner, uint64_t keep)
{
    struct zc_vm_owner *charged = &vm->owners[owner];
    struct answer answer = {.frame = NULL};
    struct zc_vm_frame *frame;

    zc_spinlock_lock(&vm->frames_lock);
    answer.is_over = charged->frames >= charged->limit;
    if (vm->free_count > keep && !answer.is_over) {
        answer.frame = ZC_CONTAINER(vm->free.next, struct zc_vm_frame, age);
        zc_list_remove(&answer.frame->age);
        vm->free_count--;
        answer.frame->owner = owner;
        charged->frames++;
    }
    answer.is_low = vm->free_count < vm->low;
    zc_spinlock_unlock(&vm->frames_lock);
    frame = answer.frame;
    if (frame == NULL)
        return answer;
    /* No other thread has the frame: these pair with what publishes it. */
    zc_atomic_u32_store_relaxed(&frame->folio.flags, 0);
    zc_atomic_u32_store_relaxed(&frame->folio.references, 1);
    frame->mappings.table = NULL;
    frame->mappings.index = 0;
    frame->mapped = 0;
    frame->home_family = 0;
    return answer;
}

static bool is_over_limit(struct zc_vm *vm, unsigned owner)
{
    bool is_over;

    zc_spinlock_lock(&vm->frames_lock);
    is_over = vm->owners[owner].frames >= vm->owners[owner].limit;
    zc_spinlock_unlock(&vm->frames_lock);
    return is_over;
}

uint64_t zc_frames_free(struct zc_vm *vm)
{
    uint64_t count;

    zc_spinlock_lock(&vm->frames_lock);
    count = vm->free_count;
    zc_spinlock_unlock(&vm->frames_lock);
    return count;
}

/* One round of reclaim, by the thread that needs a frame. */
static void reclaim_directly(struct zc_vm *vm, unsigned owner,
                             enum zc_frame_wait wait)
{
    uint64_t freed;

    zc_vm_count(vm, ZC_VM_DIRECT_RECLAIMS);
    freed = zc_vm_shrink(vm, owner, RECLAIM_BATCH);
    if (wait == ZC_FRAME_NO_WAIT)
        return;
    if (freed != 0)
        zc_pageio_throttle(&vm->cache->pageio);
    else /* all that could be freed is being written */
        zc_pageio_drain(&vm->cache->pageio);
}

bool zc_frame_make_room(struct zc_vm *vm, unsigned owner,
                        enum zc_frame_wait wait)
{
    unsigned round;

    for (round = 0; round < RECLAIM_ROUNDS; round++) {
        if (!is_over_limit(vm, owner))
            return true;
        reclaim_directly(vm, owner, wait);
    }
    return !is_over_limit(vm, owner);
}

struct zc_vm_frame *zc_frame_alloc(struct zc_vm *vm, unsigned owner,
                                   enum zc_frame_wait wait)
{
    struct answer answer;
    unsigned round;

    if (zc_inject(ZC_INJECT_FRAME))
        return NULL;
    for (round = 0; round < RECLAIM_ROUNDS; round++) {
        answer = take_free(vm, owner, vm->reserve);
        if (answer.is_low)
            zc_vm_reclaimer_wake(vm);
        if (answer.frame != NULL)
            return answer.frame;
        reclaim_directly(vm, answer.is_over ? owner : ZC_OWNER_COUNT, wait);
    }
    return take_free(vm, owner, vm->reserve).frame;
}

struct zc_folio *zc_frame_alloc_folio(void *context, bool may_reclaim)
{
    struct zc_vm *vm = context;
    struct zc_vm_frame *frame;

    /* Charged to an owner when it is mapped. */
    frame = may_reclaim ? zc_frame_alloc(vm, ZC_OWNER_COUNT, ZC_FRAME_MAY_WAIT)
                        : take_free(vm, ZC_OWNER_COUNT, 0).frame;
    return frame == NULL ? NULL : &frame->folio;
}

void zc_frame_free_folio(void *context, struct zc_folio *folio)
{
    struct zc_vm *vm = context;
    struct zc_vm_frame *frame = zc_frame_of(folio);

    ZC_ASSERT(frame->mapped == 0);
    zc_spinlock_lock(&vm->frames_lock);
    zc_list_remove(&frame->age);
    vm->owners[frame->owner].frames--;
    zc_list_add_first(&vm->free, &frame->age);
    vm->free_count++;
    zc_spinlock_unlock(&vm->frames_lock);
}

/* To the hot end of its owner's list. */
static void list_frame(struct zc_vm *vm, struct zc_vm_frame *frame)
    ZC_REQUIRES(vm->frames_lock)
{
    struct zc_vm_owner *owner = &vm->owners[frame->owner];

    zc_list_add_last(&owner->cold_to_hot, &frame->age);
    if (zc_list_is_empty(&owner->turn))
        zc_list_add_last(&vm->turns, &owner->turn);
}

void zc_frame_age(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    zc_spinlock_lock(&vm->frames_lock);
    if (zc_list_is_empty(&frame->age) && !frame->is_isolated)
        list_frame(vm, frame);
    zc_spinlock_unlock(&vm->frames_lock);
}

void zc_frame_put_back(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    zc_spinlock_lock(&vm->frames_lock);
    ZC_ASSERT(frame->is_isolated && zc_list_is_empty(&frame->age));
    frame->is_isolated = false;
    list_frame(vm, frame);
    zc_spinlock_unlock(&vm->frames_lock);
}

void zc_frame_charge(struct zc_vm *vm, struct zc_vm_frame *frame,
                     unsigned owner)
{
    bool is_listed;

    if (frame->owner == owner)
        return;
    zc_spinlock_lock(&vm->frames_lock);
    is_listed = !zc_list_is_empty(&frame->age);
    zc_list_remove(&frame->age);
    vm->owners[frame->owner].frames--;
    vm->owners[owner].frames++;
    frame->owner = owner;
    if (is_listed)
        list_frame(vm, frame);
    zc_spinlock_unlock(&vm->frames_lock);
}

/* Takes a reference if there are more than `above` already. */
static bool try_get(struct zc_folio *folio, uint32_t above)
{
    return zc_atomic_u32_get_above(&folio->references, above);
}

bool zc_frame_try_free_slot(struct zc_vm *vm, struct zc_folio *folio)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_swap_device *device;
    bool is_free;

    /* A locked folio in the cache keeps the device on.  After the removal only
     * a reference does, until the slot is freed. */
    device = zc_swap_device_get(swap, folio->swap);
    ZC_ASSERT(device != NULL);
    is_free = zc_swapcache_try_free_slot(swap, folio);
    if (is_free)
        zc_pageio_forget_stuck(&vm->cache->pageio, folio);
    zc_swap_device_put(swap, device);
    return is_free;
}

/* Gets a folio that only the swap cache references, by looking up its slot. */
static bool get_by_name(struct zc_vm *vm, const struct zc_folio *folio,
                        zc_swp slot)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_swap_device *device = zc_swap_device_get(swap, slot);
    struct zc_folio *found;

    if (device == NULL)
        return false;
    found = zc_swapcache_look_up(zc_slot_find(swap, slot));
    if (found != NULL && found != folio)
        zc_swapcache_put(swap, slot, found);
    zc_swap_device_put(swap, device);
    return found == folio;
}

/* Takes a reference to a frame on a list.  False: only the swap cache
 * references it, for *slot_out; or it is being freed. */
static bool hold_listed(struct zc_vm *vm, struct zc_vm_frame *frame,
                        zc_swp *slot_out) ZC_REQUIRES(vm->frames_lock)
{
    struct zc_folio *folio = &frame->folio;
    bool is_cached;
    bool is_held;

    (void)vm;
    slot_out->value = UINT64_MAX;
    /* A listed frame does not enter the swap cache: only reclaim puts it there,
     * and takes it off the list first.  It may leave the cache between the two
     * reads; the references left then are of mappings. */
    do {
        is_cached = zc_folio_has(folio, ZC_FOLIO_SWAPCACHE);
        is_held = try_get(folio, is_cached ? 1 : 0);
    } while (!is_held && is_cached && !zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    if (!is_held && is_cached)
        *slot_out = folio->swap;
    return is_held;
}

/* Takes the coldest frame off a list, and isolates it if it got a reference. */
static struct zc_vm_frame *take_coldest(struct zc_vm *vm, unsigned owner,
                                        bool *is_held_out, zc_swp *slot_out)
{
    struct zc_list *by_age = &vm->owners[owner].cold_to_hot;
    struct zc_vm_frame *frame = NULL;

    zc_spinlock_lock(&vm->frames_lock);
    if (!zc_list_is_empty(by_age)) {
        frame = ZC_CONTAINER(by_age->next, struct zc_vm_frame, age);
        *is_held_out = hold_listed(vm, frame, slot_out);
        zc_list_remove(&frame->age);
        frame->is_isolated = *is_held_out;
    }
    zc_spinlock_unlock(&vm->frames_lock);
    return frame;
}

/* Isolates a frame whose reference came from the swap-cache look-up.  False:
 * another thread has isolated it. */
static bool isolate_frame(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    bool is_ours;

    zc_spinlock_lock(&vm->frames_lock);
    is_ours = !frame->is_isolated;
    if (is_ours) {
        frame->is_isolated = true;
        zc_list_remove(&frame->age); /* a thread that mapped it has listed it */
    }
    zc_spinlock_unlock(&vm->frames_lock);
    return is_ours;
}

struct zc_vm_frame *zc_frame_isolate(struct zc_vm *vm, unsigned owner)
{
    struct zc_vm_frame *frame;
    bool is_held = false;
    zc_swp slot;

    for (;;) {
        frame = take_coldest(vm, owner, &is_held, &slot);
        if (frame == NULL || is_held)
            return frame;
        /* The look-up failed: it is free, or mapped again and listed. */
        if (!get_by_name(vm, &frame->folio, slot))
            continue;
        if (isolate_frame(vm, frame))
            return frame;
        zc_swapcache_put(zc_vm_swap(vm), slot, &frame->folio);
    }
}

bool zc_frame_next_owner(struct zc_vm *vm, unsigned *owner_out)
{
    struct zc_vm_owner *owner;
    bool found = false;

    zc_spinlock_lock(&vm->frames_lock);
    while (!found && !zc_list_is_empty(&vm->turns)) {
        owner = ZC_CONTAINER(vm->turns.next, struct zc_vm_owner, turn);
        zc_list_remove(&owner->turn);
        found = !zc_list_is_empty(&owner->cold_to_hot);
        if (found) {
            zc_list_add_last(&vm->turns, &owner->turn);
            *owner_out = (unsigned)(owner - vm->owners);
        }
    }
    zc_spinlock_unlock(&vm->frames_lock);
    return found;
}
