/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - a histogram of times: 32 steps in each power of two, so that a
 * percentile is at most 3 percent too high.
 */
#ifndef ZCACHE_TOOL_SIM_HISTOGRAM_H
#define ZCACHE_TOOL_SIM_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define SIM_HISTOGRAM_STEPS 32u
#define SIM_HISTOGRAM_CELLS ((size_t)60 * SIM_HISTOGRAM_STEPS)

struct sim_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t most;
    uint64_t cells[SIM_HISTOGRAM_CELLS];
};

void sim_histogram_add(struct sim_histogram *histogram, uint64_t nanoseconds);
void sim_histogram_merge(struct sim_histogram *into,
                         const struct sim_histogram *from);

/* The number that `thousandths` of 100000 numbers do not exceed; 0 if empty. */
uint64_t sim_histogram_percentile(const struct sim_histogram *histogram,
                                  uint64_t thousandths);

#endif
