/* SPDX-License-Identifier: MIT */
/*
 * backing.c - requests to a device, and the threads that do them.
 *
 * With workers a request waits in one queue until a worker takes it.  Without
 * workers the submitting thread does it before zc_backing_submit() returns.
 * Either way
 *
 *     submitted (in_flight + 1) -> transfer -> complete() -> in_flight - 1
 *
 * so when in_flight is 0 no thread is in any `complete`, and the device can be
 * closed.  The count changes only under the queue's lock.  The closing thread
 * reads the 0 under that lock, so the thread that counted down has released the
 * lock.
 *
 * A request is not read after its `complete` was called: it may be freed by
 * then, or be another request.
 */
#include "swap/backing/backing.h"

#include "base/assert.h"
#include "base/inject.h"
#include "base/options.h"
#include "platform/memory.h"

struct zc_backing {
    struct zc_backing_ops ops;
    void *device; /* what open() gave */

    struct zc_mutex lock;
    struct zc_condition work;  /* a request came, or the end */
    struct zc_condition quiet; /* in_flight is 0 */
    struct zc_list queue;      /* [lock] of struct zc_io */
    struct zc_list running;    /* [lock] transfers; debug builds only */
    zc_atomic_u32 in_flight;   /* [lock] to write; read as a figure */
    bool ends;                 /* [lock] workers go when the queue is empty */

    zc_counter pages_written;
    zc_counter pages_read;
    zc_counter write_errors;
    zc_counter read_errors;

    unsigned worker_count;
    struct zc_thread workers[];
};

zc_status zc_backing_ops_copy(struct zc_backing_ops *own,
                              const struct zc_backing_ops *ops,
                              const struct zc_backing_config *config)
{
    zc_status status;

    if (ops == NULL)
        ops = &zc_backing_memory;
    status = zc_options_copy_in(own, sizeof(*own), ops);
    if (status != ZC_OK)
        return ZC_REFUSE(config, status,
                         "zc_backing_ops: struct_size is not its size");
    if (own->open == NULL || own->close == NULL || own->write == NULL ||
        own->read == NULL)
        return ZC_REFUSE(config, ZC_INVALID,
                         "zc_backing_ops: open, close, write and read are "
                         "not all there");
    return ZC_OK;
}

/* ---- one transfer ---- */

/* A slot that is being written has no other request. */
static bool has_slot_alone(struct zc_list *list, const struct zc_io *io)
{
    struct zc_list *link;
    const struct zc_io *other;

    for (link = list->next; link != list; link = link->next) {
        other = ZC_CONTAINER(link, struct zc_io, link);
        if (other->slot == io->slot && (other->is_write || io->is_write))
            return false;
    }
    return true;
}

/* In debug builds; release builds do not keep the list. */
static void check_slot(struct zc_backing *backing, const struct zc_io *io)
    ZC_REQUIRES(&backing->lock)
{
    if (!ZC_DEBUG_CHECKS)
        return;
    ZC_ASSERT(has_slot_alone(&backing->queue, io));
    ZC_ASSERT(has_slot_alone(&backing->running, io));
}

static void note_begin(struct zc_backing *backing, struct zc_io *io)
    ZC_REQUIRES(&backing->lock)
{
    if (ZC_DEBUG_CHECKS)
        zc_list_add_last(&backing->running, &io->link);
}

static void note_end(struct zc_backing *backing, struct zc_io *io)
{
    if (!ZC_DEBUG_CHECKS)
        return;
    zc_mutex_lock(&backing->lock);
    zc_list_remove(&io->link);
    zc_mutex_unlock(&backing->lock);
}

static zc_status transfer_page(struct zc_backing *backing, struct zc_io *io)
{
    zc_status status = ZC_IO_ERROR;

    if (io->is_write) {
        if (!zc_inject(ZC_INJECT_WRITE))
            status = backing->ops.write(backing->device, io->slot, io->data);
        zc_counter_add(status == ZC_OK ? &backing->pages_written
                                       : &backing->write_errors,
                       1);
    } else {
        if (!zc_inject(ZC_INJECT_READ))
            status = backing->ops.read(backing->device, io->slot, io->data);
        zc_counter_add(
            status == ZC_OK ? &backing->pages_read : &backing->read_errors, 1);
    }
    note_end(backing, io);
    return status == ZC_OK ? ZC_OK : ZC_IO_ERROR;
}

/* On the calling thread; not counted as in flight. */
static zc_status transfer_now(struct zc_backing *backing, struct zc_io *io)
{
    zc_may_block();
    if (ZC_DEBUG_CHECKS) {
        zc_mutex_lock(&backing->lock);
        check_slot(backing, io);
        note_begin(backing, io);
        zc_mutex_unlock(&backing->lock);
    }
    return transfer_page(backing, io);
}

