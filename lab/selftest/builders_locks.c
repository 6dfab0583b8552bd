/* SPDX-License-Identifier: MIT */
/*
 * builders_locks.c - programs over locks, and the first race of this project in
 * miniature.
 */
#include "rows.h"

#define UNUSED(x) (void)(x)

void build_lockinc(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "lockinc", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        toy_op(toy, t, TOY_LOCK, 0, 0, 0);
        toy_op(toy, t, TOY_UNLOCK, 0, 0, 0);
    }
}

/* n threads, k sections each, section i of thread t under lock (i+t) mod m. */
void build_rot(struct toy *toy, int n, int k, int m)
{
    toy_begin(toy, "rot", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        for (int i = 0; i < k; i++) {
            toy_op(toy, t, TOY_LOCK, (i + (int)t) % m, 0, 0);
            toy_op(toy, t, TOY_UNLOCK, (i + (int)t) % m, 0, 0);
        }
    }
}

static void two_locks(struct toy *toy, unsigned t, int first, int second)
{
    toy_op(toy, t, TOY_LOCK, first, 0, 0);
    toy_op(toy, t, TOY_LOCK, second, 0, 0);
    toy_op(toy, t, TOY_UNLOCK, second, 0, 0);
    toy_op(toy, t, TOY_UNLOCK, first, 0, 0);
}

void build_abba(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "AB-BA", 2);
    two_locks(toy, 0, 0, 1);
    two_locks(toy, 1, 1, 0);
}

void build_philosophers(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "philosophers", (unsigned)n);
    for (int t = 0; t < n; t++)
        two_locks(toy, (unsigned)t, t, (t + 1) % n);
}

void build_ordered(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "ordered philosophers", (unsigned)n);
    for (int t = 0; t < n - 1; t++)
        two_locks(toy, (unsigned)t, t, t + 1);
    two_locks(toy, (unsigned)n - 1, 0, n - 1);
}

/* A get and a put beside a get that is refused up to m, and if it is not, a
 * put; the count is k at first, and the puts tell apart what is left up to m.
 */
void build_counted(struct toy *toy, int n, int k, int m)
{
    UNUSED(n);
    toy_begin(toy, "counted", 2);
    toy->counter = 1;
    toy->start[1] = k;
    toy_op(toy, 0, TOY_GET, 1, 0, 0);
    toy_op(toy, 0, TOY_PUT, 1, m, 0);
    toy_op(toy, 1, TOY_TRY_GET, 1, m, 0);
    toy_op(toy, 1, TOY_SKIP_UNLESS, 0, 1, 1);
    toy_op(toy, 1, TOY_PUT, 1, m, 0);
}

/* --- seed 0 ---------------------------------------------------------- */

/*
 * An exclusive load against an invalidate: n - 1 loads and one invalidate of
 * one entry.  All accesses are under lock 0 and so need no steps of their own;
 * a load decompresses between its two sections.
 */
enum {
    LINKED,
    REFERENCES
};

static void change_references(struct toy *toy, unsigned t, int by)
{
    toy_op(toy, t, TOY_PEEK, REFERENCES, 2, 0);
    toy_op(toy, t, TOY_POKE, REFERENCES, 2, by);
}

static void unlink_once(struct toy *toy, unsigned t)
{
    toy_op(toy, t, TOY_PEEK, LINKED, 3, 0);
    toy_op(toy, t, TOY_SKIP_UNLESS, 3, 1, 4);
    toy_op(toy, t, TOY_LET, 4, 0, 0);
    toy_op(toy, t, TOY_POKE, LINKED, 4, 0);
    change_references(toy, t, -1);
}

static void exclusive_load(struct toy *toy, unsigned t, bool put_first)
{
    toy_op(toy, t, TOY_LOCK, 0, 0, 0);
    toy_op(toy, t, TOY_PEEK, LINKED, 1, 0);
    toy_op(toy, t, TOY_SKIP_UNLESS, 1, 1, 2);
    change_references(toy, t, 1);
    toy_op(toy, t, TOY_UNLOCK, 0, 0, 0);
    toy_op(toy, t, TOY_SKIP_IF, 1, 0, TOY_LENGTH);
    toy_op(toy, t, TOY_POINT, 0, 0, 0);
    toy_op(toy, t, TOY_LOCK, 0, 0, 0);
    if (put_first) {
        change_references(toy, t, -1);
        toy_op(toy, t, TOY_BAD_IF, 2, 1, 0); /* freed, and used below */
    }
    unlink_once(toy, t);
    if (!put_first) {
        change_references(toy, t, -1);
        toy_op(toy, t, TOY_BAD_IF, 2, 0, 0);
    }
    toy_op(toy, t, TOY_UNLOCK, 0, 0, 0);
}

static void seed0(struct toy *toy, int n, bool put_first)
{
    toy_begin(toy, put_first ? "seed 0, put first" : "seed 0", (unsigned)n);
    toy->start[LINKED] = 1;
    toy->start[REFERENCES] = 1;
    for (unsigned t = 0; t < (unsigned)n - 1; t++)
        exclusive_load(toy, t, put_first);
    toy_op(toy, (unsigned)n - 1, TOY_LOCK, 0, 0, 0);
    unlink_once(toy, (unsigned)n - 1);
    toy_op(toy, (unsigned)n - 1, TOY_UNLOCK, 0, 0, 0);
}

void build_seed0(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    seed0(toy, n, true);
}

void build_seed0_fixed(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    seed0(toy, n, false);
}
