/* SPDX-License-Identifier: MIT */
/* random.h - pseudo-random numbers, the same for the same seed. */
#ifndef ZCACHE_TOOL_SIM_RANDOM_H
#define ZCACHE_TOOL_SIM_RANDOM_H

#include <stdint.h>

struct sim_random {
    uint64_t state;
};

/* The mixing step of splitmix64, by Sebastiano Vigna, public domain: different
 * numbers give different results. */
static inline uint64_t sim_mix(uint64_t number)
{
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

static inline uint64_t sim_random_next(struct sim_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return sim_mix(random->state);
}

/* 0 to limit - 1; limit is not 0. */
static inline uint64_t sim_random_below(struct sim_random *random,
                                        uint64_t limit)
{
    return sim_random_next(random) % limit;
}

/* At least 0 and below 1. */
static inline double sim_random_part(struct sim_random *random)
{
    return (double)(sim_random_next(random) >> 11) / 9007199254740992.0;
}

#endif
