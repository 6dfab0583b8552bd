/* SPDX-License-Identifier: MIT */
/*
 * test_backing_faulty.c - injected faults come at the rate that was asked for,
 * the same for the same seed, and no others.
 */
#include "support_backing.h"
#include "support_content.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "platform/processor.h"

#define TRIES 20000

static const struct zc_backing_ops *const faulty = &zc_backing_faulty;

static struct zc_backing_faults no_faults(void)
{
    const struct zc_backing_faults faults = {.struct_size = sizeof(faults)};

    return faults;
}

static void *open_with(const struct zc_backing_faults *faults)
{
    return support_backing_open(faulty, (void *)(uintptr_t)faults, 4096, TRIES);
}

static int disarm(void **state)
{
    (void)state;
    zc_inject_disarm();
    return 0;
}

TEST_AFTER(without_mistakes_it_is_the_device_behind, disarm)
{
    struct zc_backing_faults faults = no_faults();

    support_backing_round_trips(faulty, NULL);
    support_backing_round_trips(faulty, &faults);
    faults.full_after = 10000;
    support_backing_round_trips(faulty, &faults);
    support_backing_threads(faulty, &faults);
}

/* Writes and reads, and gives as text which of them fail. */
static void run(const struct zc_backing_faults *faults, char *writes,
                char *reads)
{
    void *backing = open_with(faults);
    unsigned char page[4096] = {0};
    unsigned i;

    for (i = 0; i < TRIES; i++) {
        writes[i] = faulty->write(backing, i % 8, page) == ZC_OK ? '.' : 'x';
        while (i == 0 && faulty->write(backing, 0, page) != ZC_OK)
            continue;
        if (reads != NULL)
            reads[i] = faulty->read(backing, 0, page) == ZC_OK ? '.' : 'x';
    }
    writes[TRIES] = '\0';
    if (reads != NULL)
        reads[TRIES] = '\0';
    faulty->close(backing);
}

static unsigned count_errors(const char *text)
{
    unsigned count = 0;

    for (; *text != '\0'; text++)
        count += *text == 'x';
    return count;
}

static char writes[2][TRIES + 1];
static char reads[2][TRIES + 1];

TEST_AFTER(errors_come_as_often_as_ordered, disarm)
{
    struct zc_backing_faults faults = no_faults();

    faults.write_errors = 50000;
    faults.read_errors = 250000;
    run(&faults, writes[0], reads[0]);
    assert_in_range(count_errors(writes[0]), 850, 1150);
    assert_in_range(count_errors(reads[0]), 4700, 5300);

    faults.write_errors = 0;
    faults.read_errors = 1000000;
    run(&faults, writes[0], reads[0]);
    assert_int_equal(count_errors(writes[0]), 0);
    assert_int_equal(count_errors(reads[0]), TRIES);
}

TEST_AFTER(one_seed_is_one_fortune_and_another_another, disarm)
{
    struct zc_backing_faults faults = no_faults();
    unsigned shift;

    faults.seed = 42;
    faults.write_errors = 100000;
    faults.read_errors = 100000;
    run(&faults, writes[0], reads[0]);
    run(&faults, writes[1], reads[1]);
    assert_string_equal(writes[0], writes[1]);
    assert_string_equal(reads[0], reads[1]);
    /* Wherever it begins: the first write was tried until it worked. */
    for (shift = 0; shift < 8; shift++)
        assert_int_not_equal(strncmp(writes[0] + 1, reads[0] + 1 + shift, 1000),
                             0);

    /* Reads do not change which writes fail. */
    run(&faults, writes[1], NULL);
    assert_string_equal(writes[0], writes[1]);

    faults.seed = 43;
    run(&faults, writes[1], reads[1]);
    assert_string_not_equal(writes[0], writes[1]);
    assert_string_not_equal(reads[0], reads[1]);
    assert_string_not_equal(reads[0], writes[1]);
}

TEST_AFTER(a_failed_write_may_have_written, disarm)
{
    struct zc_backing_faults faults = no_faults();
    unsigned char page[4096];
    unsigned reached = 0;
    unsigned failed = 0;
    void *backing;
    unsigned i;

    faults.write_errors = 500000;
    backing = open_with(&faults);
    memset(page, 1, sizeof(page));
    while (faulty->write(backing, 0, page) != ZC_OK)
        continue;
    for (i = 2; i < 200; i++) {
        memset(page, (int)i, sizeof(page));
        if (faulty->write(backing, 0, page) == ZC_OK)
            continue;
        failed++;
        assert_status(faulty->read(backing, 0, page), ZC_OK);
        reached += page[0] == i;
    }
    assert_in_range(reached, failed / 4, failed - failed / 4);
    faulty->close(backing);
}

TEST_AFTER(a_full_device_takes_no_more_slots_until_one_is_discarded, disarm)
{
    struct zc_backing_faults faults = no_faults();
    unsigned char page[4096] = {0};
    void *backing;
    uint64_t slot;

    faults.full_after = 40;
    backing = open_with(&faults);
    for (slot = 0; slot < 40; slot++)
        assert_status(faulty->write(backing, slot * 100, page), ZC_OK);
    assert_status(faulty->write(backing, 4000, page), ZC_IO_ERROR);
    assert_status(faulty->write(backing, 3901, page), ZC_IO_ERROR);
    /* What is in use stays usable. */
    assert_status(faulty->write(backing, 3900, page), ZC_OK);
    assert_status(faulty->read(backing, 0, page), ZC_OK);

    faulty->discard(backing, 0);
    faulty->discard(backing, 0);
    faulty->discard(backing, 1);
    assert_status(faulty->write(backing, 4000, page), ZC_OK);
    assert_status(faulty->write(backing, 4001, page), ZC_IO_ERROR);
    assert_status(faulty->write(backing, 0, page), ZC_IO_ERROR);
    faulty->close(backing);
}

