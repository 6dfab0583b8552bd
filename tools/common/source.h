/* SPDX-License-Identifier: MIT */
/*
 * source.h - where pages come from: a file, or the memory of processes.
 *
 * A source is opened once, which finds out what there is (extents of pages, in
 * address order), and is then read once from front to end through a cursor.
 * What is found may be gone when it is read: a process ends, a file becomes
 * shorter.  The cursor then goes on with the rest and keeps count, so that the
 * result can say what is missing.
 */
#ifndef ZCACHE_TOOL_SOURCE_H
#define ZCACHE_TOOL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/* Samples are whole runs of this many pages: neighbours are alike. */
#define SAMPLE_RUN_PAGES 256

/* The sample that takes every page, in thousandths of a percent. */
#define SAMPLE_ALL 100000

struct source_extent {
    uint64_t address; /* of its first page: in the file, or virtual */
    uint64_t page_count;
    size_t origin; /* which process of several */
    size_t name;   /* which of `names` */
};

/* What read() returns instead of a number of bytes. */
enum source_read {
    SOURCE_READ_ENDED = 0,  /* nothing more from this origin: it is gone */
    SOURCE_READ_HOLE = -1,  /* this one page cannot be read (any more) */
    SOURCE_READ_FAILED = -2 /* an error, which was shown */
};

struct source {
    char *label; /* what a report calls it: a path, "pid 7 (sh)" */
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
     * Reads up to `bytes`, whole pages, at `address` of an extent: how many
     * there were, which is short only at an end, or enum source_read.
     */
    int64_t (*read)(struct source *source, const struct source_extent *extent,
                    uint64_t address, void *buffer, size_t bytes);
    void (*finish)(struct source *source); /* frees `state`; may be NULL */
    void *state;
};

/* Adds an extent, or makes the last one longer where it goes on. */
void source_add(struct source *source, const struct source_extent *extent);

/* The index of a mapping's name, added if it is new. */
size_t source_name(struct source *source, const char *name);

void source_close(struct source *source);

/* How many of `page_count` pages a sample takes. */
uint64_t sample_page_count(uint64_t page_count, uint64_t sample);

/* A place in a source, and what went missing on the way. */
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
 * Reads the next pages, at most `page_limit` and of one mapping, a short last
 * page filled up with zeros.  How many; 0 at the end or after a failure.
 */
uint64_t source_cursor_read(struct source_cursor *cursor, void *buffer,
                            uint64_t page_limit, size_t *name_out);

/* Appends what went missing, if anything did, to a note. */
void source_cursor_note(const struct source_cursor *cursor, struct text *note);

/*
 * Opens a file, which is then read as pages; its last one may be short.
 * False, and an error shown, where that cannot be.
 */
bool source_open_file(struct source *source, const char *path,
                      size_t page_size);

#endif
