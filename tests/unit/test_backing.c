/* SPDX-License-Identifier: MIT */
/*
 * test_backing.c - requests before a device that does what the test says: each
 * is completed once, by whichever thread, and the close waits for all.
 */
#include <stdlib.h>

#include "support_content.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "swap/backing/backing.h"

#define SLOTS 4096
#define OPEN_SLOT 4000 /* from here on no gate is shut */

/* What the test tells the device, and what it saw. */
struct script {
    zc_status opens; /* what open() says */
    struct zc_backing_config config;
    zc_status writes; /* what write() says */
    zc_status reads;
    atomic_bool shut;    /* transfers wait while it is */
    atomic_uint inside;  /* transfers under way */
    atomic_uint most;    /* of them at once */
    atomic_uint written; /* calls */
    atomic_uint read;
    unsigned opened;
    unsigned closed;
    uint64_t discarded; /* the slot, plus 1 */
};

static struct script script;

static zc_status scripted_open(const struct zc_backing_config *config,
                               void **backing_out)
{
    script.config = *config;
    if (script.opens != ZC_OK)
        return script.opens;
    script.opened++;
    *backing_out = config->user;
    return ZC_OK;
}

static void scripted_close(void *backing)
{
    if (backing == &script && atomic_load(&script.inside) == 0)
        script.closed++;
}

static void pass_gate(uint64_t slot)
{
    unsigned inside = atomic_fetch_add(&script.inside, 1) + 1;
    unsigned most = atomic_load(&script.most);

    while (inside > most &&
           !atomic_compare_exchange_strong(&script.most, &most, inside))
        continue;
    while (slot < OPEN_SLOT && atomic_load(&script.shut))
        zc_sleep_ns(100000);
    (void)atomic_fetch_sub(&script.inside, 1);
}

static zc_status scripted_write(void *backing, uint64_t slot, const void *page)
{
    (void)backing;
    (void)page;
    pass_gate(slot);
    (void)atomic_fetch_add(&script.written, 1);
    return script.writes;
}

static zc_status scripted_read(void *backing, uint64_t slot, void *page_out)
{
    (void)backing;
    pass_gate(slot);
    (void)atomic_fetch_add(&script.read, 1);
    memset(page_out, 0x5a, 4096);
    return script.reads;
}

static void scripted_discard(void *backing, uint64_t slot)
{
    (void)backing;
    script.discarded = slot + 1;
}

static const struct zc_backing_ops scripted = {
    .struct_size = sizeof(scripted),
    .name = "scripted",
    .open = scripted_open,
    .close = scripted_close,
    .write = scripted_write,
    .read = scripted_read,
    .discard = scripted_discard,
};

/* A request that says how it ended. */
struct request {
    struct zc_io io;
    unsigned char page[4096];
    atomic_uint completions;
    zc_status status;
    pthread_t thread;
};

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

static void await(const struct request *request)
{
    unsigned waited;

    for (waited = 0; atomic_load(&request->completions) == 0; waited++) {
        assert_true(waited < 100000);
        zc_sleep_ns(100000);
    }
    assert_int_equal(atomic_load(&request->completions), 1);
}

static int set_up(void **state)
{
    (void)state;
    memset(&script, 0, sizeof(script));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_inject_disarm();
    return script.opened == script.closed ? 0 : -1;
}

static zc_status try_open(const struct zc_backing_ops *ops, unsigned workers,
                          struct zc_backing **backing_out)
{
    const struct zc_backing_config config = {.struct_size = sizeof(config),
                                             .page_size = 4096,
                                             .slot_count = SLOTS,
                                             .user = &script};

    return zc_backing_open(ops, &config, workers, backing_out);
}

static struct zc_backing *open_scripted(unsigned workers)
{
    struct zc_backing *backing = NULL;

    assert_status(try_open(&scripted, workers, &backing), ZC_OK);
    return backing;
}

/* ---- open and close ---- */

TEST_WITH(a_device_hears_what_it_is_for, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(2);

    assert_int_equal(script.config.struct_size, sizeof(script.config));
    assert_int_equal(script.config.page_size, 4096);
    assert_int_equal(script.config.slot_count, SLOTS);
    assert_ptr_equal(script.config.user, &script);
    zc_backing_close(backing);
    assert_int_equal(script.closed, 1);
    zc_backing_close(NULL);
}

