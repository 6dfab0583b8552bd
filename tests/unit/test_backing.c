/* SPDX-License-Identifier: MIT */
/*
 * test_backing.c - requests before a device: each is completed once, by
 * whatever thread, and the close waits for all.
 */
#include <stdlib.h>

#include "support_call.h"
#include "support_content.h"
#include "support_device.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "swap/backing/backing.h"

#define SLOTS 4096
#define REQUESTS 20

/* A request that says how it ended. */
struct request {
    struct zc_io io;
    unsigned char page[4096];
    atomic_uint completions;
    zc_status status;
    pthread_t thread;
};

static struct support_device device;
static struct zc_backing *backing;
static struct request requests[REQUESTS];
static unsigned char page[4096];

static int set_up(void **state)
{
    (void)state;
    support_device_init(&device);
    backing = NULL;
    return 0;
}

static void close_backing(void)
{
    support_device_let_go(&device);
    zc_backing_close(backing);
    backing = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    zc_inject_disarm();
    close_backing();
    support_device_fini(&device);
    return 0;
}

#define BACKING_TEST(name) TEST_WITH(name, set_up, tear_down)

static zc_status try_open(const struct zc_backing_ops *ops, unsigned workers)
{
    const struct zc_backing_config config = {.struct_size = sizeof(config),
                                             .page_size = 4096,
                                             .slot_count = SLOTS,
                                             .user = &device};

    return zc_backing_open(ops, &config, workers, &backing);
}

static void open_device(unsigned workers)
{
    assert_status(try_open(&support_device_ops, workers), ZC_OK);
}

static void refuse(const struct zc_backing_ops *ops, unsigned workers,
                   zc_status expected)
{
    assert_status(try_open(ops, workers), expected);
    assert_null(backing);
    assert_int_equal(device.opens, device.closes);
}

static void note_completion(struct zc_io *io, zc_status status)
{
    struct request *request = ZC_CONTAINER(io, struct request, io);

    request->status = status;
    request->thread = pthread_self();
    (void)atomic_fetch_add(&request->completions, 1);
}

static void prepare(struct request *request, uint64_t slot, bool is_write)
{
    memset(request, 0, sizeof(*request));
    request->io.is_write = is_write;
    request->io.slot = slot;
    request->io.data = request->page;
    request->io.complete = note_completion;
}

static void submit(unsigned i, uint64_t slot, bool is_write)
{
    prepare(&requests[i], slot, is_write);
    zc_backing_submit(backing, &requests[i].io);
}

static void await(const struct request *request)
{
    unsigned waited;

    for (waited = 0; atomic_load(&request->completions) == 0; waited++) {
        assert_true(waited < 600000);
        zc_sleep_ns(100000);
    }
    assert_int_equal(atomic_load(&request->completions), 1);
}

static zc_status write_page(uint64_t slot)
{
    support_stamp(page, sizeof(page), slot, 1);
    return zc_backing_write(backing, slot, page);
}

static zc_status read_page(uint64_t slot)
{
    memset(page, 0, sizeof(page));
    return zc_backing_read(backing, slot, page);
}

/* ---- open and close ---- */

BACKING_TEST(a_device_is_told_what_it_is_for)
{
    open_device(2);
    assert_int_equal(device.config.struct_size, sizeof(device.config));
    assert_int_equal(device.config.page_size, 4096);
    assert_int_equal(device.config.slot_count, SLOTS);
    assert_ptr_equal(device.config.user, &device);
    close_backing();
    assert_int_equal(device.closes, 1);
}

BACKING_TEST(no_device_is_memory)
{
    assert_status(try_open(NULL, 0), ZC_OK);
    assert_status(write_page(9), ZC_OK);
    assert_status(read_page(9), ZC_OK);
    assert_true(support_has_stamp(page, sizeof(page), 9, 1));
}

BACKING_TEST(incomplete_devices_are_refused)
{
    static const size_t needed[] = {
        offsetof(struct zc_backing_ops, open),
        offsetof(struct zc_backing_ops, close),
        offsetof(struct zc_backing_ops, write),
        offsetof(struct zc_backing_ops, read),
    };
    struct {
        struct zc_backing_ops ops;
        void *more;
    } newer = {.ops = support_device_ops, .more = &newer};
    struct zc_backing_ops ops;
    unsigned i;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        ops = support_device_ops;
        memset((char *)&ops + needed[i], 0, sizeof(ops.read));
        refuse(&ops, 0, ZC_INVALID);
    }
    ops = support_device_ops;
    ops.struct_size = 4;
    refuse(&ops, 0, ZC_INVALID);
    newer.ops.struct_size = sizeof(newer);
    refuse(&newer.ops, 0, ZC_UNSUPPORTED);
    assert_int_equal(device.opens, 0);
}

