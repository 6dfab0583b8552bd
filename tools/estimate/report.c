/* SPDX-License-Identifier: MIT */
/* report.c - the shares of a report's parts, and freeing it. */
#include "estimate/report.h"

#include <stdlib.h>
#include <string.h>

static void free_parts(struct report_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(parts[i].payloads);
    free(parts);
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->result_count; i++)
        run_result_free(&report->results[i]);
    if (report->origins != NULL)
        free_parts(report->origins, report->source->origin_count);
    free_parts(report->mappings, report->mapping_count);
    for (size_t i = 0; report->cold_ages != NULL && i < report->cold->age_count;
         i++) {
        free(report->cold_ages[i].part.payloads);
        free(report->cold_ages[i].variances);
    }
    free(report->cold_ages);
    free(report->results);
    *report = (struct report){0};
}

uint64_t report_mismatches(const struct report *report)
{
    uint64_t mismatches = 0;

    for (size_t i = 0; i < report->result_count; i++)
        mismatches += report->results[i].mismatches;
    return mismatches;
}

/* whole * part / all, of counts of bytes, rounded. */
static uint64_t share(uint64_t whole, uint64_t part, uint64_t all)
{
    return all == 0
               ? 0
               : (uint64_t)((double)whole * (double)part / (double)all + 0.5);
}

uint64_t report_pool_share(const struct report *report,
                           const struct report_part *part, size_t result)
{
    return share(report->results[result].pool_bytes, part->payloads[result],
                 report->results[result].payload_bytes);
}

/* By the kernel's rules of what has an object: not a page of zeros in zswap,
 * nor one of one word in zram. */
static uint64_t metadata_share(const struct report *report,
                               const struct report_part *part,
                               const struct run_result *result)
{
    const struct census *census = &part->census;

    switch (result->target) {
    case RUN_ZSWAP:
        return run_kernel_metadata(RUN_ZSWAP, census->pages,
                                   census->pages - census->zero_pages);
    case RUN_ZRAM:
        return run_kernel_metadata(RUN_ZRAM, census->pages,
                                   census->pages - census->same_filled_pages);
    default:
        return share(result->metadata_bytes, census->pages,
                     report->census.pages);
    }
}

uint64_t report_cost_share(const struct report *report,
                           const struct report_part *part, size_t result)
{
    return report_pool_share(report, part, result) +
           metadata_share(report, part, &report->results[result]);
}

/* What a pool of the whole has of `scale` times the pool of its sample: less,
 * because it is fuller. */
static double fuller(const struct report *report,
                     const struct run_result *result)
{
    return result->whole_pool_bytes == 0.0 || result->pool_bytes == 0
               ? 1.0
               : result->whole_pool_bytes /
                     ((double)result->pool_bytes * report->scale);
}

struct report_whole report_whole_share(const struct report *report,
                                       const struct report_part *part,
                                       size_t result, double scale)
{
    const uint64_t pool = report_pool_share(report, part, result);
    const uint64_t cost = report_cost_share(report, part, result);
    struct report_whole whole = {
        .bytes = (double)(part->census.pages * report->page_size) * scale,
        .pool = (double)pool * scale *
                fuller(report, &report->results[result])};

    whole.cost = whole.pool + (double)(cost - pool) * scale;
    return whole;
}

struct report_whole report_whole(const struct report *report,
                                 const struct run_result *result)
{
    struct report_whole whole = {
        .bytes = (double)(report->census.pages * report->page_size) *
                 report->scale,
        .pool = (double)result->pool_bytes * report->scale *
                fuller(report, result)};

    whole.cost = whole.pool + (double)result->metadata_bytes * report->scale;
    return whole;
}

double report_saved_percent(const struct report_whole *whole)
{
    return whole->bytes <= 0.0 ? 0.0
                               : 100.0 - 100.0 * whole->cost / whole->bytes;
}

struct report_sizes report_sizes(double whole, double pool, double cost,
                                 double unit)
{
    struct report_sizes sizes = {.whole = tenths_of(whole, unit),
                                 .pool = tenths_of(pool, unit),
                                 .metadata = tenths_of(cost - pool, unit)};

    sizes.left = sizes.whole - sizes.pool - sizes.metadata;
    return sizes;
}

struct report_sizes report_sizes_add(struct report_sum *sum, double whole,
                                     double pool, double cost, double unit)
{
    const struct report_sizes before =
        report_sizes(sum->whole, sum->pool, sum->cost, unit);
    struct report_sizes after;

    sum->whole += whole;
    sum->pool += pool;
    sum->cost += cost;
    after = report_sizes(sum->whole, sum->pool, sum->cost, unit);
    return (struct report_sizes){
        after.whole - before.whole, after.pool - before.pool,
        after.metadata - before.metadata, after.left - before.left};
}

int report_compare_parts(const void *left, const void *right)
{
    const struct report_part *a = left;
    const struct report_part *b = right;

    if (a->census.pages != b->census.pages)
        return a->census.pages < b->census.pages ? 1 : -1;
    return (a->origin > b->origin) - (a->origin < b->origin);
}

struct report_part *report_sorted_origins(const struct report *report)
{
    const size_t count = report->source->origin_count;
    struct report_part *parts = memory_allocate(count, sizeof(*parts));

    memcpy(parts, report->origins, count * sizeof(*parts));
    qsort(parts, count, sizeof(*parts), report_compare_parts);
    return parts;
}

void report_chain_note(const struct report *report, struct text *note)
{
    bool depends = false;

    for (size_t i = 0; i < report->result_count; i++)
        depends |= report->results[i].target != RUN_LIBRARY;
    if (!depends || report->chain.origin == CHAIN_GIVEN)
        return;
    if (report->chain.origin == CHAIN_READ)
        text_print(note,
                   "Chains of %u pages: CONFIG_ZSMALLOC_CHAIN_SIZE in %s.",
                   report->chain.length, report->chain.path);
    else
        text_print(
            note,
            "Chains of %u pages, the kernel's default, are assumed: "
            "neither /boot/config-RELEASE nor /lib/modules/RELEASE/config "
            "of the running kernel says CONFIG_ZSMALLOC_CHAIN_SIZE. Where "
            "there is a /proc/config.gz, zcat shows it; --chain takes it.",
            report->chain.length);
}

size_t report_cold_ages(const struct report *report)
{
    return report->cold == NULL ? 0 : report->cold->age_count;
}
