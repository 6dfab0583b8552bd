/* SPDX-License-Identifier: MIT */
/*
 * zswap.h - compressed pages by slot: zswap without devices.
 *
 *   slot -> tree -> entry -> object in the pool
 *                     |
 *                 generation (compressor, contexts)
 *
 *   entry.c        entries: create, read, references
 *   tree.c         slot to entry
 *   zswap/lru.c    LRU lists of entries, one per owner
 *   zswap/zswap.c  init, destroy, options, limits
 *   zswap/store.c  store
 *   zswap/load.c   load, take, invalidate
 *   zswap/recompress.c
 *                  a smaller entry in place of one that is cold
 *   zswap/evict.c  for writeback: find an entry again, read it, unlink it
 *
 * The public struct zc_cache (cache/cache.h) has one zc_zswap, and may have
 * devices.  Nothing here knows of devices: a caller that must exclude other
 * calls on a slot pins the slot.
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
 * One page stored in compressed form, with its references.
 *
 * An entry is a record of the pool (pool/handle.h): the first word is the cell,
 * which says where the object is, and the rest belongs to zswap.  So freeing
 * the object frees the entry too.  Records never move: the tree names them by
 * index, in half the space of a pointer.  The entry of a same-filled page is a
 * bare record, which has no object.
 *
 * References: the tree holds one while the entry is linked, and each thread
 * that uses the entry without the shard lock holds its own.  The last put frees
 * the record.  The thread that unlinks the entry gets the tree's reference and
 * drops it (TREE_REF_DROPPED_BY_UNLINKER).  With lru = zspage, a record that is
 * freed under reclaim is readable until the reclaim ends: a thread may read its
 * slot, but gets no reference to it, because the tree does not name it.
 *
 * A pool of the user's has no records, only handles.  Then entries are bare
 * records of zswap's own table, and each keeps the handle of its object.
 */

#define ZC_ENTRY_SAME_FILLED 1u /* no object: each word of the page is `fill` */
#define ZC_ENTRY_RAW 2u         /* the object is the page itself */
#define ZC_ENTRY_INCOMPRESSIBLE 4u /* raw, because it gets no smaller */

/* 24 bytes; every field but `cell` and `references` is constant while the entry
 * lives. */
struct zc_entry {
    struct zc_cell cell; /* the pool's; same-filled: 47 bits of `fill` */
    /* The swap entry it is stored under; the owner is in offset bits that are
     * zero in every cache's slots. */
    uint64_t slot_and_owner;
    /* The count, and TRIED.  With an LRU also REFERENCED and the time of the
     * last store or load.  Pairs with itself. */
    zc_atomic_u32 references;
    /* Bytes of the object, less one; and the id of the generation, to which the
     * entry holds a reference.  Same-filled: 17 bits of `fill`. */
    uint16_t size_minus_one;
    uint8_t generation;
    uint8_t flags;
};

_Static_assert(sizeof(struct zc_entry) == 24, "metadata is budgeted");

#define ZC_ENTRY_USER_BYTES (sizeof(struct zc_entry) - sizeof(struct zc_cell))

/* A record of zswap's own table, over a pool of the user's. */
struct zc_entry_with_handle {
    struct zc_entry entry;
    zc_handle handle; /* of its object */
};

/* slot_and_owner */
#define ZC_ENTRY_OWNER_SHIFT 40
#define ZC_ENTRY_OWNER_MASK (UINT64_C(0xffff) << ZC_ENTRY_OWNER_SHIFT)

/* references */
#define ZC_ENTRY_COUNT_MASK UINT32_C(0x7fff)
#define ZC_ENTRY_TRIED (UINT32_C(1) << 15) /* recompression gained nothing */
#define ZC_ENTRY_AGE_SHIFT 16
#define ZC_ENTRY_AGE_MASK UINT32_C(0x7fff)      /* in seconds, modulo 2^15 */
#define ZC_ENTRY_REFERENCED (UINT32_C(1) << 31) /* since the last LRU scan */
#define ZC_ENTRY_STAMP_MASK                                                    \
    (ZC_ENTRY_REFERENCED | ZC_ENTRY_AGE_MASK << ZC_ENTRY_AGE_SHIFT)

