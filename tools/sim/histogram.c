/* SPDX-License-Identifier: MIT */
/* histogram.c - a histogram of times. */
#include "sim/histogram.h"

#include <stddef.h>

#define STEPS SIM_HISTOGRAM_STEPS
#define STEP_BITS 5u

static unsigned highest_bit(uint64_t number)
{
    unsigned bit = 0;

    for (unsigned half = 32; half != 0; half /= 2) {
        if (number >> half != 0) {
            number >>= half;
            bit += half;
        }
    }
    return bit;
}

/* Numbers below STEPS have a cell each; then STEPS cells per power of two. */
static size_t cell_of(uint64_t number)
{
    unsigned shift;

    if (number < STEPS)
        return (size_t)number;
    shift = highest_bit(number) - STEP_BITS;
    return (size_t)(shift + 1) * STEPS + (size_t)(number >> shift) % STEPS;
}

/* The largest number of a cell. */
static uint64_t top_of(size_t cell)
{
    unsigned shift;

    if (cell < STEPS)
        return cell;
    shift = (unsigned)(cell / STEPS) - 1;
    return ((STEPS + cell % STEPS + UINT64_C(1)) << shift) - 1;
}

void sim_histogram_add(struct sim_histogram *histogram, uint64_t nanoseconds)
{
    histogram->count++;
    histogram->sum += nanoseconds;
    if (nanoseconds > histogram->most)
        histogram->most = nanoseconds;
    histogram->cells[cell_of(nanoseconds)]++;
}

void sim_histogram_merge(struct sim_histogram *into,
                         const struct sim_histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->most > into->most)
        into->most = from->most;
    for (size_t i = 0; i < SIM_HISTOGRAM_CELLS; i++)
        into->cells[i] += from->cells[i];
}

uint64_t sim_histogram_percentile(const struct sim_histogram *histogram,
                                  uint64_t thousandths)
{
    /* Rounded up: the p50 of one number is that number. */
    const double wanted = (double)histogram->count * (double)thousandths /
                          100000.0;
    uint64_t seen = 0;

    for (size_t i = 0; i < SIM_HISTOGRAM_CELLS && histogram->count != 0; i++) {
        seen += histogram->cells[i];
        if ((double)seen >= wanted && seen != 0)
            return top_of(i) < histogram->most ? top_of(i) : histogram->most;
    }
    return histogram->most;
}
