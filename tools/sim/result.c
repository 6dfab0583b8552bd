/* SPDX-License-Identifier: MIT */
/* result.c - a run's numbers by name, and as JSON: one object. */
#include <stddef.h>
#include <string.h>

#include "common/json.h"
#include "sim/sim.h"

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member takes none */
#define OF(part, field) SIM_RESULT_AT(part.field)
#define SAME(part, field) #field, OF(part, field)

/* The description of the run, and its counts. */
#define RUN(name, member)                                                      \
    {                                                                          \
        name, SIM_RESULT_AT(member), false, false                              \
    }
#define COUNT(field)                                                           \
    {                                                                          \
        SAME(counts, field), false, false                                      \
    }
/* A value of the library now, or its count since the start. */
#define NOW(name, part, field)                                                 \
    {                                                                          \
        name, OF(part, field), false, true                                     \
    }
#define SUM(part, field)                                                       \
    {                                                                          \
        SAME(part, field), true, true                                          \
    }
#define SUM_AS(name, part, field)                                              \
    {                                                                          \
        name, OF(part, field), true, true                                      \
    }
/* The numbers that the report for a person has in sentences. */
#define TIME(name, part, field)                                                \
    {                                                                          \
        name, OF(part, field), true, false                                     \
    }

const struct sim_number sim_numbers[] = {
    RUN("threads", threads),
    RUN("spaces", plan.space_count),
    RUN("space_pages", plan.space_pages),
    RUN("total_pages", plan.total_pages),
    RUN("frame_count", plan.frame_count),
    RUN("limit_bytes", plan.limit_bytes),
    RUN("slot_count", plan.slot_count),
    COUNT(ops),
    RUN("elapsed_ns", elapsed_ns),
    RUN("ops_per_second", ops_per_second),
    COUNT(reads),
    COUNT(writes),
    COUNT(forks),
    COUNT(verified),
    COUNT(mismatches),
    RUN("damaged", damaged),
    RUN("damaged_raw", damaged_raw),
    COUNT(io_errors),
    COUNT(no_memory),
    RUN("left_over", left_over),
    RUN("disagrees", disagrees),
    COUNT(verify_waits),
    RUN("faults", faults),
    RUN("hits_pool", latency[ZC_FAULT_POOL].count),
    RUN("hits_swap_cache", latency[ZC_FAULT_CACHED].count),
    RUN("hits_device", latency[ZC_FAULT_DEVICE].count),
    NOW("stored_pages", cache, stored_pages),
    NOW("same_filled_pages", cache, same_filled_pages),
    NOW("stored_incompressible_pages", cache, stored_incompressible_pages),
    NOW("raw_pages", cache, raw_pages),
    NOW("pool_bytes", cache, pool_total_size),
    NOW("payload_bytes", cache, payload_bytes),
    NOW("metadata_bytes", accounting, metadata_bytes),
    SUM(cache, zswpout),
    SUM(cache, zswpin),
    SUM(cache, zswpwb),
    SUM(cache, swpin_zero),
    SUM(cache, swpout_zero),
    SUM(cache, pool_limit_hit),
    SUM(cache, reject_pool_limit),
    SUM(cache, reject_reclaim_fail),
    SUM(cache, reject_alloc_fail),
    SUM(cache, reject_kmemcache_fail),
    SUM(cache, reject_compress_poor),
    SUM(cache, reject_owner_limit),
    SUM(cache, compress_fail),
    SUM(cache, decompress_fail),
    SUM(cache, replaced_pages),
    SUM(cache, invalidated_pages),
    SUM(cache, take_retries),
    SUM(cache, disk_writes),
    SUM(cache, disk_swapins),
    SUM(cache, write_errors),
    SUM(cache, stored_again),
    SUM(cache, writeback_busy),
    SUM(cache, writeback_stale),
    SUM(cache, shrink_runs),
    SUM(cache, shrink_scanned),
    SUM(cache, written_by_age),
    SUM(cache, recompressed_pages),
    SUM(cache, recompress_poor),
    SUM(cache, recompress_stale),
    SUM(cache, recompress_fail),
    NOW("frames_free", vm, frames_free),
    SUM(vm, swapped_out),
    SUM(vm, fault_retries),
    SUM(vm, pin_waits),
    SUM(vm, installs_failed),
    SUM(vm, reclaim_scanned),
    SUM(vm, reclaim_freed),
    SUM(vm, direct_reclaims),
    SUM(vm, pages_forked),
    NOW("slots_used", swap, slots_used),
    NOW("stuck_folios", swap, stuck_folios),
    SUM_AS("device_pages_written", swap, pages_written),
    SUM_AS("device_pages_read", swap, pages_read),
    SUM_AS("device_read_errors", swap, read_errors),
    SUM_AS("device_write_errors", swap, write_errors),
    TIME("compress_calls", codec, compress_calls),
    TIME("compress_ns", codec, compress_ns),
    TIME("decompress_calls", codec, decompress_calls),
    TIME("decompress_ns", codec, decompress_ns),
    TIME("processor_ns", process, processor_ns),
    TIME("context_switches_voluntary", process, slept),
    TIME("context_switches_involuntary", process, preempted),
    RUN("pool_bytes_most", pool_bytes_most),
};

