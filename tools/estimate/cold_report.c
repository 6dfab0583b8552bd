/* SPDX-License-Identifier: MIT */
/*
 * cold_report.c - what the cold pages of each age compress to, and what it
 * would cost if they were swapped.
 *
 * They are parts of the one pool, as sources are.  By page, each is known.  By
 * mapping, only their number is known: a random sample of the mapping stands
 * for them.  Of c from n pages with the variance v of their sizes, the sum has
 * the variance c (1 - c/n) v.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/cold.h"
#include "estimate/report.h"

static bool is_sampled(const struct report *report)
{
    return report->cold->means == COLD_REFERENCED;
}

static long pid_of(const struct report *report,
                   const struct source_mapping *mapping)
{
    return report->source->origins[mapping->origin].pid;
}

/* Adds the cold pages of a span, page by page. */
static void add_pages(struct report *report, const struct snapshot *snapshot,
                      const struct snapshot_span *span, size_t *hint,
                      uint64_t *counts)
{
    const struct source_mapping *mapping =
        &report->source->mappings[span->mapping];

    for (uint64_t i = 0; i < span->page_count; i++) {
        const uint64_t page = span->first_page + i;
        const size_t ages =
            cold_page_ages(report->cold, pid_of(report, mapping),
                           span->address + i * snapshot->page_size, hint);

        for (size_t age = 0; age < ages; age++) {
            struct report_part *part = &report->cold_ages[age].part;

            census_count(&part->census,
                         snapshot->bytes + (size_t)page * snapshot->page_size,
                         snapshot->page_size, 1);
            for (size_t result = 0; result < report->result_count; result++)
                part->payloads[result] += report->results[result].sizes[page];
            counts[age]++;
        }
    }
}

/* Mean and variance of the sizes of a mapping's objects in a result. */
struct spread {
    double mean;
    double variance;
};

static struct spread spread_of(const struct run_result *result,
                               const struct snapshot_span *spans, size_t count)
{
    double pages = 0.0;
    double sum = 0.0;
    double squares = 0.0;
    double mean;

    for (size_t i = 0; i < count; i++) {
        for (uint64_t page = 0; page < spans[i].page_count; page++) {
            const double size =
                (double)result->sizes[spans[i].first_page + page];

            pages += 1.0;
            sum += size;
            squares += size * size;
        }
    }
    mean = sum / pages;
    if (pages < 2.0)
        return (struct spread){.mean = mean};
    return (struct spread){
        .mean = mean,
        .variance = fmax(0.0, (squares - pages * mean * mean) / (pages - 1.0))};
}

static uint64_t rounded(double number)
{
    return (uint64_t)(number + 0.5);
}

/* Adds a sample of a mapping, in so many spans, of which `all` is the census.
 */
static void add_sample(struct report *report, const struct snapshot_span *spans,
                       size_t count, const struct census *all, uint64_t *counts)
{
    for (size_t age = 0; age < report->cold->age_count; age++) {
        struct report_cold *cold = &report->cold_ages[age];
        const double part = cold_mapping_part(report->cold, report->source,
                                              spans[0].mapping, age);
        const double pages = part * (double)all->pages;

        counts[age] = rounded(pages);
        cold->part.census.pages += counts[age];
        cold->part.census.zero_pages += rounded(part * (double)all->zero_pages);
        cold->part.census.same_filled_pages +=
            rounded(part * (double)all->same_filled_pages);
        for (size_t i = 0; i < report->result_count; i++) {
            const struct spread spread =
                spread_of(&report->results[i], spans, count);

            cold->part.payloads[i] += rounded(pages * spread.mean);
            cold->variances[i] += pages * (1.0 - part) * spread.variance;
        }
    }
}

/* The spans from `first` on that are of the same mapping. */
static size_t spans_of_mapping(const struct snapshot *snapshot, size_t first)
{
    size_t count = 1;

    while (first + count < snapshot->span_count &&
           snapshot->spans[first + count].mapping ==
               snapshot->spans[first].mapping)
        count++;
    return count;
}

