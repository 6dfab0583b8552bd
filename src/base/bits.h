/* SPDX-License-Identifier: MIT */
/* bits.h - small arithmetic on powers of two and bit fields. */
#ifndef ZC_BASE_BITS_H
#define ZC_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A mask of `count` bits from bit `first` of a 64-bit word on. */
#define ZC_BITS(first, count) (((UINT64_C(1) << (count)) - 1) << (first))

static inline bool zc_is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* The number of the highest set bit; value must not be 0. */
static inline unsigned zc_log2(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

/* The number of the lowest set bit; value must not be 0. */
static inline unsigned zc_lowest_bit(uint64_t value)
{
    return (unsigned)__builtin_ctzll(value);
}

static inline uint64_t zc_divide_up(uint64_t value, uint64_t by)
{
    return (value + by - 1) / by;
}

static inline uint64_t zc_round_up(uint64_t value, uint64_t to)
{
    return zc_divide_up(value, to) * to;
}

#endif
