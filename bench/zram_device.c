/* SPDX-License-Identifier: MIT */
/* zram_device.c - see zram_device.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT */
#endif

#include "zram_device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#define CONTROL "/sys/class/zram-control/"
#define PATH_MAX_BYTES 96
#define RETRY_MILLISECONDS 20

/*
 * What the end of the process has to undo, in a form that a signal handler can
 * use: the texts are ready, the number is -1 when there is nothing to do.
 */
static volatile sig_atomic_t made_id = -1;
static int made_file = -1;
static char made_reset_path[PATH_MAX_BYTES];
static char made_number[24];

static const int ending_signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                     SIGABRT, SIGALRM, SIGPIPE, SIGXCPU};

static bool write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool done;

    if (file < 0)
        return false;
    done = write(file, text, strlen(text)) == (ssize_t)strlen(text);
    (void)close(file);
    return done;
}

/* Only async-signal-safe calls.  The device must not be open to be removed. */
static void remove_device(void)
{
    unsigned tries;

    if (made_id < 0)
        return;
    made_id = -1;
    if (made_file >= 0)
        (void)close(made_file);
    made_file = -1;
    (void)write_text(made_reset_path, "1");
    /* Another process may have the new device open for a moment. */
    for (tries = 0; tries < 50; tries++) {
        if (write_text(CONTROL "hot_remove", made_number))
            return;
        (void)poll(NULL, 0, RETRY_MILLISECONDS);
    }
}

static void on_signal(int signal_number)
{
    remove_device();
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static void remove_at_end(void)
{
    static bool done = false;
    unsigned i;

    if (done)
        return;
    done = true;
    (void)atexit(remove_device);
    for (i = 0; i < sizeof(ending_signals) / sizeof(ending_signals[0]); i++)
        (void)signal(ending_signals[i], on_signal);
}

static int add_device(void)
{
    char text[24] = "";
    int file = open(CONTROL "hot_add", O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (file < 0)
        return -1;
    length = read(file, text, sizeof(text) - 1);
    (void)close(file);
    return length > 0 ? atoi(text) : -1;
}

static bool set(int id, const char *name, const char *text)
{
    char path[PATH_MAX_BYTES];

    (void)snprintf(path, sizeof(path), "/sys/block/zram%d/%s", id, name);
    return write_text(path, text);
}

/* The device file appears a moment after the device. */
static int open_device(int id)
{
    char path[PATH_MAX_BYTES];
    unsigned tries;
    int file = -1;

    (void)snprintf(path, sizeof(path), "/dev/zram%d", id);
    for (tries = 0; file < 0 && tries < 100; tries++) {
        if (tries != 0)
            (void)poll(NULL, 0, RETRY_MILLISECONDS);
        file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    }
    return file;
}

const char *zram_device_open(struct zram_device *device, const char *algorithm,
                             uint64_t pages)
{
    char path[PATH_MAX_BYTES];
    char bytes[24];
    int id;

    if (access(CONTROL "hot_add", R_OK) != 0)
        return errno == ENOENT ? "this kernel has no zram"
                               : "adding a zram device is not permitted";
    remove_at_end();
    id = add_device();
    if (id < 0)
        return "the kernel added no zram device";
    (void)snprintf(made_number, sizeof(made_number), "%d", id);
    (void)snprintf(made_reset_path, sizeof(made_reset_path),
                   "/sys/block/zram%d/reset", id);
    made_id = id;
    *device = (struct zram_device){.id = id, .file = -1, .stat_file = -1};
    (void)snprintf(bytes, sizeof(bytes), "%" PRIu64, pages * ZRAM_PAGE_BYTES);
    if (!set(id, "comp_algorithm", algorithm)) {
        remove_device();
        return "this kernel's zram lacks the compressor";
    }
    if (!set(id, "disksize", bytes)) {
        remove_device();
        return "the size of the zram device cannot be set";
    }
    (void)snprintf(path, sizeof(path), "/sys/block/zram%d/mm_stat", id);
    device->stat_file = open(path, O_RDONLY | O_CLOEXEC);
    device->file = made_file = open_device(id);
    if (device->file < 0 || device->stat_file < 0) {
        zram_device_close(device);
        return "the zram device cannot be opened";
    }
    return NULL;
}

void zram_device_close(struct zram_device *device)
{
    if (device->stat_file >= 0)
        (void)close(device->stat_file);
    device->stat_file = -1;
    device->file = -1;
    remove_device();
}

bool zram_device_write(struct zram_device *device, uint64_t slot,
                       const void *page)
{
    return pwrite(device->file, page, ZRAM_PAGE_BYTES,
                  (off_t)(slot * ZRAM_PAGE_BYTES)) == ZRAM_PAGE_BYTES;
}

bool zram_device_read(struct zram_device *device, uint64_t slot, void *page_out)
{
    return pread(device->file, page_out, ZRAM_PAGE_BYTES,
                 (off_t)(slot * ZRAM_PAGE_BYTES)) == ZRAM_PAGE_BYTES;
}

bool zram_device_discard(struct zram_device *device, uint64_t slot)
{
#ifdef BLKDISCARD
    uint64_t range[2] = {slot * ZRAM_PAGE_BYTES, ZRAM_PAGE_BYTES};

    return ioctl(device->file, BLKDISCARD, range) == 0;
#else
    (void)device;
    (void)slot;
    return false;
#endif
}

bool zram_device_compact(struct zram_device *device)
{
    return set(device->id, "compact", "1");
}

bool zram_device_get_stats(struct zram_device *device,
                           struct zram_stats *stats_out)
{
    char text[512];
    ssize_t length = pread(device->stat_file, text, sizeof(text) - 1, 0);

    if (length <= 0)
        return false;
    text[length] = '\0';
    return sscanf(text,
                  "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                  " %" SCNu64 " %" SCNu64 " %" SCNu64,
                  &stats_out->orig_data_size, &stats_out->compr_data_size,
                  &stats_out->mem_used_total, &stats_out->mem_limit,
                  &stats_out->mem_used_max, &stats_out->same_pages,
                  &stats_out->pages_compacted, &stats_out->huge_pages) == 8;
}
