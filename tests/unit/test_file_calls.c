/* SPDX-License-Identifier: MIT */
/*
 * test_file_calls.c - the system's answers that no healthy disk gives: calls
 * that are interrupted, stop short, transfer nothing or fail; the linker puts
 * these functions in their place.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT, O_TMPFILE */
#endif
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support_backing.h"
#include "support_content.h"
#include "support_test.h"

#include "platform/file.h"

#define SIZE 4096
#define ANSWERS_MAX 8

/* What a transfer comes to: so many bytes at most, or an error. */
struct answer {
    int error;
    size_t most;
};

/* The answers of one call, in turn; when they are used up, the truth. */
struct answers {
    struct answer list[ANSWERS_MAX];
    unsigned count;
    unsigned calls;
};

static struct {
    struct answers reads;
    struct answers writes;
    int fallocates; /* what posix_fallocate() says */
    unsigned fallocations;
    int flags;      /* of the file that was read last */
    int tmpfile;    /* what O_TMPFILE comes to; 0: the truth */
    unsigned taken; /* so many names are taken */
    unsigned opens;
    char last[128]; /* the path that was opened last */
    int instead;    /* where writes go to, if it is not 0 */
} calls;

/* False: an error, and errno says which. */
static bool answer(struct answers *answers, size_t *size)
{
    const unsigned n = answers->calls++;

    if (n >= answers->count)
        return true;
    if (answers->list[n].error != 0) {
        errno = answers->list[n].error;
        return false;
    }
    if (*size > answers->list[n].most)
        *size = answers->list[n].most;
    return true;
}

static void order(struct answers *answers, int error, size_t most)
{
    assert_true(answers->count < ANSWERS_MAX);
    answers->list[answers->count].error = error;
    answers->list[answers->count++].most = most;
}

ssize_t __wrap_pread(int descriptor, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread64(int descriptor, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t size,
                      off_t offset);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size,
                        off_t offset);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_posix_fallocate(int descriptor, off_t offset, off_t bytes);
int __wrap_posix_fallocate64(int descriptor, off_t offset, off_t bytes);

ssize_t __wrap_pread(int descriptor, void *bytes, size_t size, off_t offset)
{
    struct iovec vector = {.iov_base = bytes};

    calls.flags = fcntl(descriptor, F_GETFL);
    if (!answer(&calls.reads, &size))
        return -1;
    vector.iov_len = size;
    return preadv(descriptor, &vector, 1, offset);
}

ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t size,
                      off_t offset)
{
    struct iovec vector = {.iov_base = (void *)(uintptr_t)bytes};

    if (!answer(&calls.writes, &size))
        return -1;
    vector.iov_len = size;
    if (calls.instead != 0)
        return writev(calls.instead, &vector, 1);
    return pwritev(descriptor, &vector, 1, offset);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    calls.opens++;
    (void)snprintf(calls.last, sizeof(calls.last), "%s", path);
#ifdef O_TMPFILE
    if ((flags & O_TMPFILE) == O_TMPFILE && calls.tmpfile != 0) {
        errno = calls.tmpfile;
        return -1;
    }
#endif
    if ((flags & O_EXCL) != 0 && (flags & O_CREAT) != 0 && calls.taken != 0) {
        calls.taken--;
        errno = EEXIST;
        return -1;
    }
    return __real_open(path, flags, mode);
}

/* The names that a C library may have for large files. */
int __wrap_open64(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return __wrap_open(path, flags, mode);
}

ssize_t __wrap_pread64(int descriptor, void *bytes, size_t size, off_t offset)
{
    return __wrap_pread(descriptor, bytes, size, offset);
}

ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size,
                        off_t offset)
{
    return __wrap_pwrite(descriptor, bytes, size, offset);
}

int __wrap_posix_fallocate(int descriptor, off_t offset, off_t bytes)
{
    (void)descriptor;
    (void)offset;
    (void)bytes;
    return calls.fallocations++ == 0 ? calls.fallocates : 0;
}

int __wrap_posix_fallocate64(int descriptor, off_t offset, off_t bytes)
{
    return __wrap_posix_fallocate(descriptor, offset, bytes);
}

struct place {
    char directory[64];
    char path[96];
    struct zc_file *file;
    char why[ZC_FILE_WHY_SIZE];
    unsigned char page[SIZE];
};

static zc_status open_file(struct place *place, uint64_t bytes, unsigned flags)
{
    return zc_file_open(place->path, bytes, flags, place->why, &place->file);
}

