/* SPDX-License-Identifier: MIT */
/* support_backing.c - see support_backing.h. */
#include "support_backing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support_content.h"
#include "support_test.h"
#include "support_threads.h"

#define THREADS 4
#define SLOTS_EACH 50
#define ROUNDS 400
#define PAGE_MAX 65536

static zc_status try_open(const struct zc_backing_ops *ops, void *user,
                          size_t page_size, uint64_t slot_count,
                          void **backing_out)
{
    const struct zc_backing_config config = {
        .struct_size = sizeof(config),
        .page_size = page_size,
        .slot_count = slot_count,
        .user = user,
    };

    return ops->open(&config, backing_out);
}

void *support_backing_open(const struct zc_backing_ops *ops, void *user,
                           size_t page_size, uint64_t slot_count)
{
    void *backing = NULL;

    assert_status(try_open(ops, user, page_size, slot_count, &backing), ZC_OK);
    return backing;
}

zc_status support_backing_try(const struct zc_backing_ops *ops, void *user)
{
    void *backing = NULL;
    zc_status status = try_open(ops, user, 4096, 64, &backing);

    if (status == ZC_OK)
        ops->close(backing);
    else
        assert_null(backing);
    return status;
}

/* The device under test, and its pages. */
static const struct zc_backing_ops *device;
static void *backing;
static size_t size;

static void begin(const struct zc_backing_ops *ops, void *user,
                  size_t page_size, uint64_t slot_count)
{
    device = ops;
    size = page_size;
    backing = support_backing_open(ops, user, page_size, slot_count);
}

static void discard(uint64_t slot)
{
    if (device->discard != NULL)
        device->discard(backing, slot);
}

/* ---- one caller ---- */

static void write_slot(uint64_t slot, uint64_t sequence)
{
    /* A page at any alignment. */
    static _Alignas(4096) unsigned char page[PAGE_MAX + 64];
    unsigned char *start = page + sequence % 3 * 8;

    support_stamp(start, size, slot, sequence);
    assert_status(device->write(backing, slot, start), ZC_OK);
}

static void check_slot(uint64_t slot, uint64_t sequence)
{
    static _Alignas(4096) unsigned char page[PAGE_MAX + 64];
    unsigned char *start = page + (sequence + slot) % 3 * 8;

    memset(page, 0xee, sizeof(page));
    assert_status(device->read(backing, slot, start), ZC_OK);
    assert_true(support_has_stamp(start, size, slot, sequence));
    /* The read wrote one page and not a byte more. */
    assert_int_equal(start[size], 0xee);
    assert_true(start == page || start[-1] == 0xee);
}

static void round_trip(void)
{
    static const uint64_t slots[] = {0, 1, 2, 511, 512, 1023, 1024, 5000, 9999};
    const unsigned count = sizeof(slots) / sizeof(slots[0]);
    unsigned round;
    unsigned i;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < count; i++)
            write_slot(slots[i], round * 100 + i);
        for (i = 0; i < count; i++)
            check_slot(slots[i], round * 100 + i);
    }
    for (i = 0; i < count; i += 2)
        discard(slots[i]);
    for (i = 1; i < count; i += 2)
        check_slot(slots[i], 200 + i);
    for (i = 0; i < count; i += 2)
        write_slot(slots[i], 300 + i);
    for (i = 0; i < count; i++)
        check_slot(slots[i], (i % 2 == 0 ? 300 : 200) + i);
}

void support_backing_round_trips(const struct zc_backing_ops *ops, void *user)
{
    size_t page_size;

    for (page_size = 4096; page_size <= PAGE_MAX; page_size *= 4) {
        begin(ops, user, page_size, 10000);
        round_trip();
        ops->close(backing);
    }
}

/* ---- threads ---- */

static void use_own_slots(struct support_worker *worker)
{
    uint64_t written[SLOTS_EACH] = {0};
    _Alignas(4096) unsigned char page[4096 + 64];
    unsigned char *start;
    uint64_t slot;
    uint64_t i;
    uint64_t n;

    for (n = 1; n <= ROUNDS; n++) {
        i = support_random_below(&worker->random, SLOTS_EACH);
        slot = i * THREADS + worker->index;
        start = page + n % 2 * 16;
        if (written[i] != 0) {
            if (device->read(backing, slot, start) != ZC_OK ||
                !support_has_stamp(start, 4096, slot, written[i]))
                support_mistake(worker, "slot %u is not what was written",
                                (unsigned)slot);
            if (n % 3 == 0)
                discard(slot);
        }
        support_stamp(start, 4096, slot, n);
        if (device->write(backing, slot, start) != ZC_OK)
            support_mistake(worker, "slot %u is not written", (unsigned)slot);
        written[i] = n;
    }
}

void support_backing_threads(const struct zc_backing_ops *ops, void *user)
{
    begin(ops, user, 4096, THREADS * SLOTS_EACH);
    support_crowd(THREADS, use_own_slots, NULL, 0);
    ops->close(backing);
}

/* ---- directories ---- */

void support_directory_make(char path_out[64])
{
    (void)snprintf(path_out, 64, "support-directory-XXXXXX");
    assert_non_null(mkdtemp(path_out));
}

/* Counts the names but . and .., and removes them if `removes`. */
static unsigned walk_directory(const char *path, bool removes)
{
    char name[512];
    struct dirent *item;
    DIR *directory = opendir(path);
    unsigned found = 0;

    assert_non_null(directory);
    while ((item = readdir(directory)) != NULL) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        (void)snprintf(name, sizeof(name), "%s/%s", path, item->d_name);
        if (removes)
            (void)unlink(name);
        found++;
    }
    (void)closedir(directory);
    return found;
}

unsigned support_directory_count(const char *path)
{
    return walk_directory(path, false);
}

void support_directory_remove(const char *path, unsigned expected)
{
    const unsigned found = walk_directory(path, true);

    assert_int_equal(rmdir(path), 0);
    assert_int_equal(found, expected);
}

struct support_file_place files;

void support_place_make(void)
{
    support_directory_make(files.directory);
    (void)snprintf(files.path, sizeof(files.path), "%s/pages", files.directory);
    (void)snprintf(files.other, sizeof(files.other), "%s/other",
                   files.directory);
}

void support_place_remove(void)
{
    support_directory_remove(files.directory, 0);
}

void support_remove_file(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

bool support_file_exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}
