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

struct place {
    char directory[64];
    char path[96];
    char other[96];
};

/* Of the last open that was refused. */
static char why[ZC_FILE_WHY_SIZE];

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

    assert_status(zc_file_open(path, BYTES, flags, why, &file), ZC_OK);
    return file;
}

static void refuse(const char *path, uint64_t bytes, unsigned flags,
                   zc_status expected)
{
    struct zc_file *file = NULL;

    assert_status(zc_file_open(path, bytes, flags, why, &file), expected);
    assert_null(file);
}

static bool exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

static void sync_file(const char *path)
{
    const int file = open(path, O_RDONLY);

    assert_true(file >= 0);
    assert_int_equal(fsync(file), 0);
    (void)close(file);
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

static void refuse_with(const char *path, unsigned flags, zc_status expected,
                        const char *text)
{
    refuse(path, BYTES, flags, expected);
    if (strstr(why, text) == NULL)
        fail_msg("'%s' is not in '%s'", text, why);
}

/* ---- files that were there ---- */

/* What the system says of a file, but for when it was read. */
static void assert_untouched(const char *path, const struct stat *before,
                             const char *text)
{
    const struct stat now = look(path);
    char content[64] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_int_equal(fread(content, 1, sizeof(content) - 1, file),
                     strlen(text));
    (void)fclose(file);
    assert_string_equal(content, text);
    assert_int_equal(now.st_ino, before->st_ino);
    assert_int_equal(now.st_size, before->st_size);
    assert_int_equal(now.st_mode, before->st_mode);
    assert_int_equal(now.st_nlink, before->st_nlink);
    assert_int_equal(now.st_mtim.tv_sec, before->st_mtim.tv_sec);
    assert_int_equal(now.st_mtim.tv_nsec, before->st_mtim.tv_nsec);
    assert_int_equal(now.st_ctim.tv_sec, before->st_ctim.tv_sec);
    assert_int_equal(now.st_ctim.tv_nsec, before->st_ctim.tv_nsec);
}

TEST_WITH(a_file_that_is_there_is_not_touched, set_up, tear_down)
{
    static const unsigned flags[] = {0, ZC_FILE_KEEP, ZC_FILE_PREALLOCATE};
    struct place *place = *state;
    struct stat before;
    unsigned i;

    make_file(place->path, "what was here before");
    before = look(place->path);
    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        refuse_with(place->path, flags[i], ZC_INVALID, "use_existing");
        assert_untouched(place->path, &before, "what was here before");
    }
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(a_link_is_not_followed_to_a_file, set_up, tear_down)
{
    struct place *place = *state;
    struct stat before;

    make_file(place->other, "what was here before");
    before = look(place->other);
    assert_int_equal(symlink("other", place->path), 0);
    refuse_with(place->path, 0, ZC_INVALID, "use_existing");
    refuse_with(place->path, ZC_FILE_KEEP, ZC_INVALID, "use_existing");
    assert_untouched(place->other, &before, "what was here before");
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(unlink(place->other), 0);

    /* Nor to where a file could be made, nor round and round. */
    assert_int_equal(symlink("other", place->path), 0);
    refuse(place->path, BYTES, 0, ZC_INVALID);
    assert_false(exists(place->other));
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(symlink("pages", place->path), 0);
    refuse(place->path, BYTES, 0, ZC_INVALID);
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(an_existing_file_is_used_and_gets_no_shorter, set_up, tear_down)
{
    static const unsigned flags[] = {ZC_FILE_EXISTING,
                                     ZC_FILE_EXISTING | ZC_FILE_KEEP};
    struct place *place = *state;
    struct zc_file *file;
    struct stat before;
    char bytes[21] = "";
    unsigned i;

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        make_file(place->path, "what was here before");
        assert_int_equal(chmod(place->path, 0640), 0);
        before = look(place->path);
        file = open_file(place->path, flags[i]);
        assert_untouched(place->path, &before, "what was here before");
        assert_status(zc_file_write(file, "WHAT", 4, 0), ZC_OK);
        assert_status(zc_file_read(file, bytes, 20, 0), ZC_OK);
        assert_string_equal(bytes, "WHAT was here before");
        assert_int_equal(look(place->path).st_size, 20);
        assert_status(zc_file_write(file, "far", 3, 100), ZC_OK);
        zc_file_close(file);
        assert_int_equal(look(place->path).st_ino, before.st_ino);
        assert_int_equal(look(place->path).st_mode, S_IFREG | 0640);
        assert_int_equal(look(place->path).st_size, 103);
        assert_int_equal(unlink(place->path), 0);
    }
}

TEST_WITH(preallocation_overwrites_nothing_that_is_there, set_up, tear_down)
{
    struct place *place = *state;
    char bytes[21] = "";
    struct zc_file *file;

    make_file(place->path, "what was here before");
    file = open_file(place->path, ZC_FILE_EXISTING | ZC_FILE_PREALLOCATE);
    assert_int_equal(look(place->path).st_size, BYTES);
    assert_status(zc_file_read(file, bytes, 20, 0), ZC_OK);
    assert_string_equal(bytes, "what was here before");
    zc_file_close(file);
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(an_existing_file_may_be_named_by_a_link, set_up, tear_down)
{
    struct place *place = *state;
    struct zc_file *file;

    make_file(place->other, "what was here before");
    assert_int_equal(symlink("other", place->path), 0);
    file = open_file(place->path, ZC_FILE_EXISTING);
    assert_status(zc_file_write(file, "WHAT", 4, 0), ZC_OK);
    zc_file_close(file);
    assert_true(exists(place->path));
    assert_int_equal(look(place->other).st_size, 20);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(unlink(place->other), 0);
}

TEST_WITH(what_is_to_be_there_is_not_made, set_up, tear_down)
{
    struct place *place = *state;

    refuse_with(place->path, ZC_FILE_EXISTING, ZC_IO_ERROR, strerror(ENOENT));
    refuse_with(place->path, ZC_FILE_EXISTING | ZC_FILE_KEEP, ZC_IO_ERROR,
                strerror(ENOENT));
    assert_false(exists(place->path));
}

/* ---- new files ---- */

/*
 * The descriptor of this process that is open on a file below a directory, as
 * the system has it; -1: there is none, or no /proc.
 */
static int find_descriptor(const char *directory)
{
    DIR *all = opendir("/proc/self/fd");
    struct dirent *item;
    char name[300];
    char target[600];
    char part[80];
    ssize_t length;
    int found = -1;

    if (all == NULL)
        return -1;
    (void)snprintf(part, sizeof(part), "/%s/", directory);
    while (found < 0 && (item = readdir(all)) != NULL) {
        (void)snprintf(name, sizeof(name), "/proc/self/fd/%s", item->d_name);
        length = readlink(name, target, sizeof(target) - 1);
        if (length < 0)
            continue;
        target[length] = '\0';
        if (strstr(target, part) != NULL)
            found = (int)strtol(item->d_name, NULL, 10);
    }
    (void)closedir(all);
    return found;
}

static bool has_proc(void)
{
    if (access("/proc/self/fd", F_OK) == 0)
        return true;
    print_message("no /proc here: open files are not looked at\n");
    return false;
}

/* Open, without a name, readable and writable by its owner alone, and not
 * handed to other programs. */
static void assert_unnamed(const struct place *place)
{
    struct stat info;
    int descriptor;

    assert_int_equal(support_directory_count(place->directory), 0);
    if (!has_proc())
        return;
    descriptor = find_descriptor(place->directory);
    assert_true(descriptor >= 0);
    assert_int_equal(fstat(descriptor, &info), 0);
    assert_int_equal(info.st_mode, S_IFREG | 0600);
    assert_int_equal(info.st_nlink, 0);
    assert_int_equal(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
}

TEST_WITH(a_new_name_is_gone_at_once, set_up, tear_down)
{
    static const mode_t masks[] = {0, 022, 077};
    struct place *place = *state;
    struct zc_file *file;
    mode_t before;
    char bytes[6] = "";
    unsigned i;

    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        before = umask(masks[i]);
        file = open_file(place->path, 0);
        (void)umask(before);
        assert_unnamed(place);
        assert_status(zc_file_write(file, "bytes", 5, 0), ZC_OK);
        assert_status(zc_file_read(file, bytes, 5, 0), ZC_OK);
        assert_string_equal(bytes, "bytes");
        zc_file_close(file);
        assert_int_equal(find_descriptor(place->directory), -1);
    }
}

TEST_WITH(a_directory_gives_a_file_without_a_name, set_up, tear_down)
{
    struct place *place = *state;
    char slash[80];
    struct zc_file *file;
    struct zc_file *another;
    mode_t before = umask(0);

    (void)snprintf(slash, sizeof(slash), "%s/", place->directory);
    file = open_file(place->directory, 0);
    (void)umask(before);
    assert_unnamed(place);
    another = open_file(slash, ZC_FILE_PREALLOCATE);
    assert_int_equal(support_directory_count(place->directory), 0);
    assert_status(zc_file_write(file, "bytes", 5, 0), ZC_OK);
    assert_status(zc_file_write(another, "other", 5, 0), ZC_OK);
    zc_file_close(file);
    zc_file_close(another);
    assert_int_equal(find_descriptor(place->directory), -1);
    refuse_with(place->directory, ZC_FILE_KEEP, ZC_INVALID, "directory");
    refuse(place->directory, BYTES, ZC_FILE_EXISTING, ZC_INVALID);
}

TEST_WITH(a_kept_file_is_the_owners_alone_and_stays, set_up, tear_down)
{
    static const mode_t masks[] = {0, 022, 077};
    struct place *place = *state;
    struct zc_file *file;
    mode_t before;
    unsigned i;

    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        before = umask(masks[i]);
        file = open_file(place->path, ZC_FILE_KEEP);
        (void)umask(before);
        assert_int_equal(look(place->path).st_mode, S_IFREG | 0600);
        assert_int_equal(look(place->path).st_size, 0);
        assert_status(zc_file_write(file, "bytes", 5, 100), ZC_OK);
        zc_file_close(file);
        assert_int_equal(look(place->path).st_size, 105);
        refuse_with(place->path, ZC_FILE_KEEP, ZC_INVALID, "use_existing");
        assert_int_equal(look(place->path).st_size, 105);
        assert_int_equal(unlink(place->path), 0);
    }
}

/* Runs `action` in a child that is killed after it, by a signal that no program
 * can do anything about. */
static void kill_after(void (*action)(struct place *place), struct place *place)
{
    pid_t child = fork();
    int how = 0;

    if (child == 0) {
        action(place);
        (void)kill(getpid(), SIGKILL);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGKILL);
}

static void use_both(struct place *place)
{
    (void)zc_file_write(open_file(place->directory, 0), "bytes", 5, 0);
    (void)zc_file_write(open_file(place->path, 0), "bytes", 5, 0);
}

static void keep_one(struct place *place)
{
    (void)zc_file_write(open_file(place->path, ZC_FILE_KEEP), "bytes", 5, 0);
}

TEST_WITH(a_killed_program_leaves_nothing, set_up, tear_down)
{
    struct place *place = *state;

    kill_after(use_both, place);
    assert_int_equal(support_directory_count(place->directory), 0);
    kill_after(keep_one, place); /* or what it was told to leave */
    assert_int_equal(support_directory_count(place->directory), 1);
    assert_int_equal(unlink(place->path), 0);
}

/* ---- another opener ---- */

TEST_WITH(a_second_opener_is_refused_and_destroys_nothing, set_up, tear_down)
{
    const unsigned again = ZC_FILE_EXISTING;
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, ZC_FILE_KEEP);
    char bytes[6] = {0};

    assert_status(zc_file_write(file, "bytes", 5, 0), ZC_OK);
    refuse_with(place->path, again, ZC_IO_ERROR, "another cache or process");
    assert_int_equal(link(place->path, place->other), 0);
    refuse(place->other, BYTES, again | ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    assert_int_equal(unlink(place->other), 0);

    assert_int_equal(look(place->path).st_size, 5);
    assert_status(zc_file_read(file, bytes, 5, 0), ZC_OK);
    assert_string_equal(bytes, "bytes");
    zc_file_close(file);
    file = open_file(place->path, again);
    refuse(place->path, BYTES, again, ZC_IO_ERROR);
    zc_file_close(file);
    assert_int_equal(unlink(place->path), 0);
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

TEST_WITH(a_child_leaves_its_parents_lock_alone, set_up, tear_down)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, ZC_FILE_KEEP);
    int end;
    pid_t child = start_child(file, true, &end);

    refuse_with(place->path, ZC_FILE_EXISTING, ZC_IO_ERROR, "another cache");
    assert_status(zc_file_write(file, "bytes", 5, 0), ZC_OK);
    end_child(child, end);
    refuse_with(place->path, ZC_FILE_EXISTING, ZC_IO_ERROR, "another cache");
    zc_file_close(file);
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(a_child_that_lives_on_does_not_keep_the_lock, set_up, tear_down)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, ZC_FILE_KEEP);
    int end;
    pid_t child = start_child(file, false, &end);

    zc_file_close(file);
    zc_file_close(open_file(place->path, ZC_FILE_EXISTING));
    end_child(child, end);
    assert_int_equal(unlink(place->path), 0);
}

