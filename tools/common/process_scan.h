/* SPDX-License-Identifier: MIT */
/*
 * process_scan.h - which pages of a process are in memory now and could be
 * swapped.
 *
 * These are the pages that zswap or zram would get: private and anonymous ones,
 * in any mapping, also the written pages of private file mappings; and those of
 * shared memory.  A page that several mappings share (shared memory, a fork,
 * KSM) is swapped out once.  So it is counted once: shared memory by its place
 * in its file, others by their frame as far as the system shows frames to this
 * process.
 */
#ifndef ZCACHE_TOOL_PROCESS_SCAN_H
#define ZCACHE_TOOL_PROCESS_SCAN_H

#include "common/identifiers.h"
#include "common/process_maps.h"
#include "common/process_shared.h"
#include "common/system.h"

/* A scan of one process after another into one source. */
struct process_scan {
    struct source *source;
    const char *proc; /* "/proc" */
    const struct process_request *request;
    struct shared_memory shared; /* on this machine */
    struct identifiers seen;     /* page frames, or places in files */
    struct identifiers files;    /* of shared memory */
    uint64_t repeated;           /* pages left out: seen before */
    uint64_t unknown;            /* shared private pages, frames hidden */
    uint64_t spread; /* MADV_FREEd pages whose places are not known */
    int page_flags;  /* kpageflags, or -1 */
    struct shared_mappings mapped; /* of shared memory */
    bool unseen;                   /* a file of theirs was not opened */

    /* Of the current process and mapping. */
    const char *directory; /* its /proc/PID */
    int pagemap;
    uint64_t system_page_size;
    uint64_t scanned_to; /* address up to which extents have been added */
    struct process_mapping mapping;
    struct mapping_kind kind;
    uint64_t file; /* of shared memory: its number */
    size_t index;  /* of the mapping, in the source */

    /* MADV_FREEd pages: so many of so many candidates, evenly spread. */
    bool counts_candidates;
    uint64_t freed;
    uint64_t candidates;
    uint64_t candidate;
};

void process_scan_begin(struct process_scan *scan, struct source *source,
                        const char *proc,
                        const struct process_request *request);

/* Adds the pages of a process to the last origin; `directory` is its /proc/PID.
 * 0, or an errno. */
int process_scan(struct process_scan *scan, const char *directory);

/* After all processes: adds the pages of shared memory that they have mapped,
 * and that are in no page table of theirs; `files` gets what reads them. */
void process_scan_rest(struct process_scan *scan, struct shared_files *files);

/* Appends to the source's note how pages were told apart. */
void process_scan_note(const struct process_scan *scan);

void process_scan_end(struct process_scan *scan);

#endif
