/* SPDX-License-Identifier: MIT */
/*
 * test_backing_disk.c - a file on a disk of the test's own: a small tmpfs,
 * which says how much of it is used, and a block device.  Both need root.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare() */
#endif

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#endif

#include <zcache/swap.h>

#include "support_backing.h"
#include "support_cache.h"
#include "support_content.h"
#include "support_test.h"

#define PAGE 4096
#define DISK_BYTES (1 << 20)

#if defined(__linux__)

static int set_up(void **state)
{
    (void)state;
    support_place_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_place_remove();
    return 0;
}

/* ---- how much a file takes ---- */

/* A tmpfs of DISK_BYTES that this process alone sees. */
static bool mount_disk(void)
{
    char options[32];

    (void)snprintf(options, sizeof(options), "size=%d", DISK_BYTES);
    if (unshare(CLONE_NEWNS) == 0 &&
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", files.directory, "tmpfs", 0, options) == 0)
        return true;
    print_message("a disk cannot be mounted (not root?): SKIPPED\n");
    return false;
}

static uint64_t used_bytes(void)
{
    struct statvfs info;

    assert_int_equal(statvfs(files.directory, &info), 0);
    return (uint64_t)(info.f_blocks - info.f_bfree) * info.f_frsize;
}

static uint64_t disk_bytes(struct zc_cache *cache)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_swap_get_stats(cache, 0, &stats), ZC_OK);
    return stats.disk_bytes;
}

TEST_WITH(the_statistics_say_what_the_disk_says, set_up, tear_down)
{
    char page[PAGE];
    struct zc_cache *cache;
    uint64_t stored = 0;
    zc_status status = ZC_OK;
    uint64_t i;

    if (!mount_disk())
        skip();
    cache =
        support_cache_create(ZC_CACHE_OPTIONS(.backing_path = files.directory,
                                              .limit_bytes = 128 << 10));
    assert_int_equal(support_directory_count(files.directory), 0);
    assert_int_equal(disk_bytes(cache), used_bytes());
    /* More than there is room for. */
    for (i = 0; i < 2 * DISK_BYTES / PAGE; i++) {
        support_stamp(page, sizeof(page), i, 1);
        status = zc_cache_store(cache, support_slot(i), page);
        stored += status == ZC_OK;
        assert_int_equal(disk_bytes(cache), used_bytes());
    }
    assert_true(status != ZC_OK);
    assert_in_range(stored, DISK_BYTES / PAGE, i - 1);
    assert_in_range(disk_bytes(cache), DISK_BYTES - PAGE, DISK_BYTES);
    assert_int_equal(support_directory_count(files.directory), 0);
    zc_cache_destroy(cache);
    assert_int_equal(used_bytes(), 0);
    assert_int_equal(umount(files.directory), 0);
}

/* ---- a block device ---- */

/* A loop device over a file of DISK_BYTES, each byte 0x5a; -1: there is none.
 * It goes when its descriptor is closed. */
static int make_block_device(char path_out[64])
{
    struct loop_info64 info = {.lo_flags = LO_FLAGS_AUTOCLEAR};
    char page[PAGE];
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
    int device = -1;
    int file;
    unsigned i;

    if (control >= 0)
        (void)close(control);
    if (number < 0)
        return -1;
    (void)snprintf(path_out, 64, "/dev/loop%d", number);
    file = open(files.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    memset(page, 0x5a, sizeof(page));
    for (i = 0; i < DISK_BYTES / PAGE; i++)
        assert_int_equal(write(file, page, sizeof(page)), sizeof(page));
    support_remove_file(files.path);
    device = open(path_out, O_RDWR | O_CLOEXEC);
    if (device >= 0 && (ioctl(device, LOOP_SET_FD, file) != 0 ||
                        ioctl(device, LOOP_SET_STATUS64, &info) != 0)) {
        (void)close(device);
        device = -1;
    }
    (void)close(file);
    return device;
}

static void expect_refused(struct zc_backing_file *options, uint64_t slots,
                           zc_status expected, const char *text)
{
    char reason[ZC_REASON_SIZE] = "";
    const struct zc_backing_config config = {
        .struct_size = sizeof(config),
        .page_size = PAGE,
        .slot_count = slots,
        .user = options,
        .reason = reason,
        .reason_size = sizeof(reason),
    };
    void *backing = NULL;

    assert_status(zc_backing_file.open(&config, &backing), expected);
    assert_null(backing);
    if (strstr(reason, text) == NULL || strstr(reason, options->path) != reason)
        fail_msg("%s and '%s' are not in '%s'", options->path, text, reason);
}

TEST_WITH(a_block_device_is_used_only_where_it_is_meant, set_up, tear_down)
{
    char path[64];
    struct zc_backing_file options = {.struct_size = sizeof(options),
                                      .path = path};
    const int disk = make_block_device(path);
    unsigned char page[PAGE];
    unsigned char seen[PAGE];
    void *backing;

    if (disk < 0) {
        print_message("no loop device can be had (not root?): SKIPPED\n");
        skip();
    }
    expect_refused(&options, 256, ZC_INVALID, "use_existing");
    options.use_existing = 1;
    expect_refused(&options, 257, ZC_IO_ERROR, "1048576");
    backing = support_backing_open(&zc_backing_file, &options, PAGE, 256);
    expect_refused(&options, 256, ZC_IO_ERROR, "busy");
    support_stamp(page, PAGE, 3, 1);
    assert_status(zc_backing_file.write(backing, 3, page), ZC_OK);
    assert_int_equal(zc_backing_file.disk_bytes(backing), 0);
    zc_backing_file.close(backing);

    assert_int_equal(lseek(disk, 0, SEEK_END), DISK_BYTES);
    assert_int_equal(pread(disk, seen, PAGE, 3 * PAGE), PAGE);
    assert_memory_equal(seen, page, PAGE);
    assert_int_equal(pread(disk, seen, PAGE, 2 * PAGE), PAGE);
    assert_int_equal(seen[0], 0x5a);
    assert_memory_equal(seen, seen + 1, PAGE - 1);
    (void)close(disk);
}

#endif
