/* SPDX-License-Identifier: MIT */
/*
 * source.h - where pages come from: files, or the memory of processes.
 *
 * One source has all pages of one answer.  Each file and each process is an
 * origin of it; an origin has mappings (a file has one), and a mapping has
 * extents of pages, in address order.  Opening a source finds them.  It is then
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

/* Why memory that was found is in no extent. */
enum left_out {
    LEFT_OUT_LOCKED,     /* mlock(), SHM_LOCK: never reclaimed */
    LEFT_OUT_FREED,      /* MADV_FREE: dropped, not swapped */
    LEFT_OUT_HUGETLB,    /* pages of hugetlbfs: never reclaimed */
    LEFT_OUT_DROPPABLE,  /* MAP_DROPPABLE: dropped, not swapped */
    LEFT_OUT_NOSWAP,     /* a tmpfs that is mounted with noswap */
    LEFT_OUT_UNREADABLE, /* the pages that could not be read */
    LEFT_OUT_LOST,       /* the origin ended or became shorter meanwhile */
    LEFT_OUT_REASONS
};

/* The processes that were named and are no origin, by reason. */
struct process_tally {
    size_t gone;
    size_t not_permitted;
    size_t empty;      /* the kernel's, or with nothing in memory */
    size_t foreign;    /* of other PID namespaces: without a number here */
    size_t same_space; /* counted with another, whose address space it has */
};

/* A file or a process. */
struct source_origin {
    char *label; /* in a report: a path, "pid 7 (sh)" */
    char *name;  /* the path, or "sh" */
    long pid;    /* 0: a file */
    uint64_t page_count;
    uint64_t shared_pages;  /* of them: of shared memory */
    uint64_t swapped_bytes; /* VmSwap: in swap now, and in no extent */
    bool may_not_swap;      /* memory.swap.max of its group is 0 */
    bool may_not_zswap;     /* memory.zswap.max */
    uint64_t left_out_bytes[LEFT_OUT_REASONS];
};

/* A mapping of a process, or a whole file. */
struct source_mapping {
    size_t origin;
    size_t name;         /* index into `names` */
    uint64_t start, end; /* its addresses, in bytes */
    bool shared;         /* of shared memory */
    bool in_no_table;    /* its pages in no page table: a part of its own */
};

struct source_extent {
    uint64_t address; /* of its first page: in the file, or virtual */
    uint64_t page_count;
    size_t mapping;
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

    struct source_origin *origins;
    size_t origin_count;
    size_t origin_capacity;

    struct source_mapping *mappings;
    size_t mapping_count;
    size_t mapping_capacity;

    char **names; /* of mappings: "[heap]" */
    size_t name_count;
    size_t name_capacity;

    struct process_tally processes_left_out;
    uint64_t unmapped_shared_bytes; /* of the machine; see queue.h */
    struct text note;               /* sentences about what was found */

    /*
     * Reads up to `bytes`, whole pages, at `address` of a mapping.  Returns the
     * bytes read, fewer only at an end, or enum source_read.
     */
    int64_t (*read)(struct source *source, size_t mapping, uint64_t address,
                    void *buffer, size_t bytes);
    void (*finish)(struct source *source); /* frees `state`; may be NULL */
    void *state;
};

/* Adds an origin, which the source then owns with its texts. */
struct source_origin *source_add_origin(struct source *source);

/* Adds a mapping; returns its index. */
size_t source_add_mapping(struct source *source,
                          const struct source_mapping *mapping);

/* Adds an extent, or extends the last one if it continues it. */
void source_add(struct source *source, const struct source_extent *extent);

/* The index of a mapping's name, added if it is new. */
size_t source_name(struct source *source, const char *name);

/* Takes back the last origin, and its mappings and extents. */
void source_drop_origin(struct source *source);

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

/* Pages that were read: of one mapping, one after another. */
struct source_pages {
    uint64_t count;
    size_t mapping;
    uint64_t address; /* of the first */
};

/*
 * Reads the next pages, at most `page_limit`; a short last page is filled up
 * with zeros.  False at the end or after a failure.  What is missing is added
 * to the origin's left_out_bytes.
 */
bool source_cursor_read(struct source_cursor *cursor, void *buffer,
                        uint64_t page_limit, struct source_pages *pages_out);

/* Appends to a note what is missing, if anything is. */
void source_cursor_note(const struct source_cursor *cursor, struct text *note);

/*
 * Opens files to be read as pages, one source of all; the last page of each may
 * be short.  False, and an error shown, if it cannot.
 */
bool source_open_files(struct source *source, char *const *paths, size_t count,
                       size_t page_size);

#endif
