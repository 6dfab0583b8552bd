/* SPDX-License-Identifier: MIT */
/* report.c - a run as tables, for a person. */
#include <inttypes.h>
#include <stddef.h>

#include "sim/sim.h"

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_head(const struct sim_config *config,
                       const struct sim_result *result, FILE *file)
{
    const struct sim_plan *plan = &result->plan;
    const uint64_t page_size = sim_number(config, SIM_PAGE_SIZE);
    char limit[BYTE_TEXT_SIZE];

    text_print_visible(file, result->corpus);
    fprintf(file,
            ": %" PRIu64 " space%s of %" PRIu64 " pages of %" PRIu64
            " KiB, %" PRIu64 " thread%s\n",
            plan->space_count, plural(plan->space_count), plan->space_pages,
            page_size / 1024, result->threads, plural(result->threads));
    fprintf(file, "%" PRIu64 " frames (%.1f %%), pool limit %s, device ",
            plan->frame_count, percent_of(plan->frame_count, plan->total_pages),
            plan->limit_bytes == 0 ? "none"
                                   : byte_text(limit, plan->limit_bytes));
    text_print_visible(file, sim_text(config, SIM_DEVICE));
    fprintf(file, " of %" PRIu64 " slots\n", plan->slot_count);
    fprintf(file, "codec %s, placement %s, lru %s, swap-in %s, access ",
            sim_text(config, SIM_CODEC), sim_text(config, SIM_PLACEMENT),
            sim_text(config, SIM_LRU), sim_text(config, SIM_SWAP_IN));
    text_print_visible(file, sim_text(config, SIM_TRACE) != NULL
                                 ? sim_text(config, SIM_TRACE)
                                 : sim_text(config, SIM_ACCESS));
    fputs("\n\n", file);
}

static void print_work(const struct sim_result *result, FILE *file)
{
    const struct sim_counts *counts = &result->counts;

    fprintf(file,
            "%" PRIu64 " accesses in %.3f s: %" PRIu64 " per second, %" PRIu64
            " faults (%.1f %%)\n",
            counts->ops, (double)result->elapsed_ns / 1e9,
            result->ops_per_second, result->faults,
            percent_of(result->faults, counts->ops));
    fprintf(file,
            "%" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64 " forks\n"
            "%" PRIu64 " pages verified, %" PRIu64 " mismatches",
            counts->reads, counts->writes, counts->forks, counts->verified,
            counts->mismatches);
    if (result->damaged != 0)
        fprintf(file,
                " (%" PRIu64 " pages were damaged, %" PRIu64
                " of them not compressed)",
                result->damaged, result->damaged_raw);
    fputc('\n', file);
    if (counts->io_errors != 0 || counts->no_memory != 0)
        fprintf(file,
                "did not succeed: %" PRIu64 " for the device's errors, %" PRIu64
                " for memory\n",
                counts->io_errors, counts->no_memory);
}

static void print_latency(const struct sim_result *result, FILE *file)
{
    struct table table = {.column_count = 1 + SIM_LATENCY_PARTS, .left = 1};

    table_add(&table, "%s", "fault");
    for (size_t i = 0; i < SIM_LATENCY_PARTS; i++)
        table_add(&table, "%s", sim_latency_parts[i].heading);
    for (unsigned kind = 0; kind < ZC_FAULT_KINDS; kind++) {
        const struct sim_latency *latency = &result->latency[kind];

        if (latency->count == 0)
            continue;
        table_add(&table, "%s", zc_fault_kind_name((enum zc_fault_kind)kind));
        table_add(&table, "%" PRIu64, latency->count);
        for (size_t i = 1; i < SIM_LATENCY_PARTS; i++) /* the times */
            table_add(
                &table, "%.2f",
                (double)sim_number_at(latency, sim_latency_parts[i].offset) /
                    1e3);
    }
    fputc('\n', file);
    table_print(&table, file);
    table_free(&table);
}

static void print_pool(const struct sim_result *result, FILE *file)
{
    const struct zc_cache_stats *cache = &result->cache;
    const struct sim_codec_times *codec = &result->codec;
    char pool[BYTE_TEXT_SIZE];
    char most[BYTE_TEXT_SIZE];

    fprintf(file,
            "\npool: %s at the end (most: %s), %.1f %% of it objects, %" PRIu64
            " pages stored\n",
            byte_text(pool, cache->pool_total_size),
            byte_text(most, result->pool_bytes_most),
            percent_of(cache->payload_bytes, cache->pool_total_size),
            cache->stored_pages);
    fprintf(file,
            "swapped in from: pool %" PRIu64 ", swap cache %" PRIu64
            ", device %" PRIu64 ", zeros %" PRIu64 "\n",
            result->latency[ZC_FAULT_POOL].count,
            result->latency[ZC_FAULT_CACHED].count,
            result->latency[ZC_FAULT_DEVICE].count,
            result->latency[ZC_FAULT_SWAPIN_ZERO].count);
    fprintf(file,
            "processor: %.3f s, of it %.3f s compressing and %.3f s "
            "decompressing (%.1f %%)\n",
            (double)result->process.processor_ns / 1e9,
            (double)codec->compress_ns / 1e9,
            (double)codec->decompress_ns / 1e9,
            percent_of(codec->compress_ns + codec->decompress_ns,
                       result->process.processor_ns));
}

/* The locks for which threads had to wait. */
static void print_contention(const struct sim_result *result, FILE *file)
{
    fprintf(file,
            "contention: %" PRIu64 " pins waited for, %" PRIu64
            " busy at writeback, %" PRIu64 " pages read for nothing,\n"
            "  %" PRIu64 " context switches to wait, %" PRIu64
            " by force, %" PRIu64 " waits of the verification\n",
            result->vm.pin_waits, result->cache.writeback_busy,
            result->vm.installs_failed, result->process.slept,
            result->process.preempted, result->counts.verify_waits);
}

/* The library's counters that are not zero, three in a row. */
static void print_counters(const struct sim_result *result, FILE *file)
{
    struct table table = {.column_count = 6, .left = 1 | 1 << 2 | 1 << 4};

    for (size_t i = 0; i < sim_number_count; i++) {
        uint64_t number = sim_number_at(result, sim_numbers[i].offset);

        if (number == 0 || !sim_numbers[i].is_counter)
            continue;
        table_add(&table, "%s", sim_numbers[i].name);
        table_add(&table, "%" PRIu64, number);
    }
    while (table.cell_count % table.column_count != 0)
        table_add(&table, "%s", "");
    fputc('\n', file);
    table_print(&table, file);
    table_free(&table);
}

void sim_report_text(const struct sim_config *config,
                     const struct sim_result *result, FILE *file)
{
    print_head(config, result, file);
    print_work(result, file);
    print_latency(result, file);
    print_pool(result, file);
    print_contention(result, file);
    print_counters(result, file);
    if (sim_is_model(config))
        fputs("\n" SIM_MODEL_NOTE "\n", file);
}
