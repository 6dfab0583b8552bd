/* SPDX-License-Identifier: MIT */
/* estimate.c - `zcache estimate`: what compressed swap would save. */
#include "estimate/estimate.h"

#include <stdlib.h>
#include <string.h>

void estimate_options_free(struct estimate_options *options)
{
    free(options->sources.files);
    codec_list_free(&options->codecs);
    *options = (struct estimate_options){0};
}

/* Fills the table of mappings: names that have pages, in address order. */
static bool count_mappings(const struct run_request *request,
                           const struct source *source, struct report *report)
{
    const struct snapshot *snapshot = request->snapshot;
    const size_t count = source->name_count;
    struct report_mapping *rows = memory_allocate(count, sizeof(*rows));
    uint64_t *payloads = memory_allocate(count, sizeof(*payloads));
    size_t kept = 0;
    bool good;

    memset(rows, 0, count * sizeof(*rows));
    memset(payloads, 0, count * sizeof(*payloads));
    for (size_t i = 0; i < snapshot->span_count; i++) {
        const struct snapshot_span *span = &snapshot->spans[i];

        census_count(&rows[span->name].census,
                     snapshot->bytes +
                         (size_t)span->first_page * snapshot->page_size,
                     snapshot->page_size, span->page_count);
    }
    good = run_payload_by_name(request, payloads);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].census.pages == 0)
            continue;
        rows[i].name = memory_copy_text(source->names[i]);
        rows[i].payload_bytes = payloads[i];
        rows[kept++] = rows[i];
    }
    free(payloads);
    report->mappings = rows;
    report->mapping_count = kept;
    return good;
}

/* Runs every codec in every placement. */
static bool run_all(const struct estimate_options *options,
                    struct run_request *request, struct report *report)
{
    const size_t count = options->codecs.count * options->placements.count;

    report->results = memory_allocate(count, sizeof(*report->results));
    for (size_t i = 0; i < count; i++) {
        request->codec =
            &options->codecs.choices[i / options->placements.count];
        request->placement =
            options->placements.placements[i % options->placements.count];
        if (!run_codec(request, &report->results[i]))
            return false;
        report->result_count++;
    }
    return true;
}

bool estimate_source(const struct estimate_options *options,
                     const struct source *source,
                     const struct snapshot *snapshot, struct progress *progress,
                     struct report *report)
{
    struct run_request request = {
        .snapshot = snapshot,
        .thread_count = options->thread_count,
        .want_classes = options->classes,
        .want_histogram = options->plot_path != NULL,
        .progress = progress,
        .before_load = options->before_load,
        .before_load_context = options->before_load_context,
    };

    *report = (struct report){.page_size = snapshot->page_size,
                              .source_pages = source->page_count,
                              .sample = options->sample};
    report->label = memory_copy_text(source->label);
    if (source->note.length != 0)
        report->note = memory_copy_text(source->note.bytes);
    census_count(&report->census, snapshot->bytes, snapshot->page_size,
                 snapshot->page_count);
    report->census.duplicate_pages = census_count_duplicates(
        snapshot->bytes, snapshot->page_size, snapshot->page_count);
    if (!run_all(options, &request, report))
        return false;
    if (!options->by_mapping)
        return true;
    request.codec = &options->codecs.choices[0];
    request.placement = options->placements.placements[0];
    return count_mappings(&request, source, report);
}

/* Copies a source, closes it, and estimates the copy. */
static bool estimate_next(const struct estimate_options *options,
                          struct source_queue *queue, struct source *source,
                          struct report_list *list)
{
    const size_t runs = options->codecs.count * options->placements.count;
    uint64_t pages = sample_page_count(source->page_count, options->sample);
    struct progress progress;
    struct snapshot snapshot;
    enum snapshot_outcome outcome;
    bool good;

    progress_begin(&progress, options->quiet, source->page_size,
                   pages * (1 + 2 * runs));
    progress_stage(&progress, "", "", "reading");
    outcome = snapshot_take(&snapshot, source, options->sample, &progress);
    source_queue_read(queue);
    progress_stage_end(&progress, pages);
    if (outcome != SNAPSHOT_OK) {
        progress_end(&progress);
        return outcome == SNAPSHOT_NOTHING &&
               !source_queue_must_have(queue, source);
    }
    list->reports = memory_make_room(list->reports, list->count,
                                     &list->capacity, sizeof(*list->reports));
    good = estimate_source(options, source, &snapshot, &progress,
                           &list->reports[list->count++]);
    progress_end(&progress);
    snapshot_free(&snapshot);
    return good;
}

static int show(const struct estimate_options *options,
                const struct report_list *list)
{
    if (options->plot_path != NULL && !report_plot(list, options->plot_path))
        return TOOL_ERROR;
    if (options->json)
        report_print_json(list, stdout);
    else
        report_print_text(list, stdout);
    if (!message_finish_output())
        return TOOL_ERROR;
    return report_list_mismatches(list) == 0 ? TOOL_FINE : TOOL_MISMATCH;
}

int estimate_run(const struct estimate_options *options)
{
    struct source_queue queue;
    struct report_list list = {0};
    enum queue_step step = QUEUE_FAILED;
    int result = TOOL_ERROR;

    message_set_quiet(options->quiet);
    if (source_queue_begin(&queue, &options->sources, options->page_size)) {
        struct source source;

        while ((step = source_queue_next(&queue, &source)) == QUEUE_SOURCE) {
            bool good = estimate_next(options, &queue, &source, &list);

            source_close(&source);
            if (!good) {
                step = QUEUE_FAILED;
                break;
            }
        }
    }
    source_queue_read(&queue);
    if (step == QUEUE_END && source_queue_finish(&queue))
        result = show(options, &list);
    source_queue_free(&queue);
    report_list_free(&list);
    return result;
}

int estimate_main(int argc, char **argv)
{
    struct estimate_options options;
    int result = TOOL_ERROR;

    message_set_command("zcache estimate");
    switch (estimate_parse(&options, argc, argv)) {
    case ESTIMATE_RUN:
        result = estimate_run(&options);
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
