/* SPDX-License-Identifier: MIT */
/*
 * process_shared.h - pages of shared memory that processes have mapped, and
 * that are in no page table.
 *
 * A database has a segment mapped, and the process that filled a page of it has
 * ended: the page is in memory, the kernel can swap it, and pagemap of no
 * process has it.  It is found, and read, through the file behind the mapping:
 * the process gets no page into its page table by that.
 */
#ifndef ZCACHE_TOOL_PROCESS_SHARED_H
#define ZCACHE_TOOL_PROCESS_SHARED_H

#include "common/source.h"

/* A mapping of shared memory, whose file is looked at after all processes. */
struct shared_mapping {
    char *path;     /* /proc/PID/map_files/START-END */
    size_t mapping; /* of the source */
    uint64_t file;  /* a number of the file: see process_scan.c */
    uint64_t from;  /* what of the file is mapped */
    uint64_t to;
    enum left_out reason; /* where its pages count */
    bool walked;
};

struct shared_mappings {
    struct shared_mapping *mappings;
    size_t count;
    size_t capacity;
};

/* Takes the path, too. */
void shared_mappings_add(struct shared_mappings *list,
                         const struct shared_mapping *mapping);

/* Forgets those of mappings from this one on. */
void shared_mappings_cut(struct shared_mappings *list, size_t first);
void shared_mappings_free(struct shared_mappings *list);

/* Was a file seen as far as this mapping has it? */
bool shared_mappings_walked(const struct shared_mappings *list,
                            const struct shared_mapping *mapping);

/* The file of a mapping, to be read; -1 and an errno, which is EPERM where
 * this program may not. */
int shared_file_open(const char *path);

/* Calls `take` for each page between two places of a file, in bytes, that is
 * in memory.  Reads none. */
void shared_file_walk(int file, uint64_t from, uint64_t to, uint64_t page_size,
                      void (*take)(void *context, uint64_t place),
                      void *context);

/* The files through which pages of mappings are read, by mapping. */
struct shared_files {
    struct shared_file {
        size_t mapping;
        int file;
        uint64_t from; /* the place of the mapping's start in it */
    } * files;
    size_t count;
    size_t capacity;
};

/* In the order of the mappings. */
void shared_files_add(struct shared_files *list, const struct shared_file *one);

/* Of a mapping, or NULL. */
const struct shared_file *shared_files_find(const struct shared_files *list,
                                            size_t mapping);
void shared_files_close(struct shared_files *list);

#endif
