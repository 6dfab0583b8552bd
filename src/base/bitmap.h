/* SPDX-License-Identifier: MIT */
/*
 * bitmap.h - a set of numbers that finds the next number not in it quickly.
 *
 * Level 0 has a bit per number.  Level i + 1 has a bit per word of level i, set
 * if that word is full.  The top level is one word.  A search reads at most two
 * words of each level.
 *
 * Memory that reads as zeros is the empty set, so what is never set is never
 * touched.  The caller provides the memory and holds the lock that guards it.
 */
#ifndef ZC_BASE_BITMAP_H
#define ZC_BASE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#define ZC_BITMAP_LEVELS_MAX 8 /* 64 to the 8th is 2^48 numbers */

struct zc_bitmap {
    uint64_t bit_count;
    unsigned level_count;
    uint64_t word_counts[ZC_BITMAP_LEVELS_MAX];
    /* levels[0]: a bit per number; levels[i + 1]: a bit per word of level i. */
    uint64_t *levels[ZC_BITMAP_LEVELS_MAX];
};

/* Bytes of memory for the numbers below bit_count, up to 2^48. */
uint64_t zc_bitmap_bytes(uint64_t bit_count);

/* `memory` is zc_bitmap_bytes() of zeros, aligned for a word, that outlive the
 * bitmap.  bit_count is at least 1. */
void zc_bitmap_init(struct zc_bitmap *bitmap, void *memory, uint64_t bit_count);

bool zc_bitmap_has(const struct zc_bitmap *bitmap, uint64_t bit);
void zc_bitmap_set(struct zc_bitmap *bitmap, uint64_t bit);
void zc_bitmap_clear(struct zc_bitmap *bitmap, uint64_t bit);

/* The lowest number from `first` on that is not in the set; bit_count: none. */
uint64_t zc_bitmap_next_clear(const struct zc_bitmap *bitmap, uint64_t first);

#endif
