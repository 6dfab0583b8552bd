/* SPDX-License-Identifier: MIT */
/*
 * slots_claim.c - slots that the caller names, pinned in whatever state.
 *
 * A caller that names slots has no count that says that a slot may be used.  It
 * may find the slot free, in use, cached by a write under way, or being freed.
 * A claim makes one of two pins of all of these, and with either the caller has
 * the slot alone:
 *
 *     free, or in use     -> bare pin (a free slot is in use from now on)
 *     cached              -> the folio's lock, then checked again
 *     pinned, or FREEING  -> sleeps, and begins again
 *
 * The claiming thread and the other threads that change the slot: the claim
 * makes its pin, and reads the slot's count and its zero bit, under the
 * cluster's lock; with a folio it reads them again under the folio's lock.  A
 * thread that changes either of them has the slot pinned, so no other thread
 * changes them until the release.  Otherwise the claiming thread would look for
 * the page in a place that the page has left.
 *
 * A claim begins again only when another thread has ended its use of the slot
 * meanwhile, so it needs no bound.
 */
#include "rules.h"
#include "swap/slots.h"

/* Reads the count and the zero bit of a slot, under the cluster's lock or that
 * of the slot's folio.  ZC_OK; ZC_MISSING: a count is required, and there is
 * none. */
static zc_status read_state(const struct zc_cluster *cluster, unsigned index,
                            bool required, struct zc_claimed *claimed)
{
    claimed->has_count = cluster->counts[index] != 0;
    claimed->is_zero = (cluster->flags[index] & ZC_SLOT_ZERO) != 0;
    return required && !claimed->has_count ? ZC_MISSING : ZC_OK;
}

/* One attempt without sleeping.  ZC_OK; ZC_BUSY: another thread pins or frees
 * it; ZC_MISSING.  claimed->folio: a cached folio with a reference, not yet
 * locked; or NULL. */
static zc_status try_claim(struct zc_swap *swap, bool required,
                           struct zc_claimed *claimed)
{
    struct zc_cluster *cluster = claimed->slot.cluster;
    const unsigned index = zc_slot_index(claimed->slot.name);
    zc_status status;

    claimed->folio = NULL;
    zc_spinlock_lock(&cluster->lock);
    status = read_state(cluster, index, required, claimed);
    if (status != ZC_OK)
        goto unlock;
    if ((cluster->flags[index] & (ZC_SLOT_PINNED | ZC_SLOT_FREEING)) != 0) {
        status = ZC_BUSY;
    } else if ((cluster->flags[index] & ZC_SLOT_CACHED) != 0) {
        claimed->folio = zc_cluster_folio(cluster, index);
        zc_folio_get(claimed->folio);
    } else {
        zc_cluster_use(zc_slot_device(swap, claimed->slot.name), cluster, index,
                       ZC_SLOT_PINNED);
    }
unlock:
    zc_spinlock_unlock(&cluster->lock);
    return status;
}

/*
 * Locks the folio that was found, and reads again: the last holder of the lock
 * may have changed the slot.  ZC_OK; else the reference is dropped: ZC_AGAIN:
 * the folio has left the cache; ZC_MISSING.
 */
static zc_status lock_folio(struct zc_swap *swap, bool required,
                            struct zc_claimed *claimed)
{
    struct zc_cluster *cluster = claimed->slot.cluster;
    const zc_swp slot = claimed->slot.name;
    struct zc_folio *folio = claimed->folio;
    zc_status status = ZC_AGAIN;

    zc_folio_lock(swap, folio);
    if (zc_folio_is_of(folio, slot))
        status = read_state(cluster, zc_slot_index(slot), required, claimed);
    if (status == ZC_OK)
        return ZC_OK;
    zc_folio_unlock(swap, folio);
    zc_swapcache_put(swap, slot, folio);
    return status;
}

zc_status zc_slot_claim(struct zc_swap *swap, zc_swp slot, bool required,
                        struct zc_claimed *claimed_out)
{
    struct zc_claimed claimed = {.slot = zc_slot_find(swap, slot)};
    zc_status status;

    if (claimed.slot.cluster == NULL && !required)
        claimed.slot.cluster =
            zc_cluster_make(zc_slot_device(swap, slot), zc_swp_offset(slot));
    if (claimed.slot.cluster == NULL)
        return required ? ZC_MISSING : ZC_NO_MEMORY;
    do {
        status = try_claim(swap, required, &claimed);
        if (status == ZC_OK && claimed.folio != NULL)
            status = lock_folio(swap, required, &claimed);
        if (status == ZC_BUSY && ZC_RULE(PIN_LOSER_SLEEPS))
            zc_slot_wait_for(swap, claimed.slot,
                             ZC_SLOT_PINNED | ZC_SLOT_FREEING);
    } while (status == ZC_BUSY || status == ZC_AGAIN);
    if (status == ZC_OK)
        *claimed_out = claimed;
    return status;
}

void zc_slot_release(struct zc_swap *swap, const struct zc_claimed *claimed,
                     bool in_use)
{
    struct zc_cluster *cluster = claimed->slot.cluster;
    struct zc_folio *folio = claimed->folio;
    const zc_swp slot = claimed->slot.name;
    const unsigned index = zc_slot_index(slot);
    bool removed = false;
    bool freeing = false;
    bool wake;

    zc_spinlock_lock(&cluster->lock);
    zc_cluster_set_count(cluster, index, in_use ? 1 : 0);
    if (folio == NULL) {
        freeing = zc_cluster_leave(cluster, index, ZC_SLOT_PINNED);
    } else {
        ZC_ASSERT(in_use || !zc_folio_has(folio, ZC_FOLIO_WRITEBACK));
        removed = !in_use ||
                  !zc_folio_has(folio, ZC_FOLIO_DIRTY | ZC_FOLIO_WRITEBACK);
        if (removed)
            freeing =
                zc_cluster_remove(zc_slot_device(swap, slot), cluster, index);
    }
    wake = zc_cluster_changed(cluster, index);
    zc_spinlock_unlock(&cluster->lock);
    if (wake)
        zc_cluster_wake(swap, cluster);
    if (freeing)
        zc_slot_free(swap, claimed->slot);
    if (folio == NULL)
        return;
    zc_folio_unlock(swap, folio);
    if (removed)
        zc_folio_put(swap, folio); /* the table's */
    zc_swapcache_put(swap, slot, folio);
}
