/* SPDX-License-Identifier: MIT */
/*
 * test_lab_matrix.c - the matrix of rules and scenarios, on scenarios made for
 * it: what it counts, what it finds wrong, and what it compares.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* open_memstream(), mkdtemp() */
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/matrix.h"

/* --- a counter, and rules for it ------------------------------------- */

enum {
    LOCKED, /* the counter is changed under its lock */
    ASKED,  /* asked for, and nothing hangs on it */
    UNASKED,
    RULES
};

static const char *const names[] = {"LOCKED", "ASKED", "UNASKED", NULL};

static bool asked[RULES];
static int broken = -1;
static int counter;
static int lock;

static bool holds(int rule)
{
    asked[rule] = true;
    return rule != broken;
}

static bool break_rule(const char *rule)
{
    broken = -1;
    for (int i = 0; rule != NULL && i < RULES; i++) {
        if (strcmp(names[i], rule) == 0)
            broken = i;
    }
    return rule == NULL || broken >= 0;
}

static const char *identifier(unsigned index)
{
    return index < RULES ? names[index] : NULL;
}

static const char *first_identifier(unsigned index)
{
    return index < 1 ? names[index] : NULL;
}

static const char *two_identifiers(unsigned index)
{
    return index < 2 ? names[index] : NULL;
}

static bool was_asked(const char *rule)
{
    for (int i = 0; i < RULES; i++) {
        if (strcmp(names[i], rule) == 0)
            return asked[i];
    }
    return false;
}

static void forget(void)
{
    memset(asked, 0, sizeof(asked));
}

static void setup(void *context)
{
    (void)context;
    counter = 0;
    (void)lab_object(&lock, "lock", -1, -1);
    (void)lab_object(&counter, "counter", -1, -1);
}

static void add_one(void *context)
{
    bool locked = holds(LOCKED);
    int seen;

    (void)context;
    (void)holds(ASKED);
    if (locked)
        lab_lock(&lock, LAB_SITE("spin_lock"));
    lab_step(LAB_READ, &counter, LAB_SITE("load"));
    seen = counter;
    lab_step(LAB_WRITE, &counter, LAB_SITE("store"));
    counter = seen + 1;
    if (locked)
        lab_unlock(&lock, LAB_SITE("spin_unlock"));
}

static void look(void *context)
{
    (void)context;
    (void)holds(ASKED);
    lab_step(LAB_READ, &counter, LAB_SITE("load"));
}

static void finish(void *context)
{
    (void)context;
    if (counter != 2)
        lab_fail("increment lost", "counter is %d", counter);
}

static const struct lab_actor adding[] = {{"add", add_one}, {"add", add_one}};
static const struct lab_actor looking[] = {{"look", look}, {"look", look}};
static const char *const counting_rules[] = {"LOCKED", NULL};
static const uint8_t counting_least[] = {1};
static const uint8_t wrong_least[] = {2};
static const char *const no_rules[] = {NULL};
static const char *const idle_rules[] = {"ASKED", NULL};
static const char *const unknown_rules[] = {"LOCKED", "LOKCED", NULL};

#define COUNTING                                                               \
    .summary = "two additions", .break_rule = break_rule,                      \
    .rules = counting_rules, .bound = LAB_NO_BOUND, .least = counting_least,   \
    .program = {.name = "counting",                                            \
                .setup = setup,                                                \
                .finish = finish,                                              \
                .actors = adding,                                              \
                .actor_count = 2,                                              \
                .disposable = true}

static const struct lab_scenario counting = {COUNTING};
static const struct lab_scenario bounded = {
    .summary = "two additions, up to a bound",
    .break_rule = break_rule,
    .rules = counting_rules,
    .bound = 2,
    .least = counting_least,
    .program = {.name = "bounded",
                .setup = setup,
                .finish = finish,
                .actors = adding,
                .actor_count = 2,
                .disposable = true},
};

/* --- a matrix of them ------------------------------------------------ */

static struct lab_rule_book book = {
    .identifier = identifier,
    .sentence = identifier,
    .was_asked = was_asked,
    .forget = forget,
};

static struct lab_matrix matrix;

