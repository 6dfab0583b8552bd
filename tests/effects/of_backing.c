/* SPDX-License-Identifier: MIT */
/* of_backing.c - what the options of the devices that are built in do. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT */
#endif
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "effects.h"
#include "spy.h"

#define PAGE ((uint64_t)ZC_PAGE_SIZE_MIN)
#define SLOTS 64

static void *open_device(const struct zc_backing_ops *ops, void *user)
{
    const struct zc_backing_config config = {.struct_size = sizeof(config),
                                             .page_size = PAGE,
                                             .slot_count = SLOTS,
                                             .user = user};
    void *device = NULL;
    zc_status status = ops->open(&config, &device);

    if (status == ZC_UNSUPPORTED)
        effect_skip("the file system cannot");
    MUST_BE_OK(status);
    return device;
}

/* --- a file ---------------------------------------------------------- */

static char paths[2][96];

/* Fills the struct and both paths; nothing is there. */
static void *open_file(struct zc_backing_file options, unsigned which)
{
    const char *directory = effect_directory();

    for (unsigned i = 0; i < 2; i++)
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%u", directory, i);
    options.struct_size = sizeof(options);
    options.path = paths[which];
    return open_device(&zc_backing_file, &options);
}

static bool is_there(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0;
}

static uint64_t file_at(unsigned which)
{
    struct stat status;

    (void)open_file((struct zc_backing_file){0}, which);
    return (uint64_t)(effect_open_file(paths[0], &status) +
                      2 * effect_open_file(paths[1], &status));
}

static uint64_t bytes_on_disk(unsigned preallocate)
{
    struct stat status;

    (void)open_file((struct zc_backing_file){.preallocate = preallocate}, 0);
    MUST(effect_open_file(paths[0], &status));
    return (uint64_t)status.st_blocks * 512;
}

/* Whether the system has a file of this process open past its page cache. */
static uint64_t is_direct(unsigned direct)
{
    uint64_t count = 0;

    (void)open_file((struct zc_backing_file){.direct = direct}, 0);
    for (int file = 3; file < 256; file++) {
        const int flags = fcntl(file, F_GETFL);

        count += flags != -1 && (flags & O_DIRECT) != 0;
    }
    return count;
}

static uint64_t is_kept(unsigned keep)
{
    void *device = open_file((struct zc_backing_file){.keep = keep}, 0);

    MUST(is_there(paths[0]) == (keep != 0));
    zc_backing_file.close(device);
    return is_there(paths[0]);
}

/* Of a file that is there: refused and left as it is, or used as long as it
 * was. */
static uint64_t uses_existing(unsigned use_existing)
{
    static const char mine[3 * PAGE] = "mine";
    struct zc_backing_file options = {.struct_size = sizeof(options),
                                      .path = paths[0],
                                      .use_existing = use_existing};
    const struct zc_backing_config config = {.struct_size = sizeof(config),
                                             .page_size = PAGE,
                                             .slot_count = 1,
                                             .user = &options};
    char now[4] = "";
    void *device;
    FILE *file;

    (void)snprintf(paths[0], sizeof(paths[0]), "%s/0", effect_directory());
    file = fopen(paths[0], "w+b");
    MUST(file != NULL && fwrite(mine, sizeof(mine), 1, file) == 1);
    MUST(fflush(file) == 0);
    if (zc_backing_file.open(&config, &device) == ZC_OK) {
        MUST_BE_OK(zc_backing_file.write(device, 0, page_text(0)));
        zc_backing_file.close(device);
    }
    MUST(pread(fileno(file), now, sizeof(now), 0) == (ssize_t)sizeof(now));
    MUST(fseek(file, 0, SEEK_END) == 0 && ftell(file) == (long)sizeof(mine));
    MUST(is_there(paths[0]));
    (void)fclose(file);
    return memcmp(now, mine, sizeof(now)) != 0;
}

/* --- faults ---------------------------------------------------------- */

static void *open_faulty(struct zc_backing_faults faults)
{
    faults.struct_size = sizeof(faults);
    return open_device(&zc_backing_faulty, &faults);
}

/* A bit for each of 64 writes that failed. */
static uint64_t failed_writes(struct zc_backing_faults faults)
{
    void *device = open_faulty(faults);
    uint64_t failed = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        if (zc_backing_faulty.write(device, i, page_text(i)) != ZC_OK)
            failed |= UINT64_C(1) << i;
    }
    return failed;
}

