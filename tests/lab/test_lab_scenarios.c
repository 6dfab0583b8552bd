/* SPDX-License-Identifier: MIT */
/*
 * test_lab_scenarios.c - with every rule in force no scenario fails; with one
 * of its rules broken each does, as the rule's bug is known for, at the number
 * of preemptions that it says and no fewer.  Those that can be explored to the
 * end; `zcrace matrix`, which takes minutes, has all of them, and here the
 * others run by chance.
 */
#include "support_test.h"

#include "platform/lab_platform.h"
#include "scenarios.h"
#include "watch/tsan.h"

#define MILLISECONDS 600000 /* where others use the machine too */
#define RANDOM 500

static struct lab_result explore(const struct lab_scenario *scenario,
                                 const char *rule, enum lab_mode mode,
                                 unsigned bound)
{
    struct lab_program program = scenario->program;
    const struct lab_options options = {
        .mode = mode,
        .bound = bound,
        .milliseconds = MILLISECONDS,
        .stop_at_first = rule != NULL,
    };
    static struct lab_result result;

    program.broken = rule;
    program.known = lab_scenario_known(scenario, rule);
    assert_true(scenario->break_rule(rule));
    memset(&result, 0, sizeof(result));
    assert_true(lab_explore(&program, &options, &result));
    return result;
}

TEST(no_scenario_fails_with_all_rules)
{
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        const struct lab_scenario *scenario = lab_library_scenarios[i];
        struct lab_result result;

        if (scenario->bound != LAB_NO_BOUND)
            continue;
        result = explore(scenario, NULL, LAB_SOURCE, 0);
        print_message("%-24s %8llu executions %6llu traces %.2f s\n",
                      scenario->program.name,
                      (unsigned long long)result.executions,
                      (unsigned long long)result.traces, result.seconds);
        assert_int_equal(result.failures, 0);
        assert_true(result.finished);
        assert_false(result.unpredictable);
    }
}

/* Those that are too long for it. */
TEST(no_long_scenario_fails_by_chance)
{
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        const struct lab_scenario *scenario = lab_library_scenarios[i];
        const struct lab_options options = {
            .mode = LAB_PCT, .executions = RANDOM, .seed = i + 1};
        struct lab_result result;

        if (scenario->bound == LAB_NO_BOUND)
            continue;
        memset(&result, 0, sizeof(result));
        assert_true(scenario->break_rule(NULL));
        assert_true(lab_explore(&scenario->program, &options, &result));
        assert_int_equal(result.failures, 0);
    }
}

/* The fewest preemptions that fail as the rule's bug is known for. */
static void check_rule(const struct lab_scenario *scenario, const char *rule,
                       unsigned least)
{
    struct lab_result result;

    for (unsigned bound = 0; bound < least; bound++) {
        result = explore(scenario, rule, LAB_BOUND, bound);
        assert_int_equal(result.known, 0);
        assert_true(result.finished);
    }
    result = explore(scenario, rule, LAB_BOUND, least);
    print_message("%-24s %-30s %u: %s\n", scenario->program.name, rule, least,
                  result.first_what == NULL ? "nothing" : result.first_what);
    assert_int_not_equal(result.known, 0);
    assert_true(lab_rule_was_asked(rule));
}

TEST(each_fails_without_its_rule_at_its_bound)
{
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        const struct lab_scenario *scenario = lab_library_scenarios[i];

        if (scenario->bound != LAB_NO_BOUND)
            continue;
        for (unsigned k = 0; scenario->rules[k] != NULL; k++)
            check_rule(scenario, scenario->rules[k], scenario->least[k]);
    }
}

static bool has_scenario(const char *rule)
{
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        const struct lab_scenario *scenario = lab_library_scenarios[i];

        for (unsigned k = 0; scenario->rules[k] != NULL; k++)
            if (strcmp(scenario->rules[k], rule) == 0)
                return true;
    }
    return false;
}

TEST(every_rule_has_a_scenario)
{
    for (unsigned i = 0; lab_rule_name(i) != NULL; i++) {
        if (!has_scenario(lab_rule_name(i)))
            print_message("no scenario for %s\n", lab_rule_name(i));
        assert_true(has_scenario(lab_rule_name(i)));
    }
}

/* Everything is built once and copied back: two runs of one schedule meet the
 * same steps, and so does one in a new process.  What two threads share is
 * watched. */
TEST(executions_repeat)
{
    lab_outside_noted = true;
    for (unsigned i = 0; lab_library_scenarios[i] != NULL; i++) {
        const struct lab_scenario *scenario = lab_library_scenarios[i];
        const struct lab_options options = {.mode = LAB_WALK,
                                            .executions = 50,
                                            .check_replay = true,
                                            .compare = true};
        struct lab_result result;

        memset(&result, 0, sizeof(result));
        assert_true(scenario->break_rule(NULL));
        assert_true(lab_explore(&scenario->program, &options, &result));
        if (result.unpredictable || result.failures != 0)
            fail_msg("%s: unpredictable %d, failures %llu",
                     scenario->program.name, result.unpredictable,
                     (unsigned long long)result.failures);
        if (result.met.kinds[LAB_MET_UNWATCHED].count != 0)
            fail_msg(
                "%s: shares %s unwatched", scenario->program.name,
                lab_data_name(result.met.kinds[LAB_MET_UNWATCHED].place[0]));
    }
}
