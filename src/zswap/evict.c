/* SPDX-License-Identifier: MIT */
/*
 * evict.c - writeback's access to an entry: find it again, read it, unlink it.
 *
 * Writeback has a token of the entry that its scan saw.  Since then the entry
 * may have been freed, and another page stored under the slot.  So writeback
 * pins the slot first and holds the pin during all calls here: no other thread
 * stores to the slot, takes from it or invalidates it, and an entry that is
 * found stays linked.
 *
 *   find    the entry of the token, if it is linked (WRITEBACK_RECHECKS_TREE)
 *   read    decompresses it; changes nothing
 *   evict   unlinks it and drops the tree's reference
 *
 * In lru_mode drop nothing is written, and nothing pinned:
 *
 *   discard  unlinks the entry of the token, if no other thread does first
 *
 * A token may be the handle of an object under reclaim.  Until that reclaim
 * ends the pool gives the handle to no other object; our own pool also keeps
 * the object's record, which has the slot.
 */
#include <string.h>

#include "platform/memory.h"
#include "rules.h"
#include "zswap.h"

static bool is_of_token(const struct zc_zswap *zswap,
                        const struct zc_entry *entry,
                        const struct zc_zswap_token *token)
{
    const struct zc_entries *entries = &zswap->entries;

    if (!token->by_handle)
        return entry == zc_entry_at(entries, token->index);
    return (entry->flags & ZC_ENTRY_SAME_FILLED) == 0 &&
           zc_entry_handle(entries, entry).value == token->handle.value;
}

struct zc_entry *zc_zswap_find(struct zc_zswap *zswap, zc_swp slot,
                               const struct zc_zswap_token *token)
{
    struct zc_entry *entry;

    if (!ZC_RULE(WRITEBACK_RECHECKS_TREE))
        return ZC_BROKEN(trust_token(zswap, slot, token));
    entry = zc_tree_find(&zswap->tree, slot);
    return entry != NULL && is_of_token(zswap, entry, token) ? entry : NULL;
}

zc_status zc_zswap_read(struct zc_zswap *zswap, struct zc_entry *entry,
                        void *page_out)
{
    zc_status status = zc_entry_read(&zswap->entries, entry, page_out);

    if (status != ZC_OK)
        zc_stats_add(&zswap->stats, ZC_STAT_DECOMPRESS_FAIL, 1);
    return status;
}

void zc_zswap_evict(struct zc_zswap *zswap, struct zc_entry *entry)
{
    bool unlinked = zc_tree_unlink(&zswap->tree, entry);

    ZC_ASSERT(unlinked);
    (void)unlinked;
    zc_zswap_forget(zswap, entry, ZC_STAT_ZSWPWB, zc_processor_current());
}

/* `entry` has a reference of the caller's, and is unlinked. */
static void tell_dropped(struct zc_zswap *zswap, zc_swp slot,
                         struct zc_entry *entry)
{
    void *page = NULL;

    if (zswap->dropped == NULL)
        return;
    if (zswap->tells_pages)
        page = zc_malloc(zswap->page_size);
    if (page != NULL && zc_zswap_read(zswap, entry, page) != ZC_OK) {
        zc_free(page);
        page = NULL;
    }
    zswap->dropped(zswap->dropped_user, slot, page);
    zc_free(page);
}

/* Without a pin: another thread may take, replace or invalidate the page at any
 * moment, and the one that unlinks the entry has it. */
zc_status zc_zswap_discard(struct zc_zswap *zswap, zc_swp slot,
                           const struct zc_zswap_token *token)
{
    struct zc_entry *entry = zc_tree_get(&zswap->tree, slot);
    bool unlinked;

    if (entry == NULL)
        return ZC_MISSING;
    if (!is_of_token(zswap, entry, token)) {
        zc_entry_put(&zswap->entries, entry);
        return ZC_MISSING;
    }
    if (!ZC_RULE(OWN_REF_OUTLIVES_INVALIDATE))
        zc_entry_put(&zswap->entries, entry);
    unlinked = zc_tree_unlink(&zswap->tree, entry);
    if (unlinked || !ZC_RULE(TREE_REF_DROPPED_BY_UNLINKER))
        zc_zswap_forget(zswap, entry, ZC_STAT_DROPPED, zc_processor_current());
    if (unlinked)
        tell_dropped(zswap, slot, entry);
    if (ZC_RULE(OWN_REF_OUTLIVES_INVALIDATE))
        zc_entry_put(&zswap->entries, entry);
    return unlinked ? ZC_OK : ZC_MISSING;
}

/* For a pool of the user's: the slot is the prefix of the object. */
static zc_status read_prefix(struct zc_zswap *zswap, zc_handle handle,
                             zc_swp *slot_out)
{
    const struct zc_entries *entries = &zswap->entries;
    struct zc_zspool_read read;
    bool has_slot;
    zc_swp slot;

    if (entries->pool_ops->read_begin(entries->pool, handle, &read) != ZC_OK)
        return ZC_STALE;
    has_slot = read.size >= sizeof(slot);
    if (has_slot)
        memcpy(&slot, read.data, sizeof(slot));
    entries->pool_ops->read_end(entries->pool, &read);
    /* Damaged bytes may name a slot that does not exist. */
    if (!has_slot || !zc_tree_has_slot(&zswap->tree, slot))
        return ZC_STALE;
    *slot_out = slot;
    return ZC_OK;
}

zc_status zc_zswap_slot_of(struct zc_zswap *zswap, zc_handle handle,
                           zc_swp *slot_out)
{
    const struct zc_zspool *zspool = zswap->entries.zspool;

    if (zspool == NULL)
        return read_prefix(zswap, handle, slot_out);
    *slot_out = zc_entry_slot(
        (const struct zc_entry *)zc_zspool_record_of(zspool, handle));
    return ZC_OK;
}
