/* SPDX-License-Identifier: MIT */
/* report_text.c - a report for a person. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/report.h"
#include "estimate/report_omitted.h"
#include "estimate/suggestion.h"

static const char legend[] =
    "zero         pages of nothing but zeros\n"
    "same-filled  pages of one repeated word, zero pages included\n"
    "duplicate    other pages that equal an earlier one; the pool stores each\n"
    "             of them\n"
    "payload      what the codec put out; raw pages whole, and nothing of\n"
    "             pages that get no object: zero pages in zswap, same-filled\n"
    "             ones in zram and in this library\n"
    "pool         pages of the one pool of all sources, headers and gaps\n"
    "             included, as the kernel counts them; of one source, its\n"
    "             share by payload\n"
    "metadata     what the kernel keeps beside the pool: 80 bytes of a page\n"
    "             that zswap stores, 32 of one that zram stores; of this\n"
    "             library, what grows with the entries\n"
    "ratio        bytes of the pages / (pool + metadata)\n"
    "saved        part of the bytes of the pages that would come free\n"
    "come free    the same in bytes: swappable less pool and metadata, as\n"
    "             they are printed\n"
    "raw          pages that did not shrink enough and are stored as they are\n"
    "out, in      microseconds of processor time to store and to load a page:\n"
    "             the lower quartile of 5 passes, or of 25 near a bound, over\n"
    "             at most 1024 pages, in which the rows take turns\n"
    "spread       of out and in together: half of the passes are so near to\n"
    "             the median; that of a ratio of two rows is smaller\n"
    "mismatches   pages that came back different, or not at all, after all of\n"
    "             them were loaded and compared\n"
    "zswap, zram  the rules of Linux 6.18 over the size classes of zsmalloc\n"
    "kernel       this library's cache over the size classes of zsmalloc\n"
    "dense        this library's cache in its own placement\n"
    "untouched    the age: cold pages were not touched for so many seconds\n"
    "cold, of all their size, and their part of all pages\n"
    "error        of the pool of the cold pages: its standard error, where a\n"
    "             random sample of each mapping stands for them\n"
    "again/s      cold pages that were touched again, in a second\n"
    "processor    the time to load so many pages, in percent of a processor;\n"
    "             page faults not included\n";

const char *report_legend(void)
{
    return legend;
}

static void print_heading(const struct report *report, FILE *file)
{
    const struct census *census = &report->census;
    const struct source *source = report->source;
    char size[BYTE_TEXT_SIZE];

    text_print_visible(file, source->label);
    fprintf(file, "\n  %" PRIu64 " pages of %zu KiB, %s", census->pages,
            report->page_size / 1024,
            byte_text(size, census->pages * report->page_size));
    if (report->sample != SAMPLE_ALL)
        fprintf(file, "; a sample of %g %% of %" PRIu64 " pages",
                (double)report->sample / 1e3, source->page_count);
    fprintf(file,
            "\n  zero %" PRIu64 " (%.1f %%), same-filled %" PRIu64
            " (%.1f %%), duplicate %" PRIu64 " (%.1f %%)\n",
            census->zero_pages, percent_of(census->zero_pages, census->pages),
            census->same_filled_pages,
            percent_of(census->same_filled_pages, census->pages),
            census->duplicate_pages,
            percent_of(census->duplicate_pages, census->pages));
    if (source->note.length != 0) {
        struct text note = {0};

        text_append_visible(&note, source->note.bytes);
        text_print_wrapped(file, note.bytes, 2);
        text_free(&note);
    }
}

static void add_result_row(struct table *table, const struct report *report,
                           const struct run_result *result,
                           struct byte_unit unit)
{
    const double pages = (double)report->census.pages;
    const struct report_whole whole = report_whole(report, result);

    table_add(table, "%s", result->codec->label);
    table_add(table, "%s", run_target_name(result->target, result->placement));
    table_add(table, "%.1f", (double)result->payload_bytes / unit.bytes);
    table_add(table, "%.1f", (double)result->pool_bytes / unit.bytes);
    table_add(table, "%.1f", (double)result->metadata_bytes / unit.bytes);
    if (whole.cost <= 0.0)
        table_add(table, "-");
    else
        table_add(table, "%.2f", whole.bytes / whole.cost);
    table_add(table, "%.1f%%", report_saved_percent(&whole));
    table_add(table, "%" PRIu64, result->raw_pages);
    table_add(table, "%.2f", (double)result->store_nanoseconds / 1e3 / pages);
    table_add(table, "%.2f", (double)result->load_nanoseconds / 1e3 / pages);
    table_add(table, "%.2f", (double)result->spread_nanoseconds / 1e3 / pages);
    table_add(table, "%" PRIu64, result->mismatches);
}

/* Was it said of an earlier result of this codec? */
static bool is_said(const struct report *report, size_t at)
{
    const struct run_result *result = &report->results[at];

    for (size_t i = 0; i < at; i++) {
        const struct run_result *other = &report->results[i];

        if (other->codec == result->codec && other->remark.length != 0 &&
            strcmp(other->remark.bytes, result->remark.bytes) == 0)
            return true;
    }
    return false;
}

