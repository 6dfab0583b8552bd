/* SPDX-License-Identifier: MIT */
/* print_sites.c - the table of sites. */
#include "sites.h"

#include <inttypes.h>
#include <string.h>

#include "picture.h"

const char *lab_site_state_name(enum lab_site_state state)
{
    static const char *const names[LAB_SITE_STATES] = {
        [LAB_SITE_WAITS] = "not run",         [LAB_SITE_PROVED] = "proved",
        [LAB_SITE_SEQUENTIAL] = "sequential", [LAB_SITE_DETECTED] = "detector",
        [LAB_SITE_SURVIVES] = "SURVIVES",     [LAB_SITE_SILENT] = "silent",
        [LAB_SITE_LOUD] = "NOT SILENT",       [LAB_SITE_DIED] = "DIED",
    };

    return names[state];
}

static const char *scenario_of(const struct lab_site_table *table,
                               const struct lab_site_row *row)
{
    if (row->what[0] == '\0')
        return "";
    return table->plan->scenarios[row->scenario]->program.name;
}

static void count(const struct lab_site_table *table,
                  unsigned counts[LAB_SITE_STATES])
{
    memset(counts, 0, LAB_SITE_STATES * sizeof(counts[0]));
    for (unsigned i = 0; i < table->count; i++)
        counts[table->rows[i].state]++;
}

static void print_row(const struct lab_site_table *table,
                      const struct lab_site_row *row, FILE *out)
{
    (void)fprintf(out, "%-10s  %s, %s", lab_site_state_name(row->state),
                  row->name, row->where);
    if (row->what[0] != '\0')
        (void)fprintf(out, ": %s: %s, %u preemption%s", scenario_of(table, row),
                      row->what, row->preemptions,
                      row->preemptions == 1 ? "" : "s");
    if (row->is_limited)
        (void)fprintf(out, " (time was up)");
    (void)fprintf(out, "\n%s", row->diagram);
}

void lab_sites_print(const struct lab_site_table *table, FILE *out)
{
    unsigned counts[LAB_SITE_STATES];
    unsigned sites;

    count(table, counts);
    sites = table->chosen - counts[LAB_SITE_SILENT] - counts[LAB_SITE_LOUD];
    for (unsigned i = 0; i < table->count; i++) {
        if (lab_site_is_chosen(table, &table->rows[i]))
            print_row(table, &table->rows[i], out);
    }
    (void)fprintf(out,
                  "%u sites: %u proved, %u sequential, %u by the detector "
                  "alone, %u survive",
                  sites, counts[LAB_SITE_PROVED], counts[LAB_SITE_SEQUENTIAL],
                  counts[LAB_SITE_DETECTED], counts[LAB_SITE_SURVIVES]);
    (void)fprintf(out, "; %u tries always in vain: %u silent\n",
                  counts[LAB_SITE_SILENT] + counts[LAB_SITE_LOUD],
                  counts[LAB_SITE_SILENT]);
    (void)fprintf(out, "%.0f s\n", table->seconds);
}

static void put_row(const struct lab_site_table *table,
                    const struct lab_site_row *row, FILE *out)
{
    (void)fprintf(out, "  {\"site\": ");
    lab_json_string(out, row->name);
    (void)fprintf(out, ", \"where\": ");
    lab_json_string(out, row->where);
    (void)fprintf(out, ", \"kind\": ");
    lab_json_string(out, lab_site_kind_name(row->place.kind));
    (void)fprintf(out, ", \"column\": ");
    lab_json_string(out, lab_site_state_name(row->state));
    (void)fprintf(out, ", \"scenario\": ");
    lab_json_string(out, scenario_of(table, row));
    (void)fprintf(out, ", \"failure\": ");
    lab_json_string(out, row->what);
    (void)fprintf(out,
                  ", \"preemptions\": %u, \"executions\": %" PRIu64
                  ", \"seconds\": %.1f, \"limited\": %s}",
                  row->preemptions, row->executions, row->seconds,
                  row->is_limited ? "true" : "false");
}

void lab_sites_print_json(const struct lab_site_table *table, FILE *out)
{
    const char *separator = "";

    (void)fprintf(out, "[\n");
    for (unsigned i = 0; i < table->count; i++) {
        if (!lab_site_is_chosen(table, &table->rows[i]))
            continue;
        (void)fprintf(out, "%s", separator);
        put_row(table, &table->rows[i], out);
        separator = ",\n";
    }
    (void)fprintf(out, "\n]\n");
}
