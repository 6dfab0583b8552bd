/* SPDX-License-Identifier: MIT */
/*
 * race.c - zcrace over the toys, and two scenarios for its matrix, so that the
 * options which concern the whole matrix can be tried in a moment.
 */
#include <string.h>

#include "cli/zcrace.h"

static bool is_locked = true;
static bool was_asked;
static int counter;
static int lock;

static bool break_rule(const char *rule)
{
    is_locked = rule == NULL;
    return rule == NULL || strcmp(rule, "LOCKED") == 0;
}

static const char *identifier(unsigned index)
{
    return index == 0 ? "LOCKED" : NULL;
}

static const char *sentence(unsigned index)
{
    (void)index;
    return "the counter is changed under its lock";
}

static bool rule_was_asked(const char *rule)
{
    (void)rule;
    return was_asked;
}

static void forget(void)
{
    was_asked = false;
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
    int seen;

    (void)context;
    was_asked = true;
    if (is_locked)
        lab_lock(&lock, LAB_SITE("spin_lock"));
    lab_step(LAB_READ, &counter, LAB_SITE("load"));
    seen = counter;
    lab_step(LAB_WRITE, &counter, LAB_SITE("store"));
    counter = seen + 1;
    if (is_locked)
        lab_unlock(&lock, LAB_SITE("spin_unlock"));
}

static void finish(void *context)
{
    (void)context;
    if (counter != 2)
        lab_fail("increment lost", "counter is %d", counter);
}

static const struct lab_actor actors[] = {{"add", add_one}, {"add", add_one}};
static const char *const rules[] = {"LOCKED", NULL};
static const uint8_t least[] = {1};

#define SCENARIO(its_name)                                                     \
    {                                                                          \
        .summary = "two additions",                                            \
        .program = {.name = (its_name),                                        \
                    .setup = setup,                                            \
                    .finish = finish,                                          \
                    .actors = actors,                                          \
                    .actor_count = 2,                                          \
                    .disposable = true},                                       \
        .break_rule = break_rule, .rules = rules, .bound = LAB_NO_BOUND,       \
        .story = "One addition is lost.", .origin = "none", .least = least,    \
    }

/* Two, so that two processes have something to do. */
static const struct lab_scenario counting = SCENARIO("counting");
static const struct lab_scenario again = SCENARIO("counting-again");

static const struct lab_scenario *const scenarios[] = {&counting, &again, NULL};
static const struct lab_rule_book book = {identifier, sentence, rule_was_asked,
                                          forget};

int main(int argc, char **argv)
{
    lab_registry_set(scenarios, lab_toy_scenarios);
    zcrace_set_matrix(scenarios, &book);
    return zcrace_main(argc, argv);
}
