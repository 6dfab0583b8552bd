/* SPDX-License-Identifier: MIT */
/*
 * zcache_load.c - a page out, and pages forgotten.
 *
 * A load finds the entry under its shard's lock and takes a reference; from
 * there on no lock is held, and the entry lives because of that reference,
 * whatever becomes of the slot (ENTRY_KNOWN_BY_REF).
 *
 * A take does the same, decompresses, and then unlinks the entry if it is still
 * linked:
 *
 *   - whoever unlinks drops the tree's reference, and only he
 *     (TREE_REF_DROPPED_BY_UNLINKER);
 *   - the own reference is dropped last (OWN_REF_OUTLIVES_INVALIDATE), so the
 *     entry that is asked for is the one that was read, and not another that
 *     came to lie at its address.
 *
 * If somebody else unlinked it first, the page is no longer there to be taken:
 * the take looks again, and finds nothing or something newer.  So takes,
 * stores and invalidates of a slot happen as if one after another.
 */
#include "rules.h"
#include "zcache_internal.h"

static zc_status read_entry(struct zc_cache *cache, struct zc_entry *entry,
                            void *page_out)
{
    zc_status status = zc_entry_read(&cache->entries, entry, page_out);

    if (status == ZC_OK)
        zc_stats_add(&cache->stats, ZC_STAT_LOADED, 1);
    else
        zc_stats_add(&cache->stats, ZC_STAT_DECOMPRESS_FAIL, 1);
    return status;
}

zc_status zc_cache_load(struct zc_cache *cache, zc_swp slot, void *page_out)
{
    struct zc_entry *entry;
    zc_status status;

    if (cache == NULL || page_out == NULL ||
        !zc_tree_has_slot(&cache->tree, slot))
        return ZC_INVALID;
    entry = zc_tree_get(&cache->tree, slot);
    if (entry == NULL)
        return ZC_MISSING;
    status = read_entry(cache, entry, page_out);
    zc_entry_put(&cache->entries, entry);
    return status;
}

/* ENTRY_KNOWN_BY_REF broken: without a reference, by its slot and address. */
static bool find_again(struct zc_cache *cache, zc_swp slot,
                       struct zc_entry *entry)
{
    struct zc_entry *found;

    zc_entry_put(&cache->entries, entry);
    found = zc_tree_get(&cache->tree, slot);
    if (found == entry)
        return true;
    if (found != NULL)
        zc_entry_put(&cache->entries, found);
    return false;
}

/* One attempt.  ZC_AGAIN: somebody else unlinked what was read. */
static zc_status try_take(struct zc_cache *cache, zc_swp slot, void *page_out)
{
    struct zc_entry *entry = zc_tree_get(&cache->tree, slot);
    zc_status status;
    bool unlinked;

    if (entry == NULL)
        return ZC_MISSING;
    status = zc_entry_read(&cache->entries, entry, page_out);
    if (status != ZC_OK) {
        zc_stats_add(&cache->stats, ZC_STAT_DECOMPRESS_FAIL, 1);
        zc_entry_put(&cache->entries, entry);
        return status;
    }
    if (!ZC_RULE(ENTRY_KNOWN_BY_REF) && !find_again(cache, slot, entry))
        return ZC_AGAIN;
    if (!ZC_RULE(OWN_REF_OUTLIVES_INVALIDATE))
        zc_entry_put(&cache->entries, entry);
    unlinked = zc_tree_unlink(&cache->tree, entry);
    if (unlinked || !ZC_RULE(TREE_REF_DROPPED_BY_UNLINKER))
        zc_cache_forget(cache, entry, ZC_STAT_TAKEN);
    if (ZC_RULE(OWN_REF_OUTLIVES_INVALIDATE))
        zc_entry_put(&cache->entries, entry);
    return unlinked ? ZC_OK : ZC_AGAIN;
}

zc_status zc_cache_take(struct zc_cache *cache, zc_swp slot, void *page_out)
{
    zc_status status;
    unsigned attempt;

    if (cache == NULL || page_out == NULL ||
        !zc_tree_has_slot(&cache->tree, slot))
        return ZC_INVALID;
    for (attempt = 0; attempt < ZC_TAKE_ATTEMPTS_MAX; attempt++) {
        status = try_take(cache, slot, page_out);
        if (status != ZC_AGAIN)
            return status;
        zc_stats_add(&cache->stats, ZC_STAT_TAKE_RETRIES, 1);
    }
    return ZC_BUSY;
}

zc_status zc_cache_invalidate(struct zc_cache *cache, zc_swp slot)
{
    struct zc_entry *entry;

    if (cache == NULL || !zc_tree_has_slot(&cache->tree, slot))
        return ZC_INVALID;
    entry = zc_tree_erase(&cache->tree, slot);
    if (entry == NULL)
        return ZC_MISSING;
    zc_cache_forget(cache, entry, ZC_STAT_INVALIDATED);
    return ZC_OK;
}

static void invalidate_offsets(struct zc_cache *cache, unsigned type,
                               uint64_t first, uint64_t end)
{
    struct zc_entry *entry;

    while ((entry = zc_tree_erase_next(&cache->tree, type, first, end)) !=
           NULL) {
        first = (entry->slot & ZC_SWP_OFFSET_MASK) + 1;
        zc_cache_forget(cache, entry, ZC_STAT_INVALIDATED);
    }
}

zc_status zc_cache_invalidate_range(struct zc_cache *cache, zc_swp first,
                                    uint64_t count)
{
    uint64_t offset = zc_swp_offset(first);

    if (cache == NULL || zc_swp_type(first) >= ZC_SWP_TYPE_COUNT ||
        offset > cache->tree.slot_count ||
        count > cache->tree.slot_count - offset)
        return ZC_INVALID;
    invalidate_offsets(cache, zc_swp_type(first), offset, offset + count);
    return ZC_OK;
}

zc_status zc_cache_invalidate_type(struct zc_cache *cache, unsigned type)
{
    if (cache == NULL || type >= ZC_SWP_TYPE_COUNT)
        return ZC_INVALID;
    invalidate_offsets(cache, type, 0, cache->tree.slot_count);
    return ZC_OK;
}
