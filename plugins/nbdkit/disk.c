/* SPDX-License-Identifier: MIT */
/*
 * disk.c - see disk.h.
 *
 * `stored` has a bit for each page that the cache has.  A write sets it after
 * the store, and a zero clears it before the invalidate, both under the page's
 * lock.  So a page without its bit reads as zeros at some moment of a request
 * that sees the bit clear, and a page that has its bit, but is not in the
 * cache, is lost: a reader looks again under the lock before it says so.
 *
 * Requests that change a page hold the page's lock, one of LOCKS, so that no
 * other change comes between the load and the store of a write that covers a
 * part of it.  A read needs none: a load gives one whole page.
 *
 * zc_cache_store() forgets the older page when it refuses the newer one.  A
 * disk may not: requests that succeeded wrote other sectors of that page.
 * So the write stores the older page again, with the limit lifted for that one
 * store, during which no other store runs (`limit_gate`).  The older page comes
 * back into the room that it had, give or take a page.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"

#define LOCKS 1024
#define BITS 64

/* Of BITS pages. */
struct stored {
    _Atomic uint64_t bits;
};

struct disk {
    struct zc_cache *cache;
    uint64_t size;
    size_t page_size;
    uint64_t limit;
    bool has_file;
    unsigned threshold;           /* accept_threshold_percent */
    struct stored *stored;        /* a bit a page */
    pthread_mutex_t locks[LOCKS]; /* see above */
    /* A store holds limit_gate to read, one that lifts the limit to write; the
     * turn is what keeps stores from passing one that waits to write. */
    pthread_mutex_t turn;
    pthread_rwlock_t limit_gate;
};

/* The part of a request that is in one page. */
struct part {
    uint64_t page;
    size_t from; /* its first byte in the page */
    size_t size;
};

static struct part first_part(const struct disk *disk, uint64_t count,
                              uint64_t offset)
{
    struct part part = {offset / disk->page_size,
                        (size_t)(offset % disk->page_size), 0};

    part.size = disk->page_size - part.from;
    if (part.size > count)
        part.size = (size_t)count;
    return part;
}

static bool is_whole(const struct disk *disk, struct part part)
{
    return part.size == disk->page_size;
}

static pthread_mutex_t *lock_of(struct disk *disk, uint64_t page)
{
    return &disk->locks[page % LOCKS];
}

static bool is_stored(struct disk *disk, uint64_t page)
{
    return (atomic_load(&disk->stored[page / BITS].bits) >> page % BITS & 1) !=
           0;
}

static void set_stored(struct disk *disk, uint64_t page)
{
    atomic_fetch_or(&disk->stored[page / BITS].bits, UINT64_C(1)
                                                         << page % BITS);
}

static zc_status load(struct disk *disk, uint64_t page, void *page_out)
{
    return zc_cache_load(disk->cache, zc_swp_make(0, page), page_out);
}

/* --- reading --------------------------------------------------------- */

/* A page, zeros for a hole. */
static zc_status read_page(struct disk *disk, uint64_t page, void *page_out)
{
    zc_status status = load(disk, page, page_out);

    if (status == ZC_MISSING && is_stored(disk, page)) {
        pthread_mutex_lock(lock_of(disk, page));
        status = load(disk, page, page_out);
        if (status == ZC_MISSING && is_stored(disk, page)) {
            pthread_mutex_unlock(lock_of(disk, page));
            return ZC_MISSING;
        }
        pthread_mutex_unlock(lock_of(disk, page));
    }
    if (status != ZC_MISSING)
        return status;
    memset(page_out, 0, disk->page_size);
    return ZC_OK;
}

static zc_status read_part(struct disk *disk, struct part part, char *bytes_out)
{
    zc_status status;
    char *page;

    if (is_whole(disk, part))
        return read_page(disk, part.page, bytes_out);
    page = malloc(disk->page_size);
    if (page == NULL)
        return ZC_NO_MEMORY;
    status = read_page(disk, part.page, page);
    if (status == ZC_OK)
        memcpy(bytes_out, page + part.from, part.size);
    free(page);
    return status;
}

zc_status disk_read(struct disk *disk, void *bytes_out, uint64_t count,
                    uint64_t offset)
{
    char *bytes = bytes_out;
    zc_status status = ZC_OK;
    struct part part;

    for (; count != 0 && status == ZC_OK; count -= part.size) {
        part = first_part(disk, count, offset);
        status = read_part(disk, part, bytes);
        bytes += part.size;
        offset += part.size;
    }
    return status;
}

/* --- changing pages: these hold the page's lock ----------------------- */

