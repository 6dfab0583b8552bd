/* SPDX-License-Identifier: MIT */
/* test_backing_file.c - a file as a device: what is told it, and its buffers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support_backing.h"
#include "support_content.h"
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "platform/memory.h"

static const struct zc_backing_ops *const device = &zc_backing_file;

struct place {
    char directory[64];
    char path[96];
    struct zc_backing_file options;
};

static int set_up(void **state)
{
    static struct place place;

    support_directory_make(place.directory);
    (void)snprintf(place.path, sizeof(place.path), "%s/pages", place.directory);
    memset(&place.options, 0, sizeof(place.options));
    place.options.struct_size = sizeof(place.options);
    place.options.path = place.path;
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    zc_inject_disarm();
    support_directory_remove(place->directory, 0);
    return 0;
}

TEST_WITH(pages_come_back, set_up, tear_down)
{
    struct place *place = *state;

    support_backing_round_trips(device, &place->options);
    place->options.preallocate = 1;
    support_backing_round_trips(device, &place->options);
}

TEST_WITH(pages_come_back_however_short_the_transfers_are, set_up, tear_down)
{
    struct place *place = *state;

    zc_inject_arm(ZC_INJECT_SHORT, 0, 1000);
    support_backing_round_trips(device, &place->options);
    assert_int_equal(zc_inject_failures(), 1000);
}

TEST_WITH(threads_do_not_disturb_each_other, set_up, tear_down)
{
    struct place *place = *state;

    support_backing_threads(device, &place->options);
}

TEST_WITH(a_device_behind_the_faulty_one_may_be_a_file, set_up, tear_down)
{
    struct place *place = *state;
    struct zc_backing_faults faults = {
        .struct_size = sizeof(faults), .ops = device, .user = &place->options};

    support_backing_round_trips(&zc_backing_faulty, &faults);
}

TEST_WITH(slots_are_where_they_should_be, set_up, tear_down)
{
    struct place *place = *state;
    unsigned char page[8192];
    struct stat info;
    void *backing;
    FILE *file;

    place->options.keep = 1;
    backing = support_backing_open(device, &place->options, 8192, 1000);
    support_stamp(page, sizeof(page), 7, 1);
    assert_status(device->write(backing, 7, page), ZC_OK);
    device->close(backing);

    assert_int_equal(stat(place->path, &info), 0);
    assert_int_equal(info.st_size, 8 * 8192);
    assert_in_range(info.st_blocks * 512, 8192, 4 * 8192);
    file = fopen(place->path, "rb");
    assert_non_null(file);
    memset(page, 0, sizeof(page));
    assert_int_equal(fseek(file, 7 * 8192, SEEK_SET), 0);
    assert_int_equal(fread(page, 1, sizeof(page), file), sizeof(page));
    (void)fclose(file);
    assert_true(support_has_stamp(page, sizeof(page), 7, 1));
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(what_was_never_written_is_an_error, set_up, tear_down)
{
    struct place *place = *state;
    void *backing = support_backing_open(device, &place->options, 4096, 1000);
    unsigned char page[4096];

    assert_status(device->read(backing, 999, page), ZC_IO_ERROR);
    device->close(backing);
}

TEST_WITH(bad_options_are_refused, set_up, tear_down)
{
    struct place *place = *state;
    char reason[ZC_REASON_SIZE] = "";
    const struct zc_backing_config config = {
        .struct_size = sizeof(config),
        .page_size = 4096,
        .slot_count = UINT64_MAX / 4096 + 1,
        .user = &place->options,
        .reason = reason,
        .reason_size = sizeof(reason),
    };
    struct {
        struct zc_backing_file options;
        uint64_t more;
    } newer = {.options = place->options, .more = 1};
    void *backing = NULL;

    assert_status(support_backing_try(device, NULL), ZC_INVALID);
    assert_status(device->open(&config, &backing), ZC_INVALID);
    assert_string_equal(reason, "slot_count: no file is as long as "
                                "4503599627370496 pages of 4096 bytes");
    newer.options.struct_size = sizeof(newer);
    assert_status(support_backing_try(device, &newer), ZC_UNSUPPORTED);
    place->options.struct_size = 1;
    assert_status(support_backing_try(device, &place->options), ZC_INVALID);
    place->options.struct_size = sizeof(place->options);
    place->options.path = "";
    assert_status(support_backing_try(device, &place->options), ZC_INVALID);
    place->options.path = "no/such/place";
    assert_status(support_backing_try(device, &place->options), ZC_IO_ERROR);
    place->options.path = place->directory;
    place->options.keep = 1;
    assert_status(support_backing_try(device, &place->options), ZC_INVALID);
    place->options.use_existing = 1;
    assert_status(support_backing_try(device, &place->options), ZC_INVALID);
    place->options.path = place->path;
    assert_status(support_backing_try(device, &place->options), ZC_IO_ERROR);
}

TEST_WITH(a_directory_is_enough, set_up, tear_down)
{
    struct place *place = *state;

    place->options.path = place->directory;
    support_backing_round_trips(device, &place->options);
    support_backing_threads(device, &place->options);
}

/* Kept or not, it is there afterwards and no shorter. */
TEST_WITH(a_file_that_is_there_is_used_and_stays, set_up, tear_down)
{
    struct place *place = *state;
    struct stat info;
    ino_t inode;
    FILE *file = fopen(place->path, "w");

    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), 1 << 30), 0); /* a hole */
    (void)fclose(file);
    assert_int_equal(stat(place->path, &info), 0);
    inode = info.st_ino;
    place->options.use_existing = 1;
    support_backing_round_trips(device, &place->options);
    place->options.keep = 1;
    place->options.preallocate = 1;
    support_backing_threads(device, &place->options);
    assert_int_equal(stat(place->path, &info), 0);
    assert_int_equal(info.st_ino, inode);
    assert_int_equal(info.st_size, 1 << 30);
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(open_refuses_without_memory, set_up, tear_down)
{
    struct place *place = *state;
    unsigned countdown;

    place->options.keep = 1;
    for (countdown = 0; countdown < 2; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        assert_status(support_backing_try(device, &place->options),
                      ZC_NO_MEMORY);
        place->options.direct = 1;
        zc_inject_arm(ZC_INJECT_PAGES, countdown, 1);
        assert_true(support_backing_try(device, &place->options) != ZC_OK);
        assert_int_equal(access(place->path, F_OK), -1);
    }
}

