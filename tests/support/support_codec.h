/* SPDX-License-Identifier: MIT */
/*
 * support_codec.h - what every compressor must do: the same test bodies for
 * all, called from test_codecs.c.
 */
#ifndef ZC_TESTS_SUPPORT_CODEC_H
#define ZC_TESTS_SUPPORT_CODEC_H

#include "support_cache.h"

/* The number of built-in compressors, which come first in the registry; the
 * name of one, counted modulo that number. */
unsigned support_codec_count(void);
const char *support_codec_name(unsigned number);

/* One context of a compressor; begin asserts that it can be made. */
struct support_codec {
    const struct zc_compressor *compressor;
    size_t page_size;
    int level;
    void *context;
};

void support_codec_begin(struct support_codec *codec, const char *name,
                         size_t page_size, int level);
void support_codec_end(struct support_codec *codec);

/* Every kind of page comes back, at this level: at one page size; at all. */
void support_codec_round_trip(const char *name, int level, size_t page_size);
void support_codec_round_trips(const char *name, int level);

/* One context serves many pages, independently of each other. */
void support_codec_contexts_are_reusable(const char *name);

/* For any capacity, no byte beyond it is written. */
void support_codec_respects_capacity(const char *name);

/*
 * Random, truncated, extended and flipped bytes: the result is a whole page or
 * ZC_CORRUPT, and no byte outside either buffer is touched.
 */
void support_codec_trusts_nothing(const char *name);

#endif
