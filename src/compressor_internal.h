/* SPDX-License-Identifier: MIT */
/* compressor_internal.h - the built-in compressors, one file each. */
#ifndef ZC_COMPRESSOR_INTERNAL_H
#define ZC_COMPRESSOR_INTERNAL_H

#include <zcache/compressor.h>

extern const struct zc_compressor zc_compressor_lz4;
extern const struct zc_compressor zc_compressor_lz4hc;
extern const struct zc_compressor zc_compressor_zstd;
extern const struct zc_compressor zc_compressor_copy;

#endif
