/* SPDX-License-Identifier: MIT */
/* rule_impl.h - in the lab a rule is a switch. */
#ifndef ZC_PLATFORM_RULE_IMPL_H
#define ZC_PLATFORM_RULE_IMPL_H

#include <stdbool.h>

#include "broken/broken.h"

/* False while the rule is broken; notes that the rule was evaluated. */
bool zc_rule_holds(enum zc_rule rule);

/* A call of a function of broken/broken.h, without its prefix. */
#define ZC_BROKEN(...) lab_broken_##__VA_ARGS__

#endif