TEST_WITH(no_device_is_memory, set_up, tear_down)
{
    struct zc_backing *backing = NULL;
    unsigned char page[4096];

    assert_status(try_open(NULL, 0, &backing), ZC_OK);
    support_stamp(page, sizeof(page), 9, 1);
    assert_status(zc_backing_write(backing, 9, page), ZC_OK);
    memset(page, 0, sizeof(page));
    assert_status(zc_backing_read(backing, 9, page), ZC_OK);
    assert_true(support_has_stamp(page, sizeof(page), 9, 1));
    zc_backing_close(backing);
}

static void refuse(const struct zc_backing_ops *ops, unsigned workers,
                   zc_status expected)
{
    struct zc_backing *backing = NULL;

    assert_status(try_open(ops, workers, &backing), expected);
    assert_null(backing);
    assert_int_equal(script.opened, script.closed);
}

TEST_WITH(incomplete_devices_are_refused, set_up, tear_down)
{
    struct {
        struct zc_backing_ops ops;
        void *more;
    } newer = {.ops = scripted, .more = &newer};
    struct zc_backing_ops ops;

    ops = scripted;
    ops.open = NULL;
    refuse(&ops, 0, ZC_INVALID);
    ops = scripted;
    ops.close = NULL;
    refuse(&ops, 0, ZC_INVALID);
    ops = scripted;
    ops.write = NULL;
    refuse(&ops, 0, ZC_INVALID);
    ops = scripted;
    ops.read = NULL;
    refuse(&ops, 0, ZC_INVALID);
    ops = scripted;
    ops.struct_size = 4;
    refuse(&ops, 0, ZC_INVALID);
    newer.ops.struct_size = sizeof(newer);
    refuse(&newer.ops, 0, ZC_UNSUPPORTED);
    assert_int_equal(script.opened, 0);
}

TEST_WITH(an_older_device_has_no_discard, set_up, tear_down)
{
    struct zc_backing_ops ops = scripted;
    struct zc_backing *backing = NULL;

    ops.struct_size = offsetof(struct zc_backing_ops, discard);
    assert_status(try_open(&ops, 0, &backing), ZC_OK);
    zc_backing_discard(backing, 3);
    assert_int_equal(script.discarded, 0);
    zc_backing_close(backing);
}

TEST_WITH(more_workers_than_there_can_be_are_refused, set_up, tear_down)
{
    refuse(&scripted, ZC_BACKING_WORKERS_MAX + 1, ZC_INVALID);
    assert_int_equal(script.opened, 0);
    zc_backing_close(open_scripted(ZC_BACKING_WORKERS_MAX));
}

TEST_WITH(what_open_says_is_passed_on, set_up, tear_down)
{
    static const zc_status said[] = {ZC_INVALID, ZC_NO_MEMORY, ZC_IO_ERROR,
                                     ZC_UNSUPPORTED};
    unsigned i;

    for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        script.opens = said[i];
        refuse(&scripted, 2, said[i]);
    }
    assert_int_equal(script.closed, 0);
}

TEST_WITH(a_refused_open_undoes_everything, set_up, tear_down)
{
    unsigned countdown;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    refuse(&scripted, 4, ZC_NO_MEMORY);
    assert_int_equal(script.opened, 0);
    for (countdown = 0; countdown < 4; countdown++) {
        zc_inject_arm(ZC_INJECT_THREAD, countdown, 1);
        refuse(&scripted, 4, ZC_NO_MEMORY);
        assert_int_equal(zc_inject_failures(), 1);
        assert_int_equal(script.closed, countdown + 1);
    }
}

/* ---- transfers ---- */

TEST_WITH(without_workers_the_submitter_does_it, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(0);
    struct request request;

    prepare(&request, 1, true);
    zc_backing_submit(backing, &request.io);
    assert_int_equal(atomic_load(&request.completions), 1);
    assert_true(pthread_equal(request.thread, pthread_self()));
    assert_status(request.status, ZC_OK);
    assert_int_equal(atomic_load(&script.written), 1);

    prepare(&request, 1, false);
    zc_backing_submit(backing, &request.io);
    assert_int_equal(atomic_load(&request.completions), 1);
    assert_int_equal(request.page[4095], 0x5a);
    assert_int_equal(zc_backing_in_flight(backing), 0);
    assert_false(zc_backing_has_workers(backing));
    zc_backing_close(backing);
}

TEST_WITH(with_workers_another_thread_does_it, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(1);
    struct request request;

    prepare(&request, 1, true);
    atomic_store(&script.shut, true);
    zc_backing_submit(backing, &request.io);
    assert_int_equal(atomic_load(&request.completions), 0);
    assert_int_equal(zc_backing_in_flight(backing), 1);
    atomic_store(&script.shut, false);
    await(&request);
    assert_false(pthread_equal(request.thread, pthread_self()));
    assert_status(request.status, ZC_OK);
    assert_true(zc_backing_has_workers(backing));
    zc_backing_close(backing);
}

