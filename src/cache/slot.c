/* SPDX-License-Identifier: MIT */
/*
 * slot.c - a cache's pages by slot: store, load, take, invalidate.
 *
 * Under a type without a device a page is in compressed memory or nowhere.  A
 * call needs only a reference to the entry, and this path costs one test.
 *
 * Under a type with a device a page may be in compressed memory, in a folio
 * whose write is under way or has failed, or on the device, and it moves from
 * one to the next.  So every call pins the slot while it looks:
 *
 *     device reference -> claim the slot -> look, change -> release the slot
 *
 *   - The slot's count is 1 while it has a page.  The release sets the count.
 *     A slot without a count has no page, and only a store claims it.
 *   - No other thread stores, reads or writes back a claimed slot.  So the
 *     calls on a slot happen one after another (G1 to G3), and a page that
 *     moves is found at the old place or at the new one (G4).
 *   - A folio that is cached for the slot comes locked with the claim.  It may
 *     still be under writeback.  Its bytes may be read, but the call gives up
 *     the slot, or writes it again, only after the write has ended
 *     (zc_folio_wait_writeback()).  A later store makes the folio obsolete, and
 *     a folio that is not needed leaves the cache at the release.
 *   - A store asks whether the device accepts pages after it has claimed the
 *     slot.  Swapoff stops the device and then looks for slots in use.  So
 *     either swapoff sees the claim, or the store sees the stop and stores
 *     nothing.
 *
 * A store may have to shrink while it has its slot claimed; writeback skips
 * pinned slots (SHRINK_SKIPS_CALLERS_SLOT).
 */
#include <string.h>

#include "cache/cache.h"

/* A slot of a device, pinned. */
struct claim {
    struct zc_cache *cache;
    struct zc_swap_device *device; /* with a reference */
    struct zc_claimed is;
    bool has_page; /* the count that the release sets */
};

/* Whether the slot is one of this cache. */
static bool has_slot(const struct zc_cache *cache, zc_swp slot)
{
    return cache != NULL && zc_tree_has_slot(&cache->zswap.tree, slot);
}

static bool has_device(const struct zc_cache *cache, zc_swp slot)
{
    return zc_swap_has_device(&cache->swap, zc_swp_type(slot));
}

/*
 * The device of a type, with a reference, for a caller that names slots below
 * `end`.  ZC_OK; ZC_BUSY: it is being turned off, and has no pages any more;
 * ZC_INVALID: it is managed and gives out its slots itself, or it has fewer
 * slots.
 */
static zc_status get_device(struct zc_cache *cache, unsigned type, uint64_t end,
                            struct zc_swap_device **device_out)
{
    struct zc_swap_device *device =
        zc_swap_device_get(&cache->swap, zc_swp_make(type, 0));

    if (device == NULL)
        return ZC_BUSY;
    if (device->managed || end > device->slot_count) {
        zc_swap_device_put(&cache->swap, device);
        return ZC_INVALID;
    }
    *device_out = device;
    return ZC_OK;
}

/*
 * `required`: the slot must have a page.  ZC_OK; ZC_BUSY, ZC_INVALID: as
 * get_device(); ZC_MISSING: required, and there is no page; ZC_NO_MEMORY: not
 * required.
 */
static zc_status claim_slot(struct zc_cache *cache, zc_swp slot, bool required,
                            struct claim *claim)
{
    zc_status status;

    status = get_device(cache, zc_swp_type(slot), zc_swp_offset(slot) + 1,
                        &claim->device);
    if (status != ZC_OK)
        return status;
    status = zc_slot_claim(&cache->swap, slot, required, &claim->is);
    if (status != ZC_OK) {
        zc_swap_device_put(&cache->swap, claim->device);
        return status;
    }
    claim->cache = cache;
    claim->has_page = claim->is.has_count;
    return ZC_OK;
}

/* A slot that has a page.  ZC_OK; ZC_MISSING: it has none; ZC_INVALID. */
static zc_status claim_page(struct zc_cache *cache, zc_swp slot,
                            struct claim *claim)
{
    const zc_status status = claim_slot(cache, slot, true, claim);

    return status == ZC_OK || status == ZC_INVALID ? status : ZC_MISSING;
}

static void release_slot(const struct claim *claim)
{
    struct zc_swap *swap = &claim->cache->swap;

    zc_slot_release(swap, &claim->is, claim->has_page);
    zc_swap_device_put(swap, claim->device);
}

/* The folio no longer has the slot's page: it leaves the cache at the release.
 * Waits for its write, which would overwrite the next page of the slot. */
static void give_up_folio(struct claim *claim)
{
    if (claim->is.folio == NULL)
        return;
    zc_folio_wait_writeback(&claim->cache->swap, claim->is.folio);
    zc_pageio_forget_stuck(&claim->cache->pageio, claim->is.folio);
    zc_folio_clear(claim->is.folio, ZC_FOLIO_DIRTY);
}

