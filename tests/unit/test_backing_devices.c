/* SPDX-License-Identifier: MIT */
/*
 * test_backing_devices.c - the library's own devices, memory and a file: they
 * keep pages, cost what is written, and say what is refused.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support_backing.h"
#include "support_content.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "platform/memory.h"

static const struct zc_backing_ops *const memory = &zc_backing_memory;
static const struct zc_backing_ops *const file = &zc_backing_file;

static struct zc_backing_file options; /* of the file, by default files.path */
static void *backing;
static unsigned char page[8192];

static int set_up(void **state)
{
    (void)state;
    support_place_make();
    options = (struct zc_backing_file){.struct_size = sizeof(options),
                                       .path = files.path};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_inject_disarm();
    support_place_remove();
    return 0;
}

#define DEVICE_TEST(name) TEST_WITH(name, set_up, tear_down)

static void open_memory(uint64_t slots)
{
    backing = support_backing_open(memory, NULL, 4096, slots);
}

static zc_status write_memory(uint64_t slot)
{
    support_stamp(page, 4096, slot, 1);
    return memory->write(backing, slot, page);
}

static void expect_page(uint64_t slot)
{
    assert_status(memory->read(backing, slot, page), ZC_OK);
    assert_true(support_has_stamp(page, 4096, slot, 1));
}

/* ---- every device keeps pages ---- */

static void keep_pages(void)
{
    support_backing_round_trips(file, &options);
    support_backing_threads(file, &options);
}

DEVICE_TEST(memory_keeps_pages)
{
    support_backing_round_trips(memory, NULL);
    support_backing_threads(memory, NULL);
}

DEVICE_TEST(a_new_file_keeps_pages)
{
    keep_pages();
    options.preallocate = 1;
    support_backing_round_trips(file, &options);
}

DEVICE_TEST(a_file_in_a_directory_keeps_pages)
{
    options.path = files.directory;
    keep_pages();
}

/* Kept or not, it is there afterwards and no shorter. */
DEVICE_TEST(a_file_that_is_there_keeps_pages_and_stays)
{
    struct stat before;
    struct stat info;
    FILE *there = fopen(files.path, "w");

    assert_non_null(there);
    assert_int_equal(ftruncate(fileno(there), 1 << 30), 0); /* a hole */
    (void)fclose(there);
    assert_int_equal(stat(files.path, &before), 0);
    options.use_existing = 1;
    support_backing_round_trips(file, &options);
    options.keep = 1;
    options.preallocate = 1;
    support_backing_threads(file, &options);
    assert_int_equal(stat(files.path, &info), 0);
    assert_int_equal(info.st_ino, before.st_ino);
    assert_int_equal(info.st_size, 1 << 30);
    support_remove_file(files.path);
}

DEVICE_TEST(a_file_keeps_pages_however_short_the_transfers_are)
{
    zc_inject_arm(ZC_INJECT_SHORT, 0, 1000);
    support_backing_round_trips(file, &options);
    assert_int_equal(zc_inject_failures(), 1000);
}

/* Whether this file system can; the test is skipped if not. */
static void need_direct(void)
{
    zc_status status;

    options.direct = 1;
    status = support_backing_try(file, &options);
    if (status == ZC_OK)
        return;
    assert_status(status, ZC_UNSUPPORTED);
    print_message("no direct transfers here: skipped\n");
    skip();
}

DEVICE_TEST(a_file_past_the_page_cache_keeps_pages)
{
    need_direct();
    keep_pages();
    options.preallocate = 1;
    support_backing_round_trips(file, &options);
}

#define PAGES 25

/* Odd addresses, so that every transfer needs a buffer. */
static void write_and_read(struct support_worker *worker)
{
    unsigned char own[4096 + 1];
    uint64_t slot;
    unsigned i;

    for (i = 0; i < PAGES; i++) {
        slot = worker->index * PAGES + i;
        support_stamp(own + 1, 4096, slot, i);
        if (file->write(backing, slot, own + 1) != ZC_OK)
            support_mistake(worker, "not written");
        memset(own, 0, sizeof(own));
        if (file->read(backing, slot, own + 1) != ZC_OK ||
            !support_has_stamp(own + 1, 4096, slot, i) || own[0] != 0)
            support_mistake(worker, "not what was written");
    }
}

