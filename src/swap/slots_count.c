/* SPDX-License-Identifier: MIT */
/*
 * slots_count.c - counts, bare pins, and which thread frees a slot.
 *
 * A slot has three uses: count, folio, pin.  Each is removed under the
 * cluster's lock.  The thread that removes the last one sets FREEING under the
 * same lock, so exactly one thread does.  From then on no thread can make a use
 * of the slot:
 *
 *     a count    zc_slot_dup() needs a count, or the lock of the cached folio;
 *                a store sets it, and has a pin or that lock (zc_slot_claim())
 *     a folio    zc_swapcache_create() needs a count; zc_slot_alloc() needs a
 *                slot that the allocator has given out
 *     a pin      zc_slot_pin() needs a count; zc_slot_claim() waits for the end
 *                of FREEING
 *     allocator  has the slot as taken until it is given back, last of all
 *
 * So the freeing thread calls last_put(), which drops the stored page, with no
 * lock held.  No other thread stores under the name meanwhile; otherwise
 * last_put() would drop the new page with the old one.
 *
 * SWAPOFF_AND_LAST_PUT_AGREE: the freeing thread and swapoff.  Swapoff does not
 * wait for FREEING slots; it waits for the device's references.  So the freeing
 * thread holds one until it no longer touches slot or device, which otherwise
 * would be freed under it.  In zc_slot_drop() the count is what keeps the
 * device on.  So zc_slot_drop() takes a device reference before it drops the
 * count.
 *
 * No wake-up is lost.  Under the cluster's lock the waiter finds the pin or
 * FREEING, sets WAITERS and reads `changes`; then it sleeps while the word has
 * that value.  Under the same lock the thread that ends the pin or FREEING
 * changes the word if WAITERS is set; then it wakes.  One of them holds the
 * lock first:
 *
 *     the waiter    the other thread sees WAITERS and changes the word, so the
 *                   waiter does not sleep, or is woken
 *     the other     the waiter finds no pin and no FREEING
 */
#include "rules.h"
#include "swap/slots.h"

#define COUNT_IN_OVERFLOW 255

/* With one of these a slot is not free, whatever its count. */
#define IN_USE (ZC_SLOT_CACHED | ZC_SLOT_PINNED | ZC_SLOT_FREEING)

static uint32_t *overflow_of(const struct zc_cluster *cluster)
{
    return zc_atomic_pointer_load_acquire(&cluster->overflow);
}

static uint32_t count_of(const struct zc_cluster *cluster, unsigned index)
    ZC_REQUIRES(cluster->lock)
{
    if (cluster->counts[index] == COUNT_IN_OVERFLOW)
        return overflow_of(cluster)[index];
    return cluster->counts[index];
}

void zc_cluster_set_count(struct zc_cluster *cluster, unsigned index,
                          uint32_t count)
{
    if (count <= ZC_COUNT_IN_PLACE_MAX) {
        cluster->counts[index] = (uint8_t)count;
        return;
    }
    ZC_ASSERT(overflow_of(cluster) != NULL);
    overflow_of(cluster)[index] = count;
    cluster->counts[index] = COUNT_IN_OVERFLOW;
}

void zc_cluster_use(struct zc_swap_device *device, struct zc_cluster *cluster,
                    unsigned index, unsigned flag)
{
    ZC_ASSERT((cluster->flags[index] & IN_USE) == 0);
    if (cluster->counts[index] == 0) {
        ZC_ASSERT(cluster->flags[index] == 0);
        cluster->used++;
        zc_counter_add(&device->used, 1);
    }
    cluster->flags[index] |= (uint8_t)flag;
}

bool zc_cluster_leave(struct zc_cluster *cluster, unsigned index, unsigned flag)
{
    ZC_ASSERT((cluster->flags[index] & ZC_SLOT_FREEING) == 0);
    ZC_ASSERT((cluster->flags[index] & flag) == flag);
    cluster->flags[index] &= (uint8_t)~flag;
    if (cluster->counts[index] != 0 || (cluster->flags[index] & IN_USE) != 0)
        return false;
    cluster->flags[index] |= ZC_SLOT_FREEING;
    return true;
}

