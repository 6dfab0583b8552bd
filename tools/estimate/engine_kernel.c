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
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zcache/compressor.h>

#include "estimate/engine.h"

/* Bytes beside the pool; a stored page has 80 in zswap, 32 in zram. */
#define ZSWAP_PAGE_BYTES 8
#define ZSWAP_OBJECT_BYTES 72
#define ZRAM_PAGE_BYTES 24
#define ZRAM_OBJECT_BYTES 8

/* The codecs of a configuration: one, or the two of --recompress. */
#define STEPS 2

/* What one thread works with. */
struct thread {
    void *contexts[STEPS];
    unsigned char *buffer; /* of two pages */
};

/* Which codec made the object of a page. */
enum made {
    MADE_BY_FIRST,
    MADE_BY_FIRST_STILL, /* the second one made it no smaller */
    MADE_BY_SECOND
};

struct engine {
    const struct run_request *request;
    const struct codec_choice *codecs[STEPS];
    unsigned codec_count;
    size_t page_size;
    size_t raw_from;
    struct zc_zspool *pool;
    struct thread *threads;

    /* Of each page: the size of its object, and its handle; a page without an
     * object has the size 0, and its word. */
    uint32_t *sizes;
    zc_handle *handles;
    unsigned char *made; /* enum made */
};

static int level_of(const struct codec_choice *codec)
{
    return codec->level == ZC_LEVEL_DEFAULT ? codec->compressor->level_default
                                            : codec->level;
}

static void end_step(struct engine *engine, unsigned step)
{
    const struct codec_choice *codec = engine->codecs[step];

    for (unsigned i = 0; i < engine->request->thread_count; i++) {
        if (engine->threads[i].contexts[step] != NULL)
            codec->compressor->context_destroy(
                engine->threads[i].contexts[step]);
    }
    if (codec->kernel != NULL)
        kernel_codec_end(codec->kernel);
}

static void destroy(struct engine *engine)
{
    for (unsigned step = 0; step < engine->codec_count; step++)
        end_step(engine, step);
    for (unsigned i = 0; i < engine->request->thread_count; i++)
        free(engine->threads[i].buffer);
    zc_zspool_destroy(engine->pool);
    free(engine->threads);
    free(engine->sizes);
    free(engine->handles);
    free(engine->made);
    free(engine);
}

/* Adds a codec, with a context for each thread. */
static zc_status begin_step(struct engine *engine,
                            const struct codec_choice *codec, char *reason)
{
    const struct zc_compressor *compressor = codec->compressor;
    const unsigned step = engine->codec_count;
    zc_status status = ZC_OK;

    if (codec->kernel != NULL &&
        !kernel_codec_begin(codec->kernel,
                            engine->request->snapshot->page_count)) {
        (void)snprintf(reason, ZC_REASON_SIZE, "there is no zram device");
        return ZC_IO_ERROR;
    }
    engine->codecs[step] = codec;
    engine->codec_count++;
    if (compressor->context_create == NULL)
        return ZC_OK;
    for (unsigned i = 0; i < engine->request->thread_count && status == ZC_OK;
         i++)
        status = compressor->context_create(compressor, engine->page_size,
                                            level_of(codec),
                                            &engine->threads[i].contexts[step]);
    return status;
}

static void make_threads(struct engine *engine)
{
    const unsigned count = engine->request->thread_count;

    engine->threads = memory_allocate(count, sizeof(*engine->threads));
    for (unsigned i = 0; i < count; i++)
        engine->threads[i] =
            (struct thread){.buffer = memory_allocate(2, engine->page_size)};
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
        .page_size = request->snapshot->page_size,
        .raw_from = request->snapshot->page_size,
        .pool = pool,
        .sizes = memory_allocate(pages, sizeof(*engine->sizes)),
        .handles = memory_allocate(pages, sizeof(*engine->handles)),
        .made = memory_allocate(pages, 1)};
    if (request->target == RUN_ZRAM)
        engine->raw_from = zc_zspool_huge_class_size(pool);
    make_threads(engine);
    status = begin_step(engine, request->codec, reason);
    if (status == ZC_OK && request->codec->second != NULL)
        status = begin_step(engine, request->codec->second, reason);
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

/* Puts the object that a codec makes of a page into the thread's buffer.
 * *size_out is a page's: the page is to be stored raw. */
