/* SPDX-License-Identifier: MIT */
/*
 * evict.c - an entry out, for writeback: found again, read, unlinked.
 *
 * Writeback comes with a token, which says what the scan saw; by now the entry
 * may be gone, and another page be stored under the slot.  So everything here
 * happens under the slot's pin, which its caller holds: nobody else stores,
 * takes or invalidates meanwhile, and what is found stays found.
 *
 *   find    the tree still has it?        (WRITEBACK_RECHECKS_TREE)
 *   read    non-destructive: on failure nothing has changed
 *   evict   unlinked, the tree's reference dropped; it was linked, for the pin
 *           is held
 *   put     writeback's own reference, last
 *
 * A token by handle works because a pool gives the handle of an object under
 * reclaim to no other object until that reclaim has ended; and ours keeps the
 * record too, which has the slot.
 */
#include <string.h>

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
    entry = zc_tree_get(&zswap->tree, slot);
    if (entry == NULL || is_of_token(zswap, entry, token))
        return entry;
    zc_entry_put(&zswap->entries, entry);
    return NULL;
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
    zc_zswap_forget(zswap, entry, ZC_STAT_ZSWPWB);
}

void zc_zswap_put(struct zc_zswap *zswap, struct zc_entry *entry)
{
    zc_entry_put(&zswap->entries, entry);
}

/* From the prefix of an object in a pool of the user's. */
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
    /* Damaged bytes must not become a slot that there is not. */
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
