/* SPDX-License-Identifier: MIT */
/* processor.h - processors and time. */
#ifndef ZC_PLATFORM_PROCESSOR_H
#define ZC_PLATFORM_PROCESSOR_H

#include <stdint.h>

/* Processors that can run at once, at least 1. */
unsigned zc_processor_count(void);

/*
 * A number that is mostly the same on one processor and mostly different on
 * two: a hint for choosing one of several equal things.  Any value is correct.
 */
unsigned zc_processor_current(void);

/* Monotonic time in nanoseconds. */
uint64_t zc_clock_ns(void);

/* Monotonic time in seconds, cheap and coarse: for ages. */
uint32_t zc_clock_seconds(void);

#if defined(ZC_TESTING) && ZC_TESTING
/* Makes zc_clock_seconds() jump forward, for good. */
void zc_clock_advance(uint32_t seconds);
#endif

#endif
