/* SPDX-License-Identifier: MIT */
/* test_backing_memory.c - memory as a device: made where written, given back.
 */
#include "support_backing.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "platform/memory.h"

static int disarm(void **state)
{
    (void)state;
    zc_inject_disarm();
    return 0;
}

TEST_AFTER(pages_come_back, disarm)
{
    support_backing_round_trips(&zc_backing_memory, NULL);
}

TEST_AFTER(threads_do_not_disturb_each_other, disarm)
{
    support_backing_threads(&zc_backing_memory, NULL);
}

#define LEAVES 400
#define RACERS 3

/* All threads begin at the same leaf, and find the leaves of the others. */
static void write_everywhere(struct support_worker *worker)
{
    unsigned char page[4096];
    uint64_t slot;
    unsigned i;

    for (i = 0; i < LEAVES; i++) {
        slot = (uint64_t)i * 1024 + worker->index;
        support_stamp(page, sizeof(page), slot, i);
        if (zc_backing_memory.write(worker->context, slot, page) != ZC_OK)
            support_mistake(worker, "not written");
    }
}

TEST_AFTER(racing_for_a_leaf_loses_no_page, disarm)
{
    void *backing =
        support_backing_open(&zc_backing_memory, NULL, 4096, LEAVES * 1024);
    unsigned char page[4096];
    struct support_crew crew;
    uint64_t slot;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < RACERS; i++)
        support_crew_add(&crew, write_everywhere, backing);
    support_crew_run(&crew, 0);
    for (i = 0; i < LEAVES * RACERS; i++) {
        slot = (uint64_t)(i / RACERS) * 1024 + i % RACERS;
        assert_status(zc_backing_memory.read(backing, slot, page), ZC_OK);
        assert_true(support_has_stamp(page, sizeof(page), slot, i / RACERS));
    }
    zc_backing_memory.close(backing);
}

TEST_AFTER(a_large_device_costs_what_is_written, disarm)
{
    const uint64_t slots = UINT64_C(1) << 32;
    const uint64_t before = support_resident_bytes();
    unsigned char page[4096] = {0};
    void *backing;
    uint64_t i;

    backing = support_backing_open(&zc_backing_memory, NULL, 4096, slots);
    for (i = 0; i < 16; i++)
        assert_status(
            zc_backing_memory.write(backing, slots - 1 - i * 1024, page),
            ZC_OK);
    if (!SUPPORT_SANITIZED && before != 0)
        assert_in_range(support_resident_bytes() - before, 0, 1 << 20);
    zc_backing_memory.close(backing);
}

TEST_AFTER(a_discard_gives_the_memory_back, disarm)
{
    const uint64_t count = 4096;
    unsigned char page[4096];
    uint64_t before;
    uint64_t slot;
    unsigned round;
    void *backing;

    memset(page, 7, sizeof(page));
    backing = support_backing_open(&zc_backing_memory, NULL, 4096, 9 * count);
    before = support_resident_bytes();
    for (round = 0; round < 8; round++)
        for (slot = round * count; slot < (round + 1) * count; slot++) {
            assert_status(zc_backing_memory.write(backing, slot, page), ZC_OK);
            zc_backing_memory.discard(backing, slot);
        }
    /* Of a slot that has nothing, as well. */
    zc_backing_memory.discard(backing, 0);
    zc_backing_memory.discard(backing, 9 * count - 1);
    if (!SUPPORT_SANITIZED && before != 0)
        assert_in_range(support_resident_bytes() - before, 0, 4 << 20);
    zc_backing_memory.close(backing);
}

static void read_unwritten(void *context)
{
    unsigned char page[4096];

    (void)zc_backing_memory.read(context, 5, page);
}

TEST_AFTER(reading_what_was_never_written_is_our_mistake, disarm)
{
    void *backing = support_backing_open(&zc_backing_memory, NULL, 4096, 4096);
    unsigned char page[4096] = {0};

    support_assert_aborts(read_unwritten, backing, "place != NULL", "backing");
    assert_status(zc_backing_memory.write(backing, 4, page), ZC_OK);
    support_assert_aborts(read_unwritten, backing, "*place != NULL", "backing");
    assert_status(zc_backing_memory.write(backing, 5, page), ZC_OK);
    zc_backing_memory.discard(backing, 5);
    support_assert_aborts(read_unwritten, backing, "*place != NULL", "backing");
    zc_backing_memory.close(backing);
}

TEST_AFTER(open_refuses_without_memory, disarm)
{
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(support_backing_try(&zc_backing_memory, NULL), ZC_NO_MEMORY);
    assert_status(support_backing_try(&zc_backing_memory, NULL), ZC_OK);
}

TEST_AFTER(a_write_without_memory_is_an_error_and_can_be_repeated, disarm)
{
    void *backing = support_backing_open(&zc_backing_memory, NULL, 4096, 4096);
    unsigned char page[4096];
    unsigned countdown;

    support_stamp(page, sizeof(page), 3, 1);
    for (countdown = 0; countdown < 2; countdown++) { /* leaf, page */
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        assert_status(
            zc_backing_memory.write(backing, 3 + countdown * 1024, page),
            ZC_IO_ERROR);
    }
    assert_status(zc_backing_memory.write(backing, 3, page), ZC_OK);
    memset(page, 0, sizeof(page));
    assert_status(zc_backing_memory.read(backing, 3, page), ZC_OK);
    assert_true(support_has_stamp(page, sizeof(page), 3, 1));
    zc_backing_memory.close(backing);
}
