/* SPDX-License-Identifier: MIT */
/*
 * file.c - a device that is a file: slot n at n times the page size.
 *
 * Without the system's page cache (`direct`) memory must be aligned, and a
 * caller's page may lie anywhere: then it goes through a bounce buffer.  Each
 * device has a fixed number of them, made at open, so that a write never has to
 * allocate.  The lowest free one is taken, so only as many are touched as were
 * needed at once.  Pages that need it are not written in runs.
 *
 * A mutex guards which buffers are free.  A thread that finds none waits on a
 * condition; the thread that gives one back signals it under the mutex.
 * Between the two a buffer belongs to the thread that took it alone, and that
 * thread waits for nothing but its transfer, so each waiter gets one.
 */
#include <zcache/backing.h>

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/options.h"
#include "platform/file.h"
#include "platform/memory.h"
#include "platform/thread.h"
#include "swap/backing/backing.h"

#define BOUNCE_COUNT 32u /* as there are bits in `free` */

struct bounce {
    struct zc_mutex lock;
    struct zc_condition freed;
    uint32_t free;      /* [lock] one bit for each buffer */
    size_t alignment;   /* of memory for transfers: 1, or a system page */
    size_t buffer_size; /* a page, rounded up to that */
    char *buffers;      /* NULL: memory needs no alignment */
};

struct file {
    struct zc_file *file;
    size_t page_size;
    struct bounce bounce;
};

static zc_status bounce_init(struct bounce *bounce, size_t page_size)
{
    zc_status status;

    bounce->alignment = zc_pages_system_size();
    bounce->buffer_size = (size_t)zc_round_up(page_size, bounce->alignment);
    bounce->free = UINT32_MAX;
    status =
        zc_mutex_init(&bounce->lock, ZC_RANK_BACKING_BOUNCE, "bounce buffers");
    if (status != ZC_OK)
        return status;
    status = zc_condition_init(&bounce->freed);
    if (status != ZC_OK)
        goto destroy_lock;
    bounce->buffers =
        zc_pages_map(BOUNCE_COUNT * bounce->buffer_size, bounce->alignment);
    if (bounce->buffers != NULL)
        return ZC_OK;
    status = ZC_NO_MEMORY;
    zc_condition_destroy(&bounce->freed);
destroy_lock:
    zc_mutex_destroy(&bounce->lock);
    return status;
}

static void bounce_destroy(struct bounce *bounce)
{
    if (bounce->buffers == NULL)
        return;
    ZC_ASSERT(bounce->free == UINT32_MAX);
    zc_pages_unmap(bounce->buffers, BOUNCE_COUNT * bounce->buffer_size);
    zc_condition_destroy(&bounce->freed);
    zc_mutex_destroy(&bounce->lock);
}

/* Sleeps until a buffer is free. */
static void *bounce_get(struct bounce *bounce)
{
    unsigned index;

    zc_mutex_lock(&bounce->lock);
    while (bounce->free == 0)
        zc_condition_wait(&bounce->freed, &bounce->lock);
    index = zc_lowest_bit(bounce->free);
    bounce->free &= ~(UINT32_C(1) << index);
    zc_mutex_unlock(&bounce->lock);
    return bounce->buffers + index * bounce->buffer_size;
}

static void bounce_put(struct bounce *bounce, const void *buffer)
{
    const size_t distance = (size_t)((const char *)buffer - bounce->buffers);

    zc_mutex_lock(&bounce->lock);
    bounce->free |= UINT32_C(1) << (distance / bounce->buffer_size);
    zc_condition_signal(&bounce->freed);
    zc_mutex_unlock(&bounce->lock);
}

static bool needs_bounce(const struct file *own, const void *page)
{
    return (uintptr_t)page % own->bounce.alignment != 0;
}

static unsigned flags_of(const struct zc_backing_file *options)
{
    return (options->preallocate != 0 ? ZC_FILE_PREALLOCATE : 0) |
           (options->direct != 0 ? ZC_FILE_DIRECT : 0) |
           (options->keep != 0 ? ZC_FILE_KEEP : 0) |
           (options->use_existing != 0 ? ZC_FILE_EXISTING : 0);
}

