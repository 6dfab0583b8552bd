/* SPDX-License-Identifier: MIT */
/*
 * tree.h - swap entry to entry: one tree per swap type, a shard per 2^14 slots.
 *
 * A shard has its own lock, as the kernel gives each 64 MiB of swap its own
 * tree; nothing slow happens under it.
 */
#ifndef ZC_ZSWAP_TREE_H
#define ZC_ZSWAP_TREE_H

#include "zswap/entry.h"

#define ZC_SHARD_SHIFT 14
#define ZC_SHARD_SLOTS (1u << ZC_SHARD_SHIFT)
#define ZC_LEAF_SHIFT 7
#define ZC_LEAF_SLOTS (1u << ZC_LEAF_SHIFT)
#define ZC_SHARD_LEAVES (ZC_SHARD_SLOTS / ZC_LEAF_SLOTS)

struct zc_leaf {
    uint32_t used;                   /* slots that name an entry */
    uint32_t entries[ZC_LEAF_SLOTS]; /* index + 1 of the entry; 0: none */
};

struct zc_shard {
    struct zc_spinlock lock;
    uint32_t used;                           /* [lock] slots in use */
    struct zc_leaf *leaves[ZC_SHARD_LEAVES]; /* [lock] and in them */
};

struct zc_tree {
    struct zc_entries *entries;
    uint64_t slot_count;  /* of each type */
    uint32_t block_count; /* of each directory */
    zc_counter bytes;     /* of blocks, shards and leaves */
    /* Per type a directory of blocks of shards; each pointer is set once, and
     * pairs with the acquires in the look-up. */
    zc_atomic_pointer directories[ZC_SWP_TYPE_COUNT];
};

void zc_tree_init(struct zc_tree *tree, struct zc_entries *entries,
                  uint64_t slot_count);

/* The references of entries that are still linked go with it. */
void zc_tree_destroy(struct zc_tree *tree);

/* Resident bytes of all of it. */
uint64_t zc_tree_bytes(const struct zc_tree *tree);

/* Whether the slot exists: its type, and its offset below slot_count. */
bool zc_tree_has_slot(const struct zc_tree *tree, zc_swp slot);

/* Whether any slot of a type names an entry (now). */
bool zc_tree_has_type(const struct zc_tree *tree, unsigned type);

/* The entry of a slot with a reference for the caller, or NULL. */
struct zc_entry *zc_tree_get(struct zc_tree *tree, zc_swp slot);

/*
 * Links an entry at its slot in one step with unlinking the one that was there,
 * whose tree reference goes to the caller by *old_out (NULL: none).  The tree
 * takes a reference of its own.  May block.  ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_tree_exchange(struct zc_tree *tree, struct zc_entry *entry,
                           struct zc_entry **old_out);

/*
 * Unlinks this entry if it is linked: true, and then the tree's reference is
 * the caller's.  The caller holds a reference of its own.
 */
bool zc_tree_unlink(struct zc_tree *tree, struct zc_entry *entry);

/* Unlinks whatever is at the slot; its tree reference goes to the caller.
 * NULL: nothing was. */
struct zc_entry *zc_tree_erase(struct zc_tree *tree, zc_swp slot);

/*
 * Unlinks the first entry at or after `first` and before `end`, both offsets of
 * `type`; its tree reference goes to the caller.  NULL: there is none.
 */
struct zc_entry *zc_tree_erase_next(struct zc_tree *tree, unsigned type,
                                    uint64_t first, uint64_t end);

#endif
