/* SPDX-License-Identifier: MIT */
/*
 * test_file.c - what a file is opened as, what is refused and leaves nothing,
 * what becomes of files that were there, and which opener may have one.  The
 * truth is the system's: stat(), and where it is the open file itself that has
 * no name, /proc/self/fd.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support_backing.h"
#include "support_content.h"
#include "support_test.h"

#include "base/inject.h"
#include "platform/file.h"
#include "platform/memory.h"

#define BYTES ((uint64_t)1 << 20)
#define HERE_BEFORE "what was here before"

static char why[ZC_FILE_WHY_SIZE]; /* the last open was refused */

static int set_up(void **state)
{
    (void)state;
    support_place_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_inject_disarm();
    support_place_remove();
    return 0;
}

#define FILE_TEST(name) TEST_WITH(name, set_up, tear_down)

static struct zc_file *open_at(const char *path, unsigned flags)
{
    struct zc_file *file = NULL;

    assert_status(zc_file_open(path, BYTES, flags, why, &file), ZC_OK);
    return file;
}

static struct zc_file *open_file(unsigned flags)
{
    return open_at(files.path, flags);
}

static void refuse_at(const char *path, unsigned flags, zc_status expected,
                      const char *text)
{
    struct zc_file *file = NULL;

    assert_status(zc_file_open(path, BYTES, flags, why, &file), expected);
    assert_null(file);
    if (strstr(why, text) == NULL)
        fail_msg("'%s' is not in '%s'", text, why);
}

static void refuse(unsigned flags, zc_status expected, const char *text)
{
    refuse_at(files.path, flags, expected, text);
}

static void refuse_bytes(uint64_t bytes, unsigned flags, zc_status expected)
{
    struct zc_file *file = NULL;

    assert_status(zc_file_open(files.path, bytes, flags, why, &file), expected);
    assert_null(file);
}

static void write_text(struct zc_file *file, const char *text, uint64_t offset)
{
    assert_status(zc_file_write(file, text, strlen(text), offset), ZC_OK);
}

static void expect_text(struct zc_file *file, const char *text)
{
    char bytes[64] = "";

    assert_status(zc_file_read(file, bytes, strlen(text), 0), ZC_OK);
    assert_string_equal(bytes, text);
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

static void make_link(const char *target)
{
    assert_int_equal(symlink(target, files.path), 0);
}

/* ---- files that were there ---- */

/* What the system says of a file, but for when it was read. */
static void assert_untouched(const char *path, const struct stat *before)
{
    const struct stat now = look(path);
    char content[64] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    (void)fread(content, 1, sizeof(content) - 1, file);
    (void)fclose(file);
    assert_string_equal(content, HERE_BEFORE);
    assert_int_equal(now.st_ino, before->st_ino);
    assert_int_equal(now.st_size, before->st_size);
    assert_int_equal(now.st_mode, before->st_mode);
    assert_int_equal(now.st_nlink, before->st_nlink);
    assert_memory_equal(&now.st_mtim, &before->st_mtim, sizeof(now.st_mtim));
    assert_memory_equal(&now.st_ctim, &before->st_ctim, sizeof(now.st_ctim));
}

/* Under its own name, or through a link that is not followed. */
static void refuse_to_touch(const char *path)
{
    static const unsigned flags[] = {0, ZC_FILE_KEEP, ZC_FILE_PREALLOCATE};
    struct stat before;
    unsigned i;

    make_file(path, HERE_BEFORE);
    if (path != files.path)
        make_link("other");
    before = look(path);
    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        refuse(flags[i], ZC_INVALID, "use_existing");
        assert_untouched(path, &before);
    }
    support_remove_file(files.path);
    if (path != files.path)
        support_remove_file(path);
}

FILE_TEST(a_file_that_is_there_is_not_touched)
{
    refuse_to_touch(files.path);
}

FILE_TEST(a_link_is_not_followed)
{
    refuse_to_touch(files.other);

    /* Nor to where a file could be made, nor round and round. */
    make_link("other");
    refuse(0, ZC_INVALID, "");
    assert_false(support_file_exists(files.other));
    support_remove_file(files.path);
    make_link("pages");
    refuse(0, ZC_INVALID, "");
    support_remove_file(files.path);
}

FILE_TEST(an_existing_file_is_used_and_gets_no_shorter)
{
    static const unsigned flags[] = {ZC_FILE_EXISTING,
                                     ZC_FILE_EXISTING | ZC_FILE_KEEP};
    struct zc_file *file;
    struct stat before;
    unsigned i;

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        make_file(files.path, HERE_BEFORE);
        assert_int_equal(chmod(files.path, 0640), 0);
        before = look(files.path);
        file = open_file(flags[i]);
        assert_untouched(files.path, &before);
        write_text(file, "WHAT", 0);
        expect_text(file, "WHAT was here before");
        assert_int_equal(look(files.path).st_size, 20);
        write_text(file, "far", 100);
        zc_file_close(file);
        assert_int_equal(look(files.path).st_ino, before.st_ino);
        assert_int_equal(look(files.path).st_mode, S_IFREG | 0640);
        assert_int_equal(look(files.path).st_size, 103);
        support_remove_file(files.path);
    }
}

