/* SPDX-License-Identifier: MIT */
/*
 * store.c - store.
 *
 *   same-filled?  yes ----------------------------> entry without an object
 *                 no -> limits -> compress -> pool: entry with an object
 *   entry -> tree, in place of the old entry -> put the old entry -> LRU
 *
 * All that can fail comes before the one step in which the tree replaces the
 * old entry by the new one.  A store that fails erases the slot's old page,
 * because it is stale (FAILED_STORE_ERASES_OLD).
 *
 * The pool enforces the limit: only the pool knows whether an object needs a
 * page beyond it.  If the pool has no limit of its own, a store is refused when
 * the pool is at the limit.  The hysteresis is zswap's: a store that the limit
 * refuses sets `is_full`, and while that is set stores are refused until the
 * pool has shrunk to the accept threshold.  (ZC_SHRINK_PROACTIVE has none: its
 * stores ask for room before the limit.)  Before it refuses, the store lets
 * the layer above make room, and holds no context meanwhile
 * (NO_SHRINK_WITH_CONTEXT); so it compresses the page again after that.  A
 * same-filled page needs no object, and no limit refuses it.
 *
 * An owner's limit is a memcg's zswap.max: a store over it asks once for room
 * in that owner's pages, and goes on if a page was written; it does not check
 * the owner's limit again.
 *
 * Reclaim of a zspage (lru = zspage) needs the slot of each object.  The
 * object's record has it; in a pool of the user's, which has no such records,
 * the slot is the object's prefix.
 *
 * The store holds its own reference until it ends: without a pin another thread
 * may invalidate the slot as soon as the entry is linked.  So the entry still
 * exists when the store puts it on the LRU, last (LRU_LAST).
 */
#include <string.h>

#include "base/inject.h"
#include "platform/annotate_memory.h"
#include "platform/memory.h"
#include "rules.h"
#include "zswap.h"

/* Whether all words in [from, to) of a page are `fill`. */
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
 * True if every word of the page equals the first.  Most pages differ within
 * the first cache line, which the codec reads next; most others differ in the
 * last word.
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

/* The page of one store. */
struct incoming {
    zc_swp slot;
    const void *page;
    unsigned owner;
    unsigned processor; /* that the store began on */
    bool force;         /* no limit refuses it */
    bool is_filled;     /* every word is `fill`: it needs no object */
    uint64_t fill;
};

/* The limit refuses a store.  `hits`: what to add to the counter of refusals:
 * 1 at the first refusal, 0 at the second of the same store. */
static void note_limit(struct zc_zswap *zswap, unsigned hits)
{
    zc_stats_add(&zswap->stats, ZC_STAT_POOL_LIMIT_HIT, hits);
    zc_atomic_u32_store_relaxed(&zswap->is_full, 1);
}

/* Whether the limit refuses a store before it asks the pool; `hits` as in
 * note_limit(). */
static bool is_over_limit(struct zc_zswap *zswap, unsigned hits)
{
    const struct zc_entries *entries = &zswap->entries;
    const uint64_t limit = zc_atomic_u64_load_relaxed(&zswap->limit_pages);
    uint64_t pages;

    if (limit == UINT64_MAX)
        return false;
    pages = entries->pool_ops->page_count(entries->pool);
    /* At the limit an object may still fit into the pages that exist; a pool
     * with a limit of its own decides that. */
    if (pages > limit || (pages == limit && !zswap->pool_has_limit)) {
        note_limit(zswap, hits);
        return true;
    }
    if (zc_atomic_u32_load_relaxed(&zswap->is_full) == 0 || zswap->is_proactive)
        return false;
    if (zc_zswap_excess_pages(zswap) == 0) {
        zc_atomic_u32_store_relaxed(&zswap->is_full, 0);
        return false;
    }
    if (pages == limit)
        note_limit(zswap, hits);
    return true;
}

/* Lets the layer above make room; true: a page was written. */
static bool make_room(struct zc_zswap *zswap, zc_swp slot, unsigned owner)
{
    if (zswap->make_room == NULL)
        return false;
    if (!ZC_RULE(NO_SHRINK_WITH_CONTEXT))
        return ZC_BROKEN(make_room(zswap, slot, owner));
    return zswap->make_room(zswap->context, slot, owner);
}

/* ZC_OK; ZC_REJECTED: over the owner's limit, and no room was made; ZC_AGAIN:
 * the pool is full. */
static zc_status check_limits(struct zc_zswap *zswap,
                              const struct zc_owner *record,
                              const struct incoming *in)
{
    if (zc_owner_is_at_limit(record) &&
        !make_room(zswap, in->slot, in->owner)) {
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_OWNER_LIMIT, 1);
        return ZC_REJECTED;
    }
    return is_over_limit(zswap, 1) ? ZC_AGAIN : ZC_OK;
}

size_t zc_zswap_compress(const struct zc_zswap *zswap,
                         const struct zc_generation *generation,
                         struct zc_context *context, const void *page)
{
    zc_status status = ZC_UNSUPPORTED;
    size_t size = 0;

