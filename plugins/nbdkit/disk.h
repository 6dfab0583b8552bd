/* SPDX-License-Identifier: MIT */
/*
 * disk.h - the pages of a cache as the bytes of a disk; used by plugin.c.
 *
 * A page that was never written, or is all zeros, is not stored: it is a hole.
 * Each request takes effect page by page: for one page it is one step against
 * every other request, whatever part of the page the two cover.
 *
 * A write that fails leaves what was there before, or what it was to write, in
 * each page that it covers.  If there is no memory even for that, the page is
 * lost: it is an error for each read until it is written whole, or zeroed.
 *
 * Thread-safety: all functions of a disk may run together, but for
 * disk_destroy(), which comes last.  Fork: as a cache, so a server makes its
 * disk after it has gone into the background.
 */
#ifndef ZCACHE_PLUGINS_NBDKIT_DISK_H
#define ZCACHE_PLUGINS_NBDKIT_DISK_H

#include <zcache/zcache.h>

struct disk;

struct disk_options {
    uint64_t size;      /* bytes, 1 or more */
    uint64_t limit;     /* bytes of compressed memory; 0: no limit */
    size_t page_size;   /* bytes */
    const char *codec;  /* a compressor of the library */
    int level;          /* its level */
    const char *path;   /* backing_path of the cache; NULL: memory only */
    unsigned checksums; /* as in struct zc_cache_options */
};

/* Statuses of zc_cache_create(), with its reason. */
zc_status disk_create(const struct disk_options *options,
                      char reason[ZC_REASON_SIZE], struct disk **disk_out);
void disk_destroy(struct disk *disk);

/* For these the range lies within the disk.  Statuses of zc_cache_load() and
 * zc_cache_store(); ZC_MISSING: a page in the range is lost; ZC_NO_MEMORY.
 * After an error a part of the range may be read, or written. */
zc_status disk_read(struct disk *disk, void *bytes_out, uint64_t count,
                    uint64_t offset);
zc_status disk_write(struct disk *disk, const void *bytes, uint64_t count,
                     uint64_t offset);
zc_status disk_zero(struct disk *disk, uint64_t count, uint64_t offset);

/* Makes holes of the pages that lie in the range as a whole. */
void disk_trim(struct disk *disk, uint64_t count, uint64_t offset);

/* The bytes from `offset` on, up to `count`, that are like the first: all in
 * holes, or all in stored pages. */
uint64_t disk_extent(struct disk *disk, uint64_t count, uint64_t offset,
                     bool *is_hole_out);

/* The cache behind, for its figures. */
struct zc_cache *disk_cache(struct disk *disk);

#endif
