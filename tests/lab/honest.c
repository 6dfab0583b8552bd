/* SPDX-License-Identifier: MIT */
/*
 * honest.c - programs that end, hang, overflow or do what is not explored; the
 * lab says so of each.  tests/lab/check-honest has the expected answers.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zcache/lab.h>

#include "outside.h"

#define RUNS(name) static void name(__attribute__((unused)) void *context)

struct shared {
    atomic_int first;
    atomic_int second;
    atomic_int order; /* threads that came */
    pthread_mutex_t lock;
    int seen[2];
};

static struct shared *shared;

RUNS(setup)
{
    shared = calloc(1, sizeof(*shared));
}

RUNS(finish)
{
    free(shared);
}

/* Is this the second thread that comes?  That is one of two schedules. */
static int is_second(void)
{
    return atomic_fetch_add(&shared->order, 1) == 1;
}

/* --- ends ------------------------------------------------------------ */

RUNS(come)
{
    (void)is_second();
}

RUNS(call_exit)
{
    if (is_second())
        exit(0);
}

RUNS(call_exit_now)
{
    if (is_second())
        _exit(0);
}

RUNS(call_quick_exit)
{
    if (is_second())
        quick_exit(0);
}

RUNS(exit_outside)
{
    if (is_second())
        outside_exit(0);
}

RUNS(abort_outside)
{
    if (is_second())
        outside_abort();
}

/* An address that no memory can have, and the first one. */
RUNS(write_nowhere)
{
    outside_write((char *)(UINTPTR_MAX / 3));
}

RUNS(write_null)
{
    outside_write(NULL);
}

RUNS(leave)
{
    (void)is_second();
    pthread_exit(NULL);
}

