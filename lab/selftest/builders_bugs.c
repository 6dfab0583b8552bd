/* SPDX-License-Identifier: MIT */
/*
 * builders_bugs.c - small bugs that benchmark collections share, written again,
 * so that their verdicts can be compared.
 */
#include "rows.h"

#define UNUSED(x) (void)(x)

static void lock(struct toy *toy, unsigned t, int which)
{
    toy_op(toy, t, TOY_LOCK, which, 0, 0);
}

static void unlock(struct toy *toy, unsigned t, int which)
{
    toy_op(toy, t, TOY_UNLOCK, which, 0, 0);
}

/* Under a lock: variable a += by. */
static void add(struct toy *toy, unsigned t, int a, int by)
{
    toy_op(toy, t, TOY_PEEK, a, 1, 0);
    toy_op(toy, t, TOY_POKE, a, 1, by);
}

/* Under one mutex: add 1, add 2, assert that the sum is below 3. */
void build_lazy(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "lazy", 3);
    for (unsigned t = 0; t < 3; t++) {
        lock(toy, t, 0);
        if (t < 2)
            add(toy, t, 0, (int)t + 1);
        toy_op(toy, t, TOY_PEEK, 0, 1, 0);
        if (t == 2)
            toy_op(toy, t, TOY_BAD_IF, 1, 3, 0);
        unlock(toy, t, 0);
    }
}

/* Deposit 5, withdraw 4; the checker's sum is wrong when it comes last. */
void build_account(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "account", 3);
    for (unsigned t = 0; t < 3; t++) {
        lock(toy, t, 0);
        if (t < 2)
            add(toy, t, 0, t == 0 ? 5 : -4);
        toy_op(toy, t, TOY_PEEK, 0, 1, 0);
        if (t == 2)
            toy_op(toy, t, TOY_BAD_IF, 1, 1, 0);
        unlock(toy, t, 0);
    }
}

/* Three threads pass a token round, the first adding one; the fourth asserts
 * that all values are equal once all have moved. */
void build_ring(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "token ring", 4);
    toy->start[0] = 1;
    toy->start[1] = 2;
    toy->start[2] = 1;
    for (unsigned t = 0; t < 3; t++) {
        lock(toy, t, 0);
        toy_op(toy, t, TOY_PEEK, t == 0 ? 2 : (int)t - 1, 1, 0);
        toy_op(toy, t, TOY_POKE, (int)t, 1, t == 0);
        add(toy, t, 3, 1);
        unlock(toy, t, 0);
    }
    lock(toy, 3, 0);
    toy_op(toy, 3, TOY_PEEK, 3, 4, 0);
    toy_op(toy, 3, TOY_SKIP_UNLESS, 4, 3, 6);
    toy_op(toy, 3, TOY_PEEK, 2, 1, 0);
    toy_op(toy, 3, TOY_BAD_IF, 1, 1, 0); /* right is 2, 2, 2 only */
    toy_op(toy, 3, TOY_PEEK, 0, 1, 0);
    toy_op(toy, 3, TOY_BAD_IF, 1, 1, 0);
    toy_op(toy, 3, TOY_BAD_IF, 1, 3, 0);
    toy_op(toy, 3, TOY_PEEK, 1, 1, 0);
    unlock(toy, 3, 0);
}

/* The stop flag is tested before the count is raised: the device is used
 * after it was stopped. */
void build_bluetooth(struct toy *toy, int n, int k, int m)
{
    enum {
        FLAG,
        PENDING,
        EVENT,
        STOPPED
    };

    UNUSED(n + k + m);
    toy_begin(toy, "bluetooth driver", 2);
    toy->start[PENDING] = 1;
    toy_op(toy, 0, TOY_LOAD, FLAG, 1, 0);
    toy_op(toy, 0, TOY_SKIP_IF, 1, 1, TOY_LENGTH);
    toy_op(toy, 0, TOY_ADD, PENDING, 1, 0);
    toy_op(toy, 0, TOY_LOAD, STOPPED, 1, 0);
    toy_op(toy, 0, TOY_BAD_IF, 1, 1, 0);
    toy_op(toy, 0, TOY_ADD, PENDING, -1, 0);
    toy_op(toy, 0, TOY_SKIP_UNLESS, 0, 1, 1);
    toy_op(toy, 0, TOY_SET, EVENT, 1, 0);
    toy_op(toy, 1, TOY_SET, FLAG, 1, 0);
    toy_op(toy, 1, TOY_ADD, PENDING, -1, 0);
    toy_op(toy, 1, TOY_SKIP_UNLESS, 0, 1, 1);
    toy_op(toy, 1, TOY_SET, EVENT, 1, 0);
    toy_op(toy, 1, TOY_AWAIT, EVENT, 1, 0);
    toy_op(toy, 1, TOY_SET, STOPPED, 1, 0);
}

