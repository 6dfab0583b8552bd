/* SPDX-License-Identifier: MIT */
/*
 * file.c - file.h over POSIX files.
 *
 * An existing file is opened only if the caller asks for one, and no code here
 * makes a file shorter.  A file made here is new (O_EXCL), so it holds no data
 * of other programs, and its name is removed at once unless the caller keeps
 * it: a program that is killed leaves no file.
 *
 * Two openers of one file would overwrite each other's pages silently, so a
 * file is locked by flock().  The lock belongs to the open file, so it also
 * keeps apart two caches of one process.  A child after fork() shares the open
 * file: zc_file_close() unlocks, which ends the lock even while a child has the
 * descriptor.  A block device is opened exclusively instead, where the system
 * can: a mounted one is refused.
 *
 * The descriptor decides what the file is, never the name: the name may lead to
 * another file a moment later.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT, O_TMPFILE */
#endif
#define _FILE_OFFSET_BITS 64 /* on 32-bit systems too */

#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/inject.h"
#include "platform/lock.h"
#include "platform/memory.h"

/* Bytes per write where the system cannot allocate space by itself. */
#define ZEROS_BYTES ((size_t)256 << 10)

/* Attempts to name a file in a directory, and the longest such name. */
#define NAME_ATTEMPTS 100
#define NAME_MAX_LENGTH 40

struct zc_file {
    int descriptor;
    unsigned flags; /* enum zc_file_flag */
    bool is_named;  /* we made the name; a failed open removes it */
    bool is_block;  /* a block device: it cannot grow */
    char *why;      /* while it is opened: ZC_FILE_WHY_SIZE bytes */
    char path[];    /* with room for NAME_MAX_LENGTH more */
};

static bool has_flag(const struct zc_file *file, enum zc_file_flag flag)
{
    return (file->flags & flag) != 0;
}

/* ---- why an open fails ---- */

static zc_status refuse_open(const struct zc_file *file, zc_status status,
                             const char *why)
{
    (void)snprintf(file->why, ZC_FILE_WHY_SIZE, "%s", why);
    return status;
}

/* The two kinds of strerror_r(): POSIX's fills the buffer, glibc's returns a
 * text that may be elsewhere. */
static const char *text_of_result(int result, const char *buffer)
{
    return result == 0 ? buffer : "unknown error";
}

static const char *text_of_text(const char *result, const char *buffer)
{
    (void)buffer;
    return result;
}

/* `error` is errno after a call that failed. */
static zc_status refuse_by(const struct zc_file *file, int error)
{
    char buffer[ZC_FILE_WHY_SIZE] = "";
    const char *text = _Generic(strerror_r(error, buffer, sizeof(buffer)), int
                                : text_of_result, default
                                : text_of_text)(
        strerror_r(error, buffer, sizeof(buffer)), buffer);

    return refuse_open(file, error == ENOMEM ? ZC_NO_MEMORY : ZC_IO_ERROR,
                       text);
}

/* ---- opening ---- */

