/* SPDX-License-Identifier: MIT */
/*
 * test_lab_replay.c - a schedule of a scenario over the library, as text, does
 * the same again on fibers and on real threads: the same events, by their hash,
 * to the same end.
 */
#include "support_test.h"

#include "engine/scenario.h"
#include "scenarios.h"

#define MILLISECONDS 60000
#define STEPS_MOST 24 /* of CPU#1 before CPU#2 begins */
#define FOLLOWED_LEAST 5

static struct lab_result result;
static struct lab_trace trace;
static struct lab_replay replay;

static const struct lab_scenario *find(const char *name)
{
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        if (strcmp(lab_library_scenarios[i]->program.name, name) == 0)
            return lab_library_scenarios[i];
    }
    fail_msg("there is no scenario %s", name);
    return NULL;
}

/* Runs the schedule of a recorded execution, as text, on both back ends. */
static void replay_both(const struct lab_program *program,
                        const struct lab_schedule *schedule)
{
    char text[LAB_REPLAY_CHARS];
    enum lab_outcome outcome = trace.outcome;

    assert_true(lab_replay_format(&trace, schedule, text));
    assert_null(lab_replay_parse(text, &replay));
    for (int threads = 0; threads < 2; threads++) {
        if (!lab_record(program, threads != 0, &replay.schedule, &trace))
            fail_msg("%s: threads %d: diverged at %s", text, threads,
                     lab_trace_text(&trace, trace.message));
        assert_int_equal(trace.hash, replay.hash);
        assert_int_equal(trace.outcome, outcome);
    }
    print_message("%.70s\n", text);
}

static void check_failing(const char *name, const char *rule)
{
    const struct lab_scenario *scenario = find(name);
    struct lab_program program = scenario->program;
    const struct lab_options options = {.mode = LAB_BOUND,
                                        .bound = 2,
                                        .milliseconds = MILLISECONDS,
                                        .stop_at_first = true};

    program.broken = rule;
    assert_true(scenario->break_rule(rule));
    assert_true(lab_explore(&program, &options, &result));
    assert_int_not_equal(result.failures, 0);
    (void)lab_record(&program, false, &result.first, &trace);
    assert_int_not_equal(trace.outcome, LAB_COMPLETE_RUN);
    replay_both(&program, &result.first);
}

TEST(a_failing_schedule_repeats_on_both_back_ends)
{
    check_failing("double-invalidate", "OWN_REF_OUTLIVES_INVALIDATE");
    check_failing("double-invalidate", "TREE_REF_DROPPED_BY_UNLINKER");
    check_failing("deferred-kernel", "DEFERRED_HANDLE_IN_HEADER");
    check_failing("deferred-dense", "NO_FREE_LIST_UNDER_RECLAIM");
    check_failing("compact-read-kernel", "WALK_EXCLUDES_MOVE");
    check_failing("writeback-store", "WRITEBACK_PINS_FIRST");
    check_failing("writeback-store", "WRITEBACK_RECHECKS_TREE");
    check_failing("writeback-exit", "WRITEBACK_EXIT_CLEANS_UP");
}

/* CPU#1 does so many steps, then CPU#2 goes on: for every number that can be
 * followed. */
static void check_silent(const char *name)
{
    const struct lab_scenario *scenario = find(name);
    static struct lab_schedule schedule;
    unsigned followed = 0;

    assert_true(scenario->break_rule(NULL));
    for (unsigned steps = 1; steps <= STEPS_MOST; steps++) {
        memset(schedule.decisions, 1, steps);
        schedule.decisions[steps] = 2;
        schedule.count = steps + 1;
        if (!lab_record(&scenario->program, false, &schedule, &trace))
            continue; /* CPU#2 waits there, or CPU#1 has ended */
        followed++;
        assert_int_equal(trace.outcome, LAB_COMPLETE_RUN);
        replay_both(&scenario->program, &schedule);
    }
    assert_true(followed >= FOLLOWED_LEAST);
}

TEST(a_silent_schedule_repeats_on_both_back_ends)
{
    check_silent("double-invalidate");
    check_silent("deferred-kernel");
    check_silent("writeback-take");
    check_silent("compact-read-dense");
}
