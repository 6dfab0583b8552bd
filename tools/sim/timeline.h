/* SPDX-License-Identifier: MIT */
/* timeline.h - samples of the machine over time. */
#ifndef ZCACHE_TOOL_SIM_TIMELINE_H
#define ZCACHE_TOOL_SIM_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sim_ages;
struct sim_config;
struct sim_world;

struct sim_sample {
    uint64_t time_ns; /* since the accesses began */
    uint64_t ops;
    uint64_t faults;
    uint64_t stored_pages;
    uint64_t pool_bytes;
    uint64_t limit_bytes; /* of the pool; 0: none */
    uint64_t payload_bytes;
    uint64_t frames_free;
    uint64_t zswpout;
    uint64_t zswpin;
    uint64_t zswpwb;
    uint64_t disk_swapins;
    uint64_t refused;  /* stores that compressed memory did not take */
    uint64_t pool_age; /* means, of sim/ages.h */
    uint64_t device_age;
};

#define SIM_SAMPLES_MOST 4096

struct sim_timeline {
    uint64_t interval_ns;
    uint64_t next_ns;
    struct sim_sample before; /* the sums when the accesses began */
    struct sim_sample *samples;
    size_t count;
    size_t capacity;
};

/*
 * Adds a sample if it is time for one; the interval doubles when there are
 * many.  Sums count from the first sample on.
 */
void sim_timeline_step(struct sim_timeline *timeline,
                       const struct sim_world *world,
                       const struct sim_ages *ages, uint64_t time_ns,
                       uint64_t ops, uint64_t faults);
void sim_timeline_free(struct sim_timeline *timeline);

void sim_timeline_print_csv(const struct sim_timeline *timeline, FILE *file);
/* False, and an error shown. */
bool sim_timeline_plot(const struct sim_timeline *timeline,
                       const struct sim_config *config, const char *path);

#endif