BACKING_TEST(discards_reach_a_device_that_knows_them)
{
    struct zc_backing_ops older = support_device_ops;

    older.struct_size = offsetof(struct zc_backing_ops, discard);
    assert_status(try_open(&older, 0), ZC_OK);
    assert_status(write_page(77), ZC_OK);
    zc_backing_discard(backing, 77);
    assert_true(support_device_has(&device, 77));
    close_backing();
    open_device(1);
    assert_status(write_page(77), ZC_OK);
    assert_status(write_page(78), ZC_OK);
    zc_backing_discard(backing, 77);
    assert_false(support_device_has(&device, 77));
    assert_true(support_device_has(&device, 78));
}

BACKING_TEST(more_workers_than_there_can_be_are_refused)
{
    refuse(&support_device_ops, ZC_BACKING_WORKERS_MAX + 1, ZC_INVALID);
    assert_int_equal(device.opens, 0);
    open_device(ZC_BACKING_WORKERS_MAX);
}

BACKING_TEST(what_open_says_is_passed_on)
{
    static const zc_status said[] = {ZC_INVALID, ZC_NO_MEMORY, ZC_IO_ERROR,
                                     ZC_UNSUPPORTED};
    unsigned i;

    atomic_store(&device.fails_open, true);
    for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        atomic_store(&device.failure, said[i]);
        refuse(&support_device_ops, 2, said[i]);
    }
    assert_int_equal(device.closes, 0);
}

BACKING_TEST(a_refused_open_undoes_everything)
{
    unsigned countdown;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    refuse(&support_device_ops, 4, ZC_NO_MEMORY);
    assert_int_equal(device.opens, 0);
    for (countdown = 0; countdown < 4; countdown++) {
        zc_inject_arm(ZC_INJECT_THREAD, countdown, 1);
        refuse(&support_device_ops, 4, ZC_NO_MEMORY);
        assert_int_equal(zc_inject_failures(), 1);
        assert_int_equal(device.closes, countdown + 1);
    }
}

/* ---- transfers ---- */

BACKING_TEST(without_workers_the_submitter_does_it)
{
    open_device(0);
    submit(0, 1, true);
    assert_int_equal(atomic_load(&requests[0].completions), 1);
    assert_true(pthread_equal(requests[0].thread, pthread_self()));
    assert_status(requests[0].status, ZC_OK);
    assert_int_equal(device.writes, 1);

    assert_status(write_page(1), ZC_OK);
    submit(0, 1, false);
    assert_int_equal(atomic_load(&requests[0].completions), 1);
    assert_memory_equal(requests[0].page, page, sizeof(page));
    assert_int_equal(zc_backing_in_flight(backing), 0);
    assert_false(zc_backing_has_workers(backing));
}

BACKING_TEST(with_workers_another_thread_does_it)
{
    open_device(1);
    support_device_hold(&device);
    submit(0, 1, true);
    assert_int_equal(atomic_load(&requests[0].completions), 0);
    assert_int_equal(zc_backing_in_flight(backing), 1);
    support_device_let_go(&device);
    await(&requests[0]);
    assert_false(pthread_equal(requests[0].thread, pthread_self()));
    assert_status(requests[0].status, ZC_OK);
    assert_true(zc_backing_has_workers(backing));
}

BACKING_TEST(a_transfer_that_is_waited_for_does_not_wait_for_workers)
{
    open_device(1);
    support_device_hold(&device);
    submit(0, 1, true);
    support_device_await_held(&device, 1);
    assert_status(write_page(2), ZC_OK);
    assert_status(read_page(2), ZC_OK);
    assert_true(support_has_stamp(page, sizeof(page), 2, 1));
    assert_int_equal(atomic_load(&requests[0].completions), 0);
}

static void expect_counts(uint64_t written, uint64_t write_errors,
                          uint64_t read, uint64_t read_errors)
{
    const struct zc_backing_counts counts = zc_backing_count(backing);

    assert_int_equal(counts.pages_written, written);
    assert_int_equal(counts.write_errors, write_errors);
    assert_int_equal(counts.pages_read, read);
    assert_int_equal(counts.read_errors, read_errors);
}