static zc_status read_options(const struct zc_backing_config *config,
                              struct zc_backing_file *options)
{
    zc_status status =
        zc_options_copy_in(options, sizeof(*options), config->user);

    if (status != ZC_OK)
        return ZC_REFUSE(config, status,
                         "zc_backing_file: struct_size is not its size");
    if (options->path == NULL)
        return ZC_REFUSE(config, ZC_INVALID, "path: there is none");
    if (config->slot_count > UINT64_MAX / config->page_size)
        return ZC_REFUSE(config, ZC_INVALID,
                         "slot_count: no file is as long as %" PRIu64
                         " pages of %zu bytes",
                         config->slot_count, config->page_size);
    return ZC_OK;
}

static zc_status file_open(const struct zc_backing_config *config,
                           void **backing_out)
{
    struct zc_backing_file options;
    char why[ZC_FILE_WHY_SIZE];
    struct file *own;
    zc_status status;

    status = read_options(config, &options);
    if (status != ZC_OK)
        return status;
    own = zc_calloc(1, sizeof(*own));
    if (own == NULL)
        return ZC_NO_MEMORY;
    own->page_size = config->page_size;
    own->bounce.alignment = 1;
    status = options.direct != 0 ? bounce_init(&own->bounce, own->page_size)
                                 : ZC_OK;
    if (status != ZC_OK)
        goto free_own;
    status = zc_file_open(options.path, config->slot_count * config->page_size,
                          flags_of(&options), why, &own->file);
    if (status != ZC_OK) {
        (void)ZC_REFUSE(config, status, "%s: %s", options.path, why);
        goto destroy_bounce;
    }
    *backing_out = own;
    return ZC_OK;

destroy_bounce:
    bounce_destroy(&own->bounce);
free_own:
    zc_free(own);
    return status;
}

static void file_close(void *backing)
{
    struct file *own = backing;

    bounce_destroy(&own->bounce);
    zc_file_close(own->file);
    zc_free(own);
}

static zc_status file_write(void *backing, uint64_t slot, const void *page)
{
    struct file *own = backing;
    const uint64_t offset = slot * own->page_size;
    void *buffer;
    zc_status status;

    if (needs_bounce(own, page)) {
        buffer = bounce_get(&own->bounce);
        memcpy(buffer, page, own->page_size);
        status = zc_file_write(own->file, buffer, own->page_size, offset);
        bounce_put(&own->bounce, buffer);
    } else {
        status = zc_file_write(own->file, page, own->page_size, offset);
    }
    return status;
}

zc_status zc_backing_file_write_run(void *backing, uint64_t slot,
                                    const void *const *pages, unsigned count)
{
    struct file *own = backing;
    unsigned i;

    for (i = 0; i < count; i++)
        if (needs_bounce(own, pages[i]))
            return ZC_IO_ERROR;
    return zc_file_write_run(own->file, pages, count, own->page_size,
                             slot * own->page_size);
}

static zc_status file_read(void *backing, uint64_t slot, void *page_out)
{
    struct file *own = backing;
    const uint64_t offset = slot * own->page_size;
    void *buffer;
    zc_status status;

    if (!needs_bounce(own, page_out))
        return zc_file_read(own->file, page_out, own->page_size, offset);
    buffer = bounce_get(&own->bounce);
    status = zc_file_read(own->file, buffer, own->page_size, offset);
    if (status == ZC_OK)
        memcpy(page_out, buffer, own->page_size);
    bounce_put(&own->bounce, buffer);
    return status;
}

static uint64_t file_disk_bytes(void *backing)
{
    const struct file *own = backing;

    return zc_file_disk_bytes(own->file);
}

static void file_leave(void *backing)
{
    const struct file *own = backing;

    zc_file_leave(own->file);
    zc_pages_unmap(own->bounce.buffers, BOUNCE_COUNT * own->bounce.buffer_size);
}

const struct zc_backing_ops zc_backing_file = {
    .struct_size = sizeof(zc_backing_file),
    .name = "file",
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .read = file_read,
    .disk_bytes = file_disk_bytes,
    .leave_in_child = file_leave,
};
