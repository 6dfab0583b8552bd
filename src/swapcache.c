/* SPDX-License-Identifier: MIT */
/*
 * swapcache.c - from slots to the folios cached for them.
 *
 * The table of a cluster holds a reference to each of its folios, and gives
 * further ones away only under the cluster's lock.  A folio is put in and taken
 * out by who holds its lock; the one exception is a folio that only the table
 * knows.
 *
 * Only the table: references == 1, read under the cluster's lock.  Then nobody
 * has the folio's lock or writes it (both need a reference), nobody can get a
 * reference (from whom? the table gives them under this lock), and so nobody
 * can as long as the lock is held: it may be taken out as if it were locked.
 *
 * Who does that for a clean folio, or one whose slot has no count?  Everybody
 * who had such a folio ends with zc_swapcache_put(), which gives up his
 * reference and learns in the same step how many were left.  All references but
 * the table's are given up one after the other in the order of that word; the
 * one who leaves 1 behind is the last, and there is exactly one, whatever the
 * others did with folio and lock before: they did it before their own put, so
 * he sees the end of the writeback, the dirty bit, all of it.  From then on he
 * has but the slot's name.  He takes the cluster's lock and looks:
 *
 *     a folio with references == 1   he drops it if nobody misses it
 *     a folio with more              somebody looked it up meanwhile, and will
 *                                    be the last one in his turn
 *     no folio, or another one       what holds of that one is decided by the
 *                                    same two lines
 *
 * The count of a slot is the other thing that can make a folio useless, and is
 * lowered under the same lock; zc_slot_drop() then looks at references just so.
 */
#include "swap/slots.h"

static struct zc_folio **folios_of(const struct zc_cluster *cluster)
{
    return zc_atomic_pointer_load_acquire(&cluster->folios);
}

struct zc_folio *zc_cluster_folio(const struct zc_cluster *cluster,
                                  unsigned index)
{
    if ((cluster->flags[index] & ZC_SLOT_CACHED) == 0)
        return NULL;
    return folios_of(cluster)[index];
}

void zc_cluster_insert(struct zc_swap_device *device,
                       struct zc_cluster *cluster, zc_swp slot,
                       struct zc_folio *folio)
{
    const unsigned index = zc_slot_index(slot);

    zc_cluster_use(device, cluster, index, ZC_SLOT_CACHED);
    zc_folio_get(folio);
    folios_of(cluster)[index] = folio;
    folio->swap = slot;
    zc_folio_set(folio, ZC_FOLIO_SWAPCACHE);
    zc_counter_add(&device->cached, 1);
}

bool zc_cluster_remove(struct zc_swap_device *device,
                       struct zc_cluster *cluster, unsigned index)
{
    struct zc_folio *folio = folios_of(cluster)[index];

    ZC_ASSERT(zc_slot_index(folio->swap) == index);
    folios_of(cluster)[index] = NULL;
    zc_folio_clear(folio, ZC_FOLIO_SWAPCACHE);
    zc_counter_subtract(&device->cached, 1);
    return zc_cluster_leave(cluster, index, ZC_SLOT_CACHED);
}

bool zc_cluster_alone(const struct zc_cluster *cluster,
                      const struct zc_folio *folio)
{
    (void)cluster;
    /* Acquires what was done before the other references were given up. */
    if (zc_atomic_u32_load_acquire(&folio->references) != 1)
        return false;
    ZC_ASSERT(!zc_folio_has(folio, ZC_FOLIO_LOCKED | ZC_FOLIO_WRITEBACK));
    return true;
}

struct zc_folio *zc_swapcache_look_up(struct zc_slot_ref slot)
{
    struct zc_cluster *cluster = slot.cluster;
    struct zc_folio *folio;

    if (cluster == NULL)
        return NULL;
    zc_spinlock_lock(&cluster->lock);
    folio = zc_cluster_folio(cluster, zc_slot_index(slot.name));
    if (folio != NULL)
        zc_folio_get(folio);
    zc_spinlock_unlock(&cluster->lock);
    return folio;
}

/* Whether a folio may be put there now. */
static zc_status check_slot(const struct zc_cluster *cluster, unsigned index)
    ZC_REQUIRES(cluster->lock)
{
    if ((cluster->flags[index] & (ZC_SLOT_CACHED | ZC_SLOT_PINNED)) != 0)
        return ZC_BUSY;
    /* FREEING too. */
    return cluster->counts[index] == 0 ? ZC_MISSING : ZC_OK;
}

/* A locked folio nobody else knows, and a table to put it in. */
static struct zc_folio *prepare(struct zc_swap *swap,
                                struct zc_swap_device *device,
                                struct zc_cluster *cluster, bool may_reclaim)
{
    struct zc_folio *folio;

    if (zc_cluster_add_folios(device, cluster) != ZC_OK)
        return NULL;
    folio = zc_folio_alloc(swap, may_reclaim);
    if (folio != NULL)
        (void)zc_folio_trylock(folio);
    return folio;
}

