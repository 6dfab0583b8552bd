/* SPDX-License-Identifier: MIT */
/* builders_litmus.c - the classic litmus programs over plain variables. */
#include "rows.h"

#define UNUSED(x) (void)(x)

void build_private(struct toy *toy, int n, int k, int m)
{
    UNUSED(m);
    toy_begin(toy, "independent", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        for (int i = 0; i < k; i++)
            toy_op(toy, t, TOY_SET, (int)t, i, 0);
    }
}

void build_same(struct toy *toy, int n, int k, int m)
{
    UNUSED(m);
    toy_begin(toy, "same variable", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        for (int i = 0; i < k; i++)
            toy_op(toy, t, TOY_SET, 0, i, 0);
    }
}

void build_sb(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "SB", 2);
    for (unsigned t = 0; t < 2; t++) {
        toy_op(toy, t, TOY_SET, (int)t, 1, 0);
        toy_op(toy, t, TOY_LOAD, 1 - (int)t, 1, 0);
    }
}

void build_mp(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "MP", 2);
    toy_op(toy, 0, TOY_SET, 0, 1, 0);
    toy_op(toy, 0, TOY_SET, 1, 1, 0);
    toy_op(toy, 1, TOY_LOAD, 1, 1, 0);
    toy_op(toy, 1, TOY_LOAD, 0, 2, 0);
    toy_op(toy, 1, TOY_SKIP_UNLESS, 1, 1, 2);
    toy_op(toy, 1, TOY_SKIP_IF, 2, 1, 1);
    toy_op(toy, 1, TOY_BAD, 0, 0, 0);
}

void build_lb(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "LB", 2);
    for (unsigned t = 0; t < 2; t++) {
        toy_op(toy, t, TOY_LOAD, (int)t, 1, 0);
        toy_op(toy, t, TOY_SET, 1 - (int)t, 1, 0);
    }
}

void build_2_2w(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "2+2W", 2);
    for (unsigned t = 0; t < 2; t++) {
        toy_op(toy, t, TOY_SET, (int)t, 1 + (int)t, 0);
        toy_op(toy, t, TOY_SET, 1 - (int)t, 1 + (int)t, 0);
    }
}

void build_2_2w_same(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "2+2W, same order", 2);
    for (unsigned t = 0; t < 2; t++) {
        toy_op(toy, t, TOY_SET, 0, 1 + (int)t, 0);
        toy_op(toy, t, TOY_SET, 1, 1 + (int)t, 0);
    }
}

void build_iriw(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "IRIW", 4);
    toy_op(toy, 0, TOY_SET, 0, 1, 0);
    toy_op(toy, 1, TOY_SET, 1, 1, 0);
    for (unsigned t = 2; t < 4; t++) {
        toy_op(toy, t, TOY_LOAD, (int)t - 2, 1, 0);
        toy_op(toy, t, TOY_LOAD, 3 - (int)t, 2, 0);
    }
}

void build_readers(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "readers", (unsigned)n + 1);
    toy_op(toy, 0, TOY_SET, 0, 1, 0);
    for (unsigned t = 1; t <= (unsigned)n; t++)
        toy_op(toy, t, TOY_LOAD, 0, 1, 0);
}

/* The reader scans the array downwards until it finds a zero; every writer sets
 * its element to one more than the element below. */
void build_lastzero(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "lastzero", (unsigned)n + 1);
    for (int i = n; i > 0; i--) {
        toy_op(toy, 0, TOY_LOAD, i, 1, 0);
        toy_op(toy, 0, TOY_SKIP_IF, 1, 0, 2 * (i - 1) + 1);
    }
    toy_op(toy, 0, TOY_LOAD, 0, 1, 0);
    for (unsigned t = 1; t <= (unsigned)n; t++) {
        toy_op(toy, t, TOY_LOAD, (int)t - 1, 1, 0);
        toy_op(toy, t, TOY_STORE, (int)t, 1, 1);
    }
}