RUNS(leave_with_lock)
{
    (void)pthread_mutex_lock(&shared->lock);
    if (is_second())
        pthread_exit(NULL);
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(leave_setup)
{
    setup(NULL);
    pthread_exit(NULL);
}

RUNS(exit_in_finish)
{
    finish(NULL);
    exit(0);
}

RUNS(exit_in_setup)
{
    outside_exit(0);
}

/* --- no end ---------------------------------------------------------- */

RUNS(hang)
{
    if (!is_second())
        return;
    for (;;)
        continue;
}

static int use_stack(int depth) /* NOLINT(misc-no-recursion) */
{
    volatile char frame[4096];

    frame[0] = (char)depth;
    return depth == 0 ? frame[0] : use_stack(depth - 1) + frame[0];
}

RUNS(overflow)
{
    if (is_second())
        shared->seen[0] = use_stack(1000);
}

RUNS(overflow_at_once)
{
    volatile char large[4 << 20];

    large[0] = 1;
    if (is_second())
        shared->seen[0] = large[0];
}

/* Too many orders for any patience. */
RUNS(write_often)
{
    for (int i = 0; i < 40; i++)
        atomic_store(&shared->first, i);
}

/* --- met, and not explored ------------------------------------------- */

RUNS(store_first)
{
    atomic_store_explicit(&shared->first, 1, memory_order_relaxed);
    shared->seen[0] =
        atomic_load_explicit(&shared->second, memory_order_relaxed);
}

RUNS(store_second)
{
    atomic_store_explicit(&shared->second, 1, memory_order_relaxed);
    shared->seen[1] =
        atomic_load_explicit(&shared->first, memory_order_relaxed);
}

RUNS(check_stores)
{
    if (shared->seen[0] == 0 && shared->seen[1] == 0)
        zc_lab_fail("stores passed", "the loads after them");
    free(shared);
}

RUNS(fence)
{
    atomic_thread_fence(memory_order_seq_cst);
    (void)is_second();
}

/* --- rules and limits ------------------------------------------------ */

RUNS(ask_both)
{
    int broken = !zc_lab_holds("FIRST");

    broken += !zc_lab_holds("SECOND");
    if (broken == 2 && is_second())
        zc_lab_fail("both", "rules are broken");
}

/* To see 1 and then 2, each thread is preempted once. */
RUNS(write_twice)
{
    atomic_store(&shared->first, 1);
    atomic_store(&shared->first, 2);
}

RUNS(read_twice)
{
    if (atomic_load(&shared->first) == 1 && atomic_load(&shared->first) == 2)
        zc_lab_fail("seen", "both");
}

RUNS(lose)
{
    zc_lab_point("lose");
    if (malloc(8) == NULL)
        zc_lab_fail("malloc", "failed");
}

/* --- words ----------------------------------------------------------- */

static int counter;
static atomic_int flag;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* An access before the first step. */
RUNS(count_at_once)
{
    counter++;
}

RUNS(unlock_free)
{
    pthread_mutex_unlock(&guard);
}

RUNS(wait_without)
{
    pthread_cond_wait(&changed, &guard);
}

RUNS(keep)
{
    if (atomic_load(&flag) == 0)
        pthread_mutex_lock(&guard);
}

/* A choice within the step of the exchange. */
RUNS(set_weakly)
{
    int expected = 40;

    if (atomic_load(&flag) == 1)
        zc_lab_fail("seen", "the other");
    atomic_store(&flag, 40);
    (void)atomic_compare_exchange_weak(&flag, &expected, 1);
}

/* --- the list -------------------------------------------------------- */

static const char *const rules[] = {"FIRST", "SECOND", "NEVER_ASKED", NULL};

#define SCENARIO(name_, setup_, run_one, run_two, finish_, ...)                \
    {                                                                          \
        .struct_size = sizeof(struct zc_lab_scenario), .name = (name_),        \
        .setup = (setup_), .finish = (finish_), .actor_count = 2,              \
        .actors =                                                              \
            (const struct zc_lab_actor[]){{"one", run_one}, {"two", run_two}}, \
        __VA_ARGS__                                                            \
    }
#define PLAIN(name_, run_one, run_two)                                         \
    SCENARIO(name_, setup, run_one, run_two, finish, .story = "")

static const struct zc_lab_scenario all[] = {
    PLAIN("exit", come, call_exit),
    PLAIN("exit-now", come, call_exit_now),
    PLAIN("quick-exit", come, call_quick_exit),
    PLAIN("exit-outside", come, exit_outside),
    PLAIN("abort-outside", come, abort_outside),
    PLAIN("write-nowhere", come, write_nowhere),
    PLAIN("write-null", come, write_null),
    PLAIN("leave", leave, leave),
    PLAIN("leave-with-lock", leave_with_lock, leave_with_lock),
    SCENARIO("leave-setup", leave_setup, come, come, finish, .story = ""),
    SCENARIO("exit-in-finish", setup, come, come, exit_in_finish, .story = ""),
    SCENARIO("exit-in-setup", exit_in_setup, come, come, finish, .story = ""),
    PLAIN("hang", come, hang),
    PLAIN("overflow", come, overflow),
    PLAIN("overflow-at-once", come, overflow_at_once),
    PLAIN("endless", write_often, write_often),
    SCENARIO("relaxed", setup, store_first, store_second, check_stores,
             .story = ""),
    PLAIN("fence", fence, fence),
    SCENARIO("rules", setup, ask_both, ask_both, finish, .rules = rules),
    SCENARIO("bounded", setup, write_twice, read_twice, finish, .bound = 1),
    PLAIN("leak", lose, lose),
    PLAIN("count-at-once", count_at_once, count_at_once),
    PLAIN("unlock-free", come, unlock_free),
    PLAIN("wait-without", come, wait_without),
    PLAIN("keep", come, keep),
    PLAIN("set-weakly", set_weakly, set_weakly),
};

#define COUNT (sizeof(all) / sizeof(all[0]))

int main(int argc, char **argv)
{
    static const struct zc_lab_scenario *list[COUNT + 1];

    for (size_t i = 0; i < COUNT; i++)
        list[i] = &all[i];
    return zc_lab_main(argc, argv, list);
}
