/* SPDX-License-Identifier: MIT */
/* report.c - the sums of a report, and freeing it. */
#include "estimate/report.h"

#include <stdlib.h>
#include <string.h>

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->result_count; i++)
        run_result_free(&report->results[i]);
    for (size_t i = 0; i < report->mapping_count; i++)
        free(report->mappings[i].name);
    free(report->results);
    free(report->mappings);
    free(report->label);
    free(report->note);
    *report = (struct report){0};
}

void report_list_free(struct report_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        report_free(&list->reports[i]);
    free(list->reports);
    *list = (struct report_list){0};
}

static void add_result(struct run_result *sum, const struct run_result *result)
{
    sum->codec = result->codec;
    sum->placement = result->placement;
    sum->payload_bytes += result->payload_bytes;
    sum->pool_bytes += result->pool_bytes;
    sum->metadata_bytes += result->metadata_bytes;
    sum->raw_pages += result->raw_pages;
    sum->store_nanoseconds += result->store_nanoseconds;
    sum->load_nanoseconds += result->load_nanoseconds;
    sum->mismatches += result->mismatches;
    if (result->histogram == NULL)
        return;
    if (sum->histogram == NULL) {
        sum->histogram_count = result->histogram_count;
        sum->histogram =
            memory_allocate(result->histogram_count, sizeof(uint64_t));
        memset(sum->histogram, 0, result->histogram_count * sizeof(uint64_t));
    }
    for (size_t i = 0; i < sum->histogram_count; i++)
        sum->histogram[i] += result->histogram[i];
}

void report_sum(struct report *sum, const struct report_list *list)
{
    struct text label = {0};

    *sum = (struct report){0};
    text_print(&label, "all %zu sources together", list->count);
    sum->label = label.bytes;
    if (list->count == 0)
        return;
    sum->page_size = list->reports[0].page_size;
    sum->sample = list->reports[0].sample;
    sum->result_count = list->reports[0].result_count;
    sum->results = memory_allocate(sum->result_count, sizeof(*sum->results));
    memset(sum->results, 0, sum->result_count * sizeof(*sum->results));
    for (size_t i = 0; i < list->count; i++) {
        const struct report *report = &list->reports[i];

        sum->source_pages += report->source_pages;
        sum->census.pages += report->census.pages;
        sum->census.zero_pages += report->census.zero_pages;
        sum->census.same_filled_pages += report->census.same_filled_pages;
        sum->census.duplicate_pages += report->census.duplicate_pages;
        for (size_t result = 0; result < sum->result_count; result++)
            add_result(&sum->results[result], &report->results[result]);
    }
}

uint64_t report_list_mismatches(const struct report_list *list)
{
    uint64_t mismatches = 0;

    for (size_t i = 0; i < list->count; i++) {
        for (size_t k = 0; k < list->reports[i].result_count; k++)
            mismatches += list->reports[i].results[k].mismatches;
    }
    return mismatches;
}
