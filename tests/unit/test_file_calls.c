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

ssize_t __wrap_pread(int descriptor, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int descriptor, const void *bytes, size_t size,
                      off_t offset);
int __wrap_posix_fallocate(int descriptor, off_t offset, off_t bytes);
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);

/* The names that a C library may have for large files. */
#define SAME_AS(name) __attribute__((alias("__wrap_" #name)))
ssize_t __wrap_pread64(int descriptor, void *bytes, size_t size, off_t offset)
    SAME_AS(pread);
ssize_t __wrap_pwrite64(int descriptor, const void *bytes, size_t size,
                        off_t offset) SAME_AS(pwrite);
int __wrap_posix_fallocate64(int descriptor, off_t offset, off_t bytes)
    SAME_AS(posix_fallocate);
int __wrap_open64(const char *path, int flags, ...) SAME_AS(open);

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
    return pwritev(descriptor, &vector, 1, offset);
}

static int fail_with(int error)
{
    errno = error;
    return -1;
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
    if ((flags & O_TMPFILE) == O_TMPFILE && calls.tmpfile != 0)
        return fail_with(calls.tmpfile);
#endif
    if ((flags & O_EXCL) != 0 && (flags & O_CREAT) != 0 && calls.taken != 0) {
        calls.taken--;
        return fail_with(EEXIST);
    }
    return __real_open(path, flags, mode);
}

int __wrap_posix_fallocate(int descriptor, off_t offset, off_t bytes)
{
    (void)descriptor;
    (void)offset;
    (void)bytes;
    return calls.fallocations++ == 0 ? calls.fallocates : 0;
}

static struct zc_file *file;
static char why[ZC_FILE_WHY_SIZE];
static unsigned char page[SIZE];

static void close_file(void)
{
    if (file != NULL)
        zc_file_close(file);
    file = NULL;
}

/* Instead of what is open. */
static zc_status open_at(const char *path, uint64_t bytes, unsigned flags)
{
    close_file();
    calls.opens = 0;
    return zc_file_open(path, bytes, flags, why, &file);
}

static zc_status open_file(uint64_t bytes, unsigned flags)
{
    return open_at(files.path, bytes, flags);
}

static int set_up(void **state)
{
    (void)state;
    memset(&calls, 0, sizeof(calls));
    support_place_make();
    assert_status(zc_file_open(files.path, 1 << 20, 0, why, &file), ZC_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file();
    support_place_remove();
    return 0;
}

#define FILE_TEST(name) TEST_WITH(name, set_up, tear_down)

static void expect_write(zc_status expected, unsigned expected_calls)
{
    calls.writes.calls = 0;
    support_stamp(page, SIZE, 1, 1);
    assert_status(zc_file_write(file, page, SIZE, SIZE), expected);
    assert_int_equal(calls.writes.calls, expected_calls);
}

static void expect_read(zc_status expected, unsigned expected_calls)
{
    calls.reads.calls = 0;
    memset(page, 0, SIZE);
    assert_status(zc_file_read(file, page, SIZE, SIZE), expected);
    assert_int_equal(calls.reads.calls, expected_calls);
    if (expected == ZC_OK)
        assert_true(support_has_stamp(page, SIZE, 1, 1));
}

FILE_TEST(interrupted_and_short_transfers_go_on)
{
    struct answers answers = {
        .list = {{EINTR, 0},
                 {0, 1},
                 {0, 1000},
                 {EINTR, 0},
                 {EINTR, 0},
                 {0, SIZE - 1002}},
        .count = 6,
    };

    calls.writes = answers;
    calls.reads = answers;
    expect_write(ZC_OK, 7);
    expect_read(ZC_OK, 7);
}

FILE_TEST(a_transfer_of_nothing_is_an_error)
{
    const struct answers answers = {.list = {{0, 100}, {0, 0}}, .count = 2};

    calls.writes = answers;
    expect_write(ZC_IO_ERROR, 2);
    calls.writes.count = 0;
    expect_write(ZC_OK, 1);
    calls.reads = answers;
    expect_read(ZC_IO_ERROR, 2);
}

FILE_TEST(every_error_of_a_transfer_is_an_io_error)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EFBIG, EINVAL, EAGAIN};
    unsigned i;

    expect_write(ZC_OK, 1);
    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        calls.writes =
            (struct answers){.list = {{0, 2048}, {errors[i], 0}}, .count = 2};
        expect_write(ZC_IO_ERROR, 2);
        calls.reads = (struct answers){.list = {{errors[i], 0}}, .count = 1};
        expect_read(ZC_IO_ERROR, 1);
    }
}

/* ---- opening ---- */

static void refuse(unsigned flags, zc_status expected)
{
    assert_status(open_file(1 << 20, flags), expected);
    assert_null(file);
    assert_false(support_file_exists(files.path));
}

static void refuse_space(int says, unsigned keep, zc_status expected)
{
    calls.fallocations = 0;
    calls.fallocates = says;
    refuse(ZC_FILE_PREALLOCATE | keep, expected);
    assert_int_equal(calls.fallocations, 1);
}

