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
    ZC_FILE_KEEP = 1u << 2         /* the name outlives the close */
};

/*
 * Opens a file for reading and writing `bytes` bytes, for this zc_file alone:
 * who else asks for it through this function meanwhile is refused.  A file that
 * is not there is made, for its owner only; one that is there is emptied.  It
 * grows where it is written.
 *
 * With ZC_FILE_DIRECT the memory of a transfer begins at a multiple of
 * zc_pages_system_size(), and its offset and size are whole blocks of the disk.
 *
 * ZC_OK; ZC_INVALID: the path is empty or names neither a file nor a block
 * device; ZC_IO_ERROR: it cannot be made or opened, somebody has it, a block
 * device has fewer bytes, or there is no space to preallocate; ZC_UNSUPPORTED:
 * ZC_FILE_DIRECT, and the file system cannot; ZC_NO_MEMORY.  What it made is
 * removed on an error.
 */
zc_status zc_file_open(const char *path, uint64_t bytes, unsigned flags,
                       struct zc_file **file_out);

/*
 * Without ZC_FILE_KEEP a file is emptied, and its name removed if it still
 * names this file.
 */
void zc_file_close(struct zc_file *file);

/*
 * All of the bytes, in as many transfers as the system makes of them.  ZC_OK;
 * ZC_IO_ERROR: an error, or a transfer of nothing: the end of the file.
 */
zc_status zc_file_read(const struct zc_file *file, void *data_out, size_t size,
                       uint64_t offset);
zc_status zc_file_write(const struct zc_file *file, const void *data,
                        size_t size, uint64_t offset);

/* The bytes written are on the disk when this returns.  ZC_OK; ZC_IO_ERROR. */
zc_status zc_file_sync(const struct zc_file *file);

#endif
