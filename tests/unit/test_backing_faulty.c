/* SPDX-License-Identifier: MIT */
/*
 * test_backing_faulty.c - injected faults come at the rate that was asked for,
 * the same for the same seed, and no others.
 */
#include "support_backing.h"
#include "support_device.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "platform/processor.h"

#define TRIES 20000

static const struct zc_backing_ops *const faulty = &zc_backing_faulty;

static struct zc_backing_faults faults; /* none at first */
static void *backing;
static unsigned char page[4096];

static int set_up(void **state)
{
    (void)state;
    faults = (struct zc_backing_faults){.struct_size = sizeof(faults)};
    backing = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_inject_disarm();
    if (backing != NULL)
        faulty->close(backing);
    return 0;
}

#define FAULTY_TEST(name) TEST_WITH(name, set_up, tear_down)

static void open_faulty(void)
{
    backing = support_backing_open(faulty, &faults, 4096, TRIES);
}

static bool writes_to(uint64_t slot)
{
    return faulty->write(backing, slot, page) == ZC_OK;
}

static void refuse(zc_status expected)
{
    assert_status(support_backing_try(faulty, &faults), expected);
}

FAULTY_TEST(without_faults_it_is_the_device_behind)
{
    struct zc_backing_file file = {.struct_size = sizeof(file),
                                   .path = files.path};

    support_backing_round_trips(faulty, NULL);
    support_backing_round_trips(faulty, &faults);
    faults.full_after = 10000;
    support_backing_round_trips(faulty, &faults);
    support_backing_threads(faulty, &faults);
    support_place_make();
    faults.ops = &zc_backing_file;
    faults.user = &file;
    support_backing_round_trips(faulty, &faults);
    support_place_remove();
}

static char failed_writes[2][TRIES + 1];
static char failed_reads[2][TRIES + 1];

/* Writes and reads, and notes as text which of them fail. */
static void run(unsigned run, bool reads)
{
    unsigned i;

    open_faulty();
    for (i = 0; i < TRIES; i++) {
        failed_writes[run][i] = writes_to(i % 8) ? '.' : 'x';
        while (i == 0 && !writes_to(0))
            continue;
        if (reads)
            failed_reads[run][i] =
                faulty->read(backing, 0, page) == ZC_OK ? '.' : 'x';
    }
    faulty->close(backing);
    backing = NULL;
}

static unsigned count_errors(const char *text)
{
    unsigned count = 0;

    for (; *text != '\0'; text++)
        count += *text == 'x';
    return count;
}

FAULTY_TEST(errors_come_as_often_as_ordered)
{
    faults.write_errors = 50000;
    faults.read_errors = 250000;
    run(0, true);
    assert_in_range(count_errors(failed_writes[0]), 850, 1150);
    assert_in_range(count_errors(failed_reads[0]), 4700, 5300);

    faults.write_errors = 0;
    faults.read_errors = 1000000;
    run(0, true);
    assert_int_equal(count_errors(failed_writes[0]), 0);
    assert_int_equal(count_errors(failed_reads[0]), TRIES);

    /* One in a million, and not the first of all. */
    faults.write_errors = 1;
    faults.read_errors = 1;
    run(0, true);
    assert_int_equal(count_errors(failed_writes[0]), 0);
    assert_int_equal(count_errors(failed_reads[0]), 0);
}

FAULTY_TEST(one_seed_gives_one_sequence_and_another_another)
{
    unsigned shift;

    faults.seed = 42;
    faults.write_errors = 100000;
    faults.read_errors = 100000;
    run(0, true);
    run(1, true);
    assert_string_equal(failed_writes[0], failed_writes[1]);
    assert_string_equal(failed_reads[0], failed_reads[1]);
    /* Wherever it begins: the first write was tried until it worked. */
    for (shift = 0; shift < 8; shift++)
        assert_int_not_equal(
            strncmp(failed_writes[0] + 1, failed_reads[0] + 1 + shift, 1000),
            0);

    /* Reads do not change which writes fail. */
    run(1, false);
    assert_string_equal(failed_writes[0], failed_writes[1]);

    faults.seed = 43;
    run(1, true);
    assert_string_not_equal(failed_writes[0], failed_writes[1]);
    assert_string_not_equal(failed_reads[0], failed_reads[1]);
    assert_string_not_equal(failed_reads[0], failed_writes[1]);
}

