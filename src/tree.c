/* SPDX-License-Identifier: MIT */
/*
 * tree.c - finding the entry of a slot.
 *
 *   type -> sparse array of shards -> shard -> leaf -> entry index
 *
 * A shard is made when a slot in it is first used, and stays until the tree is
 * destroyed, so a look-up finds it without a lock (base/sparse.h).  The shard's
 * lock guards its leaves; an empty leaf is freed.
 *
 * Nothing is allocated under the lock.  If the leaf is missing, the thread
 * drops the lock, allocates a spare leaf, and tries again; it frees the spare
 * if another thread has added the leaf meanwhile.
 *
 * A store unlinks the slot's old entry and links its own in one step under the
 * lock (SLOT_SWITCH_IS_ONE_STEP): of two stores to one slot, the second gets
 * the entry of the first, and no old entry is freed twice or lost.
 */
#include "zswap.h"

#include "base/bits.h"
#include "platform/memory.h"
#include "rules.h"

void zc_tree_init(struct zc_tree *tree, struct zc_entries *entries,
                  uint64_t slot_count)
{
    unsigned type;

    tree->entries = entries;
    tree->slot_count = slot_count;
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        zc_sparse_init(&tree->shards[type],
                       zc_divide_up(slot_count, ZC_SHARD_SLOTS));
}

uint64_t zc_tree_bytes(const struct zc_tree *tree)
{
    uint64_t bytes = zc_counter_read(&tree->bytes);
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        bytes += zc_counter_read(&tree->shards[type].bytes);
    return bytes;
}

/* No other thread uses the tree any more. */
static void destroy_shard(void *pointer, void *context) ZC_NO_LOCK_ANALYSIS
{
    struct zc_shard *shard = pointer;
    unsigned i;

    (void)context;
    for (i = 0; shard->used > 0 && i < ZC_SHARD_LEAVES; i++)
        zc_free(shard->leaves[i]);
    zc_spinlock_destroy(&shard->lock);
    zc_free(shard);
}

void zc_tree_destroy(struct zc_tree *tree)
{
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        zc_sparse_destroy(&tree->shards[type], destroy_shard, NULL);
}

bool zc_tree_has_slot(const struct zc_tree *tree, zc_swp slot)
{
    return zc_swp_type(slot) < ZC_SWP_TYPE_COUNT &&
           zc_swp_offset(slot) < tree->slot_count;
}

static struct zc_shard *find_shard(const struct zc_tree *tree, unsigned type,
                                   uint64_t offset)
{
    return zc_sparse_find(&tree->shards[type], offset >> ZC_SHARD_SHIFT);
}

static struct zc_shard *publish_shard(struct zc_tree *tree,
                                      zc_atomic_pointer *place)
{
    struct zc_shard *shard = zc_calloc(1, sizeof(*shard));

    if (shard == NULL)
        return NULL;
    if (zc_spinlock_init(&shard->lock, ZC_RANK_SHARD, "shard") != ZC_OK) {
        zc_free(shard);
        return NULL;
    }
    if (zc_publish(place, shard)) {
        zc_counter_add(&tree->bytes, zc_malloc_size(shard));
        return shard;
    }
    zc_spinlock_destroy(&shard->lock);
    zc_free(shard);
    return zc_atomic_pointer_load_acquire(place);
}

/* The shard of a slot; makes it if there is none.  NULL: no memory. */
static struct zc_shard *make_shard(struct zc_tree *tree, zc_swp slot)
{
    struct zc_sparse *shards = &tree->shards[zc_swp_type(slot)];
    uint64_t index = zc_swp_offset(slot) >> ZC_SHARD_SHIFT;
    struct zc_shard *shard = zc_sparse_find(shards, index);
    zc_atomic_pointer *place;

    if (shard != NULL)
        return shard;
    place = zc_sparse_make(shards, index);
    return place == NULL ? NULL : publish_shard(tree, place);
}

static unsigned leaf_of(uint64_t offset)
{
    return (unsigned)(offset >> ZC_LEAF_SHIFT) & (ZC_SHARD_LEAVES - 1);
}

static unsigned place_of(uint64_t offset)
{
    return (unsigned)offset & (ZC_LEAF_SLOTS - 1);
}

/* The entry at an offset of this shard, or NULL. */
static struct zc_entry *find_entry(const struct zc_tree *tree,
                                   const struct zc_shard *shard,
                                   uint64_t offset) ZC_REQUIRES(shard->lock)
{
    const struct zc_leaf *leaf = shard->leaves[leaf_of(offset)];
    uint32_t index = leaf == NULL ? 0 : leaf->entries[place_of(offset)];

    return index == 0 ? NULL : zc_entry_at(tree->entries, index - 1);
}

