/* SPDX-License-Identifier: MIT */
/*
 * file.c - file.h over POSIX files.
 *
 * Two openers of one file would destroy each other's pages without a word, so
 * the file is locked before it is emptied: flock(), which belongs to the open
 * file and so keeps apart two caches of one process too.  A block device is
 * opened exclusively instead, where the system knows that: a mounted one is
 * refused.
 *
 * What the descriptor leads to decides, never the name: the name can lead
 * somewhere else a moment later.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT */
#endif
#define _FILE_OFFSET_BITS 64 /* on 32-bit systems too */

#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/assert.h"
#include "inject.h"
#include "platform/lock.h"
#include "platform/memory.h"

/* What is written at once where the system cannot take space by itself. */
#define ZEROS_BYTES ((size_t)256 << 10)

struct zc_file {
    int descriptor;
    unsigned flags; /* enum zc_file_flag */
    bool is_made;   /* by us: the name goes if the open fails */
    bool is_block;  /* a block device: neither emptied nor removed */
    char path[];
};

static bool has(const struct zc_file *file, enum zc_file_flag flag)
{
    return (file->flags & flag) != 0;
}

/* Of errno after a call that failed while opening. */
static zc_status status_of(int error)
{
    return error == ENOMEM ? ZC_NO_MEMORY : ZC_IO_ERROR;
}

