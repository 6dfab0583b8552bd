/* SPDX-License-Identifier: MIT */
/*
 * zswap.h - pages in compressed form by slot: zswap without devices.
 *
 *   slot -> tree -> entry -> object in the pool
 *                     |
 *                 generation (compressor, contexts)
 *
 *   entry.c        one page, and what keeps it alive
 *   tree.c         from slots to entries
 *   zswap/lru.c    entries by age, a list per owner
 *   zswap/zswap.c  making and ending it, settings
 *   zswap/store.c  a page in
 *   zswap/load.c   a page out, and pages forgotten
 *   zswap/evict.c  an entry out, for writeback: found again, read, unlinked
 *
 * What the caller of the public functions sees is struct zc_cache
 * (cache/cache.h), which has one of these and perhaps devices.  Nothing here
 * knows of devices: a caller that needs the slot to stay what it is holds its
 * pin.
 */
#ifndef ZC_ZSWAP_H
#define ZC_ZSWAP_H

#include <zcache/pool.h>
#include <zcache/zcache.h>

#include "base/records.h"
#include "base/sparse.h"
#include "base/stats.h"
#include "codec/generation.h"
#include "platform/atomic.h"
#include "platform/lock.h"
#include "zspool.h"

/* --- entries: entry.c -------------------------------------------------- */

/*
 * One page stored in compressed form, and what keeps it alive.
 *
 * An entry is a record of the pool (pool/handle.h): its first word says where
 * the object is, and the rest is the cache's.  So freeing the object ends the
 * entry too.  Records never move: the tree names them by index, in half the
 * space of a pointer.  A page of one word has a bare record, which has no
 * object.
 *
 * References: the tree holds one while the entry is linked, and every user
 * outside the shard lock holds its own.  The last put frees the record; what
 * the tree held goes to the thread that unlinks (TREE_REF_DROPPED_BY_UNLINKER).
 * Under a reclaim of the pool (lru = zspage) the freed record is readable until
 * that ends: its slot may be read, but its count is 0, and an entry is only
 * ever taken by the tree, which no longer has it.
 *
 * A pool of the user's has no records, only handles.  Then the entries are bare
 * records of a table of our own, and each keeps its handle.
 */

#define ZC_ENTRY_SAME_FILLED 1u /* no object: every word of it is `fill` */
#define ZC_ENTRY_RAW 2u         /* the object is the page itself */

/* 24 bytes; every field but `cell` and `references` is constant while the entry
 * lives. */
struct zc_entry {
    struct zc_cell cell; /* the pool's; of a bare record, most of the word */
    /* The swap entry it is stored under, and the owner in the bits of offsets
     * that no cache has. */
    uint64_t slot_and_owner;
    /* The count, and above it, where ages are kept, when the page was last
     * stored or loaded.  Pairs with itself. */
    zc_atomic_u32 references;
    /* Bytes of the object, less one; and the id of the generation, to which the
     * entry holds a reference.  Of a page of one word, the rest of it. */
    uint16_t size_minus_one;
    uint8_t generation;
    uint8_t flags;
};

_Static_assert(sizeof(struct zc_entry) == 24, "metadata is budgeted");

#define ZC_ENTRY_USER_BYTES (sizeof(struct zc_entry) - sizeof(struct zc_cell))

/* What is in the records over a pool of the user's. */
struct zc_entry_of_stranger {
    struct zc_entry entry;
    zc_handle handle; /* of its object */
};

/* slot_and_owner */
#define ZC_ENTRY_OWNER_SHIFT 40
#define ZC_ENTRY_OWNER_MASK (UINT64_C(0xffff) << ZC_ENTRY_OWNER_SHIFT)

/* references */
#define ZC_ENTRY_COUNT_MASK UINT32_C(0xffff)
#define ZC_ENTRY_AGE_SHIFT 16
#define ZC_ENTRY_AGE_MASK UINT32_C(0x7fff)      /* of seconds; then it wraps */
#define ZC_ENTRY_REFERENCED (UINT32_C(1) << 31) /* since the LRU last looked */

struct zc_lru;

