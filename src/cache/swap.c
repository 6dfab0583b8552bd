/* SPDX-License-Identifier: MIT */
/*
 * swap.c - swapon and swapoff.
 *
 * Swapoff brings every page of a device back in, one slot after another:
 *
 *     stop -> next slot in use? -- none -> end
 *               ^         |
 *               |         v
 *               +-- empty this slot -- an error -> on again
 *
 * Swapoff looks at a slot again after it has emptied it, and goes on to the
 * next one when it sees the slot free.  After the stop the device gives out no
 * slots, and refuses a store that pins a free slot.  So a slot that was seen
 * free gets no page, and swapoff does not come back to it.  Faults, loads and
 * takes go on meanwhile, and may empty a slot first.
 *
 * A slot is emptied through the swap cache.  Swapoff finds or makes the slot's
 * folio and locks it: a locked folio in the swap cache is a pin of its slot.
 * Swapoff waits for the folio's write, and reads the folio if it is new.  Then
 * `unuse` takes the page and brings the count to zero.  The folio leaves the
 * cache, which frees the slot.  A folio whose write failed is the only copy of
 * its page; it is handed over like the others.
 *
 * Swapoff calls `unuse` if the slot's count is not 0, and reads the count under
 * the pin.  A count that was read before the pin may have changed:
 *
 *     from 0   by a store that pinned the slot before the stop: swapoff would
 *              delete the only copy of the page
 *     to 0     by a take or an invalidate: `unuse` would get a page that is no
 *              longer stored
 *
 * Under the pin 0 stays 0, because only a thread that has a count, or the pin,
 * raises it.  A count that is not 0 changes without the pin only on a managed
 * device, by an unmap or a fork: there `unuse` walks the page tables until the
 * count is 0 (vm/swapoff.c).
 *
 * If the caller gave no `unuse`, swapoff reads the count without a pin.  A slot
 * with a count ends the swapoff with ZC_BUSY.  A slot in use without a count
 * has a bare pin, for whose end swapoff waits, or a folio, which swapoff locks,
 * and deletes if the count is still 0.  Then it looks at the slot again.
 *
 * If a page cannot be read, or `unuse` refuses it, the device is turned on
 * again.  If the page was in compressed memory, only the folio has it now
 * (loads into the swap cache are exclusive), so it is stored again.  A page
 * that the device still has is not stored again: its folio leaves the cache
 * with its last user.
 */
#include "cache/cache.h"

#include <inttypes.h>
#include <string.h>

#include "base/options.h"

/* ---- one at a time ---- */

static bool begin_change(struct zc_cache *cache)
{
    return zc_bit_trylock(&cache->swap.change, 1);
}

static void end_change(struct zc_cache *cache)
{
    (void)zc_atomic_u32_and(&cache->swap.change, 0);
}

/* ---- on ---- */

/* Fills in defaults and checks ranges; the device checks its own options. */
static zc_status check_options(const struct zc_cache *cache,
                               struct zc_swap_options *options)
{
    uint64_t slots_max = cache->zswap.tree.slot_count;

    if (options->slot_count == 0)
        options->slot_count = slots_max;
    if (options->slot_count > slots_max)
        return ZC_REFUSE(options, ZC_INVALID,
                         "slot_count: %" PRIu64 " is not from 1 to %" PRIu64
                         ", the cache's slot_count",
                         options->slot_count, slots_max);
    if (options->synchronous > 1)
        return ZC_REFUSE(options, ZC_INVALID, "synchronous: %u is not 0 or 1",
                         options->synchronous);
    if (options->managed > 1)
        return ZC_REFUSE(options, ZC_INVALID, "managed: %u is not 0 or 1",
                         options->managed);
    if (options->managed != 0 && options->slot_count > ZC_MANAGED_SLOTS_MAX)
        return ZC_REFUSE(options, ZC_INVALID,
                         "slot_count: %" PRIu64 " is not from 1 to %" PRIu64
                         ", the most of a managed device",
                         options->slot_count, ZC_MANAGED_SLOTS_MAX);
    if (options->slot_order > ZC_SLOT_ORDER_ROUND_ROBIN)
        return ZC_REFUSE(options, ZC_INVALID,
                         "slot_order: %u is not from 0 to %d, enum "
                         "zc_slot_order",
                         options->slot_order, ZC_SLOT_ORDER_ROUND_ROBIN);
    return ZC_OK;
}

/* The lowest type that is free; ZC_SWP_TYPE_COUNT: none is. */
static unsigned find_type(struct zc_cache *cache)
{
    unsigned type = 0;

    while (type < ZC_SWP_TYPE_COUNT &&
           (zc_swap_has_device(&cache->swap, type) ||
            zc_zswap_has_type(&cache->zswap, type)))
        type++;
    return type;
}

