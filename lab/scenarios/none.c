/* SPDX-License-Identifier: MIT */
/* none.c - the empty list, for a build of the lab without the library. */
#include <stddef.h>

#include "engine/scenario.h"

const struct lab_scenario *const lab_library_scenarios[] = {NULL};

static const char *no_rule(unsigned index)
{
    (void)index;
    return NULL;
}

static bool was_not_asked(const char *identifier)
{
    (void)identifier;
    return false;
}

static void forget_nothing(void)
{
}

const struct lab_rule_book lab_library_rules = {
    .identifier = no_rule,
    .sentence = no_rule,
    .was_asked = was_not_asked,
    .forget = forget_nothing,
};
