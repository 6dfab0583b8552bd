/* SPDX-License-Identifier: MIT */
/*
 * tree.c - finding the entry of a slot.
 *
 *   type -> directory -> block of 512 shards -> shard -> leaf -> entry index
 *
 * Directories, blocks and shards are made when the first slot in them is used,
 * are published once, and stay until the tree goes, so that they are found
 * without a lock.  Leaves belong to their shard's lock and go when they are
 * empty.  A directory is address space, a megabyte of it for 2^40 slots, and
 * takes memory where a block was published.
 *
 * A leaf is allocated before the lock is taken, so that linking cannot fail;
 * whether it was needed is known only under the lock.
 *
 * Linking and unlinking the old one are one step under the lock
 * (SLOT_SWITCH_IS_ONE_STEP): of two stores to one slot, each old entry goes to
 * exactly one.
 */
#include "zswap.h"

#include "base/bits.h"
#include "base/publish.h"
#include "platform/ghost.h"
#include "platform/memory.h"
#include "rules.h"

#define BLOCK_SHIFT 9
#define BLOCK_SHARDS (1u << BLOCK_SHIFT)

struct shard_block {
    zc_atomic_pointer shards[BLOCK_SHARDS];
};

void zc_tree_init(struct zc_tree *tree, struct zc_entries *entries,
                  uint64_t slot_count)
{
    tree->entries = entries;
    tree->slot_count = slot_count;
    tree->block_count = (uint32_t)zc_divide_up(
        slot_count, UINT64_C(1) << (ZC_SHARD_SHIFT + BLOCK_SHIFT));
}

/* Of one directory: whole system pages. */
static size_t directory_bytes(const struct zc_tree *tree)
{
    return (size_t)zc_round_up(tree->block_count * sizeof(zc_atomic_pointer),
                               zc_pages_system_size());
}

static zc_atomic_pointer *make_directory(const struct zc_tree *tree,
                                         zc_atomic_pointer *place)
{
    void *found = NULL;
    void *fresh = zc_pages_map(directory_bytes(tree), zc_pages_system_size());

    if (fresh == NULL)
        return NULL;
    if (zc_atomic_pointer_exchange_if(place, &found, fresh)) {
        zc_ghost_settled(place);
        return fresh;
    }
    zc_pages_unmap(fresh, directory_bytes(tree));
    /* A failed exchange acquires nothing. */
    return zc_atomic_pointer_load_acquire(place);
}

/* Bytes of its system pages in which a block was published. */
static uint64_t resident_bytes(const struct zc_tree *tree,
                               const zc_atomic_pointer *directory)
{
    const uint32_t places =
        (uint32_t)(zc_pages_system_size() / sizeof(*directory));
    uint64_t bytes = 0;
    uint32_t i = 0;

    while (i < tree->block_count) {
        if (zc_atomic_pointer_load_relaxed(&directory[i]) == NULL) {
            i++;
            continue;
        }
        bytes += zc_pages_system_size();
        i = (uint32_t)zc_round_up(i + 1, places);
    }
    return bytes;
}

uint64_t zc_tree_bytes(const struct zc_tree *tree)
{
    uint64_t bytes = zc_counter_read(&tree->bytes);
    const zc_atomic_pointer *directory;
    unsigned type;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        directory = zc_atomic_pointer_load_acquire(&tree->directories[type]);
        if (directory != NULL)
            bytes += resident_bytes(tree, directory);
    }
    return bytes;
}

/* Nobody else knows it any more. */
static void destroy_shard(struct zc_shard *shard) ZC_NO_LOCK_ANALYSIS
{
    unsigned i;

    for (i = 0; shard->used > 0 && i < ZC_SHARD_LEAVES; i++)
        zc_free(shard->leaves[i]);
    zc_spinlock_destroy(&shard->lock);
    zc_free(shard);
}

static void destroy_block(struct shard_block *block)
{
    struct zc_shard *shard;
    unsigned i;

    for (i = 0; i < BLOCK_SHARDS; i++) {
        shard = zc_atomic_pointer_load_relaxed(&block->shards[i]);
        if (shard != NULL)
            destroy_shard(shard);
    }
    zc_free(block);
}

void zc_tree_destroy(struct zc_tree *tree)
{
    zc_atomic_pointer *directory;
    struct shard_block *block;
    unsigned type;
    uint32_t i;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++) {
        directory = zc_atomic_pointer_load_relaxed(&tree->directories[type]);
        if (directory == NULL)
            continue;
        for (i = 0; i < tree->block_count; i++) {
            block = zc_atomic_pointer_load_relaxed(&directory[i]);
            if (block != NULL)
                destroy_block(block);
        }
        zc_pages_unmap(directory, directory_bytes(tree));
    }
}

bool zc_tree_has_slot(const struct zc_tree *tree, zc_swp slot)
{
    return zc_swp_type(slot) < ZC_SWP_TYPE_COUNT &&
           zc_swp_offset(slot) < tree->slot_count;
}