DEVICE_TEST(many_threads_share_the_buffers_of_a_direct_file)
{
    need_direct();
    backing =
        support_backing_open(file, &options, 4096, SUPPORT_WORKERS_MAX * PAGES);
    support_crowd(SUPPORT_WORKERS_MAX, write_and_read, NULL, 0);
    file->close(backing);
}

/* ---- a file ---- */

DEVICE_TEST(a_slot_of_a_file_is_at_its_offset)
{
    struct stat info;
    FILE *kept;

    options.keep = 1;
    backing = support_backing_open(file, &options, sizeof(page), 1000);
    support_stamp(page, sizeof(page), 7, 1);
    assert_status(file->write(backing, 7, page), ZC_OK);
    file->close(backing);

    assert_int_equal(stat(files.path, &info), 0);
    assert_int_equal(info.st_size, 8 * sizeof(page));
    assert_in_range(info.st_blocks * 512, sizeof(page), 4 * sizeof(page));
    kept = fopen(files.path, "rb");
    assert_non_null(kept);
    memset(page, 0, sizeof(page));
    assert_int_equal(fseek(kept, 7 * sizeof(page), SEEK_SET), 0);
    assert_int_equal(fread(page, 1, sizeof(page), kept), sizeof(page));
    (void)fclose(kept);
    assert_true(support_has_stamp(page, sizeof(page), 7, 1));
    support_remove_file(files.path);
}

DEVICE_TEST(a_slot_of_a_file_that_was_never_written_is_an_error)
{
    backing = support_backing_open(file, &options, 4096, 1000);
    assert_status(file->read(backing, 999, page), ZC_IO_ERROR);
    file->close(backing);
}

static void refuse_file(zc_status expected)
{
    assert_status(support_backing_try(file, &options), expected);
}

DEVICE_TEST(bad_options_of_a_file_are_refused)
{
    struct {
        struct zc_backing_file options;
        uint64_t more;
    } newer = {.options = options, .more = 1};

    assert_status(support_backing_try(file, NULL), ZC_INVALID);
    newer.options.struct_size = sizeof(newer);
    assert_status(support_backing_try(file, &newer), ZC_UNSUPPORTED);
    options.struct_size = 1;
    refuse_file(ZC_INVALID);
    options.struct_size = sizeof(options);
    options.path = "";
    refuse_file(ZC_INVALID);
    options.path = "no/such/place";
    refuse_file(ZC_IO_ERROR);
    options.path = files.directory;
    options.keep = 1;
    refuse_file(ZC_INVALID);
    options.use_existing = 1;
    refuse_file(ZC_INVALID);
    options.path = files.path;
    refuse_file(ZC_IO_ERROR);
}

DEVICE_TEST(more_slots_than_a_file_has_bytes_for_are_refused)
{
    char reason[ZC_REASON_SIZE] = "";
    const struct zc_backing_config config = {
        .struct_size = sizeof(config),
        .page_size = 4096,
        .slot_count = UINT64_MAX / 4096 + 1,
        .user = &options,
        .reason = reason,
        .reason_size = sizeof(reason),
    };

    assert_status(file->open(&config, &backing), ZC_INVALID);
    assert_string_equal(reason, "slot_count: no file is as long as "
                                "4503599627370496 pages of 4096 bytes");
}

DEVICE_TEST(without_memory_no_file_is_opened_or_left)
{
    unsigned countdown;

    options.keep = 1;
    for (countdown = 0; countdown < 2; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        refuse_file(ZC_NO_MEMORY);
        options.direct = 1;
        zc_inject_arm(ZC_INJECT_PAGES, countdown, 1);
        assert_true(support_backing_try(file, &options) != ZC_OK);
        assert_false(support_file_exists(files.path));
    }
}

