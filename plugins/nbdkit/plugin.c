/* SPDX-License-Identifier: MIT */
/*
 * plugin.c - the nbdkit plug-in: parameters, and requests to a disk (disk.h).
 *
 * nbdkit calls everything here.  Requests come from many threads at once; the
 * rest is called alone.  The disk is made after nbdkit has gone into the
 * background, because a cache does not survive a fork; so config_complete makes
 * one first and ends it again, and what is wrong is said while the terminal is
 * there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "disk.h"

#include <zcache/swap.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static struct disk_options options = {.page_size = ZC_PAGE_SIZE_MIN};
static struct disk *disk;

/* --- parameters ------------------------------------------------------ */

static int parse_size(const char *key, const char *value, uint64_t *size_out)
{
    const int64_t size = nbdkit_parse_size(value);

    if (size < 0) {
        nbdkit_error("%s=%s is not a size: write 512, 4K, 64M, 8G", key, value);
        return -1;
    }
    *size_out = (uint64_t)size;
    return 0;
}

static int parse_page(const char *value)
{
    uint64_t size;

    if (parse_size("page", value, &size) != 0)
        return -1;
    if (size < ZC_PAGE_SIZE_MIN || size > ZC_PAGE_SIZE_MAX ||
        (size & (size - 1)) != 0) {
        nbdkit_error("page=%s: a page has a power of two of bytes, from %d to "
                     "%d",
                     value, ZC_PAGE_SIZE_MIN, ZC_PAGE_SIZE_MAX);
        return -1;
    }
    options.page_size = (size_t)size;
    return 0;
}

/* NAME or NAME:LEVEL. */
static int parse_codec(const char *value)
{
    const char *colon = strchr(value, ':');
    const size_t length = colon != NULL ? (size_t)(colon - value)
                                        : strlen(value);
    const char *name = nbdkit_strndup_intern(value, length);
    const struct zc_compressor *codec;
    char *end;
    long level;

    options.level = ZC_LEVEL_DEFAULT;
    if (name == NULL)
        return -1;
    codec = zc_compressor_find(name);
    if (codec == NULL) {
        nbdkit_error(
            "codec=%s: there is no codec %s here; nbdkit --dump-plugin "
            "has a list",
            value, name);
        return -1;
    }
    options.codec = name;
    if (colon == NULL)
        return 0;
    level = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || level < codec->level_min ||
        level > codec->level_max) {
        nbdkit_error("codec=%s: the levels of %s are %d to %d", value, name,
                     codec->level_min, codec->level_max);
        return -1;
    }
    options.level = (int)level;
    return 0;
}

static int parse_file(const char *value)
{
    /* nbdkit may go to the root folder before the file is made. */
    char *path = nbdkit_absolute_path(value);

    if (path == NULL)
        return -1;
    options.path = nbdkit_strdup_intern(path);
    free(path);
    return options.path != NULL ? 0 : -1;
}

static int parse_checksums(const char *value)
{
    const int checksums = nbdkit_parse_bool(value);

    if (checksums < 0)
        return -1;
    options.checksums = (unsigned)checksums;
    return 0;
}

static int config(const char *key, const char *value)
{
    if (strcmp(key, "size") == 0)
        return parse_size(key, value, &options.size);
    if (strcmp(key, "limit") == 0)
        return parse_size(key, value, &options.limit);
    if (strcmp(key, "page") == 0)
        return parse_page(value);
    if (strcmp(key, "codec") == 0)
        return parse_codec(value);
    if (strcmp(key, "file") == 0)
        return parse_file(value);
    if (strcmp(key, "checksums") == 0)
        return parse_checksums(value);
    nbdkit_error("there is no parameter %s: there are size, limit, page, "
                 "codec, file, checksums",
                 key);
    return -1;
}