FILE_TEST(preallocation_overwrites_nothing_that_is_there)
{
    struct zc_file *file;

    make_file(files.path, HERE_BEFORE);
    file = open_file(ZC_FILE_EXISTING | ZC_FILE_PREALLOCATE);
    assert_int_equal(look(files.path).st_size, BYTES);
    expect_text(file, HERE_BEFORE);
    zc_file_close(file);
    support_remove_file(files.path);
}

FILE_TEST(an_existing_file_may_be_named_by_a_link)
{
    struct zc_file *file;

    make_file(files.other, HERE_BEFORE);
    make_link("other");
    file = open_file(ZC_FILE_EXISTING);
    write_text(file, "WHAT", 0);
    zc_file_close(file);
    assert_int_equal(look(files.other).st_size, 20);
    support_remove_file(files.path);
    support_remove_file(files.other);
}

FILE_TEST(what_is_to_be_there_is_not_made)
{
    refuse(ZC_FILE_EXISTING, ZC_IO_ERROR, strerror(ENOENT));
    refuse(ZC_FILE_EXISTING | ZC_FILE_KEEP, ZC_IO_ERROR, strerror(ENOENT));
    assert_false(support_file_exists(files.path));
}

/* ---- new files ---- */

/*
 * The descriptor of this process that is open on a file in the test's
 * directory, as the system has it; -1: there is none, or no /proc.
 */
static int find_descriptor(void)
{
    DIR *all = opendir("/proc/self/fd");
    struct dirent *item;
    char name[300];
    char target[600];
    ssize_t length;
    int found = -1;

    if (all == NULL)
        return -1;
    while (found < 0 && (item = readdir(all)) != NULL) {
        (void)snprintf(name, sizeof(name), "/proc/self/fd/%s", item->d_name);
        length = readlink(name, target, sizeof(target) - 1);
        if (length < 0)
            continue;
        target[length] = '\0';
        (void)snprintf(name, sizeof(name), "/%s/", files.directory);
        if (strstr(target, name) != NULL)
            found = (int)strtol(item->d_name, NULL, 10);
    }
    (void)closedir(all);
    return found;
}

/* Open, without a name, readable and writable by its owner alone, and not
 * handed to other programs. */
