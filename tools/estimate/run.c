/* SPDX-License-Identifier: MIT */
/*
 * run.c - stores a snapshot in one pool and loads it again.
 *
 * A batch of pages is loaded, and then compared while the processor's cache has
 * it.  Times are taken apart from this, in times.c.
 */
#include "estimate/engine.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* 64 pages of 4 KiB: a batch stays in the processor's cache until compared. */
#define BATCH_PAGES 64

/* The work of one thread: a part of the pages, in order. */
struct worker {
    pthread_t thread;
    bool started;
    const struct run_request *request;
    const struct engine_ops *ops;
    struct engine *engine;
    unsigned number;
    uint64_t first;
    uint64_t count;
    uint64_t mismatches;
    zc_status status; /* ZC_NO_MEMORY ends the run */
    bool watched;     /* this worker draws the progress */
};

static void step(const struct worker *worker, uint64_t done)
{
    if (worker->watched && worker->request->progress != NULL)
        progress_step(worker->request->progress,
                      done * worker->request->thread_count);
}

/*
 * The load finds out that a refused page is missing.  Only without memory the
 * run ends.
 */
static void *store_part(void *context)
{
    struct worker *worker = context;
    const struct snapshot *snapshot = worker->request->snapshot;
    uint64_t index = worker->first;
    uint64_t end = worker->first + worker->count;

    while (index < end && worker->status == ZC_OK) {
        uint64_t batch_end = end - index < BATCH_PAGES ? end
                                                       : index + BATCH_PAGES;

        for (; index < batch_end; index++) {
            zc_status status =
                worker->ops->store(worker->engine, worker->number, index,
                                   snapshot_page(snapshot, index));

            if (status == ZC_NO_MEMORY)
                worker->status = status;
        }
        step(worker, index - worker->first);
    }
    return NULL;
}

/* Loads a batch and compares it with the snapshot. */
static void load_batch(struct worker *worker, uint64_t index, uint64_t count,
                       unsigned char *buffer)
{
    const struct snapshot *snapshot = worker->request->snapshot;
    const size_t page_size = snapshot->page_size;
    zc_status statuses[BATCH_PAGES];

    for (uint64_t i = 0; i < count; i++)
        statuses[i] = worker->ops->load(worker->engine, worker->number,
                                        index + i,
                                        buffer + (size_t)i * page_size);
    for (uint64_t i = 0; i < count; i++) {
        if (statuses[i] != ZC_OK ||
            memcmp(snapshot_page(snapshot, index + i),
                   buffer + (size_t)i * page_size, page_size) != 0)
            worker->mismatches++;
    }
}

static void *load_part(void *context)
{
    struct worker *worker = context;
    const size_t page_size = worker->request->snapshot->page_size;
    uint64_t index = worker->first;
    uint64_t end = worker->first + worker->count;
    unsigned char *buffer = memory_allocate(BATCH_PAGES, page_size);

    memset(buffer, 0, BATCH_PAGES * page_size);
    while (index < end) {
        uint64_t count = end - index < BATCH_PAGES ? end - index : BATCH_PAGES;

        load_batch(worker, index, count, buffer);
        index += count;
        step(worker, index - worker->first);
    }
    free(buffer);
    return NULL;
}

/* The result of all workers of a phase. */
struct phase {
    uint64_t mismatches;
    zc_status status;
};

/* Runs one phase on all threads; the first part on this one. */
static bool run_phase(const struct run_request *request,
                      const struct engine_ops *ops, struct engine *engine,
                      const char *verb, void *(*part)(void *),
                      struct phase *phase)
{
    const uint64_t pages = request->snapshot->page_count;
    const unsigned threads = request->thread_count;
    struct worker *workers = memory_allocate(threads, sizeof(*workers));
    int error = 0;

    if (request->progress != NULL)
        progress_stage(request->progress, request->codec->label,
                       run_target_name(request->target, request->placement),
                       verb);
    *phase = (struct phase){.status = ZC_OK};
    for (unsigned i = 0; i < threads; i++) {
        uint64_t first = pages * i / threads;

        workers[i] = (struct worker){.request = request,
                                     .ops = ops,
                                     .engine = engine,
                                     .number = i,
                                     .first = first,
                                     .count = pages * (i + 1) / threads - first,
                                     .watched = i == 0};
    }
    for (unsigned i = 1; i < threads && error == 0; i++) {
        error = pthread_create(&workers[i].thread, NULL, part, &workers[i]);
        workers[i].started = error == 0;
    }
    if (error == 0)
        (void)part(&workers[0]);
    for (unsigned i = 0; i < threads; i++) {
        if (workers[i].started)
            (void)pthread_join(workers[i].thread, NULL);
        phase->mismatches += workers[i].mismatches;
        if (workers[i].status != ZC_OK)
            phase->status = workers[i].status;
    }
    free(workers);
    if (error != 0)
        message_error("cannot start %u threads: %s", threads, strerror(error));
    if (request->progress != NULL)
        progress_stage_end(request->progress, pages);
    return error == 0;
}

static bool count_object(void *context, zc_handle handle, const void *data,
                         size_t size)
{
    uint64_t *histogram = context;

    (void)handle;
    (void)data;
    histogram[(size - 1) / RUN_HISTOGRAM_STEP]++;
    return true;
}

