/* SPDX-License-Identifier: MIT */
/* table.c - every row of rows.c, explored in every way that it has numbers for.
 */
#include <inttypes.h>
#include <string.h>

#include "engine.h"
#include "rows.h"
#include "selftest.h"

#define TOKEN_INTERLEAVINGS 100 /* rows that real threads do as well */
#define QUICK_INTERLEAVINGS 20000
#define QUICK_TRACES 3000
#define EXECUTIONS 2000000

static struct toy toy;
static struct lab_result result;

static void expect(struct selftest *test, const struct row *row,
                   const char *what, uint64_t seen, uint64_t expected)
{
    (void)selftest_fact(test, seen == expected,
                        "%s: %" PRIu64 " %s, expected %" PRIu64, row->name,
                        seen, what, expected);
}

static void expect_bounds(struct selftest *test, const struct row *row,
                          const char *what, const uint64_t *seen,
                          const uint64_t *expected)
{
    uint64_t sum = 0;

    for (unsigned k = 0; k < ROW_BOUNDS; k++) {
        sum += seen[k];
        if (expected[k] != 0)
            (void)selftest_fact(test, sum == expected[k],
                                "%s: %" PRIu64 " %s with up to %u preemptions,"
                                " expected %" PRIu64,
                                row->name, sum, what, k, expected[k]);
    }
}

static void by_sleep(struct selftest *test, const struct row *row)
{
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = LAB_SLEEP, .count_traces = true};

    /* A search that runs away must end too. */
    options.executions = EXECUTIONS;

    toy_forget();
    (void)lab_explore(&program, &options, &result);
    expect(test, row, "complete executions", result.complete, row->traces);
    expect(test, row, "traces", result.traces, row->traces);
    expect(test, row, "bad traces", toy_bad_runs, row->bad_traces);
    expect(test, row, "deadlocked traces", result.deadlocks,
           row->deadlock_traces);
    if (test->verbose)
        (void)fprintf(test->out,
                      "%-28s %8" PRIu64 " traces %8" PRIu64 " asleep %4" PRIu64
                      " bad %3" PRIu64 " deadlocks %7.3f s\n",
                      row->name, result.complete, result.blocked, toy_bad_runs,
                      result.deadlocks, result.seconds);
}

static void by_order(struct selftest *test, const struct row *row)
{
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = LAB_BOUND, .bound = LAB_NO_BOUND};
    int least;

    toy_forget();
    (void)lab_explore(&program, &options, &result);
    least = result.deadlocks != 0 ? (int)result.least_preemptions
                                  : (int)toy_bad_least;
    expect(test, row, "interleavings", result.complete, row->interleavings);
    expect(test, row, "traces among all interleavings", result.traces,
           row->traces);
    expect(test, row, "deadlocked interleavings", result.deadlocks,
           row->deadlocks);
    if (row->bad != 0)
        expect(test, row, "bad interleavings", toy_bad_runs, row->bad);
    (void)selftest_fact(test, least == row->least,
                        "%s: goes wrong with %d preemptions, expected %d",
                        row->name, least, row->least);
    expect_bounds(test, row, "interleavings", result.by_bound, row->by_bound);
    expect_bounds(test, row, "traces", result.traces_by_bound,
                  row->traces_by_bound);
    if (test->verbose)
        (void)fprintf(test->out,
                      "%-28s %8" PRIu64 " orders, least %2d       %7.3f s\n",
                      row->name, result.complete, least, result.seconds);
}

/* A bound of k finds what a search without bound counts for k. */
static void by_bound(struct selftest *test, const struct row *row, unsigned k)
{
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = LAB_BOUND, .bound = k};

    if (row->by_bound[k] == 0)
        return;
    (void)lab_explore(&program, &options, &result);
    expect(test, row, k == 0 ? "orders at bound 0" : "orders at bound 1",
           result.complete, row->by_bound[k]);
    if (row->traces_by_bound[k] != 0)
        expect(test, row, k == 0 ? "traces at bound 0" : "traces at bound 1",
               result.traces, row->traces_by_bound[k]);
}

static void by_tokens(struct selftest *test, const struct row *row)
{
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = LAB_BOUND, .bound = LAB_NO_BOUND};

    options.threads = true;
    (void)lab_explore(&program, &options, &result);
    expect(test, row, "interleavings of real threads", result.complete,
           row->interleavings);
    expect(test, row, "traces of real threads", result.traces, row->traces);
    options.mode = LAB_SLEEP;
    (void)lab_explore(&program, &options, &result);
    expect(test, row, "complete executions of real threads", result.complete,
           row->traces);
    expect(test, row, "deadlocked traces of real threads", result.deadlocks,
           row->deadlock_traces);
}

void selftest_table(struct selftest *test)
{
    for (unsigned i = 0; i < row_count; i++) {
        const struct row *row = &rows[i];
        uint64_t limit = test->quick ? QUICK_INTERLEAVINGS : UINT64_MAX;

        if (test->quick && test->wrong != 0)
            return;
        if (test->quick && row->traces > QUICK_TRACES)
            continue;
        row->build(&toy, row->n, row->k, row->m);
        by_sleep(test, row);
        if (row->interleavings == 0 || row->interleavings > limit)
            continue;
        by_order(test, row);
        by_bound(test, row, 0);
        by_bound(test, row, 1);
        if (!test->quick && row->interleavings <= TOKEN_INTERLEAVINGS)
            by_tokens(test, row);
    }
}