static void assert_unnamed(void)
{
    struct stat info;
    int descriptor;

    assert_int_equal(support_directory_count(files.directory), 0);
    if (access("/proc/self/fd", F_OK) != 0) {
        print_message("no /proc here: open files are not looked at\n");
        return;
    }
    descriptor = find_descriptor();
    assert_true(descriptor >= 0);
    assert_int_equal(fstat(descriptor, &info), 0);
    assert_int_equal(info.st_mode, S_IFREG | 0600);
    assert_int_equal(info.st_nlink, 0);
    assert_int_equal(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
}

/* Opens under a mask of the process that would take rights away, or none. */
static struct zc_file *open_masked(const char *path, unsigned flags,
                                   mode_t mask)
{
    const mode_t before = umask(mask);
    struct zc_file *file = open_at(path, flags);

    (void)umask(before);
    return file;
}

static const mode_t masks[] = {0, 022, 077};

#define MASKS (sizeof(masks) / sizeof(masks[0]))

FILE_TEST(a_new_name_is_gone_at_once)
{
    struct zc_file *file;
    unsigned i;

    for (i = 0; i < MASKS; i++) {
        file = open_masked(files.path, 0, masks[i]);
        assert_unnamed();
        write_text(file, "bytes", 0);
        expect_text(file, "bytes");
        zc_file_close(file);
        assert_int_equal(find_descriptor(), -1);
    }
}

FILE_TEST(a_directory_gives_a_file_without_a_name)
{
    struct zc_file *file = open_masked(files.directory, 0, 0);
    struct zc_file *another;
    char slash[80];

    assert_unnamed();
    (void)snprintf(slash, sizeof(slash), "%s/", files.directory);
    another = open_at(slash, ZC_FILE_PREALLOCATE);
    assert_int_equal(support_directory_count(files.directory), 0);
    write_text(file, "bytes", 0);
    write_text(another, "other", 0);
    expect_text(file, "bytes");
    zc_file_close(file);
    zc_file_close(another);
    assert_int_equal(find_descriptor(), -1);
    refuse_at(files.directory, ZC_FILE_KEEP, ZC_INVALID, "directory");
    refuse_at(files.directory, ZC_FILE_EXISTING, ZC_INVALID, "");
}

FILE_TEST(a_kept_file_is_the_owners_alone_and_stays)
{
    struct zc_file *file;
    unsigned i;

    for (i = 0; i < MASKS; i++) {
        file = open_masked(files.path, ZC_FILE_KEEP, masks[i]);
        assert_int_equal(look(files.path).st_mode, S_IFREG | 0600);
        assert_int_equal(look(files.path).st_size, 0);
        write_text(file, "bytes", 100);
        zc_file_close(file);
        assert_int_equal(look(files.path).st_size, 105);
        refuse(ZC_FILE_KEEP, ZC_INVALID, "use_existing");
        assert_int_equal(look(files.path).st_size, 105);
        support_remove_file(files.path);
    }
}

/* Runs `action` in a child that is killed after it, by a signal that no program
 * can do anything about. */
static void kill_after(void (*action)(void))
{
    pid_t child = fork();
    int how = 0;

    if (child == 0) {
        action();
        (void)kill(getpid(), SIGKILL);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGKILL);
}

static void use_both(void)
{
    write_text(open_at(files.directory, 0), "bytes", 0);
    write_text(open_file(0), "bytes", 0);
}

static void keep_one(void)
{
    write_text(open_file(ZC_FILE_KEEP), "bytes", 0);
}

FILE_TEST(a_killed_program_leaves_nothing)
{
    kill_after(use_both);
    assert_int_equal(support_directory_count(files.directory), 0);
    kill_after(keep_one); /* or what it was told to leave */
    assert_int_equal(support_directory_count(files.directory), 1);
    support_remove_file(files.path);
}

/* ---- another opener ---- */

static void refuse_again(void)
{
    refuse(ZC_FILE_EXISTING, ZC_IO_ERROR, "another cache or process");
}

FILE_TEST(a_second_opener_is_refused_and_destroys_nothing)
{
    struct zc_file *file = open_file(ZC_FILE_KEEP);

    write_text(file, "bytes", 0);
    refuse_again();
    assert_int_equal(link(files.path, files.other), 0);
    refuse_at(files.other, ZC_FILE_EXISTING | ZC_FILE_PREALLOCATE, ZC_IO_ERROR,
              "");
    support_remove_file(files.other);

    assert_int_equal(look(files.path).st_size, 5);
    expect_text(file, "bytes");
    zc_file_close(file);
    file = open_file(ZC_FILE_EXISTING);
    refuse_again();
    zc_file_close(file);
    support_remove_file(files.path);
}

/* A child that leaves the file, says so, and goes on until `end` is closed. */
static pid_t start_child(const struct zc_file *file, bool leaves, int *end)
{
    char byte = 0;
    int said[2];
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(said), 0);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)close(ends[1]);
        if (leaves)
            zc_file_leave(file);
        (void)!write(said[1], &byte, 1);
        (void)!read(ends[0], &byte, 1);
        _exit(0);
    }
    assert_true(child > 0);
    (void)close(ends[0]);
    (void)close(said[1]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    (void)close(said[0]);
    *end = ends[1];
    return child;
}

static void end_child(pid_t child, int end)
{
    int how = 0;

    (void)close(end);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

FILE_TEST(a_child_leaves_the_lock_of_its_parent_alone)
{
    struct zc_file *file = open_file(ZC_FILE_KEEP);
    int end;
    pid_t child = start_child(file, true, &end);

    refuse_again();
    write_text(file, "bytes", 0);
    end_child(child, end);
    refuse_again();
    zc_file_close(file);
    support_remove_file(files.path);
}

FILE_TEST(a_child_that_lives_on_does_not_keep_the_lock)
{
    struct zc_file *file = open_file(ZC_FILE_KEEP);
    int end;
    pid_t child = start_child(file, false, &end);

    zc_file_close(file);
    zc_file_close(open_file(ZC_FILE_EXISTING));
    end_child(child, end);
    support_remove_file(files.path);
}

/* ---- what is no file ---- */

FILE_TEST(what_is_neither_file_nor_block_device_is_refused)
{
    static const unsigned flags[] = {0, ZC_FILE_KEEP, ZC_FILE_EXISTING};
    unsigned i;

    assert_int_equal(mkfifo(files.path, 0600), 0);
    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        refuse_at("", flags[i], ZC_INVALID, "empty");
        refuse_at("/dev/null", flags[i], ZC_INVALID, "");
        refuse_at("/dev/full", flags[i], ZC_INVALID, "");
        refuse(flags[i], ZC_INVALID, ""); /* without waiting */
    }
    refuse(ZC_FILE_EXISTING, ZC_INVALID, "neither");
    support_remove_file(files.path);
}

