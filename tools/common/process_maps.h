/* SPDX-License-Identifier: MIT */
/*
 * process_maps.h - the mappings of a process, from /proc/PID/smaps, and what
 * the kernel would do with their pages: swap them, or never.
 */
#ifndef ZCACHE_TOOL_PROCESS_MAPS_H
#define ZCACHE_TOOL_PROCESS_MAPS_H

#include "common/identifiers.h"
#include "common/source.h"

/* One mapping of smaps. */
struct process_mapping {
    uint64_t start, end; /* addresses */
    uint64_t offset;     /* in the file */
    uint64_t device;     /* a key of major and minor number */
    uint64_t inode;      /* 0: no file; of a SysV segment, its number */
    char permissions[5]; /* "rw-p" */
    const char *path;    /* "" if it has none */

    /* Sums over its pages, in bytes. */
    uint64_t lazy_free; /* MADV_FREEd and not written since */
    uint64_t hugetlb;
    uint64_t resident;
    uint64_t anonymous;
    uint64_t referenced; /* since the last clear_refs, or reclaim */

    /* VmFlags */
    bool is_locked;
    bool is_hugetlb;
    bool is_droppable;
    bool is_device;
};

/*
 * Takes the next mapping off `*rest`, the text of smaps (or of maps, which has
 * no sums and flags).  False at the end.  The mapping points into the text.
 */
bool process_mapping_next(char **rest, struct process_mapping *mapping);

/* The file systems and segments of this machine whose files are shared memory,
 * which the kernel swaps.  All zero is empty. */
struct shared_memory {
    struct shared_device {
        uint64_t device;
        bool is_noswap;
    } * devices;
    size_t device_count;
    size_t device_capacity;
    uint64_t *locked; /* numbers of SysV segments, SHM_LOCK */
    size_t locked_count;
    size_t locked_capacity;
};

/* Reads what PROC says of itself: mountinfo, sysvipc. */
void shared_memory_find(struct shared_memory *shared, const char *proc);

/* Adds the tmpfs mounts that a process sees in a mount namespace of its own;
 * `directory` is its /proc/PID. */
void shared_memory_add_mounts(struct shared_memory *shared,
                              const char *directory);

void shared_memory_free(struct shared_memory *shared);

/* What a mapping is to the kernel. */
struct mapping_kind {
    bool is_left_out;     /* never swapped, or nothing to read: not examined */
    bool is_shared;       /* its pages of files are shared memory */
    enum left_out reason; /* where its pages count; LEFT_OUT_REASONS: swapped */
};

struct mapping_kind mapping_kind_of(const struct process_mapping *mapping,
                                    const struct shared_memory *shared);

#endif
