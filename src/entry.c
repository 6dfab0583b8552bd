/* SPDX-License-Identifier: MIT */
/*
 * entry.c - entries: create, read, put, and free with the last reference.
 *
 * Why it cannot go wrong: references == (linked ? 1 : 0) + users.  A thread
 * takes a reference only if it has one, or under the shard lock from a linked
 * entry; a thread must hold that lock to unlink the entry, so the tree's
 * reference stays meanwhile.  So a count of zero never rises again, and the
 * thread whose atomic decrement leaves zero owns the entry.  Otherwise a thread
 * would read an entry that another one frees, or two would free it.
 *
 * The entry is the object's record in the pool, and is freed with the object.
 * So the thread that frees the object reads what it needs of the entry before,
 * and does not touch the entry after.  The checksum and the LRU links of an
 * entry are in arrays beside the records, at the record's index.
 */
#include "zswap.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platform/annotate_memory.h"
#include "platform/processor.h"
#include "rules.h"

zc_status zc_entries_init(struct zc_entries *entries)
{
    zc_status status = ZC_OK;

    if (entries->zspool != NULL) {
        entries->handles = &entries->zspool->handles;
    } else {
        entries->handles = &entries->own;
        status = zc_handles_init(&entries->own, entries->page_size,
                                 sizeof(struct zc_entry_with_handle) -
                                     sizeof(struct zc_cell));
    }
    ZC_ASSERT(entries->handles->user_bytes >= ZC_ENTRY_USER_BYTES);
    zc_records_init(&entries->sums, sizeof(uint64_t));
    zc_records_init(&entries->links, sizeof(struct zc_lru_link));
    return status;
}

void zc_entries_destroy(struct zc_entries *entries)
{
    zc_records_destroy(&entries->links);
    zc_records_destroy(&entries->sums);
    if (entries->zspool == NULL)
        zc_handles_destroy(&entries->own);
}

uint32_t zc_entries_now(const struct zc_entries *entries)
{
    return entries->clock != NULL ? entries->clock(entries->clock_user)
                                  : zc_clock_seconds();
}

/* The time and REFERENCED, for a page that is used now. */
static uint32_t stamp_now(const struct zc_entries *entries)
{
    if (!entries->keeps_ages)
        return 0;
    return ZC_ENTRY_REFERENCED | (zc_entries_now(entries) & ZC_ENTRY_AGE_MASK)
                                     << ZC_ENTRY_AGE_SHIFT;
}

/* An entry with the fields that do not depend on its content; the cell is not
 * set. */
static struct zc_entry new_entry(const struct zc_entries *entries, zc_swp slot,
                                 unsigned owner)
{
    struct zc_entry entry = {
        .slot_and_owner = slot.value | (uint64_t)owner << ZC_ENTRY_OWNER_SHIFT,
        .flags = ZC_ENTRY_SAME_FILLED,
    };
    uint32_t stamp = stamp_now(entries);

    ZC_ASSERT((slot.value & ZC_ENTRY_OWNER_MASK) == 0);
    if (entries->stores_cold)
        stamp &= ~ZC_ENTRY_REFERENCED;
    zc_atomic_u32_init(&entry.references, stamp | 1);
    return entry;
}

/* The fields behind the cell. */
static void *user_part(struct zc_entry *entry)
{
    return (char *)entry + sizeof(entry->cell);
}

static zc_status create_bare(struct zc_entries *entries, struct zc_entry *from,
                             struct zc_entry **entry_out)
{
    struct zc_cell *cell;
    zc_status status = zc_handles_take_bare(entries->handles, &cell);

    if (status != ZC_OK)
        return status;
    *entry_out = (struct zc_entry *)cell;
    memcpy(user_part(*entry_out), user_part(from), ZC_ENTRY_USER_BYTES);
    return ZC_OK;
}

zc_status zc_entry_create_filled(struct zc_entries *entries, zc_swp slot,
                                 unsigned owner, uint64_t fill,
                                 struct zc_entry **entry_out)
{
    struct zc_entry entry = new_entry(entries, slot, owner);
    zc_status status;

    entry.size_minus_one = (uint16_t)(fill >> ZC_CELL_BARE_BITS);
    entry.generation = (uint8_t)(fill >> (ZC_CELL_BARE_BITS + 16));
    status = create_bare(entries, &entry, entry_out);
    if (status == ZC_OK)
        zc_cell_set_bare(entries->handles, &(*entry_out)->cell,
                         fill & ZC_BITS(0, ZC_CELL_BARE_BITS));
    return status;
}