static void run(const struct lab_scenario *const *scenarios,
                const char *(*rules)(unsigned), unsigned jobs,
                uint64_t executions)
{
    static struct lab_matrix_plan plan;

    lab_matrix_free(&matrix);
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

/* What is said is in *text_out, to be freed; how many lines of it. */
static unsigned judged(char **text_out)
{
    size_t size = 0;
    FILE *out = open_memstream(text_out, &size);
    unsigned wrong = lab_matrix_judge(&matrix, out);

    (void)fclose(out);
    return wrong;
}

static void expect_judgement(const char *wanted)
{
    char *text = NULL;

    assert_int_equal(judged(&text), 1);
    if (strstr(text, wanted) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, wanted);
    free(text);
}

static void test_cells(void **state)
{
    static const struct lab_scenario *const list[] = {&counting, &bounded,
                                                      NULL};
    const struct lab_cell *cell;

    (void)state;
    run(list, identifier, 2, 1000);
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

static void test_right_matrix(void **state)
{
    static const struct lab_scenario *const list[] = {&counting, NULL};
    char *text = NULL;

    (void)state;
    run(list, first_identifier, 2, 1000);
    assert_int_equal(judged(&text), 0);
    assert_string_equal(text, "");
    free(text);
}

static void test_rule_that_nobody_needs(void **state)
{
    static const struct lab_scenario *const list[] = {&counting, NULL};

    (void)state;
    run(list, two_identifiers, 1, 1000);
    expect_judgement("ASKED: no scenario needs it");
}

static void test_scenario_that_nothing_fails(void **state)
{
    static const struct lab_scenario idle = {
        .summary = "two looks",
        .break_rule = break_rule,
        .rules = no_rules,
        .bound = LAB_NO_BOUND,
        .program = {.name = "idle",
                    .setup = setup,
                    .actors = looking,
                    .actor_count = 2,
                    .disposable = true},
    };
    static const struct lab_scenario *const list[] = {&counting, &idle, NULL};

    (void)state;
    run(list, first_identifier, 2, 1000);
    expect_judgement("idle: no broken rule fails here");
}

static void test_scenario_that_says_what_is_not_so(void **state)
{
    static struct lab_scenario lies = {COUNTING};
    static const struct lab_scenario *const list[] = {&counting, &lies, NULL};

    (void)state;
    lies.program.name = "lies";
    lies.least = wrong_least;
    run(list, first_identifier, 2, 1000);
    expect_judgement("lies: fails without LOCKED at 1 preemptions, not 2");
    lies.least = NULL;
    lies.rules = unknown_rules;
    run(list, first_identifier, 2, 1000);
    expect_judgement("lies: lists LOKCED, which is no rule");
    lies.rules = idle_rules;
    book.identifier = two_identifiers;
    run(list, two_identifiers, 2, 1000);
    /* and ASKED is needed by none */
    {
        char *text = NULL;

        assert_int_equal(judged(&text), 2);
        assert_non_null(strstr(text, "lies: does not fail without ASKED"));
        free(text);
    }
}

static void finish_badly(void *context)
{
    (void)context;
    lab_fail("always", "fails");
}

static void test_scenario_that_fails_anyway(void **state)
{
    static struct lab_scenario bad = {COUNTING};
    static const struct lab_scenario *const list[] = {&counting, &bad, NULL};

    (void)state;
    bad.program.name = "bad";
    bad.program.finish = finish_badly;
    bad.least = NULL;
    run(list, first_identifier, 2, 1000);
    expect_judgement("bad: fails with every rule in force: always");
}

static void die(void *context)
{
    (void)context;
    abort();
}

static void test_scenarios_that_do_not_end(void **state)
{
    static struct lab_scenario dies = {COUNTING};
    static const struct lab_scenario *const one[] = {&counting, NULL};
    static const struct lab_scenario *const list[] = {&counting, &dies, NULL};
    char *text = NULL;

    (void)state;
    run(one, first_identifier, 1, 1);
    assert_true(judged(&text) > 0);
    assert_non_null(strstr(text, "counting: not explored to its end in 1 "));
    free(text);
    dies.program.name = "dies";
    dies.program.setup = die;
    run(list, first_identifier, 1, 1000);
    assert_true(judged(&text) > 0);
    assert_non_null(strstr(text, "dies, every rule in force: the worker"));
    free(text);
}

/* --- what is recorded ------------------------------------------------ */

static const struct lab_scenario *const both[] = {&counting, &bounded, NULL};

static unsigned checked(const char *folder, char **text_out)
{
    size_t size = 0;
    FILE *out = open_memstream(text_out, &size);
    unsigned different = lab_matrix_check(&matrix, folder, out);

    (void)fclose(out);
    return different;
}

static void expect_difference(const char *folder, const char *wanted)
{
    char *text = NULL;

    assert_int_equal(checked(folder, &text), 1);
    if (strstr(text, wanted) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, wanted);
    free(text);
}

/* A command of the shell in the folder. */
static void in_folder(const char *folder, const char *command)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "cd '%s' && %s", folder, command);
    assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): sed, rm */
}

