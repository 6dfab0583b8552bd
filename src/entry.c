/* SPDX-License-Identifier: MIT */
/*
 * entry.c - entries: made, filled, read, and freed by the last reference.
 *
 * Why it cannot go wrong: references == (linked ? 1 : 0) + users.  A reference
 * is only ever taken by somebody who has one, or under the shard lock from a
 * linked entry, whose tree reference cannot go meanwhile.  So the count leaves
 * zero never, and whoever brings it to zero is alone with the entry.
 */
#include "zswap.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platform/ghost.h"
#include "platform/processor.h"
#include "rules.h"

zc_status zc_entries_init(struct zc_entries *entries)
{
    zc_records_init(&entries->records, sizeof(struct zc_entry));
    zc_records_init(&entries->sums, sizeof(uint64_t));
    zc_records_init(&entries->links, sizeof(struct zc_lru_link));
    entries->first_free = 0;
    entries->used = 0;
    return zc_spinlock_init(&entries->lock, ZC_RANK_ENTRIES, "entries");
}

void zc_entries_destroy(struct zc_entries *entries)
{
    zc_spinlock_destroy(&entries->lock);
    zc_records_destroy(&entries->links);
    zc_records_destroy(&entries->sums);
    zc_records_destroy(&entries->records);
}

/* Whether the record of that index, and what stands beside it, is there. */
static bool has_record(const struct zc_entries *entries, uint32_t index)
{
    return zc_records_has(&entries->records, index) &&
           (!entries->checksums || zc_records_has(&entries->sums, index)) &&
           (!entries->keeps_ages || zc_records_has(&entries->links, index));
}

static zc_status reserve(struct zc_entries *entries, uint32_t count)
{
    zc_status status = zc_records_reserve(&entries->records, count);

    if (status == ZC_OK && entries->checksums)
        status = zc_records_reserve(&entries->sums, count);
    if (status == ZC_OK && entries->keeps_ages)
        status = zc_records_reserve(&entries->links, count);
    return status;
}

/* A free entry, or NULL where `wanted_out` records must be reserved first. */
static struct zc_entry *take_entry(struct zc_entries *entries,
                                   uint32_t *wanted_out)
{
    struct zc_entry *entry = NULL;

    zc_spinlock_lock(&entries->lock);
    if (entries->first_free != 0 && zc_ghost_reuses()) {
        entry = zc_entry_at(entries, entries->first_free - 1);
        zc_ghost_born(entry, sizeof(*entry), "entry");
        entries->first_free = (uint32_t)entry->slot_and_owner;
    } else if (has_record(entries, entries->used)) {
        entry = zc_entry_at(entries, entries->used);
        zc_ghost_born(entry, sizeof(*entry), "entry");
        entries->used++;
    } else {
        *wanted_out = entries->used + 1;
    }
    zc_spinlock_unlock(&entries->lock);
    return entry;
}

/* What `references` says besides the count when a page is used now. */
static uint32_t stamp_now(const struct zc_entries *entries)
{
    if (!entries->keeps_ages)
        return 0;
    return ZC_ENTRY_REFERENCED | (zc_clock_seconds() & ZC_ENTRY_AGE_MASK)
                                     << ZC_ENTRY_AGE_SHIFT;
}

zc_status zc_entry_create(struct zc_entries *entries, zc_swp slot,
                          unsigned owner, struct zc_entry **entry_out)
{
    struct zc_entry *entry;
    uint32_t wanted = 0;
    zc_status status;

    while ((entry = take_entry(entries, &wanted)) == NULL) {
        status = reserve(entries, wanted);
        if (status != ZC_OK)
            return status;
    }
    ZC_ASSERT((slot.value & ZC_ENTRY_OWNER_MASK) == 0);
    entry->slot_and_owner = slot.value | (uint64_t)owner
                                             << ZC_ENTRY_OWNER_SHIFT;
    entry->content.fill = 0;
    entry->size_minus_one = 0;
    entry->generation = 0;
    entry->flags = ZC_ENTRY_SAME_FILLED;
    zc_atomic_u32_init(&entry->references, stamp_now(entries) | 1);
    *entry_out = entry;
    return ZC_OK;
}

void zc_entry_get(struct zc_entry *entry)
{
    uint32_t before = zc_atomic_u32_add(&entry->references, 1);

    ZC_ASSERT((before & ZC_ENTRY_COUNT_MASK) > 0);
    ZC_ASSERT((before & ZC_ENTRY_COUNT_MASK) < ZC_ENTRY_COUNT_MASK);
    (void)before;
}

/* Its owner's record, which exists as long as anything of it is stored. */
static struct zc_owner *owner_of(const struct zc_entries *entries,
                                 const struct zc_entry *entry)
{
    return zc_lru_find_owner(entries->lru, zc_entry_owner(entry));
}

/*
 * Nobody knows the entry any more but the LRU, and that first forgets it.  What
 * is same-filled is on no list.
 */
