/* SPDX-License-Identifier: MIT */
/*
 * answer.h - a sweep as a table to decide from: what each point saves, what it
 * costs, and which points no other beats.
 *
 * A point has one run or more, and a cost of each pass (sim/costs.h): a sample
 * is a run at the costs of a pass.  Point A beats point B if A takes less time
 * in every sample and saves no less memory in any, or if it saves more in every
 * one and takes no more time in any.  Memory that differs by up to 1 % of all
 * pages counts as equal: by so much a pool below its limit differs from moment
 * to moment.  So what lies within the spread beats nothing.
 */
#ifndef ZCACHE_TOOL_SIM_ANSWER_H
#define ZCACHE_TOOL_SIM_ANSWER_H

#include "sim/costs.h"
#include "sim/run.h"

/* One point of a sweep. */
struct sim_point {
    const struct sim_config *config;
    const struct sim_result **runs;
    struct sim_cost cost;
    bool is_unbeaten; /* set by sim_answer_judge() */
};

struct sim_answer {
    struct sim_point *points;
    size_t count;
    size_t run_count;             /* of each point, at least 1 */
    bool changes[SIM_PARAMETERS]; /* has the parameter several values? */
    const struct sim_costs *costs;
};

/* Bytes of all pages less those of frames, of the pool when it was largest, and
 * of metadata. */
int64_t sim_saved_bytes(const struct sim_config *config,
                        const struct sim_result *result);

/* Counts times costs, at those of a pass, in nanoseconds. */
uint64_t sim_time_at(const struct sim_result *result,
                     const struct sim_cost *cost, size_t pass);

void sim_answer_judge(struct sim_answer *answer);

/* The table and the verdict. */
void sim_answer_print(const struct sim_answer *answer, FILE *file);
void sim_answer_print_csv(const struct sim_answer *answer, FILE *file);
/* False, and an error shown. */
bool sim_answer_plot(const struct sim_answer *answer, const char *path);

/* The members of a run in the JSON of a sweep. */
struct json;
void sim_answer_json(const struct sim_point *point,
                     const struct sim_result *result, struct json *json);

#endif
