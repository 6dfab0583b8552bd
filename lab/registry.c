/* SPDX-License-Identifier: MIT */
/* registry.c - every scenario that zcrace knows. */
#include <string.h>

#include "scenario.h"

static const struct lab_scenario *const *const lists[] = {
    lab_library_scenarios,
    lab_toy_scenarios,
};

const struct lab_scenario *lab_scenario_at(unsigned index)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (unsigned j = 0; lists[i][j] != NULL; j++) {
            if (index-- == 0)
                return lists[i][j];
        }
    }
    return NULL;
}

const struct lab_scenario *lab_scenario_find(const char *name)
{
    const struct lab_scenario *scenario;

    for (unsigned i = 0; (scenario = lab_scenario_at(i)) != NULL; i++) {
        if (strcmp(scenario->program.name, name) == 0)
            return scenario;
    }
    return NULL;
}
