/* SPDX-License-Identifier: MIT */
/* snapshot.c - the copy of a source's pages. */
#include "common/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/system.h"

/* Pages read at once: 1 MiB of 4 KiB pages, the fastest size. */
#define READ_PAGES 256

/*
 * The memory that a page costs besides itself, at most: the same size again in
 * the pool, and its hash and metadata.
 */
#define OVERHEAD_PER_PAGE 80

/* False if the copy does not fit into memory: the program would be killed. */
static bool fits(const struct source *source, uint64_t page_count)
{
    uint64_t needed = page_count * (2 * source->page_size + OVERHEAD_PER_PAGE);
    uint64_t available = system_available_memory();
    char needed_text[BYTE_TEXT_SIZE];
    char available_text[BYTE_TEXT_SIZE];
    double percent;

    if (available == 0 || available > SIZE_MAX / 2)
        available = SIZE_MAX / 2; /* the most that an address can name */
    if (needed <= available)
        return true;
    /* Rounded down to a value of the option, with a small reserve. */
    percent = 90.0 * (double)available / (double)needed * (double)page_count /
              (double)source->page_count;
    percent = percent >= 1.0 ? (double)(uint64_t)percent
                             : (double)(uint64_t)(percent * 1e3) / 1e3;
    message_error("%s: a copy of its %" PRIu64 " pages and their pool may "
                  "take %s, and %s are available; measure a part of it with "
                  "--sample %g",
                  source->label, page_count, byte_text(needed_text, needed),
                  byte_text(available_text, available),
                  percent < 0.001 ? 0.001 : percent);
    return false;
}

static void add_span(struct snapshot *snapshot,
                     const struct source_pages *pages)
{
    struct snapshot_span *last = NULL;

    if (snapshot->span_count != 0)
        last = &snapshot->spans[snapshot->span_count - 1];
    if (last == NULL || last->mapping != pages->mapping ||
        last->address + last->page_count * snapshot->page_size !=
            pages->address) {
        snapshot->spans = memory_make_room(
            snapshot->spans, snapshot->span_count, &snapshot->span_capacity,
            sizeof(*snapshot->spans));
        last = &snapshot->spans[snapshot->span_count++];
        *last = (struct snapshot_span){.first_page = snapshot->page_count,
                                       .address = pages->address,
                                       .mapping = pages->mapping};
    }
    last->page_count += pages->count;
    snapshot->page_count += pages->count;
}

/* Reads all pages that the sample takes. */
static enum snapshot_outcome read_all(struct snapshot *snapshot,
                                      struct source *source, uint64_t sample,
                                      struct progress *progress)
{
    struct source_cursor cursor;
    uint64_t room = snapshot->mapped_bytes / snapshot->page_size;

    source_cursor_begin(&cursor, source, sample);
    for (;;) {
        uint64_t limit = room - snapshot->page_count;
        size_t offset = (size_t)snapshot->page_count * snapshot->page_size;
        struct source_pages pages;

        if (limit == 0 || !source_cursor_read(
                              &cursor, snapshot->bytes + offset,
                              limit < READ_PAGES ? limit : READ_PAGES, &pages))
            break;
        add_span(snapshot, &pages);
        progress_step(progress, snapshot->page_count);
    }
    if (cursor.failed)
        return SNAPSHOT_FAILED;
    if (snapshot->page_count == 0)
        return SNAPSHOT_NOTHING;
    if (cursor.lost != 0)
        message_note("%s: %zu of %zu ended or became shorter while they were "
                     "read: %" PRIu64 " pages are missing",
                     source->label, cursor.ended_origins, source->origin_count,
                     cursor.lost);
    source_cursor_note(&cursor, &source->note);
    return SNAPSHOT_OK;
}

enum snapshot_outcome snapshot_take(struct snapshot *snapshot,
                                    struct source *source, uint64_t sample,
                                    struct progress *progress)
{
    enum snapshot_outcome outcome;
    uint64_t page_count = sample_page_count(source->page_count, sample);
    void *mapped;

    *snapshot = (struct snapshot){.page_size = source->page_size};
    if (!fits(source, page_count))
        return SNAPSHOT_FAILED;
    snapshot->mapped_bytes = (size_t)page_count * source->page_size;
    mapped = mmap(NULL, snapshot->mapped_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        message_error("%s: no memory for a copy of its %" PRIu64
                      " pages: %s; measure a part of it with --sample",
                      source->label, page_count, strerror(errno));
        return SNAPSHOT_FAILED;
    }
    snapshot->bytes = mapped;
    outcome = read_all(snapshot, source, sample, progress);
    if (outcome != SNAPSHOT_OK)
        snapshot_free(snapshot);
    return outcome;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot->bytes != NULL)
        (void)munmap(snapshot->bytes, snapshot->mapped_bytes);
    free(snapshot->spans);
    *snapshot = (struct snapshot){0};
}
