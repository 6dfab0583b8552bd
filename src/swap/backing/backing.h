/* SPDX-License-Identifier: MIT */
/*
 * backing.h - I/O in two steps over devices that block.
 *
 * A request is submitted, and completed later by a worker thread, or at once by
 * the submitter where there are no workers.  After zc_backing_submit() the
 * request belongs to the device until its `complete` is called, once, on
 * whatever thread, with no lock held; from then on it is the submitter's again,
 * who may free it right there.  So the submitter touches nothing of it after
 * the submission (NOTHING_AFTER_SUBMIT), and the device nothing after the call.
 *
 * Requests of several slots are done in any order.  Of one slot there is never
 * a write under way together with anything else: that is the caller's duty
 * (he has the slot pinned), and asserted in debug builds.
 *
 *   backing.c         queue, workers, submit, wait, close
 *   swap/backing/file.c    a file, over platform/file.h
 *   swap/backing/memory.c  pages in memory, made where written
 *   swap/backing/faulty.c  errors, full disk and latency before another device
 */
#ifndef ZC_SWAP_BACKING_BACKING_H
#define ZC_SWAP_BACKING_BACKING_H

#include <zcache/backing.h>

#include "base/list.h"
#include "platform/atomic.h"
#include "platform/thread.h"

/* More threads than this do not wait for one device. */
#define ZC_BACKING_WORKERS_MAX 64

struct zc_backing;

struct zc_io {
    struct zc_list link; /* [queue] */
    bool is_write;
    uint64_t slot;
    void *data; /* one page */
    /* ZC_OK or ZC_IO_ERROR.  It may submit; it may not close the device. */
    void (*complete)(struct zc_io *io, zc_status status);
};

/*
 * Copies what a caller gave as a device: NULL is memory.  ZC_OK; ZC_INVALID: it
 * lacks a function; ZC_UNSUPPORTED: a newer struct.  The config gets a reason.
 */
zc_status zc_backing_ops_copy(struct zc_backing_ops *own,
                              const struct zc_backing_ops *ops,
                              const struct zc_backing_config *config);

/*
 * May block.  ZC_OK; ZC_INVALID: `ops`, or more workers than there can be;
 * ZC_UNSUPPORTED: newer `ops`; what open() returned; ZC_NO_MEMORY: workers too.
 * On an error the device is closed again.
 */
zc_status zc_backing_open(const struct zc_backing_ops *ops,
                          const struct zc_backing_config *config,
                          unsigned worker_count,
                          struct zc_backing **backing_out);

/*
 * Waits until `complete` of every request has returned, and for the workers.
 * NULL is allowed.  Not from `complete`; no new request is submitted meanwhile
 * but by `complete` itself.
 */
void zc_backing_close(struct zc_backing *backing);

/* In a child after fork(), instead: the descriptors of the device are closed.
 * Takes no lock, and leaves the memory. */
void zc_backing_leave(const struct zc_backing *backing);

/* Whether a request is done by others than its submitter. */
bool zc_backing_has_workers(const struct zc_backing *backing);

/* May block: for the transfer itself where there are no workers. */
void zc_backing_submit(struct zc_backing *backing, struct zc_io *io);

/*
 * One transfer on the calling thread, whatever workers there are; close does
 * not wait for it.  May block.  ZC_OK; ZC_IO_ERROR.
 */
zc_status zc_backing_read(struct zc_backing *backing, uint64_t slot,
                          void *page_out);
zc_status zc_backing_write(struct zc_backing *backing, uint64_t slot,
                           const void *page);

/* May block. */
void zc_backing_discard(struct zc_backing *backing, uint64_t slot);

/* Requests whose `complete` has not returned. */
uint32_t zc_backing_in_flight(const struct zc_backing *backing);

/* Transfers that ended, since the device was opened. */
struct zc_backing_counts {
    uint64_t pages_written;
    uint64_t pages_read;
    uint64_t write_errors;
    uint64_t read_errors;
};

struct zc_backing_counts zc_backing_count(const struct zc_backing *backing);

/* As the device says; 0: it does not.  May block. */
uint64_t zc_backing_disk_bytes(const struct zc_backing *backing);

#endif
