/* SPDX-License-Identifier: MIT */
/* lz4hc.c - LZ4 HC by liblz4; decompresses exactly as LZ4 does. */
#include <lz4.h>
#include <lz4hc.h>

#include "codec/codec.h"

/* The levels of compressor.h; the limits of the installed liblz4 may differ:
 * those of 1.10 begin at 2. */
#define LEVEL_MIN 3
#define LEVEL_MAX 12
#define LEVEL_DEFAULT 9

static zc_status lz4hc_context_create(const struct zc_compressor *self,
                                      size_t page_size, int level,
                                      void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    return zc_compress_state_create((size_t)LZ4_sizeofStateHC(), context_out);
}

static zc_status lz4hc_compress(void *context, int level, const void *page,
                                size_t page_size, void *data_out,
                                size_t capacity, size_t *size_out)
{
    int size = LZ4_compress_HC_extStateHC(context, page, data_out,
                                          (int)page_size, (int)capacity, level);

    if (size <= 0)
        return ZC_UNSUPPORTED;
    *size_out = (size_t)size;
    return ZC_OK;
}

static zc_status lz4hc_decompress(void *context, const void *data, size_t size,
                                  void *page_out, size_t page_size)
{
    return zc_compressor_lz4.decompress(context, data, size, page_out,
                                        page_size);
}

const struct zc_compressor zc_compressor_lz4hc = {
    .struct_size = sizeof(struct zc_compressor),
    .name = "lz4hc",
    .flags = ZC_COMPRESSOR_SHARED_DECOMPRESS,
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = LEVEL_DEFAULT,
    .context_create = lz4hc_context_create,
    .context_destroy = zc_compress_state_destroy,
    .context_size = zc_compress_state_size,
    .compress = lz4hc_compress,
    .decompress = lz4hc_decompress,
};