/* Two values under two locks: the reader sees the first without the second. */
void build_twostage(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "twostage", 2);
    for (int i = 0; i < 2; i++) {
        lock(toy, 0, i);
        toy_op(toy, 0, TOY_SET, i, 1, 0);
        unlock(toy, 0, i);
    }
    lock(toy, 1, 0);
    toy_op(toy, 1, TOY_LOAD, 0, 1, 0);
    toy_op(toy, 1, TOY_SKIP_IF, 1, 1, 2);
    unlock(toy, 1, 0);
    toy_op(toy, 1, TOY_SKIP_IF, 1, 0, TOY_LENGTH);
    toy_op(toy, 1, TOY_LOAD, 0, 1, 0); /* tested above, used here */
    unlock(toy, 1, 0);
    lock(toy, 1, 1);
    toy_op(toy, 1, TOY_LOAD, 1, 2, 0);
    unlock(toy, 1, 1);
    toy_op(toy, 1, TOY_BAD_IF, 2, 0, 0);
}

/* n setters write a, then b; the checker wants (a == 0 and b == 0) or (a == 1
 * and b == 1), and reads as the language does. */
void build_reorder(struct toy *toy, int n, int k, int m)
{
    unsigned t = (unsigned)n;

    UNUSED(k + m);
    toy_begin(toy, "reorder", t + 1);
    for (unsigned i = 0; i < t; i++) {
        toy_op(toy, i, TOY_SET, 0, 1, 0);
        toy_op(toy, i, TOY_SET, 1, 1, 0);
    }
    toy_op(toy, t, TOY_LOAD, 0, 1, 0);
    toy_op(toy, t, TOY_SKIP_IF, 1, 1, 2);
    toy_op(toy, t, TOY_LOAD, 1, 2, 0);
    toy_op(toy, t, TOY_SKIP_IF, 2, 0, TOY_LENGTH);
    toy_op(toy, t, TOY_LOAD, 0, 1, 0);
    toy_op(toy, t, TOY_BAD_IF, 1, 0, 0);
    toy_op(toy, t, TOY_SKIP_IF, 1, 0, TOY_LENGTH);
    toy_op(toy, t, TOY_LOAD, 1, 2, 0);
    toy_op(toy, t, TOY_BAD_IF, 2, 0, 0);
}

/* One locks D, k others lock T, all change one counter. */
void build_wronglock(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + m);
    toy_begin(toy, "wronglock", (unsigned)k + 1);
    lock(toy, 0, 0);
    toy_op(toy, 0, TOY_LOAD, 0, 1, 0);
    toy_op(toy, 0, TOY_LOAD, 0, 2, 0);
    toy_op(toy, 0, TOY_STORE, 0, 2, 1);
    toy_op(toy, 0, TOY_LOAD, 0, 3, 0);
    toy_op(toy, 0, TOY_BAD_UNLESS, 3, 1, 1);
    unlock(toy, 0, 0);
    for (unsigned t = 1; t <= (unsigned)k; t++) {
        lock(toy, t, 1);
        toy_op(toy, t, TOY_LOAD, 0, 1, 0);
        toy_op(toy, t, TOY_STORE, 0, 1, 1);
        unlock(toy, t, 1);
    }
}

/* A lock inside a lock: the first thread to come takes it, the last to go
 * releases it. */
void build_carter(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "carter", 2);
    for (unsigned t = 0; t < 2; t++) {
        lock(toy, t, 0);
        lock(toy, t, 1);
        unlock(toy, t, 0);
        lock(toy, t, 0);
        unlock(toy, t, 1);
        unlock(toy, t, 0);
    }
}

/* n threads take the same locks in the same order. */
void build_chain(struct toy *toy, int n, int k, int m)
{
    UNUSED(k + m);
    toy_begin(toy, "one chain of locks", (unsigned)n);
    for (unsigned t = 0; t < (unsigned)n; t++) {
        for (int i = 0; i < n; i++)
            lock(toy, t, i);
        for (int i = n - 1; i >= 0; i--)
            unlock(toy, t, i);
    }
}

/* Both wait, each for a flag that the other would set afterwards. */
void build_lost_wakeup(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "everybody waits", 2);
    for (int t = 0; t < 2; t++) {
        toy_op(toy, (unsigned)t, TOY_AWAIT, t, 1, 0);
        toy_op(toy, (unsigned)t, TOY_SET, 1 - t, 1, 0);
    }
}

/* The first thread to leave forgets to unlock what the other waits for. */
void build_phase(struct toy *toy, int n, int k, int m)
{
    UNUSED(n + k + m);
    toy_begin(toy, "unlock forgotten", 2);
    lock(toy, 0, 0);
    toy_op(toy, 0, TOY_AWAIT, 0, 1, 0);
    unlock(toy, 0, 0);
    toy_op(toy, 1, TOY_POINT, 0, 0, 0);
    lock(toy, 1, 0);
    toy_op(toy, 1, TOY_SET, 0, 1, 0);
    unlock(toy, 1, 0);
}
