/* SPDX-License-Identifier: MIT */
/*
 * pageio_read.c - a folio in: zero bit, then compressed memory, then device.
 *
 * A folio in the swap cache takes the page over: the entry goes, and the folio
 * is dirty, because no other place has the page.  If this reader does not need
 * it after all, the next look-up finds it there.
 *
 * A private folio is known to its reader only.  If the reader loses (the page
 * table entry has changed), it frees the folio, and a page taken over would be
 * lost.  So a load into a private folio keeps the entry, and the copy is
 * dropped when the swap count is (EXCLUSIVE_ONLY_FROM_SWAPCACHE,
 * COPY_LIVES_UNTIL_SWAP_FREE).  The slot is pinned, so the entry is the same
 * from the look-up to the end.
 */
#include <string.h>

#include "rules.h"
#include "swap.h"

static zc_status read_zswap(struct zc_pageio *pageio, struct zc_folio *folio,
                            zc_swp slot)
{
    bool exclusive = zc_folio_has(folio, ZC_FOLIO_SWAPCACHE) ||
                     !ZC_RULE(EXCLUSIVE_ONLY_FROM_SWAPCACHE);
    zc_status status;

    if (!exclusive)
        return zc_zswap_load(pageio->zswap, slot, folio->data);
    status = zc_zswap_take(pageio->zswap, slot, folio->data);
    if (status == ZC_OK)
        zc_folio_set(folio, ZC_FOLIO_DIRTY);
    return status;
}

static zc_status read_page(struct zc_pageio *pageio, struct zc_folio *folio,
                           struct zc_slot_ref slot, bool is_zero,
                           enum zc_page_source *source_out)
{
    zc_status status;

    *source_out = ZC_SOURCE_ZERO;
    if (is_zero) {
        memset(folio->data, 0, pageio->zswap->page_size);
        zc_stats_add(pageio->stats, ZC_STAT_SWPIN_ZERO, 1);
        return ZC_OK;
    }
    *source_out = ZC_SOURCE_POOL;
    status = read_zswap(pageio, folio, slot.name);
    if (status != ZC_MISSING)
        return status;
    *source_out = ZC_SOURCE_DEVICE;
    return zc_pageio_read_device(pageio, slot, folio->data);
}

zc_status zc_pageio_read(struct zc_pageio *pageio, struct zc_folio *folio,
                         struct zc_slot_ref slot,
                         enum zc_page_source *source_out)
{
    return zc_pageio_read_pinned(pageio, folio, slot, zc_slot_is_zero(slot),
                                 source_out);
}

zc_status zc_pageio_read_pinned(struct zc_pageio *pageio,
                                struct zc_folio *folio, struct zc_slot_ref slot,
                                bool is_zero, enum zc_page_source *source_out)
{
    enum zc_page_source source;
    zc_status status;

    ZC_ASSERT(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    ZC_ASSERT(!zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    zc_may_block();
    status = read_page(pageio, folio, slot, is_zero, &source);
    if (status != ZC_OK)
        return status;
    if (source_out != NULL)
        *source_out = source;
    zc_folio_set(folio, ZC_FOLIO_UPTODATE);
    if (!ZC_RULE(COPY_LIVES_UNTIL_SWAP_FREE) &&
        !zc_folio_has(folio, ZC_FOLIO_SWAPCACHE))
        (void)ZC_BROKEN(drop_copy(pageio, slot.name));
    return ZC_OK;
}