static int try_open(const char *path, int flags)
{
    int descriptor;

    do
        descriptor = open(path, flags | O_RDWR | O_CLOEXEC | O_NOCTTY,
                          S_IRUSR | S_IWUSR);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/*
 * Whatever is there is looked at before it is opened: opening some devices
 * does things, and a FIFO waits.
 */
static zc_status open_existing(struct zc_file *file)
{
    struct stat info;
    int flags = 0;

    if (stat(file->path, &info) != 0)
        return status_of(errno);
    if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
        return ZC_INVALID;
#if defined(__linux__)
    if (S_ISBLK(info.st_mode))
        flags = O_EXCL;
#endif
    file->descriptor = try_open(file->path, flags | O_NONBLOCK);
    return file->descriptor < 0 ? status_of(errno) : ZC_OK;
}

static zc_status open_or_make(struct zc_file *file)
{
    struct stat info;
    zc_status status;

    file->descriptor = try_open(file->path, O_CREAT | O_EXCL);
    file->is_made = file->descriptor >= 0;
    if (!file->is_made) {
        /* A directory is EEXIST, or EISDIR where its name ends with a slash. */
        if (errno != EEXIST && errno != EISDIR)
            return status_of(errno);
        status = open_existing(file);
        if (status != ZC_OK)
            return status;
    }
    if (fstat(file->descriptor, &info) != 0)
        return ZC_IO_ERROR;
    if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
        return ZC_INVALID;
    file->is_block = S_ISBLK(info.st_mode);
    return ZC_OK;
}

static bool make_empty(const struct zc_file *file)
{
    return ftruncate(file->descriptor, 0) == 0;
}

/* Whether the file is ours alone and, if it cannot grow, long enough. */
static zc_status claim(const struct zc_file *file, uint64_t bytes)
{
    off_t end;

    if (file->is_block) {
        end = lseek(file->descriptor, 0, SEEK_END);
        return end >= 0 && (uint64_t)end >= bytes ? ZC_OK : ZC_IO_ERROR;
    }
    /* Some file systems have no locks: then there is no protection. */
    if (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return ZC_IO_ERROR;
    return ZC_OK;
}

/*
 * Some file systems refuse when they are told, some at the first transfer: so
 * one is made, of the file's beginning.
 */
static zc_status go_direct(const struct zc_file *file)
{
    const size_t size = zc_pages_system_size();
    zc_status status = ZC_OK;
    void *page;
    int result = -1;

#if defined(O_DIRECT)
    int flags = fcntl(file->descriptor, F_GETFL);

    if (flags >= 0)
        result = fcntl(file->descriptor, F_SETFL, flags | O_DIRECT);
#elif defined(F_NOCACHE)
    result = fcntl(file->descriptor, F_NOCACHE, 1);
#endif
    if (result < 0)
        return ZC_UNSUPPORTED;
    page = zc_pages_map(size, size);
    if (page == NULL)
        return ZC_NO_MEMORY;
    if (pread(file->descriptor, page, size, 0) < 0)
        status = errno == EINVAL ? ZC_UNSUPPORTED : ZC_IO_ERROR;
    zc_pages_unmap(page, size);
    return status;
}

static zc_status write_zeros(const struct zc_file *file, uint64_t bytes)
{
    void *zeros = zc_pages_map(ZEROS_BYTES, zc_pages_system_size());
    zc_status status = ZC_OK;
    uint64_t done;
    size_t size;

    if (zeros == NULL)
        return ZC_NO_MEMORY;
    for (done = 0; status == ZC_OK && done < bytes; done += size) {
        size = bytes - done < ZEROS_BYTES ? (size_t)(bytes - done)
                                          : ZEROS_BYTES;
        status = zc_file_write(file, zeros, size, done);
    }
    zc_pages_unmap(zeros, ZEROS_BYTES);
    return status;
}

static zc_status take_space(const struct zc_file *file, uint64_t bytes)
{
    int error = ENOSYS;

#if defined(_POSIX_ADVISORY_INFO) && _POSIX_ADVISORY_INFO > 0
    do
        error = posix_fallocate(file->descriptor, 0, (off_t)bytes);
    while (error == EINTR);
#endif
    if (error == EOPNOTSUPP || error == EINVAL || error == ENOSYS)
        return write_zeros(file, bytes);
    return error == 0 ? ZC_OK : status_of(error);
}

static zc_status set_up(struct zc_file *file, uint64_t bytes)
{
    zc_status status = open_or_make(file);

    if (status == ZC_OK)
        status = claim(file, bytes);
    if (status == ZC_OK && has(file, ZC_FILE_DIRECT))
        status = go_direct(file);
    if (status != ZC_OK || file->is_block)
        return status;
    if (!make_empty(file))
        return ZC_IO_ERROR;
    return has(file, ZC_FILE_PREALLOCATE) ? take_space(file, bytes) : ZC_OK;
}

/* The name is removed only if it leads to this file, and is no link to it. */
static void remove_name(const struct zc_file *file)
{
    struct stat here;
    struct stat there;

    if (fstat(file->descriptor, &here) != 0 || lstat(file->path, &there) != 0)
        return;
    if (here.st_dev == there.st_dev && here.st_ino == there.st_ino)
        (void)unlink(file->path);
}

static void close_and_free(struct zc_file *file)
{
    /* Not again on EINTR: the descriptor may be somebody else's by then. */
    if (file->descriptor >= 0)
        (void)close(file->descriptor);
    zc_free(file);
}

zc_status zc_file_open(const char *path, uint64_t bytes, unsigned flags,
                       struct zc_file **file_out)
{
    const size_t length = strlen(path);
    struct zc_file *file;
    zc_status status;

    zc_may_block();
    /* The highest offset must be one that the system has a number for. */
    if (length == 0 || bytes > INT64_MAX || (off_t)bytes < 0 ||
        (uint64_t)(off_t)bytes != bytes)
        return ZC_INVALID;
    file = zc_malloc(sizeof(*file) + length + 1);
    if (file == NULL)
        return ZC_NO_MEMORY;
    file->descriptor = -1;
    file->flags = flags;
    file->is_made = false;
    file->is_block = false;
    memcpy(file->path, path, length + 1);

    status = set_up(file, bytes);
    if (status != ZC_OK) {
        if (file->is_made)
            remove_name(file);
        close_and_free(file);
        return status;
    }
    *file_out = file;
    return ZC_OK;
}

void zc_file_close(struct zc_file *file)
{
    zc_may_block();
    if (!file->is_block && !has(file, ZC_FILE_KEEP)) {
        /* Where the name is a link, or there are others, the file stays. */
        (void)make_empty(file);
        remove_name(file);
    }
    close_and_free(file);
}

/* How much of a transfer to ask for: all of it, unless a test stops it. */
static size_t portion(size_t size)
{
    return zc_inject(ZC_INJECT_SHORT) && size > 1 ? size / 2 : size;
}

zc_status zc_file_read(const struct zc_file *file, void *data_out, size_t size,
                       uint64_t offset)
{
    char *rest = data_out;
    ssize_t done;

    zc_may_block();
    while (size > 0) {
        done = pread(file->descriptor, rest, portion(size), (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ZC_IO_ERROR;
        rest += done;
        size -= (size_t)done;
        offset += (uint64_t)done;
    }
    return ZC_OK;
}

zc_status zc_file_write(const struct zc_file *file, const void *data,
                        size_t size, uint64_t offset)
{
    const char *rest = data;
    ssize_t done;

    zc_may_block();
    while (size > 0) {
        done = pwrite(file->descriptor, rest, portion(size), (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ZC_IO_ERROR;
        rest += done;
        size -= (size_t)done;
        offset += (uint64_t)done;
    }
    return ZC_OK;
}

zc_status zc_file_sync(const struct zc_file *file)
{
    int result;

    zc_may_block();
    do {
#if defined(__APPLE__) /* has it and does not declare it */
        result = fsync(file->descriptor);
#else
        result = fdatasync(file->descriptor);
#endif
    } while (result != 0 && errno == EINTR);
    return result == 0 ? ZC_OK : ZC_IO_ERROR;
}
