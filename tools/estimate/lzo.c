/* SPDX-License-Identifier: MIT */
/*
 * lzo.c - LZO1X-1 of liblzo2 as a compressor: what the kernel calls "lzo".  Its
 * objects have the kernel's sizes within some bytes; "lzo-rle" of the kernel is
 * another codec.
 */
#include "estimate/lzo.h"

#ifdef ZCACHE_TOOL_WITH_LZO
#include <lzo/lzo1x.h>
#include <stdlib.h>

#include "common/tool.h"

/* A context is the work memory of a compression. */
static zc_status create(const struct zc_compressor *self, size_t page_size,
                        int level, void **context_out)
{
    (void)self;
    (void)page_size;
    (void)level;
    *context_out = memory_allocate(LZO1X_1_MEM_COMPRESS, 1);
    return ZC_OK;
}

static zc_status compress_page(void *context, int level, const void *page,
                               size_t page_size, void *data_out,
                               size_t capacity, size_t *size_out)
{
    lzo_uint size = capacity;

    (void)level;
    /* The worst is page_size / 16 + 67 more than the page: see its manual. */
    if (capacity < page_size + page_size / 16 + 67 ||
        lzo1x_1_compress(page, page_size, data_out, &size, context) != LZO_E_OK)
        return ZC_INVALID;
    *size_out = size;
    return ZC_OK;
}

static zc_status decompress_page(void *context, const void *data, size_t size,
                                 void *page_out, size_t page_size)
{
    lzo_uint made = page_size;

    (void)context;
    if (lzo1x_decompress_safe(data, size, page_out, &made, NULL) != LZO_E_OK ||
        made != page_size)
        return ZC_CORRUPT;
    return ZC_OK;
}

static const struct zc_compressor lzo = {
    .struct_size = sizeof(struct zc_compressor),
    .name = "lzo",
    .flags = ZC_COMPRESSOR_SHARED_DECOMPRESS,
    .level_min = 1,
    .level_max = 1,
    .level_default = 1,
    .context_create = create,
    .context_destroy = free,
    .compress = compress_page,
    .decompress = decompress_page,
};

void lzo_register(void)
{
    if (zc_compressor_find("lzo") == NULL && lzo_init() == LZO_E_OK &&
        zc_compressor_register(&lzo) != ZC_OK)
        message_error("the library refused the codec lzo");
}
#else
void lzo_register(void)
{
}
#endif
