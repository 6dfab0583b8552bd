/* SPDX-License-Identifier: MIT */
/* list.c - the scenarios over the library. */
#include <stddef.h>

#include "scenarios.h"

extern const struct lab_scenario scenario_double_invalidate;

const struct lab_scenario *const lab_library_scenarios[] = {
    &scenario_double_invalidate,
    NULL,
};