struct zc_lru;

/* All entries of one cache, and their pool. */
struct zc_entries {
    struct zc_handles *handles; /* the table of records: the pool's, or `own` */
    struct zc_handles own;      /* used over a pool of the user's */
    struct zc_records sums;     /* of uint64_t, if checksums are on */
    struct zc_records links;    /* of struct zc_lru_link, if keeps_ages */
    bool checksums;
    bool keeps_ages;     /* lru = entry: entries have links and ages */
    bool stores_cold;    /* lru = drop: a store gives no second chance */
    size_t prefix_bytes; /* of an object, in front of the compressed page */
    size_t page_size;
    struct zc_zspool *zspool; /* the pool, if it is ours; else NULL */
    const struct zc_pool_ops *pool_ops;
    void *pool;
    zc_status (*put_beyond)(void *pool, const void *data, size_t size,
                            zc_handle *handle_out); /* or its put */
    struct zc_generations *generations;
    struct zc_lru *lru;            /* and the owners */
    uint32_t (*clock)(void *user); /* of ages; NULL: zc_clock_seconds() */
    void *clock_user;
};

/* The caller sets the fields from `checksums` on before. */
zc_status zc_entries_init(struct zc_entries *entries);
void zc_entries_destroy(struct zc_entries *entries);

/*
 * Creates the entry of a same-filled page, whose words are `fill`, with one
 * reference, the caller's.  The owner's record exists.  May block.  ZC_OK;
 * ZC_NO_MEMORY; ZC_REJECTED: there are as many records as a handle can name.
 */
zc_status zc_entry_create_filled(struct zc_entries *entries, zc_swp slot,
                                 unsigned owner, uint64_t fill,
                                 struct zc_entry **entry_out);

/*
 * Creates an entry with an object and copies `data` to the pool; `beyond`: no
 * limit refuses it.  zc_entry_set_object() must follow.  As
 * zc_entry_create_filled(); also the status of the pool's put.
 */
zc_status zc_entry_create(struct zc_entries *entries, zc_swp slot,
                          unsigned owner, const void *data, size_t size,
                          bool beyond, struct zc_entry **entry_out);

/*
 * Sets the fields of an entry that depend on its object; the entry is not
 * published yet.  May block.  ZC_OK: the entry has the caller's reference to
 * the generation, and the owner is charged.  ZC_NO_MEMORY: the entry is freed.
 * `processor`, here and below: zc_processor_current(), or a moment ago; both
 * are counted by processor.
 */
zc_status zc_entry_set_object(struct zc_entries *entries,
                              struct zc_entry *entry,
                              struct zc_generation *generation,
                              const void *data, size_t size, unsigned flags,
                              unsigned processor);

/* Takes a reference.  The caller has one, or holds the shard lock and the entry
 * is linked. */
void zc_entry_get(struct zc_entry *entry);

/* Drops a reference; the last one frees the object and the entry.  May block:
 * no spinlock may be held. */
void zc_entry_put(struct zc_entries *entries, struct zc_entry *entry);
void zc_entry_put_on(struct zc_entries *entries, struct zc_entry *entry,
                     unsigned processor);

/* The same at the end of a load: with an LRU it also sets REFERENCED and the
 * time. */
void zc_entry_put_used(struct zc_entries *entries, struct zc_entry *entry);

/* The time that ages are measured with. */
uint32_t zc_entries_now(const struct zc_entries *entries);

/* The age of an entry whose `references` are this word, modulo 2^15. */
static inline uint32_t zc_entry_age(const struct zc_entries *entries,
                                    uint32_t word)
{
    return (zc_entries_now(entries) - (word >> ZC_ENTRY_AGE_SHIFT)) &
           ZC_ENTRY_AGE_MASK;
}

/* Gives an entry that is not published yet the time and REFERENCED of another.
 * The caller holds references to both. */
