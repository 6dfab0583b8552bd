/* SPDX-License-Identifier: MIT */
/*
 * backing_internal.h - I/O in two steps over devices that block.
 *
 * A request is submitted, and completed later by a worker thread, or at once by
 * the submitter where there are no workers.  After zc_backing_submit() the
 * request belongs to the device until its `complete` is called, once, on
 * whatever thread, with no lock held; from then on it is the submitter's again.
 *
 *   backing.c         queue, workers, submit, wait, close
 *   backing_file.c    pread and pwrite
 *   backing_memory.c  pages in memory, made where written
 *   backing_faulty.c  errors, full disk and latency before another device
 */
#ifndef ZC_BACKING_INTERNAL_H
#define ZC_BACKING_INTERNAL_H

#include <zcache/backing.h>

#include "base/list.h"
#include "platform/atomic.h"
#include "platform/thread.h"

struct zc_backing;

struct zc_io {
    struct zc_list link; /* [queue] */
    bool is_write;
    uint64_t slot;
    void *data; /* one page */
    void (*complete)(struct zc_io *io, zc_status status);
};

/* May block.  ZC_OK; what open() returned; ZC_NO_MEMORY: workers. */
zc_status zc_backing_open(const struct zc_backing_ops *ops, void *user,
                          size_t page_size, uint64_t slot_count,
                          unsigned worker_count,
                          struct zc_backing **backing_out);

/* Waits for every request.  No new one is submitted. */
void zc_backing_close(struct zc_backing *backing);

/* May block: for the transfer itself where there are no workers. */
void zc_backing_submit(struct zc_backing *backing, struct zc_io *io);

/* One transfer on the calling thread, whatever workers there are. */
zc_status zc_backing_read(struct zc_backing *backing, uint64_t slot,
                          void *page_out);
zc_status zc_backing_write(struct zc_backing *backing, uint64_t slot,
                           const void *page);

void zc_backing_discard(struct zc_backing *backing, uint64_t slot);

/* Requests submitted and not completed. */
uint32_t zc_backing_in_flight(const struct zc_backing *backing);

struct zc_backing_counts {
    uint64_t pages_written;
    uint64_t pages_read;
    uint64_t write_errors;
    uint64_t read_errors;
};

struct zc_backing_counts zc_backing_count(const struct zc_backing *backing);

#endif