TEST_WITH(a_transfer_at_once_does_not_wait_for_workers, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(1);
    unsigned char page[4096] = {0};
    struct request request;

    prepare(&request, 1, true);
    atomic_store(&script.shut, true);
    zc_backing_submit(backing, &request.io);
    while (atomic_load(&script.inside) == 0)
        zc_cpu_relax();
    assert_status(zc_backing_read(backing, OPEN_SLOT, page), ZC_OK);
    assert_status(zc_backing_write(backing, OPEN_SLOT + 1, page), ZC_OK);
    assert_int_equal(page[0], 0x5a);
    assert_int_equal(atomic_load(&request.completions), 0);
    atomic_store(&script.shut, false);
    await(&request);
    zc_backing_close(backing);
}

TEST_WITH(whatever_a_device_fails_with_is_an_io_error, set_up, tear_down)
{
    static const zc_status said[] = {ZC_IO_ERROR, ZC_NO_MEMORY, ZC_BUSY,
                                     ZC_CORRUPT};
    struct zc_backing *backing = open_scripted(0);
    struct zc_backing_counts counts;
    unsigned char page[4096];
    struct request request;
    unsigned i;

    for (i = 0; i < 4; i++) {
        script.writes = said[i];
        script.reads = said[i];
        prepare(&request, 1, i % 2 == 0);
        zc_backing_submit(backing, &request.io);
        assert_status(request.status, ZC_IO_ERROR);
        assert_status(zc_backing_read(backing, 1, page), ZC_IO_ERROR);
        assert_status(zc_backing_write(backing, 1, page), ZC_IO_ERROR);
    }
    counts = zc_backing_count(backing);
    assert_int_equal(counts.write_errors, 6);
    assert_int_equal(counts.read_errors, 6);
    assert_int_equal(counts.pages_written, 0);
    assert_int_equal(counts.pages_read, 0);
    zc_backing_close(backing);
}

TEST_WITH(injected_failures_do_not_reach_the_device, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(0);
    struct zc_backing_counts counts;
    unsigned char page[4096];
    struct request request;

    zc_inject_arm(ZC_INJECT_WRITE, 0, 1);
    prepare(&request, 1, true);
    zc_backing_submit(backing, &request.io);
    assert_status(request.status, ZC_IO_ERROR);
    assert_status(zc_backing_write(backing, 1, page), ZC_OK);
    assert_int_equal(atomic_load(&script.written), 1);

    zc_inject_arm(ZC_INJECT_READ, 1, 1);
    assert_status(zc_backing_read(backing, 1, page), ZC_OK);
    assert_status(zc_backing_read(backing, 1, page), ZC_IO_ERROR);
    assert_int_equal(atomic_load(&script.read), 1);

    counts = zc_backing_count(backing);
    assert_int_equal(counts.pages_written, 1);
    assert_int_equal(counts.write_errors, 1);
    assert_int_equal(counts.pages_read, 1);
    assert_int_equal(counts.read_errors, 1);
    zc_backing_close(backing);
}

TEST_WITH(a_discard_reaches_the_device, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(1);

    zc_backing_discard(backing, 77);
    assert_int_equal(script.discarded, 78);
    zc_backing_close(backing);
}

