/* SPDX-License-Identifier: MIT */
/*
 * source.h - where pages come from: a file, or the memory of processes.
 *
 * Opening a source finds its extents of pages, in address order.  It is then
 * read once from front to end through a cursor.  Pages may be gone when they
 * are read: a process ends, a file becomes shorter.  The cursor then goes on
 * with the rest and counts them, so that the result can say what is missing.
 */
#ifndef ZCACHE_TOOL_SOURCE_H
#define ZCACHE_TOOL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/* A sample is made of runs of this many pages: neighbours are similar. */
#define SAMPLE_RUN_PAGES 256

/* The sample that takes every page, in thousandths of a percent. */
#define SAMPLE_ALL 100000

struct source_extent {
    uint64_t address; /* of its first page: in the file, or virtual */
    uint64_t page_count;
    size_t origin; /* index of the process */
    size_t name;   /* index into `names` */
};

/* The results of read() that are no number of bytes. */
enum source_read {
    SOURCE_READ_ENDED = 0,  /* nothing more from this origin: it is gone */
    SOURCE_READ_HOLE = -1,  /* this one page cannot be read (any more) */
    SOURCE_READ_FAILED = -2 /* an error, which was shown */
};

struct source {
    char *label; /* its name in a report: a path, "pid 7 (sh)" */
    size_t page_size;
    uint64_t page_count; /* of all extents */

    struct source_extent *extents;
    size_t extent_count;
    size_t extent_capacity;

    char **names; /* of mappings: "[heap]"; a file has one */
    size_t name_count;
    size_t name_capacity;

    struct text note; /* sentences about what was found */

    /*
     * Reads up to `bytes`, whole pages, at `address` of an extent.  Returns the
     * bytes read, fewer only at an end, or enum source_read.
     */
    int64_t (*read)(struct source *source, const struct source_extent *extent,
                    uint64_t address, void *buffer, size_t bytes);
    void (*finish)(struct source *source); /* frees `state`; may be NULL */
    void *state;
};

/* Adds an extent, or extends the last one if it continues it. */
void source_add(struct source *source, const struct source_extent *extent);

/* The index of a mapping's name, added if it is new. */
size_t source_name(struct source *source, const char *name);

void source_close(struct source *source);

/* How many of `page_count` pages a sample takes. */
uint64_t sample_page_count(uint64_t page_count, uint64_t sample);

/* A position in a source, and counts of what was missing before it. */
struct source_cursor {
    struct source *source;
    uint64_t sample; /* thousandths of a percent, 1 to SAMPLE_ALL */
    uint64_t index;  /* pages before this place, taken or not */
    size_t extent;
    uint64_t page;  /* in this extent */
    uint64_t holes; /* pages that could not be read */
    uint64_t lost;  /* pages of origins that ended meanwhile */
    size_t ended_origins;
    bool failed; /* an error was shown */
};

void source_cursor_begin(struct source_cursor *cursor, struct source *source,
                         uint64_t sample);

/*
 * Reads the next pages, at most `page_limit` and of one mapping; a short last
 * page is filled up with zeros.  Returns their number; 0 at the end or after a
 * failure.
 */
uint64_t source_cursor_read(struct source_cursor *cursor, void *buffer,
                            uint64_t page_limit, size_t *name_out);

/* Appends to a note what is missing, if anything is. */
void source_cursor_note(const struct source_cursor *cursor, struct text *note);

/*
 * Opens a file to be read as pages; the last one may be short.  False, and an
 * error shown, if it cannot.
 */
bool source_open_file(struct source *source, const char *path,
                      size_t page_size);

#endif