/* ---- store ---- */

/* Stores into compressed memory, or on the device. */
static zc_status store_claimed(struct claim *claim, unsigned owner,
                               const void *page)
{
    struct zc_cache *cache = claim->cache;
    zc_status status;

    status =
        zc_zswap_store(&cache->zswap, claim->is.slot.name, page, owner, false);
    give_up_folio(claim);
    if (claim->is.is_zero)
        zc_slot_set_zero(claim->is.slot, false);
    if (status != ZC_OK && !zc_zswap_owner_forbids(&cache->zswap, owner))
        status = zc_pageio_write_device(&cache->pageio, claim->is.slot, page);
    claim->has_page = status == ZC_OK;
    return status;
}

static zc_status store_on_device(struct zc_cache *cache, unsigned owner,
                                 zc_swp slot, const void *page)
{
    struct claim claim;
    zc_status status;

    status = claim_slot(cache, slot, false, &claim);
    if (status != ZC_OK)
        return status;
    if (zc_swap_device_accepts(claim.device))
        status = store_claimed(&claim, owner, page);
    else
        status = ZC_BUSY;
    release_slot(&claim);
    zc_pageio_throttle(&cache->pageio);
    return status;
}

static zc_status check_store(struct zc_cache *cache, unsigned owner,
                             zc_swp slot, const void *page)
{
    if (!has_slot(cache, slot) || page == NULL || owner >= ZC_OWNER_COUNT)
        return ZC_INVALID;
    return zc_process_is_child(&cache->process) ? ZC_UNSUPPORTED : ZC_OK;
}

zc_status zc_cache_store(struct zc_cache *cache, zc_swp slot, const void *page)
{
    const zc_status status = check_store(cache, 0, slot, page);

    if (status != ZC_OK)
        return status;
    if (has_device(cache, slot))
        return store_on_device(cache, 0, slot, page);
    return zc_zswap_store(&cache->zswap, slot, page, 0, false);
}

zc_status zc_cache_store_for(struct zc_cache *cache, unsigned owner,
                             zc_swp slot, const void *page)
{
    const zc_status status = check_store(cache, owner, slot, page);

    if (status != ZC_OK)
        return status;
    if (has_device(cache, slot))
        return store_on_device(cache, owner, slot, page);
    return zc_zswap_store(&cache->zswap, slot, page, owner, false);
}

/* ---- load and take ---- */

/* Reads a page that is not in compressed memory. */
static zc_status read_elsewhere(const struct claim *claim, void *page_out)
{
    struct zc_cache *cache = claim->cache;

    if (claim->is.folio != NULL &&
        zc_folio_has(claim->is.folio, ZC_FOLIO_UPTODATE)) {
        memcpy(page_out, claim->is.folio->data, cache->zswap.page_size);
        return ZC_OK;
    }
    if (claim->is.is_zero) {
        memset(page_out, 0, cache->zswap.page_size);
        return ZC_OK;
    }
    return zc_pageio_read_device(&cache->pageio, claim->is.slot, page_out);
}

static zc_status load_on_device(struct zc_cache *cache, zc_swp slot,
                                void *page_out)
{
    struct claim claim;
    zc_status status;

    status = claim_page(cache, slot, &claim);
    if (status != ZC_OK)
        return status;
    status = zc_zswap_load(&cache->zswap, slot, page_out);
    if (status == ZC_MISSING)
        status = read_elsewhere(&claim, page_out);
    release_slot(&claim);
    return status;
}

static zc_status take_on_device(struct zc_cache *cache, zc_swp slot,
                                void *page_out)
{
    struct claim claim;
    zc_status status;

    status = claim_page(cache, slot, &claim);
    if (status != ZC_OK)
        return status;
    status = zc_zswap_take(&cache->zswap, slot, page_out);
    if (status == ZC_MISSING)
        status = read_elsewhere(&claim, page_out);
    if (status == ZC_OK) {
        give_up_folio(&claim);
        claim.has_page = false;
    }
    release_slot(&claim);
    return status;
}

