/* SPDX-License-Identifier: MIT */
/*
 * run.h - one codec in one placement: every page of a snapshot is stored in a
 * cache of its own, loaded, and compared.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_RUN_H
#define ZCACHE_TOOL_ESTIMATE_RUN_H

#include <zcache/zcache.h>

#include "common/progress.h"
#include "common/snapshot.h"
#include "common/variant.h"

/* Object sizes are counted in steps of this many bytes. */
#define RUN_HISTOGRAM_STEP 64

struct run_request {
    const struct snapshot *snapshot;
    const struct codec_choice *codec;
    unsigned placement; /* enum zc_placement */
    unsigned thread_count;
    bool want_classes;
    bool want_histogram;
    struct progress *progress;

    /* Called between storing and loading; tests damage the pool in it. */
    void (*before_load)(struct zc_cache *cache, void *context);
    void *before_load_context;
};

struct run_result {
    const struct codec_choice *codec;
    unsigned placement;
    uint64_t payload_bytes;
    uint64_t pool_bytes;
    uint64_t metadata_bytes;
    uint64_t raw_pages;
    uint64_t store_nanoseconds; /* of all threads together */
    uint64_t load_nanoseconds;
    uint64_t mismatches; /* pages that came back different, or not at all */
    char *classes;       /* the pool's class table, or NULL */
    uint64_t *histogram; /* objects by size, or NULL */
    size_t histogram_count;
};

/* False, and an error shown: no memory, or no cache of these options. */
bool run_codec(const struct run_request *request,
               struct run_result *result_out);
void run_result_free(struct run_result *result);

/* Pool and metadata: the memory that the pages cost. */
uint64_t run_result_cost(const struct run_result *result);

/*
 * The payload of each span of a snapshot, from storing alone, added to
 * payloads[span's name].  False, and an error shown.
 */
bool run_payload_by_name(const struct run_request *request, uint64_t *payloads);

#endif
