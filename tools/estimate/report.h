/* SPDX-License-Identifier: MIT */
/*
 * report.h - the result of an estimate, and its forms: tables for a person,
 * JSON for a program, a plot, a page.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_REPORT_H
#define ZCACHE_TOOL_ESTIMATE_REPORT_H

#include "common/json.h"
#include "common/source.h"
#include "common/system.h"
#include "estimate/census.h"
#include "estimate/cold.h"
#include "estimate/run.h"

/* Fewer bytes are too few to judge alone: the pool is mostly partly filled. */
#define REPORT_BYTES_LEAST ((uint64_t)4 << 20)

/* A part of the pages: one file or process, or the mappings of one name
 * (--by mapping). */
struct report_part {
    const char *name; /* the source's */
    size_t origin;
    struct census census; /* without duplicates */
    uint64_t whole_pages; /* of an origin, before sampling */
    uint64_t *payloads;   /* of each result; this part's bytes of objects */
    uint64_t cold[COLD_AGES_MOST]; /* pages that are cold for each age */
};

/* The cold pages of an age. */
struct report_cold {
    struct report_part part;
    double *variances; /* of each result: of the payload, where it is that of a
                          sample */
};

struct suggestion;

struct report {
    const struct source *source;
    size_t page_size;
    uint64_t sample; /* thousandths of a percent */
    double scale; /* of the source to its sample; 1 without one, and where pages
                     could not be read */
    struct census census; /* of the pages that were measured */
    struct run_result *results;
    size_t result_count;
    struct report_part *origins; /* as in the source */
    struct report_part *mappings;
    size_t mapping_count;       /* 0 without --by mapping */
    struct system_chain chain;  /* with a length in each case */
    uint64_t memory_bytes;      /* of this machine; 0: not known */
    uint64_t swap_device_bytes; /* of its swap devices that are not zram's */
    struct system_zram zram;
    struct system_shortage shortage;
    struct system_codecs codecs; /* of this kernel */
    bool is_elsewhere; /* files: the pages may be of another machine */
    size_t top;        /* most lines of processes in the text */
    bool legend;
    const struct cold *cold; /* NULL: not asked for */
    struct report_cold *cold_ages;
    const struct suggestion *suggestion; /* the same in every form */
    size_t shown; /* the result of sources and cold pages: the suggested one,
                     or the first */
};

void report_free(struct report *report);

/* The pages of all results that came back wrong. */
uint64_t report_mismatches(const struct report *report);

/* A part's share of the pool and of what is beside it, by its objects' bytes
 * and by its pages. */
uint64_t report_pool_share(const struct report *report,
                           const struct report_part *part, size_t result);
uint64_t report_cost_share(const struct report *report,
                           const struct report_part *part, size_t result);

/* The same of all pages, of which those that were measured may be a sample, and
 * of which the part stands for `scale` times its pages: report.scale. */
struct report_whole {
    double bytes; /* of the pages */
    double pool;
    double cost;
};
struct report_whole report_whole_share(const struct report *report,
                                       const struct report_part *part,
                                       size_t result, double scale);

/* And of everything. */
struct report_whole report_whole(const struct report *report,
                                 const struct run_result *result);

/* The part of the pages that would come free, in percent. */
double report_saved_percent(const struct report_whole *whole);

/* Has this kernel the codec of a row, where the row is for?  And may it be
 * suggested: it is not surely absent, or the kernel may be another one. */
enum system_has report_kernel_has(const struct report *report,
                                  const struct run_result *result);
bool report_may_use(const struct report *report,
                    const struct run_result *result);

/* " (if this kernel has it)" where that is not known, or "". */
const char *report_if_has(const struct report *report,
                          const struct run_result *result);

/* Appends where the kernel lists its codecs, and which these are; and a
 * sentence for each of zswap and zram that has not all measured codecs. */
void report_say_list(const struct report *report, enum run_target target,
                     struct text *text);
void report_say_codecs(const struct report *report, struct text *text);

/* Sizes as they are printed, in tenths of a unit; see tenths_of(). */
struct report_sizes {
    int64_t whole;
    int64_t pool;
    int64_t metadata;
    int64_t left; /* whole - pool - metadata */
};

/* Of bytes; the cost is that of the pool and of the metadata. */
struct report_sizes report_sizes(double whole, double pool, double cost,
                                 double unit);

/* The same of a line of a table: rounded so that the lines add up, too.  All of
 * the lines so far are in `sum`, which begins as all zero. */
struct report_sum {
    double whole;
    double pool;
    double cost;
};
struct report_sizes report_sizes_add(struct report_sum *sum, double whole,
                                     double pool, double cost, double unit);

/* For qsort(): the most pages first. */
int report_compare_parts(const void *left, const void *right);

/* Parts of all sources in that order, for free(); what they point to is the
 * report's. */
struct report_part *report_sorted_origins(const struct report *report);

/* Says where the chain length is from; empty if it was given, or no result
 * depends on it. */
void report_chain_note(const struct report *report, struct text *note);

/* How many ages were asked for: 0 without --cold. */
size_t report_cold_ages(const struct report *report);

/* Counts the cold pages of each age, each origin, and each name of mappings. */
void report_count_cold(struct report *report, const struct snapshot *snapshot,
                       struct report_part *names);

/* The standard error of a cold part's share of the pool; 0 where each of its
 * pages is known. */
double report_pool_error(const struct report *report,
                         const struct report_cold *cold, size_t result);

/* Cold pages that are touched again; and the part of a processor that loads
 * them. */
double report_again_per_second(const struct report *report, size_t age);
double report_processor_percent(const struct report *report, size_t age,
                                size_t result);

/* The cold pages in text and JSON; nothing if they were not asked for. */
void report_print_cold(const struct report *report, size_t result, FILE *file);
const char *report_cold_means(const struct report *report);
void report_put_cold(struct json *json, const struct report *report);
void report_put_cold_pages(struct json *json, const struct report *report,
                           const struct report_part *part);

void report_print_text(const struct report *report, FILE *file);
const char *report_legend(void); /* the meaning of each word, in lines */
void report_print_json(const struct report *report, FILE *file);

/* False, and an error shown. */
bool report_plot(const struct report *report, const char *path);
bool report_html(const struct report *report, const char *path);

/* Finds out early that the page cannot be written. */
bool report_html_check(const char *path);

#endif