/*
 * Clears the place of a linked entry.  If the leaf is empty then, removes it
 * from the shard and returns it; the caller frees it without the lock.
 */
static struct zc_leaf *clear_place(struct zc_shard *shard, uint64_t offset)
    ZC_REQUIRES(shard->lock)
{
    struct zc_leaf *leaf = shard->leaves[leaf_of(offset)];

    ZC_ASSERT(leaf->entries[place_of(offset)] != 0);
    leaf->entries[place_of(offset)] = 0;
    shard->used--;
    leaf->used--;
    if (leaf->used > 0)
        return NULL;
    shard->leaves[leaf_of(offset)] = NULL;
    return leaf;
}

static void free_leaf(struct zc_tree *tree, struct zc_leaf *leaf)
{
    if (leaf == NULL)
        return;
    zc_counter_subtract(&tree->bytes, zc_malloc_size(leaf));
    zc_free(leaf);
}

/* `gets`: with a reference. */
static struct zc_entry *look_up(struct zc_tree *tree, zc_swp slot, bool gets)
{
    uint64_t offset = zc_swp_offset(slot);
    struct zc_shard *shard = find_shard(tree, zc_swp_type(slot), offset);
    struct zc_entry *entry;

    if (shard == NULL)
        return NULL;
    zc_spinlock_lock(&shard->lock);
    entry = find_entry(tree, shard, offset);
    if (entry != NULL && gets)
        zc_entry_get(entry);
    zc_spinlock_unlock(&shard->lock);
    return entry;
}

struct zc_entry *zc_tree_find(struct zc_tree *tree, zc_swp slot)
{
    return look_up(tree, slot, false);
}

struct zc_entry *zc_tree_get(struct zc_tree *tree, zc_swp slot)
{
    return look_up(tree, slot, true);
}

/* Links an entry.  A missing leaf is taken from *spare; false: there is no
 * spare either. */
static bool link_entry(struct zc_tree *tree, struct zc_shard *shard,
                       struct zc_entry *entry, struct zc_leaf **spare,
                       struct zc_entry **old_out) ZC_REQUIRES(shard->lock)
{
    uint64_t offset = zc_swp_offset(zc_entry_slot(entry));
    struct zc_leaf *leaf = shard->leaves[leaf_of(offset)];
    struct zc_entry *before;

    if (leaf == NULL) {
        if (*spare == NULL)
            return false;
        leaf = *spare;
        *spare = NULL;
        shard->leaves[leaf_of(offset)] = leaf;
    }
    before = find_entry(tree, shard, offset);
    if (ZC_RULE(SLOT_SWITCH_IS_ONE_STEP))
        *old_out = before;
    zc_entry_get(entry);
    leaf->entries[place_of(offset)] = zc_entry_index(tree->entries, entry) + 1;
    if (before == NULL) {
        leaf->used++;
        shard->used++;
    }
    return true;
}

zc_status zc_tree_exchange(struct zc_tree *tree, struct zc_entry *entry,
                           struct zc_entry **old_out)
{
    zc_swp slot = zc_entry_slot(entry);
    struct zc_shard *shard = make_shard(tree, slot);
    struct zc_leaf *spare = NULL;
    bool linked;

    if (shard == NULL)
        return ZC_NO_MEMORY;
    if (!ZC_RULE(SLOT_SWITCH_IS_ONE_STEP))
        *old_out = zc_tree_erase(tree, slot);
    for (;;) {
        zc_spinlock_lock(&shard->lock);
        linked = link_entry(tree, shard, entry, &spare, old_out);
        zc_spinlock_unlock(&shard->lock);
        if (linked)
            break;
        /* With a spare the next attempt links. */
        spare = zc_calloc(1, sizeof(*spare));
        if (spare == NULL)
            return ZC_NO_MEMORY;
        zc_counter_add(&tree->bytes, zc_malloc_size(spare));
    }
    free_leaf(tree, spare);
    return ZC_OK;
}

bool zc_tree_unlink(struct zc_tree *tree, struct zc_entry *entry)
{
    zc_swp slot = zc_entry_slot(entry);
    uint64_t offset = zc_swp_offset(slot);
    struct zc_shard *shard = find_shard(tree, zc_swp_type(slot), offset);
    struct zc_leaf *emptied = NULL;
    bool linked;

    ZC_ASSERT(shard != NULL);
    zc_spinlock_lock(&shard->lock);
    linked = find_entry(tree, shard, offset) == entry;
    if (linked)
        emptied = clear_place(shard, offset);
    zc_spinlock_unlock(&shard->lock);
    free_leaf(tree, emptied);
    return linked;
}