static uint64_t fill_of(const struct zc_entry *entry)
{
    return zc_cell_bare(&entry->cell) |
           (uint64_t)entry->size_minus_one << ZC_CELL_BARE_BITS |
           (uint64_t)entry->generation << (ZC_CELL_BARE_BITS + 16);
}

/* zc_entry_create() over a pool of the user's. */
static zc_status create_with_handle(struct zc_entries *entries,
                                    struct zc_entry *from, const void *data,
                                    size_t size, bool beyond,
                                    struct zc_entry **entry_out)
{
    zc_status status = create_bare(entries, from, entry_out);

    if (status != ZC_OK)
        return status;
    status = (beyond ? entries->put_beyond : entries->pool_ops->put)(
        entries->pool, data, size,
        &((struct zc_entry_with_handle *)*entry_out)->handle);
    if (status != ZC_OK)
        zc_handles_free_bare(entries->handles, &(*entry_out)->cell);
    return status;
}

zc_status zc_entry_create(struct zc_entries *entries, zc_swp slot,
                          unsigned owner, const void *data, size_t size,
                          bool beyond, struct zc_entry **entry_out)
{
    struct zc_entry entry = new_entry(entries, slot, owner);
    struct zc_cell *cell;
    zc_status status;

    if (entries->zspool == NULL)
        return create_with_handle(entries, &entry, data, size, beyond,
                                  entry_out);
    status = zc_zspool_put_record(entries->zspool, data, size, beyond,
                                  user_part(&entry), &cell);
    if (status == ZC_OK)
        *entry_out = (struct zc_entry *)cell;
    return status;
}

void zc_entry_get(struct zc_entry *entry)
{
    uint32_t before =
        zc_atomic_u32_get(&entry->references, ZC_ENTRY_COUNT_MASK);

    ZC_ASSERT(before > 0);
    ZC_ASSERT(before < ZC_ENTRY_COUNT_MASK);
    (void)before;
}

/* The record of its owner.  The store made it before the entry, and it stays
 * until the cache is destroyed. */
static struct zc_owner *owner_of(const struct zc_entries *entries,
                                 const struct zc_entry *entry)
{
    return zc_lru_find_owner(entries->lru, zc_entry_owner(entry));
}

/* Frees the entry's object, if it has one, and its record. */
static void free_record(struct zc_entries *entries, struct zc_entry *entry,
                        bool has_object)
{
    if (has_object && entries->zspool != NULL) {
        zc_zspool_free_record(entries->zspool, &entry->cell);
        return;
    }
    if (has_object)
        entries->pool_ops->free(entries->pool, zc_entry_handle(entries, entry));
    zc_handles_free_bare(entries->handles, &entry->cell);
}

/*
 * Frees an entry whose count is zero.  The tree does not name it any more, but
 * its owner's LRU list may: so it leaves the list first, under the list's lock.
 * A same-filled entry is on no list.
 */
static void free_entry(struct zc_entries *entries, struct zc_entry *entry,
                       unsigned processor)
{
    const bool has_object = (entry->flags & ZC_ENTRY_SAME_FILLED) == 0;
    struct zc_generation *generation = NULL;

    if (has_object) {
        if (entries->keeps_ages)
            zc_lru_remove(entries->lru, entry);
        zc_striped_subtract(&owner_of(entries, entry)->charged_bytes, processor,
                            zc_entry_size(entry));
        generation = zc_generation_at(entries->generations, entry->generation);
    }
    free_record(entries, entry, has_object);
    if (generation != NULL)
        zc_generation_put(generation, processor);
}

/* Drops a reference; true: it was the last. */
static bool drop_reference(struct zc_entry *entry)
{
    /* Release: the thread that frees the entry sees all that this thread did
     * with it.  Acquire: the last put sees what earlier users did. */
    uint32_t left =
        zc_atomic_u32_put(&entry->references, ZC_ENTRY_COUNT_MASK, 0);

    zc_may_block();
    ZC_ASSERT(left < ZC_ENTRY_COUNT_MASK);
    return left == 0;
}

void zc_entry_put(struct zc_entries *entries, struct zc_entry *entry)
{
    if (drop_reference(entry))
        free_entry(entries, entry, zc_processor_current());
}

