/* SPDX-License-Identifier: MIT */
/*
 * run.h - one simulation: every page is written once, the accesses are made,
 * every page is read once more.  Only the accesses are counted.
 */
#ifndef ZCACHE_TOOL_SIM_RUN_H
#define ZCACHE_TOOL_SIM_RUN_H

#include <stddef.h>

#include "sim/codec.h"
#include "sim/timeline.h"
#include "sim/work.h"

/* The times of the faults of one kind, in nanoseconds. */
struct sim_latency {
    uint64_t count;
    uint64_t mean;
    uint64_t p50;
    uint64_t p90;
    uint64_t p99;
    uint64_t p999;
    uint64_t max;
};

/* The resources that the process used, all threads together. */
struct sim_process {
    uint64_t processor_ns;
    uint64_t slept;     /* times that a thread gave up its processor to wait */
    uint64_t preempted; /* times that a thread lost its processor */
};

/* The result: numbers only, so that it fits into a pipe. */
struct sim_result {
    struct sim_plan plan;
    struct sim_counts counts;
    uint64_t threads;
    uint64_t elapsed_ns;
    uint64_t ops_per_second;
    uint64_t faults;
    uint64_t damaged;     /* pages damaged on purpose */
    uint64_t damaged_raw; /* of them: not decompressed */
    uint64_t left_over;   /* frames, entries and slots without an owner */
    uint64_t disagrees;   /* 1: the machine's tables are inconsistent */
    uint64_t pool_bytes_most;
    struct sim_latency latency[ZC_FAULT_KINDS];
    struct zc_cache_stats cache;
    struct zc_vm_stats vm;
    struct zc_swap_stats swap;
    struct zc_cache_accounting accounting;
    struct sim_codec_times codec;
    struct sim_process process;
    char corpus[64]; /* its label, truncated */
};

/* A number of a result, by its name in JSON; the library's counters have the
 * kernel's names. */
struct sim_number {
    const char *name;
    size_t offset;   /* of a uint64_t in struct sim_result */
    bool is_sum;     /* since the start; else a value now, or of the run */
    bool is_counter; /* of the library; shown in the report's table */
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member takes none */
#define SIM_RESULT_AT(member) offsetof(struct sim_result, member)

extern const struct sim_number sim_numbers[];
extern const size_t sim_number_count;

/* A number of struct sim_latency: its name in JSON, in nanoseconds, and in the
 * report, in microseconds. */
struct sim_latency_part {
    const char *key;
    const char *heading;
    size_t offset;
};

#define SIM_LATENCY_PARTS 7
extern const struct sim_latency_part sim_latency_parts[SIM_LATENCY_PARTS];

/* The uint64_t at this offset of a structure. */
uint64_t sim_number_at(const void *structure, size_t offset);

/* The number of that name, which exists. */
uint64_t sim_number_named(const struct sim_result *result, const char *name);

/* Subtracts the sums of `before`, so that those since then remain. */
void sim_result_subtract(struct sim_result *result,
                         const struct sim_result *before);

/* Was every page right, and is nothing left over? */
bool sim_result_good(const struct sim_result *result);

struct sim_request {
    const struct sim_config *config;
    const struct sim_corpus *corpus;
    const struct sim_trace *trace;
    bool quiet;
    struct sim_timeline *timeline; /* NULL: none */
};

/* False, and an error shown, if the simulation cannot run. */
bool sim_run(const struct sim_request *request, struct sim_result *result_out);

/* Called by a signal handler: ends the accesses early. */
void sim_run_stop(void);
bool sim_run_stopped(void);

#endif
