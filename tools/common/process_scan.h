/* SPDX-License-Identifier: MIT */
/*
 * process_scan.h - which pages of a process are its own and in memory now.
 *
 * These are the pages that zswap would get: private and anonymous, in any
 * mapping, also the written pages of private file mappings.  Pages that several
 * mappings share (after fork, or by KSM) are swapped out once.  So they are
 * counted once, as far as the system shows their frames to this process.
 */
#ifndef ZCACHE_TOOL_PROCESS_SCAN_H
#define ZCACHE_TOOL_PROCESS_SCAN_H

#include "common/identifiers.h"
#include "common/source.h"

/* A scan of one process after another into one source. */
struct process_scan {
    struct source *source;
    const char *proc;        /* "/proc" */
    struct identifiers seen; /* page frames */
    uint64_t repeated;       /* pages left out because they were seen before */
    uint64_t unknown;        /* shared pages whose frames are hidden */

    /* Of the current process. */
    int pagemap;
    uint64_t system_page_size;
    uint64_t scanned_to; /* address up to which extents have been added */
};

/* Adds the pages of a process to the last origin.  0, or an errno. */
int process_scan(struct process_scan *scan, long pid);

#endif
