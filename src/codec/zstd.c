/* SPDX-License-Identifier: MIT */
/*
 * zstd.c - Zstandard by libzstd, one CCtx and one DCtx per context.
 *
 * Plain frames with their content size, as ZSTD_compressCCtx() makes them, so
 * that the sizes are those of any other program.
 */
#include <zstd.h>

#include "codec/codec.h"
#include "platform/memory.h"

#define LEVEL_MIN (-7) /* negative levels trade ratio for speed */
#define LEVEL_MAX 19   /* above, zstd calls a level "ultra" */

struct zstd_context {
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
};

static void zstd_context_destroy(void *context)
{
    struct zstd_context *zstd = context;

    (void)ZSTD_freeCCtx(zstd->compressor);
    (void)ZSTD_freeDCtx(zstd->decompressor);
    zc_free(zstd);
}

static zc_status zstd_context_create(const struct zc_compressor *self,
                                     size_t page_size, int level,
                                     void **context_out)
{
    struct zstd_context *zstd = zc_malloc(sizeof(*zstd));

    (void)self;
    (void)page_size;
    (void)level;
    if (zstd == NULL)
        return ZC_NO_MEMORY;
    zstd->compressor = ZSTD_createCCtx();
    zstd->decompressor = ZSTD_createDCtx();
    if (zstd->compressor == NULL || zstd->decompressor == NULL) {
        zstd_context_destroy(zstd);
        return ZC_NO_MEMORY;
    }
    *context_out = zstd;
    return ZC_OK;
}

static size_t zstd_context_size(const void *context)
{
    const struct zstd_context *zstd = context;

    return zc_malloc_size(zstd) + ZSTD_sizeof_CCtx(zstd->compressor) +
           ZSTD_sizeof_DCtx(zstd->decompressor);
}

static zc_status zstd_compress(void *context, int level, const void *page,
                               size_t page_size, void *data_out,
                               size_t capacity, size_t *size_out)
{
    struct zstd_context *zstd = context;
    size_t size = ZSTD_compressCCtx(zstd->compressor, data_out, capacity, page,
                                    page_size, level);

    if (ZSTD_isError(size))
        return ZC_UNSUPPORTED;
    *size_out = size;
    return ZC_OK;
}

static zc_status zstd_decompress(void *context, const void *data, size_t size,
                                 void *page_out, size_t page_size)
{
    struct zstd_context *zstd = context;

    /* An error code is larger than any page. */
    if (ZSTD_decompressDCtx(zstd->decompressor, page_out, page_size, data,
                            size) != page_size)
        return ZC_CORRUPT;
    return ZC_OK;
}

const struct zc_compressor zc_compressor_zstd = {
    .struct_size = sizeof(struct zc_compressor),
    .name = "zstd",
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = 3,
    .context_create = zstd_context_create,
    .context_destroy = zstd_context_destroy,
    .context_size = zstd_context_size,
    .compress = zstd_compress,
    .decompress = zstd_decompress,
};