void zc_entry_inherit_age(struct zc_entry *entry, const struct zc_entry *from);

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
        return ((const struct zc_entry_with_handle *)entry)->handle;
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

/* The checksum of objects, and of pages on devices. */
uint64_t zc_checksum(const void *data, size_t size);

/* Resident bytes of entries, checksums and links. */
size_t zc_entries_bytes(const struct zc_entries *entries);

/* --- the tree: tree.c -------------------------------------------------- */

/*
 * Swap entry to entry: one tree per swap type, a shard per 2^14 slots, as the
 * kernel has a tree per 64 MiB of swap.  Each shard has its own lock; no thread
 * blocks or allocates under it.
 */

#define ZC_SHARD_SHIFT 14
#define ZC_SHARD_SLOTS (1u << ZC_SHARD_SHIFT)
#define ZC_LEAF_SHIFT 7
#define ZC_LEAF_SLOTS (1u << ZC_LEAF_SHIFT)
#define ZC_SHARD_LEAVES (ZC_SHARD_SLOTS / ZC_LEAF_SLOTS)

struct zc_leaf {
    uint32_t used;                   /* places that name an entry */
    uint32_t entries[ZC_LEAF_SLOTS]; /* index + 1 of the entry; 0: none */
};

struct zc_shard {
    struct zc_spinlock lock;
    uint32_t used;                           /* [lock] slots in use */
    struct zc_leaf *leaves[ZC_SHARD_LEAVES]; /* [lock], and their fields */
};

struct zc_tree {
    struct zc_entries *entries;
    uint64_t slot_count; /* of each type */
    zc_counter bytes;    /* of shards and leaves */
    struct zc_sparse shards[ZC_SWP_TYPE_COUNT];
};

void zc_tree_init(struct zc_tree *tree, struct zc_entries *entries,
                  uint64_t slot_count);

/* No other thread uses the tree.  Entries that are still linked are not put. */
void zc_tree_destroy(struct zc_tree *tree);

/* Resident bytes of the tree. */
uint64_t zc_tree_bytes(const struct zc_tree *tree);

/* Whether the slot exists: its type, and its offset below slot_count. */
bool zc_tree_has_slot(const struct zc_tree *tree, zc_swp slot);

/* Whether any slot of a type names an entry now. */
bool zc_tree_has_type(struct zc_tree *tree, unsigned type);

/* The entry of a slot, or NULL.  The caller has the slot pinned, which keeps
 * the entry linked, or only asks whether there is one. */
struct zc_entry *zc_tree_find(struct zc_tree *tree, zc_swp slot);
/* The same with a reference for the caller. */
struct zc_entry *zc_tree_get(struct zc_tree *tree, zc_swp slot);

/*
 * Links an entry at its slot and unlinks the old one, in one step under the
 * lock.  *old_out gets the old entry and with it the tree's reference (NULL:
 * none).  The tree takes its own reference to the new entry.  May block.
 * ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_tree_exchange(struct zc_tree *tree, struct zc_entry *entry,
                           struct zc_entry **old_out);

/*
 * Links `entry` in place of `old`, of the same slot, if `old` is linked.  True:
 * it was, and the caller gets the tree's reference to it; the tree takes one to
 * `entry`.  False: nothing has changed.  The caller holds references to both.
 */
bool zc_tree_replace(struct zc_tree *tree, struct zc_entry *old,
                     struct zc_entry *entry);

/* The entry of `type` with the lowest offset in [*offset_inout, UINT64_MAX),
 * with a reference for the caller; *offset_inout is its offset then.  NULL:
 * there is none. */
struct zc_entry *zc_tree_next(struct zc_tree *tree, unsigned type,
                              uint64_t *offset_inout);

/*
 * Unlinks this entry.  True: it was linked, and the caller gets the tree's
 * reference.  False: another thread has unlinked it.  The caller holds a
 * reference of its own.
 */
bool zc_tree_unlink(struct zc_tree *tree, struct zc_entry *entry);

