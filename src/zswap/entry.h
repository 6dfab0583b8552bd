/* SPDX-License-Identifier: MIT */
/*
 * entry.h - one page stored in compressed form, and who keeps it alive.
 *
 * References: the tree holds one while the entry is linked, and every user
 * outside the shard lock holds its own.  The last put frees the object and the
 * entry; what the tree held goes to whoever unlinks
 * (TREE_REF_DROPPED_BY_UNLINKER).
 *
 * Entries come from records, which never move: the tree names them by index, in
 * half the space of a pointer.
 */
#ifndef ZC_ZSWAP_ENTRY_H
#define ZC_ZSWAP_ENTRY_H

#include <zcache/pool.h>

#include "base/records.h"
#include "codec/generation.h"
#include "platform/atomic.h"
#include "platform/lock.h"

#define ZC_ENTRY_SAME_FILLED 1u /* no object: every word of it is `fill` */
#define ZC_ENTRY_RAW 2u         /* the object is the page itself */

/* 24 bytes; every field but `references` is constant while the entry lives. */
struct zc_entry {
    /* The swap entry it is stored under, and the owner in the bits of offsets
     * that no cache has; free: next index + 1. */
    uint64_t slot_and_owner;
    union {
        zc_handle handle;
        uint64_t fill; /* ZC_ENTRY_SAME_FILLED */
    } content;
    /* The count, and above it, where ages are kept, when the page was last
     * stored or loaded.  Pairs with itself. */
    zc_atomic_u32 references;
    uint16_t size_minus_one; /* bytes of the object, less one */
    uint8_t generation;      /* id; the entry holds a reference to it */
    uint8_t flags;
};

_Static_assert(sizeof(struct zc_entry) == 24, "metadata is budgeted");

/* slot_and_owner */
#define ZC_ENTRY_OWNER_SHIFT 40
#define ZC_ENTRY_OWNER_MASK (UINT64_C(0xffff) << ZC_ENTRY_OWNER_SHIFT)

/* references */
#define ZC_ENTRY_COUNT_MASK UINT32_C(0xffff)
#define ZC_ENTRY_AGE_SHIFT 16
#define ZC_ENTRY_AGE_MASK UINT32_C(0x7fff)      /* of seconds; then it wraps */
#define ZC_ENTRY_REFERENCED (UINT32_C(1) << 31) /* since the LRU last looked */

struct zc_lru;

/* All entries of one cache, and what they are made of. */
struct zc_entries {
    struct zc_records records; /* of struct zc_entry */
    struct zc_records sums;    /* of uint64_t, if checksums are on */
    struct zc_records links;   /* of struct zc_lru_link, if ages are kept */
    struct zc_spinlock lock;
    uint32_t first_free; /* [lock] index + 1 of a free entry, or 0 */
    uint32_t used;       /* [lock] entries ever used */
    bool checksums;
    bool keeps_ages;     /* entries are on the LRU, and stamped */
    size_t prefix_bytes; /* in front of the compressed page in an object */
    size_t page_size;
    const struct zc_pool_ops *pool_ops;
    void *pool;
    struct zc_generations *generations;
    struct zc_lru *lru; /* whose owners are charged */
};

/* The fields above from `checksums` on are set by the caller before. */
zc_status zc_entries_init(struct zc_entries *entries);
void zc_entries_destroy(struct zc_entries *entries);

/*
 * A new entry for a slot with one reference, the caller's, and no content.  The
 * owner's record exists.  May block.  ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_entry_create(struct zc_entries *entries, zc_swp slot,
                          unsigned owner, struct zc_entry **entry_out);

/* One more reference, by somebody who has one or holds the shard lock. */
void zc_entry_get(struct zc_entry *entry);

/* Drops a reference; the last one frees the object and the entry.  May block:
 * no spinlock may be held. */
void zc_entry_put(struct zc_entries *entries, struct zc_entry *entry);

/* The same at the end of a load: where ages are kept, the entry is referenced,
 * now. */
void zc_entry_put_used(struct zc_entries *entries, struct zc_entry *entry);

/* Gives an entry its content; the entry is not published yet. */
void zc_entry_set_fill(struct zc_entries *entries, struct zc_entry *entry,
                       uint64_t fill);

/* Takes over the handle and the caller's reference to the generation, and
 * charges the owner; `data` is the object's bytes. */
void zc_entry_set_object(struct zc_entries *entries, struct zc_entry *entry,
                         struct zc_generation *generation, zc_handle handle,
                         const void *data, size_t size, unsigned flags);

/*
 * Decompresses the page of an entry.  The caller holds a reference.  ZC_OK;
 * ZC_CORRUPT: page_out is undefined.
 */
zc_status zc_entry_read(struct zc_entries *entries, struct zc_entry *entry,
                        void *page_out);

static inline uint32_t zc_entry_index(const struct zc_entries *entries,
                                      const struct zc_entry *entry)
{
    return zc_records_index(&entries->records, entry);
}

static inline struct zc_entry *zc_entry_at(const struct zc_entries *entries,
                                           uint32_t index)
{
    return zc_records_at(&entries->records, index);
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
size_t zc_entries_bytes(struct zc_entries *entries);

#endif
