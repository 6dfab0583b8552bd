/* SPDX-License-Identifier: MIT */
/*
 * report_html.c - a report as one page, with its pictures in it.
 *
 * A size is shown rounded, and its bytes, as JSON has them, are in the element
 * around it: <data value="163840">0.2</data>.  As in JSON, nothing is scaled up
 * from a sample but the lines to type.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/new_file.h"
#include "estimate/html.h"
#include "estimate/report_omitted.h"
#include "estimate/suggestion.h"

static const char style[] =
    "body { font: 15px/1.4 sans-serif; max-width: 66em; margin: 2em auto; "
    "padding: 0 1em; color: #1a202c; background: #fff; }\n"
    "h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }\n"
    "pre { background: #f4f5f7; padding: 1em; overflow-x: auto; }\n"
    "table { border-collapse: collapse; }\n"
    "div.wide { overflow-x: auto; }\n"
    "th, td { text-align: right; padding: 0.2em 0.6em; "
    "border-bottom: 1px solid #e2e8f0; white-space: nowrap; }\n"
    "th.word, td.word { text-align: left; }\n"
    "tr.sum td { font-weight: bold; }\n"
    "svg { display: block; width: 100%; max-width: 760px; height: auto; }\n"
    "svg text { font: 13px sans-serif; fill: #1a202c; }\n"
    "rect.free { fill: #b7dfb9; }\nrect.cost { fill: #2b6cb0; }\n"
    "line.axis { stroke: #1a202c; stroke-width: 2; }\n"
    "line.grid { stroke: #e2e8f0; }\n";

/* What the parts of a page are made of. */
struct page {
    FILE *file;
    const struct report *report;
    struct byte_unit unit;
};

static void put_word(const struct page *page, const char *word)
{
    fputs("<td class=\"word\">", page->file);
    html_text(page->file, word);
    fputs("</td>", page->file);
}

static void put_count(const struct page *page, uint64_t count)
{
    fprintf(page->file, "<td>%" PRIu64 "</td>", count);
}

static void write_size(const struct page *page, int64_t bytes, int64_t tenths)
{
    char text[BYTE_TEXT_SIZE];

    fprintf(page->file, "<data value=\"%" PRId64 "\">%s</data>", bytes,
            tenths_text(text, tenths));
}

static void put_size(const struct page *page, int64_t bytes, int64_t tenths)
{
    fputs("<td>", page->file);
    write_size(page, bytes, tenths);
    fputs("</td>", page->file);
}

static void put_bytes(const struct page *page, int64_t bytes)
{
    put_size(page, bytes, tenths_of((double)bytes, page->unit.bytes));
}

/* The cells of pool, metadata and what is left, which is less than nothing
 * where the pages grow. */
static void put_cost(const struct page *page, uint64_t pages, uint64_t pool,
                     uint64_t cost, const struct report_sizes *sizes)
{
    const uint64_t whole = pages * page->report->page_size;

    put_size(page, (int64_t)pool, sizes->pool);
    put_size(page, (int64_t)(cost - pool), sizes->metadata);
    put_size(page, (int64_t)whole - (int64_t)cost, sizes->left);
}

static struct report_sizes sizes_of(const struct page *page, uint64_t pages,
                                    uint64_t pool, uint64_t cost)
{
    return report_sizes((double)(pages * page->report->page_size), (double)pool,
                        (double)cost, page->unit.bytes);
}

/* Opens a table; a name that begins with a blank is of a column of words. */
static void open_table(const struct page *page, const char *id,
                       const char *const *names, size_t count)
{
    fprintf(page->file, "<div class=\"wide\"><table id=\"%s\">\n<tr>", id);
    for (size_t i = 0; i < count; i++)
        fprintf(page->file, "<th%s>%s</th>",
                names[i][0] == ' ' ? " class=\"word\"" : "",
                names[i] + (names[i][0] == ' '));
}

static void close_table(const struct page *page)
{
    fputs("</table></div>\n", page->file);
}