/* Unlinks the entry of a slot; the caller gets the tree's reference.  NULL:
 * there is none. */
struct zc_entry *zc_tree_erase(struct zc_tree *tree, zc_swp slot);

/*
 * Unlinks the entry of `type` with the lowest offset in [first, end); the
 * caller gets the tree's reference.  NULL: there is none.
 */
struct zc_entry *zc_tree_erase_next(struct zc_tree *tree, unsigned type,
                                    uint64_t first, uint64_t end);

/* --- ages and owners: zswap/lru.c -------------------------------------- */

/*
 * LRU lists of entries, one per owner, with a second chance.
 *
 * An owner is the kernel's memcg: a small integer that the caller gives with a
 * store.  Its list goes from cold to hot; its record also has its limit and
 * whether its pages may be written back.
 *
 * A store puts its entry on the list last, with every field set (LRU_LAST), and
 * freeing an entry begins with taking it off, both under the list's lock.  So a
 * thread that holds the lock may read every entry on the list.  After it drops
 * the lock, the entry's index is only a token.  Entries without an object are
 * on no list: writing them back frees no page of the pool.
 *
 * Only caches with lru = entry have lists; owners' records exist in every mode.
 */

/* The neighbours of an entry; its owner's lock guards both.  0, 0: the entry is
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
    /* Bytes of objects charged; the limit, UINT64_MAX: none; whether writeback
     * is forbidden.  Independent: a store may act on old values. */
    struct zc_striped charged_bytes;
    zc_atomic_u64 limit_bytes;
    zc_atomic_u32 no_writeback;
};

struct zc_lru {
    struct zc_entries *entries;
    /* Each is set once, by CAS (release); pairs with the acquire in
     * zc_lru_find_owner(). */
    zc_atomic_pointer owners[ZC_OWNER_COUNT];
    /* Above every owner that has a record.  Raised before the record is set, so
     * a thread that finds a record sees an end above it. */
    zc_atomic_u32 owner_end;
    zc_atomic_u32 cursor; /* the owner that was last shrunk; a hint */
};

/* The result of a scan: what is known of the entry without a lock. */
struct zc_lru_candidate {
    zc_swp slot;
    uint32_t token; /* index of the entry, which may have been freed */
};

/* Makes the record of owner 0.  ZC_OK; ZC_NO_MEMORY. */
zc_status zc_lru_init(struct zc_lru *lru, struct zc_entries *entries);
void zc_lru_destroy(struct zc_lru *lru);

/* Whether no owner has an entry on its list, or is charged for one. */
bool zc_lru_is_empty(const struct zc_lru *lru);

/* The record of an owner, or NULL. */
static inline struct zc_owner *zc_lru_find_owner(const struct zc_lru *lru,
                                                 unsigned owner)
{
    ZC_ASSERT(owner < ZC_OWNER_COUNT);
    return zc_atomic_pointer_load_acquire(&lru->owners[owner]);
}

/* Whether an owner has a limit and is charged as much.  Without one the bytes
 * are not added up. */
static inline bool zc_owner_is_at_limit(const struct zc_owner *owner)
{
    const uint64_t limit = zc_atomic_u64_load_relaxed(&owner->limit_bytes);

    return limit != UINT64_MAX &&
           zc_striped_sum(&owner->charged_bytes) >= limit;
}

/* Makes the record; if another thread has set one first, returns that.  NULL:
 * no memory. */
struct zc_owner *zc_lru_make_owner(struct zc_lru *lru, unsigned owner);

/* The record of an owner; makes it if there is none.  May block.  NULL: no
 * memory. */
static inline struct zc_owner *zc_lru_owner(struct zc_lru *lru, unsigned owner)
{
    struct zc_owner *record = zc_lru_find_owner(lru, owner);

    return record != NULL ? record : zc_lru_make_owner(lru, owner);
}

/* Puts an entry at the hot end of its owner's list.  The caller has a reference
 * to the entry, which is complete; its owner's record exists. */