FILE_TEST(zeros_are_written_where_space_cannot_be_taken)
{
    static const int says[] = {EOPNOTSUPP, EINVAL, ENOSYS};
    struct stat info;
    char byte = 1;
    unsigned i;

    for (i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
        calls.fallocations = 0;
        calls.fallocates = says[i];
        calls.writes.calls = 0;
        assert_status(
            open_file((1 << 20) + 512, ZC_FILE_PREALLOCATE | ZC_FILE_KEEP),
            ZC_OK);
        assert_int_equal(calls.writes.calls, 5);
        assert_int_equal(stat(files.path, &info), 0);
        assert_int_equal(info.st_size, (1 << 20) + 512);
        assert_true((uint64_t)info.st_blocks * 512 >= 1 << 20);
        assert_status(zc_file_read(file, &byte, 1, (1 << 20) + 511), ZC_OK);
        assert_int_equal(byte, 0);
        support_remove_file(files.path);
    }
}

FILE_TEST(space_that_cannot_be_had_leaves_no_file)
{
    refuse_space(ENOSPC, 0, ZC_IO_ERROR);
    refuse_space(ENOMEM, 0, ZC_NO_MEMORY);
    assert_int_equal(calls.writes.calls, 0);
    /* Nor zeros that do not fit. */
    calls.writes =
        (struct answers){.list = {{0, 300000}, {ENOSPC, 0}}, .count = 2};
    refuse_space(EOPNOTSUPP, ZC_FILE_KEEP, ZC_IO_ERROR);
    assert_int_equal(calls.writes.calls, 2);
}

FILE_TEST(taking_space_is_tried_again_when_interrupted)
{
    calls.fallocates = EINTR;
    assert_status(open_file(1 << 20, ZC_FILE_PREALLOCATE), ZC_OK);
    assert_int_equal(calls.fallocations, 2);
    assert_int_equal(calls.writes.calls, 0);
}

FILE_TEST(a_disk_that_cannot_go_direct_says_so_at_open)
{
    calls.reads = (struct answers){.list = {{EINVAL, 0}}, .count = 1};
    refuse(ZC_FILE_DIRECT, ZC_UNSUPPORTED);
}

FILE_TEST(direct_is_what_the_system_calls_direct)
{
    expect_read(ZC_IO_ERROR, 1);
#ifdef O_DIRECT
    assert_int_equal(calls.flags & O_DIRECT, 0);
#endif
    if (open_file(1 << 20, ZC_FILE_DIRECT) != ZC_OK)
        skip();
#ifdef O_DIRECT
    assert_int_equal(calls.flags & O_DIRECT, O_DIRECT);
#endif
    calls.reads = (struct answers){.list = {{EIO, 0}}, .count = 1};
    refuse(ZC_FILE_DIRECT, ZC_IO_ERROR);
}

/* ---- a directory where O_TMPFILE is not known ---- */

FILE_TEST(a_file_in_a_directory_is_made_and_unlinked)
{
    /* An old kernel opens the directory itself, which is not for writing. */
    static const int errors[] = {EOPNOTSUPP, EISDIR, EINVAL, ENOENT};
    const size_t length = strlen(files.directory);
    unsigned i;

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        calls.tmpfile = errors[i];
        assert_status(open_at(files.directory, 1 << 20, 0), ZC_OK);
        assert_int_equal(support_directory_count(files.directory), 0);
        assert_memory_equal(calls.last, files.directory, length);
        assert_true(strlen(calls.last) > length + 1);
        assert_false(support_file_exists(calls.last));
        expect_write(ZC_OK, 1);
        expect_read(ZC_OK, 1);
    }
}

/* Its descriptor is 0. */
FILE_TEST(a_file_may_take_the_place_of_a_closed_standard_input)
{
    const char *const paths[] = {files.path, files.directory, files.directory};
    const int input = dup(STDIN_FILENO);
    unsigned i;

    (void)close(STDIN_FILENO);
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        calls.tmpfile = i == 2 ? EOPNOTSUPP : 0;
        assert_status(open_at(paths[i], 1 << 20, 0), ZC_OK);
        expect_write(ZC_OK, 1);
        expect_read(ZC_OK, 1);
        close_file();
        assert_int_equal(open("/dev/null", O_RDONLY), STDIN_FILENO);
        (void)close(STDIN_FILENO);
    }
    (void)dup2(input, STDIN_FILENO);
    (void)close(input);
}

FILE_TEST(names_that_are_taken_are_passed_over)
{
    calls.tmpfile = EOPNOTSUPP;
    calls.taken = 50;
    assert_status(open_at(files.directory, 1 << 20, 0), ZC_OK);
    assert_in_range(calls.opens, 51, 52);
    assert_int_equal(support_directory_count(files.directory), 0);
    calls.taken = UINT32_MAX; /* not for ever */
    assert_status(open_at(files.directory, 1 << 20, 0), ZC_IO_ERROR);
    assert_string_equal(why, strerror(EEXIST));
    calls.taken = 0;
}