zc_status zc_backing_read(struct zc_backing *backing, uint64_t slot,
                          void *page_out)
{
    struct zc_io io = {.slot = slot, .data = page_out};

    return transfer_now(backing, &io);
}

zc_status zc_backing_write(struct zc_backing *backing, uint64_t slot,
                           const void *page)
{
    /* A write does not change the page. */
    struct zc_io io = {
        .is_write = true, .slot = slot, .data = (void *)(uintptr_t)page};

    return transfer_now(backing, &io);
}

bool zc_backing_takes_runs(const struct zc_backing *backing)
{
    return backing->worker_count == 0 &&
           backing->ops.write == zc_backing_file.write;
}

/* All requests in one step.  False: any of them may have been written. */
static bool write_at_once(struct zc_backing *backing, struct zc_io *const *ios,
                          unsigned count)
{
    const void *pages[ZC_BACKING_RUN_MAX];
    unsigned i;

    if (count == 1 || zc_inject(ZC_INJECT_WRITE))
        return false;
    for (i = 0; i < count; i++)
        pages[i] = ios[i]->data;
    if (zc_backing_file_write_run(backing->device, ios[0]->slot, pages,
                                  count) != ZC_OK)
        return false;
    zc_counter_add(&backing->pages_written, count);
    for (i = 0; i < count; i++)
        note_end(backing, ios[i]);
    return true;
}

void zc_backing_write_run(struct zc_backing *backing, struct zc_io *const *ios,
                          unsigned count)
{
    bool is_written;
    unsigned i;

    ZC_ASSERT(count > 0 && count <= ZC_BACKING_RUN_MAX);
    zc_may_block();
    if (ZC_DEBUG_CHECKS) {
        zc_mutex_lock(&backing->lock);
        for (i = 0; i < count; i++) {
            ZC_ASSERT(ios[i]->is_write && ios[i]->slot == ios[0]->slot + i);
            check_slot(backing, ios[i]);
            note_begin(backing, ios[i]);
        }
        zc_mutex_unlock(&backing->lock);
    }
    is_written = write_at_once(backing, ios, count);
    /* A completed request is not touched any more. */
    for (i = 0; i < count; i++)
        ios[i]->complete(ios[i],
                         is_written ? ZC_OK : transfer_page(backing, ios[i]));
}

void zc_backing_discard(struct zc_backing *backing, uint64_t slot)
{
    zc_may_block();
    if (backing->ops.discard != NULL)
        backing->ops.discard(backing->device, slot);
}

/* ---- requests ---- */

static void perform_request(struct zc_backing *backing, struct zc_io *io)
{
    zc_status status = transfer_page(backing, io);

    /* From here on the request is the submitter's, which may free it. */
    io->complete(io, status);
}

static void add_in_flight(struct zc_backing *backing, uint32_t difference)
    ZC_REQUIRES(&backing->lock)
{
    uint32_t count = zc_atomic_u32_load_relaxed(&backing->in_flight);

    zc_atomic_u32_store_relaxed(&backing->in_flight, count + difference);
    if (count + difference == 0)
        zc_condition_broadcast(&backing->quiet);
}

void zc_backing_submit(struct zc_backing *backing, struct zc_io *io)
{
    /* With workers the device may be closed, and the request freed, as soon as
     * the lock is dropped. */
    const bool is_inline = backing->worker_count == 0;

    if (is_inline)
        zc_may_block();
    zc_mutex_lock(&backing->lock);
    check_slot(backing, io);
    add_in_flight(backing, 1);
    if (is_inline) {
        note_begin(backing, io);
    } else {
        zc_list_add_last(&backing->queue, &io->link);
        zc_condition_signal(&backing->work);
    }
    zc_mutex_unlock(&backing->lock);
    if (!is_inline)
        return;

    perform_request(backing, io);
    zc_mutex_lock(&backing->lock);
    add_in_flight(backing, UINT32_MAX);
    zc_mutex_unlock(&backing->lock);
}

static void run_worker(void *argument)
{
    struct zc_backing *backing = argument;
    struct zc_io *io;

    zc_mutex_lock(&backing->lock);
    for (;;) {
        while (zc_list_is_empty(&backing->queue) && !backing->ends)
            zc_condition_wait(&backing->work, &backing->lock);
        if (zc_list_is_empty(&backing->queue))
            break;
        io = ZC_CONTAINER(backing->queue.next, struct zc_io, link);
        zc_list_remove(&io->link);
        note_begin(backing, io);
        zc_mutex_unlock(&backing->lock);
        perform_request(backing, io);
        zc_mutex_lock(&backing->lock);
        add_in_flight(backing, UINT32_MAX);
    }
    zc_mutex_unlock(&backing->lock);
}