static int make_disk(struct disk **disk_out)
{
    char reason[ZC_REASON_SIZE];
    const zc_status status = disk_create(&options, reason, disk_out);

    if (status == ZC_OK)
        return 0;
    nbdkit_error(
        "no disk of size=%" PRIu64 " limit=%" PRIu64 ": %s%s", options.size,
        options.limit, *reason != '\0' ? reason : zc_status_describe(status),
        options.path != NULL ? " (file=PATH: a folder, or a new file)" : "");
    return -1;
}

static int config_complete(void)
{
    const uint64_t most = ZC_SLOT_COUNT_MAX * options.page_size;
    struct disk *first;

    if (options.size == 0) {
        nbdkit_error("size=SIZE is missing, or 0");
        return -1;
    }
    if (options.size > most) {
        nbdkit_error("size=%" PRIu64 " is more than %" PRIu64 ", %" PRIu64
                     " pages",
                     options.size, most, ZC_SLOT_COUNT_MAX);
        return -1;
    }
    if (options.path != NULL && options.limit == 0) {
        nbdkit_error("file=%s needs limit=SIZE: pages go to the file where "
                     "memory is at the limit",
                     options.path);
        return -1;
    }
    if (make_disk(&first) != 0)
        return -1;
    disk_destroy(first);
    return 0;
}

static void dump_plugin(void)
{
    const struct zc_compressor *codec;
    unsigned i;

    printf("zcache_version=%s\nzcache_codecs=", zc_version());
    for (i = 0; (codec = zc_compressor_get(i)) != NULL; i++)
        printf("%s%s", i == 0 ? "" : " ", codec->name);
    putchar('\n');
}

/* --- life ------------------------------------------------------------ */

static int after_fork(void)
{
    return make_disk(&disk);
}

static void say_figures(void)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    struct zc_cache_accounting memory = {.struct_size = sizeof(memory)};
    struct zc_swap_stats file = {.struct_size = sizeof(file)};

    if (zc_cache_get_stats(disk_cache(disk), &stats) != ZC_OK ||
        zc_cache_account(disk_cache(disk), &memory) != ZC_OK)
        return;
    (void)zc_swap_get_stats(disk_cache(disk), 0, &file); /* none: zeros */
    nbdkit_debug("zcache: pages=%" PRIu64 " payload=%" PRIu64 " pool=%" PRIu64
                 " total=%" PRIu64 " refused=%" PRIu64 " file=%" PRIu64,
                 stats.stored_pages, memory.payload_bytes, memory.pool_bytes,
                 memory.total_bytes, stats.reject_pool_limit, file.disk_bytes);
}

static void *open_disk(int readonly)
{
    (void)readonly;
    return NBDKIT_HANDLE_NOT_NEEDED;
}

static void close_disk(void *handle)
{
    (void)handle;
    say_figures();
}

static void cleanup(void)
{
    disk_destroy(disk);
    disk = NULL;
}

static int64_t get_size(void *handle)
{
    (void)handle;
    return (int64_t)options.size;
}

static int block_size(void *handle, uint32_t *minimum, uint32_t *preferred,
                      uint32_t *maximum)
{
    (void)handle;
    *minimum = 1;
    *preferred = (uint32_t)options.page_size;
    *maximum = UINT32_MAX;
    return 0;
}

/* Yes, for can_multi_conn and can_fast_zero: each change is seen by all
 * connections as soon as it is made, and to zero is to forget pages. */
static int yes(void *handle)
{
    (void)handle;
    return 1;
}

/* A write is as durable at its end as it ever gets. */
static int can_fua(void *handle)
{
    (void)handle;
    return NBDKIT_FUA_NATIVE;
}

/* --- requests -------------------------------------------------------- */

static int errno_of(zc_status status)
{
    switch (status) {
    case ZC_REJECTED:
        return ENOSPC;
    case ZC_NO_MEMORY:
        return ENOMEM;
    default:
        return EIO;
    }
}

/* The result of a request.  Of many failures not all are said: the first, the
 * second, the fourth and so on. */