bool zc_cluster_changed(struct zc_cluster *cluster, unsigned index)
{
    if ((cluster->flags[index] & ZC_SLOT_WAITERS) == 0)
        return false;
    cluster->flags[index] &= (uint8_t)~ZC_SLOT_WAITERS;
    (void)zc_atomic_u32_add(&cluster->changes, 1);
    return true;
}

void zc_cluster_wake(struct zc_swap *swap, const struct zc_cluster *cluster)
{
    zc_unpark_all(&swap->parking, &cluster->changes);
}

void zc_slot_free(struct zc_swap *swap, struct zc_slot_ref slot)
{
    struct zc_swap_device *device = zc_slot_device(swap, slot.name);
    struct zc_cluster *cluster = slot.cluster;
    unsigned index = zc_slot_index(slot.name);
    bool wake;

    zc_may_block();
    swap->last_put(swap->context, slot.name);
    zc_spinlock_lock(&cluster->lock);
    ZC_ASSERT(cluster->counts[index] == 0);
    ZC_ASSERT((cluster->flags[index] & IN_USE) == ZC_SLOT_FREEING);
    wake = zc_cluster_changed(cluster, index);
    cluster->flags[index] = 0; /* the zero bit too */
    cluster->used--;
    zc_spinlock_unlock(&cluster->lock);
    if (wake)
        zc_cluster_wake(swap, cluster);
    zc_counter_subtract(&device->used, 1);
    if (device->allocator != NULL)
        zc_slot_allocator_give(device->allocator, zc_swp_offset(slot.name));
}

/* Raises the count by one.  ZC_AGAIN: it does not fit into the byte. */
static zc_status raise_count(struct zc_cluster *cluster, unsigned index)
    ZC_REQUIRES(cluster->lock)
{
    uint32_t count = count_of(cluster, index);

    ZC_ASSERT(count > 0 || (cluster->flags[index] & ZC_SLOT_CACHED) != 0);
    if (count == ZC_COUNT_MAX)
        return ZC_REJECTED;
    if (count == ZC_COUNT_IN_PLACE_MAX && overflow_of(cluster) == NULL)
        return ZC_AGAIN;
    zc_cluster_set_count(cluster, index, count + 1);
    return ZC_OK;
}

zc_status zc_slot_dup(struct zc_swap *swap, zc_swp slot)
{
    struct zc_cluster *cluster = zc_slot_find(swap, slot).cluster;
    zc_status status;

    ZC_ASSERT(cluster != NULL);
    for (;;) {
        zc_spinlock_lock(&cluster->lock);
        status = raise_count(cluster, zc_slot_index(slot));
        zc_spinlock_unlock(&cluster->lock);
        if (status != ZC_AGAIN)
            return status;
        /* The table stays, so the second turn ends. */
        status = zc_cluster_add_overflow(zc_slot_device(swap, slot), cluster);
        if (status != ZC_OK)
            return status;
    }
}

zc_status zc_slot_dup_atomic(struct zc_swap *swap, zc_swp slot)
{
    struct zc_cluster *cluster = zc_slot_find(swap, slot).cluster;
    zc_status status;

    ZC_ASSERT(cluster != NULL);
    zc_spinlock_lock(&cluster->lock);
    status = raise_count(cluster, zc_slot_index(slot));
    zc_spinlock_unlock(&cluster->lock);
    return status;
}

zc_status zc_slot_reserve_counts(struct zc_swap *swap, zc_swp slot)
{
    struct zc_swap_device *device = zc_swap_device_get(swap, slot);
    struct zc_cluster *cluster;
    zc_status status = ZC_MISSING;

    if (device == NULL)
        return ZC_MISSING;
    cluster = zc_slot_find(swap, slot).cluster;
    if (cluster != NULL)
        status = zc_cluster_add_overflow(device, cluster);
    zc_swap_device_put(swap, device);
    return status;
}

/* Lowers the count by one.  True: that was the last use of the slot, which is
 * FREEING now.  *orphan_out: a folio that was removed with it, or NULL. */
