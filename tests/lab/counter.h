/* SPDX-License-Identifier: MIT */
/*
 * counter.h - two threads that add to a counter, and rules for it: a scenario
 * that is explored in a moment.  One source of a program includes it.
 */
#ifndef TESTS_LAB_COUNTER_H
#define TESTS_LAB_COUNTER_H

#include <string.h>

#include "engine/scenario.h"

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
    if (rule != broken)
        return true;
    lab_rule_missed(0); /* one is broken at a time */
    return false;
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

static const char *first_identifier(unsigned index)
{
    return index < 1 ? names[index] : NULL;
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

static void finish(void *context)
{
    (void)context;
    if (counter != 2)
        lab_fail("increment lost", "counter is %d", counter);
}

static const struct lab_actor adding[] = {{"add", add_one}, {"add", add_one}};
static const char *const counting_rules[] = {"LOCKED", NULL};
static const uint8_t counting_least[] = {1};

#define COUNTING(its_name, its_bound)                                          \
    {                                                                          \
        .summary = "two additions", .break_rule = break_rule,                  \
        .rules = counting_rules, .bound = (its_bound),                         \
        .least = counting_least, .story = "One addition is lost.",             \
        .origin = "none",                                                      \
        .program = {.name = (its_name),                                        \
                    .setup = setup,                                            \
                    .finish = finish,                                          \
                    .actors = adding,                                          \
                    .actor_count = 2,                                          \
                    .disposable = true},                                       \
    }

#endif