static uint64_t count_bits(uint64_t word)
{
    uint64_t count = 0;

    for (; word != 0; word >>= 1)
        count += word & 1;
    return count;
}

static uint64_t opens_behind(unsigned plugged)
{
    (void)open_faulty(
        (struct zc_backing_faults){.ops = plugged != 0 ? &spy_device : NULL});
    return spy.device_opens;
}

static uint64_t user_behind(unsigned user)
{
    static char users[2];

    (void)open_faulty(
        (struct zc_backing_faults){.ops = &spy_device, .user = &users[user]});
    return (uint64_t)((char *)spy.device_config.user - users);
}

/* Whether other writes fail than with seed 1. */
static uint64_t differs_from_seed_1(unsigned seed)
{
    struct zc_backing_faults faults = {.write_errors = 500000, .seed = 1};
    const uint64_t expected = failed_writes(faults);

    faults.seed = seed;
    return failed_writes(faults) != expected;
}

static uint64_t writes_failed(unsigned errors)
{
    return count_bits(
        failed_writes((struct zc_backing_faults){.write_errors = errors}));
}

static uint64_t reads_failed(unsigned errors)
{
    static unsigned char back[ZC_PAGE_SIZE_MIN];
    void *device =
        open_faulty((struct zc_backing_faults){.read_errors = errors});
    uint64_t failed = 0;

    MUST_BE_OK(zc_backing_faulty.write(device, 0, page_text(0)));
    for (unsigned i = 0; i < 1000; i++)
        failed += zc_backing_faulty.read(device, 0, back) != ZC_OK;
    return failed;
}

static uint64_t writes_until_full(unsigned full_after)
{
    return SLOTS - count_bits(failed_writes(
                       (struct zc_backing_faults){.full_after = full_after}));
}

/* By a clock that only sleeping moves. */
static uint64_t ns_slept(unsigned latency)
{
    void *device;

    effect_clock_begin(0);
    device = open_faulty((struct zc_backing_faults){.latency_ns = latency});
    for (uint64_t i = 0; i < 10; i++)
        MUST_BE_OK(zc_backing_faulty.write(device, i, page_text(i)));
    return effect_clock_slept_ns();
}

#define FILE_ROW(...) EFFECT(zc_backing_file, __VA_ARGS__)
#define FAULTS(...) EFFECT(zc_backing_faults, __VA_ARGS__)

const struct effect effects_backing[] = {
    FILE_ROW(path, 0, 1, file_at, IS, 1, 2, "that file is made, no other"),
    FILE_ROW(preallocate, 0, 1, bytes_on_disk, AT_MOST, 0, SLOTS *PAGE,
             "the system has the blocks before anything is written"),
    FILE_ROW(direct, 0, 1, is_direct, IS, 0, 1, "the descriptor has O_DIRECT"),
    FILE_ROW(keep, 0, 1, is_kept, IS, 0, 1, "the file is there after close"),
    FILE_ROW(use_existing, 0, 1, uses_existing, IS, 0, 1,
             "a file that is there is refused, or written to; never shorter"),
    FAULTS(ops, 0, 1, opens_behind, IS, 0, 1, "the plug-in is opened"),
    FAULTS(user, 0, 1, user_behind, IS, 0, 1, "its open is handed it"),
    FAULTS(seed, 1, 2, differs_from_seed_1, IS, 0, 1,
           "the same seed fails the same writes, another one others"),
    FAULTS(write_errors, 0, 1000000, writes_failed, IS, 0, SLOTS,
           "none or all of a million"),
    FAULTS(read_errors, 0, 1000000, reads_failed, IS, 0, 1000,
           "none or all of a million"),
    FAULTS(read_errors, 100000, 500000, reads_failed, NEARLY, 110, 530,
           "a tenth or a half of a thousand, within three deviations"),
    FAULTS(full_after, 0, 9, writes_until_full, IS, SLOTS, 9,
           "so many slots can be in use"),
    FAULTS(latency_ns, 0, 5000000, ns_slept, IS, 0, 50000000,
           "ten transfers sleep ten times so long"),
    EFFECTS_END};
