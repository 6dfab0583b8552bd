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
#ifndef ZC_ENTRY_H
#define ZC_ENTRY_H

#include <zcache/pool.h>

#include "generation.h"
#include "platform/atomic.h"
#include "platform/lock.h"
#include "records.h"

#define ZC_ENTRY_SAME_FILLED 1u /* no object: every word of it is `fill` */
#define ZC_ENTRY_RAW 2u         /* the object is the page itself */

/* 24 bytes; every field but the count is constant while the entry lives. */
struct zc_entry {
    uint64_t slot; /* the swap entry it is stored under; free: next index + 1 */
    union {
        zc_handle handle;
        uint64_t fill; /* ZC_ENTRY_SAME_FILLED */
    } content;
    zc_atomic_u32 references;
    uint16_t size_minus_one; /* bytes of the object, less one */
    uint8_t generation;      /* id; the entry holds a reference to it */
    uint8_t flags;
};

_Static_assert(sizeof(struct zc_entry) == 24, "metadata is budgeted");

/* All entries of one cache, and what they are made of. */
struct zc_entries {
    struct zc_records records; /* of struct zc_entry */
    struct zc_records sums;    /* of uint64_t, if checksums are on */
    bool checksums;
    struct zc_spinlock lock;
    uint32_t first_free; /* [lock] index + 1 of a free entry, or 0 */
    uint32_t used;       /* [lock] entries ever used */
    size_t page_size;
    const struct zc_pool_ops *pool_ops;
    void *pool;
    struct zc_generations *generations;
};

/* The fields above from page_size on are set by the caller before. */
zc_status zc_entries_init(struct zc_entries *entries);
void zc_entries_destroy(struct zc_entries *entries);

/*
 * A new entry for a slot with one reference, the caller's, and no content.  May
 * block.  ZC_OK; ZC_NO_MEMORY.
 */
zc_status zc_entry_create(struct zc_entries *entries, zc_swp slot,
                          struct zc_entry **entry_out);

/* One more reference, by somebody who has one or holds the shard lock. */
void zc_entry_get(struct zc_entry *entry);

/* Drops a reference; the last one frees the object and the entry.  May block:
 * no spinlock may be held. */
void zc_entry_put(struct zc_entries *entries, struct zc_entry *entry);

/* Gives an entry its content; the entry is not published yet. */
void zc_entry_set_fill(struct zc_entries *entries, struct zc_entry *entry,
                       uint64_t fill);

/* Takes over the handle and the caller's reference to the generation; `data` is
 * the object's bytes. */
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

/* Resident bytes of entries and checksums. */
size_t zc_entries_bytes(struct zc_entries *entries);

#endif
