/* SPDX-License-Identifier: MIT */
/*
 * estimate.h - the options of `zcache estimate`, and the estimate of a source.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_ESTIMATE_H
#define ZCACHE_TOOL_ESTIMATE_ESTIMATE_H

#include "common/queue.h"
#include "estimate/cold.h"
#include "estimate/report.h"

/* A bit for each enum run_target. */
#define ESTIMATE_FOR_DEFAULT (1u << RUN_ZSWAP | 1u << RUN_ZRAM)

struct estimate_options {
    struct source_choice sources;
    struct codec_list codecs;
    struct codec_list recompress; /* two, or none; see codec_choice.second */
    unsigned targets;             /* bits of enum run_target */
    unsigned chain_length;        /* 0: that of the running kernel */
    size_t page_size;
    uint64_t sample; /* thousandths of a percent */
    unsigned thread_count;
    size_t top;
    bool json;
    bool classes;
    bool legend;
    bool by_mapping;
    bool quiet;
    const char *plot_path;
    const char *html_path;
    bool now;         /* --now; without a source nothing is measured */
    const char *root; /* of --now; NULL: this machine */
    struct cold_request cold;

    /* Of the options that may be given again: all of their arguments. */
    struct text pids;
    struct text codec_names;
    struct text target_names;
    struct text cold_ages;

    /* For tests: see struct run_request. */
    void (*before_load)(struct zc_zspool *pool, void *context);
    void *before_load_context;
    uint64_t (*clock)(void *context);
    void *clock_context;
};

/* Is it a codec of that target?  zswap takes no levels, and a codec of the
 * kernel is none of the library. */
bool codec_fits(const struct codec_choice *codec, enum run_target target);

enum estimate_parse {
    ESTIMATE_RUN,   /* go on */
    ESTIMATE_SHOWN, /* help or version was shown */
    ESTIMATE_WRONG  /* an error, which was shown */
};

enum estimate_parse estimate_parse(struct estimate_options *options, int argc,
                                   char **argv);
void estimate_options_free(struct estimate_options *options);

/* Estimates what the options name.  Returns an enum tool_exit. */
int estimate_run(const struct estimate_options *options);

#endif
