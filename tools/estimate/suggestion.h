/* SPDX-License-Identifier: MIT */
/*
 * suggestion.h - what to set up, by the rules of docs/estimate.md.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_SUGGESTION_H
#define ZCACHE_TOOL_ESTIMATE_SUGGESTION_H

#include "estimate/choice.h"

/* Rule 6: accept_threshold_percent of zswap. */
#define SUGGEST_ACCEPT_PERCENT 90

/* Rule 4: a smaller saving, in percent, is not worth the faults. */
#define SUGGEST_POINTS_LEAST 10.0

/* Why there is something to set up, or nothing. */
enum suggestion_kind {
    SUGGEST_NOTHING_WRONG, /* pages came back wrong */
    SUGGEST_TOO_SMALL,     /* to judge alone */
    SUGGEST_NO_CODEC,      /* the kernel has none of those that were measured */
    SUGGEST_NOT,           /* it saves too little */
    SUGGEST_ZSWAP,
    SUGGEST_ZRAM,
    SUGGEST_LIBRARY
};

struct suggestion {
    enum suggestion_kind kind;

    struct choice choices[RUN_TARGETS]; /* by enum run_target */

    /* The best codec of each that was measured, or NULL, and of these the one
     * that fits, or without one the best. */
    const struct run_result *zswap;
    const struct run_result *zram;
    const struct run_result *chosen;
    const struct run_result *raw; /* that raw_percent is of, or NULL */

    /* What it is for: the pages that were not touched for so long, or, if it
     * is 0, all.  Their bytes, scaled up from a sample. */
    uint64_t cold_seconds;
    uint64_t bytes;
    uint64_t raw_percent; /* of all pages, those that zram would store raw; if
                             only another one was measured, that one */

    unsigned max_pool_percent; /* of zswap; above 100: it does not fit */
    uint64_t swap_device_bytes;
    uint64_t disksize_bytes; /* of zram */
    uint64_t mem_limit_bytes;
};

struct suggestion suggestion_make(const struct report *report);

/* The part of the pages that are judged that would come free, in percent; pool
 * and metadata of these; and their pool with its error: all scaled up from a
 * sample. */
double suggestion_saving(const struct report *report,
                         const struct run_result *result);
double suggestion_cost(const struct report *report,
                       const struct run_result *result);
double suggestion_pool_bytes(const struct report *report,
                             const struct run_result *result);

/* The reason in sentences, then the lines to type. */
/* Rule 9, and the sentence that says it; nothing if it is not known. */
bool suggestion_is_short(const struct system_shortage *shortage);
void suggestion_say_shortage(const struct system_shortage *shortage,
                             struct text *text);
void suggestion_put_shortage(const struct system_shortage *shortage,
                             struct json *json);

/* The lines that make a zram device swap, each ended by a line end: from the
 * module to swapon, as far as a machine needs them. */
struct suggestion_zram {
    const char *algorithm; /* NULL: what the device has */
    int level;             /* ZC_LEVEL_DEFAULT: none */
    uint64_t disksize_bytes;
    uint64_t mem_limit_bytes;
};
void suggestion_print_zram(const struct suggestion_zram *device,
                           const struct system_zram *here, struct text *text);

void suggestion_print(const struct suggestion *suggestion,
                      const struct report *report, FILE *file);
void suggestion_put(const struct suggestion *suggestion,
                    const struct report *report, struct json *json);

#endif
