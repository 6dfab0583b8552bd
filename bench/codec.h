/* SPDX-License-Identifier: MIT */
/*
 * codec.h - LZ4 as a program calls it without this library: the base of
 * comparison, and the codec of the other stores.
 */
#ifndef ZCACHE_BENCH_CODEC_H
#define ZCACHE_BENCH_CODEC_H

#include "support.h"

#define CODEC_BUFFER_BYTES 8192

/* Returns the compressed size; PAGE_BYTES: it would not be smaller. */
size_t codec_compress(const void *page, void *buffer);

/* Into exactly one page; `size` PAGE_BYTES means raw. */
void codec_decompress(const void *data, size_t size, void *page_out);

#endif
