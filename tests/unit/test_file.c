/* SPDX-License-Identifier: MIT */
/*
 * test_file.c - what a file is opened as, what is refused and leaves nothing,
 * and who else may have it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support_backing.h"
#include "support_content.h"
#include "support_test.h"

#include "inject.h"
#include "platform/file.h"
#include "platform/memory.h"

#define BYTES ((uint64_t)1 << 20)

struct place {
    char directory[64];
    char path[96];
    char other[96];
};

static int set_up(void **state)
{
    static struct place place;

    support_directory_make(place.directory);
    (void)snprintf(place.path, sizeof(place.path), "%s/pages", place.directory);
    (void)snprintf(place.other, sizeof(place.other), "%s/other",
                   place.directory);
    *state = &place;
    return 0;
}

/* Every test removes what it made; whatever else is there was left behind. */
static int tear_down(void **state)
{
    struct place *place = *state;

    zc_inject_disarm();
    support_directory_remove(place->directory, 0);
    return 0;
}

static struct zc_file *open_file(const char *path, unsigned flags)
{
    struct zc_file *file = NULL;

    assert_status(zc_file_open(path, BYTES, flags, &file), ZC_OK);
    return file;
}

static void refuse(const char *path, uint64_t bytes, unsigned flags,
                   zc_status expected)
{
    struct zc_file *file = NULL;

    assert_status(zc_file_open(path, bytes, flags, &file), expected);
    assert_null(file);
}

static bool exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

static struct stat look(const char *path)
{
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    return info;
}

static void make_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

/* ---- what becomes of the name ---- */

static void a_new_file_is_the_owners_alone_and_goes_at_the_end(void **state)
{
    struct place *place = *state;
    struct zc_file *file;
    mode_t mask = umask(0);

    file = open_file(place->path, 0);
    (void)umask(mask);
    assert_int_equal(look(place->path).st_mode, S_IFREG | 0600);
    assert_int_equal(look(place->path).st_size, 0);
    zc_file_close(file);
    assert_false(exists(place->path));
}

static void a_kept_file_stays_as_it_is(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, ZC_FILE_KEEP);

    assert_status(zc_file_write(file, "bytes", 5, 100), ZC_OK);
    zc_file_close(file);
    assert_int_equal(look(place->path).st_size, 105);
    assert_int_equal(unlink(place->path), 0);
}

static void a_file_that_is_there_is_emptied(void **state)
{
    struct place *place = *state;
    struct zc_file *file;
    char byte;

    make_file(place->path, "what was here before");
    file = open_file(place->path, 0);
    assert_int_equal(look(place->path).st_size, 0);
    assert_status(zc_file_read(file, &byte, 1, 0), ZC_IO_ERROR);
    zc_file_close(file);
    assert_false(exists(place->path));
}

static void a_link_leads_to_the_file_and_stays(void **state)
{
    struct place *place = *state;
    struct zc_file *file;

    make_file(place->other, "what was here before");
    assert_int_equal(symlink("other", place->path), 0);
    file = open_file(place->path, 0);
    assert_status(zc_file_write(file, "bytes", 5, 100), ZC_OK);
    assert_int_equal(look(place->other).st_size, 105);
    zc_file_close(file);

    assert_true(exists(place->path));
    assert_int_equal(look(place->other).st_size, 0);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(unlink(place->other), 0);
}

static void a_name_that_is_somebody_elses_by_now_stays(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, 0);

    assert_int_equal(rename(place->path, place->other), 0);
    make_file(place->path, "somebody else's");
    zc_file_close(file);
    assert_int_equal(look(place->path).st_size, 15);
    assert_int_equal(look(place->other).st_size, 0);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(unlink(place->other), 0);
}

static void a_name_that_is_gone_is_no_trouble(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, 0);
    char bytes[5];

    assert_int_equal(unlink(place->path), 0);
    assert_status(zc_file_write(file, "bytes", 5, 0), ZC_OK);
    assert_status(zc_file_read(file, bytes, 5, 0), ZC_OK);
    zc_file_close(file);
}

/* ---- who else has it ---- */

static void a_second_opener_is_refused_and_destroys_nothing(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, 0);
    char bytes[6] = {0};

    assert_status(zc_file_write(file, "bytes", 5, 0), ZC_OK);
    refuse(place->path, BYTES, 0, ZC_IO_ERROR);
    assert_int_equal(link(place->path, place->other), 0);
    refuse(place->other, BYTES, ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    assert_int_equal(unlink(place->other), 0);

    assert_true(exists(place->path));
    assert_status(zc_file_read(file, bytes, 5, 0), ZC_OK);
    assert_string_equal(bytes, "bytes");
    zc_file_close(file);
    zc_file_close(open_file(place->path, 0));
}

