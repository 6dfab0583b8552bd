/* SPDX-License-Identifier: MIT */
/* codec.h - the built-in compressors, one file each. */
#ifndef ZC_CODEC_CODEC_H
#define ZC_CODEC_CODEC_H

#include <zcache/compressor.h>

extern const struct zc_compressor zc_compressor_lz4;
extern const struct zc_compressor zc_compressor_lz4hc;
extern const struct zc_compressor zc_compressor_zstd;
extern const struct zc_compressor zc_compressor_copy;

/* ---- codec/state.c: contexts that are one block of memory ---- */

zc_status zc_compress_state_create(size_t size, void **context_out);
void zc_compress_state_destroy(void *context);
size_t zc_compress_state_size(const void *context);

#endif