static zc_status compress(struct engine *engine, unsigned thread, unsigned step,
                          const unsigned char *page, size_t *size_out)
{
    const struct codec_choice *codec = engine->codecs[step];
    zc_status status = codec->compressor->compress(
        engine->threads[thread].contexts[step], level_of(codec), page,
        engine->page_size, engine->threads[thread].buffer,
        2 * engine->page_size, size_out);

    if (status == ZC_NO_MEMORY)
        return status;
    if (status != ZC_OK || *size_out >= engine->raw_from)
        *size_out = engine->page_size;
    return ZC_OK;
}

static zc_status store(struct engine *engine, unsigned thread, uint64_t index,
                       const unsigned char *page)
{
    size_t size = 0;
    zc_status status;

    engine->sizes[index] = 0;
    engine->made[index] = MADE_BY_FIRST;
    if (has_no_object(engine, page, &engine->handles[index].value))
        return ZC_OK;
    status = compress(engine, thread, 0, page, &size);
    if (status == ZC_OK)
        status = zc_zspool_put(
            engine->pool,
            size == engine->page_size ? page : engine->threads[thread].buffer,
            size, &engine->handles[index]);
    if (status == ZC_OK)
        engine->sizes[index] = (uint32_t)size;
    return status;
}

static zc_status load(struct engine *engine, unsigned thread, uint64_t index,
                      unsigned char *page_out)
{
    const unsigned step = engine->made[index] == MADE_BY_SECOND;
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
        status = engine->codecs[step]->compressor->decompress(
            engine->threads[thread].contexts[step], read.data, read.size,
            page_out, engine->page_size);
    zc_zspool_read_end(engine->pool, &read);
    return status;
}

/* ---- the second step ---- */

/* zram takes the pages by size, the largest first, in steps of so many bytes;
 * of one step that first which it found last. */
#define RECOMPRESS_STEP 64

/* In front of an object, except of one that has a page alone. */
#define OBJECT_HEADER 8

/* Of each size up to a page the bytes that such an object takes: those of its
 * class, header included. */
static uint32_t *list_class_bytes(const struct engine *engine)
{
    struct zc_zspool_class class = {.struct_size = sizeof(class)};
    uint32_t *bytes = memory_allocate(engine->page_size + 1, sizeof(*bytes));
    size_t size = 0;
    zc_status status;

    for (unsigned i = 0;
         (status = zc_zspool_get_class(engine->pool, i, &class)) != ZC_INVALID;
         i++) {
        while (status == ZC_OK && size + OBJECT_HEADER <= class.object_bytes)
            bytes[size++] = class.object_bytes;
    }
    while (size <= engine->page_size)
        bytes[size++] = (uint32_t)engine->page_size;
    return bytes;
}

/* As zram: the new object stays only if it is of a smaller class.  It is made
 * before the old one goes. */
static zc_status recompress_page(struct engine *engine, uint64_t index,
                                 unsigned char *page, const uint32_t *bytes)
{
    zc_handle handle;
    size_t size = 0;
    zc_status status = load(engine, 0, index, page);

    if (status == ZC_OK)
        status = compress(engine, 0, 1, page, &size);
    if (status != ZC_OK)
        return status;
    engine->made[index] = MADE_BY_FIRST_STILL;
    if (bytes[size] >= bytes[engine->sizes[index]])
        return ZC_OK;
    status =
        zc_zspool_put(engine->pool, engine->threads[0].buffer, size, &handle);
    if (status != ZC_OK)
        return status;
    (void)zc_zspool_free(engine->pool, engine->handles[index]);
    engine->handles[index] = handle;
    engine->sizes[index] = (uint32_t)size;
    engine->made[index] = MADE_BY_SECOND;
    return ZC_OK;
}

static zc_status recompress_pages(struct engine *engine)
{
    unsigned char *page = memory_allocate(1, engine->page_size);
    uint32_t *bytes = list_class_bytes(engine);
    zc_status status = ZC_OK;

    for (size_t step = engine->page_size / RECOMPRESS_STEP + 1; step-- > 0;) {
        uint64_t i = engine->request->snapshot->page_count;

        while (i-- > 0 && status == ZC_OK) {
            if (engine->sizes[i] != 0 &&
                engine->sizes[i] / RECOMPRESS_STEP == step &&
                engine->made[i] == MADE_BY_FIRST)
                status = recompress_page(engine, i, page, bytes);
        }
    }
    free(page);
    free(bytes);
    return status;
}

