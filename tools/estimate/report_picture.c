/* SPDX-License-Identifier: MIT */
/* report_picture.c - what the pictures of a report show. */
#include "estimate/report_picture.h"

#include <inttypes.h>
#include <stdlib.h>

static struct bars bars_of_report(const struct report *report, size_t most)
{
    const uint64_t bytes = report->census.pages * report->page_size;

    return (struct bars){.rows = memory_allocate(most, sizeof(struct bar)),
                         .most = bytes,
                         .unit = byte_unit_for(bytes)};
}

/* Adds a bar, without its texts. */
static struct bar *add_bar(struct bars *bars, uint64_t whole, uint64_t cost)
{
    struct bar *bar = &bars->rows[bars->count++];

    *bar = (struct bar){.whole = whole, .cost = cost};
    if (cost > bars->most)
        bars->most = cost;
    return bar;
}

/* "12.3 MiB would come free (45.6 %)": as the tables have it. */
static void print_free(const struct bars *bars, struct bar *bar, uint64_t pool)
{
    const struct report_sizes sizes = report_sizes(
        (double)bar->whole, (double)pool, (double)bar->cost, bars->unit.bytes);
    char size[BYTE_TEXT_SIZE];

    if (bar->cost > bar->whole)
        text_print(&bar->figure, "%s %s more than uncompressed",
                   tenths_text(size, -sizes.left), bars->unit.name);
    else
        text_print(&bar->figure, "%s %s would come free (%.1f %%)",
                   tenths_text(size, sizes.left), bars->unit.name,
                   percent_of(bar->whole - bar->cost, bar->whole));
}

struct bars bars_of_results(const struct report *report)
{
    struct bars bars = bars_of_report(report, report->result_count + 1);
    const uint64_t bytes = report->census.pages * report->page_size;
    struct bar *bar = add_bar(&bars, bytes, bytes);

    text_print(&bars.title, "What would come free, by configuration");
    text_print(&bar->label, "uncompressed");
    text_print(&bar->figure, "%.1f %s", (double)bytes / bars.unit.bytes,
               bars.unit.name);
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        bar = add_bar(&bars, bytes, run_result_cost(result));
        text_print(&bar->label, "%s %s", result->codec->label,
                   run_target_name(result->target, result->placement));
        print_free(&bars, bar, result->pool_bytes);
    }
    return bars;
}

struct bars bars_of_cold(const struct report *report, size_t result)
{
    struct bars bars = bars_of_report(report, report->cold->age_count + 1);
    struct bar *bar = add_bar(&bars, report->census.pages * report->page_size,
                              run_result_cost(&report->results[result]));

    text_print(&bars.title, "What would come free of the cold pages, %s %s",
               report->results[result].codec->label,
               run_target_name(report->results[result].target,
                               report->results[result].placement));
    text_print(&bar->label, "all pages");
    print_free(&bars, bar, report->results[result].pool_bytes);
    for (size_t i = 0; i < report->cold->age_count; i++) {
        const struct report_part *part = &report->cold_ages[i].part;

        bar = add_bar(&bars, part->census.pages * report->page_size,
                      report_cost_share(report, part, result));
        text_print(&bar->label, "untouched for %" PRIu64 " s",
                   report->cold->ages[i].seconds);
        print_free(&bars, bar, report_pool_share(report, part, result));
    }
    return bars;
}

void bars_free(struct bars *bars)
{
    for (size_t i = 0; i < bars->count; i++) {
        text_free(&bars->rows[i].label);
        text_free(&bars->rows[i].figure);
    }
    text_free(&bars->title);
    free(bars->rows);
    *bars = (struct bars){0};
}

bool report_is_first_of_codec(const struct report *report, size_t result)
{
    for (size_t i = 0; i < result; i++) {
        if (report->results[i].codec == report->results[result].codec)
            return false;
    }
    return true;
}

uint64_t report_most_objects(const struct report *report)
{
    uint64_t most = 1;

    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        for (size_t step = 0; step < result->histogram_count; step++) {
            if (result->histogram[step] > most)
                most = result->histogram[step];
        }
    }
    return most;
}
