/* SPDX-License-Identifier: MIT */
/*
 * process_scan.h - which pages of a process are its own and in memory now.
 *
 * Those are what zswap would get: private and anonymous, wherever they are
 * mapped, also the written pages of private file mappings.  Pages that several
 * mappings share (after fork, or by KSM) are swapped out once, so they are
 * counted once, as far as the system lets us know them by their frames.
 */
#ifndef ZCACHE_TOOL_PROCESS_SCAN_H
#define ZCACHE_TOOL_PROCESS_SCAN_H

#include "common/identifiers.h"
#include "common/source.h"

/* A scan of one process after the other into one source. */
struct process_scan {
    struct source *source;
    const char *proc;        /* "/proc" */
    struct identifiers seen; /* page frames */
    uint64_t repeated;       /* pages left out because they were seen before */
    uint64_t unknown;        /* shared pages whose frames we may not know */

    /* Of the process that is being scanned. */
    size_t origin;
    int pagemap;
    uint64_t system_page_size;
    uint64_t scanned_to; /* address up to which extents have been added */
};

/* Adds the pages of a process as `origin`.  0, or an errno. */
int process_scan(struct process_scan *scan, long pid, size_t origin);

#endif
