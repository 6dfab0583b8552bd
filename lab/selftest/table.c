/* SPDX-License-Identifier: MIT */
/* table.c - every row of rows.c, explored in every way that it has numbers for.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/touch.h"
#include "rows.h"
#include "selftest.h"

#define TOKEN_INTERLEAVINGS 100 /* up to here real threads run the row too */
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

static void by_trace(struct selftest *test, const struct row *row,
                     enum lab_mode mode)
{
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = mode, .count_traces = true};
    const uint64_t traces = mode == LAB_SOURCE && row->source_traces != 0
                                ? row->source_traces
                                : row->traces;

    /* A search that never ends is cut off. */
    options.executions = EXECUTIONS;

    toy_forget();
    (void)lab_explore(&program, &options, &result);
    expect(test, row, "complete executions", result.complete, traces);
    expect(test, row, "traces", result.traces, traces);
    expect(test, row, "bad traces", toy_bad_runs, row->bad_traces);
    expect(test, row, "deadlocked traces", result.deadlocks,
           row->deadlock_traces);
    if (test->verbose)
        (void)fprintf(
            test->out,
            "%-28s %s %8" PRIu64 " traces %8" PRIu64 " asleep %4" PRIu64
            " bad %3" PRIu64 " deadlocks %7.3f s\n",
            row->name, mode == LAB_SLEEP ? "sleep " : "source", result.complete,
            result.blocked, toy_bad_runs, result.deadlocks, result.seconds);
}

static void by_order(struct selftest *test, const struct row *row)
{
    struct lab_program program = toy_program(&toy);
    struct lab_options options = {.mode = LAB_BOUND, .bound = LAB_NO_BOUND};
    int wanted = row->deadlocks + row->bad_traces == 0 ? -1 : row->least;
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
    (void)selftest_fact(test, least == wanted,
                        "%s: goes wrong with %d preemptions, expected %d",
                        row->name, least, wanted);
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

/* Threads that never wait and never conflict, x operations each: the number of
 * interleavings with up to k preemptions, by a recurrence. */
static void by_recurrence(struct selftest *test)
{
    static const struct {
        unsigned threads;
        unsigned operations;
        unsigned bound;
        uint64_t orders;
    } counts[] = {
        {2, 20, 2, 762},   {2, 20, 3, 7260},  {2, 30, 2, 1742},
        {2, 30, 3, 25290}, {2, 40, 3, 60920}, {3, 10, 2, 3300},
        {3, 10, 3, 44610}, {3, 20, 2, 14370}, {3, 30, 2, 33240},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct lab_options options = {.mode = LAB_BOUND,
                                      .bound = counts[i].bound};
        struct lab_program program;

        build_private(&toy, (int)counts[i].threads, (int)counts[i].operations,
                      0);
        program = toy_program(&toy);
        (void)lab_explore(&program, &options, &result);
        (void)selftest_fact(
            test, result.complete == counts[i].orders && result.traces == 1,
            "%u x %u at bound %u: %" PRIu64 " orders, expected %" PRIu64,
            counts[i].threads, counts[i].operations, counts[i].bound,
            result.complete, counts[i].orders);
        if (test->verbose)
            (void)fprintf(
                test->out, "%u x %u, bound %u: %" PRIu64 " orders, %.0f/s\n",
                counts[i].threads, counts[i].operations, counts[i].bound,
                result.complete, (double)result.executions / result.seconds);
    }
}

static void forget_calls(void *context)
{
    (void)context;
    lab_calls_forget();
}

static void call(void *context)
{
    static const struct lab_site here = {NULL, "call", "table.c", 1};
    static int own[LAB_THREADS];

    (void)context;
    lab_call_begins();
    lab_step(LAB_WRITE, &own[lab_thread()], &here);
    lab_call_ended();
}

/* Source sets have both orders of two calls, although no step conflicts. */
static void by_calls(struct selftest *test)
{
    static const struct lab_actor actors[] = {{"one", call}, {"two", call}};
    const struct lab_program program = {.name = "calls",
                                        .setup = forget_calls,
                                        .actors = actors,
                                        .actor_count = 2,
                                        .disposable = true};
    const struct lab_options options = {.mode = LAB_SOURCE};

    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test, result.finished && result.complete == 2,
                        "two calls: %" PRIu64 " executions, expected 2",
                        result.complete);
}

/* A tenth of a tree tells its size, roughly. */
static void by_estimate(struct selftest *test)
{
    const uint64_t traces = 8953;
    const struct lab_options options = {.mode = LAB_SOURCE,
                                        .executions = traces / 10};
    struct lab_program program;

    build_rot(&toy, 2, 10, 2);
    program = toy_program(&toy);
    (void)lab_explore(&program, &options, &result);
    (void)selftest_fact(test,
                        result.estimate > (double)traces / 5 &&
                            result.estimate < (double)traces * 5,
                        "rot 2,10,2: estimated as %.0f executions, are 8953",
                        result.estimate);
}

void selftest_table(struct selftest *test)
{
    by_recurrence(test);
    by_calls(test);
    by_estimate(test);
    for (unsigned i = 0; i < row_count; i++) {
        const struct row *row = &rows[i];
        uint64_t limit = test->quick ? QUICK_INTERLEAVINGS : UINT64_MAX;

        if (test->quick && test->wrong != 0)
            return;
        if (test->quick && row->traces > QUICK_TRACES)
            continue;
        row->build(&toy, row->n, row->k, row->m);
        if (!row->by_source)
            by_trace(test, row, LAB_SLEEP);
        by_trace(test, row, LAB_SOURCE);
        if (row->interleavings == 0 || row->interleavings > limit)
            continue;
        by_order(test, row);
        by_bound(test, row, 0);
        by_bound(test, row, 1);
        if (!test->quick && row->interleavings <= TOKEN_INTERLEAVINGS)
            by_tokens(test, row);
    }
}
