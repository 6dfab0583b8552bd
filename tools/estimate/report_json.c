/* SPDX-License-Identifier: MIT */
/* report_json.c - a report for a program: the sources, and their total. */
#include "estimate/report.h"
#include "estimate/report_omitted.h"
#include "estimate/suggestion.h"

/* Grows when a key changes its meaning or goes. */
#define JSON_FORMAT 2

static void put(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

static void put_text(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    json_string(json, text);
}

static uint64_t per_page(uint64_t nanoseconds, uint64_t pages)
{
    return (nanoseconds + pages / 2) / pages;
}

static void put_census(struct json *json, const struct census *census)
{
    put(json, "pages", census->pages);
    put(json, "zero_pages", census->zero_pages);
    put(json, "same_filled_pages", census->same_filled_pages);
}

static void put_result(struct json *json, const struct report *report,
                       const struct run_result *result)
{
    const uint64_t pages = report->census.pages;

    json_open(json, '{');
    put_text(json, "for",
             result->target == RUN_LIBRARY
                 ? "library"
                 : run_target_name(result->target, result->placement));
    put_text(json, "codec", result->codec->label);
    put_text(json, "placement",
             result->target == RUN_LIBRARY ? placement_name(result->placement)
                                           : "kernel");
    if (result->target != RUN_LIBRARY &&
        report_kernel_has(report, result) != SYSTEM_MAY_HAVE)
        put(json, "kernel_has",
            report_kernel_has(report, result) == SYSTEM_HAS);
    put(json, "payload_bytes", result->payload_bytes);
    put(json, "pool_bytes", result->pool_bytes);
    if (report->sample != SAMPLE_ALL)
        put(json, "whole_pool_bytes",
            (uint64_t)report_whole(report, result).pool);
    put(json, "metadata_bytes", result->metadata_bytes);
    put(json, "free_pages", result->free_pages);
    put(json, "raw_pages", result->raw_pages);
    put(json, "store_ns_per_page", per_page(result->store_nanoseconds, pages));
    put(json, "load_ns_per_page", per_page(result->load_nanoseconds, pages));
    put(json, "spread_ns_per_page",
        per_page(result->spread_nanoseconds, pages));
    put(json, "mismatches", result->mismatches);
    if (result->codec->second != NULL) {
        put(json, "recompress_tried_pages", result->tried_pages);
        put(json, "recompressed_pages", result->recompressed_pages);
        put(json, "recompress_ns_per_tried_page",
            result->tried_pages == 0 ? 0
                                     : per_page(result->recompress_nanoseconds,
                                                result->tried_pages));
        put(json, "compacted_pages", result->compacted_pages);
    }
    if (result->remark.length != 0)
        put_text(json, "remark", result->remark.bytes);
    if (result->classes != NULL)
        put_text(json, "classes", result->classes);
    json_close(json, '}');
}

/* What each configuration makes of a part: bytes of its objects, and its share
 * of the one pool. */
static void put_shares(struct json *json, const struct report *report,
                       const struct report_part *part)
{
    json_key(json, "shares");
    json_open(json, '[');
    for (size_t i = 0; i < report->result_count; i++) {
        if (report->results[i].sizes == NULL)
            continue;
        json_open(json, '{');
        put_text(json, "for",
                 run_target_name(report->results[i].target,
                                 report->results[i].placement));
        put_text(json, "codec", report->results[i].codec->label);
        put(json, "payload_bytes", part->payloads[i]);
        put(json, "pool_bytes", report_pool_share(report, part, i));
        put(json, "cost_bytes", report_cost_share(report, part, i));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_sources(struct json *json, const struct report *report)
{
    json_key(json, "sources");
    json_open(json, '[');
    for (size_t i = 0; i < report->source->origin_count; i++) {
        const struct source_origin *origin = &report->source->origins[i];

        json_open(json, '{');
        put_text(json, "source", origin->label);
        put_text(json, "name", origin->name);
        if (origin->pid != 0)
            put(json, "pid", (uint64_t)origin->pid);
        put_census(json, &report->origins[i].census);
        report_put_omitted(json, origin);
        report_put_cold_pages(json, report, &report->origins[i]);
        put_shares(json, report, &report->origins[i]);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_mappings(struct json *json, const struct report *report)
{
    json_key(json, "mappings");
    json_open(json, '[');
    for (size_t i = 0; i < report->mapping_count; i++) {
        json_open(json, '{');
        put_text(json, "name", report->mappings[i].name);
        put_census(json, &report->mappings[i].census);
        report_put_cold_pages(json, report, &report->mappings[i]);
        put_shares(json, report, &report->mappings[i]);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_total(struct json *json, const struct report *report)
{
    json_key(json, "total");
    json_open(json, '{');
    put_text(json, "source", report->source->label);
    put(json, "page_size", report->page_size);
    put_census(json, &report->census);
    put(json, "duplicate_pages", report->census.duplicate_pages);
    if (report->sample != SAMPLE_ALL) {
        json_key(json, "sampled_percent");
        json_thousandths(json, report->sample);
        put(json, "source_pages", report->source->page_count);
    }
    report_put_all_omitted(json, report->source);
    put(json, "chain_length", report->chain.length);
    put(json, "chain_length_assumed", report->chain.origin == CHAIN_UNKNOWN);
    if (report->chain.origin == CHAIN_READ)
        put_text(json, "chain_length_from", report->chain.path);
    if (report->source->note.length != 0)
        put_text(json, "note", report->source->note.bytes);
    json_key(json, "results");
    json_open(json, '[');
    for (size_t i = 0; i < report->result_count; i++)
        put_result(json, report, &report->results[i]);
    json_close(json, ']');
    report_put_cold(json, report);
    suggestion_put(report->suggestion, report, json);
    if (report->mapping_count != 0)
        put_mappings(json, report);
    json_close(json, '}');
}

void report_print_json(const struct report *report, FILE *file)
{
    struct json json = {.file = file};

    json_open(&json, '{');
    put(&json, "format", JSON_FORMAT);
    put_sources(&json, report);
    put_total(&json, report);
    json_close(&json, '}');
}
