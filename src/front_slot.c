/* SPDX-License-Identifier: MIT */
/* front_slot.c - a cache's pages by slot: store, load, take, invalidate. */
#include "front.h"

/* Whether a call on this slot makes sense. */
static bool has_slot(const struct zc_cache *cache, zc_swp slot)
{
    return cache != NULL && zc_tree_has_slot(&cache->zcache.tree, slot);
}

zc_status zc_cache_store(struct zc_cache *cache, zc_swp slot, const void *page)
{
    return zc_cache_store_for(cache, 0, slot, page);
}

zc_status zc_cache_store_for(struct zc_cache *cache, unsigned owner,
                             zc_swp slot, const void *page)
{
    if (!has_slot(cache, slot) || page == NULL || owner >= ZC_OWNER_COUNT)
        return ZC_INVALID;
    return zc_zcache_store(&cache->zcache, slot, page, owner, false);
}

zc_status zc_cache_load(struct zc_cache *cache, zc_swp slot, void *page_out)
{
    if (!has_slot(cache, slot) || page_out == NULL)
        return ZC_INVALID;
    return zc_zcache_load(&cache->zcache, slot, page_out);
}

zc_status zc_cache_take(struct zc_cache *cache, zc_swp slot, void *page_out)
{
    if (!has_slot(cache, slot) || page_out == NULL)
        return ZC_INVALID;
    return zc_zcache_take(&cache->zcache, slot, page_out);
}

zc_status zc_cache_invalidate(struct zc_cache *cache, zc_swp slot)
{
    if (!has_slot(cache, slot))
        return ZC_INVALID;
    return zc_zcache_invalidate(&cache->zcache, slot);
}

zc_status zc_cache_invalidate_range(struct zc_cache *cache, zc_swp first,
                                    uint64_t count)
{
    uint64_t offset = zc_swp_offset(first);

    if (cache == NULL || zc_swp_type(first) >= ZC_SWP_TYPE_COUNT ||
        offset > cache->zcache.tree.slot_count ||
        count > cache->zcache.tree.slot_count - offset)
        return ZC_INVALID;
    zc_zcache_invalidate_range(&cache->zcache, zc_swp_type(first), offset,
                               offset + count);
    return ZC_OK;
}

zc_status zc_cache_invalidate_type(struct zc_cache *cache, unsigned type)
{
    if (cache == NULL || type >= ZC_SWP_TYPE_COUNT)
        return ZC_INVALID;
    zc_zcache_invalidate_range(&cache->zcache, type, 0,
                               cache->zcache.tree.slot_count);
    return ZC_OK;
}