/* All entries of one cache, and the pool that they are in. */
struct zc_entries {
    struct zc_handles *handles; /* whose records entries are */
    struct zc_handles own;      /* those, over a pool of the user's */
    struct zc_records sums;     /* of uint64_t, if checksums are on */
    struct zc_records links;    /* of struct zc_lru_link, if ages are kept */
    bool checksums;
    bool keeps_ages;     /* entries are on the LRU, and stamped */
    size_t prefix_bytes; /* in front of the compressed page in an object */
    size_t page_size;
    struct zc_zspool *zspool; /* the pool, if it is ours; else NULL */
    const struct zc_pool_ops *pool_ops;
    void *pool;
    zc_status (*put_beyond)(void *pool, const void *data, size_t size,
                            zc_handle *handle_out); /* or its put */
    struct zc_generations *generations;
    struct zc_lru *lru; /* whose owners are charged */
};

/* The fields above from `checksums` on are set by the caller before. */
zc_status zc_entries_init(struct zc_entries *entries);
void zc_entries_destroy(struct zc_entries *entries);

/*
 * A new entry for a slot with one reference, the caller's: of a page of this
 * word.  The owner's record exists.  May block.  ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_entry_create_filled(struct zc_entries *entries, zc_swp slot,
                                 unsigned owner, uint64_t fill,
                                 struct zc_entry **entry_out);

/*
 * The same with an object, whose bytes the pool has now.  `beyond`: the limit
 * refuses nothing.  zc_entry_set_object() must follow.  Also what the pool's
 * put says.
 */
zc_status zc_entry_create(struct zc_entries *entries, zc_swp slot,
                          unsigned owner, const void *data, size_t size,
                          bool beyond, struct zc_entry **entry_out);

/*
 * Completes an entry, which is not published yet, with what it says of these
 * bytes; takes over the caller's reference to the generation, and charges the
 * owner.  May block.  ZC_OK; ZC_NO_MEMORY: the entry is gone.
 */
zc_status zc_entry_set_object(struct zc_entries *entries,
                              struct zc_entry *entry,
                              struct zc_generation *generation,
                              const void *data, size_t size, unsigned flags);

/* One more reference, by somebody who has one or holds the shard lock. */
void zc_entry_get(struct zc_entry *entry);

/* Drops a reference; the last one frees the object and the entry.  May block:
 * no spinlock may be held. */
void zc_entry_put(struct zc_entries *entries, struct zc_entry *entry);

/* The same at the end of a load: where ages are kept, the entry is referenced,
 * now. */
void zc_entry_put_used(struct zc_entries *entries, struct zc_entry *entry);

/*
 * Decompresses the page of an entry.  The caller holds a reference.  ZC_OK;
 * ZC_CORRUPT: page_out is undefined.
 */
zc_status zc_entry_read(struct zc_entries *entries, struct zc_entry *entry,
                        void *page_out);

static inline uint32_t zc_entry_index(const struct zc_entries *entries,
                                      const struct zc_entry *entry)
{
    return zc_cell_index(entries->handles, &entry->cell);
}

static inline struct zc_entry *zc_entry_at(const struct zc_entries *entries,
                                           uint32_t index)
{
    /* A record begins with its cell. */
    return (struct zc_entry *)zc_cell_at(entries->handles, index);
}

/* The handle of its object.  The caller has a reference. */
static inline zc_handle zc_entry_handle(const struct zc_entries *entries,
                                        const struct zc_entry *entry)
{
    if (entries->zspool == NULL)
        return ((const struct zc_entry_of_stranger *)entry)->handle;
    return zc_handles_name(entries->handles, &entry->cell,
                           zc_cell_live_word(entries->handles, &entry->cell));
}

static inline zc_swp zc_entry_slot(const struct zc_entry *entry)
{
    return (zc_swp){entry->slot_and_owner & ~ZC_ENTRY_OWNER_MASK};
}

static inline unsigned zc_entry_owner(const struct zc_entry *entry)
{
    return (unsigned)((entry->slot_and_owner & ZC_ENTRY_OWNER_MASK) >>
                      ZC_ENTRY_OWNER_SHIFT);
}

