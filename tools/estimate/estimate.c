/* SPDX-License-Identifier: MIT */
/* estimate.c - `zcache estimate`: what compressed swap would save. */
#include "estimate/estimate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/system.h"
#include "estimate/lzo.h"
#include "estimate/now.h"
#include "estimate/suggestion.h"
#include "estimate/times.h"

/* The kernel's default, CONFIG_ZSMALLOC_CHAIN_SIZE. */
#define CHAIN_DEFAULT 8

void estimate_options_free(struct estimate_options *options)
{
    free(options->sources.files);
    free(options->sources.cgroups);
    text_free(&options->pids);
    text_free(&options->codec_names);
    text_free(&options->target_names);
    text_free(&options->cold_ages);
    codec_list_free(&options->codecs);
    codec_list_free(&options->recompress);
    *options = (struct estimate_options){0};
}

/* The configurations of the options, in the order of the report. */
struct plan {
    struct run_request *requests;
    size_t count;
};

static void add_run(struct plan *plan, const struct run_request *base,
                    const struct codec_choice *codec, enum run_target target,
                    unsigned placement)
{
    plan->requests[plan->count] = *base;
    plan->requests[plan->count].codec = codec;
    plan->requests[plan->count].target = target;
    plan->requests[plan->count++].placement = placement;
}

bool codec_fits(const struct codec_choice *codec, enum run_target target)
{
    if (target == RUN_LIBRARY)
        return codec->kernel == NULL;
    return target == RUN_ZRAM || codec->level == ZC_LEVEL_DEFAULT;
}

static void make_plan(struct plan *plan, const struct estimate_options *options,
                      const struct run_request *base)
{
    const size_t most = 3 + PLACEMENTS_MAX;

    *plan =
        (struct plan){.requests = memory_allocate(options->codecs.count * most,
                                                  sizeof(*plan->requests))};
    for (unsigned target = RUN_ZSWAP; target <= RUN_LIBRARY; target++) {
        if ((options->targets >> target & 1) == 0)
            continue;
        for (size_t i = 0; i < options->codecs.count; i++) {
            const struct codec_choice *codec = &options->codecs.choices[i];
            const struct word *placement = placement_words();

            if (!codec_fits(codec, (enum run_target)target))
                continue;
            if (target == RUN_LIBRARY)
                for (; placement->word != NULL; placement++)
                    add_run(plan, base, codec, RUN_LIBRARY, placement->value);
            else
                add_run(plan, base, codec, (enum run_target)target, 0);
        }
        if (target == RUN_ZRAM && options->recompress.count != 0)
            add_run(plan, base, &options->recompress.choices[0], RUN_ZRAM, 0);
    }
}

/* An array of parts, all zero, with room for each result's payload. */
static struct report_part *make_parts(size_t count, size_t results)
{
    struct report_part *parts = memory_allocate(count, sizeof(*parts));

    memset(parts, 0, count * sizeof(*parts));
    for (size_t i = 0; i < count; i++) {
        parts[i].payloads = memory_allocate(results, sizeof(uint64_t));
        memset(parts[i].payloads, 0, results * sizeof(uint64_t));
    }
    return parts;
}

static void add_span(const struct report *report,
                     const struct snapshot *snapshot,
                     const struct snapshot_span *span, struct report_part *part)
{
    census_count(&part->census,
                 snapshot->bytes +
                     (size_t)span->first_page * snapshot->page_size,
                 snapshot->page_size, span->page_count);
    for (size_t i = 0; i < report->result_count; i++) {
        const uint32_t *sizes = report->results[i].sizes;

        for (uint64_t page = 0; sizes != NULL && page < span->page_count;
             page++)
            part->payloads[i] += sizes[span->first_page + page];
    }
}

