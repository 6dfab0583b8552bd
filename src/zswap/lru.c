/* SPDX-License-Identifier: MIT */
/*
 * lru.c - the LRU: a list of entries per owner, with a second chance.
 *
 * The links of an entry are indices in an array beside the entries, so an entry
 * stays small, and a cache without an LRU has no links.  An owner's lock guards
 * its list and the links of every entry on it.
 *
 * The scanning thread and the thread that frees an entry: the second takes the
 * entry off the list first, under that lock.  So while the scan holds the lock,
 * every entry on the list exists.  After the unlock the scanning thread uses
 * only the entry's slot and its index, because the entry may be freed.
 * Writeback pins the slot and then checks that the tree has the entry of this
 * index there (zswap/evict.c).
 *
 * A scan rotates the coldest entry to the hot end before it drops the lock
 * (CANDIDATE_ROTATED).  It does not isolate the entry: if writeback fails, the
 * writer does not know whether the entry still exists, and so could not put it
 * back on the list.  A rotated entry is also the last that other scans reach.
 *
 * The second chance is that of the kernel's zswap.  A store sets REFERENCED in
 * the entry; a scan that finds it set clears it and passes the entry over; a
 * scan that finds it clear, in an entry that is old enough, has its candidate;
 * a load sets it again.  In lru_mode drop a store does not set it: a page that
 * is never loaded goes before one that is.  A load takes no lock here: it sets
 * the bit in the atomic operation that drops its reference.
 */
#include "zswap.h"

#include <limits.h>

#include "platform/memory.h"
#include "platform/processor.h"
#include "rules.h"

static zc_status make_owner(struct zc_owner **owner_out)
{
    struct zc_owner *owner = zc_calloc(1, sizeof(*owner));
    zc_status status;

    if (owner == NULL)
        return ZC_NO_MEMORY;
    status = zc_spinlock_init(&owner->lock, ZC_RANK_LRU, "lru");
    if (status != ZC_OK) {
        zc_free(owner);
        return status;
    }
    owner->coldest = ZC_LRU_END;
    owner->hottest = ZC_LRU_END;
    zc_atomic_u64_store_relaxed(&owner->limit_bytes, UINT64_MAX);
    *owner_out = owner;
    return ZC_OK;
}

static void destroy_owner(struct zc_owner *owner)
{
    zc_spinlock_destroy(&owner->lock);
    zc_free(owner);
}

zc_status zc_lru_init(struct zc_lru *lru, struct zc_entries *entries)
{
    lru->entries = entries;
    return zc_lru_owner(lru, 0) != NULL ? ZC_OK : ZC_NO_MEMORY;
}

void zc_lru_destroy(struct zc_lru *lru)
{
    struct zc_owner *owner;
    unsigned i;

    for (i = 0; i < ZC_OWNER_COUNT; i++) {
        owner = zc_lru_find_owner(lru, i);
        if (owner != NULL)
            destroy_owner(owner);
    }
}

bool zc_lru_is_empty(const struct zc_lru *lru)
{
    const struct zc_owner *owner;
    unsigned i;

    for (i = 0; i < ZC_OWNER_COUNT; i++) {
        owner = zc_lru_find_owner(lru, i);
        if (owner != NULL && (zc_lru_count(lru, i) != 0 ||
                              zc_striped_sum(&owner->charged_bytes) != 0))
            return false;
    }
    return true;
}

/* Raises owner_end to at least `end`. */
static void raise_end(struct zc_lru *lru, uint32_t end)
{
    uint32_t found = zc_atomic_u32_load_relaxed(&lru->owner_end);

    while (found < end &&
           !zc_atomic_u32_exchange_if(&lru->owner_end, &found, end))
        continue;
}

struct zc_owner *zc_lru_make_owner(struct zc_lru *lru, unsigned owner)
{
    struct zc_owner *fresh;
    void *found = NULL;

    if (make_owner(&fresh) != ZC_OK)
        return NULL;
    raise_end(lru, owner + 1);
    if (zc_atomic_pointer_exchange_if(&lru->owners[owner], &found, fresh))
        return fresh;
    destroy_owner(fresh);
    return zc_lru_find_owner(lru, owner);
}

static struct zc_lru_link *link_of(const struct zc_lru *lru, uint32_t index)
{
    return zc_records_at(&lru->entries->links, index);
}

static bool is_on_list(const struct zc_lru_link *link)
{
    return link->colder != 0;
}

/* The place of the `hotter`, or `colder`, link of an entry, or of the list's
 * end (ZC_LRU_END). */
static uint32_t *hotter_of(const struct zc_lru *lru, struct zc_owner *owner,
                           uint32_t name) ZC_REQUIRES(owner->lock)
{
    return name == ZC_LRU_END ? &owner->coldest
                              : &link_of(lru, name - 1)->hotter;
}

static uint32_t *colder_of(const struct zc_lru *lru, struct zc_owner *owner,
                           uint32_t name) ZC_REQUIRES(owner->lock)
{
    return name == ZC_LRU_END ? &owner->hottest
                              : &link_of(lru, name - 1)->colder;
}

static void add_entries(struct zc_owner *owner, uint32_t difference)
    ZC_REQUIRES(owner->lock)
{
    uint32_t entries = zc_atomic_u32_load_relaxed(&owner->entries);

    zc_atomic_u32_store_relaxed(&owner->entries, entries + difference);
}

