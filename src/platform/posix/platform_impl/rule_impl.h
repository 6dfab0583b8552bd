/* SPDX-License-Identifier: MIT */
/* rule_impl.h - outside the lab every rule holds. */
#ifndef ZC_PLATFORM_RULE_IMPL_H
#define ZC_PLATFORM_RULE_IMPL_H

#include <stdbool.h>

static inline bool zc_rule_holds(enum zc_rule rule)
{
    (void)rule;
    return true;
}

/* No broken form exists. */
#define ZC_BROKEN(...) 0

#endif
