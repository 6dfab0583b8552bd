/* SPDX-License-Identifier: MIT */
/*
 * test_lab_sites.c - acquisitions switched off, one at a time: what fails
 * without them, and what does not.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mkstemp(), open_memstream() */
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support_test.h"

#include "report/sites.h"
#include "sites_code.h"
#include "world.h"

static void finish_two(void)
{
    sites_check_two();
    sites_free();
}

static void finish(void)
{
    sites_free();
}

static const struct world_case own = {.setup = sites_make, .finish = finish};
static const struct world_case adds = {.setup = sites_make,
                                       .finish = finish_two};
static const char *const no_rules[] = {NULL};

static struct lab_site_table table;

/* Switches off each site of one || two. */
static void switch_off(const struct world_case *around, void (*one)(void *),
                       void (*two)(void *))
{
    const struct lab_actor actors[] = {{"one", one}, {"two", two}};
    const struct lab_scenario scenario = {
        .program = {WORLD_PROGRAM("sites", actors, around)},
        .break_rule = world_break,
        .rules = no_rules,
        .bound = LAB_NO_BOUND,
    };
    const struct lab_scenario *const scenarios[] = {&scenario, NULL};
    const struct lab_sites_plan plan = {.scenarios = scenarios, .jobs = 1};

    lab_sites_free(&table);
    assert_true(lab_sites_run(&table, &plan));
    table.plan = NULL;
}

/* What comes of the site of this name. */
static enum lab_site_state state_of(const char *name)
{
    for (unsigned i = 0; i < table.count; i++) {
        if (strcmp(table.rows[i].name, name) == 0)
            return table.rows[i].state;
    }
    for (unsigned i = 0; i < table.count; i++)
        print_message("there is: %s\n", table.rows[i].name);
    fail_msg("no site %s", name);
    return LAB_SITE_WAITS;
}

static void expect(const char *name, enum lab_site_state state)
{
    const enum lab_site_state found = state_of(name);

    if (found != state)
        fail_msg("%s: %s, not %s", name, lab_site_state_name(found),
                 lab_site_state_name(state));
}

TEST(a_lock_that_is_needed_is_proved)
{
    switch_off(&adds, sites_add, sites_add);
    assert_int_equal(table.count, 1);
    expect("lock sites_add", LAB_SITE_PROVED);
    assert_int_equal(table.rows[0].preemptions, 1);
    assert_string_equal(table.rows[0].what, "free list broken");
}

TEST(a_lock_within_another_survives)
{
    switch_off(&adds, sites_add_twice_locked, sites_add);
    expect("lock sites_add_twice_locked", LAB_SITE_PROVED);
    expect("lock sites_add_twice_locked #2", LAB_SITE_SURVIVES);
}

TEST(each_call_of_a_wrapper_is_a_site)
{
    switch_off(&adds, sites_add_by_needless_call, sites_add);
    assert_int_equal(table.count, 3);
    expect("lock take_lock < sites_add_by_call", LAB_SITE_PROVED);
    expect("lock take_lock < sites_add_by_needless_call", LAB_SITE_SURVIVES);
}

/* Without a preemption the waiter sleeps and is woken as before. */
TEST(a_wait_in_a_lock_that_is_not_taken_sleeps_and_wakes)
{
    switch_off(&own, sites_wait, sites_signal);
    expect("lock sites_wait", LAB_SITE_PROVED);
    expect("lock sites_signal", LAB_SITE_PROVED);
    assert_string_equal(table.rows[0].what, "lost wake-up");
    assert_string_equal(table.rows[1].what, "lost wake-up");
}

/* If the put were made, the count would be wrong without a preemption. */
TEST(a_get_that_is_not_made_has_no_put)
{
    switch_off(&own, sites_use, sites_unlink);
    expect("get sites_use", LAB_SITE_PROVED);
    expect("lock sites_use", LAB_SITE_PROVED);
    assert_string_equal(table.rows[0].what, "use after free");
}

TEST(a_try_that_is_always_in_vain_is_silent)
{
    switch_off(&own, sites_try_to_add, sites_try_to_add);
    expect("busy sites_try_to_add", LAB_SITE_SILENT);
    expect("trylock sites_try_to_add", LAB_SITE_PROVED);
}

TEST(a_try_that_must_succeed_is_not_silent)
{
    switch_off(&own, sites_must_add, sites_write);
    expect("busy sites_must_add", LAB_SITE_LOUD);
}

