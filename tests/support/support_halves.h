/* SPDX-License-Identifier: MIT */
/*
 * support_halves.h - a cache whose pages can be made smaller: pages of two
 * equal halves, which "copy" stores whole and "halves" in half.
 */
#ifndef ZC_TESTS_SUPPORT_HALVES_H
#define ZC_TESTS_SUPPORT_HALVES_H

#include "support_front.h"

#define PAGES 60
#define HALF 2048
#define ZSPAGE 8 /* pages of the longest one */

extern uint32_t hour; /* the clock of ages */

/* An LRU of entries, kernel placement, "copy", ages by `hour`. */
extern const struct zc_cache_options with_ages;

#define TEST_OF_WHOLE_PAGES(name) TEST_WITH(name, begin_whole, end_cache)
int begin_whole(void **state);

/* Returns the pages that got smaller; compressor_name NULL: "halves". */
uint64_t recompress(struct zc_recompress_options options, zc_status expected);

#define RECOMPRESS(...)                                                        \
    recompress((struct zc_recompress_options){__VA_ARGS__}, ZC_OK)
#define RECOMPRESS_AGAIN(...)                                                  \
    recompress((struct zc_recompress_options){__VA_ARGS__}, ZC_AGAIN)

void store_halves(uint64_t first, uint64_t count);
void expect_halves(uint64_t first, uint64_t count);

/* Pages of these that take half a page each. */
uint64_t small_pages(uint64_t stored);

#endif