static struct zc_shard *find_shard(const struct zc_tree *tree, unsigned type,
                                   uint64_t offset)
{
    const zc_atomic_pointer *directory =
        zc_atomic_pointer_load_acquire(&tree->directories[type]);
    const struct shard_block *block;

    if (directory == NULL)
        return NULL;
    block = zc_atomic_pointer_load_acquire(
        &directory[offset >> (ZC_SHARD_SHIFT + BLOCK_SHIFT)]);
    if (block == NULL)
        return NULL;
    return zc_atomic_pointer_load_acquire(
        &block->shards[offset >> ZC_SHARD_SHIFT & (BLOCK_SHARDS - 1)]);
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
    if (zc_publish(place, shard, &tree->bytes))
        return shard;
    zc_spinlock_destroy(&shard->lock);
    zc_free(shard);
    return zc_atomic_pointer_load_acquire(place);
}

/* The shard of a slot, made if it is not there; NULL: no memory. */
static struct zc_shard *make_shard(struct zc_tree *tree, zc_swp slot)
{
    uint64_t offset = zc_swp_offset(slot);
    zc_atomic_pointer *place = &tree->directories[zc_swp_type(slot)];
    zc_atomic_pointer *directory = zc_atomic_pointer_load_acquire(place);
    struct shard_block *block;
    struct zc_shard *shard;

    if (directory == NULL)
        directory = make_directory(tree, place);
    if (directory == NULL)
        return NULL;
    place = &directory[offset >> (ZC_SHARD_SHIFT + BLOCK_SHIFT)];
    block = zc_atomic_pointer_load_acquire(place);
    if (block == NULL)
        block =
            zc_publish_any(place, zc_calloc(1, sizeof(*block)), &tree->bytes);
    if (block == NULL)
        return NULL;
    place = &block->shards[offset >> ZC_SHARD_SHIFT & (BLOCK_SHARDS - 1)];
    shard = zc_atomic_pointer_load_acquire(place);
    return shard != NULL ? shard : publish_shard(tree, place);
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
 * Empties the place of a linked entry.  Returns the leaf if that was its last,
 * off the shard, for the caller to free without the lock.
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

struct zc_entry *zc_tree_get(struct zc_tree *tree, zc_swp slot)
{
    uint64_t offset = zc_swp_offset(slot);
    struct zc_shard *shard = find_shard(tree, zc_swp_type(slot), offset);
    struct zc_entry *entry;

    if (shard == NULL)
        return NULL;
    zc_spinlock_lock(&shard->lock);
    entry = find_entry(tree, shard, offset);
    if (entry != NULL)
        zc_entry_get(entry);
    zc_spinlock_unlock(&shard->lock);
    return entry;
}

/* Links under the lock; false: there is no leaf, and `spare` is NULL. */
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
        /* The second time round there is a spare, so it ends. */
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

/* Where to look after a shard that is not there: the next shard, or the next
 * block where the whole block is missing. */
static uint64_t skip_missing(const struct zc_tree *tree, unsigned type,
                             uint64_t offset)
{
    const zc_atomic_pointer *directory =
        zc_atomic_pointer_load_acquire(&tree->directories[type]);
    uint64_t block = offset >> (ZC_SHARD_SHIFT + BLOCK_SHIFT);

    if (directory == NULL)
        return UINT64_MAX;
    if (zc_atomic_pointer_load_acquire(&directory[block]) == NULL)
        return (block + 1) << (ZC_SHARD_SHIFT + BLOCK_SHIFT);
    return zc_round_up(offset + 1, ZC_SHARD_SLOTS);
}

struct zc_entry *zc_tree_erase_next(struct zc_tree *tree, unsigned type,
                                    uint64_t first, uint64_t end)
{
    uint64_t offset = first;
    struct zc_leaf *emptied = NULL;
    struct zc_entry *entry = NULL;
    struct zc_shard *shard;
    uint64_t shard_end;

    while (entry == NULL && offset < end) {
        shard = find_shard(tree, type, offset);
        if (shard == NULL) {
            offset = skip_missing(tree, type, offset);
            continue;
        }
        shard_end = zc_round_up(offset + 1, ZC_SHARD_SLOTS);
        if (shard_end > end)
            shard_end = end;
        zc_spinlock_lock(&shard->lock);
        offset = next_in_shard(shard, offset, shard_end);
        if (offset < shard_end) {
            entry = find_entry(tree, shard, offset);
            emptied = clear_place(shard, offset);
        }
        zc_spinlock_unlock(&shard->lock);
    }
    free_leaf(tree, emptied);
    return entry;
}

bool zc_tree_has_type(const struct zc_tree *tree, unsigned type)
{
    struct zc_shard *shard;
    uint64_t offset = 0;
    uint32_t used;

    while (offset < tree->slot_count) {
        shard = find_shard(tree, type, offset);
        if (shard == NULL) {
            offset = skip_missing(tree, type, offset);
            continue;
        }
        zc_spinlock_lock(&shard->lock);
        used = shard->used;
        zc_spinlock_unlock(&shard->lock);
        if (used > 0)
            return true;
        offset += ZC_SHARD_SLOTS;
    }
    return false;
}