static int try_open(const char *path, int flags)
{
    int descriptor;

    do
        descriptor = open(path, flags | O_RDWR | O_CLOEXEC | O_NOCTTY,
                          S_IRUSR | S_IWUSR);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* -1: it cannot be made, errno says why; EEXIST: something has that name. */
static int try_make(const char *path)
{
    return try_open(path, O_CREAT | O_EXCL | O_NOFOLLOW);
}

/* Removes the name, if it still leads to this file and is no link to it. */
static void remove_name(struct zc_file *file)
{
    struct stat here;
    struct stat there;

    file->is_named = false;
    if (fstat(file->descriptor, &here) != 0 || lstat(file->path, &there) != 0)
        return;
    if (here.st_dev == there.st_dev && here.st_ino == there.st_ino)
        (void)unlink(file->path);
}

/* Makes a file in the directory `path` and unlinks it; `path` becomes the name
 * that it had for a moment.  A name that exists is skipped. */
static zc_status make_and_unlink(struct zc_file *file)
{
    const size_t length = strlen(file->path);
    struct timespec now = {0, 0};
    unsigned i;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    for (i = 0; i < NAME_ATTEMPTS && file->descriptor < 0; i++) {
        (void)snprintf(file->path + length, NAME_MAX_LENGTH, "/.zswap-%jx-%lx",
                       (uintmax_t)getpid(), (unsigned long)now.tv_nsec + i);
        file->descriptor = try_make(file->path);
        if (file->descriptor < 0 && errno != EEXIST)
            break;
    }
    if (file->descriptor < 0)
        return refuse_by(file, errno);
    remove_name(file);
    return ZC_OK;
}

static zc_status open_scratch(struct zc_file *file)
{
    if (has_flag(file, ZC_FILE_KEEP))
        return refuse_open(
            file, ZC_INVALID,
            "it is a directory, where a file has no name to keep");
#if defined(O_TMPFILE)
    /* O_EXCL: the file can never get a name.  Some file systems cannot. */
    file->descriptor = try_open(file->path, O_TMPFILE | O_EXCL);
    if (file->descriptor >= 0)
        return ZC_OK;
#endif
    return make_and_unlink(file);
}

static zc_status open_new(struct zc_file *file)
{
    file->descriptor = try_make(file->path);
    if (file->descriptor < 0 && errno == EEXIST)
        return refuse_open(
            file, ZC_INVALID,
            "it exists, and only zc_backing_file with use_existing uses "
            "what exists");
    if (file->descriptor < 0)
        return refuse_by(file, errno);
    file->is_named = true;
    if (!has_flag(file, ZC_FILE_KEEP))
        remove_name(file);
    return ZC_OK;
}

static zc_status check_kind(struct zc_file *file, const struct stat *info)
{
    file->is_block = S_ISBLK(info->st_mode);
    if (file->is_block || S_ISREG(info->st_mode))
        return ZC_OK;
    return refuse_open(file, ZC_INVALID,
                       "it is neither a file nor a block device");
}

/* Checks the path before the open: opening some devices has side effects, and
 * opening a FIFO waits. */
static zc_status open_existing(struct zc_file *file)
{
    struct stat info;
    zc_status status;
    int flags = O_NONBLOCK;

    if (stat(file->path, &info) != 0)
        return refuse_by(file, errno);
    status = check_kind(file, &info);
    if (status != ZC_OK)
        return status;
#if defined(__linux__)
    if (file->is_block)
        flags |= O_EXCL;
#endif
    file->descriptor = try_open(file->path, flags);
    if (file->descriptor < 0 || fstat(file->descriptor, &info) != 0)
        return refuse_by(file, errno);
    return check_kind(file, &info);
}

static zc_status open_any(struct zc_file *file)
{
    struct stat info;

    if (has_flag(file, ZC_FILE_EXISTING))
        return open_existing(file);
    if (stat(file->path, &info) == 0 && S_ISDIR(info.st_mode))
        return open_scratch(file);
    return open_new(file);
}

/* Locks the file; a block device, which cannot grow, must be long enough. */
static zc_status claim_file(const struct zc_file *file, uint64_t bytes)
{
    char why[ZC_FILE_WHY_SIZE];
    off_t end;

    if (file->is_block) {
        end = lseek(file->descriptor, 0, SEEK_END);
        if (end < 0)
            return refuse_by(file, errno);
        if ((uint64_t)end >= bytes)
            return ZC_OK;
        (void)snprintf(why, sizeof(why),
                       "it has %" PRIu64 " bytes, and the slots need %" PRIu64,
                       (uint64_t)end, bytes);
        return refuse_open(file, ZC_IO_ERROR, why);
    }
    /* Some file systems have no locks: then there is no protection. */
    if (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return refuse_open(file, ZC_IO_ERROR,
                           "another cache or process uses it");
    return ZC_OK;
}

/* Some file systems refuse O_DIRECT in fcntl(), some at the first transfer: so
 * this reads the beginning of the file once. */
static zc_status go_direct(const struct zc_file *file)
{
    static const char cannot[] = "direct: its file system cannot";
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
        return refuse_open(file, ZC_UNSUPPORTED, cannot);
    page = zc_pages_map(size, size);
    if (page == NULL)
        return refuse_open(file, ZC_NO_MEMORY, "no memory");
    if (pread(file->descriptor, page, size, 0) < 0)
        status = errno == EINVAL ? refuse_open(file, ZC_UNSUPPORTED, cannot)
                                 : refuse_by(file, errno);
    zc_pages_unmap(page, size);
    return status;
}

/* Appends zeros; what is there is not overwritten. */
static zc_status write_zeros(const struct zc_file *file, uint64_t bytes)
{
    const off_t end = lseek(file->descriptor, 0, SEEK_END);
    zc_status status = ZC_OK;
    void *zeros;
    uint64_t done;
    size_t size;

    if (end < 0)
        return refuse_by(file, errno);
    zeros = zc_pages_map(ZEROS_BYTES, zc_pages_system_size());
    if (zeros == NULL)
        return refuse_open(file, ZC_NO_MEMORY, "no memory");
    for (done = (uint64_t)end; status == ZC_OK && done < bytes; done += size) {
        size = bytes - done < ZEROS_BYTES ? (size_t)(bytes - done)
                                          : ZEROS_BYTES;
        status = zc_file_write(file, zeros, size, done);
    }
    zc_pages_unmap(zeros, ZEROS_BYTES);
    if (status != ZC_OK)
        return refuse_open(file, status, "preallocate: there is not the space");
    return ZC_OK;
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
    return error == 0 ? ZC_OK : refuse_by(file, error);
}

static zc_status set_up(struct zc_file *file, uint64_t bytes)
{
    zc_status status;

    if (file->path[0] == '\0')
        return refuse_open(file, ZC_INVALID, "path is empty");
    /* The size must fit into off_t. */
    if (bytes > INT64_MAX || (uint64_t)(off_t)bytes != bytes)
        return refuse_open(file, ZC_INVALID,
                           "no file is as long as the slots are");
    status = open_any(file);
    if (status == ZC_OK)
        status = claim_file(file, bytes);
    if (status == ZC_OK && has_flag(file, ZC_FILE_DIRECT))
        status = go_direct(file);
    if (status == ZC_OK && has_flag(file, ZC_FILE_PREALLOCATE) &&
        !file->is_block)
        status = take_space(file, bytes);
    return status;
}

static void close_and_free(struct zc_file *file)
{
    /* No retry on EINTR: the descriptor may be another file's by then. */
    if (file->descriptor >= 0)
        (void)close(file->descriptor);
    zc_free(file);
}

zc_status zc_file_open(const char *path, uint64_t bytes, unsigned flags,
                       char *why, struct zc_file **file_out)
{
    const size_t length = strlen(path);
    struct zc_file *file;
    zc_status status;

    zc_may_block();
    why[0] = '\0';
    file = zc_malloc(sizeof(*file) + length + NAME_MAX_LENGTH);
    if (file == NULL)
        return ZC_NO_MEMORY;
    file->descriptor = -1;
    file->flags = flags;
    file->is_named = false;
    file->is_block = false;
    file->why = why;
    memcpy(file->path, path, length + 1);

    status = set_up(file, bytes);
    if (status != ZC_OK) {
        if (file->is_named)
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
    if (!file->is_block)
        (void)flock(file->descriptor, LOCK_UN);
    close_and_free(file);
}

void zc_file_leave(const struct zc_file *file)
{
    (void)close(file->descriptor);
}

uint64_t zc_file_disk_bytes(const struct zc_file *file)
{
    struct stat info;

    zc_may_block();
    if (fstat(file->descriptor, &info) != 0)
        return 0;
    return (uint64_t)info.st_blocks * 512; /* in units of 512 on any disk */
}

/* Bytes to ask for: all, unless a test injects a short transfer. */
static size_t limit_transfer(size_t size)
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
        done =
            pread(file->descriptor, rest, limit_transfer(size), (off_t)offset);
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
        done =
            pwrite(file->descriptor, rest, limit_transfer(size), (off_t)offset);
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

zc_status zc_file_write_run(const struct zc_file *file,
                            const void *const *pages, unsigned count,
                            size_t page_size, uint64_t offset)
{
    struct iovec parts[ZC_FILE_RUN_MAX];
    ssize_t done;
    unsigned i;

    ZC_ASSERT(count > 0 && count <= ZC_FILE_RUN_MAX);
    zc_may_block();
    /* A write does not change the pages. */
    for (i = 0; i < count; i++)
        parts[i] = (struct iovec){(void *)(uintptr_t)pages[i], page_size};
    do
        done = pwritev(file->descriptor, parts, (int)count, (off_t)offset);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)(count * page_size) ? ZC_OK : ZC_IO_ERROR;
}
