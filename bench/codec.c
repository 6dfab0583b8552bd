/* SPDX-License-Identifier: MIT */
/* codec.c - see codec.h. */
#include "codec.h"

#include <lz4.h>
#include <string.h>

size_t codec_compress(const void *page, void *buffer)
{
    int size =
        LZ4_compress_default(page, buffer, PAGE_BYTES, CODEC_BUFFER_BYTES);

    if (size <= 0 || size >= PAGE_BYTES)
        return PAGE_BYTES;
    return (size_t)size;
}

void codec_decompress(const void *data, size_t size, void *page_out)
{
    if (size == PAGE_BYTES) {
        memcpy(page_out, data, PAGE_BYTES);
        return;
    }
    if (LZ4_decompress_safe(data, page_out, (int)size, PAGE_BYTES) !=
        PAGE_BYTES)
        die("an object does not decompress");
}