TEST_WITH(a_refused_open_keeps_no_buffers, set_up, tear_down)
{
    struct place *place = *state;
    const uint64_t before = support_mapped_bytes();
    unsigned i;

    place->options.path = "no/such/place";
    place->options.direct = 1;
    for (i = 0; i < 100; i++)
        assert_status(support_backing_try(device, &place->options),
                      ZC_IO_ERROR);
    if (!SUPPORT_SANITIZED)
        assert_in_range(support_mapped_bytes(), 0, before + (4 << 20));
}

/* ---- past the page cache ---- */

/* Whether this file system can; the test is skipped if not. */
static void need_direct(struct place *place)
{
    zc_status status;

    place->options.direct = 1;
    status = support_backing_try(device, &place->options);
    if (status == ZC_OK)
        return;
    assert_status(status, ZC_UNSUPPORTED);
    print_message("no direct transfers here: skipped\n");
    skip();
}

TEST_WITH(pages_come_back_directly, set_up, tear_down)
{
    struct place *place = *state;

    need_direct(place);
    support_backing_round_trips(device, &place->options);
    support_backing_threads(device, &place->options);
    place->options.preallocate = 1;
    support_backing_round_trips(device, &place->options);
}

#define PAGES 25

/* Odd addresses, so that every transfer needs a buffer. */
static void write_and_read(struct support_worker *worker)
{
    unsigned char page[4096 + 1];
    uint64_t slot;
    unsigned i;

    for (i = 0; i < PAGES; i++) {
        slot = worker->index * PAGES + i;
        support_stamp(page + 1, 4096, slot, i);
        if (device->write(worker->context, slot, page + 1) != ZC_OK)
            support_mistake(worker, "not written");
        memset(page, 0, sizeof(page));
        if (device->read(worker->context, slot, page + 1) != ZC_OK ||
            !support_has_stamp(page + 1, 4096, slot, i) || page[0] != 0)
            support_mistake(worker, "not what was written");
    }
}

TEST_WITH(many_share_the_bounce_buffers, set_up, tear_down)
{
    struct place *place = *state;
    struct support_crew crew;
    void *backing;
    unsigned i;

    need_direct(place);
    backing = support_backing_open(device, &place->options, 4096,
                                   SUPPORT_WORKERS_MAX * PAGES);
    support_crew_init(&crew);
    for (i = 0; i < SUPPORT_WORKERS_MAX; i++)
        support_crew_add(&crew, write_and_read, backing);
    support_crew_run(&crew, 0);
    device->close(backing);
}