static void make_ages(struct report *report)
{
    const size_t results = report->result_count;

    report->cold_ages =
        memory_allocate(report->cold->age_count, sizeof(*report->cold_ages));
    for (size_t i = 0; i < report->cold->age_count; i++) {
        struct report_cold *cold = &report->cold_ages[i];

        *cold = (struct report_cold){
            .part.payloads = memory_allocate(results, sizeof(uint64_t)),
            .variances = memory_allocate(results, sizeof(double))};
        for (size_t j = 0; j < results; j++) {
            cold->part.payloads[j] = 0;
            cold->variances[j] = 0.0;
        }
    }
}

void report_count_cold(struct report *report, const struct snapshot *snapshot,
                       struct report_part *names)
{
    size_t hint = 0;
    size_t count;

    make_ages(report);
    for (size_t i = 0; i < snapshot->span_count; i += count) {
        const struct snapshot_span *spans = &snapshot->spans[i];
        const struct source_mapping *mapping =
            &report->source->mappings[spans[0].mapping];
        uint64_t counts[COLD_AGES_MOST] = {0};
        struct census all = {0};

        count = spans_of_mapping(snapshot, i);
        for (size_t j = 0; j < count; j++) {
            if (is_sampled(report))
                census_count(&all,
                             snapshot->bytes + (size_t)spans[j].first_page *
                                                   snapshot->page_size,
                             snapshot->page_size, spans[j].page_count);
            else
                add_pages(report, snapshot, &spans[j], &hint, counts);
        }
        if (is_sampled(report))
            add_sample(report, spans, count, &all, counts);
        for (size_t age = 0; age < report->cold->age_count; age++) {
            report->origins[mapping->origin].cold[age] += counts[age];
            names[mapping->name].cold[age] += counts[age];
        }
    }
}

/* The standard error of the payload, in bytes. */
static double payload_error(const struct report_cold *cold, size_t result)
{
    return sqrt(cold->variances[result]);
}

double report_pool_error(const struct report *report,
                         const struct report_cold *cold, size_t result)
{
    const struct run_result *all = &report->results[result];

    return all->payload_bytes == 0
               ? 0.0
               : payload_error(cold, result) * (double)all->pool_bytes /
                     (double)all->payload_bytes;
}

double report_again_per_second(const struct report *report, size_t age)
{
    return (double)report->cold->ages[age].again * 1e9 /
           (double)report->cold->ages[age].watched;
}

double report_processor_percent(const struct report *report, size_t age,
                                size_t result)
{
    return report_again_per_second(report, age) *
           (double)report->results[result].load_nanoseconds /
           (double)report->census.pages / 1e9 * 100.0;
}

static void add_row(struct table *table, const struct report *report,
                    size_t age, size_t result, double unit)
{
    const struct report_cold *cold = &report->cold_ages[age];
    const double factor = report->scale / unit;
    const struct report_whole whole =
        report_whole_share(report, &cold->part, result, report->scale);
    const struct report_sizes sizes =
        report_sizes(whole.bytes, whole.pool, whole.cost, unit);
    char text[BYTE_TEXT_SIZE];

    table_add(table, "%" PRIu64 " s", report->cold->ages[age].seconds);
    table_add(table, "%s", tenths_text(text, sizes.whole));
    table_add(table, "%.1f%%",
              percent_of(cold->part.census.pages, report->census.pages));
    table_add(table, "%s", tenths_text(text, sizes.pool));
    if (is_sampled(report))
        table_add(table, "%.2f",
                  report_pool_error(report, cold, result) * factor);
    table_add(table, "%s", tenths_text(text, sizes.metadata));
    table_add(table, "%s", tenths_text(text, sizes.left));
    table_add(table, "%.1f", report_again_per_second(report, age));
    table_add(table, "%.2f%%", report_processor_percent(report, age, result));
}

static const char *const means_texts[] = {
    [COLD_IDLE] =
        "Cold is what idle page tracking saw neither read nor written, page "
        "by page (a huge page as one). This means was tested on recorded "
        "files, not on a kernel.",
    [COLD_CONTENTS] =
        "Cold is what had the same contents in all looks over that time, page "
        "by page. Reads are not seen: a page that is only read counts as "
        "cold, so this is the most that can be cold, and the least that is "
        "touched again (--clear-refs sees reads). Each look reads the pages, "
        "which the kernel's reclaim takes for a use of them.",
    [COLD_REFERENCED] =
        "Cold is what is not in Referenced of smaps so long after clear_refs, "
        "reads seen, mapping by mapping (a huge page as one). Which of its "
        "pages these are is not known: a random sample of the mapping stands "
        "for them, and the error is its standard error. The kernel's reclaim "
        "has lost what it knew about uses before."};

