/* SPDX-License-Identifier: MIT */
/*
 * swapcache.c - from slots to the folios cached for them.
 *
 * The table of a cluster holds a reference to each of its folios, and gives out
 * further references only under the cluster's lock.  The thread that holds a
 * folio's lock inserts and removes it.  The one exception is a folio that only
 * the table references.
 *
 * Only the table: references == 1, read under the cluster's lock.  Then no
 * thread holds the folio's lock or writes it (both need a reference), and while
 * the cluster's lock is held no thread can get a reference (only the table
 * gives them).  So the thread that holds the cluster's lock may remove the
 * folio as if it had locked it.
 *
 * The last user removes a folio that is clean, or whose slot has no count: such
 * a folio keeps a frame, and perhaps a slot, that no thread needs.  An earlier
 * user must not remove the folio, because a later one still uses it.  Every
 * user ends with zc_swapcache_put(), whose atomic decrement also says how many
 * references are left.  The thread whose decrement leaves 1 (the table's) is
 * the last user, and there is exactly one.  The decrements are acquire and
 * release, so the last user sees what the other users did before theirs: the
 * end of a writeback, the dirty bit.  After its decrement the last user has
 * only the slot's name.  It takes the cluster's lock and looks for the slot's
 * folio:
 *
 *     references == 1   the last user removes the folio if it is not needed
 *     more references   another thread looked the folio up meanwhile; the
 *                       decrement that leaves 1 comes later, from its last user
 *     no folio          another thread removed it: nothing is left to do
 *
 * The folio that the last user finds may be a newer one of the same slot.  The
 * first two rows hold for it too.
 *
 * zc_slot_drop() lowers a slot's count under the same lock and then looks at
 * the references in the same way, because a count of 0 makes a folio useless
 * too.
 */
#include "rules.h"
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
    /* Acquires what other users did before they dropped their references. */
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

/* Whether a folio may be inserted now. */
static zc_status check_slot(const struct zc_cluster *cluster, unsigned index)
    ZC_REQUIRES(cluster->lock)
{
    if ((cluster->flags[index] & (ZC_SLOT_CACHED | ZC_SLOT_PINNED)) != 0)
        return ZC_BUSY;
    /* Also if the slot is FREEING. */
    return cluster->counts[index] == 0 ? ZC_MISSING : ZC_OK;
}

static zc_status check_slot_now(struct zc_slot_ref slot)
{
    zc_status status;

    zc_spinlock_lock(&slot.cluster->lock);
    status = check_slot(slot.cluster, zc_slot_index(slot.name));
    zc_spinlock_unlock(&slot.cluster->lock);
    return status;
}

/* A locked folio that no other thread can reach, and the cluster's table. */
static struct zc_folio *prepare_folio(struct zc_swap *swap,
                                      struct zc_swap_device *device,
                                      struct zc_cluster *cluster,
                                      bool may_reclaim)
{
    struct zc_folio *folio;

    if (zc_cluster_add_folios(device, cluster) != ZC_OK)
        return NULL;
    folio = zc_folio_alloc(swap, may_reclaim);
    if (folio != NULL)
        zc_folio_lock_new(folio);
    return folio;
}

static zc_status create_folio(struct zc_swap *swap, struct zc_slot_ref slot,
                              bool may_reclaim, struct zc_folio **folio_out)
{
    struct zc_swap_device *device = zc_slot_device(swap, slot.name);
    struct zc_cluster *cluster = slot.cluster;
    struct zc_folio *folio;
    zc_status status;

    if (cluster == NULL)
        return ZC_MISSING;
    /* The folio is made with no lock held: that may reclaim, and reclaim may
     * come to this very slot.  Nothing is reclaimed for a slot that gets no
     * folio. */
    status = may_reclaim ? check_slot_now(slot) : ZC_OK;
    if (status != ZC_OK)
        return status;
    folio = prepare_folio(swap, device, cluster, may_reclaim);
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
    return create_folio(swap, slot, false, folio_out);
}

zc_status zc_swapcache_get(struct zc_swap *swap, struct zc_slot_ref slot,
                           struct zc_folio **folio_out, bool *created_out)
{
    struct zc_folio *folio;
    zc_status status;

    /* In each turn but the last another thread has ended its use of the folio
     * or pin, so the loop needs no bound. */
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
        status = create_folio(swap, slot, true, folio_out);
        if (status == ZC_OK)
            *created_out = true;
        if (status != ZC_BUSY)
            return status;
        zc_slot_wait(swap, slot);
    }
}

/* After a removal, with no lock: drops the table's reference, and frees the
 * slot if that was its last use. */
static void finish_removal(struct zc_swap *swap, struct zc_slot_ref slot,
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
    finish_removal(swap, slot, folio, freeing);
}

bool zc_swapcache_try_free_slot(struct zc_swap *swap, struct zc_folio *folio)
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
    if (!ZC_RULE(RECHECK_IN_SWAPCACHE)) /* the historic code asked here only */
        unneeded = unneeded && zc_folio_has(folio, ZC_FOLIO_SWAPCACHE);
    if (unneeded) {
        /* Before the slot's copy is dropped. */
        zc_folio_set(folio, ZC_FOLIO_DIRTY);
        freeing = zc_cluster_remove(zc_slot_device(swap, slot.name), cluster,
                                    zc_slot_index(slot.name));
    }
    zc_spinlock_unlock(&cluster->lock);
    if (unneeded)
        finish_removal(swap, slot, folio, freeing);
    return unneeded;
}

/* Removes a slot's folio that only the table references and nothing needs. */
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
        finish_removal(swap, slot, folio, freeing);
}

void zc_swapcache_put_on(struct zc_swap *swap, struct zc_swap_device *device,
                         zc_swp slot, struct zc_folio *folio)
{
    if (zc_folio_put(swap, folio))
        drop_unknown(swap, device, zc_slot_find(swap, slot));
}

void zc_swapcache_put(struct zc_swap *swap, zc_swp slot, struct zc_folio *folio)
{
    struct zc_swap_device *device;

    if (!zc_folio_put(swap, folio))
        return;
    /* From here on only the slot's name is valid.  No device: swapoff has
     * removed the folio meanwhile. */
    device = zc_swap_device_get(swap, slot);
    if (device == NULL)
        return;
    drop_unknown(swap, device, zc_slot_find(swap, slot));
    zc_swap_device_put(swap, device);
}