static bool lower_count(struct zc_swap_device *device,
                        struct zc_cluster *cluster, unsigned index,
                        struct zc_folio **orphan_out) ZC_REQUIRES(cluster->lock)
{
    uint32_t count = count_of(cluster, index);
    struct zc_folio *folio;

    *orphan_out = NULL;
    ZC_ASSERT(count > 0);
    zc_cluster_set_count(cluster, index, count - 1);
    if (count > 1)
        return false;
    folio = zc_cluster_folio(cluster, index);
    if (folio == NULL || !zc_cluster_alone(cluster, folio))
        return zc_cluster_leave(cluster, index, 0);
    *orphan_out = folio;
    return zc_cluster_remove(device, cluster, index);
}

void zc_slot_drop(struct zc_swap *swap, zc_swp slot)
{
    struct zc_swap_device *device = zc_swap_device_get(swap, slot);
    struct zc_slot_ref ref;
    struct zc_folio *orphan;
    bool freeing;

    /* The count that is dropped here keeps the device on. */
    ZC_ASSERT(device != NULL);
    ref = zc_slot_find(swap, slot);
    ZC_ASSERT(ref.cluster != NULL);
    zc_spinlock_lock(&ref.cluster->lock);
    freeing = lower_count(device, ref.cluster, zc_slot_index(slot), &orphan);
    zc_spinlock_unlock(&ref.cluster->lock);
    if (!ZC_RULE(SWAPOFF_AND_LAST_PUT_AGREE))
        zc_swap_device_put(swap, device);
    if (orphan != NULL)
        zc_folio_put(swap, orphan);
    if (freeing)
        zc_slot_free(swap, ref);
    if (ZC_RULE(SWAPOFF_AND_LAST_PUT_AGREE))
        zc_swap_device_put(swap, device);
}

uint32_t zc_slot_count(struct zc_slot_ref slot)
{
    struct zc_cluster *cluster = slot.cluster;
    uint32_t count;

    if (cluster == NULL)
        return 0;
    zc_spinlock_lock(&cluster->lock);
    count = count_of(cluster, zc_slot_index(slot.name));
    zc_spinlock_unlock(&cluster->lock);
    return count;
}

bool zc_slot_is_single(struct zc_slot_ref slot)
{
    struct zc_cluster *cluster = slot.cluster;
    const unsigned index = zc_slot_index(slot.name);
    bool is_single;

    if (cluster == NULL)
        return false;
    zc_spinlock_lock(&cluster->lock);
    is_single = cluster->counts[index] == 1 &&
                (cluster->flags[index] & ZC_SLOT_CACHED) == 0;
    zc_spinlock_unlock(&cluster->lock);
    return is_single;
}

zc_status zc_slot_pin(struct zc_swap *swap, struct zc_slot_ref slot,
                      bool *is_zero_out)
{
    struct zc_cluster *cluster = slot.cluster;
    unsigned index = zc_slot_index(slot.name);
    zc_status status = ZC_OK;

    if (cluster == NULL)
        return ZC_MISSING;
    zc_spinlock_lock(&cluster->lock);
    if ((cluster->flags[index] & (ZC_SLOT_CACHED | ZC_SLOT_PINNED)) != 0)
        status = ZC_BUSY;
    else if (cluster->counts[index] == 0)
        status = ZC_MISSING;
    else
        zc_cluster_use(zc_slot_device(swap, slot.name), cluster, index,
                       ZC_SLOT_PINNED);
    if (status == ZC_OK && is_zero_out != NULL)
        *is_zero_out = (cluster->flags[index] & ZC_SLOT_ZERO) != 0;
    zc_spinlock_unlock(&cluster->lock);
    return status;
}