static zc_status create(struct zc_swap *swap, struct zc_slot_ref slot,
                        bool may_reclaim, struct zc_folio **folio_out)
{
    struct zc_swap_device *device = zc_slot_device(swap, slot.name);
    struct zc_cluster *cluster = slot.cluster;
    struct zc_folio *folio;
    zc_status status;

    if (cluster == NULL)
        return ZC_MISSING;
    zc_spinlock_lock(&cluster->lock);
    status = check_slot(cluster, zc_slot_index(slot.name));
    zc_spinlock_unlock(&cluster->lock);
    if (status != ZC_OK)
        return status;
    /* This may reclaim, and in doing so come to this very slot: so nothing is
     * held, and nothing of what was checked is known any more. */
    folio = prepare(swap, device, cluster, may_reclaim);
    if (folio == NULL)
        return ZC_NO_MEMORY;
    zc_spinlock_lock(&cluster->lock);
    status = check_slot(cluster, zc_slot_index(slot.name));
    if (status == ZC_OK)
        zc_cluster_insert(device, cluster, slot.name, folio);
    zc_spinlock_unlock(&cluster->lock);
    if (status == ZC_OK) {
        *folio_out = folio;
        return ZC_OK;
    }
    zc_folio_unlock(swap, folio);
    zc_folio_put(swap, folio);
    return status;
}

zc_status zc_swapcache_create(struct zc_swap *swap, struct zc_slot_ref slot,
                              struct zc_folio **folio_out)
{
    return create(swap, slot, false, folio_out);
}

zc_status zc_swapcache_get(struct zc_swap *swap, struct zc_slot_ref slot,
                           struct zc_folio **folio_out, bool *created_out)
{
    struct zc_folio *folio;
    zc_status status;

    /* Each turn but the last, somebody else was done with folio or pin; so it
     * needs no bound. */
    for (;;) {
        folio = zc_swapcache_look_up(slot);
        if (folio != NULL) {
            zc_folio_lock(swap, folio);
            if (zc_folio_is_of(folio, slot.name)) {
                *created_out = false;
                *folio_out = folio;
                return ZC_OK;
            }
            zc_folio_unlock(swap, folio);
            zc_folio_put(swap, folio);
            continue;
        }
        status = create(swap, slot, true, folio_out);
        if (status == ZC_OK)
            *created_out = true;
        if (status != ZC_BUSY)
            return status;
        zc_slot_wait(swap, slot);
    }
}

/* After a folio was taken out, with no lock: the table's reference, and the
 * slot if that was its last use. */
static void finish(struct zc_swap *swap, struct zc_slot_ref slot,
                   struct zc_folio *folio, bool freeing)
{
    zc_folio_put(swap, folio);
    if (freeing)
        zc_slot_free(swap, slot);
}

void zc_swapcache_delete(struct zc_swap *swap, struct zc_folio *folio)
{
    const struct zc_slot_ref slot = zc_slot_find(swap, folio->swap);
    struct zc_cluster *cluster = slot.cluster;
    bool freeing;

    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    ZC_ASSERT(cluster != NULL);
    zc_spinlock_lock(&cluster->lock);
    ZC_ASSERT(zc_cluster_folio(cluster, zc_slot_index(slot.name)) == folio);
    freeing = zc_cluster_remove(zc_slot_device(swap, slot.name), cluster,
                                zc_slot_index(slot.name));
    zc_spinlock_unlock(&cluster->lock);
    finish(swap, slot, folio, freeing);
}

bool zc_swapcache_try_to_free(struct zc_swap *swap, struct zc_folio *folio)
{
    const struct zc_slot_ref slot = zc_slot_find(swap, folio->swap);
    struct zc_cluster *cluster = slot.cluster;
    bool unneeded;
    bool freeing = false;

    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    ZC_ASSERT(cluster != NULL);
    zc_spinlock_lock(&cluster->lock);
    ZC_ASSERT(zc_cluster_folio(cluster, zc_slot_index(slot.name)) == folio);
    unneeded = cluster->counts[zc_slot_index(slot.name)] == 0 &&
               !zc_folio_has(folio, ZC_FOLIO_WRITEBACK);
    if (unneeded) {
        /* Before the slot's copy goes. */
        zc_folio_set(folio, ZC_FOLIO_DIRTY);
        freeing = zc_cluster_remove(zc_slot_device(swap, slot.name), cluster,
                                    zc_slot_index(slot.name));
    }
    zc_spinlock_unlock(&cluster->lock);
    if (unneeded)
        finish(swap, slot, folio, freeing);
    return unneeded;
}

/* Drops the folio of a slot if only the table knows it and nobody misses it. */
static void drop_unknown(struct zc_swap *swap, struct zc_swap_device *device,
                         struct zc_slot_ref slot)
{
    struct zc_cluster *cluster = slot.cluster;
    unsigned index = zc_slot_index(slot.name);
    struct zc_folio *folio;
    bool freeing = false;

    if (cluster == NULL)
        return;
    zc_spinlock_lock(&cluster->lock);
    folio = zc_cluster_folio(cluster, index);
    if (folio != NULL && zc_cluster_alone(cluster, folio) &&
        (cluster->counts[index] == 0 || !zc_folio_has(folio, ZC_FOLIO_DIRTY)))
        freeing = zc_cluster_remove(device, cluster, index);
    else
        folio = NULL;
    zc_spinlock_unlock(&cluster->lock);
    if (folio != NULL)
        finish(swap, slot, folio, freeing);
}

void zc_swapcache_put(struct zc_swap *swap, zc_swp slot, struct zc_folio *folio)
{
    struct zc_swap_device *device;
    uint32_t before = zc_atomic_u32_add(&folio->references, UINT32_MAX);

    ZC_ASSERT(before > 0);
    if (before == 1)
        zc_folio_free(swap, folio);
    if (before != 2)
        return;
    /* From here on the slot's name is all we have.  No device: swapoff has
     * emptied it meanwhile. */
    device = zc_swap_device_get(swap, slot);
    if (device == NULL)
        return;
    drop_unknown(swap, device, zc_slot_find(swap, slot));
    zc_swap_device_put(swap, device);
}
