/* SPDX-License-Identifier: MIT */
/*
 * file.h - files and block devices that are read and written at an offset.
 *
 * All of these may block (zc_may_block()).  A file is used by any number of
 * threads at once.
 */
#ifndef ZC_PLATFORM_FILE_H
#define ZC_PLATFORM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <zcache/types.h>

struct zc_file;

enum zc_file_flag {
    ZC_FILE_PREALLOCATE = 1u << 0, /* take the space of all bytes now */
    ZC_FILE_DIRECT = 1u << 1,      /* past the system's page cache */
    ZC_FILE_KEEP = 1u << 2,        /* a new file keeps its name */
    ZC_FILE_EXISTING = 1u << 3     /* the file or block device is there */
};

#define ZC_FILE_WHY_SIZE 128

/*
 * Opens a file for reading and writing `bytes` bytes, for this zc_file alone:
 * another opener through this function is refused meanwhile.
 *
 * A directory: a new file in it that has no name.  Another path: a new file of
 * that name, for its owner only, which loses its name at once unless it is
 * kept; where something has the name already the open is refused, whatever that
 * is, a link too.  ZC_FILE_EXISTING: a file or a block device that is there,
 * also through a link.  Nothing makes a file shorter; it grows where it is
 * written.  The space of a file with no name is given back when the last
 * process that has it open closes it.
 *
 * With ZC_FILE_DIRECT the memory of a transfer begins at a multiple of
 * zc_pages_system_size(), and its offset and size are whole blocks of the disk.
 *
 * ZC_OK; ZC_INVALID: the path is empty, something is there that was not to be
 * used or is neither a file nor a block device, a directory with ZC_FILE_KEEP,
 * more bytes than a file can have; ZC_IO_ERROR: it cannot be made or opened,
 * another opener has it, a block device has fewer bytes, or there is no space
 * to preallocate; ZC_UNSUPPORTED: ZC_FILE_DIRECT, and the file system cannot;
 * ZC_NO_MEMORY.  Then `why`, of ZC_FILE_WHY_SIZE bytes, says it in words, and a
 * file that this open made is gone.
 */
zc_status zc_file_open(const char *path, uint64_t bytes, unsigned flags,
                       char *why, struct zc_file **file_out);

/* Leaves the file as it is, for others to open. */
void zc_file_close(struct zc_file *file);

/* In a child after fork(), instead: closes its descriptor, and nothing else.
 * The parent has the file, and the lock on it, as before. */
void zc_file_leave(const struct zc_file *file);

/* Bytes that it takes on its file system; 0 of a block device. */
uint64_t zc_file_disk_bytes(const struct zc_file *file);

/*
 * All of the bytes, in as many transfers as the system makes of them.  ZC_OK;
 * ZC_IO_ERROR: an error, or a transfer of nothing: the end of the file.
 */
zc_status zc_file_read(const struct zc_file *file, void *data_out, size_t size,
                       uint64_t offset);
zc_status zc_file_write(const struct zc_file *file, const void *data,
                        size_t size, uint64_t offset);

#endif