/* ---- what is no file ---- */

TEST_WITH(what_is_neither_file_nor_block_device_is_refused, set_up, tear_down)
{
    static const unsigned flags[] = {0, ZC_FILE_KEEP, ZC_FILE_EXISTING};
    struct place *place = *state;
    unsigned i;

    assert_int_equal(mkfifo(place->path, 0600), 0);
    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        refuse_with("", flags[i], ZC_INVALID, "empty");
        refuse("/dev/null", BYTES, flags[i], ZC_INVALID);
        refuse("/dev/full", BYTES, flags[i], ZC_INVALID);
        refuse(place->path, BYTES, flags[i], ZC_INVALID); /* without waiting */
    }
    refuse_with(place->path, ZC_FILE_EXISTING, ZC_INVALID, "neither");
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(what_cannot_be_opened_or_made_is_refused, set_up, tear_down)
{
    struct place *place = *state;
    char path[5000];

    (void)snprintf(path, sizeof(path), "%s/no/pages", place->directory);
    refuse_with(path, 0, ZC_IO_ERROR, strerror(ENOENT));
    refuse_with(path, ZC_FILE_EXISTING, ZC_IO_ERROR, strerror(ENOENT));
    make_file(place->other, "no directory");
    (void)snprintf(path, sizeof(path), "%s/pages", place->other);
    refuse_with(path, 0, ZC_IO_ERROR, strerror(ENOTDIR));
    assert_int_equal(unlink(place->other), 0);
    assert_int_equal(symlink("nowhere", place->path), 0);
    refuse(place->path, BYTES, ZC_FILE_EXISTING, ZC_IO_ERROR);
    assert_int_equal(unlink(place->path), 0);
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    refuse_with(path, 0, ZC_IO_ERROR, strerror(ENAMETOOLONG));
#if defined(__linux__)
    refuse("/proc/self/pages", BYTES, 0, ZC_IO_ERROR);
    refuse("/proc/self", BYTES, 0, ZC_IO_ERROR);
#endif
    if (geteuid() == 0)
        return;
    make_file(place->path, "for reading");
    assert_int_equal(chmod(place->path, 0400), 0);
    refuse_with(place->path, ZC_FILE_EXISTING, ZC_IO_ERROR, strerror(EACCES));
    assert_int_equal(look(place->path).st_size, 11);
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(more_bytes_than_a_file_can_have_are_refused, set_up, tear_down)
{
    struct place *place = *state;

    refuse(place->path, UINT64_MAX, 0, ZC_INVALID);
    refuse(place->path, (uint64_t)INT64_MAX + 1, 0, ZC_INVALID);
}

TEST_WITH(open_refuses_without_memory, set_up, tear_down)
{
    struct place *place = *state;

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    refuse(place->path, BYTES, 0, ZC_NO_MEMORY);
    zc_inject_arm(ZC_INJECT_PAGES, 0, 1);
    refuse(place->path, BYTES, ZC_FILE_DIRECT, ZC_NO_MEMORY);
}

/* ---- transfers ---- */

TEST_WITH(bytes_come_back_from_where_they_went, set_up, tear_down)
{
    struct place *place = *state;
    struct zc_file *file = open_file(place->path, ZC_FILE_KEEP);
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
    sync_file(place->path); /* else some file systems count nothing yet */
    /* What was never written takes no space, and reads as zeros. */
    assert_status(zc_file_read(file, page, 1, 4096), ZC_OK);
    assert_int_equal(page[0], 0);
    disk = (uint64_t)look(place->path).st_blocks * 512;
    assert_in_range(disk, 1, BYTES / 2);
    assert_int_equal(zc_file_disk_bytes(file), disk);
    zc_file_close(file);
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(the_end_of_a_file_is_an_error, set_up, tear_down)
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

TEST_WITH(a_transfer_that_stops_half_way_goes_on, set_up, tear_down)
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

TEST_WITH(a_file_that_must_not_grow_is_an_error, set_up, tear_down)
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

TEST_WITH(preallocation_takes_the_space, set_up, tear_down)
{
    struct place *place = *state;
    struct zc_file *file =
        open_file(place->path, ZC_FILE_PREALLOCATE | ZC_FILE_KEEP);

    assert_true((uint64_t)look(place->path).st_blocks * 512 >= BYTES);
    assert_int_equal(look(place->path).st_size, BYTES);
    zc_file_close(file);
    assert_int_equal(unlink(place->path), 0);

    /* More than any disk has. */
    refuse(place->path, (uint64_t)1 << 60, ZC_FILE_PREALLOCATE, ZC_IO_ERROR);
    refuse(place->path, (uint64_t)1 << 60, ZC_FILE_PREALLOCATE | ZC_FILE_KEEP,
           ZC_IO_ERROR);
    assert_false(exists(place->path));
    make_file(place->path, "not ours");
    refuse(place->path, (uint64_t)1 << 60,
           ZC_FILE_PREALLOCATE | ZC_FILE_EXISTING, ZC_IO_ERROR);
    assert_true(exists(place->path)); /* it was there before */
    assert_int_equal(unlink(place->path), 0);
}

TEST_WITH(direct_transfers_go_both_ways_or_are_refused, set_up, tear_down)
{
    const size_t size = 65536;
    struct place *place = *state;
    struct zc_file *file = NULL;
    zc_status status = zc_file_open(
        place->path, BYTES, ZC_FILE_DIRECT | ZC_FILE_PREALLOCATE, why, &file);
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