static void test_recorded_figures(void **state)
{
    char folder[] = "/tmp/test_lab_matrix.XXXXXX";
    char *text = NULL;

    (void)state;
    assert_non_null(mkdtemp(folder));
    run(both, first_identifier, 2, 1000);
    assert_true(lab_matrix_record(&matrix, folder));
    assert_int_equal(checked(folder, &text), 0);
    assert_string_equal(text, "");
    free(text);

    in_folder(folder, "sed -i '4s/\"traces\": 4/\"traces\": 5/' "
                      "evidence.json");
    expect_difference(folder, "scenarios, counting, LOCKED, traces: recorded "
                              "5, now 4");
    assert_true(lab_matrix_record(&matrix, folder));
    in_folder(folder, "sed -i '4s/, \"failing\": 2//' evidence.json");
    expect_difference(folder, "counting, LOCKED, failing: not recorded");
    assert_true(lab_matrix_record(&matrix, folder));
    in_folder(folder, "sed -i '4s/{\"fails\"/{\"more\": 1, \"fails\"/' "
                      "evidence.json");
    expect_difference(folder, "more: recorded 1, now there is none");
    in_folder(folder, "echo nonsense } >evidence.json");
    expect_difference(folder, "cannot be read");
    in_folder(folder, "rm -r evidence.* races && rmdir \"$PWD\"");
}

static void test_recorded_pages(void **state)
{
    char folder[] = "/tmp/test_lab_matrix.XXXXXX";
    char *text = NULL;

    (void)state;
    assert_non_null(mkdtemp(folder));
    run(both, first_identifier, 2, 1000);
    assert_true(lab_matrix_record(&matrix, folder));
    in_folder(folder, "sed -i 's/increment/decrement/' "
                      "races/counting--LOCKED.txt");
    expect_difference(folder, "counting--LOCKED.txt:");
    assert_true(lab_matrix_record(&matrix, folder));
    in_folder(folder, "sed -i 's/Time: .*/Time: long/' evidence.md");
    assert_int_equal(checked(folder, &text), 0);
    free(text);
    in_folder(folder, "sed -i '/Time: /d' evidence.md");
    expect_difference(folder, "evidence.md:");
    assert_true(lab_matrix_record(&matrix, folder));
    in_folder(folder, "mv races/counting--LOCKED.txt races/gone--LOCKED.txt");
    assert_int_equal(checked(folder, &text), 2);
    assert_non_null(strstr(text, "counting--LOCKED.txt: not recorded"));
    assert_non_null(strstr(text, "gone--LOCKED.txt: no scenario makes it"));
    free(text);
    in_folder(folder, "rm -r evidence.* races && rmdir \"$PWD\"");
}

/* The order in which processes end changes nothing. */
static void test_any_number_of_processes(void **state)
{
    char *texts[2] = {NULL, NULL};
    size_t size;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        FILE *out = open_memstream(&texts[i], &size);

        run(both, identifier, i == 0 ? 1 : 5, 1000);
        lab_matrix_print_json(&matrix, out);
        (void)fclose(out);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_right_matrix),
        cmocka_unit_test(test_rule_that_nobody_needs),
        cmocka_unit_test(test_scenario_that_nothing_fails),
        cmocka_unit_test(test_scenario_that_says_what_is_not_so),
        cmocka_unit_test(test_scenario_that_fails_anyway),
        cmocka_unit_test(test_scenarios_that_do_not_end),
        cmocka_unit_test(test_recorded_figures),
        cmocka_unit_test(test_recorded_pages),
        cmocka_unit_test(test_any_number_of_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
