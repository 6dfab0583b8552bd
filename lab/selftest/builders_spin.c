/* SPDX-License-Identifier: MIT */
/*
 * builders_spin.c - locks and a barrier that spin.  A register that a round in
 * vain leaves is cleared, because it would be dead in a real program.
 */
#include "rows.h"

#define UNUSED(x) (void)(x)

static void begin(struct toy *toy, const char *name, int threads)
{
    toy_begin(toy, name, (unsigned)threads);
    toy->has_loops = true;
}

/* In the section: adds one to variable 7, which no step protects. */
static void add_one(struct toy *toy, unsigned t)
{
    toy_op(toy, t, TOY_PEEK, 7, 5, 0);
    toy_op(toy, t, TOY_POKE, 7, 5, 1);
}

void build_ticket(struct toy *toy, int n, int k, int m)
{
    enum {
        NEXT,
        SERVED
    };

    UNUSED(k + m);
    begin(toy, "ticket lock", n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        toy_op(toy, t, TOY_ADD, NEXT, 1, 0);
        toy_op(toy, t, TOY_MOVE, 2, 0, 0);
        toy_op(toy, t, TOY_RELAX, 0, 0, 0);
        toy_op(toy, t, TOY_LOAD, SERVED, 1, 0);
        toy_op(toy, t, TOY_SKIP_SAME, 1, 2, 2);
        toy_op(toy, t, TOY_LET, 1, 0, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, -5);
        add_one(toy, t);
        toy_op(toy, t, TOY_STORE, SERVED, 2, 1);
    }
}

void build_caslock(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    begin(toy, "compare-exchange lock", n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        toy_op(toy, t, TOY_CAS, 0, 0, 1);
        toy_op(toy, t, TOY_SKIP_IF, 0, 0, -2);
        add_one(toy, t);
        toy_op(toy, t, TOY_SET, 0, 0, 0);
    }
}

void build_ttas(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    begin(toy, "test and compare-exchange lock", n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        toy_op(toy, t, TOY_LOAD, 0, 1, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, 2);
        toy_op(toy, t, TOY_LET, 1, 0, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, -4);
        toy_op(toy, t, TOY_CAS, 0, 0, 1);
        toy_op(toy, t, TOY_SKIP_IF, 0, 0, -6);
        add_one(toy, t);
        toy_op(toy, t, TOY_SET, 0, 0, 0);
    }
}

/* Two threads; each polls two words.  k: the last test of the turn is gone. */
void build_peterson(struct toy *toy, int n, int k, int m)
{
    enum {
        TURN = 2
    };

    UNUSED(n + m);
    begin(toy, "peterson", 2);
    for (unsigned t = 0; t < 2; t++) {
        toy_op(toy, t, TOY_SET, (int)t, 1, 0);
        toy_op(toy, t, TOY_SET, TURN, 1 - (int)t, 0);
        toy_op(toy, t, TOY_LOAD, 1 - (int)t, 1, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, 5);
        toy_op(toy, t, TOY_LOAD, TURN, 2, 0);
        toy_op(toy, t, TOY_SKIP_IF, 2, k != 0 ? 9 : (int)t, 3);
        toy_op(toy, t, TOY_LET, 1, 0, 0);
        toy_op(toy, t, TOY_LET, 2, 0, 0);
        toy_op(toy, t, TOY_SKIP_IF, 2, 0, -7);
        add_one(toy, t);
        toy_op(toy, t, TOY_SET, (int)t, 0, 0);
    }
}

/* Thread t is t + 1 in the queue; variables 1 to n its next, n + 1 to 2n
 * whether it waits. */
void build_mcs(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    begin(toy, "MCS lock", n);
    for (int i = 0; i < n; i++) {
        unsigned t = (unsigned)i;

        toy_op(toy, t, TOY_SET, 1 + n + i, 1, 0);
        toy_op(toy, t, TOY_LET, 3, i + 1, 0);
        toy_op(toy, t, TOY_SWAP, 0, 3, 0);
        toy_op(toy, t, TOY_SKIP_IF, 0, 0, 6);
        toy_op(toy, t, TOY_MOVE, 4, 0, 0);
        toy_op(toy, t, TOY_STORE_AT, 4, 3, 0);
        toy_op(toy, t, TOY_LOAD, 1 + n + i, 1, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, 2);
        toy_op(toy, t, TOY_LET, 1, 0, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, -4);
        add_one(toy, t);
        toy_op(toy, t, TOY_LET, 1, 0, 0);
        toy_op(toy, t, TOY_LOAD, 1 + i, 1, 0);
        toy_op(toy, t, TOY_SKIP_UNLESS, 1, 0, 4);
        toy_op(toy, t, TOY_CAS, 0, i + 1, 0);
        toy_op(toy, t, TOY_SKIP_IF, 0, 1, TOY_LENGTH);
        toy_op(toy, t, TOY_LOAD, 1 + i, 1, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, -2);
        toy_op(toy, t, TOY_MOVE, 4, 1, n);
        toy_op(toy, t, TOY_LET, 5, 0, 0);
        toy_op(toy, t, TOY_STORE_AT, 4, 5, 0);
    }
}

void build_barrier(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    begin(toy, "barrier", n);
    toy->start[0] = n;
    for (unsigned t = 0; t < (unsigned)n; t++) {
        toy_op(toy, t, TOY_ADD, 0, -1, 0);
        toy_op(toy, t, TOY_LOAD, 0, 1, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, 2);
        toy_op(toy, t, TOY_LET, 1, 0, 0);
        toy_op(toy, t, TOY_SKIP_IF, 1, 0, -4);
    }
}

/* Three tries, with k turns given away; then the thread gives up, which is bad.
 */
void build_retry(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + m);
    begin(toy, "bounded retry", 2);
    toy_op(toy, 1, TOY_SET, 0, 1, 0);
    for (int i = 0; i < 3; i++) {
        toy_op(toy, 0, TOY_LET, 2, i, 0);
        toy_op(toy, 0, TOY_LOAD, 0, 1, 0);
        toy_op(toy, 0, TOY_SKIP_IF, 1, 1, TOY_LENGTH);
        if (k != 0)
            toy_op(toy, 0, TOY_RELAX, 0, 0, 0);
    }
    toy_op(toy, 0, TOY_BAD, 0, 0, 0);
}