    zc_may_block();
    zc_annotate_write_begin(context->buffer, 1, "compress");
    if (!zc_inject(ZC_INJECT_COMPRESS))
        status = generation->compressor->compress(
            context->codec, generation->level, page, zswap->page_size,
            context->buffer + zswap->entries.prefix_bytes, 2 * zswap->page_size,
            &size);
    zc_annotate_write_end(context->buffer, 1, "compressed");
    return status == ZC_OK ? size : 0;
}

struct object {
    const void *data;
    size_t size;
    unsigned flags; /* of the entry */
};

/*
 * Chooses the bytes to put into the pool: the compressed page, `size` bytes in
 * `buffer` behind the prefix (0: compression failed), or the raw page if the
 * compressed one has raw_from bytes or more.  With lru = zspage a page that
 * does not compress is refused, as in the kernel while zswap had that LRU.
 *
 * ZC_OK; ZC_REJECTED.
 */
static zc_status choose_object(struct zc_zswap *zswap, char *buffer,
                               size_t size, const struct incoming *in,
                               struct object *object_out)
{
    const size_t prefix = zswap->entries.prefix_bytes;

    if (zswap->lru_mode != ZC_LRU_ZSPAGE) {
        if (size == 0 || size >= zswap->page_size)
            *object_out =
                (struct object){in->page, zswap->page_size,
                                ZC_ENTRY_RAW | ZC_ENTRY_INCOMPRESSIBLE};
        else if (size >= zswap->raw_from)
            *object_out =
                (struct object){in->page, zswap->page_size, ZC_ENTRY_RAW};
        else
            *object_out = (struct object){buffer, size, 0};
        return ZC_OK;
    }
    if (size == 0 || size >= zswap->page_size ||
        size > zswap->page_size - prefix) {
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_COMPRESS_POOR, 1);
        return ZC_REJECTED;
    }
    memcpy(buffer, &in->slot, prefix);
    *object_out = (struct object){buffer, prefix + size, 0};
    return ZC_OK;
}

/* Makes an entry with its object.  ZC_AGAIN: the pool's limit refused it. */
static zc_status create_entry(struct zc_zswap *zswap,
                              struct zc_generation *generation,
                              const struct incoming *in,
                              const struct object *object,
                              struct zc_entry **entry_out)
{
    zc_status status = zc_entry_create(&zswap->entries, in->slot, in->owner,
                                       object->data, object->size, in->force,
                                       entry_out);

    if (status == ZC_REJECTED && zswap->pool_has_limit)
        return ZC_AGAIN;
    if (status != ZC_OK) {
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_ALLOC_FAIL, 1);
        return status;
    }
    status = zc_entry_set_object(&zswap->entries, *entry_out, generation,
                                 object->data, object->size, object->flags,
                                 in->processor);
    if (status != ZC_OK)
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_KMEMCACHE_FAIL, 1);
    return status;
}

/*
 * Compresses the page and makes its entry.  The store holds the context until
 * the entry is complete: the object's bytes are in the context's buffer.
 * Meanwhile it waits for nothing but the system's memory
 * (NO_SHRINK_WITH_CONTEXT).
 */
static zc_status compress_entry(struct zc_zswap *zswap,
                                const struct incoming *in,
                                struct zc_entry **entry_out)
{
    struct zc_generation *generation =
        zc_generations_get(&zswap->generations, in->processor);
    struct zc_context *context =
        zc_generation_lock_context(generation, in->processor);
    const size_t size = zc_zswap_compress(zswap, generation, context, in->page);
    struct object object;
    zc_status status;

    if (size == 0)
        zc_stats_add(&zswap->stats, ZC_STAT_COMPRESS_FAIL, 1);
    status = choose_object(zswap, context->buffer, size, in, &object);
    if (status == ZC_OK)
        status = create_entry(zswap, generation, in, &object, entry_out);
    zc_generation_unlock_context(context);
    if (status != ZC_OK)
        zc_generation_put(generation, in->processor);
    return status;
}

static zc_status fill_entry(struct zc_zswap *zswap, const struct incoming *in,
                            struct zc_entry **entry_out)
{
    zc_status status = zc_entry_create_filled(&zswap->entries, in->slot,
                                              in->owner, in->fill, entry_out);

    if (status != ZC_OK)
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_KMEMCACHE_FAIL, 1);
    return status;
}

void zc_zswap_count_kind(struct zc_zswap *zswap, const struct zc_entry *entry,
                         uint64_t change)
{
    if ((entry->flags & ZC_ENTRY_SAME_FILLED) != 0)
        zc_stats_add(&zswap->stats, ZC_STAT_SAME_FILLED_PAGES, change);
    if ((entry->flags & ZC_ENTRY_RAW) != 0)
        zc_stats_add(&zswap->stats, ZC_STAT_RAW_PAGES, change);
    if ((entry->flags & ZC_ENTRY_INCOMPRESSIBLE) != 0)
        zc_stats_add(&zswap->stats, ZC_STAT_INCOMPRESSIBLE_PAGES, change);
}