/* Ends a bare pin, and drops `counts`, 0 or 1, of the slot's. */
static void end_pin(struct zc_swap *swap, struct zc_slot_ref slot,
                    uint32_t counts)
{
    struct zc_cluster *cluster = slot.cluster;
    unsigned index = zc_slot_index(slot.name);
    bool freeing;
    bool wake;

    ZC_ASSERT(cluster != NULL);
    zc_spinlock_lock(&cluster->lock);
    ZC_ASSERT(count_of(cluster, index) >= counts);
    if (counts != 0)
        zc_cluster_set_count(cluster, index, count_of(cluster, index) - counts);
    freeing = zc_cluster_leave(cluster, index, ZC_SLOT_PINNED);
    wake = zc_cluster_changed(cluster, index);
    zc_spinlock_unlock(&cluster->lock);
    if (wake)
        zc_cluster_wake(swap, cluster);
    if (freeing)
        zc_slot_free(swap, slot);
}

void zc_slot_unpin(struct zc_swap *swap, struct zc_slot_ref slot)
{
    end_pin(swap, slot, 0);
}

void zc_slot_unpin_and_drop(struct zc_swap *swap, struct zc_slot_ref slot)
{
    end_pin(swap, slot, 1);
}

void zc_slot_wait_for(struct zc_swap *swap, struct zc_slot_ref slot,
                      unsigned flags)
{
    struct zc_cluster *cluster = slot.cluster;
    const unsigned index = zc_slot_index(slot.name);
    uint32_t changes = 0;
    bool sleeps;

    zc_spinlock_lock(&cluster->lock);
    sleeps = (cluster->flags[index] & flags) != 0;
    if (sleeps) {
        cluster->flags[index] |= ZC_SLOT_WAITERS;
        changes = zc_atomic_u32_load_relaxed(&cluster->changes);
    }
    zc_spinlock_unlock(&cluster->lock);
    if (sleeps)
        zc_park_while(&swap->parking, &cluster->changes, changes);
}

void zc_slot_wait(struct zc_swap *swap, struct zc_slot_ref slot)
{
    if (slot.cluster != NULL && ZC_RULE(PIN_LOSER_SLEEPS))
        zc_slot_wait_for(swap, slot, ZC_SLOT_PINNED);
}

void zc_slot_set_zero(struct zc_slot_ref slot, bool is_zero)
{
    struct zc_cluster *cluster = slot.cluster;
    unsigned index = zc_slot_index(slot.name);

    ZC_ASSERT(cluster != NULL);
    zc_spinlock_lock(&cluster->lock);
    ZC_ASSERT((cluster->flags[index] & (ZC_SLOT_CACHED | ZC_SLOT_PINNED)) != 0);
    if (is_zero)
        cluster->flags[index] |= ZC_SLOT_ZERO;
    else
        cluster->flags[index] &= (uint8_t)~ZC_SLOT_ZERO;
    zc_spinlock_unlock(&cluster->lock);
}

bool zc_slot_is_zero(struct zc_slot_ref slot)
{
    struct zc_cluster *cluster = slot.cluster;
    bool is_zero;

    if (cluster == NULL)
        return false;
    zc_spinlock_lock(&cluster->lock);
    is_zero = (cluster->flags[zc_slot_index(slot.name)] & ZC_SLOT_ZERO) != 0;
    zc_spinlock_unlock(&cluster->lock);
    return is_zero;
}

/* The checksums of the slot's cluster; NULL: none were reserved. */
static uint64_t *sums_of(struct zc_slot_ref slot)
{
    ZC_ASSERT(slot.cluster != NULL);
    return zc_atomic_pointer_load_acquire(&slot.cluster->sums);
}

zc_status zc_slot_reserve_sum(struct zc_swap *swap, struct zc_slot_ref slot)
{
    struct zc_cluster *cluster = slot.cluster;

    ZC_ASSERT(cluster != NULL);
    return zc_cluster_add_sums(zc_slot_device(swap, slot.name), cluster);
}

void zc_slot_set_sum(struct zc_slot_ref slot, uint64_t sum)
{
    uint64_t *sums = sums_of(slot);

    ZC_ASSERT(sums != NULL);
    sums[zc_slot_index(slot.name)] = sum;
}

bool zc_slot_has_sum(struct zc_slot_ref slot, uint64_t sum)
{
    const uint64_t *sums = sums_of(slot);

    return sums != NULL && sums[zc_slot_index(slot.name)] == sum;
}
