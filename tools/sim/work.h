/* SPDX-License-Identifier: MIT */
/*
 * work.h - one thread's accesses, each of them verified.
 *
 * The expected content of a page follows from its version.  Stripes of
 * reader-writer locks guard the versions: accesses to different pages run in
 * parallel, and so do reads of one page.
 */
#ifndef ZCACHE_TOOL_SIM_WORK_H
#define ZCACHE_TOOL_SIM_WORK_H

#include <pthread.h>
#include <stdatomic.h>

#include "sim/access.h"
#include "sim/ages.h"
#include "sim/histogram.h"
#include "sim/world.h"

#define SIM_STRIPES 4096
#define SIM_SHOWN_MOST 8 /* mismatches, one by one */

/* The state that threads share. */
struct sim_crew {
    struct sim_world *world;
    const struct sim_trace *trace;
    /* [stripe] of each page; read without it by forks */
    _Atomic uint32_t *versions;
    pthread_rwlock_t stripes[SIM_STRIPES];
    _Atomic bool stopped;
    _Atomic uint32_t shown; /* mismatches, shown or beyond SIM_SHOWN_MOST */
    bool repairs;           /* pages are damaged on purpose */
    struct sim_ages ages;
};

/* The counts of a thread. */
struct sim_counts {
    uint64_t ops;
    uint64_t reads;
    uint64_t writes;
    uint64_t verified;
    uint64_t mismatches;
    uint64_t io_errors; /* from errors that the device makes on request */
    uint64_t no_memory;
    uint64_t forks;
    uint64_t verify_waits; /* for a stripe, a lock of the simulation */
};

/* A copy of a space by fork: the versions that its pages may have. */
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
    _Atomic uint64_t ops; /* so far; the main thread reads it */
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
