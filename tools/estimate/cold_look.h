/* SPDX-License-Identifier: MIT */
/*
 * cold_look.h - one look at every page of a source, and what the looks before
 * it saw.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_COLD_LOOK_H
#define ZCACHE_TOOL_ESTIMATE_COLD_LOOK_H

#include "estimate/cold.h"

/* Looks of one watch: one of each age, one at their end, one after it. */
#define COLD_LOOKS_MOST (COLD_AGES_MOST + 2)

/* Pages of a process, one after another. */
struct cold_span {
    long pid;
    uint64_t address;
    uint64_t page_count;
    size_t first; /* index of its first page */
};

struct cold_look {
    unsigned char number; /* 0: the first look */
    size_t page_size;
    struct cold_span *spans; /* by pid and address, once it has ended */
    size_t span_count;
    size_t span_capacity;

    /* Of each page: a hash, and the first of the looks between which it was not
     * touched. */
    uint64_t *hashes;
    unsigned char *since;
    size_t page_count;

    /* Pages that were touched since the look before, by what that has in
     * `since`. */
    uint64_t touched[COLD_LOOKS_MOST];
    size_t hint; /* the place of the last page in the look before */
};

/* Begins a look at as many pages as the source has. */
struct cold_look *cold_look_begin(const struct source *source,
                                  unsigned char number);

/* Adds a page, which is untouched if it is idle and has the same hash. */
void cold_look_add(struct cold_look *look, struct cold_look *before, long pid,
                   uint64_t address, uint64_t hash, bool idle);
void cold_look_end(struct cold_look *look);
void cold_look_free(struct cold_look *look);

/* The index of a page; false if the look has not seen it. */
bool cold_look_find(const struct cold_look *look, long pid, uint64_t address,
                    size_t *hint, size_t *index_out);

/* Adds all pages by their contents.  False, and an error shown. */
bool cold_look_contents(struct cold_look *look, struct cold_look *before,
                        struct source *source, struct progress *progress);

/*
 * The kernel's idle page tracking: Documentation/admin-guide/mm/
 * idle_page_tracking.rst.  All zero is closed.
 */
struct cold_idle {
    const char *root;
    int bitmap;
    int kpageflags;
    int pagemap;
    long pid; /* whose pagemap is open; 0: none */
    uint64_t system_page_size;

    /* The word of the bitmap at hand: what it was, and what is to be marked. */
    uint64_t word_index;
    uint64_t word;
    uint64_t marks;

    /* The frame before, and the first one of its page. */
    uint64_t last_frame;
    uint64_t last_head;
};

/* False where the kernel, or the rights of this program, lack it. */
bool cold_idle_open(struct cold_idle *idle, const char *root,
                    const struct source *source);

/* Adds all pages, idle as the kernel has them, and marks all as idle. */
bool cold_look_idle(struct cold_look *look, struct cold_look *before,
                    struct cold_idle *idle, const struct source *source);
void cold_idle_close(struct cold_idle *idle);

/* Referenced of each mapping at one time. */
struct cold_mapping {
    long pid;
    uint64_t start;
    uint64_t resident; /* bytes in memory */
    uint64_t anonymous;
    uint64_t referenced;
};

struct cold_reading {
    struct cold_mapping *mappings; /* by pid and start */
    size_t count;
    size_t capacity;
};

/* Clears what is known of all processes of a source; false, and an error
 * shown. */
bool cold_referenced_clear(const char *root, const struct source *source);
void cold_referenced_read(struct cold_reading *reading, const char *root,
                          const struct source *source);
void cold_reading_free(struct cold_reading *reading);

/* While the processes are scanned for the last time, the queue says which of
 * them have a page of shared memory. */
void cold_sharing_begin(struct cold *cold, struct source_queue *queue);
void cold_sharing_free(struct cold_sharing *sharing);

/* After that scan: counts the pages that were referenced between the two
 * readings of each age. */
void cold_referenced_end(struct cold *cold, struct source_queue *queue,
                         const struct source *source);

#endif
