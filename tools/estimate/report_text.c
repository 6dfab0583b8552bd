/* SPDX-License-Identifier: MIT */
/* report_text.c - a report for a person. */
#include <inttypes.h>
#include <stdlib.h>

#include "estimate/report.h"

static const char definitions[] =
    "zero         pages of nothing but zeros\n"
    "same-filled  pages of one repeated word, zero pages included: they take\n"
    "             an entry, but no room in the pool\n"
    "duplicate    other pages that equal an earlier one of the source; the\n"
    "             pool stores each of them\n"
    "payload      what the codec put out; raw pages whole, same-filled not\n"
    "pool         pages of the pool, headers and gaps included, as the kernel\n"
    "             counts them\n"
    "metadata     everything else that grows with the entries: entries, tree,\n"
    "             handles\n"
    "ratio        bytes of the pages / (pool + metadata)\n"
    "saved        part of the bytes of the pages that would come free\n"
    "raw          pages that did not shrink enough and are stored as they are\n"
    "out, in      microseconds to store and to load a page, per thread, the\n"
    "             calls of the library alone, in storing order\n"
    "mismatches   pages that came back different, or not at all, after all of\n"
    "             them were loaded and compared\n"
    "kernel       the size classes of the kernel's zsmalloc, exactly\n"
    "dense        this library's own placement, without size classes\n";

static void print_heading(const struct report *report, FILE *file)
{
    const struct census *census = &report->census;
    char size[BYTE_TEXT_SIZE];

    text_print_visible(file, report->label);
    fprintf(file, "\n  %" PRIu64 " pages of %zu KiB, %s", census->pages,
            report->page_size / 1024,
            byte_text(size, census->pages * report->page_size));
    if (report->sample != SAMPLE_ALL)
        fprintf(file, "; a sample of %g %% of %" PRIu64 " pages",
                (double)report->sample / 1e3, report->source_pages);
    fprintf(file,
            "\n  zero %" PRIu64 " (%.1f %%), same-filled %" PRIu64
            " (%.1f %%), duplicate %" PRIu64 " (%.1f %%)\n",
            census->zero_pages, percent_of(census->zero_pages, census->pages),
            census->same_filled_pages,
            percent_of(census->same_filled_pages, census->pages),
            census->duplicate_pages,
            percent_of(census->duplicate_pages, census->pages));
    if (report->note != NULL) {
        struct text note = {0};

        text_append_visible(&note, report->note);
        text_print_wrapped(file, note.bytes, 2);
        text_free(&note);
    }
}

static void add_result_row(struct table *table, const struct report *report,
                           const struct run_result *result,
                           struct byte_unit unit)
{
    const double pages = (double)report->census.pages;
    const uint64_t bytes = report->census.pages * report->page_size;
    const uint64_t cost = run_result_cost(result);

    table_add(table, "%s", result->codec->label);
    table_add(table, "%s", placement_name(result->placement));
    table_add(table, "%.1f", (double)result->payload_bytes / unit.bytes);
    table_add(table, "%.1f", (double)result->pool_bytes / unit.bytes);
    table_add(table, "%.1f", (double)result->metadata_bytes / unit.bytes);
    if (cost == 0)
        table_add(table, "-");
    else
        table_add(table, "%.2f", (double)bytes / (double)cost);
    table_add(table, "%.1f%%", 100.0 - percent_of(cost, bytes));
    table_add(table, "%" PRIu64, result->raw_pages);
    table_add(table, "%.2f", (double)result->store_nanoseconds / 1e3 / pages);
    table_add(table, "%.2f", (double)result->load_nanoseconds / 1e3 / pages);
    table_add(table, "%" PRIu64, result->mismatches);
}