/* Fills the parts: each origin, and each name of mappings that has pages. */
static void count_parts(const struct estimate_options *options,
                        const struct snapshot *snapshot, struct report *report)
{
    const struct source *source = report->source;
    struct report_part *names =
        make_parts(source->name_count, report->result_count);

    report->origins = make_parts(source->origin_count, report->result_count);
    for (size_t i = 0; i < source->origin_count; i++) {
        report->origins[i].name = source->origins[i].name;
        report->origins[i].origin = i;
        report->origins[i].whole_pages = source->origins[i].page_count;
    }
    for (size_t i = 0; i < snapshot->span_count; i++) {
        const struct snapshot_span *span = &snapshot->spans[i];
        const struct source_mapping *mapping = &source->mappings[span->mapping];

        add_span(report, snapshot, span, &report->origins[mapping->origin]);
        if (options->by_mapping)
            add_span(report, snapshot, span, &names[mapping->name]);
    }
    if (report->cold != NULL)
        report_count_cold(report, snapshot, names);
    report->mappings = names;
    for (size_t i = 0; i < source->name_count; i++) {
        if (names[i].census.pages == 0) {
            free(names[i].payloads);
            continue;
        }
        names[i].name = source->names[i];
        names[report->mapping_count++] = names[i];
    }
}

/* More passes where the choice of a codec needs them. */
static bool measure_times(const struct plan *plan, struct progress *progress,
                          struct report *report)
{
    const uint64_t more = times_pages(plan->requests[0].snapshot->page_count,
                                      TIMES_PASSES_MOST - TIMES_PASSES);
    struct times *times = times_make(plan->requests, plan->count);
    bool good = times_measure(times, TIMES_PASSES, report->results);

    if (good && choice_needs_passes(report)) {
        progress->page_total += more * plan->count;
        good = times_measure(times, TIMES_PASSES_MOST, report->results);
    }
    times_free(times);
    return good;
}

/* Runs every configuration, and counts what it made of each part. */
static bool estimate_snapshot(const struct estimate_options *options,
                              const struct snapshot *snapshot,
                              struct progress *progress, struct report *report)
{
    const struct run_request base = {
        .snapshot = snapshot,
        .chain_length = report->chain.length,
        .thread_count = options->thread_count,
        .scale = report->scale,
        .want_sizes = options->by_mapping || report->cold != NULL ||
                      report->source->origin_count > 1 ||
                      options->html_path != NULL,
        .want_classes = options->classes,
        .want_histogram = options->plot_path != NULL ||
                          options->html_path != NULL,
        .progress = progress,
        .before_load = options->before_load,
        .before_load_context = options->before_load_context,
        .clock = options->clock,
        .clock_context = options->clock_context,
    };
    struct plan plan;
    bool good = true;

    census_count(&report->census, snapshot->bytes, snapshot->page_size,
                 snapshot->page_count);
    report->census.duplicate_pages = census_count_duplicates(
        snapshot->bytes, snapshot->page_size, snapshot->page_count);
    make_plan(&plan, options, &base);
    progress->page_total =
        snapshot->page_count +
        snapshot->page_count *
            (2 * plan.count + (options->recompress.count != 0)) +
        times_pages(snapshot->page_count, TIMES_PASSES) * plan.count;
    report->results = memory_allocate(plan.count, sizeof(*report->results));
    while (good && report->result_count < plan.count) {
        good = run_configuration(&plan.requests[report->result_count],
                                 &report->results[report->result_count]);
        report->result_count += good;
    }
    if (good) {
        count_parts(options, snapshot, report);
        good = measure_times(&plan, progress, report);
    }
    free(plan.requests);
    return good;
}

/* Of this machine, or of a recorded tree, which says no page size, so
 * --page-size does. */
static int show_now(const struct estimate_options *options,
                    const struct report *report)
{
    if (options->root != NULL)
        return now_run(options->root, options->page_size, options->json,
                       report);
    return now_run("", (size_t)sysconf(_SC_PAGESIZE), options->json, report);
}

