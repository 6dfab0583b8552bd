/* SPDX-License-Identifier: MIT */
/* scenario.c - what a scenario says of a rule. */
#include "scenario.h"

#include <stddef.h>
#include <string.h>

const char *lab_program_name = "zcrace";

int lab_scenario_lists(const struct lab_scenario *scenario, const char *rule)
{
    for (int i = 0; rule != NULL && scenario->rules[i] != NULL; i++) {
        if (strcmp(scenario->rules[i], rule) == 0)
            return i;
    }
    return -1;
}

enum lab_failure lab_scenario_known(const struct lab_scenario *scenario,
                                    const char *rule)
{
    const int at = lab_scenario_lists(scenario, rule);

    return at < 0 || scenario->known == NULL ? LAB_FAILURE_NONE
                                             : scenario->known[at];
}