static int result(zc_status status, const char *request, uint32_t count,
                  uint64_t offset)
{
    static _Atomic uint64_t failures;
    uint64_t number;

    if (status == ZC_OK)
        return 0;
    number = atomic_fetch_add(&failures, 1) + 1;
    if ((number & (number - 1)) == 0)
        nbdkit_error("%s of %" PRIu32 " bytes at %" PRIu64 ", failure %" PRIu64
                     ": %s%s",
                     request, count, offset, number, zc_status_describe(status),
                     status == ZC_REJECTED ? " (limit)"
                     : status == ZC_MISSING
                         ? " (its write failed, and there was no memory)"
                         : "");
    nbdkit_set_error(errno_of(status));
    return -1;
}

static int read_bytes(void *handle, void *bytes, uint32_t count,
                      uint64_t offset, uint32_t flags)
{
    (void)handle;
    (void)flags;
    return result(disk_read(disk, bytes, count, offset), "read", count, offset);
}

static int write_bytes(void *handle, const void *bytes, uint32_t count,
                       uint64_t offset, uint32_t flags)
{
    (void)handle;
    (void)flags;
    return result(disk_write(disk, bytes, count, offset), "write", count,
                  offset);
}

static int zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
    (void)handle;
    (void)flags;
    return result(disk_zero(disk, count, offset), "zero", count, offset);
}

static int trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
    (void)handle;
    (void)flags;
    disk_trim(disk, count, offset);
    return 0;
}

/* Every write that has been answered is in the cache, and nothing is durable:
 * docs/block-device.md. */
static int flush(void *handle, uint32_t flags)
{
    (void)handle;
    (void)flags;
    return 0;
}

static int extents(void *handle, uint32_t count, uint64_t offset,
                   uint32_t flags, struct nbdkit_extents *found)
{
    uint64_t left, length;
    bool is_hole;

    (void)handle;
    for (left = count; left != 0; left -= length, offset += length) {
        length = disk_extent(disk, left, offset, &is_hole);
        if (nbdkit_add_extent(found, offset, length,
                              is_hole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO
                                      : 0) != 0)
            return -1;
        if ((flags & NBDKIT_FLAG_REQ_ONE) != 0)
            break;
    }
    return 0;
}

static struct nbdkit_plugin plugin = {
    .name = "zcache",
    .longname = "libzcache",
    .version = ZC_VERSION_TEXT,
    .description = "a disk in compressed memory",
    .config = config,
    .config_complete = config_complete,
    .config_help =
        "[size=]SIZE   (required) bytes of the disk: 512, 64M, 8G\n"
        "limit=SIZE    most bytes of compressed pages in memory (default: no "
        "limit)\n"
        "file=PATH     where the coldest pages go at the limit: a folder, or a "
        "new\n"
        "              file; scratch, gone when nbdkit ends.  Without it a "
        "write\n"
        "              over the limit is ENOSPC\n"
        "codec=NAME[:LEVEL]  e.g. lz4 (default), zstd:1; --dump-plugin has a "
        "list\n"
        "page=SIZE     what is compressed at a time, 4K (default) to 64K\n"
        "checksums=1   a checksum of each page, verified when it is read\n"
        "Nothing is durable: when nbdkit ends, the disk is gone.",
    .magic_config_key = "size",
    .dump_plugin = dump_plugin,
    .after_fork = after_fork,
    .cleanup = cleanup,
    .open = open_disk,
    .close = close_disk,
    .get_size = get_size,
    .block_size = block_size,
    .can_multi_conn = yes,
    .can_fast_zero = yes,
    .can_fua = can_fua,
    .pread = read_bytes,
    .pwrite = write_bytes,
    .zero = zero,
    .trim = trim,
    .flush = flush,
    .extents = extents,
};

/* The macro defines it. */
struct nbdkit_plugin *plugin_init(void);

NBDKIT_REGISTER_PLUGIN(plugin)