TEST_AFTER(a_slot_whose_first_write_failed_is_not_in_use, disarm)
{
    struct zc_backing_faults faults = no_faults();
    unsigned char page[4096] = {0};
    unsigned written = 0;
    unsigned failed;
    void *backing;
    uint64_t slot;
    uint64_t first = 0;

    faults.full_after = 40;
    faults.write_errors = 500000;
    backing = open_with(&faults);
    for (slot = 0; slot < 400; slot++) {
        if (faulty->write(backing, slot, page) != ZC_OK)
            continue;
        if (written++ == 0)
            first = slot;
    }
    assert_int_equal(written, 40);

    /* And one that was in use stays so when a later write fails. */
    for (failed = 0; failed < 20;)
        failed += faulty->write(backing, first, page) != ZC_OK;
    for (slot = 400; slot < 500; slot++)
        assert_status(faulty->write(backing, slot, page), ZC_IO_ERROR);
    faulty->close(backing);
}

static void fill(struct support_worker *worker)
{
    unsigned char page[4096] = {0};
    uint64_t slot;

    for (slot = worker->index; slot < 4000; slot += 4)
        if (faulty->write(worker->context, slot, page) == ZC_OK)
            worker->operations++;
}

TEST_AFTER(threads_together_cannot_use_more, disarm)
{
    struct zc_backing_faults faults = no_faults();
    struct support_crew crew;
    uint64_t written = 0;
    void *backing;
    unsigned i;

    faults.full_after = 1000;
    backing = open_with(&faults);
    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, fill, backing);
    support_crew_run(&crew, 0);
    for (i = 0; i < 4; i++)
        written += crew.workers[i].operations;
    assert_int_equal(written, 1000);
    faulty->close(backing);
}

TEST_AFTER(a_transfer_takes_its_time, disarm)
{
    struct zc_backing_faults faults = no_faults();
    unsigned char page[4096] = {0};
    uint64_t started;
    void *backing;

    faults.latency_ns = 3000000;
    backing = open_with(&faults);
    started = zc_clock_ns();
    assert_status(faulty->write(backing, 0, page), ZC_OK);
    assert_true(zc_clock_ns() - started >= 3000000);
    started = zc_clock_ns();
    assert_status(faulty->read(backing, 0, page), ZC_OK);
    assert_true(zc_clock_ns() - started >= 3000000);
    faulty->close(backing);
}

/* A device that fails at everything, by itself. */
static zc_status broken_open(const struct zc_backing_config *config,
                             void **backing_out)
{
    if (config->user == NULL)
        return ZC_UNSUPPORTED;
    *backing_out = config->user;
    return ZC_OK;
}

static void broken_close(void *backing)
{
    ++*(unsigned *)backing;
}

static zc_status broken_write(void *backing, uint64_t slot, const void *page)
{
    (void)backing;
    (void)slot;
    (void)page;
    return ZC_NO_MEMORY;
}

static zc_status broken_read(void *backing, uint64_t slot, void *page_out)
{
    (void)backing;
    (void)slot;
    (void)page_out;
    return ZC_CORRUPT;
}

static const struct zc_backing_ops broken = {
    .struct_size = sizeof(broken),
    .open = broken_open,
    .close = broken_close,
    .write = broken_write,
    .read = broken_read,
};

TEST_AFTER(the_device_behind_is_the_one_that_was_named, disarm)
{
    struct zc_backing_faults faults = no_faults();
    unsigned char page[4096] = {0};
    unsigned closed = 0;
    void *backing;

    faults.ops = &broken;
    assert_status(support_backing_try(faulty, &faults), ZC_UNSUPPORTED);
    faults.user = &closed;
    faults.full_after = 1;
    backing = open_with(&faults);
    assert_status(faulty->write(backing, 1, page), ZC_IO_ERROR);
    assert_true(faulty->read(backing, 1, page) != ZC_OK);
    faulty->discard(backing, 1); /* it has none */
    faulty->close(backing);
    assert_int_equal(closed, 1);
}

TEST_AFTER(bad_orders_are_refused, disarm)
{
    struct zc_backing_ops incomplete = zc_backing_memory;
    struct zc_backing_faults faults = no_faults();

    faults.write_errors = 1000001;
    assert_status(support_backing_try(faulty, &faults), ZC_INVALID);
    faults = no_faults();
    faults.read_errors = 1000001;
    assert_status(support_backing_try(faulty, &faults), ZC_INVALID);
    faults = no_faults();
    faults.struct_size = 3;
    assert_status(support_backing_try(faulty, &faults), ZC_INVALID);
    faults = no_faults();
    incomplete.read = NULL;
    faults.ops = &incomplete;
    assert_status(support_backing_try(faulty, &faults), ZC_INVALID);
}

TEST_AFTER(open_refuses_without_memory, disarm)
{
    struct zc_backing_faults faults = no_faults();
    unsigned countdown;

    faults.full_after = 1;
    for (countdown = 0; countdown < 2; countdown++) { /* both devices */
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        assert_status(support_backing_try(faulty, &faults), ZC_NO_MEMORY);
    }
    assert_status(support_backing_try(faulty, &faults), ZC_OK);
}
