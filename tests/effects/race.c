/* SPDX-License-Identifier: MIT */
/*
 * race.c - zcrace over the toys, and two scenarios for its matrix, so that the
 * options which concern the whole matrix can be tried in a moment.
 */
#include "cli/zcrace.h"
#include "lab/counter.h"

static const char *sentence(unsigned index)
{
    (void)index;
    return "the counter is changed under its lock";
}

/* Two, so that two processes have something to do. */
static const struct lab_scenario counting = COUNTING("counting", LAB_NO_BOUND);
static const struct lab_scenario again =
    COUNTING("counting-again", LAB_NO_BOUND);

static const struct lab_scenario *const scenarios[] = {&counting, &again, NULL};
static const struct lab_rule_book book = {first_identifier, sentence, was_asked,
                                          forget};

int main(int argc, char **argv)
{
    lab_registry_set(scenarios, lab_toy_scenarios);
    zcrace_set_matrix(scenarios, &book);
    return zcrace_main(argc, argv);
}