static void close_file(struct place *place)
{
    zc_file_close(place->file);
    place->file = NULL;
}

static int set_up(void **state)
{
    static struct place place;

    memset(&calls, 0, sizeof(calls));
    support_directory_make(place.directory);
    (void)snprintf(place.path, sizeof(place.path), "%s/pages", place.directory);
    assert_status(open_file(&place, 1 << 20, 0), ZC_OK);
    support_stamp(place.page, SIZE, 1, 1);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    if (place->file != NULL)
        zc_file_close(place->file);
    support_directory_remove(place->directory, 0);
    return 0;
}

static zc_status write_page(struct place *place)
{
    return zc_file_write(place->file, place->page, SIZE, SIZE);
}

static zc_status read_page(struct place *place)
{
    memset(place->page, 0, SIZE);
    return zc_file_read(place->file, place->page, SIZE, SIZE);
}

TEST_WITH(interrupted_and_short_transfers_go_on, set_up, tear_down)
{
    struct place *place = *state;
    struct answers answers = {.count = 0};

    order(&answers, EINTR, 0);
    order(&answers, 0, 1);
    order(&answers, 0, 1000);
    order(&answers, EINTR, 0);
    order(&answers, EINTR, 0);
    order(&answers, 0, SIZE - 1002);
    calls.writes = answers;
    calls.reads = answers;
    assert_status(write_page(place), ZC_OK);
    assert_int_equal(calls.writes.calls, 7);
    assert_status(read_page(place), ZC_OK);
    assert_int_equal(calls.reads.calls, 7);
    assert_true(support_has_stamp(place->page, SIZE, 1, 1));
}

TEST_WITH(a_transfer_of_nothing_is_an_error, set_up, tear_down)
{
    struct place *place = *state;

    order(&calls.writes, 0, 100);
    order(&calls.writes, 0, 0);
    assert_status(write_page(place), ZC_IO_ERROR);
    assert_int_equal(calls.writes.calls, 2);
    assert_status(write_page(place), ZC_OK);

    order(&calls.reads, 0, 100);
    order(&calls.reads, 0, 0);
    assert_status(read_page(place), ZC_IO_ERROR);
    assert_int_equal(calls.reads.calls, 2);
}

TEST_WITH(every_error_of_a_transfer_is_an_io_error, set_up, tear_down)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EFBIG, EINVAL, EAGAIN};
    struct place *place = *state;
    unsigned i;

    assert_status(write_page(place), ZC_OK);
    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        memset(&calls, 0, sizeof(calls));
        order(&calls.writes, 0, 2048);
        order(&calls.writes, errors[i], 0);
        assert_status(write_page(place), ZC_IO_ERROR);
        assert_int_equal(calls.writes.calls, 2);
        order(&calls.reads, errors[i], 0);
        assert_status(read_page(place), ZC_IO_ERROR);
        assert_int_equal(calls.reads.calls, 1);
    }
}

TEST_WITH(a_full_disk_is_an_io_error, set_up, tear_down)
{
    struct place *place = *state;

    calls.instead = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (calls.instead < 0) {
        print_message("no /dev/full here: skipped\n");
        skip();
    }
    assert_status(write_page(place), ZC_IO_ERROR);
    (void)close(calls.instead);
    calls.instead = 0;
    assert_status(write_page(place), ZC_OK);
}

/* ---- opening ---- */

static void refuse(struct place *place, unsigned flags, zc_status expected)
{
    struct stat info;

    close_file(place);
    assert_status(open_file(place, 1 << 20, flags), expected);
    assert_null(place->file);
    assert_int_equal(stat(place->path, &info), -1);
}