static void print_remarks(const struct report *report, FILE *file)
{
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];
        struct text text = {0};

        if (result->remark.length == 0 || is_said(report, i))
            continue;
        text_print(&text, "%s: %s", result->codec->label, result->remark.bytes);
        fputc('\n', file);
        text_print_wrapped(file, text.bytes, 0);
        text_free(&text);
    }
}

static void print_codecs(const struct report *report, FILE *file)
{
    struct text text = {0};

    report_say_codecs(report, &text);
    if (text.length != 0) {
        fputc('\n', file);
        text_print_wrapped(file, text.bytes, 0);
    }
    text_free(&text);
}

static void print_chain_note(const struct report *report, FILE *file)
{
    struct text note = {0};

    report_chain_note(report, &note);
    if (note.length != 0) {
        fputc('\n', file);
        text_print_wrapped(file, note.bytes, 0);
    }
    text_free(&note);
}

static void print_results(const struct report *report, FILE *file)
{
    static const char *const headings[] = {
        "codec", "for", "payload", "pool", "metadata", "ratio",
        "saved", "raw", "out",     "in",   "spread",   "mismatches"};
    const size_t columns = sizeof(headings) / sizeof(headings[0]);
    struct table table = {.column_count = columns, .left = 3};
    struct byte_unit unit =
        byte_unit_for(report->census.pages * report->page_size);

    for (size_t i = 0; i < columns; i++)
        table_add(&table, "%s", headings[i]);
    for (size_t i = 0; i < report->result_count; i++)
        add_result_row(&table, report, &report->results[i], unit);
    if (report->sample != SAMPLE_ALL)
        fprintf(file,
                "\nSizes of the sample in %s, ratio and saved of all, "
                "times in us per page:\n\n",
                unit.name);
    else
        fprintf(file, "\nSizes in %s, times in microseconds per page:\n\n",
                unit.name);
    table_print(&table, file);
    table_free(&table);
    print_remarks(report, file);
    print_codecs(report, file);
    print_chain_note(report, file);
}

/* The outlook for the whole source, scaled up from a sample. */
static void print_outlook(const struct report *report,
                          const struct run_result *choice, FILE *file)
{
    const bool sampled = report->sample != SAMPLE_ALL;
    const struct report_whole whole = report_whole(report, choice);
    const struct byte_unit unit = byte_unit_for((uint64_t)whole.bytes);
    const struct report_sizes sizes =
        report_sizes(whole.bytes, whole.pool, whole.cost, unit.bytes);
    struct text text = {0};
    char size[BYTE_TEXT_SIZE];

    text_print(&text, "If every page of it were swapped out%s, ",
               sampled ? " (scaled up from the sample)" : "");
    text_print(&text, "%s %s would become ", tenths_text(size, sizes.whole),
               unit.name);
    text_print(&text, "%s %s (%s, %s, with its metadata), and ",
               tenths_text(size, sizes.pool + sizes.metadata), unit.name,
               choice->codec->label,
               run_target_name(choice->target, choice->placement));
    if (sizes.left > 0)
        text_print(&text, "%s %s would come free.",
                   tenths_text(size, sizes.left), unit.name);
    else
        text_print(&text, "nothing would come free.");
    if (report->cold == NULL)
        text_print(&text, " Which of its pages are cold is not known; %s",
                   report->source->origins[0].pid != 0
                       ? "--cold finds out."
                       : "--cold finds out, of processes and not of files.");
    text_print_wrapped(file, text.bytes, 0);
    text_free(&text);
}

