/* SPDX-License-Identifier: MIT */
/* none.c - no scenarios over the library, where it is not in the lab. */
#include <stddef.h>

#include "scenario.h"

const struct lab_scenario *const lab_library_scenarios[] = {NULL};
