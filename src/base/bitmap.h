/* SPDX-License-Identifier: MIT */
/*
 * bitmap.h - a set of numbers in which the next one missing is found at once.
 *
 * A bit per number, and above them a bit per word that says that the word is
 * full, and so on up to one word: a look-up reads at most two words a level,
 * with 64 numbers a level for each below.
 *
 * Memory that reads as zeros is the empty set, so that what was never set need
 * never be touched.  The caller brings the memory, and holds whatever lock
 * guards it.
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
    /* 0: the numbers themselves; i + 1: a bit per full word of i. */
    uint64_t *levels[ZC_BITMAP_LEVELS_MAX];
};

/* Bytes of memory for the numbers below bit_count, up to 2^48. */
uint64_t zc_bitmap_bytes(uint64_t bit_count);

/* For at least one number, over so many bytes of zeros that are aligned for a
 * word and outlive it. */
void zc_bitmap_init(struct zc_bitmap *bitmap, void *memory, uint64_t bit_count);

bool zc_bitmap_has(const struct zc_bitmap *bitmap, uint64_t bit);
void zc_bitmap_set(struct zc_bitmap *bitmap, uint64_t bit);
void zc_bitmap_clear(struct zc_bitmap *bitmap, uint64_t bit);

/* The lowest number from `first` on that is not in the set; bit_count: none. */
uint64_t zc_bitmap_next_clear(const struct zc_bitmap *bitmap, uint64_t first);

#endif
