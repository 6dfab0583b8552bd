/* SPDX-License-Identifier: MIT */
/*
 * engine.h - what holds the pages of one configuration: zswap or zram
 * (engine_kernel.c), or the library's cache (engine_cache.c).
 *
 * Its own fixed costs are in no figure: contexts, and the tables of an empty
 * pool.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_ENGINE_H
#define ZCACHE_TOOL_ESTIMATE_ENGINE_H

#include "estimate/run.h"

struct engine;

/*
 * The calls are those of struct zc_cache.  A thread has a number, from 0, and
 * calls the engine with that number alone.
 */
struct engine_ops {
    /* ZC_OK, or another status with a reason of ZC_REASON_SIZE bytes. */
    zc_status (*create)(const struct run_request *request,
                        struct engine **engine_out, char *reason);
    void (*destroy)(struct engine *engine);
    zc_status (*store)(struct engine *engine, unsigned thread, uint64_t index,
                       const unsigned char *page);
    zc_status (*load)(struct engine *engine, unsigned thread, uint64_t index,
                      unsigned char *page_out);
    /* The second step of --recompress, over all pages; see run_result. */
    zc_status (*recompress)(struct engine *engine, struct run_result *result);
    /* Nanoseconds of the calls so far, since the last question, that no codec
     * took; of all threads together. */
    uint64_t (*overhead)(struct engine *engine);
    /* Sets the bytes and pages of a result; false: the library refused. */
    bool (*measure)(struct engine *engine, struct run_result *result);
    struct zc_zspool *(*pool)(struct engine *engine);
};

extern const struct engine_ops engine_cache;
extern const struct engine_ops engine_kernel;

const struct engine_ops *engine_ops_of(const struct run_request *request);

/* NULL, and an error shown. */
struct engine *engine_make(const struct run_request *request,
                           const struct engine_ops *ops);

/* Of the nanoseconds since the last question those that a codec took. */
uint64_t engine_codec_time(const struct engine_ops *ops, struct engine *engine,
                           uint64_t nanoseconds);

/* Shows the error that a pool found no memory; returns false. */
bool engine_explain_no_memory(const struct run_request *request);

#endif