bool zc_backing_has_workers(const struct zc_backing *backing)
{
    return backing->worker_count != 0;
}

uint32_t zc_backing_in_flight(const struct zc_backing *backing)
{
    return zc_atomic_u32_load_relaxed(&backing->in_flight);
}

/* ---- open and close ---- */

static void stop_workers(struct zc_backing *backing)
{
    unsigned i;

    zc_mutex_lock(&backing->lock);
    while (zc_atomic_u32_load_relaxed(&backing->in_flight) != 0)
        zc_condition_wait(&backing->quiet, &backing->lock);
    backing->ends = true;
    zc_condition_broadcast(&backing->work);
    zc_mutex_unlock(&backing->lock);
    for (i = 0; i < backing->worker_count; i++)
        zc_thread_join(&backing->workers[i]);
}

static zc_status start_workers(struct zc_backing *backing, unsigned count)
{
    zc_status status;

    while (backing->worker_count < count) {
        status = zc_thread_start(&backing->workers[backing->worker_count],
                                 run_worker, backing);
        if (status != ZC_OK) {
            stop_workers(backing);
            return status;
        }
        backing->worker_count++;
    }
    return ZC_OK;
}

static zc_status init_locks(struct zc_backing *backing)
{
    zc_status status =
        zc_mutex_init(&backing->lock, ZC_RANK_BACKING_QUEUE, "backing queue");

    if (status != ZC_OK)
        return status;
    status = zc_condition_init(&backing->work);
    if (status != ZC_OK)
        goto destroy_lock;
    status = zc_condition_init(&backing->quiet);
    if (status == ZC_OK)
        return ZC_OK;
    zc_condition_destroy(&backing->work);
destroy_lock:
    zc_mutex_destroy(&backing->lock);
    return status;
}

static void destroy_locks(struct zc_backing *backing)
{
    zc_condition_destroy(&backing->quiet);
    zc_condition_destroy(&backing->work);
    zc_mutex_destroy(&backing->lock);
}

zc_status zc_backing_open(const struct zc_backing_ops *ops,
                          const struct zc_backing_config *config,
                          unsigned worker_count,
                          struct zc_backing **backing_out)
{
    struct zc_backing *backing;
    zc_status status;

    zc_may_block();
    if (worker_count > ZC_BACKING_WORKERS_MAX)
        return ZC_REFUSE(config, ZC_INVALID,
                         "io_workers: %u is not from 0 to %d", worker_count,
                         ZC_BACKING_WORKERS_MAX);
    backing = zc_calloc(1, sizeof(*backing) +
                               worker_count * sizeof(backing->workers[0]));
    if (backing == NULL)
        return ZC_NO_MEMORY;
    zc_list_init(&backing->queue);
    zc_list_init(&backing->running);

    status = zc_backing_ops_copy(&backing->ops, ops, config);
    if (status != ZC_OK)
        goto free_backing;
    status = init_locks(backing);
    if (status != ZC_OK)
        goto free_backing;
    status = backing->ops.open(config, &backing->device);
    if (status != ZC_OK) {
        (void)zc_refuse_for(config->reason, config->reason_size, status,
                            "the device", backing->ops.name);
        goto free_locks;
    }
    status = start_workers(backing, worker_count);
    if (status != ZC_OK)
        goto close_device;
    *backing_out = backing;
    return ZC_OK;

close_device:
    backing->ops.close(backing->device);
free_locks:
    destroy_locks(backing);
free_backing:
    zc_free(backing);
    return status;
}

void zc_backing_close(struct zc_backing *backing)
{
    if (backing == NULL)
        return;
    zc_may_block();
    stop_workers(backing);
    backing->ops.close(backing->device);
    destroy_locks(backing);
    zc_free(backing);
}

void zc_backing_leave(const struct zc_backing *backing)
{
    if (backing->ops.leave_in_child != NULL)
        backing->ops.leave_in_child(backing->device);
}

struct zc_backing_counts zc_backing_count(const struct zc_backing *backing)
{
    struct zc_backing_counts counts = {
        .pages_written = zc_counter_read(&backing->pages_written),
        .pages_read = zc_counter_read(&backing->pages_read),
        .write_errors = zc_counter_read(&backing->write_errors),
        .read_errors = zc_counter_read(&backing->read_errors),
    };

    return counts;
}

uint64_t zc_backing_disk_bytes(const struct zc_backing *backing)
{
    zc_may_block();
    return backing->ops.disk_bytes == NULL
               ? 0
               : backing->ops.disk_bytes(backing->device);
}
