/* SPDX-License-Identifier: MIT */
/* report_json.c - a report for a program: one object for each source. */
#include "estimate/report.h"

static void put(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

static uint64_t per_page(uint64_t nanoseconds, uint64_t pages)
{
    return (nanoseconds + pages / 2) / pages;
}

static void put_result(struct json *json, const struct report *report,
                       const struct run_result *result)
{
    const uint64_t pages = report->census.pages;

    json_open(json, '{');
    json_key(json, "codec");
    json_string(json, result->codec->label);
    json_key(json, "placement");
    json_string(json, placement_name(result->placement));
    put(json, "payload_bytes", result->payload_bytes);
    put(json, "pool_bytes", result->pool_bytes);
    put(json, "metadata_bytes", result->metadata_bytes);
    put(json, "raw_pages", result->raw_pages);
    put(json, "store_ns_per_page", per_page(result->store_nanoseconds, pages));
    put(json, "load_ns_per_page", per_page(result->load_nanoseconds, pages));
    put(json, "mismatches", result->mismatches);
    if (result->classes != NULL) {
        json_key(json, "classes");
        json_string(json, result->classes);
    }
    json_close(json, '}');
}

static void put_mappings(struct json *json, const struct report *report)
{
    json_key(json, "mappings");
    json_open(json, '[');
    for (size_t i = 0; i < report->mapping_count; i++) {
        const struct report_mapping *mapping = &report->mappings[i];

        json_open(json, '{');
        json_key(json, "name");
        json_string(json, mapping->name);
        put(json, "pages", mapping->census.pages);
        put(json, "zero_pages", mapping->census.zero_pages);
        put(json, "same_filled_pages", mapping->census.same_filled_pages);
        put(json, "payload_bytes", mapping->payload_bytes);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_report(struct json *json, const struct report *report)
{
    json_open(json, '{');
    json_key(json, "source");
    json_string(json, report->label);
    put(json, "page_size", report->page_size);
    put(json, "pages", report->census.pages);
    put(json, "zero_pages", report->census.zero_pages);
    put(json, "same_filled_pages", report->census.same_filled_pages);
    put(json, "duplicate_pages", report->census.duplicate_pages);
    if (report->sample != SAMPLE_ALL) {
        json_key(json, "sampled_percent");
        json_thousandths(json, report->sample);
        put(json, "source_pages", report->source_pages);
    }
    if (report->note != NULL) {
        json_key(json, "note");
        json_string(json, report->note);
    }
    json_key(json, "results");
    json_open(json, '[');
    for (size_t i = 0; i < report->result_count; i++)
        put_result(json, report, &report->results[i]);
    json_close(json, ']');
    if (report->mapping_count != 0)
        put_mappings(json, report);
    json_close(json, '}');
}

void report_print_json(const struct report_list *list, FILE *file)
{
    struct json json = {.file = file};

    json_open(&json, '[');
    for (size_t i = 0; i < list->count; i++)
        put_report(&json, &list->reports[i]);
    json_close(&json, ']');
}
