/* SPDX-License-Identifier: MIT */
/*
 * load.c - load, take and invalidate.
 *
 * A load finds the entry and takes a reference under the shard's lock.  After
 * that it holds no lock: the reference keeps the entry alive, also when the
 * slot is stored again or invalidated (ENTRY_KNOWN_BY_REF).
 *
 * A take does the same, decompresses, and then unlinks the entry if it is still
 * linked:
 *
 *   - only the thread that unlinks an entry drops the tree's reference
 *     (TREE_REF_DROPPED_BY_UNLINKER); if two did, the entry would be freed
 *     while a third thread uses it;
 *   - the take drops its own reference after the unlink
 *     (OWN_REF_OUTLIVES_INVALIDATE), so the entry that it unlinks is the one
 *     that it read, and not a new one at the same address, whose page would be
 *     lost.
 *
 * If another thread unlinked the entry first, the take tries again, and finds
 * no entry or a newer one.  So takes, stores and invalidates of one slot happen
 * one after another, in the order of their steps under the shard's lock.
 */
#include "rules.h"
#include "zswap.h"

static zc_status read_entry(struct zc_zswap *zswap, struct zc_entry *entry,
                            void *page_out)
{
    zc_status status = zc_entry_read(&zswap->entries, entry, page_out);

    if (status == ZC_OK)
        zc_stats_add(&zswap->stats, ZC_STAT_LOADED, 1);
    else
        zc_stats_add(&zswap->stats, ZC_STAT_DECOMPRESS_FAIL, 1);
    return status;
}

zc_status zc_zswap_load(struct zc_zswap *zswap, zc_swp slot, void *page_out)
{
    struct zc_entry *entry = zc_tree_get(&zswap->tree, slot);
    zc_status status;

    if (entry == NULL)
        return ZC_MISSING;
    status = read_entry(zswap, entry, page_out);
    zc_entry_put_used(&zswap->entries, entry);
    return status;
}

bool zc_zswap_has(struct zc_zswap *zswap, zc_swp slot)
{
    return zc_tree_find(&zswap->tree, slot) != NULL;
}

bool zc_zswap_next(struct zc_zswap *zswap, unsigned type,
                   uint64_t *offset_inout)
{
    struct zc_entry *entry = zc_tree_next(&zswap->tree, type, offset_inout);

    if (entry != NULL)
        zc_entry_put(&zswap->entries, entry);
    return entry != NULL;
}

/* One attempt.  ZC_AGAIN: another thread unlinked the entry first. */
static zc_status try_take(struct zc_zswap *zswap, zc_swp slot, void *page_out)
{
    struct zc_entry *entry = zc_tree_get(&zswap->tree, slot);
    unsigned processor;
    zc_status status;
    bool unlinked;

    if (entry == NULL)
        return ZC_MISSING;
    status = zc_entry_read(&zswap->entries, entry, page_out);
    if (status != ZC_OK) {
        zc_stats_add(&zswap->stats, ZC_STAT_DECOMPRESS_FAIL, 1);
        zc_entry_put(&zswap->entries, entry);
        return status;
    }
    if (!ZC_RULE(ENTRY_KNOWN_BY_REF) &&
        !ZC_BROKEN(find_again(zswap, slot, entry)))
        return ZC_AGAIN;
    if (!ZC_RULE(OWN_REF_OUTLIVES_INVALIDATE))
        zc_entry_put(&zswap->entries, entry);
    unlinked = zc_tree_unlink(&zswap->tree, entry);
    processor = zc_processor_current();
    if (unlinked || !ZC_RULE(TREE_REF_DROPPED_BY_UNLINKER))
        zc_zswap_forget(zswap, entry, ZC_STAT_TAKEN, processor);
    if (ZC_RULE(OWN_REF_OUTLIVES_INVALIDATE))
        zc_entry_put_on(&zswap->entries, entry, processor);
    return unlinked ? ZC_OK : ZC_AGAIN;
}

zc_status zc_zswap_take(struct zc_zswap *zswap, zc_swp slot, void *page_out)
{
    zc_status status;
    unsigned attempt;

    for (attempt = 0; attempt < ZC_TAKE_ATTEMPTS_MAX; attempt++) {
        status = try_take(zswap, slot, page_out);
        if (status != ZC_AGAIN)
            return status;
        zc_stats_add(&zswap->stats, ZC_STAT_TAKE_RETRIES, 1);
    }
    return ZC_BUSY;
}

zc_status zc_zswap_invalidate(struct zc_zswap *zswap, zc_swp slot)
{
    struct zc_entry *entry = zc_tree_erase(&zswap->tree, slot);

    if (entry == NULL)
        return ZC_MISSING;
    zc_zswap_forget(zswap, entry, ZC_STAT_INVALIDATED, zc_processor_current());
    return ZC_OK;
}

void zc_zswap_invalidate_range(struct zc_zswap *zswap, unsigned type,
                               uint64_t first, uint64_t end)
{
    struct zc_entry *entry;

    while ((entry = zc_tree_erase_next(&zswap->tree, type, first, end)) !=
           NULL) {
        first = zc_swp_offset(zc_entry_slot(entry)) + 1;
        zc_zswap_forget(zswap, entry, ZC_STAT_INVALIDATED,
                        zc_processor_current());
    }
}
