/* SPDX-License-Identifier: MIT */
/*
 * replays.c - a schedule as text replays to the same execution, on both back
 * ends, and is as short as possible.
 */
#include <string.h>

#include "engine/engine.h"
#include "rows.h"
#include "selftest.h"

static struct toy toy;
static struct lab_result result;
static struct lab_trace trace;
static struct lab_trace again;
static struct lab_schedule least;
static struct lab_replay replay;

struct expected {
    row_builder *build;
    int n;
    unsigned preemptions;
    unsigned marked; /* step from which every continuation fails */
    const char *text;
};

static const struct expected table[] = {
    {build_abba, 0, 1, 2, "zr1:AB-BA::1,2#"},
    {build_inc, 2, 1, 2, "zr1:inc::1,2*2,1#"},
    {build_philosophers, 3, 1, 3, "zr1:philosophers::1,3,2#"},
    {build_seed0, 2, 1, 4, "zr1:seed 0, put first::1*3,2*2,1#"},
    {build_carter, 0, 1, 4, "zr1:carter::1*3,2#"},
};

static void try(struct selftest *test, const struct expected *expected)
{
    char text[LAB_REPLAY_CHARS];
    struct lab_program program;
    struct lab_options options = {.mode = LAB_SLEEP};
    const char *wrong;

    expected->build(&toy, expected->n, 0, 0);
    toy.stop_when_bad = true;
    program = toy_program(&toy);
    options.executions = 100000;
    (void)lab_explore(&program, &options, &result);
    if (!selftest_fact(test, result.failures > 0, "%s does not fail", toy.name))
        return;
    (void)selftest_fact(
        test, lab_minimise(&program, &result.first, 5000, &least, &trace),
        "%s cannot be minimised", toy.name);
    (void)lab_replay_format(&trace, &least, text);
    (void)selftest_fact(
        test, strncmp(text, expected->text, strlen(expected->text)) == 0,
        "least is %s, expected %s", text, expected->text);
    (void)selftest_fact(test,
                        trace.preemptions == expected->preemptions &&
                            trace.marked_step == expected->marked,
                        "%s: %u preemptions, lost from step %u; expected %u "
                        "and %u",
                        text, trace.preemptions, trace.marked_step,
                        expected->preemptions, expected->marked);
    wrong = lab_replay_parse(text, &replay);
    if (!selftest_fact(test, wrong == NULL, "%s: %s", text, wrong))
        return;
    for (int threads = 0; threads < 2; threads++) {
        (void)lab_record(&program, threads != 0, &replay.schedule, &again);
        (void)selftest_fact(
            test,
            again.hash == replay.hash && again.outcome == trace.outcome &&
                again.row_count == trace.row_count,
            "%s: threads %d: hash %08x", text, threads, again.hash);
    }
}

static void try_errors(struct selftest *test)
{
    static const char *const wrong[] = {
        "",
        "zr2:a::1#00000000",
        "zr1:a",
        "zr1:a:b",
        "zr1:a::1*#00000000",
        "zr1:a::1*0#00000000",
        "zr1:a::0#00000000",
        "zr1:a::99#00000000",
        "zr1:a::1,c999#00000000",
        "zr1:a::1,,2#00000000",
        "zr1:a::1*99999999#00000000",
        "zr1:a::1 2#00000000",
        "zr1:a::1",
        "zr1:a::1#123",
        "zr1:a::1#0123456g",
        "zr1:a::1#012345678",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        (void)selftest_fact(test, lab_replay_parse(wrong[i], &replay) != NULL,
                            "\"%s\" is taken for a schedule", wrong[i]);
    (void)selftest_fact(
        test,
        lab_replay_parse("zr1:a:R:1*3,c2,2,c0#00abcdef", &replay) == NULL &&
            replay.schedule.count == 6 && replay.hash == 0xabcdef &&
            strcmp(replay.broken, "R") == 0,
        "a schedule is not understood");
}

static void try_divergence(struct selftest *test)
{
    struct lab_program program;

    build_abba(&toy, 0, 0, 0);
    program = toy_program(&toy);
    (void)lab_replay_parse("zr1:AB-BA::1*4,2*2#00000000", &replay);
    (void)lab_record(&program, false, &replay.schedule, &again);
    (void)selftest_fact(test, again.outcome == LAB_COMPLETE_RUN,
                        "a schedule that fits is not followed");
    (void)lab_replay_parse("zr1:AB-BA::1*9#00000000", &replay);
    (void)selftest_fact(
        test,
        !lab_record(&program, false, &replay.schedule, &again) &&
            again.outcome == LAB_DIVERGED &&
            strstr(lab_trace_text(&again, again.message), "entry 5") != NULL,
        "a schedule that does not fit: %s",
        lab_trace_text(&again, again.message));
    (void)lab_replay_parse("zr1:AB-BA::1,2*2#00000000", &replay);
    (void)selftest_fact(test,
                        !lab_record(&program, false, &replay.schedule, &again),
                        "a thread that waits is run");
    (void)lab_replay_parse("zr1:AB-BA::1,c1#00000000", &replay);
    (void)selftest_fact(test,
                        !lab_record(&program, false, &replay.schedule, &again),
                        "a choice that no step asks for is made");
}

void selftest_replay(struct selftest *test)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) &&
                       !(test->quick && test->wrong != 0);
         i++)
        try(test, &table[i]);
    try_errors(test);
    try_divergence(test);
}
