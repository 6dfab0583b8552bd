/* SPDX-License-Identifier: MIT */
/*
 * cold_referenced.c - what of each mapping was referenced since clear_refs.
 *
 * A 1 that is written to /proc/PID/clear_refs clears the accessed bits of all
 * page tables of the process.  Referenced in smaps then grows as pages are
 * read and written.  A read through /proc/PID/mem counts as well: so no page
 * is copied between the two.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/process_maps.h"
#include "estimate/cold_look.h"

static char *path_of(const char *root, long pid, const char *file)
{
    struct text path = {0};

    text_print(&path, "%s/proc/%ld/%s", root, pid, file);
    return path.bytes;
}

/* 0 or an errno. */
static int write_one(const char *path)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    int error = 0;

    if (descriptor < 0)
        return errno;
    if (write(descriptor, "1", 1) != 1)
        error = errno;
    (void)close(descriptor);
    return error;
}

bool cold_referenced_clear(const char *root, const struct source *source)
{
    for (size_t i = 0; i < source->origin_count; i++) {
        const long pid = source->origins[i].pid;
        char *path = path_of(root, pid, "clear_refs");
        char *smaps = path_of(root, pid, "smaps");
        const int error = write_one(path);
        const bool lives = access(smaps, F_OK) == 0;

        /* A process that ended has nothing to be cleared. */
        if (error != 0 && lives)
            message_error("--clear-refs: cannot write %s: %s", path,
                          strerror(error));
        free(path);
        free(smaps);
        if (error != 0 && lives)
            return false;
    }
    return true;
}

static void add_process(struct cold_reading *reading, long pid, char *smaps)
{
    struct process_mapping mapping;

    while (process_mapping_next(&smaps, &mapping)) {
        reading->mappings = memory_make_room(reading->mappings, reading->count,
                                             &reading->capacity,
                                             sizeof(*reading->mappings));
        reading->mappings[reading->count++] =
            (struct cold_mapping){.pid = pid,
                                  .start = mapping.start,
                                  .resident = mapping.resident,
                                  .anonymous = mapping.anonymous,
                                  .referenced = mapping.referenced};
    }
}

static int compare_mappings(const void *left, const void *right)
{
    const struct cold_mapping *a = left;
    const struct cold_mapping *b = right;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return (a->start > b->start) - (a->start < b->start);
}

void cold_referenced_read(struct cold_reading *reading, const char *root,
                          const struct source *source)
{
    *reading = (struct cold_reading){0};
    for (size_t i = 0; i < source->origin_count; i++) {
        const long pid = source->origins[i].pid;
        char *path = path_of(root, pid, "smaps");
        struct text smaps = {0};

        if (text_append_file(&smaps, path, PROC_BYTES_MOST) == 0 &&
            smaps.length != 0)
            add_process(reading, pid, smaps.bytes);
        text_free(&smaps);
        free(path);
    }
    if (reading->count != 0)
        qsort(reading->mappings, reading->count, sizeof(*reading->mappings),
              compare_mappings);
}

const struct cold_mapping *cold_reading_find(const struct cold_reading *reading,
                                             long pid, uint64_t start)
{
    const struct cold_mapping key = {.pid = pid, .start = start};

    return reading->count == 0
               ? NULL
               : bsearch(&key, reading->mappings, reading->count, sizeof(key),
                         compare_mappings);
}

void cold_reading_free(struct cold_reading *reading)
{
    free(reading->mappings);
    *reading = (struct cold_reading){0};
}
