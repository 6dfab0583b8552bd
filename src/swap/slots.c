/* SPDX-License-Identifier: MIT */
/*
 * slots.c - swap devices: on, used, and off again.
 *
 * A device is a place in a table that is never freed, so a thread with an old
 * slot name still finds the word that says how many use the device, and whether
 * it is on:
 *
 *     ON, n users    on: threads begin and end their use
 *     n users        ending: a thread that begins is refused
 *     0              off: swapoff frees the parts
 *
 * A thread that begins to use the device and the thread that ends it: the first
 * counts itself in only while ON is set, in one atomic step, and is refused
 * otherwise.  So after ON is cleared the number only falls, and at 0 no thread
 * uses the device or will: the thread that ends it frees its parts, and no
 * other thread is using them.
 *
 * Swapoff does not sleep if it reads 0, but frees the parts.  So the put that
 * leaves 0 touches none of them after its decrement: it wakes swapoff by the
 * address of the word.  A thread that frees a slot is a user too
 * (SWAPOFF_AND_LAST_PUT_AGREE: swap/slots_count.c).
 */
#include "swap/slots.h"

#include <string.h>

#include "base/bits.h"
#include "platform/memory.h"

zc_status zc_swap_init(struct zc_swap *swap)
{
    unsigned type;

    memset(swap->devices, 0, sizeof(swap->devices));
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        swap->devices[type].type = type;
    zc_atomic_u32_store_relaxed(&swap->change, 0);
    return zc_parking_init(&swap->parking);
}

void zc_swap_destroy(struct zc_swap *swap)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        ZC_ASSERT(zc_atomic_u32_load_relaxed(&swap->devices[type].users) == 0);
    ZC_ASSERT(zc_atomic_u32_load_relaxed(&swap->change) == 0);
    zc_parking_destroy(&swap->parking);
}

/* Makes a device except its backing. */
static zc_status init_device(struct zc_swap_device *device,
                             const struct zc_swap_options *options)
{
    device->synchronous = options->synchronous != 0;
    device->managed = options->managed != 0;
    device->slot_count = options->slot_count;
    zc_clusters_init(device);
    if (!device->managed)
        return ZC_OK;
    return zc_slot_allocator_create(device->slot_count, options->slot_order,
                                    &device->allocator);
}

static void fini_device(struct zc_swap_device *device)
{
    zc_slot_allocator_destroy(device->allocator);
    device->allocator = NULL;
    zc_clusters_destroy(device);
}

zc_status zc_swap_device_on(struct zc_swap *swap, unsigned type,
                            const struct zc_swap_options *options)
{
    const struct zc_backing_config config = {
        .struct_size = sizeof(config),
        .page_size = swap->page_size,
        .slot_count = options->slot_count,
        .user = options->backing_user,
        .reason = options->reason,
        .reason_size = options->reason_size,
    };
    struct zc_swap_device *device = &swap->devices[type];
    zc_status status;

    ZC_ASSERT(zc_atomic_u32_load_relaxed(&device->users) == 0);
    ZC_ASSERT(options->slot_count > 0);
    status = init_device(device, options);
    if (status != ZC_OK)
        return status;
    /* Last, because its effects are seen outside. */
    status = zc_backing_open(options->backing_ops, &config, options->io_workers,
                             &device->backing);
    if (status != ZC_OK) {
        fini_device(device);
        return status;
    }
    zc_atomic_u32_store_release(&device->accepts, 1);
    /* Publishes the device; pairs with the exchange of its users. */
    (void)zc_atomic_u32_or(&device->users, ZC_DEVICE_ON);
    return ZC_OK;
}

struct zc_swap_device *zc_swap_device_get(struct zc_swap *swap, zc_swp slot)
{
    struct zc_swap_device *device;

    if (zc_swp_type(slot) >= ZC_SWP_TYPE_COUNT)
        return NULL;
    device = &swap->devices[zc_swp_type(slot)];
    /* With ZC_DEVICE_ON, which is the highest bit. */
    if (!zc_atomic_u32_get_above(&device->users, ZC_DEVICE_ON - 1))
        return NULL;
    if (zc_swp_offset(slot) < device->slot_count)
        return device;
    zc_swap_device_put(swap, device);
    return NULL;
}

void zc_swap_device_put(struct zc_swap *swap, struct zc_swap_device *device)
{
    uint32_t left = zc_atomic_u32_put(&device->users, UINT32_MAX, 0);

    ZC_ASSERT((left & ~ZC_DEVICE_ON) != ZC_DEVICE_ON - 1);
    if (left == 0)
        zc_unpark_all(&swap->parking, &device->users);
}

void zc_swap_device_stop(struct zc_swap_device *device)
{
    zc_atomic_u32_store_release(&device->accepts, 0);
}

void zc_swap_device_restart(struct zc_swap_device *device)
{
    zc_atomic_u32_store_release(&device->accepts, 1);
}

/* The first slot in [first, end) of a cluster that has a use and is not
 * FREEING; `end`: none. */
static uint64_t next_in_cluster(struct zc_cluster *cluster, uint64_t first,
                                uint64_t end)
{
    uint64_t offset = first;
    unsigned index;

    zc_spinlock_lock(&cluster->lock);
    if (cluster->used == 0)
        offset = end;
    for (; offset < end; offset++) {
        index = (unsigned)offset & (ZC_CLUSTER_SLOTS - 1);
        if (cluster->counts[index] != 0 ||
            (cluster->flags[index] & (ZC_SLOT_CACHED | ZC_SLOT_PINNED)) != 0)
            break;
    }
    zc_spinlock_unlock(&cluster->lock);
    return offset;
}

bool zc_swap_device_next(struct zc_swap_device *device, uint64_t *offset_inout)
{
    uint64_t offset = *offset_inout;
    struct zc_cluster *cluster;
    uint64_t end;

    while ((cluster = zc_cluster_next(device, &offset)) != NULL) {
        end = zc_round_up(offset + 1, ZC_CLUSTER_SLOTS);
        offset = next_in_cluster(cluster, offset, end);
        if (offset < end) {
            *offset_inout = offset;
            return true;
        }
    }
    return false;
}

void zc_swap_device_end(struct zc_swap *swap, struct zc_swap_device *device)
{
    uint32_t users;

    (void)zc_atomic_u32_and(&device->users, ~ZC_DEVICE_ON);
    /* Acquires what the last user did. */
    while ((users = zc_atomic_u32_load_acquire(&device->users)) != 0)
        zc_park_while(&swap->parking, &device->users, users);
    ZC_ASSERT(zc_counter_read(&device->used) == 0);
    ZC_ASSERT(zc_counter_read(&device->cached) == 0);
    zc_backing_close(device->backing);
    device->backing = NULL;
    fini_device(device);
}

void zc_swap_leave(const struct zc_swap *swap)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        if (zc_swap_has_device(swap, type))
            zc_backing_leave(swap->devices[type].backing);
}

uint64_t zc_swap_bytes(struct zc_swap *swap)
{
    struct zc_swap_device *device;
    uint64_t bytes = 0;
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        if (!zc_swap_has_device(swap, type))
            continue;
        device = zc_swap_device_get(swap, zc_swp_make(type, 0));
        if (device == NULL)
            continue;
        bytes += zc_counter_read(&device->bytes);
        if (device->allocator != NULL)
            bytes += zc_slot_allocator_bytes(device->allocator);
        zc_swap_device_put(swap, device);
    }
    return bytes;
}