static bool two_lost(const int *variables)
{
    return variables[0] != variables[1];
}

void build_inc(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "inc", (unsigned)n);
    toy->start[1] = n;
    toy->is_bad = two_lost;
    for (unsigned t = 0; t < (unsigned)n; t++) {
        toy_op(toy, t, TOY_LOAD, 0, 1, 0);
        toy_op(toy, t, TOY_STORE, 0, 1, 1);
    }
}

void build_adds(struct toy *toy, int n, int k, int m)
{
    UNUSED(m);
    toy_begin(toy, "atomic adds", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        for (int i = 0; i < k; i++)
            toy_op(toy, t, TOY_ADD, i, 1, 0);
    }
}

void build_casw(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "casw", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        toy_op(toy, t, TOY_CAS, 0, 0, 1);
        toy_op(toy, t, TOY_SET, 0, (int)t + 1, 0);
    }
}

void build_casrot(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "casrot", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++)
        toy_op(toy, t, TOY_CAS, 0, (int)t, (int)t + 1);
}

void build_corr2(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "CoRR2", 4);
    for (unsigned t = 0; t < 2; t++)
        toy_op(toy, t, TOY_SET, 0, (int)t + 1, 0);
    for (unsigned t = 2; t < 4; t++) {
        toy_op(toy, t, TOY_LOAD, 0, 1, 0);
        toy_op(toy, t, TOY_LOAD, 0, 2, 0);
    }
}

void build_wrw(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "wrw", (unsigned)n + 1);
    toy_op(toy, 0, TOY_SET, 0, 1, 0);
    for (unsigned t = 1; t <= (unsigned)n; t++) {
        toy_op(toy, t, TOY_LOAD, 0, 1, 0);
        toy_op(toy, t, TOY_SET, 0, (int)t, 0);
    }
}

void build_writers_reader4(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "3 writers, 4 reads", 4);
    for (unsigned t = 0; t < 3; t++)
        toy_op(toy, t, TOY_SET, 0, (int)t + 1, 0);
    for (int i = 0; i < 4; i++)
        toy_op(toy, 3, TOY_LOAD, 0, i, 0);
}

void build_writers_reader(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "writers, one reader", (unsigned)n + 1);
    for (unsigned t = 0; t < (unsigned)n; t++)
        toy_op(toy, t, TOY_SET, 0, (int)t + 1, 0);
    toy_op(toy, (unsigned)n, TOY_LOAD, 0, 1, 0);
}

void build_await(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "await MP", 2);
    toy_op(toy, 0, TOY_SET, 0, 42, 0);
    toy_op(toy, 0, TOY_SET, 1, 1, 0);
    toy_op(toy, 1, TOY_AWAIT, 1, 1, 0);
    toy_op(toy, 1, TOY_LOAD, 0, 1, 0);
    toy_op(toy, 1, TOY_SKIP_IF, 1, 42, 1);
    toy_op(toy, 1, TOY_BAD, 0, 0, 0);
}

void build_await_wrong(struct toy *toy, int n, int k, int m)
{
    build_await(toy, n, k, m);
    toy->code[0][0] = (struct toy_op){TOY_SET, 1, 1, 0};
    toy->code[0][1] = (struct toy_op){TOY_SET, 0, 42, 0};
}

/* Each thread does four inserts into a table of 128, by compare-and-swap, and
 * tries the next place if one is taken. */
void build_indexer(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "indexer", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        for (int i = 1; i <= 4; i++) {
            int word = i * 11 + (int)t;
            int at = word * 7 % 128;

            toy_op(toy, t, TOY_CAS, at, 0, word);
            toy_op(toy, t, TOY_SKIP_IF, 0, 1, 3);
            toy_op(toy, t, TOY_CAS, (at + 1) % 128, 0, word);
            toy_op(toy, t, TOY_SKIP_IF, 0, 1, 1);
            toy_op(toy, t, TOY_CAS, (at + 2) % 128, 0, word);
        }
    }
}
