/* SPDX-License-Identifier: MIT */
/*
 * slots_cluster.c - finding the cluster of a slot.
 *
 *   directory -> block of 512 blocks -> block of 512 clusters -> cluster
 *
 * Each is made when the first slot in it is used, is published once, and stays
 * until swapoff, so that it is found without a lock.  A device of up to 2^27
 * slots costs two blocks, and one of 2^40 a directory of 64 KiB more.
 *
 * Swapoff stops the device and then walks them, to find slots in use; others
 * put a slot in use, under its cluster's lock, and then ask whether the device
 * accepts pages.  One of the two must see the other:
 *
 *     the walk finds the cluster     and takes its lock: before the other did,
 *                                    who then sees the stop; or after, and sees
 *                                    the slot
 *     the walk finds no pointer yet  and writes one: NULL for NULL.  Whoever
 *                                    publishes there changes the word after
 *                                    that, acquires the stop with it, and hands
 *                                    it on to all who find the cluster by him
 *
 * So who asks only loads.
 */
#include "swap/slots.h"

#include "base/bits.h"
#include "base/publish.h"
#include "platform/ghost.h"
#include "platform/memory.h"

#define BLOCK_SHIFT 9
#define BLOCK_PLACES (1u << BLOCK_SHIFT)

/* Slots below one place: of a block of clusters, of a block of blocks, of the
 * directory. */
#define SHIFT_0 ZC_CLUSTER_SHIFT
#define SHIFT_1 (SHIFT_0 + BLOCK_SHIFT)
#define SHIFT_2 (SHIFT_1 + BLOCK_SHIFT)

struct block {
    zc_atomic_pointer places[BLOCK_PLACES];
};

zc_status zc_clusters_init(struct zc_swap_device *device)
{
    device->directory_count =
        zc_divide_up(device->slot_count, UINT64_C(1) << SHIFT_2);
    device->directory =
        zc_calloc((size_t)device->directory_count, sizeof(*device->directory));
    if (device->directory == NULL)
        return ZC_NO_MEMORY;
    zc_counter_add(&device->bytes, zc_malloc_size(device->directory));
    return ZC_OK;
}

static void free_counted(struct zc_swap_device *device, void *memory)
{
    zc_counter_subtract(&device->bytes, zc_malloc_size(memory));
    zc_free(memory);
}

static void destroy_cluster(struct zc_swap_device *device,
                            struct zc_cluster *cluster)
{
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

/* A block at a level: 1, of clusters; 2, of blocks. */
static void destroy_block(struct zc_swap_device *device, struct block *block,
                          unsigned level)
{
    void *below;
    unsigned i;

    for (i = 0; i < BLOCK_PLACES; i++) {
        zc_ghost_settled(&block->places[i]); /* nobody is there any more */
        below = zc_atomic_pointer_load_relaxed(&block->places[i]);
        if (below == NULL)
            continue;
        if (level > 1)
            destroy_block(device, below, level - 1);
        else
            destroy_cluster(device, below);
    }
    free_counted(device, block);
}

void zc_clusters_destroy(struct zc_swap_device *device)
{
    struct block *block;
    uint64_t i;

    for (i = 0; i < device->directory_count; i++) {
        block = zc_atomic_pointer_load_relaxed(&device->directory[i]);
        if (block != NULL)
            destroy_block(device, block, 2);
    }
    free_counted(device, device->directory);
    device->directory = NULL;
}

static zc_atomic_pointer *place_in(struct block *block, uint64_t offset,
                                   unsigned shift)
{
    return &block->places[offset >> shift & (BLOCK_PLACES - 1)];
}

struct zc_cluster *zc_cluster_find(const struct zc_swap_device *device,
                                   uint64_t offset)
{
    struct block *block =
        zc_atomic_pointer_load_acquire(&device->directory[offset >> SHIFT_2]);

    if (block != NULL)
        block =
            zc_atomic_pointer_load_acquire(place_in(block, offset, SHIFT_1));
    if (block == NULL)
        return NULL;
    return zc_atomic_pointer_load_acquire(place_in(block, offset, SHIFT_0));
}

struct zc_slot_ref zc_slot_find(struct zc_swap *swap, zc_swp slot)
{
    return (struct zc_slot_ref){
        zc_cluster_find(zc_slot_device(swap, slot), zc_swp_offset(slot)), slot};
}

static struct block *make_block(struct zc_swap_device *device,
                                zc_atomic_pointer *place)
{
    struct block *block = zc_atomic_pointer_load_acquire(place);

    if (block != NULL)
        return block;
    return zc_publish_any(place, zc_calloc(1, sizeof(*block)), &device->bytes);
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
    if (zc_publish(place, cluster, &device->bytes))
        return cluster;
    zc_spinlock_destroy(&cluster->lock);
    zc_free(cluster);
    return zc_atomic_pointer_load_acquire(place);
}

struct zc_cluster *zc_cluster_make(struct zc_swap_device *device,
                                   uint64_t offset)
{
    struct zc_cluster *cluster;
    zc_atomic_pointer *place;
    struct block *block;

    block = make_block(device, &device->directory[offset >> SHIFT_2]);
    if (block != NULL)
        block = make_block(device, place_in(block, offset, SHIFT_1));
    if (block == NULL)
        return NULL;
    place = place_in(block, offset, SHIFT_0);
    cluster = zc_atomic_pointer_load_acquire(place);
    return cluster != NULL ? cluster : publish_cluster(device, place);
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

/* What a place has, or a mark of having looked (see above). */
static void *look(zc_atomic_pointer *place)
{
    void *found = NULL;

    if (zc_atomic_pointer_exchange_if(place, &found, NULL))
        return NULL;
    return zc_atomic_pointer_load_acquire(place);
}

struct zc_cluster *zc_cluster_next(struct zc_swap_device *device,
                                   uint64_t *offset_inout)
{
    uint64_t offset = *offset_inout;
    struct zc_cluster *cluster;
    struct block *block;
    unsigned shift;

    while (offset < device->slot_count) {
        cluster = NULL;
        shift = SHIFT_2;
        block = look(&device->directory[offset >> SHIFT_2]);
        if (block != NULL) {
            shift = SHIFT_1;
            block = look(place_in(block, offset, SHIFT_1));
        }
        if (block != NULL) {
            shift = SHIFT_0;
            cluster = look(place_in(block, offset, SHIFT_0));
        }
        if (cluster != NULL) {
            *offset_inout = offset;
            return cluster;
        }
        offset = zc_round_up(offset + 1, UINT64_C(1) << shift);
    }
    return NULL;
}
