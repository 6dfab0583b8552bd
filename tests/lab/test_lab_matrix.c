/* SPDX-License-Identifier: MIT */
/*
 * test_lab_matrix.c - the matrix of rules and scenarios, on scenarios made for
 * it: what it counts, what it finds wrong, and what it compares.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream(), mkdtemp() */
#endif

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support_test.h"

#include "counter.h"
#include "report/matrix.h"

static const char *identifier(unsigned index)
{
    return index < RULES ? names[index] : NULL;
}

static const char *two_identifiers(unsigned index)
{
    return index < 2 ? names[index] : NULL;
}

static void look(void *context)
{
    (void)context;
    (void)holds(ASKED);
    lab_step(LAB_READ, &counter, LAB_SITE("load"));
}

static const struct lab_actor looking[] = {{"look", look}, {"look", look}};
static const uint8_t wrong_least[] = {2};
static const char *const no_rules[] = {NULL};
static const char *const idle_rules[] = {"ASKED", NULL};
static const char *const unknown_rules[] = {"LOCKED", "LOKCED", NULL};

static const struct lab_scenario counting = COUNTING("counting", LAB_NO_BOUND);
static const struct lab_scenario bounded = COUNTING("bounded", 2);

/* --- a matrix of them ------------------------------------------------ */

static struct lab_rule_book book = {
    .identifier = identifier,
    .sentence = identifier,
    .was_asked = was_asked,
    .forget = forget,
};

static struct lab_matrix matrix;

/* Of `counting` and, if it is not NULL, another one. */
static void run(const struct lab_scenario *other,
                const char *(*rules)(unsigned), unsigned jobs,
                uint64_t executions)
{
    static const struct lab_scenario *scenarios[] = {&counting, NULL, NULL};
    static struct lab_matrix_plan plan;

    lab_matrix_free(&matrix);
    scenarios[1] = other;
    book.identifier = rules;
    plan = (struct lab_matrix_plan){
        .scenarios = scenarios,
        .rules = &book,
        .jobs = jobs,
        .executions = executions,
        .random = 50,
        .all_rules = true,
    };
    assert_true(lab_matrix_run(&matrix, &plan));
}

/* What is said of the matrix: of itself or, if there is a folder, of what is
 * recorded there; how many lines, or SOME, and a text that is in them. */
#define SOME UINT_MAX
static void expect_said(const char *folder, unsigned lines, const char *wanted)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    unsigned said = folder == NULL ? lab_matrix_judge(&matrix, out)
                                   : lab_matrix_check(&matrix, folder, out);

    (void)fclose(out);
    if ((lines == SOME ? said == 0 : said != lines) ||
        strstr(text, wanted) == NULL || (lines == 0 && *text != '\0'))
        fail_msg("%u lines, not %u with \"%s\": %s", said, lines, wanted, text);
    free(text);
}

static void expect_judgement(const char *wanted)
{
    expect_said(NULL, 1, wanted);
}

TEST(a_cell_is_what_was_explored)
{
    const struct lab_cell *cell;

    run(&bounded, identifier, 2, 1000);
    cell = lab_matrix_cell(&matrix, 0, RULES);
    assert_false(cell->fails);
    assert_true(cell->complete);
    assert_int_equal(cell->traces, 2); /* one order of two sections, or the
                                          other */
    cell = lab_matrix_cell(&matrix, 0, LOCKED);
    assert_true(cell->fails);
    assert_true(cell->complete);
    assert_int_equal(cell->preemptions, 1);
    assert_int_equal(cell->traces, 4); /* the lost update, by the table */
    assert_int_equal(cell->failing, 2);
    assert_non_null(strstr(cell->diagram, "increment lost"));
    assert_non_null(strstr(cell->replay, "zr1:counting:LOCKED:"));
    cell = lab_matrix_cell(&matrix, 0, ASKED);
    assert_int_equal(cell->state, LAB_CELL_DONE);
    assert_false(cell->fails);
    assert_true(cell->complete);
    cell = lab_matrix_cell(&matrix, 0, UNASKED);
    assert_int_equal(cell->state, LAB_CELL_WAITS);
    cell = lab_matrix_cell(&matrix, 1, RULES);
    assert_false(cell->complete);
    assert_int_equal(cell->bound, 2);
    assert_int_equal(cell->random, 50);
    cell = lab_matrix_cell(&matrix, 1, LOCKED);
    assert_true(cell->fails);
    assert_int_equal(cell->preemptions, 1);
}