/* ---- what is no file ---- */

static void what_is_neither_file_nor_block_device_is_refused(void **state)
{
    struct place *place = *state;
    char slash[80];

    (void)snprintf(slash, sizeof(slash), "%s/", place->directory);
    refuse("", BYTES, 0, ZC_INVALID);
    refuse(place->directory, BYTES, 0, ZC_INVALID);
    refuse(slash, BYTES, 0, ZC_INVALID);
    refuse("/dev/null", BYTES, 0, ZC_INVALID);
    refuse("/dev/full", BYTES, 0, ZC_INVALID);
    assert_int_equal(mkfifo(place->path, 0600), 0);
    refuse(place->path, BYTES, 0, ZC_INVALID); /* and it does not wait */
    assert_int_equal(unlink(place->path), 0);
}

static void what_cannot_be_opened_or_made_is_refused(void **state)
{
    struct place *place = *state;
    char path[5000];

    (void)snprintf(path, sizeof(path), "%s/no/pages", place->directory);
    refuse(path, BYTES, 0, ZC_IO_ERROR);
    assert_int_equal(symlink("nowhere", place->path), 0);
    refuse(place->path, BYTES, 0, ZC_IO_ERROR);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(symlink("pages", place->path), 0);
    refuse(place->path, BYTES, 0, ZC_IO_ERROR);
    assert_int_equal(unlink(place->path), 0);
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    refuse(path, BYTES, 0, ZC_IO_ERROR);
#if defined(__linux__)
    refuse("/proc/self/pages", BYTES, 0, ZC_IO_ERROR);
#endif
    if (geteuid() == 0)
        return;
    make_file(place->path, "for reading");
    assert_int_equal(chmod(place->path, 0400), 0);
    refuse(place->path, BYTES, 0, ZC_IO_ERROR);
    assert_int_equal(look(place->path).st_size, 11);
    assert_int_equal(unlink(place->path), 0);
}

static void more_bytes_than_a_file_can_have_are_refused(void **state)
{
    struct place *place = *state;

    refuse(place->path, UINT64_MAX, 0, ZC_INVALID);
    refuse(place->path, (uint64_t)INT64_MAX + 1, 0, ZC_INVALID);
}

static void open_refuses_without_memory(void **state)
{
    struct place *place = *state;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    refuse(place->path, BYTES, 0, ZC_NO_MEMORY);
    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    refuse(place->path, BYTES, ZC_FILE_DIRECT, ZC_NO_MEMORY);
}

/* ---- transfers ---- */

static void bytes_come_back_from_where_they_went(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, 0);
    unsigned char page[4096];
    uint64_t offset;

    for (offset = 0; offset < BYTES; offset += 65536) {
        support_stamp(page, sizeof(page), offset, 1);
        assert_status(zc_file_write(file, page, sizeof(page), offset), ZC_OK);
    }
    for (offset = 0; offset < BYTES; offset += 65536) {
        assert_status(zc_file_read(file, page, sizeof(page), offset), ZC_OK);
        assert_true(support_has_stamp(page, sizeof(page), offset, 1));
    }
    assert_status(zc_file_sync(file), ZC_OK);
    /* What was never written takes no space, and reads as zeros. */
    assert_status(zc_file_read(file, page, 1, 4096), ZC_OK);
    assert_int_equal(page[0], 0);
    assert_in_range((uint64_t)look(place->path).st_blocks * 512, 1, BYTES / 2);
    zc_file_close(file);
}

static void the_end_of_a_file_is_an_error(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, 0);
    char bytes[16];

    assert_status(zc_file_write(file, "bytes", 5, 0), ZC_OK);
    assert_status(zc_file_read(file, bytes, 5, 0), ZC_OK);
    assert_status(zc_file_read(file, bytes, 6, 0), ZC_IO_ERROR);
    assert_status(zc_file_read(file, bytes, 1, 5), ZC_IO_ERROR);
    assert_status(zc_file_read(file, bytes, 1, BYTES), ZC_IO_ERROR);
    zc_file_close(file);
}