TEST(an_exchange_in_two_steps_loses_a_change)
{
    switch_off(&adds, sites_exchange, sites_exchange);
    expect("exchange sites_exchange", LAB_SITE_PROVED);
}

TEST(a_recheck_that_returns_what_was_seen_before_is_proved)
{
    switch_off(&own, sites_take_if_free, sites_take_if_free);
    expect("recheck sites_take_if_free", LAB_SITE_PROVED);
}

static void expect_no_recheck(void)
{
    for (unsigned i = 0; i < table.count; i++)
        assert_int_not_equal(table.rows[i].place.kind, LAB_SITE_RECHECK);
}

TEST(a_look_that_an_exchange_follows_is_no_recheck)
{
    switch_off(&adds, sites_exchange_locked, sites_exchange);
    expect("exchange sites_exchange_locked", LAB_SITE_PROVED);
    expect_no_recheck();
}

TEST(an_exchange_in_vain_is_a_look)
{
    switch_off(&own, sites_exchange_once, sites_exchange_once);
    expect("lock sites_exchange_once", LAB_SITE_SURVIVES);
    expect_no_recheck();
}

TEST(what_only_the_race_detector_sees_is_told_apart)
{
    switch_off(&own, sites_write, sites_read);
    expect("lock sites_write", LAB_SITE_DETECTED);
    expect("lock sites_read", LAB_SITE_DETECTED);
}

TEST(what_fails_without_a_preemption_is_told_apart)
{
    switch_off(&own, sites_hold, sites_meet_holder);
    expect("trylock sites_meet_holder", LAB_SITE_SEQUENTIAL);
}

/* A thread sees the bit that it did not take, so that its own checks hold. */
TEST(a_bit_lock_that_is_not_taken_looks_taken)
{
    switch_off(&adds, sites_bit_add, sites_bit_add);
    expect("lock sites_bit_add", LAB_SITE_PROVED);
    assert_string_equal(table.rows[0].what, "free list broken");
}

/* How many lines are said of the table, compared with a list of this text. */
static unsigned judge(const char *text, const char *said)
{
    char path[] = "/tmp/lab-sites-XXXXXX";
    const int file = mkstemp(path);
    char *out_text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&out_text, &size);
    unsigned wrong;

    assert_true(file >= 0 && out != NULL);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(file);
    wrong = lab_sites_judge(&table, path, out);
    (void)fclose(out);
    (void)unlink(path);
    assert_non_null(strstr(out_text, said));
    free(out_text);
    return wrong;
}

TEST(a_survivor_must_be_listed_and_nothing_else)
{
    static const char survivor[] =
        "# why\nlock sites_add_twice_locked #2: redundant, by the outer lock\n";

    switch_off(&adds, sites_add_twice_locked, sites_add);
    assert_int_equal(judge(survivor, ""), 0);
    assert_int_equal(judge("", "lock sites_add_twice_locked #2, "), 1);
    assert_int_equal(judge("lock sites_add: no reason\n"
                           "lock sites_add_twice_locked #2: redundant\n",
                           "listed, and proved"),
                     1);
    assert_int_equal(judge("lock sites_add_twice_locked #2: redundant\n"
                           "lock gone: redundant\n",
                           "listed, and not there"),
                     1);
    assert_int_not_equal(lab_sites_judge(&table, "no/such/list", stderr), 0);
}

TEST(a_new_list_keeps_the_reasons)
{
    char path[] = "/tmp/lab-sites-XXXXXX";
    const int file = mkstemp(path);
    char text[512] = "";
    FILE *list;

    assert_true(file >= 0);
    list = fdopen(file, "w");
    assert_non_null(list);
    (void)fputs("# why\n"
                "lock gone: redundant\n"
                "lock sites_read: redundant\n",
                list);
    (void)fclose(list);
    switch_off(&adds, sites_add_twice_locked, sites_add);
    assert_true(lab_sites_record(&table, path));
    list = fopen(path, "r");
    assert_non_null(list);
    assert_true(fread(text, 1, sizeof(text) - 1, list) > 0);
    (void)fclose(list);
    assert_string_equal(text, "# why\nlock sites_add_twice_locked #2: open\n");
    assert_int_equal(lab_sites_judge(&table, path, stderr), 0);
    (void)unlink(path);
}
