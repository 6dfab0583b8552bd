/* SPDX-License-Identifier: MIT */
/* sweep.h - the grid of a sweep: every combination of the values of lists.
 */
#ifndef ZCACHE_TOOL_SIM_SWEEP_H
#define ZCACHE_TOOL_SIM_SWEEP_H

#include <sys/types.h>

#include "sim/sim.h"

#define SIM_RUNS_MOST 100000

/* The values of one parameter. */
struct sim_list {
    char *text; /* cut at the commas */
    char **words;
    size_t count; /* 0: it was not given */
    size_t capacity;
};

/* One combination. */
struct sim_point {
    struct sim_config config;
    struct sim_result result;
    pid_t pid;
    int pipe;
    bool done;
};

struct sim_grid {
    const struct sim_options *options;
    struct sim_list lists[SIM_PARAMETERS];
    struct sim_point *points;
    size_t count;
    struct sim_corpus corpus;
    const struct sim_config *corpus_config; /* whose corpus it is, or NULL */
    struct sim_trace trace;
    const struct sim_config *trace_config; /* whose trace it is, or NULL */
    struct progress progress;
    bool stopping; /* the processes were told to end */
};

/* Reads all combinations; false, and an error shown. */
bool sim_grid_make(struct sim_grid *grid, const struct sim_options *options);
void sim_grid_free(struct sim_grid *grid);

/* Reads the pages and the trace of a point, unless the last ones serve it. */
bool sim_grid_load(struct sim_grid *grid, const struct sim_config *config);

/* Whether every point has its pages and its trace, and fits. */
bool sim_grid_check(struct sim_grid *grid);

/* Each point as a command of its own. */
void sim_grid_print(const struct sim_grid *grid);

/* The results, a line each, or as JSON; an enum tool_exit. */
int sim_grid_show(const struct sim_grid *grid);

#endif
