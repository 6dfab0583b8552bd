/* SPDX-License-Identifier: MIT */
/*
 * zcache_store.c - a page in.
 *
 *   limit -> entry -> same-filled? -> compress -> pool -> tree -> old one out
 *
 * Build new, publish, then free old: everything that can fail comes before the
 * one step in which the tree takes the new entry for the old.  If something
 * does fail, the older page of the slot goes all the same, because it is stale
 * (FAILED_STORE_ERASES_OLD).
 *
 * The limit is zswap's, with its hysteresis: a store that finds the pool at the
 * limit raises a flag, and while it is up every store is refused until the pool
 * has fallen to the accept threshold.
 *
 * The store holds its own reference until it is done: without a pin somebody
 * may invalidate the slot as soon as the tree has it.
 */
#include <string.h>

#include "inject.h"
#include "platform/ghost.h"
#include "platform/memory.h"
#include "rules.h"
#include "zcache_internal.h"

/* Whether all words of [from, to) of a page are this one. */
static bool is_filled(const char *page, size_t from, size_t to, uint64_t fill)
{
    uint64_t word;
    size_t at;

    for (at = from; at < to; at += sizeof(word)) {
        memcpy(&word, page + at, sizeof(word));
        if (word != fill)
            return false;
    }
    return true;
}

/*
 * True if every word of the page is the first one.  Most pages show that they
 * are not within their first cache line, which the codec reads next, and most
 * others at their end.
 */
static bool is_same_filled(const void *page, size_t page_size,
                           uint64_t *fill_out)
{
    uint64_t fill;

    memcpy(&fill, page, sizeof(fill));
    if (!is_filled(page, sizeof(fill), ZC_CACHE_LINE, fill) ||
        !is_filled(page, page_size - sizeof(fill), page_size, fill) ||
        !is_filled(page, ZC_CACHE_LINE, page_size, fill))
        return false;
    *fill_out = fill;
    return true;
}

/* Whether a store is refused now; counts as zswap does. */
static bool is_over_limit(struct zc_cache *cache)
{
    uint64_t limit = zc_atomic_u64_load_relaxed(&cache->limit_pages);
    uint64_t pages;

    if (limit == UINT64_MAX)
        return false;
    pages = cache->entries.pool_ops->page_count(cache->entries.pool);
    if (pages >= limit) {
        zc_stats_add(&cache->stats, ZC_STAT_POOL_LIMIT_HIT, 1);
        zc_atomic_u32_store_relaxed(&cache->is_full, 1);
        return true;
    }
    if (zc_atomic_u32_load_relaxed(&cache->is_full) == 0)
        return false;
    if (pages > zc_atomic_u64_load_relaxed(&cache->threshold_pages))
        return true;
    zc_atomic_u32_store_relaxed(&cache->is_full, 0);
    return false;
}

/*
 * Compresses the page into the context's buffer; true: into fewer bytes than
 * make a page's worth.  Whatever else comes of it, the page is stored raw.
 */
static bool compress(struct zc_cache *cache, struct zc_generation *generation,
                     struct zc_context *context, const void *page,
                     size_t *size_out)
{
    zc_status status = ZC_UNSUPPORTED;
    size_t size = 0;

    zc_may_block();
    zc_ghost_begin_write(context->buffer, 1, "compress");
    if (!zc_inject(ZC_INJECT_COMPRESS))
        status = generation->compressor->compress(
            context->codec, generation->level, page, cache->page_size,
            context->buffer, 2 * cache->page_size, &size);
    zc_ghost_end_write(context->buffer, 1, "compressed");
    if (status != ZC_OK || size == 0) {
        zc_stats_add(&cache->stats, ZC_STAT_COMPRESS_FAIL, 1);
        return false;
    }
    *size_out = size;
    return size < cache->huge_class_size && size < cache->page_size;
}

/*
 * Gives the entry its object.  The context is held until the object is written:
 * the buffer is its own.  Nothing is waited for meanwhile but the system's
 * memory (NO_SHRINK_WITH_CONTEXT).
 */
