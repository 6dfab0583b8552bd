/* SPDX-License-Identifier: MIT */
/*
 * codec.h - what the built-in compressors share.  Each has a file of its own,
 * and registry.c has the list of them.
 */
#ifndef ZC_CODEC_CODEC_H
#define ZC_CODEC_CODEC_H

#include <zcache/compressor.h>

/* lz4hc decompresses with it. */
extern const struct zc_compressor zc_compressor_lz4;

/* ---- codec/state.c: contexts that are one block of memory ---- */

zc_status zc_compress_state_create(size_t size, void **context_out);
void zc_compress_state_destroy(void *context);
size_t zc_compress_state_size(const void *context);

#endif