/* Makes a hole of a page. */
static void forget(struct disk *disk, uint64_t page)
{
    atomic_fetch_and(&disk->stored[page / BITS].bits,
                     ~(UINT64_C(1) << page % BITS));
    (void)zc_cache_invalidate(disk->cache, zc_swp_make(0, page));
}

static zc_status store_within_limit(struct disk *disk, uint64_t page,
                                    const void *bytes)
{
    zc_status status;

    pthread_mutex_lock(&disk->turn);
    pthread_rwlock_rdlock(&disk->limit_gate);
    pthread_mutex_unlock(&disk->turn);
    status = zc_cache_store(disk->cache, zc_swp_make(0, page), bytes);
    pthread_rwlock_unlock(&disk->limit_gate);
    return status;
}

static zc_status store_without_limit(struct disk *disk, uint64_t page,
                                     const void *bytes)
{
    zc_status status;

    pthread_mutex_lock(&disk->turn);
    pthread_rwlock_wrlock(&disk->limit_gate);
    pthread_mutex_unlock(&disk->turn);
    (void)zc_cache_set_limit(disk->cache, 0, disk->threshold);
    status = zc_cache_store(disk->cache, zc_swp_make(0, page), bytes);
    (void)zc_cache_set_limit(disk->cache, disk->limit, disk->threshold);
    pthread_rwlock_unlock(&disk->limit_gate);
    return status;
}

/* Stores a page; if that fails, stores `older` instead (NULL: there is none to
 * keep), and returns why. */
static zc_status store(struct disk *disk, uint64_t page, const void *bytes,
                       const void *older)
{
    zc_status status = store_within_limit(disk, page, bytes);

    if (status == ZC_OK)
        set_stored(disk, page);
    else if (older != NULL)
        (void)store_without_limit(disk, page, older);
    return status;
}

