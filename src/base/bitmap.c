/* SPDX-License-Identifier: MIT */
/*
 * bitmap.c - the levels of bitmap.h.
 *
 * Invariant after every call: a bit of level i + 1 is set if and only if its
 * word of level i is full.  Bits beyond the last number are always set, so that
 * the last word of a level can become full too.
 */
#include "base/bitmap.h"

#include <stddef.h>

#include "base/assert.h"
#include "base/bits.h"

#define WORD_SHIFT 6
#define WORD_BITS (1u << WORD_SHIFT)

static uint64_t mask_of(uint64_t bit)
{
    return UINT64_C(1) << (bit & (WORD_BITS - 1));
}

uint64_t zc_bitmap_bytes(uint64_t bit_count)
{
    uint64_t words = bit_count;
    uint64_t bytes = 0;

    do {
        words = zc_divide_up(words, WORD_BITS);
        bytes += words * sizeof(uint64_t);
    } while (words > 1);
    return bytes;
}

void zc_bitmap_init(struct zc_bitmap *bitmap, void *memory, uint64_t bit_count)
{
    uint64_t *words = memory;
    uint64_t bits = bit_count;
    unsigned level = 0;

    ZC_ASSERT(bit_count > 0);
    bitmap->bit_count = bit_count;
    do {
        bitmap->levels[level] = words;
        bitmap->word_counts[level] = zc_divide_up(bits, WORD_BITS);
        if (bits % WORD_BITS != 0)
            words[bits >> WORD_SHIFT] = UINT64_MAX << bits % WORD_BITS;
        words += bitmap->word_counts[level];
        bits = bitmap->word_counts[level];
        level++;
    } while (bits > 1 && level < ZC_BITMAP_LEVELS_MAX);
    ZC_ASSERT(bits == 1);
    bitmap->level_count = level;
}

bool zc_bitmap_has(const struct zc_bitmap *bitmap, uint64_t bit)
{
    ZC_ASSERT(bit < bitmap->bit_count);
    return (bitmap->levels[0][bit >> WORD_SHIFT] & mask_of(bit)) != 0;
}

void zc_bitmap_set(struct zc_bitmap *bitmap, uint64_t bit)
{
    uint64_t *word;
    unsigned level;

    ZC_ASSERT(bit < bitmap->bit_count);
    for (level = 0; level < bitmap->level_count; level++) {
        word = &bitmap->levels[level][bit >> WORD_SHIFT];
        *word |= mask_of(bit);
        if (*word != UINT64_MAX)
            return;
        bit >>= WORD_SHIFT;
    }
}

void zc_bitmap_clear(struct zc_bitmap *bitmap, uint64_t bit)
{
    uint64_t *word;
    uint64_t before;
    unsigned level;

    ZC_ASSERT(bit < bitmap->bit_count);
    for (level = 0; level < bitmap->level_count; level++) {
        word = &bitmap->levels[level][bit >> WORD_SHIFT];
        before = *word;
        *word &= ~mask_of(bit);
        if (before != UINT64_MAX)
            return;
        bit >>= WORD_SHIFT;
    }
}

/* The clear bits, from `first` on, of the word of a level that has bit `first`.
 * 0: none, or there is no such word. */
static uint64_t clear_bits(const struct zc_bitmap *bitmap, unsigned level,
                           uint64_t first)
{
    uint64_t index = first >> WORD_SHIFT;

    if (index >= bitmap->word_counts[level])
        return 0;
    return ~bitmap->levels[level][index] & UINT64_MAX << first % WORD_BITS;
}

uint64_t zc_bitmap_next_clear(const struct zc_bitmap *bitmap, uint64_t first)
{
    unsigned level = 0;
    uint64_t bit = first;
    uint64_t clear;

    /* Go up, to the first later word that is not full... */
    while ((clear = clear_bits(bitmap, level, bit)) == 0) {
        level++;
        if (level == bitmap->level_count)
            return bitmap->bit_count;
        bit = (bit >> WORD_SHIFT) + 1;
    }
    bit = (bit & ~(uint64_t)(WORD_BITS - 1)) + zc_lowest_bit(clear);
    /* ... and down to its first clear bit. */
    while (level > 0) {
        level--;
        bit = (bit << WORD_SHIFT) + zc_lowest_bit(~bitmap->levels[level][bit]);
    }
    return bit;
}
