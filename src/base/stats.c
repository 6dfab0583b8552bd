/* SPDX-License-Identifier: MIT */
/* stats.c - summing the stripes of stats.h. */
#include "base/stats.h"

uint64_t zc_stats_sum(const struct zc_stats *stats, enum zc_stat stat)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < ZC_STATS_STRIPES; i++)
        sum += zc_counter_read(&stats->stripes[i].counters[stat]);
    return sum;
}

uint64_t zc_striped_sum(const struct zc_striped *striped)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < ZC_STATS_STRIPES; i++)
        sum += zc_counter_read(&striped->stripes[i].part);
    return sum > INT64_MAX ? 0 : sum;
}
