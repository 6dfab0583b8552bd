/* SPDX-License-Identifier: MIT */
/* cache.c - entries of a shard are alive and their references add up. */
#include "cache/cache.h"
#include "engine/explore.h"
#include "memory.h"
#include "platform/lab_platform.h"
#include "pool.h"

static struct zc_cache *watched;
static struct zc_shard *watched_shard;

static void check_entry(const struct zc_shard *shard, uint32_t index)
{
    const struct zc_entry *entry = zc_entry_at(&watched->zswap.entries, index);

    (void)shard;
    /* Behind the cell, which is the pool's and never dies. */
    if (lab_word_has(&entry->slot_and_owner, LAB_MARK_DEAD)) {
        lab_memory_describe(&entry->slot_and_owner);
        lab_fail("freed entry is linked", "entry %u", index);
    } else if ((entry->references.value & ZC_ENTRY_COUNT_MASK) == 0) {
        lab_fail("linked entry without a reference", "entry %u", index);
    }
}

static uint32_t check_leaf(const struct zc_shard *shard,
                           const struct zc_leaf *leaf)
{
    uint32_t used = 0;

    for (unsigned i = 0; i < ZC_LEAF_SLOTS; i++) {
        if (leaf->entries[i] == 0)
            continue;
        used++;
        check_entry(shard, leaf->entries[i] - 1);
    }
    if (used != leaf->used)
        lab_fail("leaf miscounted", "%u entries, %u in use", used, leaf->used);
    return used;
}

static void check_leaves(void *argument)
{
    const struct zc_shard *shard = argument;
    uint32_t used = 0;

    for (unsigned i = 0; i < ZC_SHARD_LEAVES; i++) {
        if (shard->leaves[i] != NULL)
            used += check_leaf(shard, shard->leaves[i]);
    }
    if (used != shard->used)
        lab_fail("shard miscounted", "%u entries, %u in use", used,
                 shard->used);
}

static void check_shard(void *argument)
{
    lab_guard_check(check_leaves, argument);
}

void *lab_sparse_find(const struct zc_sparse *sparse, uint64_t index)
{
    void *found = sparse->root.value;
    unsigned shift = sparse->shift + ZC_SPARSE_SHIFT;

    while (found != NULL && shift > 0) {
        shift -= ZC_SPARSE_SHIFT;
        found = ((struct zc_sparse_block *)found)
                    ->places[index >> shift & (ZC_SPARSE_PLACES - 1)]
                    .value;
    }
    return found;
}

static struct zc_shard *shard_of(const struct zc_cache *cache, zc_swp slot)
{
    return lab_sparse_find(&cache->zswap.tree.shards[zc_swp_type(slot)],
                           zc_swp_offset(slot) >> ZC_SHARD_SHIFT);
}

uint32_t lab_entry_at(const struct zc_cache *cache, zc_swp slot)
    ZC_NO_LOCK_ANALYSIS
{
    const struct zc_shard *shard = shard_of(cache, slot);
    const unsigned index = (unsigned)zc_swp_offset(slot) % ZC_SHARD_SLOTS;
    const struct zc_leaf *leaf =
        shard == NULL ? NULL : shard->leaves[index >> ZC_LEAF_SHIFT];

    return leaf == NULL ? 0 : leaf->entries[index % ZC_LEAF_SLOTS];
}

void lab_watch_shard(struct zc_cache *cache, zc_swp slot)
{
    watched = cache;
    watched_shard = shard_of(cache, slot);
    if (watched_shard == NULL)
        lab_fail("no shard to watch", "store something in setup");
}

void lab_watch_reset_shard(void)
{
    watched_shard = NULL;
}

void lab_watch_register_shard(void)
{
    if (watched_shard == NULL)
        return;
    lab_declare_lock(&watched_shard->lock.words);
    lab_oracle("entries", check_shard, watched_shard, &watched_shard->lock);
}

static void check_alone(const struct zc_entries *entries, uint32_t index)
{
    uint32_t references = zc_entry_at(entries, index)->references.value;

    if ((references & ZC_ENTRY_COUNT_MASK) != 1)
        lab_fail("reference miscounted", "entry %u has %u, and no call uses it",
                 index, references & ZC_ENTRY_COUNT_MASK);
}

void lab_check_references(struct zc_cache *cache, zc_swp slot)
{
    const struct zc_shard *shard = shard_of(cache, slot);

    for (unsigned i = 0; shard != NULL && i < ZC_SHARD_LEAVES; i++) {
        const struct zc_leaf *leaf = shard->leaves[i];

        for (unsigned k = 0; leaf != NULL && k < ZC_LEAF_SLOTS; k++) {
            uint32_t index = leaf->entries[k];

            if (index != 0)
                check_alone(&cache->zswap.entries, index - 1);
        }
    }
}
