/* SPDX-License-Identifier: MIT */
/*
 * backing_worker.c - the worker of a device, from its start to its end.
 *
 * A request waits in a queue for the worker.  Each must be done, once, and the
 * device must not be closed before that: by itself, and below a cache, where
 * the worker ends the write of a folio while its page is taken.  Without a
 * worker the threads that ask do their transfers at the same time.
 */
#include <zcache/swap.h>

#include "lab_platform.h"
#include "platform/memory.h"
#include "swap/backing/backing.h"
#include "world_internal.h"

#define REQUESTS 2

struct request {
    struct zc_io io; /* first */
    unsigned done;
};

static void complete(struct zc_io *io, zc_status status)
{
    struct request *request = (struct request *)io;

    world_must(status, "page lost");
    request->done++;
}

static void submit(struct zc_backing *backing, struct request *request,
                   unsigned slot,
                   void (*end)(struct zc_io *io, zc_status status))
{
    WORLD_ENTER("zc_backing_submit(%u)", slot);
    request->done = 0;
    request->io = (struct zc_io){
        .is_write = true,
        .slot = slot,
        .data = (void *)(uintptr_t)world_page(slot, 1),
        .complete = end,
    };
    zc_backing_submit(backing, &request->io);
    world_leave();
}

static struct zc_backing *open_device(unsigned workers)
{
    const struct zc_backing_config config = {
        .struct_size = sizeof(config),
        .page_size = WORLD_PAGE,
        .slot_count = WORLD_SLOTS,
    };
    struct zc_backing *backing = NULL;

    WORLD_ENTER("zc_backing_open(%u workers)", workers);
    world_must(zc_backing_open(NULL, &config, workers, &backing), "no device");
    world_leave();
    return backing;
}

static void open_write_close(void *context)
{
    struct request *requests = zc_calloc(REQUESTS, sizeof(*requests));
    struct zc_backing *backing = open_device(1);

    (void)context;
    for (unsigned i = 0; i < REQUESTS; i++)
        submit(backing, &requests[i], i, complete);
    WORLD_ENTER("zc_backing_close()");
    zc_backing_close(backing);
    world_leave();
    for (unsigned i = 0; i < REQUESTS; i++)
        if (requests[i].done != 1)
            lab_fail("page lost", "request %u was done %u times", i,
                     requests[i].done);
    zc_free(requests);
}

static void setup_nothing(void)
{
}

static void setup_cache(void)
{
    world_lru_cache();
}

static void write_and_take(void *context)
{
    zc_status status;

    (void)context;
    if (world_device_on(1) != ZC_OK)
        return; /* another change is under way */
    (void)world_store(1, 1);
    world_make_cold();
    (void)world_writeback();
    (void)world_take(1);
    status = world_swap_off();
    if (status != ZC_BUSY)
        world_must(status, "no swapoff");
}

/* --- without a worker ------------------------------------------------ */

static struct zc_backing *device; /* of setup */

static void setup_device(void)
{
    device = open_device(0);
}

/* The request is gone when it has ended. */
static void free_request(struct zc_io *io, zc_status status)
{
    complete(io, status);
    zc_free(io);
}

static void submit_new(unsigned slot)
{
    submit(device, zc_calloc(1, sizeof(struct request)), slot, free_request);
}

static void submit_one(void *context)
{
    (void)context;
    submit_new(1);
}

static void write_other(void *context)
{
    (void)context;
    WORLD_ENTER("zc_backing_write(0)");
    world_must(zc_backing_write(device, 0, world_page(0, 1)), "write failed");
    world_leave();
}

static void write_and_submit(void *context)
{
    write_other(context);
    submit_new(2);
}

static void read_and_close(void)
{
    static char page[WORLD_PAGE];

    for (unsigned i = 0; i < 3; i++) {
        world_must(zc_backing_read(device, i, page), "read failed");
        (void)world_check_page(i, page);
    }
    zc_backing_close(device);
}

static const struct world_case inlined = {.setup = setup_device,
                                          .finish = read_and_close};
static const struct lab_actor at_once[] = {
    {"zc_backing_write(0), submit(2)", write_and_submit},
    {"zc_backing_submit(1)", submit_one},
};

static const struct world_case alone = {.setup = setup_nothing};
static const struct world_case below = {.setup = setup_cache};

static const struct lab_actor closing[] = {
    {"open, write twice, close", open_write_close},
};
static const struct lab_actor taking[] = {
    {"write back, take, swapoff", write_and_take},
};

#define ORIGIN "this library: the queue of a device"

const struct lab_scenario scenario_backing_worker = {
    .summary = "two requests and close || the device's worker",
    .program = {WORLD_PROGRAM("backing-worker", closing, &alone),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two pages are handed to the worker of a device, and the device "
             "is closed: the worker is woken for each, and goes last.",
    .origin = ORIGIN,
};

const struct lab_scenario scenario_writeback_worker = {
    .summary = "writeback, take, swapoff || the device's worker",
    .program = {WORLD_PROGRAM("writeback-worker", taking, &below),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "The worker ends the write of a folio, whose page is taken: the "
             "take waits for the write, or finds the page on the device; "
             "swapoff waits for the worker.",
    .origin = ORIGIN,
};

const struct lab_scenario scenario_backing_inline = {
    .summary = "write || request to a device without workers",
    .program = {WORLD_PROGRAM("backing-inline", at_once, &inlined),
                .coalesce = true},
    .break_rule = world_break,
    .rules = world_no_rules,
    .for_locks = true,
    .bound = LAB_NO_BOUND,
    .story = "Two threads transfer a page each: each transfer enters the list "
             "of those under way and leaves it, and its request is freed.",
    .origin = ORIGIN,
};