void zc_zswap_forget(struct zc_zswap *zswap, struct zc_entry *entry,
                     enum zc_stat reason, unsigned processor)
{
    zc_stats_add_on(&zswap->stats, processor, reason, 1);
    zc_zswap_count_kind(zswap, entry, (uint64_t)0 - 1);
    zc_entry_put_on(&zswap->entries, entry, processor);
}

/* Links a complete entry in place of the slot's old one, and drops the tree's
 * reference to that. */
static zc_status publish_entry(struct zc_zswap *zswap, struct zc_entry *entry,
                               unsigned processor)
{
    struct zc_entry *old;
    zc_status status;

    /* Counted before it is linked: another thread may unlink it, and count
     * that, at once. */
    zc_stats_add_on(&zswap->stats, processor, ZC_STAT_ZSWPOUT, 1);
    zc_zswap_count_kind(zswap, entry, 1);
    status = zc_tree_exchange(&zswap->tree, entry, &old);
    if (status != ZC_OK) {
        zc_stats_subtract(&zswap->stats, ZC_STAT_ZSWPOUT, 1);
        zc_zswap_count_kind(zswap, entry, (uint64_t)0 - 1);
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_ALLOC_FAIL, 1);
        return status;
    }
    if (old != NULL)
        zc_zswap_forget(zswap, old, ZC_STAT_REPLACED, processor);
    return ZC_OK;
}

static bool belongs_on_lru(const struct zc_zswap *zswap,
                           const struct zc_entry *entry)
{
    return zswap->lru_mode == ZC_LRU_ENTRY &&
           (entry->flags & ZC_ENTRY_SAME_FILLED) == 0;
}

/* Makes and publishes an entry.  ZC_AGAIN: the pool's limit refused it. */
static zc_status store_new_entry(struct zc_zswap *zswap,
                                 const struct incoming *in)
{
    struct zc_entry *entry;
    zc_status status = in->is_filled ? fill_entry(zswap, in, &entry)
                                     : compress_entry(zswap, in, &entry);

    if (status != ZC_OK)
        return status;
    status = publish_entry(zswap, entry, in->processor);
    if (ZC_RULE(LRU_LAST) && status == ZC_OK && belongs_on_lru(zswap, entry))
        zc_lru_add(&zswap->lru, entry);
    zc_entry_put(&zswap->entries, entry);
    return status;
}

/* Stores a page that needs an object, within the limits.  ZC_AGAIN: the limit
 * refused it. */
static zc_status store_limited(struct zc_zswap *zswap,
                               const struct zc_owner *record,
                               const struct incoming *in)
{
    zc_status status;

    if (zswap->is_proactive && zc_zswap_is_past_start(zswap))
        (void)make_room(zswap, in->slot, ZC_OWNER_ANY);
    status = check_limits(zswap, record, in);
    if (status == ZC_OK) {
        status = store_new_entry(zswap, in);
        if (status == ZC_AGAIN)
            note_limit(zswap, 1);
    }
    if (status != ZC_AGAIN || zswap->make_room == NULL)
        return status;
    (void)make_room(zswap, in->slot, ZC_OWNER_ANY);
    if (is_over_limit(zswap, 0))
        return ZC_AGAIN;
    status = store_new_entry(zswap, in);
    if (status == ZC_AGAIN)
        note_limit(zswap, 0);
    return status;
}

/* Erases the slot's old page: it is stale. */
static void erase_stale(struct zc_zswap *zswap, zc_swp slot)
{
    struct zc_entry *stale = zc_tree_erase(&zswap->tree, slot);

    if (stale != NULL)
        zc_zswap_forget(zswap, stale, ZC_STAT_REPLACED, zc_processor_current());
}

zc_status zc_zswap_store(struct zc_zswap *zswap, zc_swp slot, const void *page,
                         unsigned owner, bool force)
{
    struct incoming in = {.slot = slot,
                          .page = page,
                          .owner = owner,
                          .processor = zc_processor_current(),
                          .force = force};
    const struct zc_owner *record = zc_lru_owner(&zswap->lru, owner);
    zc_status status;

    in.is_filled = (zswap->same_filled || zswap->zero_filled) &&
                   is_same_filled(page, zswap->page_size, &in.fill) &&
                   (zswap->same_filled || in.fill == 0);
    if (record == NULL) {
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_KMEMCACHE_FAIL, 1);
        status = ZC_NO_MEMORY;
    } else if (in.is_filled || force) {
        status = store_new_entry(zswap, &in);
    } else {
        status = store_limited(zswap, record, &in);
    }
    if (status == ZC_AGAIN) {
        zc_stats_add(&zswap->stats, ZC_STAT_REJECT_POOL_LIMIT, 1);
        status = ZC_REJECTED;
    }
    if (status != ZC_OK && ZC_RULE(FAILED_STORE_ERASES_OLD))
        erase_stale(zswap, slot);
    return status;
}