static void print_omitted(const struct report *report, FILE *file)
{
    report_print_omitted(report->source, file);
}

static void print_suggestion(const struct report *report, FILE *file)
{
    suggestion_print(report->suggestion, report, file);
}

static void print_legend(const struct report *report, FILE *file)
{
    (void)report;
    fputs(report_legend(), file);
}

/* The name of the configuration: "zstd zswap". */
static void write_shown(const struct page *page)
{
    const struct run_result *shown =
        &page->report->results[page->report->shown];

    html_text(page->file, shown->codec->label);
    fprintf(page->file, " %s",
            run_target_name(shown->target, shown->placement));
}

static bool write_summary(const struct page *page)
{
    const struct report *report = page->report;
    const struct census *census = &report->census;
    const struct report_whole whole =
        report_whole(report, &report->results[report->shown]);
    char size[BYTE_TEXT_SIZE];

    fputs("<h1>zcache estimate: ", page->file);
    html_text(page->file, report->source->label);
    fprintf(page->file,
            "</h1>\n<p id=\"total\">%" PRIu64 " pages of %zu KiB, %s: ",
            census->pages, report->page_size / 1024,
            byte_text(size, census->pages * report->page_size));
    write_size(
        page, (int64_t)(whole.bytes - whole.cost),
        report_sizes(whole.bytes, whole.pool, whole.cost, page->unit.bytes)
            .left);
    fprintf(page->file, " %s would come free (%s", page->unit.name,
            report->sample == SAMPLE_ALL ? "" : "scaled up from the sample: ");
    write_shown(page);
    fprintf(page->file,
            ").</p>\n<p>Zero %" PRIu64 ", same-filled %" PRIu64
            ", duplicate %" PRIu64 ".",
            census->zero_pages, census->same_filled_pages,
            census->duplicate_pages);
    if (report->sample != SAMPLE_ALL)
        fprintf(page->file,
                " This is a sample of %g %% of %" PRIu64
                " pages: the sizes below are those of the sample, but for the "
                "part that is saved and the lines to type.",
                (double)report->sample / 1e3, report->source->page_count);
    if (report_mismatches(report) != 0)
        fprintf(page->file,
                " <strong>%" PRIu64 " pages came back wrong.</strong>",
                report_mismatches(report));
    fputs("</p>\n", page->file);
    if (report->source->note.length != 0) {
        fputs("<p>", page->file);
        html_text(page->file, report->source->note.bytes);
        fputs("</p>\n", page->file);
    }
    return html_lines(page->file, print_omitted, report);
}

static void write_result(const struct page *page,
                         const struct run_result *result)
{
    const uint64_t pages = page->report->census.pages;
    const uint64_t cost = run_result_cost(result);
    const struct report_whole whole = report_whole(page->report, result);
    const struct report_sizes sizes =
        sizes_of(page, pages, result->pool_bytes, cost);

    fputs("<tr>", page->file);
    put_word(page, result->codec->label);
    put_word(page, run_target_name(result->target, result->placement));
    put_bytes(page, (int64_t)result->payload_bytes);
    put_cost(page, pages, result->pool_bytes, cost, &sizes);
    fprintf(page->file, "<td>%.1f%%</td>", report_saved_percent(&whole));
    put_count(page, result->raw_pages);
    fprintf(page->file, "<td>%.2f</td><td>%.2f</td><td>%.2f</td>",
            (double)result->store_nanoseconds / 1e3 / (double)pages,
            (double)result->load_nanoseconds / 1e3 / (double)pages,
            (double)result->spread_nanoseconds / 1e3 / (double)pages);
    put_count(page, result->mismatches);
    fputs("</tr>\n", page->file);
}