void zc_entry_put_on(struct zc_entries *entries, struct zc_entry *entry,
                     unsigned processor)
{
    if (drop_reference(entry))
        free_entry(entries, entry, processor);
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
        stamp | ((before & ~ZC_ENTRY_STAMP_MASK) - 1)));
    if ((before & ZC_ENTRY_COUNT_MASK) == 1)
        free_entry(entries, entry, zc_processor_current());
}

void zc_entry_inherit_age(struct zc_entry *entry, const struct zc_entry *from)
{
    zc_atomic_u32_init(
        &entry->references,
        (zc_atomic_u32_load_relaxed(&from->references) & ZC_ENTRY_STAMP_MASK) |
            1);
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

/* Makes room for the checksum and the LRU links of the record at `index`. */
static zc_status reserve_beside(struct zc_entries *entries, uint32_t index)
{
    zc_status status = ZC_OK;

    if (entries->checksums && !zc_records_has(&entries->sums, index))
        status = zc_records_reserve(&entries->sums, index + 1);
    if (status == ZC_OK && entries->keeps_ages &&
        !zc_records_has(&entries->links, index))
        status = zc_records_reserve(&entries->links, index + 1);
    return status;
}

zc_status zc_entry_set_object(struct zc_entries *entries,
                              struct zc_entry *entry,
                              struct zc_generation *generation,
                              const void *data, size_t size, unsigned flags,
                              unsigned processor)
{
    zc_status status = ZC_OK;

    if (entries->checksums || entries->keeps_ages)
        status = reserve_beside(entries, zc_entry_index(entries, entry));
    if (status != ZC_OK) {
        free_record(entries, entry, true);
        return status;
    }
    if (!ZC_RULE(LRU_LAST) && entries->keeps_ages)
        zc_lru_add(entries->lru, entry);
    entry->size_minus_one = (uint16_t)(size - 1);
    entry->generation = generation->id;
    entry->flags = (uint8_t)flags;
    zc_striped_add(&owner_of(entries, entry)->charged_bytes, processor, size);
    if (entries->checksums)
        *sum_of(entries, entry) = zc_checksum(data, size);
    return ZC_OK;
}

static void fill_page(void *page_out, uint64_t word, size_t page_size)
{
    char *page = page_out;
    size_t i;

    for (i = 0; i < page_size; i += sizeof(word))
        memcpy(page + i, &word, sizeof(word));
}

/* Checks and decompresses the bytes of the entry's object. */
static zc_status decode_object(const struct zc_entries *entries,
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

/* Begins to read the bytes of its object; end_read() ends that. */
static zc_status begin_read(struct zc_entries *entries,
                            const struct zc_entry *entry,
                            struct zc_zspool_read *read_out)
{
    if (entries->zspool == NULL)
        return entries->pool_ops->read_begin(
            entries->pool, zc_entry_handle(entries, entry), read_out);
    zc_zspool_read_record(entries->zspool, &entry->cell, read_out);
    return ZC_OK;
}

static void end_read(struct zc_entries *entries, struct zc_zspool_read *read)
{
    if (entries->zspool == NULL)
        entries->pool_ops->read_end(entries->pool, read);
    else
        zc_zspool_unread_record(entries->zspool, read);
}

zc_status zc_entry_read(struct zc_entries *entries, struct zc_entry *entry,
                        void *page_out)
{
    struct zc_zspool_read read;
    zc_status status;

    if ((entry->flags & ZC_ENTRY_SAME_FILLED) != 0) {
        fill_page(page_out, fill_of(entry), entries->page_size);
        return ZC_OK;
    }
    status = begin_read(entries, entry, &read);
    if (status != ZC_OK)
        return ZC_CORRUPT;
    zc_annotate_read_begin(read.data, read.size, "decompress");
    status = decode_object(entries, entry, read.data, read.size, page_out);
    zc_annotate_written(page_out, entries->page_size);
    zc_annotate_read_end(read.data, read.size, "decompressed");
    end_read(entries, &read);
    return status;
}

size_t zc_entries_bytes(const struct zc_entries *entries)
{
    const uint32_t used = zc_atomic_u32_load_relaxed(&entries->handles->used);
    size_t bytes = zc_handles_bytes(entries->handles);

    if (entries->checksums)
        bytes += zc_records_bytes(&entries->sums, used);
    if (entries->keeps_ages)
        bytes += zc_records_bytes(&entries->links, used);
    return bytes;
}
