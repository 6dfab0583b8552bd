/* SPDX-License-Identifier: MIT */
/* lz4.c - LZ4 by liblz4, its state kept in the context. */
#include <lz4.h>

#include "codec/codec.h"

#define ACCELERATION_MAX 65537 /* LZ4_ACCELERATION_MAX, which is private */

static zc_status lz4_context_create(const struct zc_compressor *self,
                                    size_t page_size, int level,
                                    void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    return zc_compress_state_create((size_t)LZ4_sizeofState(), context_out);
}

static zc_status lz4_compress(void *context, int level, const void *page,
                              size_t page_size, void *data_out, size_t capacity,
                              size_t *size_out)
{
    int size = LZ4_compress_fast_extState(context, page, data_out,
                                          (int)page_size, (int)capacity, level);

    if (size <= 0)
        return ZC_UNSUPPORTED;
    *size_out = (size_t)size;
    return ZC_OK;
}

static zc_status lz4_decompress(void *context, const void *data, size_t size,
                                void *page_out, size_t page_size)
{
    (void)context;
    if (LZ4_decompress_safe(data, page_out, (int)size, (int)page_size) !=
        (int)page_size)
        return ZC_CORRUPT;
    return ZC_OK;
}

const struct zc_compressor zc_compressor_lz4 = {
    .struct_size = sizeof(struct zc_compressor),
    .name = "lz4",
    .flags = ZC_COMPRESSOR_SHARED_DECOMPRESS,
    .level_min = 1,
    .level_max = ACCELERATION_MAX,
    .level_default = 1,
    .context_create = lz4_context_create,
    .context_destroy = zc_compress_state_destroy,
    .context_size = zc_compress_state_size,
    .compress = lz4_compress,
    .decompress = lz4_decompress,
};
