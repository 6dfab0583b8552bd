/* SPDX-License-Identifier: MIT */
/* list.c - the list of scenarios over the library. */
#include <stddef.h>

#include "lab_platform.h"
#include "scenarios.h"

const struct lab_rule_book lab_library_rules = {
    .identifier = lab_rule_name,
    .sentence = lab_rule_sentence,
    .was_asked = lab_rule_was_asked,
    .forget = lab_rules_forget,
};

#define ADDRESS(name) &scenario_##name,

const struct lab_scenario *const lab_library_scenarios[] = {
    LAB_LIBRARY_SCENARIOS(ADDRESS) NULL,
};