FILE_TEST(what_cannot_be_opened_or_made_is_refused)
{
    char path[5000];

    (void)snprintf(path, sizeof(path), "%s/no/pages", files.directory);
    refuse_at(path, 0, ZC_IO_ERROR, strerror(ENOENT));
    refuse_at(path, ZC_FILE_EXISTING, ZC_IO_ERROR, strerror(ENOENT));
    make_file(files.other, "no directory");
    (void)snprintf(path, sizeof(path), "%s/pages", files.other);
    refuse_at(path, 0, ZC_IO_ERROR, strerror(ENOTDIR));
    support_remove_file(files.other);
    make_link("nowhere");
    refuse(ZC_FILE_EXISTING, ZC_IO_ERROR, "");
    support_remove_file(files.path);
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    refuse_at(path, 0, ZC_IO_ERROR, strerror(ENAMETOOLONG));
#if defined(__linux__)
    refuse_at("/proc/self/pages", 0, ZC_IO_ERROR, "");
    refuse_at("/proc/self", 0, ZC_IO_ERROR, "");
#endif
    if (geteuid() == 0)
        return;
    make_file(files.path, "for reading");
    assert_int_equal(chmod(files.path, 0400), 0);
    refuse(ZC_FILE_EXISTING, ZC_IO_ERROR, strerror(EACCES));
    assert_int_equal(look(files.path).st_size, 11);
    support_remove_file(files.path);
}

FILE_TEST(more_bytes_than_a_file_can_have_are_refused)
{
    refuse_bytes((uint64_t)INT64_MAX + 1, 0, ZC_INVALID);
}

FILE_TEST(without_memory_no_file_is_opened)
{
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    refuse(0, ZC_NO_MEMORY, "");
    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    refuse(ZC_FILE_DIRECT, ZC_NO_MEMORY, "");
}

/* ---- transfers ---- */

FILE_TEST(bytes_come_back_from_where_they_went)
{
    struct zc_file *file = open_file(ZC_FILE_KEEP);
    const int descriptor = open(files.path, O_RDONLY);
    unsigned char page[4096];
    uint64_t disk;
    uint64_t offset;

    for (offset = 0; offset < BYTES; offset += 65536) {
        support_stamp(page, sizeof(page), offset, 1);
        assert_status(zc_file_write(file, page, sizeof(page), offset), ZC_OK);
    }
    for (offset = 0; offset < BYTES; offset += 65536) {
        assert_status(zc_file_read(file, page, sizeof(page), offset), ZC_OK);
        assert_true(support_has_stamp(page, sizeof(page), offset, 1));
    }
    /* What was never written takes no space, and reads as zeros. */
    assert_status(zc_file_read(file, page, 1, 4096), ZC_OK);
    assert_int_equal(page[0], 0);
    /* Some file systems count nothing before. */
    assert_int_equal(fsync(descriptor), 0);
    (void)close(descriptor);
    disk = (uint64_t)look(files.path).st_blocks * 512;
    assert_in_range(disk, 1, BYTES / 2);
    assert_int_equal(zc_file_disk_bytes(file), disk);
    zc_file_close(file);
    support_remove_file(files.path);
}

FILE_TEST(a_file_that_must_not_grow_is_an_error)
{
    struct zc_file *file = open_file(0);
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
    refuse_at(files.other, ZC_FILE_PREALLOCATE, ZC_IO_ERROR, "");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);

    assert_false(support_file_exists(files.other));
    assert_status(zc_file_write(file, page, 4096, 3 * 4096), ZC_OK);
    zc_file_close(file);
}

FILE_TEST(preallocation_takes_the_space)
{
    const uint64_t too_much = UINT64_C(1) << 60; /* for any disk */
    struct zc_file *file = open_file(ZC_FILE_PREALLOCATE | ZC_FILE_KEEP);

    assert_true((uint64_t)look(files.path).st_blocks * 512 >= BYTES);
    assert_int_equal(look(files.path).st_size, BYTES);
    zc_file_close(file);
    support_remove_file(files.path);

    refuse_bytes(too_much, ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    refuse_bytes(too_much, ZC_FILE_PREALLOCATE | ZC_FILE_KEEP, ZC_IO_ERROR);
    assert_false(support_file_exists(files.path));
    make_file(files.path, "not ours");
    refuse_bytes(too_much, ZC_FILE_PREALLOCATE | ZC_FILE_EXISTING, ZC_IO_ERROR);
    support_remove_file(files.path); /* it was there before */
}

FILE_TEST(direct_transfers_go_both_ways_or_are_refused)
{
    const size_t size = 65536;
    struct zc_file *file = NULL;
    zc_status status = zc_file_open(
        files.path, BYTES, ZC_FILE_DIRECT | ZC_FILE_PREALLOCATE, why, &file);
    unsigned char *page;

    if (status != ZC_OK) {
        assert_status(status, ZC_UNSUPPORTED);
        assert_false(support_file_exists(files.path));
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