/* All bytes are zero. */
static bool is_zero(const char *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/*
 * What the write of a part finds in the page: ZC_OK and the bytes, or zeros for
 * a hole; `older_out` gets the bytes that must not be lost, or NULL.
 *
 * A write of a whole page needs nothing of it, but at a limit without a file it
 * keeps the older page, in case that it is refused.  With a file only a device
 * that fails refuses a page, and to read each page first may need the device:
 * there the newer page is what is kept.
 */
static zc_status read_older(struct disk *disk, struct part part,
                            const char *bytes, char *page,
                            const char **older_out)
{
    zc_status status;

    *older_out = NULL;
    if (!is_stored(disk, part.page)) {
        memset(page, 0, disk->page_size);
        return ZC_OK;
    }
    if (is_whole(disk, part)) {
        *older_out = bytes;
        if (disk->has_file || disk->limit == 0)
            return ZC_OK;
    }
    status = load(disk, part.page, page);
    if (status == ZC_OK)
        *older_out = page;
    return is_whole(disk, part) ? ZC_OK : status;
}

/* Writes a part of a page; `pages` is room for two. */
static zc_status write_part(struct disk *disk, struct part part,
                            const char *bytes, char *pages)
{
    char *newer = pages + disk->page_size;
    const char *older;
    zc_status status = read_older(disk, part, bytes, pages, &older);

    if (status != ZC_OK)
        return status;
    if (!is_whole(disk, part)) {
        memcpy(newer, pages, disk->page_size);
        memcpy(newer + part.from, bytes, part.size);
        bytes = newer;
    }
    if (!is_zero(bytes, disk->page_size))
        return store(disk, part.page, bytes, older);
    if (is_stored(disk, part.page))
        forget(disk, part.page);
    return ZC_OK;
}

/* --- changing ranges ------------------------------------------------- */

zc_status disk_write(struct disk *disk, const void *bytes, uint64_t count,
                     uint64_t offset)
{
    char *pages = malloc(2 * disk->page_size);
    const char *from = bytes;
    zc_status status = ZC_OK;
    struct part part;

    if (pages == NULL)
        return ZC_NO_MEMORY;
    for (; count != 0 && status == ZC_OK; count -= part.size) {
        part = first_part(disk, count, offset);
        pthread_mutex_lock(lock_of(disk, part.page));
        status = write_part(disk, part, from, pages);
        pthread_mutex_unlock(lock_of(disk, part.page));
        from += part.size;
        offset += part.size;
    }
    free(pages);
    return status;
}

/* The first stored page in [page, end), or `end`. */
static uint64_t next_stored(struct disk *disk, uint64_t page, uint64_t end)
{
    while (page < end && !is_stored(disk, page)) {
        if (page % BITS == 0 &&
            atomic_load(&disk->stored[page / BITS].bits) == 0)
            page += BITS;
        else
            page++;
    }
    return page < end ? page : end;
}

/* The pages that [offset, offset + count) has as a whole; the last page of the
 * disk may be shorter than the others. */
static void whole_pages(const struct disk *disk, uint64_t count,
                        uint64_t offset, uint64_t *first_out, uint64_t *end_out)
{
    const uint64_t end = offset + count;

    *first_out = offset / disk->page_size + (offset % disk->page_size != 0);
    *end_out = end / disk->page_size;
    if (end == disk->size && end % disk->page_size != 0)
        ++*end_out;
}

void disk_trim(struct disk *disk, uint64_t count, uint64_t offset)
{
    uint64_t page, end;

    whole_pages(disk, count, offset, &page, &end);
    while ((page = next_stored(disk, page, end)) < end) {
        pthread_mutex_lock(lock_of(disk, page));
        forget(disk, page);
        pthread_mutex_unlock(lock_of(disk, page));
        page++;
    }
}

/* Zeros in a page that the request has a part of. */
static zc_status zero_part(struct disk *disk, uint64_t count, uint64_t offset)
{
    char *zeros;
    zc_status status;

    if (count == 0 || !is_stored(disk, offset / disk->page_size))
        return ZC_OK;
    zeros = calloc(1, (size_t)count);
    if (zeros == NULL)
        return ZC_NO_MEMORY;
    status = disk_write(disk, zeros, count, offset);
    free(zeros);
    return status;
}

zc_status disk_zero(struct disk *disk, uint64_t count, uint64_t offset)
{
    const uint64_t end = offset + count;
    uint64_t first, last;
    zc_status status;

    whole_pages(disk, count, offset, &first, &last);
    if (first * disk->page_size >= end)
        return zero_part(disk, count, offset);
    disk_trim(disk, count, offset);
    status = zero_part(disk, first * disk->page_size - offset, offset);
    if (status == ZC_OK && last * disk->page_size < end)
        status = zero_part(disk, end - last * disk->page_size,
                           last * disk->page_size);
    return status;
}

uint64_t disk_extent(struct disk *disk, uint64_t count, uint64_t offset,
                     bool *is_hole_out)
{
    const uint64_t first = offset / disk->page_size;
    const uint64_t end = (offset + count - 1) / disk->page_size + 1;
    uint64_t page = first;

    *is_hole_out = !is_stored(disk, first);
    if (*is_hole_out)
        page = next_stored(disk, page, end);
    else
        while (page < end && is_stored(disk, page))
            page++;
    /* A page that changes meanwhile may end the extent where it begins. */
    if (page == first)
        page++;
    return page == end ? count : page * disk->page_size - offset;
}

/* --- the disk -------------------------------------------------------- */

struct zc_cache *disk_cache(struct disk *disk)
{
    return disk->cache;
}

static void make_locks(struct disk *disk)
{
    unsigned i;

    for (i = 0; i < LOCKS; i++)
        pthread_mutex_init(&disk->locks[i], NULL);
    pthread_mutex_init(&disk->turn, NULL);
    pthread_rwlock_init(&disk->limit_gate, NULL);
}

zc_status disk_create(const struct disk_options *options,
                      char reason[ZC_REASON_SIZE], struct disk **disk_out)
{
    const uint64_t pages = (options->size - 1) / options->page_size + 1;
    struct disk *disk = calloc(1, sizeof(*disk));
    zc_status status = ZC_NO_MEMORY;

    *reason = '\0';
    if (disk == NULL)
        return ZC_NO_MEMORY;
    disk->size = options->size;
    disk->page_size = options->page_size;
    disk->limit = options->limit;
    disk->has_file = options->path != NULL;
    /* Without a file every store that fits is taken. */
    disk->threshold = disk->has_file ? 0 : 100;
    disk->stored =
        calloc((size_t)((pages - 1) / BITS + 1), sizeof(*disk->stored));
    if (disk->stored != NULL)
        status = zc_cache_create(
            ZC_CACHE_OPTIONS(.page_size = options->page_size,
                             .limit_bytes = options->limit,
                             .accept_threshold_percent = disk->threshold,
                             .compressor_name = options->codec,
                             .compressor_level = options->level,
                             .slot_count = pages,
                             .checksums = options->checksums,
                             .backing_path = options->path, .reason = reason,
                             .reason_size = ZC_REASON_SIZE),
            &disk->cache);
    if (status != ZC_OK) {
        free(disk->stored);
        free(disk);
        return status;
    }
    make_locks(disk);
    *disk_out = disk;
    return ZC_OK;
}

void disk_destroy(struct disk *disk)
{
    unsigned i;

    if (disk == NULL)
        return;
    zc_cache_destroy(disk->cache);
    for (i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&disk->locks[i]);
    pthread_mutex_destroy(&disk->turn);
    pthread_rwlock_destroy(&disk->limit_gate);
    free(disk->stored);
    free(disk);
}
