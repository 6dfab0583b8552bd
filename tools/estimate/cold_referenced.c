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
#include <math.h>
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

void cold_reading_free(struct cold_reading *reading)
{
    free(reading->mappings);
    *reading = (struct cold_reading){0};
}

/* The part of a mapping's own pages that is not referenced in a reading; less
 * than 0 if the mapping was not there. */
static double unreferenced(const struct cold_reading *reading,
                           const struct source *source, size_t index)
{
    const struct source_mapping *mapping = &source->mappings[index];
    const struct cold_mapping key = {
        .pid = source->origins[mapping->origin].pid, .start = mapping->start};
    const struct cold_mapping *is =
        reading->count == 0 ? NULL
                            : bsearch(&key, reading->mappings, reading->count,
                                      sizeof(key), compare_mappings);
    uint64_t own;

    if (is == NULL)
        return -1.0;
    own = mapping->shared ? is->resident : is->anonymous;
    return is->referenced >= own ? 0.0
                                 : (double)(own - is->referenced) / (double)own;
}

/*
 * Shared memory.  Referenced of a mapping has the uses of its own process only.
 * So a page is untouched where it is in each mapping that has it in its page
 * table; of each of these, the unreferenced part is known.  The product of the
 * parts is that of the page, and the mapping which counts the page has the sum.
 */
struct cold_sharing {
    size_t reading_count;
    const struct cold_reading *readings;

    size_t *owners; /* of each page: the mapping that counts it, or NOT_SEEN */
    float *parts;   /* of each page and reading */
    size_t page_count;
    size_t page_capacity;

    /* The mapping at hand, and its unreferenced part in each reading. */
    long pid;
    size_t mapping;
    float mapping_parts[2 * COLD_AGES_MOST];

    /* Of each mapping its pages, and of each reading the sum of their parts. */
    size_t mapping_count;
    uint64_t *pages;
    double *sums;
};

#define NOT_SEEN SIZE_MAX

static void turn_to(struct cold_sharing *sharing, const struct source *source,
                    size_t mapping)
{
    sharing->pid = source->origins[source->mappings[mapping].origin].pid;
    sharing->mapping = mapping;
    /* A mapping that is new has in its page table what was touched. */
    for (size_t i = 0; i < sharing->reading_count; i++)
        sharing->mapping_parts[i] = (float)fmax(
            0.0, unreferenced(&sharing->readings[i], source, mapping));
}

static void make_pages(struct cold_sharing *sharing, size_t count)
{
    size_t capacity = sharing->page_capacity;

    while (capacity < count)
        capacity = capacity == 0 ? 1024 : 2 * capacity;
    if (capacity != sharing->page_capacity) {
        sharing->page_capacity = capacity;
        sharing->owners =
            memory_resize(sharing->owners, capacity, sizeof(*sharing->owners));
        sharing->parts = memory_resize(sharing->parts,
                                       capacity * sharing->reading_count,
                                       sizeof(*sharing->parts));
    }
    for (; sharing->page_count < count; sharing->page_count++)
        sharing->owners[sharing->page_count] = NOT_SEEN;
}

static void see_shared(void *context, const struct source *source,
                       size_t mapping, uint64_t page)
{
    struct cold_sharing *sharing = context;
    float *parts;

    /* The number of a mapping is used again where a process ended. */
    if (mapping != sharing->mapping ||
        source->origins[source->mappings[mapping].origin].pid != sharing->pid)
        turn_to(sharing, source, mapping);
    make_pages(sharing, (size_t)page + 1);
    parts = &sharing->parts[page * sharing->reading_count];
    if (sharing->owners[page] == NOT_SEEN) {
        sharing->owners[page] = mapping;
        for (size_t i = 0; i < sharing->reading_count; i++)
            parts[i] = 1.0F;
    }
    for (size_t i = 0; i < sharing->reading_count; i++)
        parts[i] *= sharing->mapping_parts[i];
}

void cold_sharing_begin(struct cold *cold, struct source_queue *queue)
{
    cold->sharing = memory_allocate(1, sizeof(*cold->sharing));
    *cold->sharing = (struct cold_sharing){.reading_count = 2 * cold->age_count,
                                           .readings = cold->readings,
                                           .mapping = NOT_SEEN};
    queue->see_shared = see_shared;
    queue->see_context = cold->sharing;
}

void cold_sharing_free(struct cold_sharing *sharing)
{
    if (sharing == NULL)
        return;
    free(sharing->owners);
    free(sharing->parts);
    free(sharing->pages);
    free(sharing->sums);
    free(sharing);
}

static void sum_up(struct cold_sharing *sharing, const struct source *source)
{
    const size_t readings = sharing->reading_count;

    sharing->mapping_count = source->mapping_count;
    sharing->pages =
        memory_allocate(source->mapping_count, sizeof(*sharing->pages));
    sharing->sums = memory_allocate(source->mapping_count * readings,
                                    sizeof(*sharing->sums));
    for (size_t i = 0; i < source->mapping_count; i++) {
        sharing->pages[i] = 0;
        for (size_t j = 0; j < readings; j++)
            sharing->sums[i * readings + j] = 0.0;
    }
    for (size_t page = 0; page < sharing->page_count; page++) {
        const size_t owner = sharing->owners[page];

        if (owner >= source->mapping_count)
            continue; /* no shared memory, or of a process that has ended */
        sharing->pages[owner]++;
        for (size_t j = 0; j < readings; j++)
            sharing->sums[owner * readings + j] +=
                (double)sharing->parts[page * readings + j];
    }
}

/* Of a mapping: the part of its pages that is not referenced in a reading; less
 * than 0 if it is not known. */
static double part_of(const struct cold *cold, const struct source *source,
                      size_t mapping, size_t reading)
{
    const struct cold_sharing *sharing = cold->sharing;

    if (source->mappings[mapping].in_no_table)
        return 1.0;
    if (mapping < sharing->mapping_count && sharing->pages[mapping] != 0)
        return sharing->sums[mapping * sharing->reading_count + reading] /
               (double)sharing->pages[mapping];
    return unreferenced(&cold->readings[reading], source, mapping);
}

double cold_mapping_part(const struct cold *cold, const struct source *source,
                         size_t mapping, size_t age)
{
    return fmax(0.0, part_of(cold, source, mapping, 2 * age));
}

void cold_referenced_end(struct cold *cold, struct source_queue *queue,
                         const struct source *source)
{
    queue->see_shared = NULL;
    sum_up(cold->sharing, source);
    for (size_t age = 0; age < cold->age_count; age++) {
        double again = 0.0;

        for (size_t i = 0; i < source->extent_count; i++) {
            const struct source_extent *extent = &source->extents[i];
            const double before =
                part_of(cold, source, extent->mapping, 2 * age);
            const double after =
                part_of(cold, source, extent->mapping, 2 * age + 1);

            if (after >= 0.0 && before > after)
                again += (double)extent->page_count * (before - after);
        }
        cold->ages[age].again = (uint64_t)(again + 0.5);
    }
}
