/* SPDX-License-Identifier: MIT */
/* sim.h - the options of `zcache sim`, and the forms of its results. */
#ifndef ZCACHE_TOOL_SIM_SIM_H
#define ZCACHE_TOOL_SIM_SIM_H

#include "sim/answer.h"

struct sim_options {
    struct sim_config config;          /* of a single run */
    const char *texts[SIM_PARAMETERS]; /* as given; NULL: not given */
    bool sweep;
    bool print;
    bool json;
    bool csv;
    bool quiet;
    bool merge;
    char *plot_path; /* with its extension */
    uint64_t jobs;   /* 0: as many as processors */
    uint64_t repeat; /* runs of a point of a sweep; 0: not given */
    char **files;    /* for --merge */
    size_t file_count;
};

enum sim_parse {
    SIM_RUN,   /* go on */
    SIM_SHOWN, /* help or version was shown */
    SIM_WRONG  /* an error, which was shown */
};

enum sim_parse sim_parse(struct sim_options *options, int argc, char **argv);
void sim_options_free(struct sim_options *options);

/* Each returns an enum tool_exit. */
int sim_sweep(const struct sim_options *options);
int sim_merge(const struct sim_options *options);

/* ---- reports ---- */

void sim_report_text(const struct sim_config *config,
                     const struct sim_result *result, FILE *file);

struct json;
/* `point`: of a sweep, or NULL. */
void sim_report_json(const struct sim_config *config,
                     const struct sim_result *result,
                     const struct sim_point *point, struct json *json);

#endif
