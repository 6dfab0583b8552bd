/* SPDX-License-Identifier: MIT */
/* file.c - the lab has no files; a device there is memory. */
#include "platform/file.h"

#include "base/assert.h"

zc_status zc_file_open(const char *path, uint64_t bytes, unsigned flags,
                       char *why, struct zc_file **file_out)
{
    (void)path;
    (void)bytes;
    (void)flags;
    why[0] = '\0';
    (void)file_out;
    return ZC_UNSUPPORTED;
}

void zc_file_close(struct zc_file *file)
{
    ZC_ASSERT(file == NULL);
}

void zc_file_leave(const struct zc_file *file)
{
    ZC_ASSERT(file == NULL);
}

uint64_t zc_file_disk_bytes(const struct zc_file *file)
{
    (void)file;
    return 0;
}

zc_status zc_file_read(const struct zc_file *file, void *data_out, size_t size,
                       uint64_t offset)
{
    (void)file;
    (void)data_out;
    (void)size;
    (void)offset;
    return ZC_IO_ERROR;
}

zc_status zc_file_write(const struct zc_file *file, const void *data,
                        size_t size, uint64_t offset)
{
    (void)file;
    (void)data;
    (void)size;
    (void)offset;
    return ZC_IO_ERROR;
}

zc_status zc_file_write_run(const struct zc_file *file,
                            const void *const *pages, unsigned count,
                            size_t page_size, uint64_t offset)
{
    (void)file;
    (void)pages;
    (void)count;
    (void)page_size;
    (void)offset;
    return ZC_IO_ERROR;
}