static void write_results(const struct page *page)
{
    static const char *const names[] = {
        " codec", " for", "payload", "pool", "metadata", "come free",
        "saved",  "raw",  "out",     "in",   "spread",   "mismatches"};
    const struct report *report = page->report;
    struct bars bars = bars_of_results(report);
    struct text note = {0};

    fprintf(page->file, "<h2>%s</h2>\n", bars.title.bytes);
    html_bars(page->file, &bars);
    bars_free(&bars);
    fprintf(page->file, "<p>Sizes in %s, times in microseconds per page.</p>\n",
            page->unit.name);
    open_table(page, "results", names, sizeof(names) / sizeof(names[0]));
    fputs("</tr>\n", page->file);
    for (size_t i = 0; i < report->result_count; i++)
        write_result(page, &report->results[i]);
    close_table(page);
    for (size_t i = 0; i < report->result_count; i++) {
        const struct run_result *result = &report->results[i];

        if (result->remark.length == 0)
            continue;
        fputs("<p>", page->file);
        html_text(page->file, result->codec->label);
        fprintf(page->file,
                " %s: ", run_target_name(result->target, result->placement));
        html_text(page->file, result->remark.bytes);
        fputs("</p>\n", page->file);
    }
    report_say_codecs(report, &note);
    if (note.length != 0)
        text_print(&note, " ");
    report_chain_note(report, &note);
    if (note.length != 0) {
        fputs("<p>", page->file);
        html_text(page->file, note.bytes);
        fputs("</p>\n", page->file);
    }
    text_free(&note);
}

/* The cells of a part, or of everything. */
static void put_part(const struct page *page, const struct census *census,
                     const uint64_t *cold, uint64_t pool, uint64_t cost,
                     struct report_sum *sum)
{
    const struct report *report = page->report;
    const uint64_t whole = census->pages * report->page_size;
    const struct report_sizes sizes = report_sizes_add(
        sum, (double)whole, (double)pool, (double)cost, page->unit.bytes);

    put_size(page, (int64_t)whole, sizes.whole);
    for (size_t i = 0; i < report_cold_ages(report); i++)
        put_bytes(page, (int64_t)(cold[i] * report->page_size));
    put_cost(page, census->pages, pool, cost, &sizes);
    fputs("</tr>\n", page->file);
}

static void write_source_rows(const struct page *page)
{
    const struct report *report = page->report;
    const size_t count = report->source->origin_count;
    struct report_part *parts = report_sorted_origins(report);
    struct report_sum sum = {0};

    for (size_t i = 0; i < count; i++) {
        const long pid = report->source->origins[parts[i].origin].pid;

        if (pid == 0)
            fputs("<tr><td>-</td>", page->file);
        else
            fprintf(page->file, "<tr><td>%ld</td>", pid);
        put_word(page, parts[i].name);
        put_part(page, &parts[i].census, parts[i].cold,
                 report_pool_share(report, &parts[i], page->report->shown),
                 report_cost_share(report, &parts[i], page->report->shown),
                 &sum);
    }
    free(parts);
}

static void write_sources(const struct page *page)
{
    static const char *const names[] = {"pid", " name", "swappable"};
    const struct report *report = page->report;
    const struct run_result *shown = &report->results[page->report->shown];
    uint64_t cold[COLD_AGES_MOST] = {0};
    struct report_sum all = {0};

    fputs("<h2>Sources</h2>\n<p>In one pool, ", page->file);
    write_shown(page);
    fprintf(page->file, ", in %s.</p>\n", page->unit.name);
    open_table(page, "sources", names, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < report_cold_ages(report); i++) {
        fprintf(page->file, "<th>cold %" PRIu64 " s</th>",
                report->cold->ages[i].seconds);
        cold[i] = report->cold_ages[i].part.census.pages;
    }
    fputs("<th>pool</th><th>metadata</th><th>come free</th></tr>\n",
          page->file);
    write_source_rows(page);
    fprintf(page->file,
            "<tr class=\"sum\"><td></td><td class=\"word\">all %zu</td>",
            report->source->origin_count);
    put_part(page, &report->census, cold, shown->pool_bytes,
             run_result_cost(shown), &all);
    close_table(page);
}