BACKING_TEST(any_failure_of_a_device_is_an_io_error)
{
    static const zc_status said[] = {ZC_IO_ERROR, ZC_NO_MEMORY, ZC_BUSY,
                                     ZC_CORRUPT};
    unsigned i;

    open_device(0);
    assert_status(write_page(2), ZC_OK);
    atomic_store(&device.fails_writes, true);
    atomic_store(&device.fails_reads, true);
    for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        atomic_store(&device.failure, said[i]);
        submit(0, 1 + i % 2, i % 2 == 0);
        assert_status(requests[0].status, ZC_IO_ERROR);
        assert_status(read_page(2), ZC_IO_ERROR);
        assert_status(write_page(1), ZC_IO_ERROR);
    }
    expect_counts(1, 6, 0, 6);
}

BACKING_TEST(injected_failures_do_not_reach_the_device)
{
    open_device(0);
    zc_inject_arm(ZC_INJECT_WRITE, 0, 1);
    submit(0, 1, true);
    assert_status(requests[0].status, ZC_IO_ERROR);
    assert_status(write_page(1), ZC_OK);
    assert_int_equal(device.tries, 1);

    zc_inject_arm(ZC_INJECT_READ, 1, 1);
    assert_status(read_page(1), ZC_OK);
    assert_status(read_page(1), ZC_IO_ERROR);
    assert_int_equal(device.reads, 1);
    expect_counts(1, 1, 1, 1);
}

BACKING_TEST(workers_are_in_the_device_together)
{
    unsigned i;

    open_device(4);
    support_device_hold(&device);
    for (i = 0; i < 6; i++)
        submit(i, i, true);
    support_device_await_held(&device, 4);
    assert_int_equal(zc_backing_in_flight(backing), 6);
    support_device_let_go(&device);
    for (i = 0; i < 6; i++)
        await(&requests[i]);
    assert_int_equal(device.most_held, 4);
}

/* ---- the end of a request ---- */

static atomic_uint ended;

static void free_request(struct zc_io *io, zc_status status)
{
    (void)status;
    memset(io, 0xff, sizeof(*io));
    free(ZC_CONTAINER(io, struct request, io));
    (void)atomic_fetch_add(&ended, 1);
}

BACKING_TEST(a_request_can_be_freed_by_its_completion)
{
    struct request *request;
    unsigned workers;
    unsigned n;

    for (workers = 0; workers <= 4; workers += 2) {
        open_device(workers);
        atomic_store(&ended, 0);
        for (n = 0; n < 500; n++) {
            request = malloc(sizeof(*request));
            assert_non_null(request);
            prepare(request, n, true);
            request->io.complete = free_request;
            zc_backing_submit(backing, &request->io);
        }
        close_backing();
        assert_int_equal(atomic_load(&ended), 500);
    }
}

/* A request that submits itself again until it has done `left` transfers. */
static struct zc_mutex outer; /* a lock that the queue's lock comes after */
static unsigned left;

static void go_on(struct zc_io *io, zc_status status)
{
    (void)status;
    /* Ends the process if a lock of the queue's were held. */
    zc_mutex_lock(&outer);
    zc_mutex_unlock(&outer);
    if (--left > 0)
        zc_backing_submit(backing, io);
}

BACKING_TEST(a_completion_holds_no_lock_and_may_submit)
{
    unsigned workers;

    for (workers = 0; workers < 3; workers++) {
        prepare(&requests[0], 1, true);
        requests[0].io.complete = go_on;
        open_device(workers);
        left = 50;
        assert_status(zc_mutex_init(&outer, ZC_RANK_VM_MAPPINGS, "outer"),
                      ZC_OK);
        zc_backing_submit(backing, &requests[0].io);
        /* The close waits for the last one. */
        zc_backing_close(backing);
        backing = NULL;
        assert_int_equal(left, 0);
        zc_mutex_destroy(&outer);
    }
}

static void close_it(void *context)
{
    (void)context;
    zc_backing_close(backing);
}

static void submit_all(void *count)
{
    unsigned i;

    for (i = 0; i < *(unsigned *)count; i++)
        submit(i, i, true);
}

static void close_waits(unsigned workers, unsigned count)
{
    struct support_call submitter;
    struct support_call closer;
    unsigned i;

    open_device(workers);
    support_device_hold(&device);
    support_call_start(&submitter, submit_all, &count);
    while (zc_backing_in_flight(backing) < count)
        zc_cpu_relax();
    support_call_start(&closer, close_it, NULL);
    assert_true(support_call_waits(&closer));
    assert_int_equal(device.closes + 1, device.opens);
    support_device_let_go(&device);
    support_call_join(&closer);
    support_call_join(&submitter);
    backing = NULL;
    assert_int_equal(device.closes, device.opens);
    for (i = 0; i < count; i++)
        assert_int_equal(atomic_load(&requests[i].completions), 1);
}

