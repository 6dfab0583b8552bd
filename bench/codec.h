/* SPDX-License-Identifier: MIT */
/*
 * codec.h - LZ4 as one calls it without this library: what stores are held
 * against, and what the stores that are not ours use.
 */
#ifndef ZCACHE_BENCH_CODEC_H
#define ZCACHE_BENCH_CODEC_H

#include "support.h"

#define CODEC_BUFFER_BYTES 8192

/* The compressed size, or PAGE_BYTES where it would not be smaller. */
size_t codec_compress(const void *page, void *buffer);

/* Into exactly one page; `size` PAGE_BYTES means raw. */
void codec_decompress(const void *data, size_t size, void *page_out);

#endif