struct zc_entry *zc_tree_erase(struct zc_tree *tree, zc_swp slot)
{
    uint64_t offset = zc_swp_offset(slot);
    struct zc_shard *shard = find_shard(tree, zc_swp_type(slot), offset);
    struct zc_leaf *emptied = NULL;
    struct zc_entry *entry;

    if (shard == NULL)
        return NULL;
    zc_spinlock_lock(&shard->lock);
    entry = find_entry(tree, shard, offset);
    if (entry != NULL)
        emptied = clear_place(shard, offset);
    zc_spinlock_unlock(&shard->lock);
    free_leaf(tree, emptied);
    return entry;
}

bool zc_tree_replace(struct zc_tree *tree, struct zc_entry *old,
                     struct zc_entry *entry)
{
    zc_swp slot = zc_entry_slot(old);
    uint64_t offset = zc_swp_offset(slot);
    struct zc_shard *shard = find_shard(tree, zc_swp_type(slot), offset);
    bool linked;

    ZC_ASSERT(shard != NULL && zc_entry_slot(entry).value == slot.value);
    zc_spinlock_lock(&shard->lock);
    linked = find_entry(tree, shard, offset) == old;
    if (linked) {
        zc_entry_get(entry);
        shard->leaves[leaf_of(offset)]->entries[place_of(offset)] =
            zc_entry_index(tree->entries, entry) + 1;
    }
    zc_spinlock_unlock(&shard->lock);
    return linked;
}

/* The first offset in [first, end) of this shard that names an entry; `end`:
 * none.  Both are offsets of the type within the shard's range. */
static uint64_t next_in_shard(const struct zc_shard *shard, uint64_t first,
                              uint64_t end) ZC_REQUIRES(shard->lock)
{
    const struct zc_leaf *leaf;
    uint64_t offset = first;

    while (offset < end && shard->used > 0) {
        leaf = shard->leaves[leaf_of(offset)];
        if (leaf == NULL) {
            offset = zc_round_up(offset + 1, ZC_LEAF_SLOTS);
            continue;
        }
        if (leaf->entries[place_of(offset)] != 0)
            return offset;
        offset++;
    }
    return end;
}

/* The entry of `type` with the lowest offset in [*offset_inout, end), which is
 * its offset then; NULL: there is none.  `erases`: unlinked, with the tree's
 * reference; else with one for the caller. */
static struct zc_entry *next_entry(struct zc_tree *tree, unsigned type,
                                   uint64_t *offset_inout, uint64_t end,
                                   bool erases)
{
    struct zc_leaf *emptied = NULL;
    struct zc_entry *entry = NULL;
    struct zc_shard *shard;
    uint64_t shard_end;

    while (entry == NULL && *offset_inout < end) {
        shard = zc_sparse_next_offset(&tree->shards[type], ZC_SHARD_SHIFT,
                                      offset_inout);
        if (shard == NULL || *offset_inout >= end)
            break;
        shard_end = zc_round_up(*offset_inout + 1, ZC_SHARD_SLOTS);
        if (shard_end > end)
            shard_end = end;
        zc_spinlock_lock(&shard->lock);
        *offset_inout = next_in_shard(shard, *offset_inout, shard_end);
        if (*offset_inout < shard_end) {
            entry = find_entry(tree, shard, *offset_inout);
            if (erases)
                emptied = clear_place(shard, *offset_inout);
            else
                zc_entry_get(entry);
        }
        zc_spinlock_unlock(&shard->lock);
    }
    free_leaf(tree, emptied);
    return entry;
}

struct zc_entry *zc_tree_erase_next(struct zc_tree *tree, unsigned type,
                                    uint64_t first, uint64_t end)
{
    return next_entry(tree, type, &first, end, true);
}

struct zc_entry *zc_tree_next(struct zc_tree *tree, unsigned type,
                              uint64_t *offset_inout)
{
    return next_entry(tree, type, offset_inout, UINT64_MAX, false);
}

bool zc_tree_has_type(struct zc_tree *tree, unsigned type)
{
    struct zc_shard *shard;
    uint64_t offset = 0;
    uint32_t used;

    while ((shard = zc_sparse_next_offset(&tree->shards[type], ZC_SHARD_SHIFT,
                                          &offset)) != NULL) {
        zc_spinlock_lock(&shard->lock);
        used = shard->used;
        zc_spinlock_unlock(&shard->lock);
        if (used > 0)
            return true;
        offset += ZC_SHARD_SLOTS;
    }
    return false;
}