static void count_made(const struct engine *engine, struct run_result *result)
{
    for (uint64_t i = 0; i < engine->request->snapshot->page_count; i++) {
        result->tried_pages += engine->made[i] != MADE_BY_FIRST;
        result->recompressed_pages += engine->made[i] == MADE_BY_SECOND;
    }
}

/* The free objects that it leaves behind go when the kernel needs memory. */
static zc_status recompress(struct engine *engine, struct run_result *result)
{
    struct zc_compact_result compacted = {.struct_size = sizeof(compacted)};
    zc_status status = recompress_pages(engine);

    if (status == ZC_OK)
        status = zc_zspool_compact(engine->pool, NULL, &compacted);
    result->compacted_pages = compacted.pages_freed;
    count_made(engine, result);
    return status;
}

static uint64_t overhead(struct engine *engine)
{
    uint64_t nanoseconds = 0;

    for (unsigned step = 0; step < engine->codec_count; step++) {
        if (engine->codecs[step]->kernel != NULL)
            nanoseconds += kernel_codec_overhead(engine->codecs[step]->kernel);
    }
    return nanoseconds;
}

static void describe(const struct engine *engine, struct run_result *result)
{
    for (unsigned step = 0; step < engine->codec_count; step++) {
        if (engine->codecs[step]->kernel != NULL)
            kernel_codec_describe(engine->codecs[step]->kernel,
                                  &result->remark);
    }
    if (engine->codec_count == 2)
        text_print_sentence(
            &result->remark,
            "%s tried %" PRIu64 " pages, of which %" PRIu64
            " came into a smaller size class, in %.2f us each; this is in "
            "\"out\". Compaction then gave %" PRIu64 " pages back.",
            engine->codecs[1]->label, result->tried_pages,
            result->recompressed_pages,
            result->tried_pages == 0 ? 0.0
                                     : (double)result->recompress_nanoseconds /
                                           1e3 / (double)result->tried_pages,
            result->compacted_pages);
}

/*
 * The pool of all pages, of which these are a sample.  Each class has a zspage
 * that is partly filled, and in a small pool most of them are: so what is
 * scaled up is the objects of each class, which then fill zspages.
 */
static double whole_pool_bytes(const struct engine *engine)
{
    struct zc_zspool_class class = {.struct_size = sizeof(class)};
    uint64_t pages = 0;
    zc_status status;

    for (unsigned i = 0;
         (status = zc_zspool_get_class(engine->pool, i, &class)) != ZC_INVALID;
         i++) {
        const uint64_t objects =
            (uint64_t)((double)class.objects_used * engine->request->scale +
                       0.5);

        if (status == ZC_OK)
            pages += (objects + class.objects_per_zspage - 1) /
                     class.objects_per_zspage * class.pages_per_zspage;
    }
    return (double)pages * (double)engine->page_size;
}

uint64_t run_kernel_metadata(enum run_target target, uint64_t pages,
                             uint64_t objects)
{
    return target == RUN_ZRAM
               ? pages * ZRAM_PAGE_BYTES + objects * ZRAM_OBJECT_BYTES
               : pages * ZSWAP_PAGE_BYTES + objects * ZSWAP_OBJECT_BYTES;
}

static bool measure(struct engine *engine, struct run_result *result)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    const uint64_t pages = engine->request->snapshot->page_count;

    if (zc_zspool_get_stats(engine->pool, &stats) != ZC_OK)
        return false;
    result->payload_bytes = stats.payload_bytes;
    result->pool_bytes = stats.pool_bytes;
    if (engine->request->scale > 1.0)
        result->whole_pool_bytes = whole_pool_bytes(engine);
    for (uint64_t i = 0; i < pages; i++)
        result->raw_pages += engine->sizes[i] == engine->page_size;
    result->free_pages = pages - stats.objects;
    result->metadata_bytes =
        run_kernel_metadata(engine->request->target, pages, stats.objects);
    result->sizes = memory_allocate((size_t)pages, sizeof(*result->sizes));
    memcpy(result->sizes, engine->sizes, pages * sizeof(*result->sizes));
    describe(engine, result);
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
    .recompress = recompress,
    .overhead = overhead,
    .measure = measure,
    .pool = pool_of,
};
