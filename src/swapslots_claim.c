/* SPDX-License-Identifier: MIT */
/*
 * swapslots_claim.c - slots that the caller names, pinned in whatever state.
 *
 * Who names slots has no count that says that a slot may be used: one call may
 * find it free, in use, cached by a write under way, or being freed.  Claiming
 * makes one of two pins of all of these, and with either the caller is alone
 * with the slot:
 *
 *     free, or in use     -> bare pin (a free slot is in use from now on)
 *     cached              -> the folio's lock, then looked at again
 *     pinned, or FREEING  -> sleeps, and begins again
 *
 * Claiming begins again only when somebody else was done with the slot in the
 * meantime, so it needs no bound.
 */
#include "rules.h"
#include "swapslots_internal.h"

/* One attempt without sleeping.  ZC_BUSY: somebody pins or frees it;
 * *folio_out: a cached folio with a reference, not yet locked. */
static zc_status try_claim(struct zc_swap_device *device,
                           struct zc_cluster *cluster, unsigned index,
                           struct zc_folio **folio_out)
{
    zc_status status = ZC_OK;

    *folio_out = NULL;
    zc_spinlock_lock(&cluster->lock);
    if ((cluster->flags[index] & (ZC_SLOT_PINNED | ZC_SLOT_FREEING)) != 0) {
        status = ZC_BUSY;
    } else if ((cluster->flags[index] & ZC_SLOT_CACHED) != 0) {
        *folio_out = zc_cluster_folio(cluster, index);
        zc_folio_get(*folio_out);
    } else {
        zc_cluster_use(device, cluster, index, ZC_SLOT_PINNED);
    }
    zc_spinlock_unlock(&cluster->lock);
    return status;
}

zc_status zc_slot_claim(struct zc_swap *swap, zc_swp slot,
                        struct zc_folio **folio_out)
{
    struct zc_swap_device *device = zc_slot_device(swap, slot);
    struct zc_cluster *cluster = zc_cluster_make(device, zc_swp_offset(slot));
    struct zc_folio *folio;

    if (cluster == NULL)
        return ZC_NO_MEMORY;
    for (;;) {
        if (try_claim(device, cluster, zc_slot_index(slot), &folio) != ZC_OK) {
            if (ZC_RULE(PIN_LOSER_SLEEPS))
                zc_slot_wait_for(swap, cluster, zc_slot_index(slot),
                                 ZC_SLOT_PINNED | ZC_SLOT_FREEING);
            continue;
        }
        if (folio == NULL)
            break;
        zc_folio_lock(swap, folio);
        if (zc_folio_is_of(folio, slot))
            break;
        zc_folio_unlock(swap, folio);
        zc_folio_put(swap, folio);
    }
    *folio_out = folio;
    return ZC_OK;
}

void zc_slot_release(struct zc_swap *swap, zc_swp slot, struct zc_folio *folio,
                     bool in_use)
{
    struct zc_swap_device *device = zc_slot_device(swap, slot);
    struct zc_cluster *cluster = zc_slot_cluster(swap, slot);
    unsigned index = zc_slot_index(slot);
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
            freeing = zc_cluster_remove(device, cluster, index);
    }
    wake = zc_cluster_changed(cluster, index);
    zc_spinlock_unlock(&cluster->lock);
    if (wake)
        zc_cluster_wake(swap, cluster);
    if (freeing)
        zc_slot_free(swap, cluster, slot);
    if (folio == NULL)
        return;
    zc_folio_unlock(swap, folio);
    if (removed)
        zc_folio_put(swap, folio); /* the table's */
    zc_swapcache_put(swap, slot, folio);
}
