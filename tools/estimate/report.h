/* SPDX-License-Identifier: MIT */
/*
 * report.h - the result of an estimate, and its forms: a table for a person,
 * JSON for a program, a plot.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_REPORT_H
#define ZCACHE_TOOL_ESTIMATE_REPORT_H

#include "common/json.h"
#include "estimate/census.h"
#include "estimate/run.h"

/* The pages of one mapping (--by mapping); a file has one. */
struct report_mapping {
    char *name;
    struct census census;   /* without duplicates */
    uint64_t payload_bytes; /* of the first codec and placement */
};

/* One source. */
struct report {
    char *label;
    char *note; /* sentences, or NULL */
    size_t page_size;
    uint64_t source_pages; /* before sampling */
    uint64_t sample;       /* thousandths of a percent */
    struct census census;  /* of the pages that were measured */
    struct run_result *results;
    size_t result_count;
    struct report_mapping *mappings;
    size_t mapping_count;
};

/* All sources, in the order of the command line. */
struct report_list {
    struct report *reports;
    size_t count;
    size_t capacity;
};

void report_free(struct report *report);
void report_list_free(struct report_list *list);

/* All sources as one: sums, and the results in the same order. */
void report_sum(struct report *sum, const struct report_list *list);

/* The pages of all results of all sources that came back wrong. */
uint64_t report_list_mismatches(const struct report_list *list);

void report_print_text(const struct report_list *list, FILE *file);
void report_print_json(const struct report_list *list, FILE *file);

/*
 * The suggested result: the best one if none saves enough, NULL if pages came
 * back wrong.  Appends a sentence with the choice and its reason.
 */
const struct run_result *report_suggest(const struct report *report,
                                        struct text *text);

/* False, and an error shown. */
bool report_plot(const struct report_list *list, const char *path);

#endif