static void print_results(const struct report *report, FILE *file)
{
    static const char *const headings[] = {
        "codec", "placement", "payload", "pool", "metadata",  "ratio",
        "saved", "raw",       "out",     "in",   "mismatches"};
    const size_t columns = sizeof(headings) / sizeof(headings[0]);
    struct table table = {.column_count = columns, .left = 3};
    struct byte_unit unit =
        byte_unit_for(report->census.pages * report->page_size);

    for (size_t i = 0; i < columns; i++)
        table_add(&table, "%s", headings[i]);
    for (size_t i = 0; i < report->result_count; i++)
        add_result_row(&table, report, &report->results[i], unit);
    fprintf(file, "\nSizes in %s, times in microseconds per page:\n\n",
            unit.name);
    table_print(&table, file);
    table_free(&table);
}

/* The outlook for the whole source, scaled up from a sample. */
static void print_outlook(const struct report *report,
                          const struct run_result *choice, FILE *file)
{
    const uint64_t bytes = report->census.pages * report->page_size;
    const uint64_t cost = run_result_cost(choice);
    const bool sampled = report->sample != SAMPLE_ALL;
    const double scale = sampled ? (double)report->source_pages /
                                       (double)report->census.pages
                                 : 1.0;
    struct text text = {0};
    char size[BYTE_TEXT_SIZE];

    text_print(&text, "If every page of it were swapped out%s, ",
               sampled ? " (scaled up from the sample)" : "");
    text_print(&text, "%s would become ",
               byte_text(size, (uint64_t)((double)bytes * scale)));
    text_print(&text, "%s (%s, %s), and ",
               byte_text(size, (uint64_t)((double)cost * scale)),
               choice->codec->label, placement_name(choice->placement));
    if (cost < bytes)
        text_print(&text, "%s would come free.",
                   byte_text(size, (uint64_t)((double)(bytes - cost) * scale)));
    else
        text_print(&text, "nothing would come free.");
    text_print(&text, " Which of its pages are cold is not known.");
    text_print_wrapped(file, text.bytes, 0);
    text_free(&text);
}

static void print_suggestion(const struct report *report, FILE *file)
{
    struct text text = {0};
    const struct run_result *choice = report_suggest(report, &text);

    fputc('\n', file);
    text_print_wrapped(file, text.bytes, 0);
    text_free(&text);
    if (choice != NULL)
        print_outlook(report, choice, file);
}

static int compare_mappings(const void *left, const void *right)
{
    const struct report_mapping *a = left;
    const struct report_mapping *b = right;

    return (a->census.pages < b->census.pages) -
           (a->census.pages > b->census.pages);
}

static void print_mappings(const struct report *report, FILE *file)
{
    struct table table = {.column_count = 5, .left = 1u << 4};
    struct byte_unit unit =
        byte_unit_for(report->census.pages * report->page_size);

    if (report->mapping_count == 0)
        return;
    qsort(report->mappings, report->mapping_count, sizeof(*report->mappings),
          compare_mappings);
    table_add(&table, "pages");
    table_add(&table, "zero");
    table_add(&table, "same-filled");
    table_add(&table, "%s payload", report->results[0].codec->label);
    table_add(&table, " mapping");
    for (size_t i = 0; i < report->mapping_count; i++) {
        const struct report_mapping *row = &report->mappings[i];

        table_add(&table, "%" PRIu64, row->census.pages);
        table_add(&table, "%" PRIu64, row->census.zero_pages);
        table_add(&table, "%" PRIu64, row->census.same_filled_pages);
        table_add(&table, "%.1f", (double)row->payload_bytes / unit.bytes);
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
                    result->codec->label, placement_name(result->placement),
                    result->classes);
    }
}

static void print_report(const struct report *report, FILE *file)
{
    print_heading(report, file);
    print_results(report, file);
    print_suggestion(report, file);
    print_mappings(report, file);
    print_classes(report, file);
    fputc('\n', file);
}

void report_print_text(const struct report_list *list, FILE *file)
{
    for (size_t i = 0; i < list->count; i++)
        print_report(&list->reports[i], file);
    if (list->count > 1) {
        struct report sum;

        report_sum(&sum, list);
        print_report(&sum, file);
        report_free(&sum);
    }
    fputs(definitions, file);
}
