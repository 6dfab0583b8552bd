/* SPDX-License-Identifier: MIT */
/*
 * vm_frame.c - page frames: free ones, and those in use by age.
 *
 * A frame is a folio.  Each mapping holds a reference, the swap cache one, and
 * whoever works on it outside a lock his own; the last put gives the frame
 * back here.  Frames in use are on the list of the owner they are charged to,
 * cold to hot, unless somebody has isolated them or they are not mapped yet.
 *
 * Whoever finds no free frame reclaims.  A few frames are kept for reclaim's
 * own needs: writing a page back from compressed memory takes a frame.
 */
#include "inject.h"
#include "vm_internal.h"

#define RECLAIM_BATCH 32 /* SWAP_CLUSTER_MAX */
#define RECLAIM_ROUNDS 16

/* A free frame, if more than `keep` are free. */
static struct zc_vm_frame *take_free(struct zc_vm *vm, unsigned owner,
                                     uint64_t keep)
{
    struct zc_vm_frame *frame = NULL;

    zc_spinlock_lock(&vm->frames_lock);
    if (vm->free_count > keep) {
        frame = ZC_CONTAINER(vm->free.next, struct zc_vm_frame, age);
        zc_list_remove(&frame->age);
        vm->free_count--;
        frame->owner = owner;
        vm->owners[owner].frames++;
    }
    zc_spinlock_unlock(&vm->frames_lock);
    if (frame == NULL)
        return NULL;
    /* Nobody knows the frame: these pair with what publishes it. */
    zc_atomic_u32_store_relaxed(&frame->folio.flags, 0);
    zc_atomic_u32_store_relaxed(&frame->folio.references, 1);
    frame->mappings.table = NULL;
    frame->mapped = 0;
    frame->home_family = 0;
    return frame;
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

/* Brings an owner below his limit.  False: he stays over it. */
static bool make_owner_room(struct zc_vm *vm, unsigned owner)
{
    unsigned round;

    for (round = 0; round < RECLAIM_ROUNDS; round++) {
        if (!is_over_limit(vm, owner))
            return true;
        zc_vm_count(vm, ZC_VM_DIRECT_RECLAIMS);
        (void)zc_vm_shrink(vm, owner, RECLAIM_BATCH);
    }
    return !is_over_limit(vm, owner);
}

struct zc_vm_frame *zc_frame_alloc(struct zc_vm *vm, unsigned owner)
{
    struct zc_vm_frame *frame;
    unsigned round;

    if (zc_inject(ZC_INJECT_FRAME) || !make_owner_room(vm, owner))
        return NULL;
    for (round = 0; round < RECLAIM_ROUNDS; round++) {
        frame = take_free(vm, owner, vm->reserve);
        if (zc_frames_free(vm) < vm->low)
            zc_vm_reclaimer_wake(vm);
        if (frame != NULL)
            return frame;
        zc_vm_count(vm, ZC_VM_DIRECT_RECLAIMS);
        if (zc_vm_shrink(vm, ZC_OWNER_COUNT, RECLAIM_BATCH) == 0)
            zc_cpu_relax();
    }
    return NULL;
}

struct zc_folio *zc_frame_alloc_folio(void *context, bool may_reclaim)
{
    struct zc_vm *vm = context;
    struct zc_vm_frame *frame;

    /* Charged to whoever maps it. */
    frame = may_reclaim ? zc_frame_alloc(vm, ZC_OWNER_COUNT)
                        : take_free(vm, ZC_OWNER_COUNT, 0);
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

void zc_frame_age(struct zc_vm *vm, struct zc_vm_frame *frame)
{
    zc_spinlock_lock(&vm->frames_lock);
    if (zc_list_is_empty(&frame->age))
        zc_list_add_last(&vm->owners[frame->owner].cold_to_hot, &frame->age);
    zc_spinlock_unlock(&vm->frames_lock);
}

void zc_frame_charge(struct zc_vm *vm, struct zc_vm_frame *frame,
                     unsigned owner)
{
    bool is_listed;

    zc_spinlock_lock(&vm->frames_lock);
    if (frame->owner != owner) {
        is_listed = !zc_list_is_empty(&frame->age);
        zc_list_remove(&frame->age);
        vm->owners[frame->owner].frames--;
        vm->owners[owner].frames++;
        frame->owner = owner;
        if (is_listed)
            zc_list_add_last(&vm->owners[owner].cold_to_hot, &frame->age);
    }
    zc_spinlock_unlock(&vm->frames_lock);
}

/* A reference where there are more than so many already. */
static bool try_get(struct zc_folio *folio, uint32_t above)
{
    uint32_t references = zc_atomic_u32_load_acquire(&folio->references);

    do {
        if (references <= above)
            return false;
    } while (!zc_atomic_u32_exchange_if(&folio->references, &references,
                                        references + 1));
    return true;
}

/* A folio that only the swap cache knows is had by its slot's name alone. */
static bool get_by_name(struct zc_vm *vm, struct zc_folio *folio, zc_swp slot)
{
    struct zc_swap *swap = zc_vm_swap(vm);
    struct zc_swap_device *device = zc_swap_device_get(swap, slot);
    struct zc_folio *found;

    if (device == NULL)
        return false;
    found = zc_swapcache_look_up(swap, slot);
    if (found != NULL && found != folio)
        zc_swapcache_put(swap, slot, found);
    zc_swap_device_put(swap, device);
    return found == folio;
}

/*
 * The coldest of a list, off it.  *is_held_out: with a reference.  Without: it
 * is in the swap cache, under *slot_out; or on its way to the free ones.
 */
static struct zc_vm_frame *take_coldest(struct zc_list *list, bool *is_held_out,
                                        zc_swp *slot_out)
{
    struct zc_vm_frame *frame;
    bool is_cached;

    if (zc_list_is_empty(list))
        return NULL;
    frame = ZC_CONTAINER(list->next, struct zc_vm_frame, age);
    zc_list_remove(&frame->age);
    /* On a list it does not enter the swap cache: only reclaim puts it there,
     * which takes it off first. */
    is_cached = zc_folio_has(&frame->folio, ZC_FOLIO_SWAPCACHE);
    *is_held_out = try_get(&frame->folio, is_cached ? 1 : 0);
    if (!*is_held_out && is_cached)
        *slot_out = frame->folio.swap;
    else
        slot_out->value = UINT64_MAX;
    return frame;
}

struct zc_vm_frame *zc_frame_isolate(struct zc_vm *vm, unsigned owner)
{
    struct zc_vm_frame *frame;
    bool is_held = false;
    zc_swp slot;

    do {
        zc_spinlock_lock(&vm->frames_lock);
        frame = take_coldest(&vm->owners[owner].cold_to_hot, &is_held, &slot);
        zc_spinlock_unlock(&vm->frames_lock);
        /* Not had by its name: it is free, or mapped again and listed. */
    } while (frame != NULL && !is_held &&
             !get_by_name(vm, &frame->folio, slot));
    return frame;
}

bool zc_frame_next_owner(struct zc_vm *vm, unsigned *owner_out)
{
    unsigned tried;
    unsigned owner;
    bool found = false;

    zc_spinlock_lock(&vm->frames_lock);
    for (tried = 0; !found && tried <= ZC_OWNER_COUNT; tried++) {
        owner = vm->next_owner;
        vm->next_owner = owner == ZC_OWNER_COUNT ? 0 : owner + 1;
        if (!zc_list_is_empty(&vm->owners[owner].cold_to_hot)) {
            *owner_out = owner;
            found = true;
        }
    }
    zc_spinlock_unlock(&vm->frames_lock);
    return found;
}
