/* SPDX-License-Identifier: MIT */
/*
 * estimate.h - the options of `zcache estimate`, and one source's estimate.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_ESTIMATE_H
#define ZCACHE_TOOL_ESTIMATE_ESTIMATE_H

#include "common/queue.h"
#include "estimate/report.h"

struct estimate_options {
    struct source_choice sources;
    struct codec_list codecs;
    struct placement_list placements;
    size_t page_size;
    uint64_t sample; /* thousandths of a percent */
    unsigned thread_count;
    bool json;
    bool classes;
    bool by_mapping;
    bool quiet;
    const char *plot_path;

    /* For tests: see struct run_request. */
    void (*before_load)(struct zc_cache *cache, void *context);
    void *before_load_context;
};

enum estimate_parse {
    ESTIMATE_RUN,   /* go on */
    ESTIMATE_SHOWN, /* help or version was shown */
    ESTIMATE_WRONG  /* an error, which was shown */
};

enum estimate_parse estimate_parse(struct estimate_options *options, int argc,
                                   char **argv);
void estimate_options_free(struct estimate_options *options);

/* Every codec in every placement, over one source that has been read. */
bool estimate_source(const struct estimate_options *options,
                     const struct source *source,
                     const struct snapshot *snapshot, struct progress *progress,
                     struct report *report);

/* Estimates every source of the options.  Returns an enum tool_exit. */
int estimate_run(const struct estimate_options *options);

#endif
