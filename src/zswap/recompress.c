/* SPDX-License-Identifier: MIT */
/*
 * recompress.c - a smaller entry in place of one that is cold.
 *
 * A recompression compresses the page of an entry again and makes a new entry
 * of it: an entry does not change in place, because a load may be reading it.
 *
 *   next      the next entry of a type that is old enough, with a reference
 *   compress  reads its page, compresses it, puts it into the pool
 *   replace   links the new entry, if the old one is still linked
 *
 * No lock is held from one to the next.  Meanwhile the page may be stored over,
 * taken or invalidated.  Then the old entry is not linked any more, and the new
 * one is dropped (REPLACED_ONLY_UNCHANGED): otherwise an older page, or one
 * that was forgotten, would be found.  The reference to the old entry keeps its
 * address from being another entry's, so the comparison under the shard's lock
 * is enough.
 *
 * Writeback and a swap-in pin their slot and then count on the entry that they
 * found.  So where the slot has a device, the caller of replace pins it too.
 *
 * The new entry takes the old one's place on the LRU, and its age: to compress
 * a page is no use of it.  The generation of the new entry need not be current;
 * each entry says which one it needs.
 */
#include "rules.h"
#include "zswap.h"

static bool is_cold(const struct zc_zswap *zswap,
                    const struct zc_zswap_recompress *with,
                    const struct zc_entry *entry)
{
    const uint32_t word = zc_atomic_u32_load_relaxed(&entry->references);

    if ((entry->flags & ZC_ENTRY_SAME_FILLED) != 0 ||
        entry->generation == with->generation->id ||
        (!with->retry && (word & ZC_ENTRY_TRIED) != 0) ||
        (with->owner != ZC_OWNER_ANY && with->owner != zc_entry_owner(entry)))
        return false;
    return with->min_age == 0 ||
           zc_entry_age(&zswap->entries, word) >= with->min_age;
}

struct zc_entry *zc_zswap_next_cold(struct zc_zswap *zswap,
                                    const struct zc_zswap_recompress *with,
                                    unsigned type, uint64_t *offset_inout)
{
    struct zc_entry *entry;

    while ((entry = zc_tree_next(&zswap->tree, type, offset_inout)) != NULL &&
           !is_cold(zswap, with, entry)) {
        zc_entry_put(&zswap->entries, entry);
        (*offset_inout)++;
    }
    return entry;
}

/* What an object of that size takes of the pool. */
static size_t pool_bytes_of(const struct zc_zswap *zswap, size_t size)
{
    const struct zc_zspool *zspool = zswap->entries.zspool;

    return zspool == NULL ? size : zc_zspool_bytes_of(zspool, size);
}

/* zram's rule: the object goes into a class of smaller ones. */
static bool is_smaller(const struct zc_zswap *zswap,
                       const struct zc_entry *entry, size_t size)
{
    return size != 0 && size < zswap->raw_from && size < zswap->page_size &&
           pool_bytes_of(zswap, size) <
               pool_bytes_of(zswap, zc_entry_size(entry));
}

/* A pool without a limit of its own would take any object. */
static bool has_room(const struct zc_zswap *zswap)
{
    const struct zc_entries *entries = &zswap->entries;

    return zswap->pool_has_limit ||
           entries->pool_ops->page_count(entries->pool) <
               zc_atomic_u64_load_relaxed(&zswap->limit_pages);
}

/* An entry of `size` bytes in the context's buffer, with the age of `from`. */
static zc_status make_entry(struct zc_zswap *zswap,
                            const struct zc_zswap_recompress *with,
                            const struct zc_entry *from, const void *data,
                            size_t size, struct zc_entry **entry_out)
{
    const unsigned processor = zc_processor_current();
    struct zc_entries *entries = &zswap->entries;
    zc_status status;

    if (!has_room(zswap))
        return ZC_REJECTED;
    status = zc_entry_create(entries, zc_entry_slot(from), zc_entry_owner(from),
                             data, size, false, entry_out);
    if (status != ZC_OK)
        return status;
    zc_generation_get(with->generation, processor);
    status = zc_entry_set_object(entries, *entry_out, with->generation, data,
                                 size, 0, processor);
    if (status == ZC_OK)
        zc_entry_inherit_age(*entry_out, from);
    else
        zc_generation_put(with->generation, processor);
    return status;
}

zc_status zc_zswap_recompress(struct zc_zswap *zswap,
                              const struct zc_zswap_recompress *with,
                              struct zc_entry *entry,
                              struct zc_entry **smaller_out)
{
    struct zc_context *context;
    zc_status status;
    size_t size;

    /* Before the context: this read may need one of another generation. */
    status = zc_zswap_read(zswap, entry, with->page);
    if (status != ZC_OK)
        return status;
    context =
        zc_generation_lock_context(with->generation, zc_processor_current());
    size = zc_zswap_compress(zswap, with->generation, context, with->page);
    if (is_smaller(zswap, entry, size))
        status =
            make_entry(zswap, with, entry, context->buffer, size, smaller_out);
    else
        status = ZC_MISSING;
    zc_generation_unlock_context(context);
    if (status == ZC_MISSING)
        (void)zc_atomic_u32_or(&entry->references, ZC_ENTRY_TRIED);
    return status;
}

bool zc_zswap_replace(struct zc_zswap *zswap, struct zc_entry *entry,
                      struct zc_entry *smaller)
{
    const unsigned processor = zc_processor_current();
    bool replaced;

    if (!ZC_RULE(REPLACED_ONLY_UNCHANGED))
        return ZC_BROKEN(replace_any(zswap, smaller));
    replaced = zc_tree_replace(&zswap->tree, entry, smaller);
    if (replaced) {
        if (zswap->lru_mode == ZC_LRU_ENTRY)
            zc_lru_replace(&zswap->lru, entry, smaller);
        zc_zswap_forget(zswap, entry, ZC_STAT_RECOMPRESSED, processor);
    }
    zc_entry_put_on(&zswap->entries, smaller, processor);
    return replaced;
}