void zc_lru_add(struct zc_lru *lru, struct zc_entry *entry);

/* Puts an entry at the place of `old`, of the same owner, which leaves the
 * list; if `old` is on no list, at the hot end.  As zc_lru_add(); the caller
 * has a reference to `old` too. */
void zc_lru_replace(struct zc_lru *lru, struct zc_entry *old,
                    struct zc_entry *entry);

/* Takes an entry off its list, if it is on it: the first step of freeing it. */
void zc_lru_remove(struct zc_lru *lru, struct zc_entry *entry);

/*
 * Scans one entry, the coldest of an owner's list, and rotates it to the hot
 * end (CANDIDATE_ROTATED).  ZC_OK: it is the candidate.  ZC_AGAIN: it is passed
 * over, because it was referenced since the last scan or is younger than
 * min_age seconds (0: any age).  ZC_MISSING: the list is empty.
 */
zc_status zc_lru_scan(struct zc_lru *lru, unsigned owner, unsigned min_age,
                      struct zc_lru_candidate *candidate_out);

/* The next owner after *owner_inout (round robin) that has entries on its list;
 * false: none has.  UINT_MAX begins at owner 0. */
bool zc_lru_next_owner(const struct zc_lru *lru, unsigned *owner_inout);

/* Entries on an owner's list; without the lock, so it may be old. */
uint32_t zc_lru_count(const struct zc_lru *lru, unsigned owner);

/* Resident bytes of owner records. */
size_t zc_lru_bytes(const struct zc_lru *lru);

struct zc_zswap {
    size_t page_size;
    bool same_filled;  /* detect pages of one repeated word */
    bool zero_filled;  /* detect pages of zeros only */
    bool is_proactive; /* ZC_SHRINK_PROACTIVE */
    size_t raw_from;   /* compressed to this size or more: stored raw */
    unsigned lru_mode; /* enum zc_lru_mode: never DEFAULT; ENTRY for DROP */
    bool drops;        /* ZC_LRU_DROP: cold pages are dropped, not written */
    bool tells_pages;  /* to `dropped` */
    void (*dropped)(void *user, zc_swp slot, const void *page);
    void *dropped_user;
    struct zc_generations generations;
    struct zc_entries entries; /* with the pool */
    struct zc_tree tree;
    struct zc_lru lru; /* lists: ZC_LRU_ENTRY; owners' records: every mode */
    struct zc_stats stats;

    /*
     * Makes room; NULL: nothing makes room.  A store that a limit refuses calls
     * it with no lock and no context held (NO_SHRINK_WITH_CONTEXT), and has
     * `slot` pinned: make_room never waits for that slot.  True: a page was
     * written.
     *   the pool's limit     `owner` is ZC_OWNER_ANY; the store tries once
     *                        more; with is_proactive also before the limit
     *   the owner's limit    pages of `owner` are written; the store goes on if
     *                        the result is true
     */
    bool (*make_room)(void *context, zc_swp slot, unsigned owner);
    void *context;

    /* Independent: a store may act on old values. */
    zc_atomic_u64 limit_pages;     /* UINT64_MAX: none */
    zc_atomic_u64 threshold_pages; /* limit * accept_threshold / 100 */
    zc_atomic_u64 start_pages;     /* the same, of 1 % more */
    zc_atomic_u32 is_full;         /* refuse until below the threshold */
    struct zc_mutex limit_lock; /* held to change the limit, and the pool's */

    bool pool_has_limit; /* the pool enforces the limit itself */
    /* Pool pages that the threshold is compared with. */
    uint64_t (*used_pages)(const void *pool);
};

#define ZC_OWNER_ANY ZC_OWNER_COUNT

/* Whether there is such a compressor, and it has that level, as two options
 * say.  ZC_OK; ZC_UNSUPPORTED, ZC_INVALID, with a reason. */
zc_status zc_zswap_check_compressor(const char *name, int level, char *reason,
                                    size_t reason_size);