TEST(nothing_is_said_of_a_right_matrix)
{
    run(NULL, first_identifier, 2, 1000);
    expect_said(NULL, 0, "");
}

TEST(a_rule_that_no_scenario_needs_is_said)
{
    run(NULL, two_identifiers, 1, 1000);
    expect_judgement("ASKED: no scenario needs it");
}

TEST(a_scenario_that_no_rule_fails_is_said)
{
    static struct lab_scenario idle = COUNTING("idle", LAB_NO_BOUND);

    idle.rules = no_rules;
    idle.least = NULL;
    idle.program.actors = looking;
    idle.program.finish = NULL;
    run(&idle, first_identifier, 2, 1000);
    expect_judgement("idle: no broken rule fails here");
    idle.shows_design = true;
    run(&idle, first_identifier, 2, 1000);
    expect_said(NULL, 0, "");
    idle.shows_design = false;
    idle.for_locks = true;
    run(&idle, first_identifier, 2, 1000);
    expect_said(NULL, 0, "");
}

TEST(a_scenario_that_says_what_is_not_so_is_said)
{
    static struct lab_scenario lies = COUNTING("lies", LAB_NO_BOUND);

    lies.least = wrong_least;
    run(&lies, first_identifier, 2, 1000);
    expect_judgement("lies: fails without LOCKED at 1 preemptions, not 2");
    lies.least = NULL;
    lies.rules = unknown_rules;
    run(&lies, first_identifier, 2, 1000);
    expect_judgement("lies: lists LOKCED, which is no rule");
    lies.rules = idle_rules;
    run(&lies, two_identifiers, 2, 1000);
    /* and ASKED is needed by none */
    expect_said(NULL, 2, "lies: does not fail without ASKED");
}

static void finish_badly(void *context)
{
    (void)context;
    lab_fail("always", "fails");
}

TEST(a_scenario_that_fails_anyway_is_said)
{
    static struct lab_scenario bad = COUNTING("bad", LAB_NO_BOUND);

    bad.program.finish = finish_badly;
    bad.least = NULL;
    run(&bad, first_identifier, 2, 1000);
    expect_judgement("bad: fails with every rule in force: always");
}

TEST(a_failure_that_the_bug_is_not_known_for_is_said)
{
    static const enum lab_failure hang[] = {LAB_FAILURE_HANG};
    static const enum lab_failure other[] = {LAB_FAILURE_OTHER};
    static struct lab_scenario known = COUNTING("known", LAB_NO_BOUND);

    known.known = hang;
    run(&known, first_identifier, 2, 1000);
    assert_true(lab_matrix_cell(&matrix, 1, LOCKED)->fails);
    assert_int_equal(lab_matrix_cell(&matrix, 1, LOCKED)->preemptions, 1);
    expect_judgement("known: without LOCKED a hang is known, and not seen: "
                     "increment lost");
    known.known = other;
    run(&known, first_identifier, 2, 1000);
    expect_said(NULL, 0, "");
}

static void finish_as_asked(void *context)
{
    (void)context;
    if (broken == LOCKED)
        lab_fail("always", "fails");
}

/* What the matrix prints of itself. */
static void expect_printed(void (*print)(const struct lab_matrix *, FILE *),
                           const char *wanted, bool is_there)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    print(&matrix, out);
    (void)fclose(out);
    if ((strstr(text, wanted) != NULL) != is_there)
        fail_msg("\"%s\" is %s: %s", wanted, is_there ? "missing" : "there",
                 text);
    free(text);
}

TEST(a_rule_that_needs_no_concurrency_is_sequential)
{
    static const uint8_t none[] = {0};
    static struct lab_scenario plain = COUNTING("plain", LAB_NO_BOUND);

    run(NULL, first_identifier, 1, 1000);
    assert_false(lab_cell_is_sequential(lab_matrix_cell(&matrix, 0, LOCKED)));
    expect_printed(lab_matrix_print, ", sequential", false);
    plain.program.finish = finish_as_asked;
    plain.least = none;
    run(&plain, first_identifier, 1, 1000);
    assert_true(lab_cell_is_sequential(lab_matrix_cell(&matrix, 1, LOCKED)));
    expect_printed(lab_matrix_print, "traces, sequential (complete)", true);
    expect_printed(lab_matrix_print_evidence, "4 of 4, sequential |", true);
    expect_printed(lab_matrix_print_json, "\"sequential\": true", true);
    expect_printed(lab_matrix_print_grid, "LOCKED                         1s",
                   true);
}