static int show(const struct estimate_options *options,
                const struct report *report)
{
    if (options->now) {
        const int result = show_now(options, report);

        return result == TOOL_FINE && report_mismatches(report) != 0
                   ? TOOL_MISMATCH
                   : result;
    }
    if (options->plot_path != NULL && !report_plot(report, options->plot_path))
        return TOOL_ERROR;
    if (options->html_path != NULL && !report_html(report, options->html_path))
        return TOOL_ERROR;
    if (options->json)
        report_print_json(report, stdout);
    else
        report_print_text(report, stdout);
    if (!message_finish_output())
        return TOOL_ERROR;
    return report_mismatches(report) == 0 ? TOOL_FINE : TOOL_MISMATCH;
}

/* Copies a source and estimates the copy; `cold` is NULL or what is known of
 * its cold pages. */
static int estimate_source(const struct estimate_options *options,
                           const struct cold *cold, struct source_queue *queue,
                           struct source *source)
{
    struct report report = {
        .source = source,
        .page_size = source->page_size,
        .sample = options->sample,
        .chain = {.length = options->chain_length, .origin = CHAIN_GIVEN},
        .memory_bytes = system_total_memory(),
        .swap_device_bytes = system_swap_devices(),
        .zram = system_find_zram(""),
        .shortage = system_find_shortage(),
        .codecs =
            system_find_codecs(options->root == NULL ? "" : options->root),
        .is_elsewhere = options->sources.file_count != 0 && !options->now,
        .top = options->top,
        .legend = options->legend,
        .cold = cold};
    uint64_t pages = sample_page_count(source->page_count, options->sample);
    struct suggestion suggestion;
    struct progress progress;
    struct snapshot snapshot;
    enum snapshot_outcome outcome;
    int result = TOOL_ERROR;

    report.scale = (double)source->page_count / (double)pages;
    if (report.chain.length == 0)
        report.chain = system_find_chain();
    if (report.chain.length == 0)
        report.chain.length = CHAIN_DEFAULT;
    progress_begin(&progress, options->quiet, source->page_size, pages);
    progress_stage(&progress, "", "", "reading");
    outcome = snapshot_take(&snapshot, source, options->sample, &progress);
    source_queue_read(queue);
    progress_stage_end(&progress, pages);
    if (outcome == SNAPSHOT_NOTHING)
        message_error("%s: it ended before a page of it was read",
                      source->label);
    if (outcome == SNAPSHOT_OK &&
        estimate_snapshot(options, &snapshot, &progress, &report)) {
        progress_end(&progress);
        suggestion = suggestion_make(&report);
        report.suggestion = &suggestion;
        if (suggestion.chosen != NULL)
            report.shown = (size_t)(suggestion.chosen - report.results);
        result = show(options, &report);
    }
    progress_end(&progress);
    report_free(&report);
    if (outcome == SNAPSHOT_OK)
        snapshot_free(&snapshot);
    return result;
}

int estimate_run(const struct estimate_options *options)
{
    const bool wants_cold = options->cold.age_count != 0;
    struct source_queue queue;
    struct cold cold = {0};
    struct source source;
    int result = TOOL_ERROR;

    message_set_quiet(options->quiet);
    if (source_queue_open(&queue, &source, &options->sources,
                          options->page_size) &&
        (!wants_cold ||
         cold_watch(&cold, &options->cold, &queue, &source, options->quiet))) {
        result = estimate_source(options, wants_cold ? &cold : NULL, &queue,
                                 &source);
        source_close(&source);
    }
    cold_free(&cold);
    source_queue_free(&queue);
    return result;
}

int estimate_main(int argc, char **argv)
{
    struct estimate_options options;
    int result = TOOL_ERROR;

    message_set_command("zcache estimate");
    lzo_register();
    switch (estimate_parse(&options, argc, argv)) {
    case ESTIMATE_RUN:
        result = source_choice_kinds(&options.sources) == 0
                     ? show_now(&options, NULL)
                     : estimate_run(&options);
        break;
    case ESTIMATE_SHOWN:
        result = message_finish_output() ? TOOL_FINE : TOOL_ERROR;
        break;
    case ESTIMATE_WRONG:
        break;
    }
    estimate_options_free(&options);
    return result;
}
