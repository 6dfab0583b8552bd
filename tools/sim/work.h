/* SPDX-License-Identifier: MIT */
/*
 * work.h - one thread's accesses, each of them verified.
 *
 * What a page should be is known by its version.  Versions are guarded by
 * stripes of reader-writer locks: accesses of different pages run together, and
 * reads of one page do.
 */
#ifndef ZCACHE_TOOL_SIM_WORK_H
#define ZCACHE_TOOL_SIM_WORK_H

#include <pthread.h>
#include <stdatomic.h>

#include "sim/access.h"
#include "sim/histogram.h"
#include "sim/world.h"

#define SIM_STRIPES 4096
#define SIM_SHOWN_MOST 8 /* mismatches, one by one */

/* What threads share. */
struct sim_crew {
    struct sim_world *world;
    const struct sim_trace *trace;
    /* [stripe] of each page; read without it by forks */
    _Atomic uint32_t *versions;
    pthread_rwlock_t stripes[SIM_STRIPES];
    _Atomic bool stopped;
    _Atomic uint32_t shown; /* mismatches that were, or were to be, shown */
    bool repairs;           /* pages are damaged on purpose */
};

/* What a thread counts. */
struct sim_counts {
    uint64_t ops;
    uint64_t reads;
    uint64_t writes;
    uint64_t verified;
    uint64_t mismatches;
    uint64_t io_errors; /* of errors that the device was told to make */
    uint64_t no_memory;
    uint64_t forks;
    uint64_t verify_waits; /* for a stripe: not the library's, but ours */
};

/* A copy of a space by fork: what its pages may be. */
struct sim_child {
    struct zc_vm_space *space;
    uint64_t parent;
    uint64_t number;
    uint32_t *least; /* of the parent's versions, at the fork */
    uint32_t *most;
    uint32_t *own; /* versions written here; 0: none */
};

struct sim_worker {
    struct sim_crew *crew;
    pthread_t thread;
    bool runs;
    uint64_t index;
    uint64_t ops_most; /* 0: no bound */
    struct sim_pattern pattern;
    struct sim_random random;
    struct sim_child child;
    uint64_t children;
    _Atomic uint64_t ops; /* so far, for who watches */
    _Atomic uint64_t faults;
    struct sim_counts counts;
    struct sim_histogram times[ZC_FAULT_KINDS];
    unsigned char *bytes;    /* of a page */
    unsigned char *expected; /* of a page */
};

/* The parts of a simulation; each is run by all workers together. */
void sim_work_fill(struct sim_worker *worker);
void sim_work_use(struct sim_worker *worker);
void sim_work_check(struct sim_worker *worker);

#endif
