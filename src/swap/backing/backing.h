/* SPDX-License-Identifier: MIT */
/*
 * backing.h - I/O in two steps over devices that block.
 *
 * A request is submitted.  It is completed later by a worker thread, or,
 * without workers, at once by the submitting thread.  After zc_backing_submit()
 * the request belongs to the device until its `complete` is called, once, on
 * any thread, with no lock held.  Then it belongs to the submitter again, and
 * `complete` may free it.  So the submitting thread touches nothing of it after
 * the submission (NOTHING_AFTER_SUBMIT), and the device nothing after the call
 * of `complete`.
 *
 * Requests of several slots are done in any order.  While a slot is written it
 * has no other request: the caller ensures this (it has the slot pinned), and
 * debug builds assert it.
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

/* Most worker threads of a device. */
#define ZC_BACKING_WORKERS_MAX 64

struct zc_backing;

struct zc_io {
    struct zc_list link; /* [queue] */
    bool is_write;
    uint64_t slot;
    void *data; /* one page */
    /* With ZC_OK or ZC_IO_ERROR.  It may submit; it may not close the
     * device. */
    void (*complete)(struct zc_io *io, zc_status status);
};

/* Copies the caller's `ops`; NULL means memory.  ZC_OK; ZC_INVALID: a function
 * is missing; ZC_UNSUPPORTED: a newer struct.  The config gets the reason. */
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
 * NULL is allowed.  Not called from `complete`, and only `complete` may submit
 * a request meanwhile.
 */
void zc_backing_close(struct zc_backing *backing);

/* Replaces zc_backing_close() in a child after fork(): closes the descriptors
 * of the device.  Takes no lock and frees no memory. */
void zc_backing_leave(const struct zc_backing *backing);

/* Whether worker threads do the requests. */
bool zc_backing_has_workers(const struct zc_backing *backing);

/* May block: for the transfer itself where there are no workers. */
void zc_backing_submit(struct zc_backing *backing, struct zc_io *io);

/* One transfer on the calling thread, also if there are workers; close does not
 * wait for it.  May block.  ZC_OK; ZC_IO_ERROR. */
zc_status zc_backing_read(struct zc_backing *backing, uint64_t slot,
                          void *page_out);
zc_status zc_backing_write(struct zc_backing *backing, uint64_t slot,
                           const void *page);

/* Pages of adjacent slots, written in one step. */
#define ZC_BACKING_RUN_MAX 16u

/* Whether the device writes adjacent slots in one step, and has no workers. */
bool zc_backing_takes_runs(const struct zc_backing *backing);

/* Does up to ZC_BACKING_RUN_MAX requests to write adjacent slots, in ascending
 * order, on the calling thread, and calls the `complete` of each.  If the step
 * for all fails, each is written by itself.  May block. */
void zc_backing_write_run(struct zc_backing *backing, struct zc_io *const *ios,
                          unsigned count);

/* Of a file: writes adjacent slots in one step.  ZC_OK; ZC_IO_ERROR: any of
 * them may have been written.  src/swap/backing/file.c. */
zc_status zc_backing_file_write_run(void *backing, uint64_t slot,
                                    const void *const *pages, unsigned count);

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

/* Bytes on disk, as the device reports them; 0: it does not.  May block. */
uint64_t zc_backing_disk_bytes(const struct zc_backing *backing);

#endif
