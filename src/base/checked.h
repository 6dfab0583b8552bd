/* SPDX-License-Identifier: MIT */
/* checked.h - arithmetic that reports overflow. */
#ifndef ZC_BASE_CHECKED_H
#define ZC_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False if the product overflows; then nothing is written. */
static inline bool zc_multiply_size(size_t a, size_t b, size_t *product_out)
{
    size_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *product_out = product;
    return true;
}

#endif
