/* SPDX-License-Identifier: MIT */
/*
 * selftest.h - the checks of the explorer itself.
 *
 * Each check returns true if all is well, and otherwise prints on `out` what is
 * wrong.
 */
#ifndef LAB_SELFTEST_H
#define LAB_SELFTEST_H

#include <stdbool.h>
#include <stdio.h>

struct selftest {
    FILE *out;
    bool verbose;   /* a line for each row */
    bool quick;     /* skip what takes long: for mutants */
    unsigned wrong; /* facts that did not hold */
    unsigned held;
};

/* Counts a fact; prints it if it is wrong. */
bool selftest_fact(struct selftest *test, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The published numbers, on both back ends. */
void selftest_table(struct selftest *test);
/* Against an enumerator without any reduction. */
void selftest_brute(struct selftest *test, unsigned programs);
/* Programs with loops, against the graph of all their states. */
void selftest_loops(struct selftest *test, unsigned programs);
/* Failures, choices, waiting, replay, minimising. */
void selftest_features(struct selftest *test);
void selftest_replay(struct selftest *test);

/* All of it; true: nothing is wrong. */
bool selftest_all(struct selftest *test);

#endif