/* The class table and the histogram, where they are wanted. */
static bool describe_pool(const struct run_request *request,
                          struct zc_zspool *pool, struct run_result *result)
{
    if (request->want_classes) {
        size_t size = zc_zspool_print_classes(pool, NULL, 0) + 1;

        result->classes = memory_allocate(size, 1);
        (void)zc_zspool_print_classes(pool, result->classes, size);
    }
    if (request->want_histogram) {
        size_t count = request->snapshot->page_size / RUN_HISTOGRAM_STEP;

        result->histogram_count = count;
        result->histogram = memory_allocate(count, sizeof(uint64_t));
        memset(result->histogram, 0, count * sizeof(uint64_t));
        if (zc_zspool_iterate(pool, count_object, result->histogram) != ZC_OK)
            return false;
    }
    return true;
}

bool engine_explain_no_memory(const struct run_request *request)
{
    message_error("%s, %s: no memory for the pool of %" PRIu64
                  " pages; measure a part with --sample",
                  request->codec->label,
                  run_target_name(request->target, request->placement),
                  request->snapshot->page_count);
    return false;
}

uint64_t engine_codec_time(const struct engine_ops *ops, struct engine *engine,
                           uint64_t nanoseconds)
{
    uint64_t overhead = ops->overhead == NULL ? 0 : ops->overhead(engine);

    return overhead < nanoseconds ? nanoseconds - overhead : 0;
}

static bool recompress(const struct run_request *request,
                       const struct engine_ops *ops, struct engine *engine,
                       struct run_result *result)
{
    uint64_t began;

    (void)engine_codec_time(ops, engine, 0); /* that of storing is not asked */
    began = clock_nanoseconds();
    if (request->progress != NULL)
        progress_stage(request->progress, request->codec->label,
                       run_target_name(request->target, request->placement),
                       "recompressing");
    if (ops->recompress(engine, result) != ZC_OK)
        return engine_explain_no_memory(request);
    result->recompress_nanoseconds =
        engine_codec_time(ops, engine, clock_nanoseconds() - began);
    if (request->progress != NULL)
        progress_stage_end(request->progress, request->snapshot->page_count);
    return true;
}

static bool store_pages(const struct run_request *request,
                        const struct engine_ops *ops, struct engine *engine,
                        struct run_result *result)
{
    struct phase phase;

    if (!run_phase(request, ops, engine, "storing", store_part, &phase))
        return false;
    if (phase.status != ZC_OK)
        return engine_explain_no_memory(request);
    return request->codec->second == NULL ||
           recompress(request, ops, engine, result);
}

static bool load_pages(const struct run_request *request,
                       const struct engine_ops *ops, struct engine *engine,
                       struct run_result *result)
{
    struct phase phase;

    if (!run_phase(request, ops, engine, "loading", load_part, &phase))
        return false;
    result->mismatches = phase.mismatches;
    return true;
}

static bool store_and_load(const struct run_request *request,
                           const struct engine_ops *ops, struct engine *engine,
                           struct run_result *result)
{
    if (!store_pages(request, ops, engine, result))
        return false;
    if (!ops->measure(engine, result) ||
        !describe_pool(request, ops->pool(engine), result)) {
        message_error("the library refused its own counters");
        return false;
    }
    if (request->before_load != NULL)
        request->before_load(ops->pool(engine), request->before_load_context);
    return load_pages(request, ops, engine, result);
}

struct engine *engine_make(const struct run_request *request,
                           const struct engine_ops *ops)
{
    char reason[ZC_REASON_SIZE] = "";
    struct engine *engine;
    zc_status status = ops->create(request, &engine, reason);

    if (status == ZC_OK)
        return engine;
    message_status(status, reason,
                   "cannot make a pool of %s, %s, pages of %zu bytes",
                   request->codec->label,
                   run_target_name(request->target, request->placement),
                   request->snapshot->page_size);
    return NULL;
}

const struct engine_ops *engine_ops_of(const struct run_request *request)
{
    return request->target == RUN_LIBRARY ? &engine_cache : &engine_kernel;
}

bool run_configuration(const struct run_request *request,
                       struct run_result *result_out)
{
    const struct engine_ops *ops = engine_ops_of(request);
    struct engine *engine = engine_make(request, ops);
    bool good;

    *result_out = (struct run_result){.codec = request->codec,
                                      .target = request->target,
                                      .placement = request->placement};
    if (engine == NULL)
        return false;
    good = store_and_load(request, ops, engine, result_out);
    ops->destroy(engine);
    if (!good)
        run_result_free(result_out);
    return good;
}

void run_result_free(struct run_result *result)
{
    text_free(&result->remark);
    free(result->sizes);
    free(result->passes);
    free(result->classes);
    free(result->histogram);
    result->sizes = NULL;
    result->passes = NULL;
    result->classes = NULL;
    result->histogram = NULL;
}

const struct word *run_target_words(void)
{
    static const struct word words[] = {{"zswap", RUN_ZSWAP},
                                        {"zram", RUN_ZRAM},
                                        {"library", RUN_LIBRARY},
                                        {NULL, 0}};

    return words;
}

const char *run_target_name(enum run_target target, unsigned placement)
{
    return target == RUN_LIBRARY ? placement_name(placement)
                                 : words_name(run_target_words(), target);
}

uint64_t run_result_cost(const struct run_result *result)
{
    return result->pool_bytes + result->metadata_bytes;
}
