/* SPDX-License-Identifier: MIT */
/*
 * slots.h - what the files of slots and folios share.
 *
 * Everywhere here the caller holds a device reference, except where a device is
 * made or ended.
 */
#ifndef ZC_SWAP_SLOTS_H
#define ZC_SWAP_SLOTS_H

#include "swap.h"

/* --- clusters: swap/slots_cluster.c ----------------------------------- */

/* Makes no cluster. */
void zc_clusters_init(struct zc_swap_device *device);
void zc_clusters_destroy(struct zc_swap_device *device);

/* The cluster of an offset, or NULL: none of its slots was ever used. */
struct zc_cluster *zc_cluster_find(const struct zc_swap_device *device,
                                   uint64_t offset);
/* zc_cluster_find(), but makes the cluster.  May block.  NULL: no memory. */
struct zc_cluster *zc_cluster_make(struct zc_swap_device *device,
                                   uint64_t offset);

/* Give a cluster its table of folios, of counts beyond a byte, or of checksums,
 * if it has none.  May block.  ZC_OK; ZC_NO_MEMORY. */
zc_status zc_cluster_add_folios(struct zc_swap_device *device,
                                struct zc_cluster *cluster);
zc_status zc_cluster_add_overflow(struct zc_swap_device *device,
                                  struct zc_cluster *cluster);
zc_status zc_cluster_add_sums(struct zc_swap_device *device,
                              struct zc_cluster *cluster);

/*
 * The first cluster at or after *offset_inout, which becomes its first offset
 * if that is higher; NULL: none.  If a thread makes a cluster that this call
 * does not find, that thread sees, once it has the cluster, all that the caller
 * did before the call.
 */
struct zc_cluster *zc_cluster_next(struct zc_swap_device *device,
                                   uint64_t *offset_inout);

/* --- free slots of a managed device: swap/slots_alloc.c --------------- */

/* ZC_OK; ZC_NO_MEMORY. */
zc_status zc_slot_allocator_create(uint64_t slot_count, unsigned order,
                                   struct zc_slot_allocator **allocator_out);
void zc_slot_allocator_destroy(struct zc_slot_allocator *allocator);
/* False: there is no free slot. */
bool zc_slot_allocator_take(struct zc_slot_allocator *allocator,
                            uint64_t *offset_out);
void zc_slot_allocator_give(struct zc_slot_allocator *allocator,
                            uint64_t offset);
uint64_t zc_slot_allocator_bytes(struct zc_slot_allocator *allocator);

/* --- one slot: swap/slots_count.c ------------------------------------- */

static inline struct zc_swap_device *zc_slot_device(struct zc_swap *swap,
                                                    zc_swp slot)
{
    return &swap->devices[zc_swp_type(slot)];
}

static inline unsigned zc_slot_index(zc_swp slot)
{
    return (unsigned)zc_swp_offset(slot) & (ZC_CLUSTER_SLOTS - 1);
}

/* Beyond ZC_COUNT_IN_PLACE_MAX only where there is an overflow table. */
void zc_cluster_set_count(struct zc_cluster *cluster, unsigned index,
                          uint32_t count) ZC_REQUIRES(cluster->lock);

/* Sets CACHED or PINNED; the slot may have been free. */
void zc_cluster_use(struct zc_swap_device *device, struct zc_cluster *cluster,
                    unsigned index, unsigned flag) ZC_REQUIRES(cluster->lock);

/*
 * Removes a use, `flag` (CACHED, PINNED, or 0: a count that has just become 0).
 * True: it was the last one, and the slot is FREEING from now on; the caller
 * calls zc_slot_free() after it has released the lock.
 */
bool zc_cluster_leave(struct zc_cluster *cluster, unsigned index, unsigned flag)
    ZC_REQUIRES(cluster->lock);

/* Called where a pin or FREEING ends.  True: a thread waits for it, and the
 * caller wakes it by zc_cluster_wake() without the lock. */
bool zc_cluster_changed(struct zc_cluster *cluster, unsigned index)
    ZC_REQUIRES(cluster->lock);
void zc_cluster_wake(struct zc_swap *swap, const struct zc_cluster *cluster);

/* FREEING to free: last_put(), then the slot can be used again.  May block. */
void zc_slot_free(struct zc_swap *swap, struct zc_slot_ref slot);

/* Sleeps while the slot has any of `flags`, PINNED and FREEING; may return
 * early. */
void zc_slot_wait_for(struct zc_swap *swap, struct zc_slot_ref slot,
                      unsigned flags);

/* --- folios: swap/folio.c --------------------------------------- */

/* Called by the thread that dropped the last reference. */
void zc_folio_free(struct zc_swap *swap, struct zc_folio *folio);

/* --- the table: swapcache.c ------------------------------------------ */

/* Inserts a locked folio that is in no cache.  The cluster has a table, which
 * gets a reference. */
void zc_cluster_insert(struct zc_swap_device *device,
                       struct zc_cluster *cluster, zc_swp slot,
                       struct zc_folio *folio) ZC_REQUIRES(cluster->lock);

/* The folio of a slot, or NULL. */
struct zc_folio *zc_cluster_folio(const struct zc_cluster *cluster,
                                  unsigned index) ZC_REQUIRES(cluster->lock);

/*
 * Takes out the folio of a slot; the table's reference goes to the caller.
 * True: that was the last use of the slot, as zc_cluster_leave().
 */
bool zc_cluster_remove(struct zc_swap_device *device,
                       struct zc_cluster *cluster, unsigned index)
    ZC_REQUIRES(cluster->lock);

/* Whether only the table references this folio.  Then it is neither locked nor
 * under writeback, and stays so as long as the lock is held. */
bool zc_cluster_alone(const struct zc_cluster *cluster,
                      const struct zc_folio *folio) ZC_REQUIRES(cluster->lock);

#endif
