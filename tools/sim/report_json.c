/* SPDX-License-Identifier: MIT */
/* report_json.c - a run as JSON: one object, for programs. */
#include "common/json.h"
#include "sim/sim.h"

static void number(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_number(json, value);
}

static void print_config(const struct sim_config *config, struct json *json)
{
    json_key(json, "config");
    json_open(json, '{');
    for (int i = 0; i < SIM_PARAMETERS; i++) {
        if (!sim_report_has(config, (enum sim_parameter)i))
            continue;
        json_key(json, sim_parameters[i].name);
        json_string(json, sim_text(config, (enum sim_parameter)i));
    }
    json_close(json, '}');
}

static void print_plan(const struct sim_result *result, struct json *json)
{
    number(json, "threads", result->threads);
    number(json, "spaces", result->plan.space_count);
    number(json, "space_pages", result->plan.space_pages);
    number(json, "total_pages", result->plan.total_pages);
    number(json, "frame_count", result->plan.frame_count);
    number(json, "limit_bytes", result->plan.limit_bytes);
    number(json, "slot_count", result->plan.slot_count);
}

static void print_counts(const struct sim_result *result, struct json *json)
{
    const struct sim_counts *counts = &result->counts;

    number(json, "ops", counts->ops);
    number(json, "elapsed_ns", result->elapsed_ns);
    number(json, "ops_per_second", (uint64_t)sim_result_rate(result));
    number(json, "reads", counts->reads);
    number(json, "writes", counts->writes);
    number(json, "forks", counts->forks);
    number(json, "verified", counts->verified);
    number(json, "mismatches", counts->mismatches);
    number(json, "damaged", result->damaged);
    number(json, "io_errors", counts->io_errors);
    number(json, "no_memory", counts->no_memory);
    number(json, "left_over", result->left_over);
    number(json, "disagrees", result->disagrees);
    number(json, "verify_waits", counts->verify_waits);
}

static void print_latency(const struct sim_result *result, struct json *json)
{
    json_key(json, "latency");
    json_open(json, '{');
    for (unsigned kind = 0; kind < ZC_FAULT_KINDS; kind++) {
        const struct sim_latency *latency = &result->latency[kind];

        json_key(json, zc_fault_kind_name((enum zc_fault_kind)kind));
        json_open(json, '{');
        number(json, "count", latency->count);
        number(json, "mean_ns", latency->mean);
        number(json, "p50_ns", latency->p50);
        number(json, "p90_ns", latency->p90);
        number(json, "p99_ns", latency->p99);
        number(json, "p99.9_ns", latency->p999);
        number(json, "max_ns", latency->max);
        json_close(json, '}');
    }
    json_close(json, '}');
}

void sim_report_json(const struct sim_config *config,
                     const struct sim_result *result, struct json *json)
{
    json_open(json, '{');
    json_key(json, "source");
    json_string(json, result->corpus);
    print_config(config, json);
    print_plan(result, json);
    print_counts(result, json);
    number(json, "faults", sim_result_faults(result));
    number(json, "hits_pool", result->latency[ZC_FAULT_POOL].count);
    number(json, "hits_swap_cache", result->latency[ZC_FAULT_CACHED].count);
    number(json, "hits_device", result->latency[ZC_FAULT_DEVICE].count);
    for (size_t i = 0; i < sim_counter_count; i++)
        number(json, sim_counters[i].name,
               sim_counter_get(result, &sim_counters[i]));
    number(json, "pool_bytes_most", result->pool_bytes_most);
    print_latency(result, json);
    json_close(json, '}');
}