zc_status zc_cache_load(struct zc_cache *cache, zc_swp slot, void *page_out)
{
    if (!has_slot(cache, slot) || page_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (has_device(cache, slot))
        return load_on_device(cache, slot, page_out);
    return zc_zswap_load(&cache->zswap, slot, page_out);
}

zc_status zc_cache_take(struct zc_cache *cache, zc_swp slot, void *page_out)
{
    if (!has_slot(cache, slot) || page_out == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (has_device(cache, slot))
        return take_on_device(cache, slot, page_out);
    return zc_zswap_take(&cache->zswap, slot, page_out);
}

/* ---- look ---- */

static zc_status look_on_device(struct zc_cache *cache, zc_swp slot)
{
    struct claim claim;
    zc_status status;

    status = claim_page(cache, slot, &claim);
    if (status != ZC_OK)
        return status;
    release_slot(&claim);
    return ZC_OK;
}

zc_status zc_cache_contains(struct zc_cache *cache, zc_swp slot)
{
    if (!has_slot(cache, slot))
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (has_device(cache, slot))
        return look_on_device(cache, slot);
    return zc_zswap_has(&cache->zswap, slot) ? ZC_OK : ZC_MISSING;
}

/* The next slot of a device that has a page. */
static zc_status next_on_device(struct zc_cache *cache, unsigned type,
                                uint64_t *offset_inout)
{
    struct zc_swap_device *device;
    zc_status status = get_device(cache, type, 0, &device);

    if (status != ZC_OK)
        return status == ZC_INVALID ? ZC_INVALID : ZC_MISSING;
    do {
        status = ZC_MISSING;
        if (!zc_swap_device_next(device, offset_inout))
            break;
        status = look_on_device(cache, zc_swp_make(type, *offset_inout));
    } while (status == ZC_MISSING && ++*offset_inout < device->slot_count);
    zc_swap_device_put(&cache->swap, device);
    return status;
}

zc_status zc_cache_next(struct zc_cache *cache, zc_swp *slot_inout)
{
    uint64_t offset;
    zc_status status;
    unsigned type;

    if (cache == NULL || slot_inout == NULL ||
        zc_swp_type(*slot_inout) >= ZC_SWP_TYPE_COUNT)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    type = zc_swp_type(*slot_inout);
    offset = zc_swp_offset(*slot_inout);
    if (has_device(cache, *slot_inout))
        status = next_on_device(cache, type, &offset);
    else
        status = zc_zswap_next(&cache->zswap, type, &offset) ? ZC_OK
                                                             : ZC_MISSING;
    if (status == ZC_OK)
        *slot_inout = zc_swp_make(type, offset);
    return status;
}

/* ---- invalidate ---- */

/* The release frees the slot, and last_put() drops the page wherever it is. */
static zc_status invalidate_on_device(struct zc_cache *cache, zc_swp slot)
{
    struct claim claim;
    zc_status status;

    status = claim_page(cache, slot, &claim);
    if (status != ZC_OK)
        return status;
    give_up_folio(&claim);
    claim.has_page = false;
    release_slot(&claim);
    return ZC_OK;
}

zc_status zc_cache_invalidate(struct zc_cache *cache, zc_swp slot)
{
    if (!has_slot(cache, slot))
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (has_device(cache, slot))
        return invalidate_on_device(cache, slot);
    return zc_zswap_invalidate(&cache->zswap, slot);
}

/* Invalidates the slots in use from first to end - 1.  The caller holds a
 * reference to the device. */
static void invalidate_used(struct zc_cache *cache,
                            struct zc_swap_device *device, uint64_t first,
                            uint64_t end)
{
    while (first < end && zc_swap_device_next(device, &first) && first < end) {
        (void)invalidate_on_device(cache, zc_swp_make(device->type, first));
        first++;
    }
}

zc_status zc_cache_invalidate_range(struct zc_cache *cache, zc_swp first,
                                    uint64_t count)
{
    uint64_t offset = zc_swp_offset(first);
    struct zc_swap_device *device;
    zc_status status;

    if (cache == NULL || zc_swp_type(first) >= ZC_SWP_TYPE_COUNT ||
        offset > cache->zswap.tree.slot_count ||
        count > cache->zswap.tree.slot_count - offset)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (!has_device(cache, first)) {
        zc_zswap_invalidate_range(&cache->zswap, zc_swp_type(first), offset,
                                  offset + count);
        return ZC_OK;
    }
    status = get_device(cache, zc_swp_type(first), offset + count, &device);
    if (status != ZC_OK)
        return status == ZC_INVALID ? ZC_INVALID : ZC_OK;
    invalidate_used(cache, device, offset, offset + count);
    zc_swap_device_put(&cache->swap, device);
    return ZC_OK;
}

zc_status zc_cache_invalidate_type(struct zc_cache *cache, unsigned type)
{
    struct zc_swap_device *device;
    zc_status status;

    if (cache == NULL || type >= ZC_SWP_TYPE_COUNT)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (!zc_swap_has_device(&cache->swap, type)) {
        zc_zswap_invalidate_range(&cache->zswap, type, 0,
                                  cache->zswap.tree.slot_count);
        return ZC_OK;
    }
    status = get_device(cache, type, 0, &device);
    if (status != ZC_OK)
        return status == ZC_INVALID ? ZC_INVALID : ZC_OK;
    invalidate_used(cache, device, 0, device->slot_count);
    zc_swap_device_put(&cache->swap, device);
    return ZC_OK;
}
