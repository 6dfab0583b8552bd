/* SPDX-License-Identifier: MIT */
/*
 * report_picture.h - what the pictures of a report show, in gnuplot's form
 * (report_plot.c) and on a page (report_html.c).
 */
#ifndef ZCACHE_TOOL_ESTIMATE_REPORT_PICTURE_H
#define ZCACHE_TOOL_ESTIMATE_REPORT_PICTURE_H

#include "estimate/report.h"

/* A bar: of `whole` bytes `cost` stay taken, and the rest would come free. */
struct bar {
    struct text label;
    struct text figure; /* what would come free */
    uint64_t whole;
    uint64_t cost;
};

struct bars {
    struct text title;
    struct bar *rows; /* the first is the measure of the others */
    size_t count;
    uint64_t most; /* of all their bytes; not 0 */
    struct byte_unit unit;
};

/* The pages uncompressed, and in each configuration. */
struct bars bars_of_results(const struct report *report);

/* All pages, and the cold ones of each age, in one configuration. */
struct bars bars_of_cold(const struct report *report, size_t result);

void bars_free(struct bars *bars);

/* In every configuration a codec makes the same of a page, but for which pages
 * are stored raw or not at all: so the sizes in its first one are shown. */
bool report_is_first_of_codec(const struct report *report, size_t result);

/* The most objects in a step of all histograms; not 0. */
uint64_t report_most_objects(const struct report *report);

#endif
