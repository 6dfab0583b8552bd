/* SPDX-License-Identifier: MIT */
/* scenarios.h - the scenarios over the library, a file each. */
#ifndef LAB_SCENARIOS_H
#define LAB_SCENARIOS_H

#include "scenario.h"

/* A list that ends with NULL. */
extern const struct lab_scenario *const lab_library_scenarios[];

#endif
