/* SPDX-License-Identifier: MIT */
/*
 * lru.h - entries by age, a list per owner, with a second chance.
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
#ifndef ZC_ZSWAP_LRU_H
#define ZC_ZSWAP_LRU_H

#include "zswap/entry.h"

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

/*
 * After a candidate could not be written back, by whoever scanned: nothing
 * where CANDIDATE_ROTATED holds, for it never left its list.
 */
void zc_lru_put_back(struct zc_lru *lru,
                     const struct zc_lru_candidate *candidate);

/* Entries on an owner's list; by now there may be more or fewer. */
uint32_t zc_lru_count(const struct zc_lru *lru, unsigned owner);

/* Resident bytes of owner records. */
size_t zc_lru_bytes(const struct zc_lru *lru);

#endif
