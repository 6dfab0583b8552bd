/* SPDX-License-Identifier: MIT */
/* sweep_show.c - the results of a sweep. */
#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "sim/sweep.h"

/* The counters that stand in a line of a sweep. */
static const char *const line_counters[] = {
    "zswpout", "zswpin", "zswpwb", "reject_reclaim_fail", "disk_swapins"};

static uint64_t counter_by_name(const struct sim_result *result,
                                const char *name)
{
    for (size_t i = 0; i < sim_counter_count; i++) {
        if (strcmp(sim_counters[i].name, name) == 0)
            return sim_counter_get(result, &sim_counters[i]);
    }
    return 0;
}

static void add_heading(const struct sim_grid *grid, struct table *table)
{
    static const char *const rest[] = {"ops/s",    "faults",   "pool KiB",
                                       "pool p50", "pool p99", "device p99"};

    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        if (grid->lists[p].count < 2)
            continue;
        table->left |= 1u << table->column_count++;
        table_add(table, "%s", sim_parameters[p].name);
    }
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
        table_add(table, "%s", rest[i]);
    for (size_t i = 0; i < sizeof(line_counters) / sizeof(line_counters[0]);
         i++)
        table_add(table, "%s", line_counters[i]);
    table_add(table, "%s", "mismatches");
    table->column_count = table->cell_count;
}

static void add_line(const struct sim_grid *grid, const struct sim_point *point,
                     struct table *table)
{
    const struct sim_result *result = &point->result;
    const struct sim_latency *pool = &result->latency[ZC_FAULT_POOL];

    for (unsigned p = 0; p < SIM_PARAMETERS; p++) {
        if (grid->lists[p].count > 1)
            table_add(table, "%s",
                      sim_text(&point->config, (enum sim_parameter)p));
    }
    table_add(table, "%.0f", sim_result_rate(result));
    table_add(table, "%" PRIu64, sim_result_faults(result));
    table_add(table, "%" PRIu64, result->cache.pool_total_size / 1024);
    table_add(table, "%.2f", (double)pool->p50 / 1e3);
    table_add(table, "%.2f", (double)pool->p99 / 1e3);
    table_add(table, "%.2f",
              (double)result->latency[ZC_FAULT_DEVICE].p99 / 1e3);
    for (size_t i = 0; i < sizeof(line_counters) / sizeof(line_counters[0]);
         i++)
        table_add(table, "%" PRIu64, counter_by_name(result, line_counters[i]));
    table_add(table, "%" PRIu64, result->counts.mismatches);
}

static void print_csv(const struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        printf("%s%c", table->cells[i],
               (i + 1) % table->column_count == 0 ? '\n' : ',');
}

static void show_table(const struct sim_grid *grid)
{
    struct table table = {0};

    add_heading(grid, &table);
    for (size_t i = 0; i < grid->count; i++)
        add_line(grid, &grid->points[i], &table);
    if (grid->options->csv)
        print_csv(&table);
    else
        table_print(&table, stdout);
    table_free(&table);
}

static void show_json(const struct sim_grid *grid)
{
    struct json json = {.file = stdout};

    json_open(&json, '[');
    for (size_t i = 0; i < grid->count; i++)
        sim_report_json(&grid->points[i].config, &grid->points[i].result,
                        &json);
    json_close(&json, ']');
}

int sim_grid_show(const struct sim_grid *grid)
{
    if (grid->options->json)
        show_json(grid);
    else
        show_table(grid);
    if (!message_finish_output())
        return TOOL_ERROR;
    for (size_t i = 0; i < grid->count; i++) {
        if (!sim_result_good(&grid->points[i].result))
            return TOOL_MISMATCH;
    }
    return TOOL_FINE;
}
