/* SPDX-License-Identifier: MIT */
/*
 * writeback.c - one entry from compressed memory to its slot on the device.
 *
 * The caller found a candidate on a list by age, or in a zspage under reclaim,
 * and has released every lock.  It passes a slot and a token, which say what
 * was true then.  By now the page may have been swapped in, its slot freed and
 * given to another page, its entry's memory given to another entry, and the
 * device turned off.  So, in this order:
 *
 *     device reference      the device stays (DEVICE_REF_AROUND_TREE)
 *     locked folio in the   no other thread reads, writes, stores or frees the
 *     swap cache            slot (WRITEBACK_PINS_FIRST).  If the slot is pinned
 *                           already, another thread uses it: the page is not
 *                           cold, and is left (SHRINK_SKIPS_CALLERS_SLOT)
 *     recheck               the tree has the token's entry at this slot
 *                           (WRITEBACK_RECHECKS_TREE); from here on the pin
 *                           keeps it linked
 *     request               made now, so that nothing can fail after the unlink
 *     decompress            if this fails, the entry stays as it is
 *     unlink                must succeed: under the pin no other thread unlinks
 *     submit                hands over the request, the folio and its lock
 *
 * Each exit between the pin and the submission takes the folio out of the
 * cache, unlocks it and puts it, in this order and after the last use of the
 * tree (WRITEBACK_EXIT_CLEANS_UP).  A thread that looked the folio up meanwhile
 * sleeps for its lock, finds that it left the cache, and looks again.
 *
 * After the submission the page may be on the device, in a new folio, or
 * dropped.  The tree, the entry and the folio are not touched any more
 * (NOTHING_AFTER_SUBMIT).
 */
#include "swap.h"

#include "rules.h"

/* Ends the pin; `is_stale`: the recheck failed. */
static void unpin_slot(struct zc_swap *swap, struct zc_folio *folio,
                       bool is_stale)
{
    zc_swapcache_delete(swap, folio);
    if (is_stale && !ZC_RULE(WRITEBACK_EXIT_CLEANS_UP))
        return;
    zc_folio_unlock(swap, folio);
    zc_folio_put(swap, folio);
}

/* ZC_OK: the entry and our reference to the folio are gone.  Else nothing has
 * changed. */
static zc_status write_entry(struct zc_pageio *pageio, struct zc_write_run *run,
                             struct zc_slot_ref slot, struct zc_entry *entry,
                             struct zc_folio *folio)
{
    struct zc_zswap *zswap = pageio->zswap;
    const unsigned owner = zc_entry_owner(entry);
    struct zc_page_write *write;
    zc_status status;

    if (zc_zswap_owner_forbids(zswap, owner))
        return ZC_REJECTED;
    status = zc_pageio_prepare_write(pageio, slot, owner, &write);
    if (status != ZC_OK)
        return status;
    status = zc_zswap_read(zswap, entry, folio->data);
    if (status != ZC_OK) {
        zc_pageio_cancel_write(write);
        return status;
    }
    /* Before the unlink: at every moment some place has the page. */
    zc_folio_set(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY);
    if (ZC_RULE(NOTHING_AFTER_SUBMIT))
        zc_zswap_evict(zswap, entry);
    zc_pageio_submit_in_run(run, write, folio);
    if (!ZC_RULE(NOTHING_AFTER_SUBMIT))
        zc_zswap_evict(zswap, entry);
    return ZC_OK;
}

/* The folio pins the slot.  `entry` NULL: the tree has another one, or none. */
static zc_status write_pinned(struct zc_pageio *pageio,
                              struct zc_write_run *run, struct zc_slot_ref slot,
                              struct zc_entry *entry, struct zc_folio *folio)
{
    zc_status status = ZC_MISSING;

    if (entry != NULL)
        status = write_entry(pageio, run, slot, entry, folio);
    if (status == ZC_OK)
        return ZC_OK;
    unpin_slot(pageio->swap, folio, entry == NULL);
    return status;
}

/* The caller holds a device reference. */
static zc_status write_back(struct zc_pageio *pageio, struct zc_write_run *run,
                            zc_swp name, const struct zc_zswap_token *token)
{
    const struct zc_slot_ref slot = zc_slot_find(pageio->swap, name);
    struct zc_entry *entry;
    struct zc_folio *folio;
    zc_status status;

    if (!zc_swap_device_accepts(zc_pageio_device(pageio, name)))
        return ZC_INVALID;
    if (!ZC_RULE(WRITEBACK_PINS_FIRST))
        return ZC_BROKEN(find_first(pageio, run, slot, token, write_pinned));
    status = zc_swapcache_create(pageio->swap, slot, &folio);
    if (status == ZC_BUSY && !ZC_RULE(SHRINK_SKIPS_CALLERS_SLOT))
        status = ZC_BROKEN(wait_for_slot(pageio->swap, slot, &folio));
    if (status != ZC_OK)
        return status;
    entry = zc_zswap_find(pageio->zswap, name, token);
    return write_pinned(pageio, run, slot, entry, folio);
}

zc_status zc_writeback_page(struct zc_pageio *pageio, struct zc_write_run *run,
                            zc_swp slot, const struct zc_zswap_token *token)
{
    struct zc_swap *swap = pageio->swap;
    struct zc_swap_device *device;
    zc_status status;

    zc_may_block();
    device = ZC_RULE(DEVICE_REF_AROUND_TREE) ? zc_swap_device_get(swap, slot)
                                             : ZC_BROKEN(device_of(swap, slot));
    if (device == NULL)
        return ZC_INVALID;
    status = write_back(pageio, run, slot, token);
    if (ZC_RULE(DEVICE_REF_AROUND_TREE))
        zc_swap_device_put(swap, device);
    if (status == ZC_BUSY)
        zc_stats_add(pageio->stats, ZC_STAT_WRITEBACK_BUSY, 1);
    if (status == ZC_MISSING)
        zc_stats_add(pageio->stats, ZC_STAT_WRITEBACK_STALE, 1);
    return status;
}