static void free_entry(struct zc_entries *entries, struct zc_entry *entry)
{
    const bool has_object = (entry->flags & ZC_ENTRY_SAME_FILLED) == 0;
    struct zc_generation *generation = NULL;

    if (entries->keeps_ages && (has_object || !ZC_RULE(LRU_LAST)))
        zc_lru_remove(entries->lru, entry);
    if (has_object) {
        entries->pool_ops->free(entries->pool, entry->content.handle);
        zc_counter_subtract(&owner_of(entries, entry)->charged_bytes,
                            zc_entry_size(entry));
        generation = zc_generation_at(entries->generations, entry->generation);
    }
    zc_spinlock_lock(&entries->lock);
    entry->slot_and_owner = entries->first_free;
    entries->first_free = zc_entry_index(entries, entry) + 1;
    zc_ghost_dead(entry, sizeof(*entry), "entry");
    zc_spinlock_unlock(&entries->lock);
    if (generation != NULL)
        zc_generation_put(entries->generations, generation);
}

void zc_entry_put(struct zc_entries *entries, struct zc_entry *entry)
{
    /* Releases our use of the entry to whoever frees it, and acquires it from
     * all who put before us. */
    uint32_t before = zc_atomic_u32_add(&entry->references, UINT32_MAX);

    zc_may_block();
    ZC_ASSERT((before & ZC_ENTRY_COUNT_MASK) > 0);
    if ((before & ZC_ENTRY_COUNT_MASK) == 1)
        free_entry(entries, entry);
}

void zc_entry_put_used(struct zc_entries *entries, struct zc_entry *entry)
{
    uint32_t before;
    uint32_t stamp;

    if (!entries->keeps_ages) {
        zc_entry_put(entries, entry);
        return;
    }
    zc_may_block();
    stamp = stamp_now(entries);
    before = zc_atomic_u32_load_relaxed(&entry->references);
    do {
        ZC_ASSERT((before & ZC_ENTRY_COUNT_MASK) > 0);
    } while (!zc_atomic_u32_exchange_if(
        &entry->references, &before,
        stamp | ((before & ZC_ENTRY_COUNT_MASK) - 1)));
    if ((before & ZC_ENTRY_COUNT_MASK) == 1)
        free_entry(entries, entry);
}

void zc_entry_set_fill(struct zc_entries *entries, struct zc_entry *entry,
                       uint64_t fill)
{
    (void)entries;
    entry->content.fill = fill;
    entry->flags = ZC_ENTRY_SAME_FILLED;
}

uint64_t zc_checksum(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

static uint64_t *sum_of(const struct zc_entries *entries,
                        const struct zc_entry *entry)
{
    return zc_records_at(&entries->sums, zc_entry_index(entries, entry));
}

void zc_entry_set_object(struct zc_entries *entries, struct zc_entry *entry,
                         struct zc_generation *generation, zc_handle handle,
                         const void *data, size_t size, unsigned flags)
{
    entry->content.handle = handle;
    entry->size_minus_one = (uint16_t)(size - 1);
    entry->generation = generation->id;
    entry->flags = (uint8_t)flags;
    zc_counter_add(&owner_of(entries, entry)->charged_bytes, size);
    if (entries->checksums)
        *sum_of(entries, entry) = zc_checksum(data, size);
}

static void fill_page(void *page_out, uint64_t word, size_t page_size)
{
    char *page = page_out;
    size_t i;

    for (i = 0; i < page_size; i += sizeof(word))
        memcpy(page + i, &word, sizeof(word));
}

/* Turns the lent bytes of an object back into a page. */
static zc_status decode(const struct zc_entries *entries,
                        const struct zc_entry *entry, const void *data,
                        size_t size, void *page_out)
{
    if (size != zc_entry_size(entry))
        return ZC_CORRUPT;
    if (entries->checksums &&
        zc_checksum(data, size) != *sum_of(entries, entry))
        return ZC_CORRUPT;
    if ((entry->flags & ZC_ENTRY_RAW) != 0) {
        memcpy(page_out, data, size);
        return ZC_OK;
    }
    return zc_generation_decompress(
        zc_generation_at(entries->generations, entry->generation),
        (const char *)data + entries->prefix_bytes,
        size - entries->prefix_bytes, page_out);
}

zc_status zc_entry_read(struct zc_entries *entries, struct zc_entry *entry,
                        void *page_out)
{
    struct zc_zspool_read read;
    zc_status status;

    if ((entry->flags & ZC_ENTRY_SAME_FILLED) != 0) {
        fill_page(page_out, entry->content.fill, entries->page_size);
        return ZC_OK;
    }
    status = entries->pool_ops->read_begin(entries->pool, entry->content.handle,
                                           &read);
    if (status != ZC_OK)
        return ZC_CORRUPT;
    zc_ghost_begin_read(read.data, read.size, "decompress");
    status = decode(entries, entry, read.data, read.size, page_out);
    zc_ghost_written(page_out, entries->page_size);
    zc_ghost_end_read(read.data, read.size, "decompressed");
    entries->pool_ops->read_end(entries->pool, &read);
    return status;
}

size_t zc_entries_bytes(struct zc_entries *entries)
{
    size_t bytes;
    uint32_t used;

    zc_spinlock_lock(&entries->lock);
    used = entries->used;
    zc_spinlock_unlock(&entries->lock);
    bytes = zc_records_bytes(&entries->records, used);
    if (entries->checksums)
        bytes += zc_records_bytes(&entries->sums, used);
    if (entries->keeps_ages)
        bytes += zc_records_bytes(&entries->links, used);
    return bytes;
}
