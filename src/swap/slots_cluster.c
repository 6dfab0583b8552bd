/* SPDX-License-Identifier: MIT */
/*
 * slots_cluster.c - finding the cluster of a slot.
 *
 * A cluster is made when the first slot in it is used, and stays until swapoff,
 * so that it is found without a lock (base/sparse.h).
 *
 * Swapoff stores accepts = 0 and then walks the clusters, to find slots in use.
 * Another thread puts a slot in use, under its cluster's lock, and then loads
 * `accepts`.  At least one of the two sees what the other did.  Otherwise the
 * other thread would store a page, and swapoff would end the device with it:
 *
 *     the walk finds the cluster     Swapoff takes its lock.  If it does so
 *                                    before the other thread, that thread sees
 *                                    the 0; if after, swapoff sees the slot.
 *     the walk does not find it      The thread that publishes the cluster sees
 *                                    the 0, and so does each thread that finds
 *                                    the cluster (zc_sparse_next()).
 *
 * So an acquire load of `accepts` is enough.
 */
#include "swap/slots.h"

#include "base/bits.h"
#include "platform/memory.h"

void zc_clusters_init(struct zc_swap_device *device)
{
    zc_sparse_init(&device->clusters,
                   zc_divide_up(device->slot_count, ZC_CLUSTER_SLOTS));
}

static void free_counted(struct zc_swap_device *device, void *memory)
{
    zc_counter_subtract(&device->bytes, zc_malloc_size(memory));
    zc_free(memory);
}

static void destroy_cluster(void *pointer, void *context)
{
    struct zc_cluster *cluster = pointer;
    struct zc_swap_device *device = context;
    void *folios = zc_atomic_pointer_load_relaxed(&cluster->folios);
    void *overflow = zc_atomic_pointer_load_relaxed(&cluster->overflow);
    void *sums = zc_atomic_pointer_load_relaxed(&cluster->sums);

    ZC_ASSERT(cluster->used == 0);
    if (folios != NULL)
        free_counted(device, folios);
    if (overflow != NULL)
        free_counted(device, overflow);
    if (sums != NULL)
        free_counted(device, sums);
    zc_spinlock_destroy(&cluster->lock);
    free_counted(device, cluster);
}

void zc_clusters_destroy(struct zc_swap_device *device)
{
    zc_sparse_destroy(&device->clusters, destroy_cluster, device);
}

struct zc_cluster *zc_cluster_find(const struct zc_swap_device *device,
                                   uint64_t offset)
{
    return zc_sparse_find(&device->clusters, offset >> ZC_CLUSTER_SHIFT);
}

struct zc_slot_ref zc_slot_find(struct zc_swap *swap, zc_swp slot)
{
    return (struct zc_slot_ref){
        zc_cluster_find(zc_slot_device(swap, slot), zc_swp_offset(slot)), slot};
}

static struct zc_cluster *publish_cluster(struct zc_swap_device *device,
                                          zc_atomic_pointer *place)
{
    struct zc_cluster *cluster = zc_calloc(1, sizeof(*cluster));

    if (cluster == NULL)
        return NULL;
    if (zc_spinlock_init(&cluster->lock, ZC_RANK_CLUSTER, "cluster") != ZC_OK) {
        zc_free(cluster);
        return NULL;
    }
    if (zc_publish(place, cluster)) {
        zc_counter_add(&device->bytes, zc_malloc_size(cluster));
        return cluster;
    }
    zc_spinlock_destroy(&cluster->lock);
    zc_free(cluster);
    return zc_atomic_pointer_load_acquire(place);
}

struct zc_cluster *zc_cluster_make(struct zc_swap_device *device,
                                   uint64_t offset)
{
    struct zc_cluster *cluster = zc_cluster_find(device, offset);
    zc_atomic_pointer *place;

    if (cluster != NULL)
        return cluster;
    place = zc_sparse_make(&device->clusters, offset >> ZC_CLUSTER_SHIFT);
    return place == NULL ? NULL : publish_cluster(device, place);
}

static zc_status add_table(struct zc_swap_device *device,
                           zc_atomic_pointer *place, size_t cell_bytes)
{
    if (zc_atomic_pointer_load_acquire(place) != NULL)
        return ZC_OK;
    return zc_publish_any(place, zc_calloc(ZC_CLUSTER_SLOTS, cell_bytes),
                          &device->bytes) != NULL
               ? ZC_OK
               : ZC_NO_MEMORY;
}

zc_status zc_cluster_add_folios(struct zc_swap_device *device,
                                struct zc_cluster *cluster)
{
    return add_table(device, &cluster->folios, sizeof(struct zc_folio *));
}

zc_status zc_cluster_add_overflow(struct zc_swap_device *device,
                                  struct zc_cluster *cluster)
{
    return add_table(device, &cluster->overflow, sizeof(uint32_t));
}

zc_status zc_cluster_add_sums(struct zc_swap_device *device,
                              struct zc_cluster *cluster)
{
    return add_table(device, &cluster->sums, sizeof(uint64_t));
}

struct zc_cluster *zc_cluster_next(struct zc_swap_device *device,
                                   uint64_t *offset_inout)
{
    return zc_sparse_next_offset(&device->clusters, ZC_CLUSTER_SHIFT,
                                 offset_inout);
}
