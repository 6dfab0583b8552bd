/* SPDX-License-Identifier: MIT */
/*
 * file.h - files and block devices that are read and written at an offset.
 *
 * Every function here may block (zc_may_block()).  Any number of threads may
 * use a file at once.
 */
#ifndef ZC_PLATFORM_FILE_H
#define ZC_PLATFORM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <zcache/types.h>

struct zc_file;

enum zc_file_flag {
    ZC_FILE_PREALLOCATE = 1u << 0, /* allocate the space of all bytes now */
    ZC_FILE_DIRECT = 1u << 1,      /* bypass the system's page cache */
    ZC_FILE_KEEP = 1u << 2,        /* a new file keeps its name */
    ZC_FILE_EXISTING = 1u << 3     /* the file or block device exists */
};

#define ZC_FILE_WHY_SIZE 128

/*
 * Opens a file of `bytes` bytes for reading and writing, for one zc_file at a
 * time: until it is closed, this function refuses the file to others.
 *
 *     a directory       a new file in it that has no name
 *     ZC_FILE_EXISTING  a file or block device that exists; links are followed
 *     another path      a new file of that name, for its owner only.  The name
 *                       is removed at once, unless ZC_FILE_KEEP.  If the name
 *                       exists already, as a link too, the open is refused
 *
 * No function makes a file shorter; a file grows where it is written.  The
 * space of a file without a name is freed when the last process that has it
 * open closes it.
 *
 * With ZC_FILE_DIRECT the memory of a transfer begins at a multiple of
 * zc_pages_system_size(), and its offset and size are whole blocks of the disk.
 *
 * ZC_OK; ZC_INVALID: the path is empty, the path exists without
 * ZC_FILE_EXISTING, it is neither a file nor a block device, a directory with
 * ZC_FILE_KEEP, more bytes than a file can have; ZC_IO_ERROR: it cannot be made
 * or opened, another opener has it, a block device has fewer bytes, or there is
 * no space to preallocate; ZC_UNSUPPORTED: ZC_FILE_DIRECT, and the file system
 * cannot; ZC_NO_MEMORY.  On failure `why`, of ZC_FILE_WHY_SIZE bytes, has the
 * reason in words, and a file that this call made is removed.
 */
zc_status zc_file_open(const char *path, uint64_t bytes, unsigned flags,
                       char *why, struct zc_file **file_out);

/* Leaves the file as it is, for others to open. */
void zc_file_close(struct zc_file *file);

/* Replaces zc_file_close() in a child after fork(): closes the descriptor and
 * does nothing else.  The parent keeps the file and its lock. */
void zc_file_leave(const struct zc_file *file);

/* Bytes that the file takes on its file system; 0 for a block device. */
uint64_t zc_file_disk_bytes(const struct zc_file *file);

/* Transfers all bytes, in as many steps as the system needs.  ZC_OK;
 * ZC_IO_ERROR: an error, or the end of the file. */
zc_status zc_file_read(const struct zc_file *file, void *data_out, size_t size,
                       uint64_t offset);
zc_status zc_file_write(const struct zc_file *file, const void *data,
                        size_t size, uint64_t offset);

#define ZC_FILE_RUN_MAX 16u

/* Transfers up to ZC_FILE_RUN_MAX pages, which lie anywhere, to adjacent places
 * from `offset` on, in one step.  ZC_OK; ZC_IO_ERROR: any of them may have been
 * written. */
zc_status zc_file_write_run(const struct zc_file *file,
                            const void *const *pages, unsigned count,
                            size_t page_size, uint64_t offset);

#endif
