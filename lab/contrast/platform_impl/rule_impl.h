/* SPDX-License-Identifier: MIT */
/* rule_impl.h - rules that can be broken, over the platform of POSIX. */
#include "../../platform/platform_impl/rule_impl.h"