/*
 * The cells of one line, of `pages` before sampling: sizes, the share of the
 * pool, what would come free, scaled up; nothing is known of a source of which
 * the sample has no page.
 */
static void add_part_cells(struct table *table, const struct report *report,
                           const struct report_part *part, uint64_t pages,
                           size_t result, struct report_sum *sum, double unit)
{
    const double bytes = (double)(pages * report->page_size);
    const bool is_known = part->census.pages != 0;
    const double scale = is_known ? (double)pages / (double)part->census.pages
                                  : 0.0;
    const struct report_whole whole =
        report_whole_share(report, part, result, scale);
    const struct report_sizes sizes =
        report_sizes_add(sum, bytes, whole.pool, whole.cost, unit);
    const int64_t cells[] = {sizes.pool, sizes.metadata, sizes.left};
    char text[BYTE_TEXT_SIZE];

    table_add(table, "%s", tenths_text(text, sizes.whole));
    for (size_t i = 0; i < report_cold_ages(report); i++) {
        const int64_t cold = tenths_of(
            (double)(part->cold[i] * report->page_size) * scale, unit);

        /* Not more than all, as that is rounded. */
        if (is_known)
            table_add(
                table, "%s",
                tenths_text(text, cold < sizes.whole ? cold : sizes.whole));
        else
            table_add(table, pages == 0 ? "0.0" : "?");
    }
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        if (is_known)
            table_add(table, "%s", tenths_text(text, cells[i]));
        else
            table_add(table, pages == 0 ? "0.0" : "?");
    }
}

/* The pages of an origin: those that were counted, and not those that could not
 * be read; of a sample, those that it stands for. */
static uint64_t pages_of(const struct report *report,
                         const struct report_part *part)
{
    return report->sample == SAMPLE_ALL ? part->census.pages
                                        : part->whole_pages;
}

/* The largest first, by the size that is printed, which of a sample is that of
 * the whole. */
static int compare_whole(const void *left, const void *right)
{
    const struct report_part *a = left;
    const struct report_part *b = right;

    if (a->whole_pages != b->whole_pages)
        return a->whole_pages < b->whole_pages ? 1 : -1;
    return report_compare_parts(left, right);
}

/* The parts from `first` on as one line. */
static void add_rest(struct table *table, const struct report *report,
                     const struct report_part *parts, size_t first,
                     size_t result, struct report_sum *sum, double unit)
{
    const size_t count = report->source->origin_count;
    struct report_part rest = {
        .payloads = memory_allocate(report->result_count, sizeof(uint64_t))};
    uint64_t pages = 0;

    rest.payloads[result] = 0;
    for (size_t i = first; i < count; i++) {
        pages += pages_of(report, &parts[i]);
        rest.census.pages += parts[i].census.pages;
        rest.census.zero_pages += parts[i].census.zero_pages;
        rest.census.same_filled_pages += parts[i].census.same_filled_pages;
        rest.payloads[result] += parts[i].payloads[result];
        for (size_t age = 0; age < report_cold_ages(report); age++)
            rest.cold[age] += parts[i].cold[age];
    }
    table_add(table, "%s", first == 0 ? "" : "...");
    table_add(table, first == 0 ? "all %zu" : "%zu more", count - first);
    add_part_cells(table, report, &rest, pages, result, sum, unit);
    free(rest.payloads);
}