zc_status zc_swap_on(struct zc_cache *cache,
                     const struct zc_swap_options *options, unsigned *type_out)
{
    struct zc_swap_options own;
    zc_status status;
    unsigned type;

    status = ZC_OPTIONS_READ(&own, options);
    if (status != ZC_OK)
        return status;
    if (cache == NULL || type_out == NULL)
        return ZC_REFUSE(&own, ZC_INVALID, "cache or type_out: NULL");
    status = check_options(cache, &own);
    if (status != ZC_OK)
        return status;
    if (zc_process_is_child(&cache->process))
        return ZC_CACHE_REFUSE_CHILD(&own);
    if (cache->zswap.drops)
        return ZC_REFUSE(&own, ZC_UNSUPPORTED,
                         "the cache's lru_mode is drop: it has no device");
    if (!begin_change(cache))
        return ZC_REFUSE(&own, ZC_BUSY,
                         "another zc_swap_on() or zc_swap_off() is under way");
    type = find_type(cache);
    if (type < ZC_SWP_TYPE_COUNT)
        status = zc_swap_device_on(&cache->swap, type, &own);
    else
        status = ZC_REFUSE(&own, ZC_REJECTED,
                           "all %d types have a device, or pages",
                           ZC_SWP_TYPE_COUNT);
    end_change(cache);
    if (status == ZC_OK)
        *type_out = type;
    return status;
}

void zc_cache_last_put(void *context, zc_swp slot)
{
    struct zc_cache *cache = context;

    (void)zc_zswap_invalidate(&cache->zswap, slot);
    zc_backing_discard(cache->swap.devices[zc_swp_type(slot)].backing,
                       zc_swp_offset(slot));
}

/* ---- off ---- */

struct swapoff {
    struct zc_cache *cache;
    struct zc_swap_device *device;
    zc_cache_unuse unuse;
    void *context;
    struct zc_folio *left; /* locked, dirty: `unuse` refused it */
    unsigned owner;        /* of its page */
};

/* Takes the folio out of the cache, even if its write failed.  The slot is
 * freed if its count is 0. */
static void delete_folio(struct zc_cache *cache, struct zc_folio *folio)
{
    zc_pageio_forget_stuck(&cache->pageio, folio);
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    zc_swapcache_delete(&cache->swap, folio);
}

static void put_folio(struct zc_cache *cache, struct zc_slot_ref slot,
                      struct zc_folio *folio)
{
    zc_folio_unlock(&cache->swap, folio);
    zc_swapcache_put(&cache->swap, slot.name, folio);
}

/* Waits for a slot that is in use and had no count: another thread works on it,
 * and will set a count or free it; or it has a folio that is not needed. */
static void wait_for_slot(struct zc_cache *cache, struct zc_slot_ref slot)
{
    struct zc_swap *swap = &cache->swap;
    struct zc_folio *folio = zc_swapcache_look_up(slot);

    if (folio == NULL) {
        zc_slot_wait(swap, slot);
        return;
    }
    zc_folio_lock(swap, folio);
    if (zc_folio_is_of(folio, slot.name)) {
        zc_folio_wait_writeback(swap, folio);
        if (zc_slot_count(slot) == 0)
            delete_folio(cache, folio);
    }
    put_folio(cache, slot, folio);
}

/* The owner of a pinned slot's page in compressed memory; 0: none is there. */
static unsigned owner_of(struct zc_cache *cache, zc_swp slot)
{
    const struct zc_entry *entry = zc_tree_find(&cache->zswap.tree, slot);

    return entry == NULL ? 0 : zc_entry_owner(entry);
}

/* Reads the folio if needed, and hands it over.  Its lock pins the slot. */
static zc_status hand_over(struct swapoff *off, struct zc_folio *folio,
                           struct zc_slot_ref slot)
{
    struct zc_cache *cache = off->cache;
    zc_status status = ZC_OK;

    zc_folio_wait_writeback(&cache->swap, folio);
    if (zc_slot_count(slot) == 0)
        return ZC_OK;
    off->owner = owner_of(cache, slot.name);
    if (!zc_folio_has(folio, ZC_FOLIO_UPTODATE))
        status = zc_pageio_read(&cache->pageio, folio, slot, NULL);
    if (status == ZC_OK)
        status = off->unuse(off->context, folio);
    return status;
}

/* Brings in the page of a slot that was in use a moment ago.  ZC_OK: look
 * again. */
static zc_status empty_slot(struct swapoff *off, uint64_t offset)
{
    struct zc_cache *cache = off->cache;
    const struct zc_slot_ref slot =
        zc_slot_find(&cache->swap, zc_swp_make(off->device->type, offset));
    struct zc_folio *folio;
    zc_status status;
    bool created;

    if (off->unuse != NULL)
        status = zc_swapcache_get(&cache->swap, slot, &folio, &created);
    else
        status = zc_slot_count(slot) != 0 ? ZC_BUSY : ZC_MISSING;
    if (status == ZC_MISSING) {
        wait_for_slot(cache, slot);
        return ZC_OK;
    }
    if (status != ZC_OK)
        return status;
    status = hand_over(off, folio, slot);
    if (status != ZC_OK && created && zc_folio_has(folio, ZC_FOLIO_DIRTY)) {
        off->left = folio;
        return status;
    }
    if (status == ZC_OK && zc_slot_count(slot) == 0)
        delete_folio(cache, folio);
    put_folio(cache, slot, folio);
    return status;
}