TEST_WITH(workers_are_in_the_device_together, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(4);
    static struct request requests[6];
    unsigned waited;
    unsigned i;

    atomic_store(&script.shut, true);
    for (i = 0; i < 6; i++) {
        prepare(&requests[i], i, true);
        zc_backing_submit(backing, &requests[i].io);
    }
    for (waited = 0; atomic_load(&script.inside) < 4; waited++) {
        assert_true(waited < 100000);
        zc_sleep_ns(100000);
    }
    assert_int_equal(zc_backing_in_flight(backing), 6);
    atomic_store(&script.shut, false);
    for (i = 0; i < 6; i++)
        await(&requests[i]);
    assert_int_equal(atomic_load(&script.most), 4);
    zc_backing_close(backing);
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

TEST_WITH(a_request_can_be_freed_by_its_completion, set_up, tear_down)
{
    static const unsigned workers[] = {0, 1, 4};
    struct zc_backing *backing;
    struct request *request;
    unsigned i;
    unsigned n;

    for (i = 0; i < 3; i++) {
        backing = open_scripted(workers[i]);
        atomic_store(&ended, 0);
        for (n = 0; n < 500; n++) {
            request = malloc(sizeof(*request));
            assert_non_null(request);
            prepare(request, n, n % 3 != 0);
            request->io.complete = free_request;
            zc_backing_submit(backing, &request->io);
        }
        zc_backing_close(backing);
        assert_int_equal(atomic_load(&ended), 500);
    }
}

/* A request that submits itself again until it has done `left` transfers. */
struct chain {
    struct request request;
    struct zc_backing *backing;
    struct zc_mutex outer; /* a lock that the queue's lock comes after */
    unsigned left;
};

static void go_on(struct zc_io *io, zc_status status)
{
    struct request *request = ZC_CONTAINER(io, struct request, io);
    struct chain *chain = ZC_CONTAINER(request, struct chain, request);

    (void)status;
    /* Ends the process if a lock of the queue's were held. */
    zc_mutex_lock(&chain->outer);
    zc_mutex_unlock(&chain->outer);
    if (--chain->left > 0)
        zc_backing_submit(chain->backing, io);
}

TEST_WITH(a_completion_holds_no_lock_and_may_submit, set_up, tear_down)
{
    struct chain chain;
    unsigned workers;

    for (workers = 0; workers < 3; workers++) {
        prepare(&chain.request, 1, true);
        chain.request.io.complete = go_on;
        chain.backing = open_scripted(workers);
        chain.left = 50;
        assert_status(zc_mutex_init(&chain.outer, ZC_RANK_VM_MAPPINGS, "outer"),
                      ZC_OK);
        zc_backing_submit(chain.backing, &chain.request.io);
        /* The close waits for the last link. */
        zc_backing_close(chain.backing);
        assert_int_equal(chain.left, 0);
        zc_mutex_destroy(&chain.outer);
    }
}

struct closing {
    struct zc_backing *backing;
    struct request *requests;
    unsigned count;
    atomic_bool closed;
};

static void *close_it(void *argument)
{
    struct closing *closing = argument;

    zc_backing_close(closing->backing);
    atomic_store(&closing->closed, true);
    return NULL;
}

static void *submit_all(void *argument)
{
    struct closing *closing = argument;
    unsigned i;

    for (i = 0; i < closing->count; i++)
        zc_backing_submit(closing->backing, &closing->requests[i].io);
    return NULL;
}

static void close_waits(unsigned workers, unsigned count)
{
    static struct request requests[20];
    struct closing closing = {.requests = requests, .count = count};
    pthread_t submitter;
    pthread_t closer;
    unsigned i;

    closing.backing = open_scripted(workers);
    for (i = 0; i < count; i++)
        prepare(&requests[i], i, true);
    atomic_store(&script.shut, true);
    assert_int_equal(pthread_create(&submitter, NULL, submit_all, &closing), 0);
    while (zc_backing_in_flight(closing.backing) < count)
        zc_cpu_relax();
    assert_int_equal(pthread_create(&closer, NULL, close_it, &closing), 0);
    zc_sleep_ns(20000000);
    assert_false(atomic_load(&closing.closed));
    assert_int_equal(script.closed + 1, script.opened);
    atomic_store(&script.shut, false);
    (void)pthread_join(closer, NULL);
    (void)pthread_join(submitter, NULL);
    assert_int_equal(script.closed, script.opened);
    for (i = 0; i < count; i++)
        assert_int_equal(atomic_load(&requests[i].completions), 1);
}

TEST_WITH(the_close_waits_for_every_request, set_up, tear_down)
{
    close_waits(0, 1);
    close_waits(1, 1);
    close_waits(1, 20);
    close_waits(4, 20);
}

/* ---- mistakes of ours ---- */

static void submit_twins(void *context)
{
    static struct request requests[2];
    struct zc_backing *backing = open_scripted(2);

    prepare(&requests[0], 7, true);
    prepare(&requests[1], 7, *(const bool *)context);
    atomic_store(&script.shut, true);
    zc_backing_submit(backing, &requests[0].io);
    zc_backing_submit(backing, &requests[1].io);
}

static void submit_and_write(void *context)
{
    static struct request request;
    struct zc_backing *backing = open_scripted(1);

    (void)context;
    prepare(&request, 7, false);
    atomic_store(&script.shut, true);
    zc_backing_submit(backing, &request.io);
    while (atomic_load(&script.inside) == 0)
        zc_cpu_relax();
    (void)zc_backing_write(backing, 7, request.page);
}

TEST_WITH(a_write_with_company_is_caught, set_up, tear_down)
{
    bool is_write = true;

    support_assert_aborts(submit_twins, &is_write, "alone", "backing.c");
    is_write = false;
    support_assert_aborts(submit_twins, &is_write, "alone", "backing.c");
    support_assert_aborts(submit_and_write, NULL, "alone", "backing.c");
}

TEST_WITH(reads_of_one_slot_may_be_many, set_up, tear_down)
{
    struct zc_backing *backing = open_scripted(2);
    static struct request requests[3];
    unsigned i;

    atomic_store(&script.shut, true);
    for (i = 0; i < 3; i++) {
        prepare(&requests[i], 7, false);
        zc_backing_submit(backing, &requests[i].io);
    }
    atomic_store(&script.shut, false);
    for (i = 0; i < 3; i++)
        await(&requests[i]);
    zc_backing_close(backing);
}

static void submit_under_spinlock(void *context)
{
    struct zc_backing *backing = open_scripted(0);
    struct zc_spinlock lock;
    struct request request;

    (void)context;
    prepare(&request, 7, true);
    (void)zc_spinlock_init(&lock, ZC_RANK_SHARD, "a spinlock");
    zc_spinlock_lock(&lock);
    zc_backing_submit(backing, &request.io);
    zc_spinlock_unlock(&lock);
}

TEST_WITH(a_transfer_under_a_spinlock_is_caught, set_up, tear_down)
{
    support_assert_aborts(submit_under_spinlock, NULL, "may block",
                          "a spinlock");
}

/* ---- all at once ---- */

#define CALLERS 3
#define SLOTS_EACH 64
#define OPERATIONS 3000

/* Each slot has one request; it is prepared again when it has ended. */
struct busy {
    struct zc_backing *backing;
    struct request requests[CALLERS * SLOTS_EACH];
    uint64_t written[CALLERS * SLOTS_EACH]; /* content; 0: none */
};

/* Judges the last request of a slot and begins another. */
static void next_request(struct support_worker *worker, struct busy *busy,
                         unsigned i)
{
    struct request *request = &busy->requests[i];
    const unsigned n = atomic_load(&request->completions);

    if (n != 1) {
        support_mistake(worker, "completed %u times", n);
        return;
    }
    if (request->status != ZC_OK)
        support_mistake(worker, "failed");
    if (!request->io.is_write &&
        !support_has_stamp(request->page, 4096, i, busy->written[i]))
        support_mistake(worker, "slot %u has other bytes", i);
    prepare(request, i,
            busy->written[i] == 0 ||
                support_random_below(&worker->random, 2) == 0);
    if (request->io.is_write)
        support_stamp(request->page, 4096, i, ++busy->written[i]);
    worker->operations++;
    zc_backing_submit(busy->backing, &request->io);
}

static void keep_busy(struct support_worker *worker)
{
    struct busy *busy = worker->context;
    unsigned i;

    while (worker->operations < OPERATIONS && !support_is_stopped(worker)) {
        i = (unsigned)support_random_below(&worker->random, SLOTS_EACH) *
                CALLERS +
            worker->index;
        if (atomic_load(&busy->requests[i].completions) == 0)
            zc_cpu_relax();
        else
            next_request(worker, busy, i);
    }
}

static void stress(unsigned workers)
{
    struct busy *busy = calloc(1, sizeof(*busy));
    struct zc_backing_counts counts;
    struct support_crew crew;
    uint64_t operations = 0;
    unsigned i;

    assert_non_null(busy);
    assert_status(try_open(&zc_backing_memory, workers, &busy->backing), ZC_OK);
    for (i = 0; i < CALLERS * SLOTS_EACH; i++) {
        prepare(&busy->requests[i], i, true);
        atomic_store(&busy->requests[i].completions, 1);
    }
    support_crew_init(&crew);
    for (i = 0; i < CALLERS; i++)
        support_crew_add(&crew, keep_busy, busy);
    support_crew_run(&crew, 0);

    for (i = 0; i < CALLERS; i++)
        operations += crew.workers[i].operations;
    for (i = 0; i < CALLERS * SLOTS_EACH; i++)
        await(&busy->requests[i]);
    counts = zc_backing_count(busy->backing);
    assert_int_equal(counts.pages_written + counts.pages_read, operations);
    assert_int_equal(counts.write_errors + counts.read_errors, 0);
    assert_true(counts.pages_read > operations / 4);
    zc_backing_close(busy->backing);
    free(busy);
}

TEST_WITH(threads_without_workers, set_up, tear_down)
{
    stress(0);
}

TEST_WITH(threads_and_one_worker, set_up, tear_down)
{
    stress(1);
}

TEST_WITH(threads_and_four_workers, set_up, tear_down)
{
    stress(4);
}