static void write_cold_row(const struct page *page, size_t age)
{
    const struct report *report = page->report;
    const struct report_part *part = &report->cold_ages[age].part;
    const uint64_t pages = part->census.pages;
    const uint64_t pool = report_pool_share(report, part, report->shown);
    const uint64_t cost = report_cost_share(report, part, report->shown);
    const struct report_sizes sizes = sizes_of(page, pages, pool, cost);

    fprintf(page->file, "<tr><td>%" PRIu64 " s</td>",
            report->cold->ages[age].seconds);
    put_bytes(page, (int64_t)(pages * report->page_size));
    fprintf(page->file, "<td>%.1f%%</td>",
            percent_of(pages, report->census.pages));
    put_cost(page, pages, pool, cost, &sizes);
    fprintf(page->file, "<td>%.1f</td><td>%.2f%%</td></tr>\n",
            report_again_per_second(report, age),
            report_processor_percent(report, age, page->report->shown));
}

static void write_cold(const struct page *page)
{
    static const char *const names[] = {"untouched", "cold",     "of all",
                                        "pool",      "metadata", "come free",
                                        "again/s",   "processor"};
    const struct report *report = page->report;
    struct bars bars;

    if (report->cold == NULL)
        return;
    bars = bars_of_cold(report, page->report->shown);
    fputs("<h2>", page->file);
    html_text(page->file, bars.title.bytes);
    fputs("</h2>\n", page->file);
    html_bars(page->file, &bars);
    bars_free(&bars);
    fprintf(page->file, "<p>Sizes in %s.</p>\n", page->unit.name);
    open_table(page, "cold", names, sizeof(names) / sizeof(names[0]));
    fputs("</tr>\n", page->file);
    for (size_t i = 0; i < report->cold->age_count; i++)
        write_cold_row(page, i);
    close_table(page);
    fputs("<p>", page->file);
    html_text(page->file, report_cold_means(report));
    if (report->cold->ended != 0)
        fprintf(page->file,
                " Processes that ended during the looks: %zu; they are in no "
                "figure.",
                report->cold->ended);
    fputs("</p>\n", page->file);
}

static bool write_page(const struct page *page)
{
    bool good;

    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
          "<title>zcache estimate: ",
          page->file);
    html_text(page->file, page->report->source->label);
    fprintf(page->file, "</title>\n<style>\n%s</style>\n</head>\n<body>\n",
            style);
    good = write_summary(page);
    write_results(page);
    write_sources(page);
    write_cold(page);
    fputs("<h2>Objects by size</h2>\n", page->file);
    html_object_sizes(page->file, page->report);
    fputs("<h2>What to type</h2>\n", page->file);
    good = good && html_lines(page->file, print_suggestion, page->report);
    fputs("<h2>Words</h2>\n", page->file);
    good = good && html_lines(page->file, print_legend, page->report);
    fputs("</body>\n</html>\n", page->file);
    return good;
}

static struct new_file file_of(const char *path)
{
    return (struct new_file){
        .option = "--html: ", .path = path, .mode = 0666, .may_replace = true};
}

bool report_html_check(const char *path)
{
    struct new_file file = file_of(path);

    return new_file_check(&file);
}

bool report_html(const struct report *report, const char *path)
{
    struct new_file file = file_of(path);
    struct page page = {
        .report = report,
        .unit = byte_unit_for(report->census.pages * report->page_size)};
    int descriptor;
    bool good;

    if (!new_file_open(&file))
        return false;
    descriptor = dup(file.descriptor);
    page.file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    good = page.file != NULL && write_page(&page) && !ferror(page.file);
    if (page.file != NULL)
        good = fclose(page.file) == 0 && good;
    else if (descriptor >= 0)
        (void)close(descriptor);
    if (good)
        return new_file_keep(&file);
    message_error("--html: cannot write %s: %s", path, strerror(errno));
    new_file_drop(&file);
    return false;
}
