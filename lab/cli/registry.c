/* SPDX-License-Identifier: MIT */
/* registry.c - every scenario that zcrace knows. */
#include <string.h>

#include "engine/scenario.h"

#define LISTS 2

static const struct lab_scenario *const *lists[LISTS];

void lab_registry_set(const struct lab_scenario *const *first,
                      const struct lab_scenario *const *second)
{
    lists[0] = first;
    lists[1] = second;
}

const struct lab_scenario *lab_scenario_at(unsigned index)
{
    for (size_t i = 0; i < LISTS && lists[i] != NULL; i++) {
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
