/* SPDX-License-Identifier: MIT */
/* access.h - the page that a thread uses next, and whether it writes. */
#ifndef ZCACHE_TOOL_SIM_ACCESS_H
#define ZCACHE_TOOL_SIM_ACCESS_H

#include "sim/random.h"
#include "sim/trace.h"

struct sim_access {
    uint64_t space;
    uint64_t page; /* of the space */
    bool is_write;
};

/* Zipf's law over ranks 1 to `count`, sampled without tables. */
struct sim_zipf {
    double skew;
    double count;
    double integral_first; /* of 1.5, less 1 */
    double integral_last;  /* of count + 0.5 */
    double threshold;
};

struct sim_zipf sim_zipf_make(uint64_t count, double skew);
/* 0 to count - 1, 0 being the most frequent. */
uint64_t sim_zipf_draw(const struct sim_zipf *zipf, struct sim_random *random);

/* A thread's place in a pattern. */
struct sim_pattern {
    const struct sim_config *config;
    const struct sim_trace *trace; /* NULL: none */
    struct sim_random random;
    uint64_t thread;
    uint64_t thread_count;
    uint64_t space_count;
    uint64_t space_pages;
    uint64_t step; /* accesses so far */

    struct sim_zipf zipf;
    uint64_t stride; /* between ranks, so that hot pages are not neighbours */
    uint64_t phase_first;
    uint64_t phase_pages;
};

void sim_pattern_begin(struct sim_pattern *pattern);

/* False: the trace has ended, and is not repeated. */
bool sim_pattern_next(struct sim_pattern *pattern, struct sim_access *access);

#endif
