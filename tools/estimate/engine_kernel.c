/* SPDX-License-Identifier: MIT */
/*
 * engine_kernel.c - zswap and zram, by the rules of Linux 6.18.
 *
 * Both put what their codec makes of a page into zsmalloc, whose classes the
 * pool of the library has.  They differ in what gets no object, in what is
 * stored raw, and in what they keep beside the pool:
 *
 *                     zswap                      zram
 *     no object       pages of zeros             pages of one repeated word
 *     raw from        4096 bytes (a page)        3625 bytes (the huge class)
 *     for each page   swap table 8               swap table 8, slot 16
 *     for each object entry 56, handle 8,        handle 8
 *                     place in the tree 8
 */
#include <stdlib.h>
#include <string.h>
#include <zcache/compressor.h>

#include "estimate/engine.h"

/* Bytes beside the pool; a stored page has 80 in zswap, 32 in zram. */
#define ZSWAP_PAGE_BYTES 8
#define ZSWAP_OBJECT_BYTES 72
#define ZRAM_PAGE_BYTES 24
#define ZRAM_OBJECT_BYTES 8

/* What one thread compresses with. */
struct thread {
    void *context;
    unsigned char *buffer; /* of two pages */
};

struct engine {
    const struct run_request *request;
    const struct zc_compressor *compressor;
    int level;
    size_t page_size;
    size_t raw_from;
    struct zc_zspool *pool;
    struct thread *threads;

    /* Of each page: the size of its object, and its handle; a page without an
     * object has the size 0, and its word. */
    uint32_t *sizes;
    zc_handle *handles;
};

static void destroy(struct engine *engine)
{
    for (unsigned i = 0; i < engine->request->thread_count; i++) {
        if (engine->threads[i].context != NULL)
            engine->compressor->context_destroy(engine->threads[i].context);
        free(engine->threads[i].buffer);
    }
    zc_zspool_destroy(engine->pool);
    free(engine->threads);
    free(engine->sizes);
    free(engine->handles);
    free(engine);
}

/* A context and a buffer for each thread. */
static zc_status make_threads(struct engine *engine)
{
    const struct zc_compressor *compressor = engine->compressor;
    zc_status status = ZC_OK;

    for (unsigned i = 0; i < engine->request->thread_count; i++)
        engine->threads[i] =
            (struct thread){.buffer = memory_allocate(2, engine->page_size)};
    if (compressor->context_create == NULL)
        return ZC_OK;
    for (unsigned i = 0; i < engine->request->thread_count && status == ZC_OK;
         i++)
        status = compressor->context_create(compressor, engine->page_size,
                                            engine->level,
                                            &engine->threads[i].context);
    return status;
}

static zc_status create(const struct run_request *request,
                        struct engine **engine_out, char *reason)
{
    const size_t pages = (size_t)request->snapshot->page_count;
    struct engine *engine = memory_allocate(1, sizeof(*engine));
    struct zc_zspool *pool;
    zc_status status = zc_zspool_create(
        ZC_ZSPOOL_OPTIONS(.page_size = request->snapshot->page_size,
                          .placement = ZC_PLACEMENT_KERNEL,
                          .chain_length = request->chain_length,
                          .reason = reason, .reason_size = ZC_REASON_SIZE),
        &pool);

    if (status != ZC_OK) {
        free(engine);
        return status;
    }
    *engine = (struct engine){
        .request = request,
        .compressor = zc_compressor_find(request->codec->name),
        .level = request->codec->level,
        .page_size = request->snapshot->page_size,
        .raw_from = request->snapshot->page_size,
        .pool = pool,
        .threads =
            memory_allocate(request->thread_count, sizeof(struct thread)),
        .sizes = memory_allocate(pages, sizeof(*engine->sizes)),
        .handles = memory_allocate(pages, sizeof(*engine->handles))};
    if (request->target == RUN_ZRAM)
        engine->raw_from = zc_zspool_huge_class_size(pool);
    if (engine->level == ZC_LEVEL_DEFAULT)
        engine->level = engine->compressor->level_default;
    status = make_threads(engine);
    if (status != ZC_OK) {
        destroy(engine);
        return status;
    }
    *engine_out = engine;
    return ZC_OK;
}

/* Does the page get no object?  A page equal to itself shifted by one word
 * consists of one repeated word. */
static bool has_no_object(const struct engine *engine,
                          const unsigned char *page, uint64_t *word_out)
{
    memcpy(word_out, page, sizeof(*word_out));
    return (engine->request->target == RUN_ZRAM || *word_out == 0) &&
           memcmp(page, page + sizeof(*word_out),
                  engine->page_size - sizeof(*word_out)) == 0;
}

static zc_status store(struct engine *engine, unsigned thread, uint64_t index,
                       const unsigned char *page)
{
    unsigned char *buffer = engine->threads[thread].buffer;
    const void *data = buffer;
    size_t size = 0;
    zc_status status;

    engine->sizes[index] = 0;
    if (has_no_object(engine, page, &engine->handles[index].value))
        return ZC_OK;
    status = engine->compressor->compress(
        engine->threads[thread].context, engine->level, page, engine->page_size,
        buffer, 2 * engine->page_size, &size);
    if (status != ZC_OK || size >= engine->raw_from) {
        data = page;
        size = engine->page_size;
    }
    status = zc_zspool_put(engine->pool, data, size, &engine->handles[index]);
    if (status == ZC_OK)
        engine->sizes[index] = (uint32_t)size;
    return status;
}

static zc_status load(struct engine *engine, unsigned thread, uint64_t index,
                      unsigned char *page_out)
{
    const struct zc_compressor *compressor = engine->compressor;
    struct zc_zspool_read read;
    zc_status status;

    if (engine->sizes[index] == 0) {
        for (size_t at = 0; at < engine->page_size; at += sizeof(uint64_t))
            memcpy(page_out + at, &engine->handles[index].value,
                   sizeof(uint64_t));
        return ZC_OK;
    }
    status = zc_zspool_read_begin(engine->pool, engine->handles[index], &read);
    if (status != ZC_OK)
        return status;
    if (read.size == engine->page_size)
        memcpy(page_out, read.data, read.size);
    else
        status = compressor->decompress(engine->threads[thread].context,
                                        read.data, read.size, page_out,
                                        engine->page_size);
    zc_zspool_read_end(engine->pool, &read);
    return status;
}

static bool measure(struct engine *engine, struct run_result *result)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    const uint64_t pages = engine->request->snapshot->page_count;

    if (zc_zspool_get_stats(engine->pool, &stats) != ZC_OK)
        return false;
    result->payload_bytes = stats.payload_bytes;
    result->pool_bytes = stats.pool_bytes;
    for (uint64_t i = 0; i < pages; i++)
        result->raw_pages += engine->sizes[i] == engine->page_size;
    result->free_pages = pages - stats.objects;
    result->metadata_bytes =
        engine->request->target == RUN_ZRAM
            ? pages * ZRAM_PAGE_BYTES + stats.objects * ZRAM_OBJECT_BYTES
            : pages * ZSWAP_PAGE_BYTES + stats.objects * ZSWAP_OBJECT_BYTES;
    result->sizes = memory_allocate((size_t)pages, sizeof(*result->sizes));
    memcpy(result->sizes, engine->sizes, pages * sizeof(*result->sizes));
    return true;
}

static struct zc_zspool *pool_of(struct engine *engine)
{
    return engine->pool;
}

const struct engine_ops engine_kernel = {
    .create = create,
    .destroy = destroy,
    .store = store,
    .load = load,
    .measure = measure,
    .pool = pool_of,
};