BACKING_TEST(the_close_waits_for_every_request)
{
    close_waits(0, 1);
    close_waits(1, 1);
    close_waits(1, REQUESTS);
    close_waits(4, REQUESTS);
}

/* ---- mistakes of ours ---- */

static void submit_twins(void *is_write)
{
    open_device(2);
    support_device_hold(&device);
    submit(0, 7, true);
    submit(1, 7, *(const bool *)is_write);
}

static void submit_and_write(void *context)
{
    (void)context;
    open_device(1);
    (void)write_page(7);
    support_device_hold_reads(&device);
    submit(0, 7, false);
    support_device_await_held(&device, 1);
    (void)write_page(7);
}

BACKING_TEST(a_write_in_company_is_caught)
{
    bool is_write = true;

    support_assert_aborts(submit_twins, &is_write, "alone", "backing.c");
    is_write = false;
    support_assert_aborts(submit_twins, &is_write, "alone", "backing.c");
    support_assert_aborts(submit_and_write, NULL, "alone", "backing.c");
}

BACKING_TEST(reads_of_one_slot_may_be_many)
{
    unsigned i;

    open_device(2);
    assert_status(write_page(7), ZC_OK);
    support_device_hold_reads(&device);
    for (i = 0; i < 3; i++)
        submit(i, 7, false);
    support_device_await_held(&device, 2);
    support_device_let_go(&device);
    for (i = 0; i < 3; i++)
        await(&requests[i]);
}

static void submit_under_spinlock(void *context)
{
    struct zc_spinlock lock;

    (void)context;
    open_device(0);
    (void)zc_spinlock_init(&lock, ZC_RANK_SHARD, "a spinlock");
    zc_spinlock_lock(&lock);
    submit(0, 7, true);
    zc_spinlock_unlock(&lock);
}

BACKING_TEST(a_transfer_under_a_spinlock_is_caught)
{
    support_assert_aborts(submit_under_spinlock, NULL, "may block",
                          "a spinlock");
}

/* ---- all at once ---- */

#define CALLERS 3
#define SLOTS_EACH 64
#define OPERATIONS 3000

/* Each slot has one request; it is prepared again when it has ended. */
static struct request busy[CALLERS * SLOTS_EACH];
static uint64_t written[CALLERS * SLOTS_EACH]; /* content; 0: none */

/* Judges the last request of a slot and begins another. */
static void next_request(struct support_worker *worker, unsigned i)
{
    struct request *request = &busy[i];
    const unsigned n = atomic_load(&request->completions);

    if (n != 1) {
        support_mistake(worker, "completed %u times", n);
        return;
    }
    if (request->status != ZC_OK)
        support_mistake(worker, "failed");
    if (!request->io.is_write &&
        !support_has_stamp(request->page, 4096, i, written[i]))
        support_mistake(worker, "slot %u has other bytes", i);
    prepare(request, i,
            written[i] == 0 || support_random_below(&worker->random, 2) == 0);
    if (request->io.is_write)
        support_stamp(request->page, 4096, i, ++written[i]);
    worker->operations++;
    zc_backing_submit(backing, &request->io);
}

static void keep_busy(struct support_worker *worker)
{
    unsigned i;

    while (worker->operations < OPERATIONS && !support_is_stopped(worker)) {
        i = (unsigned)support_random_below(&worker->random, SLOTS_EACH) *
                CALLERS +
            worker->index;
        if (atomic_load(&busy[i].completions) == 0)
            zc_cpu_relax();
        else
            next_request(worker, i);
    }
}

static void keep_all_busy(unsigned workers)
{
    struct zc_backing_counts counts;
    unsigned i;

    open_device(workers);
    memset(written, 0, sizeof(written));
    for (i = 0; i < CALLERS * SLOTS_EACH; i++) {
        prepare(&busy[i], i, true);
        atomic_store(&busy[i].completions, 1);
    }
    support_crowd(CALLERS, keep_busy, NULL, 0);

    for (i = 0; i < CALLERS * SLOTS_EACH; i++)
        await(&busy[i]);
    counts = zc_backing_count(backing);
    assert_int_equal(counts.pages_written + counts.pages_read,
                     CALLERS * OPERATIONS);
    assert_int_equal(counts.write_errors + counts.read_errors, 0);
    assert_true(counts.pages_read > CALLERS * OPERATIONS / 4);
    close_backing();
}

BACKING_TEST(threads_with_any_number_of_workers_find_what_they_wrote)
{
    keep_all_busy(0);
    keep_all_busy(1);
    keep_all_busy(4);
}