const char *report_cold_means(const struct report *report)
{
    return means_texts[report->cold->means];
}

void report_print_cold(const struct report *report, size_t result, FILE *file)
{
    const struct run_result *shown = &report->results[result];
    struct table table = {.column_count = 8};
    struct byte_unit unit =
        byte_unit_for(report->census.pages * report->page_size);
    struct text text = {0};

    if (report->cold == NULL)
        return;
    table.column_count += is_sampled(report);
    table_add(&table, "untouched");
    table_add(&table, "cold");
    table_add(&table, "of all");
    table_add(&table, "pool");
    if (is_sampled(report))
        table_add(&table, "error");
    table_add(&table, "metadata");
    table_add(&table, "come free");
    table_add(&table, "again/s");
    table_add(&table, "processor");
    for (size_t i = 0; i < report->cold->age_count; i++)
        add_row(&table, report, i, result, unit.bytes);
    fprintf(file, "\nCold pages, %s %s, in %s%s:\n\n", shown->codec->label,
            run_target_name(shown->target, shown->placement), unit.name,
            report->sample == SAMPLE_ALL ? "" : ", scaled up from the sample");
    table_print(&table, file);
    table_free(&table);
    text_print(&text, "%s", means_texts[report->cold->means]);
    if (report->cold->ended != 0)
        text_print_sentence(&text,
                            "Processes that ended during the looks: %zu; they "
                            "are in no figure.",
                            report->cold->ended);
    fputc('\n', file);
    text_print_wrapped(file, text.bytes, 0);
    text_free(&text);
}

static void put(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

void report_put_cold_pages(struct json *json, const struct report *report,
                           const struct report_part *part)
{
    if (report->cold == NULL)
        return;
    json_key(json, "cold_pages");
    json_open(json, '[');
    for (size_t i = 0; i < report->cold->age_count; i++)
        json_number(json, part->cold[i]);
    json_close(json, ']');
}

static void put_result(struct json *json, const struct report *report,
                       size_t age, size_t result)
{
    const struct report_cold *cold = &report->cold_ages[age];
    const struct run_result *all = &report->results[result];

    json_open(json, '{');
    json_key(json, "for");
    json_string(json, run_target_name(all->target, all->placement));
    json_key(json, "codec");
    json_string(json, all->codec->label);
    put(json, "payload_bytes", cold->part.payloads[result]);
    if (is_sampled(report))
        put(json, "payload_error_bytes", rounded(payload_error(cold, result)));
    put(json, "pool_bytes", report_pool_share(report, &cold->part, result));
    put(json, "cost_bytes", report_cost_share(report, &cold->part, result));
    json_key(json, "processor_percent");
    json_thousandths(
        json, rounded(1e3 * report_processor_percent(report, age, result)));
    json_close(json, '}');
}

void report_put_cold(struct json *json, const struct report *report)
{
    static const char *const means[] = {[COLD_IDLE] = "page_idle",
                                        [COLD_CONTENTS] = "contents",
                                        [COLD_REFERENCED] = "referenced"};

    if (report->cold == NULL)
        return;
    json_key(json, "cold");
    json_open(json, '{');
    json_key(json, "means");
    json_string(json, means[report->cold->means]);
    json_key(json, "resolution");
    json_string(json, is_sampled(report) ? "mapping" : "page");
    put(json, "ended_processes", report->cold->ended);
    json_key(json, "ages");
    json_open(json, '[');
    for (size_t i = 0; i < report->cold->age_count; i++) {
        const struct cold_age *age = &report->cold->ages[i];

        json_open(json, '{');
        put(json, "seconds", age->seconds);
        put(json, "observed_ns", age->observed);
        put(json, "pages", report->cold_ages[i].part.census.pages);
        put(json, "watched_ns", age->watched);
        put(json, "touched_again_pages", age->again);
        json_key(json, "results");
        json_open(json, '[');
        for (size_t j = 0; j < report->result_count; j++)
            put_result(json, report, i, j);
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}