const size_t sim_number_count = sizeof(sim_numbers) / sizeof(sim_numbers[0]);

#define OF_LATENCY(field) offsetof(struct sim_latency, field)

const struct sim_latency_part sim_latency_parts[SIM_LATENCY_PARTS] = {
    {"count", "count", OF_LATENCY(count)},
    {"mean_ns", "mean us", OF_LATENCY(mean)},
    {"p50_ns", "p50", OF_LATENCY(p50)},
    {"p90_ns", "p90", OF_LATENCY(p90)},
    {"p99_ns", "p99", OF_LATENCY(p99)},
    {"p99.9_ns", "p99.9", OF_LATENCY(p999)},
    {"max_ns", "max", OF_LATENCY(max)},
};

uint64_t sim_number_at(const void *structure, size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)structure + offset);
}

uint64_t sim_number_named(const struct sim_result *result, const char *name)
{
    size_t i = 0;

    while (strcmp(sim_numbers[i].name, name) != 0)
        i++;
    return sim_number_at(result, sim_numbers[i].offset);
}

void sim_result_subtract(struct sim_result *result,
                         const struct sim_result *before)
{
    for (size_t i = 0; i < sim_number_count; i++) {
        const size_t offset = sim_numbers[i].offset;

        if (sim_numbers[i].is_sum)
            *(uint64_t *)(void *)((char *)result + offset) -=
                sim_number_at(before, offset);
    }
}

bool sim_result_good(const struct sim_result *result)
{
    return result->counts.mismatches == 0 && result->left_over == 0 &&
           result->disagrees == 0;
}

/* ---- as JSON ---- */

static void print_config(const struct sim_config *config, struct json *json)
{
    json_key(json, "config");
    json_open(json, '{');
    for (int i = 0; i < SIM_PARAMETERS; i++) {
        const char *text = sim_text(config, (enum sim_parameter)i);

        if (text == NULL)
            continue; /* not given, and no default */
        json_key(json, sim_parameters[i].name);
        json_string(json, text);
    }
    json_close(json, '}');
}

static void print_latency(const struct sim_result *result, struct json *json)
{
    json_key(json, "latency");
    json_open(json, '{');
    for (unsigned kind = 0; kind < ZC_FAULT_KINDS; kind++) {
        json_key(json, zc_fault_kind_name((enum zc_fault_kind)kind));
        json_open(json, '{');
        for (size_t i = 0; i < SIM_LATENCY_PARTS; i++) {
            json_key(json, sim_latency_parts[i].key);
            json_number(json, sim_number_at(&result->latency[kind],
                                            sim_latency_parts[i].offset));
        }
        json_close(json, '}');
    }
    json_close(json, '}');
}

void sim_report_json(const struct sim_config *config,
                     const struct sim_result *result,
                     const struct sim_point *point, struct json *json)
{
    json_open(json, '{');
    json_key(json, "source");
    json_string(json, result->corpus);
    print_config(config, json);
    for (size_t i = 0; i < sim_number_count; i++) {
        json_key(json, sim_numbers[i].name);
        json_number(json, sim_number_at(result, sim_numbers[i].offset));
    }
    print_latency(result, json);
    if (point != NULL)
        sim_answer_json(point, result, json);
    json_close(json, '}');
}
