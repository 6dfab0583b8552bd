/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - times of single operations, to within 1/16 of their size.
 *
 * Log-linear: 16 buckets for each power of two, so that a minute of operations
 * fits in 8 KiB and two histograms can be added.
 */
#ifndef ZCACHE_BENCH_HISTOGRAM_H
#define ZCACHE_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 16u
#define HISTOGRAM_BUCKETS (64 * HISTOGRAM_STEPS)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum;
    uint64_t max;
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The quantile of a fraction from 0 to 1; 0 if empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double part);

double histogram_mean(const struct histogram *histogram);

#endif