DEVICE_TEST(a_refused_file_keeps_no_buffers)
{
    const uint64_t before = support_mapped_bytes();
    unsigned i;

    options.path = "no/such/place";
    options.direct = 1;
    for (i = 0; i < 100; i++)
        refuse_file(ZC_IO_ERROR);
    if (!SUPPORT_SANITIZED)
        assert_in_range(support_mapped_bytes(), 0, before + (4 << 20));
}

/* ---- memory ---- */

#define LEAVES 400
#define RACERS 3

/* All threads begin at the same leaf, and find the leaves of the others. */
static void write_everywhere(struct support_worker *worker)
{
    unsigned char own[4096];
    uint64_t slot;
    unsigned i;

    for (i = 0; i < LEAVES; i++) {
        slot = (uint64_t)i * 1024 + worker->index;
        support_stamp(own, sizeof(own), slot, 1);
        if (memory->write(backing, slot, own) != ZC_OK)
            support_mistake(worker, "not written");
    }
}

DEVICE_TEST(racing_for_a_leaf_loses_no_page)
{
    unsigned i;

    open_memory(LEAVES * 1024);
    support_crowd(RACERS, write_everywhere, NULL, 0);
    for (i = 0; i < LEAVES * RACERS; i++)
        expect_page((uint64_t)(i / RACERS) * 1024 + i % RACERS);
    memory->close(backing);
}

static void expect_resident(uint64_t before, uint64_t most)
{
    if (!SUPPORT_SANITIZED && before != 0)
        assert_in_range(support_resident_bytes() - before, 0, most);
}

DEVICE_TEST(a_large_device_costs_what_is_written)
{
    const uint64_t slots = UINT64_C(1) << 32;
    const uint64_t before = support_resident_bytes();
    uint64_t i;

    open_memory(slots);
    for (i = 0; i < 16; i++)
        assert_status(write_memory(slots - 1 - i * 1024), ZC_OK);
    expect_resident(before, 1 << 20);
    memory->close(backing);
}

DEVICE_TEST(a_discard_gives_the_memory_back)
{
    const uint64_t slots = 8 * 4096;
    uint64_t before;
    uint64_t slot;

    open_memory(slots);
    before = support_resident_bytes();
    for (slot = 0; slot < slots - 1; slot++) {
        assert_status(write_memory(slot), ZC_OK);
        memory->discard(backing, slot);
    }
    /* Of a slot that has nothing, as well. */
    memory->discard(backing, 0);
    memory->discard(backing, slots - 1);
    expect_resident(before, 4 << 20);
    memory->close(backing);
}

static void read_unwritten(void *context)
{
    (void)context;
    (void)memory->read(backing, 5, page);
}

DEVICE_TEST(reading_what_was_never_written_to_memory_is_our_mistake)
{
    open_memory(4096);
    support_assert_aborts(read_unwritten, NULL, "place != NULL", "backing");
    assert_status(write_memory(4), ZC_OK);
    support_assert_aborts(read_unwritten, NULL, "*place != NULL", "backing");
    assert_status(write_memory(5), ZC_OK);
    memory->discard(backing, 5);
    support_assert_aborts(read_unwritten, NULL, "*place != NULL", "backing");
    memory->close(backing);
}

/* The device, a leaf, a page. */
DEVICE_TEST(a_call_without_memory_is_an_error_and_can_be_repeated)
{
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(support_backing_try(memory, NULL), ZC_NO_MEMORY);
    open_memory(4096);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(write_memory(3), ZC_IO_ERROR);
    zc_inject_arm(ZC_INJECT_MALLOC, 1, 1);
    assert_status(write_memory(3 + 1024), ZC_IO_ERROR);
    assert_status(write_memory(3), ZC_OK);
    expect_page(3);
    memory->close(backing);
}
