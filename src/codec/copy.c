/* SPDX-License-Identifier: MIT */
/* copy.c - no compression: every page is stored as it is. */
#include <string.h>

#include "codec/codec.h"

static zc_status copy_compress(void *context, int level, const void *page,
                               size_t page_size, void *data_out,
                               size_t capacity, size_t *size_out)
{
    (void)context;
    (void)level;
    if (capacity < page_size)
        return ZC_UNSUPPORTED;
    memcpy(data_out, page, page_size);
    *size_out = page_size;
    return ZC_OK;
}

static zc_status copy_decompress(void *context, const void *data, size_t size,
                                 void *page_out, size_t page_size)
{
    (void)context;
    if (size != page_size)
        return ZC_CORRUPT;
    memcpy(page_out, data, size);
    return ZC_OK;
}

const struct zc_compressor zc_compressor_copy = {
    .struct_size = sizeof(struct zc_compressor),
    .name = "copy",
    .flags = ZC_COMPRESSOR_SHARED_DECOMPRESS,
    .level_min = 0,
    .level_max = 0,
    .level_default = 0,
    .compress = copy_compress,
    .decompress = copy_decompress,
};