static void die(void *context)
{
    (void)context;
    abort();
}

static void leave(void *context)
{
    (void)context;
    _exit(0);
}

TEST(a_scenario_that_does_not_end_is_said)
{
    static struct lab_scenario dies = COUNTING("dies", LAB_NO_BOUND);

    run(NULL, first_identifier, 1, 1);
    expect_said(NULL, SOME, "counting: not explored to its end in 1 ");
    dies.program.setup = die;
    run(&dies, first_identifier, 1, 1000);
    expect_said(NULL, SOME, "dies, every rule in force: the worker");
    dies.program.setup = leave;
    run(&dies, first_identifier, 1, 1000);
    expect_said(NULL, SOME, "dies, every rule in force: the worker");
}

static void hang_without_lock(void *context)
{
    if (holds(LOCKED))
        add_one(context);
    else
        for (;;)
            continue;
}

TEST(a_cell_that_hangs_fails)
{
    static const struct lab_actor hanging[] = {{"add", add_one},
                                               {"hang", hang_without_lock}};
    static struct lab_scenario hangs = COUNTING("hangs", LAB_NO_BOUND);
    const struct lab_cell *cell;

    hangs.program.actors = hanging;
    hangs.least = NULL;
    run(&hangs, first_identifier, 2, 1000);
    expect_said(NULL, 0, "");
    cell = lab_matrix_cell(&matrix, 1, LOCKED);
    assert_int_equal(cell->state, LAB_CELL_DONE);
    assert_true(cell->fails);
    assert_string_equal(cell->what, "endless loop");
}

/* --- what is recorded ------------------------------------------------ */

static char folder[64];

static int record(void **state)
{
    (void)state;
    (void)strcpy(folder, "/tmp/test_lab_matrix.XXXXXX");
    assert_non_null(mkdtemp(folder));
    run(&bounded, first_identifier, 2, 1000);
    return 0;
}

/* A command of the shell in the folder. */
static void in_folder(const char *command)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "cd '%s' && %s", folder, command);
    assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): sed, rm */
}

static int remove_folder(void **state)
{
    (void)state;
    in_folder("rm -r evidence.* races && rmdir \"$PWD\"");
    return 0;
}

TEST_WITH(what_is_not_as_recorded_is_said, record, remove_folder)
{
    static const struct {
        const char *change;
        unsigned lines;
        const char *wanted;
    } cases[] = {
        {":", 0, ""},
        {"sed -i '4s/\"traces\": 4/\"traces\": 5/' evidence.json", 1,
         "scenarios, counting, LOCKED, traces: recorded 5, now 4"},
        {"sed -i '4s/, \"failing\": 2//' evidence.json", 1,
         "counting, LOCKED, failing: not recorded"},
        {"sed -i '4s/{\"fails\"/{\"more\": 1, \"fails\"/' evidence.json", 1,
         "more: recorded 1, now there is none"},
        {"echo nonsense } >evidence.json", 1, "cannot be read"},
        {"sed -i 's/increment/decrement/' races/counting--LOCKED.txt", 1,
         "counting--LOCKED.txt:"},
        {"sed -i 's/Time: .*/Time: long/' evidence.md", 0, ""},
        {"sed -i '/Time: /d' evidence.md", 1, "evidence.md:"},
        {"mv races/counting--LOCKED.txt races/gone--LOCKED.txt", 2,
         "counting--LOCKED.txt: not recorded"},
        {":", 1, "gone--LOCKED.txt: no scenario makes it"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(lab_matrix_record(&matrix, folder));
        in_folder(cases[i].change);
        expect_said(folder, cases[i].lines, cases[i].wanted);
    }
}

/* The order in which processes end changes nothing. */
TEST(any_number_of_processes_says_the_same)
{
    char *texts[2] = {NULL, NULL};
    size_t size;

    for (unsigned i = 0; i < 2; i++) {
        FILE *out = open_memstream(&texts[i], &size);

        run(&bounded, identifier, i == 0 ? 1 : 5, 1000);
        lab_matrix_print_json(&matrix, out);
        (void)fclose(out);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}