static void a_transfer_that_stops_half_way_goes_on(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, 0);
    unsigned char page[4096];
    unsigned repeat;

    for (repeat = 1; repeat < 20; repeat++) {
        support_stamp(page, sizeof(page), 3, repeat);
        zc_inject_arm(ZC_INJECT_SHORT, 0, repeat);
        assert_status(zc_file_write(file, page, sizeof(page), 4096), ZC_OK);
        zc_inject_disarm();
        memset(page, 0, sizeof(page));
        zc_inject_arm(ZC_INJECT_SHORT, 0, repeat);
        assert_status(zc_file_read(file, page, sizeof(page), 4096), ZC_OK);
        assert_true(zc_inject_failures() > 0);
        zc_inject_disarm();
        assert_true(support_has_stamp(page, sizeof(page), 3, repeat));
    }
    zc_file_close(file);
}

static void a_file_that_must_not_grow_is_an_error(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, 0);
    struct rlimit before;
    struct rlimit limit;
    unsigned char page[4096] = {1};

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit = before;
    limit.rlim_cur = 3 * 4096 + 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_status(zc_file_write(file, page, 4096, 2 * 4096), ZC_OK);
    /* The first 1000 bytes fit: a short transfer, and then the error. */
    assert_status(zc_file_write(file, page, 4096, 3 * 4096), ZC_IO_ERROR);
    assert_status(zc_file_write(file, page, 4096, 4 * 4096), ZC_IO_ERROR);
    refuse(place->other, BYTES, ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);

    assert_false(exists(place->other));
    assert_status(zc_file_write(file, page, 4096, 3 * 4096), ZC_OK);
    zc_file_close(file);
}

static void preallocation_takes_the_space(void **state)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, ZC_FILE_PREALLOCATE);

    assert_true((uint64_t)look(place->path).st_blocks * 512 >= BYTES);
    assert_int_equal(look(place->path).st_size, BYTES);
    zc_file_close(file);

    /* More than any disk has. */
    refuse(place->path, (uint64_t)1 << 60, ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    assert_false(exists(place->path));
    make_file(place->path, "not ours");
    refuse(place->path, (uint64_t)1 << 60, ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    assert_true(exists(place->path)); /* it was there before */
    assert_int_equal(unlink(place->path), 0);
}

static void direct_transfers_go_both_ways_or_are_refused(void **state)
{
    const size_t size = 65536;
    struct place *place = *state;
    struct zc_file *file = NULL;
    zc_status status = zc_file_open(
        place->path, BYTES, ZC_FILE_DIRECT | ZC_FILE_PREALLOCATE, &file);
    unsigned char *page;

    if (status != ZC_OK) {
        assert_status(status, ZC_UNSUPPORTED);
        assert_false(exists(place->path));
        print_message("no direct transfers here: skipped\n");
        skip();
    }
    page = zc_pages_map(size, zc_pages_system_size());
    assert_non_null(page);
    support_stamp(page, size, 3, 1);
    zc_inject_arm(ZC_INJECT_SHORT, 0, 1);
    assert_status(zc_file_write(file, page, size, size), ZC_OK);
    memset(page, 0, size);
    zc_inject_arm(ZC_INJECT_SHORT, 0, 1);
    assert_status(zc_file_read(file, page, size, size), ZC_OK);
    assert_int_equal(zc_inject_failures(), 1);
    assert_true(support_has_stamp(page, size, 3, 1));
    /* The system sees to it that it is direct: memory must be aligned. */
    if (zc_file_read(file, page + 1, size / 2, size) == ZC_OK)
        print_message("this file system takes any memory\n");
    zc_pages_unmap(page, size);
    zc_file_close(file);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_new_file_is_the_owners_alone_and_goes_at_the_end),
        test(a_kept_file_stays_as_it_is),
        test(a_file_that_is_there_is_emptied),
        test(a_link_leads_to_the_file_and_stays),
        test(a_name_that_is_somebody_elses_by_now_stays),
        test(a_name_that_is_gone_is_no_trouble),
        test(a_second_opener_is_refused_and_destroys_nothing),
        test(what_is_neither_file_nor_block_device_is_refused),
        test(what_cannot_be_opened_or_made_is_refused),
        test(more_bytes_than_a_file_can_have_are_refused),
        test(open_refuses_without_memory),
        test(bytes_come_back_from_where_they_went),
        test(the_end_of_a_file_is_an_error),
        test(a_transfer_that_stops_half_way_goes_on),
        test(a_file_that_must_not_grow_is_an_error),
        test(preallocation_takes_the_space),
        test(direct_transfers_go_both_ways_or_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