FAULTY_TEST(a_failed_write_may_have_written)
{
    unsigned reached = 0;
    unsigned failed = 0;
    unsigned i;

    faults.write_errors = 500000;
    open_faulty();
    while (!writes_to(0))
        continue;
    for (i = 2; i < 200; i++) {
        memset(page, (int)i, sizeof(page));
        if (writes_to(0))
            continue;
        failed++;
        assert_status(faulty->read(backing, 0, page), ZC_OK);
        reached += page[0] == i;
    }
    assert_in_range(reached, failed / 4, failed - failed / 4);
}

FAULTY_TEST(a_full_device_takes_no_more_slots_until_one_is_discarded)
{
    uint64_t slot;

    faults.full_after = 40;
    open_faulty();
    for (slot = 0; slot < 40; slot++)
        assert_true(writes_to(slot * 100));
    assert_status(faulty->write(backing, 4000, page), ZC_IO_ERROR);
    assert_false(writes_to(3901));
    /* What is in use stays usable. */
    assert_true(writes_to(3900));
    assert_status(faulty->read(backing, 0, page), ZC_OK);

    faulty->discard(backing, 0);
    faulty->discard(backing, 0);
    faulty->discard(backing, 1);
    assert_true(writes_to(4000));
    assert_false(writes_to(4001));
    assert_false(writes_to(0));
}

FAULTY_TEST(a_slot_whose_first_write_failed_is_not_in_use)
{
    unsigned written = 0;
    unsigned failed = 0;
    uint64_t first = 0;
    uint64_t slot;

    faults.full_after = 40;
    faults.write_errors = 500000;
    open_faulty();
    for (slot = 0; slot < 400; slot++)
        if (writes_to(slot) && written++ == 0)
            first = slot;
    assert_int_equal(written, 40);

    /* And one that was in use stays so when a later write fails. */
    while (failed < 20)
        failed += !writes_to(first);
    for (slot = 400; slot < 500; slot++)
        assert_false(writes_to(slot));
}

static void fill(struct support_worker *worker)
{
    uint64_t slot;

    for (slot = worker->index; slot < 4000; slot += 4)
        worker->operations += writes_to(slot);
}

FAULTY_TEST(threads_together_cannot_use_more)
{
    struct support_crew crew;
    uint64_t written = 0;
    unsigned i;

    faults.full_after = 1000;
    open_faulty();
    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, fill, NULL);
    support_crew_run(&crew, 0);
    for (i = 0; i < 4; i++)
        written += crew.workers[i].operations;
    assert_int_equal(written, 1000);
}

FAULTY_TEST(a_transfer_takes_its_time)
{
    uint64_t started;

    faults.latency_ns = 3000000;
    open_faulty();
    started = zc_clock_ns();
    assert_true(writes_to(0));
    assert_true(zc_clock_ns() - started >= 3000000);
    started = zc_clock_ns();
    assert_status(faulty->read(backing, 0, page), ZC_OK);
    assert_true(zc_clock_ns() - started >= 3000000);
}

FAULTY_TEST(the_device_behind_is_the_one_that_was_named)
{
    static struct support_device device;
    struct zc_backing_ops ops = support_device_ops;

    support_device_init(&device);
    ops.discard = NULL;
    faults.ops = &ops;
    faults.user = &device;
    atomic_store(&device.fails_open, true);
    atomic_store(&device.failure, ZC_UNSUPPORTED);
    refuse(ZC_UNSUPPORTED);
    atomic_store(&device.fails_open, false);
    faults.full_after = 1;
    open_faulty();
    assert_true(writes_to(1));
    assert_true(support_device_has(&device, 1));
    atomic_store(&device.failing_reads, 1);
    assert_true(faulty->read(backing, 1, page) != ZC_OK);
    atomic_store(&device.failing_writes, 1);
    assert_status(faulty->write(backing, 1, page), ZC_IO_ERROR);
    faulty->discard(backing, 1); /* it has none */
    faulty->close(backing);
    backing = NULL;
    support_device_fini(&device);
}

FAULTY_TEST(bad_orders_are_refused)
{
    struct zc_backing_ops incomplete = zc_backing_memory;

    faults.struct_size = 3;
    refuse(ZC_INVALID);
    faults.struct_size = sizeof(faults);
    incomplete.read = NULL;
    faults.ops = &incomplete;
    refuse(ZC_INVALID);
}

FAULTY_TEST(without_memory_it_does_not_open)
{
    unsigned countdown;

    faults.full_after = 1;
    for (countdown = 0; countdown < 2; countdown++) { /* both devices */
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        refuse(ZC_NO_MEMORY);
    }
    refuse(ZC_OK);
}