/* `options` are checked, with defaults filled in, and the struct is all zeros.
 * The caller sets make_room and context afterwards.  ZC_OK; ZC_NO_MEMORY; the
 * status of the pool. */
zc_status zc_zswap_init(struct zc_zswap *zswap,
                        const struct zc_cache_options *options);
/* No other thread uses it any more. */
void zc_zswap_destroy(struct zc_zswap *zswap);
/* Instead of zc_zswap_destroy() in a child after fork(): takes no lock. */
void zc_zswap_leave(struct zc_zswap *zswap);
/* The last part of zc_zswap_destroy(): frees the memory with the pages that are
 * still stored in it. */
void zc_zswap_drop(struct zc_zswap *zswap);

/* Fills in defaults and checks all options but the pool's and the device's;
 * options->reason gets the reason of a failure.  ZC_OK; ZC_INVALID;
 * ZC_UNSUPPORTED: there is no such compressor. */
zc_status zc_zswap_check_options(struct zc_cache_options *options);

/*
 * Stores a page under a slot in place of its old page; a store that fails
 * erases the old page (FAILED_STORE_ERASES_OLD).  `force`: no limit refuses it,
 * for a page of which there is no other copy.
 *
 * ZC_OK; ZC_REJECTED: the limit, the owner's limit, the pool, or (lru = zspage)
 * a page that does not compress; ZC_NO_MEMORY.
 */
zc_status zc_zswap_store(struct zc_zswap *zswap, zc_swp slot, const void *page,
                         unsigned owner, bool force);

/* zc_cache_load().  ZC_OK; ZC_MISSING; ZC_CORRUPT: the entry stays. */
zc_status zc_zswap_load(struct zc_zswap *zswap, zc_swp slot, void *page_out);

/* zc_cache_take().  Also ZC_BUSY. */
zc_status zc_zswap_take(struct zc_zswap *zswap, zc_swp slot, void *page_out);

/* ZC_OK; ZC_MISSING. */
zc_status zc_zswap_invalidate(struct zc_zswap *zswap, zc_swp slot);

/* The slots of one type from first to end - 1. */
void zc_zswap_invalidate_range(struct zc_zswap *zswap, unsigned type,
                               uint64_t first, uint64_t end);

/* Whether a page of the slot is stored: old news unless the caller has the slot
 * pinned. */
bool zc_zswap_has(struct zc_zswap *zswap, zc_swp slot);

/* Whether any page is stored under a type; for swapon. */
bool zc_zswap_has_type(struct zc_zswap *zswap, unsigned type);

/* The first slot with a page of a type, at *offset_inout or behind it; false:
 * none.  Old news, as zc_zswap_has(). */
bool zc_zswap_next(struct zc_zswap *zswap, unsigned type,
                   uint64_t *offset_inout);

/* --- writeback's side: zswap/evict.c -------------------------------- */

/* The entry that a scan saw: by its index (lru = entry), or by the handle of
 * its object (lru = zspage). */
struct zc_zswap_token {
    bool by_handle;
    uint32_t index;
    zc_handle handle;
};

/* The entry of a slot if it is that of the token, else NULL.  The caller has
 * the slot pinned, which keeps the entry linked (WRITEBACK_RECHECKS_TREE). */
struct zc_entry *zc_zswap_find(struct zc_zswap *zswap, zc_swp slot,
                               const struct zc_zswap_token *token);

/* Decompresses its page.  ZC_OK; ZC_CORRUPT: the entry stays. */
zc_status zc_zswap_read(struct zc_zswap *zswap, struct zc_entry *entry,
                        void *page_out);

/* Unlinks an entry and drops the tree's reference; counts it as written back.
 * The caller's pin since zc_zswap_find() guarantees that it is still linked. */
void zc_zswap_evict(struct zc_zswap *zswap, struct zc_entry *entry);

/*
 * Drops the entry of the token, and tells zswap.dropped, with no lock held.
 * ZC_OK; ZC_MISSING: the slot has another entry by now, or none.
 */
zc_status zc_zswap_discard(struct zc_zswap *zswap, zc_swp slot,
                           const struct zc_zswap_token *token);