static void preallocate(struct place *place, int says)
{
    struct stat info;

    close_file(place);
    calls.fallocations = 0;
    calls.fallocates = says;
    assert_status(
        open_file(place, (1 << 20) + 512, ZC_FILE_PREALLOCATE | ZC_FILE_KEEP),
        ZC_OK);
    assert_int_equal(stat(place->path, &info), 0);
    assert_int_equal(info.st_size, (1 << 20) + 512);
    assert_true((uint64_t)info.st_blocks * 512 >= 1 << 20);
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(zeros_are_written_where_space_cannot_be_taken, set_up, tear_down)
{
    struct place *place = *state;
    char byte = 1;

    preallocate(place, EOPNOTSUPP);
    assert_int_equal(calls.writes.calls, 5);
    assert_status(zc_file_read(place->file, &byte, 1, (1 << 20) + 511), ZC_OK);
    assert_int_equal(byte, 0);
    preallocate(place, EINVAL);
    preallocate(place, ENOSYS);
}

TEST_WITH(no_space_to_take_leaves_nothing, set_up, tear_down)
{
    struct place *place = *state;

    calls.fallocates = ENOSPC;
    refuse(place, ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    assert_int_equal(calls.fallocations, 1);
    assert_int_equal(calls.writes.calls, 0);
}

TEST_WITH(no_memory_to_take_space_is_that, set_up, tear_down)
{
    calls.fallocates = ENOMEM;
    refuse(*state, ZC_FILE_PREALLOCATE, ZC_NO_MEMORY);
}

TEST_WITH(zeros_that_do_not_fit_leave_nothing, set_up, tear_down)
{
    calls.fallocates = EOPNOTSUPP;
    order(&calls.writes, 0, 300000);
    order(&calls.writes, ENOSPC, 0);
    refuse(*state, ZC_FILE_PREALLOCATE | ZC_FILE_KEEP, ZC_IO_ERROR);
    assert_int_equal(calls.writes.calls, 2);
}

TEST_WITH(taking_space_is_tried_again_when_interrupted, set_up, tear_down)
{
    struct place *place = *state;

    close_file(place);
    calls.fallocates = EINTR;
    assert_status(open_file(place, 1 << 20, ZC_FILE_PREALLOCATE), ZC_OK);
    assert_int_equal(calls.fallocations, 2);
    assert_int_equal(calls.writes.calls, 0);
}

TEST_WITH(a_disk_that_cannot_go_direct_says_so_at_open, set_up, tear_down)
{
    order(&calls.reads, EINVAL, 0);
    refuse(*state, ZC_FILE_DIRECT, ZC_UNSUPPORTED);
}

TEST_WITH(direct_is_what_the_system_calls_direct, set_up, tear_down)
{
    struct place *place = *state;

    assert_true(zc_file_read(place->file, place->page, 1, 0) != ZC_OK);
#ifdef O_DIRECT
    assert_int_equal(calls.flags & O_DIRECT, 0);
#endif
    close_file(place);
    if (open_file(place, 1 << 20, ZC_FILE_DIRECT) != ZC_OK)
        skip();
#ifdef O_DIRECT
    assert_int_equal(calls.flags & O_DIRECT, O_DIRECT);
#endif
    memset(&calls, 0, sizeof(calls));
    order(&calls.reads, EIO, 0);
    refuse(place, ZC_FILE_DIRECT, ZC_IO_ERROR);
}

/* ---- a directory where O_TMPFILE is not known ---- */

static zc_status open_directory(struct place *place)
{
    close_file(place);
    calls.opens = 0;
    return zc_file_open(place->directory, 1 << 20, 0, place->why, &place->file);
}

TEST_WITH(a_file_in_a_directory_is_made_and_unlinked, set_up, tear_down)
{
    /* An old kernel opens the directory itself, which is not for writing. */
    static const int errors[] = {EOPNOTSUPP, EISDIR, EINVAL, ENOENT};
    struct place *place = *state;
    struct stat info;
    unsigned i;

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        calls.tmpfile = errors[i];
        assert_status(open_directory(place), ZC_OK);
        assert_int_equal(support_directory_count(place->directory), 0);
        assert_memory_equal(calls.last, place->directory,
                            strlen(place->directory));
        assert_true(strlen(calls.last) > strlen(place->directory) + 1);
        assert_int_equal(stat(calls.last, &info), -1);
        assert_status(write_page(place), ZC_OK);
        assert_status(read_page(place), ZC_OK);
        assert_true(support_has_stamp(place->page, SIZE, 1, 1));
    }
}

TEST_WITH(names_that_are_taken_are_passed_over, set_up, tear_down)
{
    struct place *place = *state;

    calls.tmpfile = EOPNOTSUPP;
    calls.taken = 50;
    assert_status(open_directory(place), ZC_OK);
    assert_in_range(calls.opens, 51, 52);
    assert_int_equal(support_directory_count(place->directory), 0);
    calls.taken = UINT32_MAX; /* not for ever */
    assert_status(open_directory(place), ZC_IO_ERROR);
    assert_string_equal(place->why, strerror(EEXIST));
    calls.taken = 0;
}