static zc_status empty_device(struct swapoff *off)
{
    zc_status status = ZC_OK;
    uint64_t offset = 0;

    while (status == ZC_OK && zc_swap_device_next(off->device, &offset))
        status = empty_slot(off, offset);
    return status;
}

/* Stores the page that `unuse` refused again.  If that fails, the folio stays
 * in the swap cache, dirty. */
static void put_back(struct swapoff *off)
{
    zc_swp slot;

    if (off->left == NULL)
        return;
    slot = off->left->swap; /* the put below needs it */
    (void)zc_pageio_write(&off->cache->pageio, off->left, off->owner);
    zc_swapcache_put(&off->cache->swap, slot, off->left);
}

/* Adapts the function of zc_swap_off()'s caller to zc_cache_unuse. */
struct page_unuse {
    struct zc_cache *cache;
    zc_swap_unuse unuse;
    void *context;
};

static zc_status unuse_page(void *context, struct zc_folio *folio)
{
    const struct page_unuse *page = context;
    zc_status status = page->unuse(page->context, folio->swap, folio->data);

    if (status == ZC_OK)
        zc_slot_drop(&page->cache->swap, folio->swap);
    return status;
}

static zc_status turn_off(struct zc_cache *cache, unsigned type,
                          zc_cache_unuse unuse, void *context)
{
    struct zc_swap *swap = &cache->swap;
    struct swapoff off = {
        .cache = cache,
        .device = &swap->devices[type],
        .unuse = unuse,
        .context = context,
    };
    zc_status status;

    /* Page tables name the slots of a managed device, and of no other: each
     * kind has its own `unuse`. */
    if (unuse != NULL && (unuse == unuse_page) == off.device->managed)
        return ZC_INVALID;
    zc_swap_device_stop(off.device);
    status = empty_device(&off);
    if (status != ZC_OK) {
        zc_swap_device_restart(off.device);
        put_back(&off);
        return status;
    }
    /* A slot that is FREEING still counts as used, and may still have a
     * page. */
    ZC_ASSERT(zc_counter_read(&off.device->used) != 0 ||
              !zc_zswap_has_type(&cache->zswap, type));
    zc_swap_device_end(swap, off.device);
    return ZC_OK;
}

zc_status zc_cache_swap_off(struct zc_cache *cache, unsigned type,
                            zc_cache_unuse unuse, void *context)
{
    zc_status status;

    if (!begin_change(cache))
        return ZC_BUSY;
    if (type < ZC_SWP_TYPE_COUNT && zc_swap_has_device(&cache->swap, type))
        status = turn_off(cache, type, unuse, context);
    else
        status = ZC_INVALID;
    end_change(cache);
    return status;
}

zc_status zc_swap_off(struct zc_cache *cache, unsigned type,
                      zc_swap_unuse unuse, void *context)
{
    struct page_unuse page = {cache, unuse, context};

    if (cache == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    if (unuse == NULL)
        return zc_cache_swap_off(cache, type, NULL, NULL);
    return zc_cache_swap_off(cache, type, unuse_page, &page);
}

void zc_cache_drop_devices(struct zc_cache *cache)
{
    struct zc_swap *swap = &cache->swap;
    struct zc_swap_device *device;
    struct zc_claimed claimed;
    uint64_t offset;
    unsigned type;
    zc_status status;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        if (!zc_swap_has_device(swap, type))
            continue;
        device = &swap->devices[type];
        zc_swap_device_stop(device);
        offset = 0;
        while (zc_swap_device_next(device, &offset)) {
            status =
                zc_slot_claim(swap, zc_swp_make(type, offset), false, &claimed);
            ZC_ASSERT(status == ZC_OK);
            zc_slot_release(swap, &claimed, false);
        }
        zc_swap_device_end(swap, device);
    }
}

/* ---- counters ---- */

zc_status zc_swap_get_stats(struct zc_cache *cache, unsigned type,
                            struct zc_swap_stats *stats_out)
{
    struct zc_backing_counts counts;
    struct zc_swap_device *device;
    struct zc_swap_stats own;

    if (cache == NULL || type >= ZC_SWP_TYPE_COUNT)
        return ZC_INVALID;
    if (zc_process_is_child(&cache->process))
        return ZC_UNSUPPORTED;
    device = zc_swap_device_get(&cache->swap, zc_swp_make(type, 0));
    if (device == NULL)
        return ZC_INVALID;
    counts = zc_backing_count(device->backing);
    memset(&own, 0, sizeof(own));
    own.slot_count = device->slot_count;
    own.slots_used = zc_counter_read(&device->used);
    own.cached_folios = zc_counter_read(&device->cached);
    own.stuck_folios = zc_counter_read(&device->stuck);
    own.pages_written = counts.pages_written;
    own.pages_read = counts.pages_read;
    own.write_errors = counts.write_errors;
    own.read_errors = counts.read_errors;
    own.disk_bytes = zc_backing_disk_bytes(device->backing);
    zc_swap_device_put(&cache->swap, device);
    return zc_options_copy_out(stats_out, &own, sizeof(own));
}
