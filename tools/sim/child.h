/* SPDX-License-Identifier: MIT */
/* child.h - copies of spaces by fork, and what the parts of a thread's
 * work share. */
#ifndef ZCACHE_TOOL_SIM_CHILD_H
#define ZCACHE_TOOL_SIM_CHILD_H

#include "sim/work.h"

/* Ends the child there is, and makes one of this space. */
void sim_child_fork(struct sim_worker *worker, uint64_t space);
void sim_child_end(struct sim_worker *worker);

/* Whether this access is the child's: a part of those to its parent. */
bool sim_child_takes(struct sim_worker *worker,
                     const struct sim_access *access);
void sim_child_use(struct sim_worker *worker, const struct sim_access *access);

/* ---- work.c ---- */

/* Counts what is no success; false then. */
bool sim_work_goes_on(struct sim_worker *worker, zc_status status,
                      const char *what);
void sim_work_count_time(struct sim_worker *worker, enum zc_fault_kind kind,
                         uint64_t began);
/* Whether the worker's bytes are that page's. */
bool sim_work_verify(struct sim_worker *worker, const struct sim_page *page);
void sim_work_show(struct sim_worker *worker, const char *what,
                   const struct sim_page *page);

#endif