/* One line for each source, the largest first, and the sum. */
static void print_sources(const struct report *report, size_t result,
                          FILE *file)
{
    const size_t count = report->source->origin_count;
    const struct run_result *shown = &report->results[result];
    struct table table = {.column_count = 6 + report_cold_ages(report),
                          .left = 1u << 1};
    struct byte_unit unit =
        byte_unit_for(report->source->page_count * report->page_size);
    struct report_sum sum = {0};
    struct report_sum all = {0};
    struct report_part *parts;

    if (count == 1 || shown->sizes == NULL)
        return;
    parts = report_sorted_origins(report);
    if (report->sample != SAMPLE_ALL)
        qsort(parts, count, sizeof(*parts), compare_whole);
    table_add(&table, "pid");
    table_add(&table, " name");
    table_add(&table, "swappable");
    for (size_t i = 0; i < report_cold_ages(report); i++)
        table_add(&table, "cold %" PRIu64 " s", report->cold->ages[i].seconds);
    table_add(&table, "pool");
    table_add(&table, "metadata");
    table_add(&table, "come free");
    for (size_t i = 0; i < count && i < report->top; i++) {
        const struct source_origin *origin =
            &report->source->origins[parts[i].origin];

        if (origin->pid == 0)
            table_add(&table, "-");
        else
            table_add(&table, "%ld", origin->pid);
        table_add(&table, " %s", parts[i].name);
        add_part_cells(&table, report, &parts[i], pages_of(report, &parts[i]),
                       result, &sum, unit.bytes);
    }
    if (report->top < count)
        add_rest(&table, report, parts, report->top, result, &sum, unit.bytes);
    add_rest(&table, report, parts, 0, result, &all, unit.bytes);
    fputc('\n', file);
    fprintf(file, "In one pool, %s %s, in %s:\n\n", shown->codec->label,
            run_target_name(shown->target, shown->placement), unit.name);
    table_print(&table, file);
    table_free(&table);
    if (report->sample != SAMPLE_ALL)
        fprintf(file,
                "\nEach line is scaled up from its own part of the sample, "
                "so the lines need\nnot add up to the last one.\n");
    free(parts);
}

static void print_mappings(const struct report *report, size_t result,
                           FILE *file)
{
    struct table table = {.column_count = 5, .left = 1u << 4};
    struct byte_unit unit =
        byte_unit_for(report->census.pages * report->page_size);

    if (report->mapping_count == 0)
        return;
    qsort(report->mappings, report->mapping_count, sizeof(*report->mappings),
          report_compare_parts);
    table_add(&table, "pages");
    table_add(&table, "zero");
    table_add(&table, "same-filled");
    table_add(&table, "%s payload", report->results[result].codec->label);
    table_add(&table, " mapping");
    for (size_t i = 0; i < report->mapping_count; i++) {
        const struct report_part *row = &report->mappings[i];

        table_add(&table, "%" PRIu64, row->census.pages);
        table_add(&table, "%" PRIu64, row->census.zero_pages);
        table_add(&table, "%" PRIu64, row->census.same_filled_pages);
        table_add(&table, "%.1f", (double)row->payloads[result] / unit.bytes);
        table_add(&table, " %s", row->name);
    }
    fprintf(file, "\nBy mapping, payload in %s:\n\n", unit.name);
    table_print(&table, file);
    table_free(&table);
}

static void print_classes(const struct report *report, FILE *file)
{
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        if (result->classes != NULL)
            fprintf(file, "\nClasses of the pool, %s %s:\n\n%s",
                    result->codec->label,
                    run_target_name(result->target, result->placement),
                    result->classes);
    }
}

void report_print_text(const struct report *report, FILE *file)
{
    const struct suggestion *suggestion = report->suggestion;
    const size_t shown = report->shown;

    print_heading(report, file);
    report_print_omitted(report->source, file);
    print_sources(report, shown, file);
    print_results(report, file);
    report_print_cold(report, shown, file);
    fputc('\n', file);
    if (suggestion->kind > SUGGEST_TOO_SMALL && suggestion->chosen != NULL)
        print_outlook(report, suggestion->chosen, file);
    suggestion_print(suggestion, report, file);
    print_mappings(report, shown, file);
    print_classes(report, file);
    if (report->legend)
        fprintf(file, "\n%s", legend);
}