/* References now. */
static inline uint32_t zc_entry_count(const struct zc_entry *entry)
{
    return zc_atomic_u32_load_relaxed(&entry->references) & ZC_ENTRY_COUNT_MASK;
}

/* Bytes of its object. */
static inline size_t zc_entry_size(const struct zc_entry *entry)
{
    return (size_t)entry->size_minus_one + 1;
}

/* What checksums of objects are made by, and of pages on devices. */
uint64_t zc_checksum(const void *data, size_t size);

/* Resident bytes of entries, checksums and links. */
size_t zc_entries_bytes(const struct zc_entries *entries);

/* --- the tree: tree.c -------------------------------------------------- */

/*
 * Swap entry to entry: one tree per swap type, a shard per 2^14 slots.
 *
 * A shard has its own lock, as the kernel gives each 64 MiB of swap its own
 * tree; nothing slow happens under it.
 */

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
    uint64_t slot_count; /* of each type */
    zc_counter bytes;    /* of shards and leaves */
    struct zc_sparse shards[ZC_SWP_TYPE_COUNT];
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
bool zc_tree_has_type(struct zc_tree *tree, unsigned type);

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

/* --- ages and owners: zswap/lru.c -------------------------------------- */

/*
 * Entries by age, a list per owner, with a second chance.
 *
 * An owner is what the kernel calls a memcg: a small integer that came with
 * the store.  Its list goes from cold to hot; its record also keeps what it
 * may store and whether its pages may be written back.
 *
 * An entry is put on its list last, with every field set (LRU_LAST), and taken
 * off first when it is freed, under the list's lock: so whoever holds the lock
 * and sees an entry on the list may read it.  After the lock is dropped the
 * entry is only a token.  Entries without an object are on no list: to write
 * them back would free no page of the pool.
 *
 * Only caches with lru = entry have lists; owners' records are kept in every
 * mode.
 */

/* An entry's neighbours, beside it: its owner's lock guards both.  0, 0: it is
 * on no list. */
struct zc_lru_link {
    uint32_t colder; /* index + 1 of an entry, or ZC_LRU_END */
    uint32_t hotter;
};

#define ZC_LRU_END UINT32_MAX

struct zc_owner {
    struct zc_spinlock lock;
    uint32_t coldest;      /* [lock] index + 1 of an entry, or ZC_LRU_END */
    uint32_t hottest;      /* [lock] */
    zc_atomic_u32 entries; /* [lock] to write; any to read */
    /* Bytes of objects charged; the limit, UINT64_MAX: none; and
     * no_writeback.  Independent numbers: a store may act on old ones. */
    zc_counter charged_bytes;
    zc_atomic_u64 limit_bytes;
    zc_atomic_u32 no_writeback;
};

struct zc_lru {
    struct zc_entries *entries;
    /* Each is set once, released; pairs with the acquire in the look-up. */
    zc_atomic_pointer owners[ZC_OWNER_COUNT];
    /* No record was ever made from here on.  Raised before the record is set,
     * so who finds one acquires this with it. */
    zc_atomic_u32 owner_end;
    zc_atomic_u32 cursor; /* whose turn it is to be shrunk; a hint */
};

/* What a scan found, and all that may be known of it without a lock. */
struct zc_lru_candidate {
    zc_swp slot;
    uint32_t token; /* index of the entry; the entry itself may be gone */
};

/* ZC_OK; ZC_NO_MEMORY: owner 0 is made here. */
zc_status zc_lru_init(struct zc_lru *lru, struct zc_entries *entries);
void zc_lru_destroy(struct zc_lru *lru);

/* Whether no owner has an entry on its list, or is charged for one. */
bool zc_lru_is_empty(const struct zc_lru *lru);

/* The record of an owner, or NULL if it was never made. */
static inline struct zc_owner *zc_lru_find_owner(const struct zc_lru *lru,
                                                 unsigned owner)
{
    ZC_ASSERT(owner < ZC_OWNER_COUNT);
    return zc_atomic_pointer_load_acquire(&lru->owners[owner]);
}

