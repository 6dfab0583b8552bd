/* SPDX-License-Identifier: MIT */
/*
 * rows.h - programs whose interleavings and traces are known exactly: counted
 * by brute force, by two published model checkers, or by a formula.
 *
 * A compare-and-swap counts as a write here, whether it succeeds or not; for
 * source sets, where it makes a difference, as a read if it fails.
 */
#ifndef LAB_ROWS_H
#define LAB_ROWS_H

#include <stdint.h>

#include "toy.h"

#define ROW_BOUNDS 8

struct row {
    const char *name;
    void (*build)(struct toy *toy, int n, int k, int m);
    int n;
    int k;
    int m;
    bool by_source;                /* too much for sleep sets alone */
    uint64_t interleavings;        /* 0: too many, or unknown */
    uint64_t by_bound[ROW_BOUNDS]; /* of them, cumulative; 0: not stated */
    uint64_t traces;               /* deadlocked ones included */
    uint64_t source_traces;        /* by source sets; 0: as many */
    uint64_t traces_by_bound[ROW_BOUNDS];
    uint64_t deadlocks;       /* interleavings */
    uint64_t deadlock_traces; /* checked if deadlocks is not 0 */
    uint64_t bad;             /* interleavings; 0: not checked */
    uint64_t bad_traces;
    int least; /* preemptions of a bad or deadlocked one, if there is one */
};

extern const struct row rows[];
extern const unsigned row_count;

/* --- builders_*.c ---------------------------------------------------- */

typedef void row_builder(struct toy *toy, int n, int k, int m);

row_builder build_private, build_same, build_sb, build_mp, build_lb, build_2_2w,
    build_2_2w_same, build_iriw, build_readers, build_lastzero, build_inc,
    build_adds, build_casw, build_casrot, build_lockinc, build_rot, build_abba,
    build_philosophers, build_ordered, build_corr2, build_wrw,
    build_writers_reader4, build_await, build_await_wrong, build_indexer,
    build_seed0, build_seed0_fixed, build_writers_reader, build_counted;

row_builder build_lazy, build_account, build_ring, build_bluetooth,
    build_twostage, build_reorder, build_wronglock, build_carter, build_chain,
    build_lost_wakeup, build_phase;

row_builder build_ticket, build_caslock, build_ttas, build_peterson, build_mcs,
    build_barrier, build_retry;

#endif