/* The slot of an object that the pool's reclaim shows (lru = zspage); its
 * handle may be deferred.  ZC_OK; ZC_STALE: the object of a pool of the user's
 * is gone or names no slot. */
zc_status zc_zswap_slot_of(struct zc_zswap *zswap, zc_handle handle,
                           zc_swp *slot_out);

/* --- recompression: zswap/recompress.c ------------------------------- */

/* Which entries are compressed again, and with what. */
struct zc_zswap_recompress {
    struct zc_generation *generation; /* the caller has a reference */
    unsigned owner;                   /* ZC_OWNER_ANY: of all */
    unsigned min_age;                 /* 0: of any age */
    bool retry;                       /* those that were TRIED too */
    void *page;                       /* room for one */
};

/*
 * The first entry of `type` at or after *offset_inout that may be compressed
 * again, with a reference; *offset_inout is its offset then.  NULL: there is
 * none.  Same-filled entries, and those of the generation, are passed over.
 */
struct zc_entry *zc_zswap_next_cold(struct zc_zswap *zswap,
                                    const struct zc_zswap_recompress *with,
                                    unsigned type, uint64_t *offset_inout);

/*
 * Compresses the page of an entry again.  The caller has a reference to it.
 * ZC_OK: *smaller_out is an entry of the same page, slot, owner and age, which
 * is not linked; zc_zswap_replace() must follow.  ZC_MISSING: it would take as
 * much of the pool as the entry has, which is TRIED now; ZC_CORRUPT;
 * ZC_REJECTED: the pool has no room; ZC_NO_MEMORY.
 */
zc_status zc_zswap_recompress(struct zc_zswap *zswap,
                              const struct zc_zswap_recompress *with,
                              struct zc_entry *entry,
                              struct zc_entry **smaller_out);

/*
 * Links `smaller` in place of `entry`, if that is still linked
 * (REPLACED_ONLY_UNCHANGED), and at its place of the LRU.  Where the slot has a
 * device the caller has it pinned (RECOMPRESS_PINS_SLOT).  True: it was.
 * Either way the caller's reference to `smaller` is gone, and its reference to
 * `entry` stays.
 */
bool zc_zswap_replace(struct zc_zswap *zswap, struct zc_entry *entry,
                      struct zc_entry *smaller);

/* --- limits ---------------------------------------------------------- */

/* Pool pages above the accept threshold now, which shrinking is to free.  Up to
 * the limit only used pages are counted, above it all pages. */
uint64_t zc_zswap_excess_pages(const struct zc_zswap *zswap);

/* Whether the pool has more pages than ZC_SHRINK_PROACTIVE begins a run at. */
bool zc_zswap_is_past_start(const struct zc_zswap *zswap);

/* zc_cache_set_limit() without its checks. */
void zc_zswap_apply_limit(struct zc_zswap *zswap, uint64_t limit_bytes,
                          unsigned accept_threshold_percent);

/* Whether writeback of an owner's pages is forbidden. */
bool zc_zswap_owner_forbids(const struct zc_zswap *zswap, unsigned owner);

/* --- among the files of zswap --------------------------------------- */

/* Drops the tree's reference to an entry that the caller has unlinked; `reason`
 * is the counter of the cause. */
void zc_zswap_forget(struct zc_zswap *zswap, struct zc_entry *entry,
                     enum zc_stat reason, unsigned processor);

/* Counts the rare kinds of linked entries, same-filled and raw. */
void zc_zswap_count_kind(struct zc_zswap *zswap, const struct zc_entry *entry,
                         uint64_t change);

/* Compresses a page into the context's buffer, behind the prefix.  Returns its
 * compressed bytes; 0: the compressor failed. */
size_t zc_zswap_compress(const struct zc_zswap *zswap,
                         const struct zc_generation *generation,
                         struct zc_context *context, const void *page);

/* Pages linked now. */
uint64_t zc_zswap_stored_pages(const struct zc_zswap *zswap);

#endif