static void add_hottest(struct zc_lru *lru, struct zc_owner *owner,
                        uint32_t index) ZC_REQUIRES(owner->lock)
{
    struct zc_lru_link *link = link_of(lru, index);

    ZC_ASSERT(!is_on_list(link));
    link->colder = owner->hottest;
    link->hotter = ZC_LRU_END;
    *hotter_of(lru, owner, link->colder) = index + 1;
    owner->hottest = index + 1;
    add_entries(owner, 1);
}

static void take_off(struct zc_lru *lru, struct zc_owner *owner, uint32_t index)
    ZC_REQUIRES(owner->lock)
{
    struct zc_lru_link *link = link_of(lru, index);

    *hotter_of(lru, owner, link->colder) = link->hotter;
    *colder_of(lru, owner, link->hotter) = link->colder;
    link->colder = 0;
    link->hotter = 0;
    add_entries(owner, UINT32_MAX);
}

void zc_lru_add(struct zc_lru *lru, struct zc_entry *entry)
{
    struct zc_owner *owner = zc_lru_find_owner(lru, zc_entry_owner(entry));
    uint32_t index = zc_entry_index(lru->entries, entry);

    zc_spinlock_lock(&owner->lock);
    add_hottest(lru, owner, index);
    zc_spinlock_unlock(&owner->lock);
}

void zc_lru_remove(struct zc_lru *lru, struct zc_entry *entry)
{
    struct zc_owner *owner = zc_lru_find_owner(lru, zc_entry_owner(entry));
    uint32_t index = zc_entry_index(lru->entries, entry);

    zc_spinlock_lock(&owner->lock);
    if (is_on_list(link_of(lru, index)))
        take_off(lru, owner, index);
    zc_spinlock_unlock(&owner->lock);
}

void zc_lru_replace(struct zc_lru *lru, struct zc_entry *old,
                    struct zc_entry *entry)
{
    struct zc_owner *owner = zc_lru_find_owner(lru, zc_entry_owner(entry));
    uint32_t index = zc_entry_index(lru->entries, entry);
    struct zc_lru_link *from;

    zc_spinlock_lock(&owner->lock);
    from = link_of(lru, zc_entry_index(lru->entries, old));
    ZC_ASSERT(!is_on_list(link_of(lru, index)));
    if (is_on_list(from)) {
        *link_of(lru, index) = *from;
        *hotter_of(lru, owner, from->colder) = index + 1;
        *colder_of(lru, owner, from->hotter) = index + 1;
        *from = (struct zc_lru_link){0, 0};
    } else {
        add_hottest(lru, owner, index);
    }
    zc_spinlock_unlock(&owner->lock);
}

/* Whether a scan passes the entry over.  Clears REFERENCED. */
static bool has_chance(const struct zc_lru *lru, struct zc_entry *entry,
                       unsigned min_age)
{
    uint32_t word = zc_atomic_u32_and(&entry->references, ~ZC_ENTRY_REFERENCED);

    if ((word & ZC_ENTRY_REFERENCED) != 0)
        return true;
    return min_age != 0 && zc_entry_age(lru->entries, word) < min_age;
}

/* Looks at the coldest entry.  It is on the list, so under the lock it is not
 * freed. */
static zc_status scan_coldest(struct zc_lru *lru, struct zc_owner *owner,
                              unsigned min_age,
                              struct zc_lru_candidate *candidate_out)
    ZC_REQUIRES(owner->lock)
{
    uint32_t index = owner->coldest - 1;
    struct zc_entry *entry;
    bool is_passed_over;

    if (owner->coldest == ZC_LRU_END)
        return ZC_MISSING;
    entry = zc_entry_at(lru->entries, index);
    /* LRU_LAST: every field is set. */
    ZC_ASSERT((entry->flags & ZC_ENTRY_SAME_FILLED) == 0);
    is_passed_over = has_chance(lru, entry, min_age);
    take_off(lru, owner, index);
    if (is_passed_over || ZC_RULE(CANDIDATE_ROTATED))
        add_hottest(lru, owner, index);
    if (is_passed_over)
        return ZC_AGAIN;
    candidate_out->slot = zc_entry_slot(entry);
    candidate_out->token = index;
    return ZC_OK;
}

zc_status zc_lru_scan(struct zc_lru *lru, unsigned owner, unsigned min_age,
                      struct zc_lru_candidate *candidate_out)
{
    struct zc_owner *record = zc_lru_find_owner(lru, owner);
    zc_status status;

    if (record == NULL)
        return ZC_MISSING;
    zc_spinlock_lock(&record->lock);
    status = scan_coldest(lru, record, min_age, candidate_out);
    zc_spinlock_unlock(&record->lock);
    return status;
}

bool zc_lru_next_owner(const struct zc_lru *lru, unsigned *owner_inout)
{
    const unsigned end = zc_atomic_u32_load_acquire(&lru->owner_end);
    unsigned owner = *owner_inout;
    unsigned i;

    for (i = 0; i < end; i++) {
        owner = owner < end - 1 ? owner + 1 : 0;
        if (zc_lru_count(lru, owner) == 0)
            continue;
        *owner_inout = owner;
        return true;
    }
    return false;
}

uint32_t zc_lru_count(const struct zc_lru *lru, unsigned owner)
{
    struct zc_owner *record = zc_lru_find_owner(lru, owner);

    return record == NULL ? 0 : zc_atomic_u32_load_relaxed(&record->entries);
}

size_t zc_lru_bytes(const struct zc_lru *lru)
{
    size_t bytes = 0;
    unsigned i;

    for (i = 0; i < ZC_OWNER_COUNT; i++)
        bytes += zc_malloc_size(zc_lru_find_owner(lru, i));
    return bytes;
}