static zc_status store_object(struct zc_cache *cache, struct zc_entry *entry,
                              const void *page)
{
    struct zc_generation *generation = zc_generations_get(&cache->generations);
    struct zc_context *context = zc_generation_lock_context(generation);
    unsigned flags = 0;
    const void *data;
    zc_handle handle;
    zc_status status;
    size_t size = 0;

    data = context->buffer;
    if (!compress(cache, generation, context, page, &size)) {
        flags = ZC_ENTRY_RAW;
        data = page;
        size = cache->page_size;
    }
    status =
        cache->entries.pool_ops->put(cache->entries.pool, data, size, &handle);
    if (status == ZC_OK)
        zc_entry_set_object(&cache->entries, entry, generation, handle, data,
                            size, flags);
    zc_generation_unlock_context(context);
    if (status != ZC_OK) {
        zc_stats_add(&cache->stats, ZC_STAT_REJECT_ALLOC_FAIL, 1);
        zc_generation_put(&cache->generations, generation);
    }
    return status;
}

/* Counts what is rare; what is common is counted once per call. */
static void count_kind(struct zc_cache *cache, const struct zc_entry *entry,
                       uint64_t change)
{
    if ((entry->flags & ZC_ENTRY_SAME_FILLED) != 0)
        zc_stats_add(&cache->stats, ZC_STAT_SAME_FILLED_PAGES, change);
    if ((entry->flags & ZC_ENTRY_RAW) != 0)
        zc_stats_add(&cache->stats, ZC_STAT_INCOMPRESSIBLE_PAGES, change);
}

void zc_cache_forget(struct zc_cache *cache, struct zc_entry *entry,
                     enum zc_stat reason)
{
    zc_stats_add(&cache->stats, reason, 1);
    count_kind(cache, entry, (uint64_t)0 - 1);
    zc_entry_put(&cache->entries, entry);
}

/* Fills and publishes the entry. */
static zc_status store_entry(struct zc_cache *cache, struct zc_entry *entry,
                             const void *page)
{
    struct zc_entry *old;
    zc_status status;
    uint64_t fill;

    if (cache->same_filled && is_same_filled(page, cache->page_size, &fill)) {
        zc_entry_set_fill(&cache->entries, entry, fill);
    } else {
        status = store_object(cache, entry, page);
        if (status != ZC_OK)
            return status;
    }
    /* Counted first: once it is linked, anybody may count it out. */
    zc_stats_add(&cache->stats, ZC_STAT_ZSWPOUT, 1);
    count_kind(cache, entry, 1);
    status = zc_tree_exchange(&cache->tree, entry, &old);
    if (status != ZC_OK) {
        zc_stats_subtract(&cache->stats, ZC_STAT_ZSWPOUT, 1);
        count_kind(cache, entry, (uint64_t)0 - 1);
        zc_stats_add(&cache->stats, ZC_STAT_REJECT_KMEMCACHE_FAIL, 1);
        return status;
    }
    if (old != NULL)
        zc_cache_forget(cache, old, ZC_STAT_REPLACED);
    return ZC_OK;
}

static zc_status store_page(struct zc_cache *cache, zc_swp slot,
                            const void *page)
{
    struct zc_entry *entry;
    zc_status status;

    if (is_over_limit(cache)) {
        zc_stats_add(&cache->stats, ZC_STAT_REJECT_RECLAIM_FAIL, 1);
        return ZC_REJECTED;
    }
    status = zc_entry_create(&cache->entries, slot, &entry);
    if (status != ZC_OK) {
        zc_stats_add(&cache->stats, ZC_STAT_REJECT_KMEMCACHE_FAIL, 1);
        return status;
    }
    status = store_entry(cache, entry, page);
    zc_entry_put(&cache->entries, entry);
    return status;
}

zc_status zc_cache_store(struct zc_cache *cache, zc_swp slot, const void *page)
{
    struct zc_entry *stale;
    zc_status status;

    if (cache == NULL || page == NULL || !zc_tree_has_slot(&cache->tree, slot))
        return ZC_INVALID;
    status = store_page(cache, slot, page);
    if (status == ZC_OK || !ZC_RULE(FAILED_STORE_ERASES_OLD))
        return status;
    stale = zc_tree_erase(&cache->tree, slot);
    if (stale != NULL)
        zc_cache_forget(cache, stale, ZC_STAT_REPLACED);
    return status;
}
