/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h - where control groups are, and what they allow a process.
 */
#ifndef ZCACHE_TOOL_CGROUP_H
#define ZCACHE_TOOL_CGROUP_H

#include "common/source.h"

/* Directories where hierarchies of control groups are mounted, that of version
 * 2 first; all zero is empty. */
struct cgroup_mounts {
    char **points;
    size_t count;
    size_t capacity;
    bool has_version_2;
};

/* Reads PROC/self/mountinfo. */
void cgroup_find_mounts(struct cgroup_mounts *mounts, const char *proc);
void cgroup_free_mounts(struct cgroup_mounts *mounts);

/*
 * Is the limit `file` ("memory.swap.max") 0 in the group of a process, or in
 * one above?  `directory` is its /proc/PID.  False where that cannot be read.
 */
bool cgroup_limit_is_zero(const struct cgroup_mounts *mounts,
                          const char *directory, const char *file);

#endif