/* Makes it, unless somebody else has meanwhile. */
struct zc_owner *zc_lru_make_owner(struct zc_lru *lru, unsigned owner);

/* The record of an owner, made if it is new.  May block.  NULL: no memory. */
static inline struct zc_owner *zc_lru_owner(struct zc_lru *lru, unsigned owner)
{
    struct zc_owner *record = zc_lru_find_owner(lru, owner);

    return record != NULL ? record : zc_lru_make_owner(lru, owner);
}

/* Puts an entry at the hot end of its owner's list.  The caller has a reference
 * to the entry, which is complete; its owner's record exists. */
void zc_lru_add(struct zc_lru *lru, struct zc_entry *entry);

/* Takes it off if it is on; the first act of freeing an entry. */
void zc_lru_remove(struct zc_lru *lru, struct zc_entry *entry);

/*
 * One look at the cold end of an owner's list: an entry that was referenced
 * since, or is younger than min_age seconds, is rotated to the hot end and
 * passed over (ZC_AGAIN); else it is rotated, not isolated
 * (CANDIDATE_ROTATED), and becomes the candidate (ZC_OK).  ZC_MISSING: the list
 * is empty.  min_age 0 takes any age.
 */
zc_status zc_lru_scan(struct zc_lru *lru, unsigned owner, unsigned min_age,
                      struct zc_lru_candidate *candidate_out);

/* The next owner after *owner_inout (round robin) that has entries; false:
 * none.  *owner_inout may be UINT_MAX to begin. */
bool zc_lru_next_owner(const struct zc_lru *lru, unsigned *owner_inout);

/* Entries on an owner's list; by now there may be more or fewer. */
uint32_t zc_lru_count(const struct zc_lru *lru, unsigned owner);

/* Resident bytes of owner records. */
size_t zc_lru_bytes(const struct zc_lru *lru);

struct zc_zswap {
    size_t page_size;
    bool same_filled;       /* look for pages of one repeated word */
    size_t huge_class_size; /* from this size on a page is stored raw */
    unsigned lru_mode;      /* enum zc_lru_mode, resolved: never DEFAULT */
    struct zc_generations generations;
    struct zc_entries entries; /* with the pool */
    struct zc_tree tree;
    struct zc_lru lru; /* ZC_LRU_ENTRY; the owners' records in every mode */
    struct zc_stats stats;

    /*
     * Called by a store that the limit refuses, with no lock and no context
     * held (NO_SHRINK_WITH_CONTEXT): makes room, never waiting for `slot`.  The
     * store then tries once more.  NULL: nothing can be done.  For a store over
     * its owner's limit, `owner` says whose entries are to go, and the store
     * goes on if it is true: something was written; else ZC_OWNER_ANY.
     */
    bool (*make_room)(void *context, zc_swp slot, unsigned owner);
    void *context;

    /* The limit, and whether stores are refused until the pool falls to the
     * threshold.  Independent numbers: a store may act on old ones. */
    zc_atomic_u64 limit_pages;     /* UINT64_MAX: none */
    zc_atomic_u64 threshold_pages; /* limit * accept_threshold / 100 */
    zc_atomic_u32 is_full;
    struct zc_mutex limit_lock; /* one change at a time, the pool's with it */

    /* Of the pool: whether it holds the limit itself, and the pages that the
     * threshold is about. */
    bool pool_has_limit;
    uint64_t (*used_pages)(const void *pool);
};

#define ZC_OWNER_ANY ZC_OWNER_COUNT

/* `options` are complete and checked.  make_room and context are the caller's
 * to set afterwards.  ZC_OK; ZC_NO_MEMORY; what the pool says. */
zc_status zc_zswap_init(struct zc_zswap *zswap,
                        const struct zc_cache_options *options);
/* Forgets everything; nobody uses it any more. */
void zc_zswap_destroy(struct zc_zswap *zswap);
/* In a child after fork(), instead: takes no lock. */
void zc_zswap_leave(struct zc_zswap *zswap);
/* Its last part: the memory goes with whatever is stored in it. */
void zc_zswap_drop(struct zc_zswap *zswap);

