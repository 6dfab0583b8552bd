/* SPDX-License-Identifier: MIT */
/*
 * process_shared.c - the files behind mappings of shared memory.
 *
 * /proc/PID/map_files leads to such a file, also to one without a name: of
 * memfd_create(), of a shared anonymous mapping, of a System V segment.
 * mincore() then says which of its pages are in memory.  It says it of a
 * mapping of this program's own, in which no page is touched.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SEEK_DATA, mincore() */
#endif

#include "common/process_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pages that are mapped at once: 64 MiB of 4 KiB pages. */
#define WINDOW_PAGES 16384

void shared_mappings_add(struct shared_mappings *list,
                         const struct shared_mapping *mapping)
{
    list->mappings = memory_make_room(list->mappings, list->count,
                                      &list->capacity, sizeof(*list->mappings));
    list->mappings[list->count++] = *mapping;
}

void shared_mappings_cut(struct shared_mappings *list, size_t first)
{
    while (list->count != 0 && list->mappings[list->count - 1].mapping >= first)
        free(list->mappings[--list->count].path);
}

void shared_mappings_free(struct shared_mappings *list)
{
    shared_mappings_cut(list, 0);
    free(list->mappings);
    *list = (struct shared_mappings){0};
}

bool shared_mappings_walked(const struct shared_mappings *list,
                            const struct shared_mapping *mapping)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct shared_mapping *other = &list->mappings[i];

        if (other->walked && other->file == mapping->file &&
            other->from <= mapping->from && other->to >= mapping->to)
            return true;
    }
    return false;
}

int shared_file_open(const char *path)
{
    struct stat status;

    /* Not a device, which may act on being opened.  Of a file that this program
     * may not write, mincore() says that all of it is in memory. */
    if (stat(path, &status) != 0)
        return -1;
    if (geteuid() != 0 && geteuid() != status.st_uid) {
        errno = EPERM;
        return -1;
    }
    errno = ENODEV;
    return !S_ISREG(status.st_mode) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
}

/* Whole pages that have data. */
static void walk_data(int file, uint64_t from, uint64_t to, uint64_t page_size,
                      void (*take)(void *context, uint64_t place),
                      void *context)
{
    static unsigned char present[WINDOW_PAGES];

    while (from < to) {
        uint64_t pages = (to - from) / page_size;
        size_t bytes;
        void *window;

        if (pages > WINDOW_PAGES)
            pages = WINDOW_PAGES;
        bytes = (size_t)(pages * page_size);
        window = mmap(NULL, bytes, PROT_READ, MAP_SHARED, file, (off_t)from);
        if (window == MAP_FAILED)
            return;
        if (mincore(window, bytes, present) == 0) {
            for (uint64_t i = 0; i < pages; i++) {
                if ((present[i] & 1) != 0)
                    take(context, from + i * page_size);
            }
        }
        (void)munmap(window, bytes);
        from += bytes;
    }
}

void shared_file_walk(int file, uint64_t from, uint64_t to, uint64_t page_size,
                      void (*take)(void *context, uint64_t place),
                      void *context)
{
    while (from < to) {
        const off_t data = lseek(file, (off_t)from, SEEK_DATA);
        const off_t hole = data < 0 ? -1 : lseek(file, data, SEEK_HOLE);
        uint64_t end;

        if (hole <= data || (uint64_t)data >= to)
            return;
        end = ((uint64_t)hole + page_size - 1) / page_size * page_size;
        if (end > to)
            end = to;
        walk_data(file, (uint64_t)data / page_size * page_size, end, page_size,
                  take, context);
        from = end;
    }
}

void shared_files_add(struct shared_files *list, const struct shared_file *one)
{
    list->files = memory_make_room(list->files, list->count, &list->capacity,
                                   sizeof(*list->files));
    list->files[list->count++] = *one;
}

static int compare_files(const void *left, const void *right)
{
    const struct shared_file *a = left;
    const struct shared_file *b = right;

    return (a->mapping > b->mapping) - (a->mapping < b->mapping);
}

const struct shared_file *shared_files_find(const struct shared_files *list,
                                            size_t mapping)
{
    const struct shared_file key = {.mapping = mapping};

    return list->count == 0 ? NULL
                            : bsearch(&key, list->files, list->count,
                                      sizeof(key), compare_files);
}

void shared_files_close(struct shared_files *list)
{
    for (size_t i = 0; i < list->count; i++)
        (void)close(list->files[i].file);
    free(list->files);
    *list = (struct shared_files){0};
}
