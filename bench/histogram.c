/* SPDX-License-Identifier: MIT */
/* histogram.c - see histogram.h. */
#include "histogram.h"

#include <math.h>

static unsigned bucket_of(uint64_t value)
{
    unsigned power = 0;

    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    while (value >> power >= UINT64_C(2) * HISTOGRAM_STEPS)
        power++;
    return (power + 1) * HISTOGRAM_STEPS +
           (unsigned)(value >> power) % HISTOGRAM_STEPS;
}

/* The largest value of a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    unsigned power;

    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    power = bucket / HISTOGRAM_STEPS - 1;
    return ((uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS + 1)
            << power) -
           1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_quantile(const struct histogram *histogram, double part)
{
    uint64_t wanted = (uint64_t)ceil(part * (double)histogram->count);
    uint64_t seen = 0;
    unsigned i;

    for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted && seen != 0)
            return bucket_end(i) < histogram->max ? bucket_end(i)
                                                  : histogram->max;
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    if (histogram->count == 0)
        return 0;
    return (double)histogram->sum / (double)histogram->count;
}