/* Fills in defaults and checks all that is not the pool's or the device's;
 * options->reason says what is wrong.  ZC_OK; ZC_INVALID; ZC_UNSUPPORTED: there
 * is no such compressor. */
zc_status zc_zswap_check_options(struct zc_cache_options *options);

/*
 * Stores a page under a slot in place of what was there; a store that fails
 * erases that (FAILED_STORE_ERASES_OLD).  `force`, for a page that has nowhere
 * else to be: whatever the limits say.
 *
 * ZC_OK; ZC_REJECTED: the limit, the owner's, the pool's own, or (lru = zspage)
 * a page that does not compress; ZC_NO_MEMORY.
 */
zc_status zc_zswap_store(struct zc_zswap *zswap, zc_swp slot, const void *page,
                         unsigned owner, bool force);

/* ZC_OK; ZC_MISSING; ZC_CORRUPT: kept.  zc_cache_load(). */
zc_status zc_zswap_load(struct zc_zswap *zswap, zc_swp slot, void *page_out);

/* Also ZC_BUSY; zc_cache_take(). */
zc_status zc_zswap_take(struct zc_zswap *zswap, zc_swp slot, void *page_out);

/* ZC_OK; ZC_MISSING. */
zc_status zc_zswap_invalidate(struct zc_zswap *zswap, zc_swp slot);

/* The slots of one type from first to end - 1. */
void zc_zswap_invalidate_range(struct zc_zswap *zswap, unsigned type,
                               uint64_t first, uint64_t end);

/* Whether anything is stored under a type; for swapon. */
bool zc_zswap_has_type(struct zc_zswap *zswap, unsigned type);

/* --- writeback's side: zswap/evict.c -------------------------------- */

/* How writeback knows what it came for: by the entry (lru = entry), or by the
 * handle of its object (lru = zspage). */
struct zc_zswap_token {
    bool by_handle;
    uint32_t index;
    zc_handle handle;
};

/*
 * The entry of a slot if it is still the one of the token, with a reference,
 * else NULL.  The caller has the slot pinned (WRITEBACK_RECHECKS_TREE).
 */
struct zc_entry *zc_zswap_find(struct zc_zswap *zswap, zc_swp slot,
                               const struct zc_zswap_token *token);

/* Decompresses it.  ZC_OK; ZC_CORRUPT: it stays as it is. */
zc_status zc_zswap_read(struct zc_zswap *zswap, struct zc_entry *entry,
                        void *page_out);

/*
 * Unlinks it and drops the tree's reference; it must be linked still, which the
 * caller's pin guarantees.  The caller's own reference stays.  Counts as
 * written back.
 */
void zc_zswap_evict(struct zc_zswap *zswap, struct zc_entry *entry);

void zc_zswap_put(struct zc_zswap *zswap, struct zc_entry *entry);

/* The slot that an object was stored under which the pool shows as it reclaims
 * (lru = zspage); the handle may be a deferred one.  ZC_OK; ZC_STALE. */
zc_status zc_zswap_slot_of(struct zc_zswap *zswap, zc_handle handle,
                           zc_swp *slot_out);

/* --- limits ---------------------------------------------------------- */

/* Used pool pages above the accept threshold now, or where there are more than
 * the limit, all of them: what shrinking is to free. */
uint64_t zc_zswap_excess_pages(const struct zc_zswap *zswap);

/* The threshold counts from these; zc_cache_set_limit() without its checks. */
void zc_zswap_apply_limit(struct zc_zswap *zswap, uint64_t limit_bytes,
                          unsigned accept_threshold_percent);

/* Whether an owner's pages never go to a device. */
bool zc_zswap_owner_forbids(const struct zc_zswap *zswap, unsigned owner);

/* --- among the files of zswap --------------------------------------- */

/* Drops the tree's reference to an unlinked entry; `reason` says who did it. */
void zc_zswap_forget(struct zc_zswap *zswap, struct zc_entry *entry,
                     enum zc_stat reason);

/* Pages linked now. */
uint64_t zc_zswap_stored_pages(const struct zc_zswap *zswap);

#endif
