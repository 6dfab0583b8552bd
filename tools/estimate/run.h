/* SPDX-License-Identifier: MIT */
/*
 * run.h - one configuration: every page of a snapshot is stored in one pool,
 * loaded, and compared.
 *
 * A configuration is a codec and what stores with it: zswap or zram, by the
 * rules of Linux 6.18 over the library's kernel placement, or the library's own
 * cache in one of its placements.
 *
 * Its times are taken apart from that, beside those of the other ones: times.h.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_RUN_H
#define ZCACHE_TOOL_ESTIMATE_RUN_H

#include <zcache/zcache.h>

#include "common/progress.h"
#include "common/snapshot.h"
#include "common/variant.h"

/* Object sizes are counted in steps of this many bytes. */
#define RUN_HISTOGRAM_STEP 64

/* What stores the pages. */
enum run_target {
    RUN_ZSWAP,
    RUN_ZRAM,
    RUN_LIBRARY, /* a cache; `placement` says how */
    RUN_TARGETS
};

/* The words of --for. */
const struct word *run_target_words(void);

struct run_request {
    const struct snapshot *snapshot;
    const struct codec_choice *codec;
    enum run_target target;
    unsigned placement;    /* enum zc_placement; of RUN_LIBRARY */
    unsigned chain_length; /* of the others */
    unsigned thread_count;
    double scale;    /* of the whole to the snapshot, which is a sample; or 1 */
    bool want_sizes; /* of a library's too; the others always have them */
    bool want_classes;
    bool want_histogram;
    struct progress *progress;

    /* Called between storing and loading; tests damage the pool in it. */
    void (*before_load)(struct zc_zspool *pool, void *context);
    void *before_load_context;

    /* For tests: nanoseconds, instead of the thread's processor time. */
    uint64_t (*clock)(void *context);
    void *clock_context;
};

struct run_result {
    const struct codec_choice *codec;
    enum run_target target;
    unsigned placement;
    uint64_t payload_bytes;
    uint64_t pool_bytes;
    double whole_pool_bytes; /* of all pages, by a sample; 0: not known */
    uint64_t metadata_bytes;
    uint64_t free_pages; /* same-filled, as far as they get no object here */
    uint64_t raw_pages;
    uint64_t store_nanoseconds; /* of all pages; see times.h */
    uint64_t load_nanoseconds;
    uint64_t spread_nanoseconds;     /* of both together */
    uint64_t *passes;                /* nanoseconds of both in each pass */
    size_t pass_count;               /* the same of all results */
    uint64_t tried_pages;            /* of the second step of --recompress, */
    uint64_t recompressed_pages;     /* of them those that became smaller */
    uint64_t recompress_nanoseconds; /* such a step is in store_nanoseconds */
    uint64_t compacted_pages;        /* given back by compaction after it */
    struct text remark;              /* sentences about this result, or empty */
    uint64_t mismatches; /* pages that came back different, or not at all */
    uint32_t *sizes;     /* of each page's object, 0: none; or NULL */
    char *classes;       /* the pool's class table, or NULL */
    uint64_t *histogram; /* objects by size, or NULL */
    size_t histogram_count;
};

/* False, and an error shown: no memory, or no pool of these options. */
bool run_configuration(const struct run_request *request,
                       struct run_result *result_out);
void run_result_free(struct run_result *result);

/* "zswap", "zram", "dense", "kernel" */
const char *run_target_name(enum run_target target, unsigned placement);

/* What the kernel keeps beside a pool of so many pages, of which so many have
 * an object; not of RUN_LIBRARY. */
uint64_t run_kernel_metadata(enum run_target target, uint64_t pages,
                             uint64_t objects);

/* Pool and metadata: the memory that the pages cost. */
uint64_t run_result_cost(const struct run_result *result);

#endif
