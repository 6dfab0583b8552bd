/* SPDX-License-Identifier: MIT */
/*
 * class.c - the kernel's size classes, as arithmetic.
 *
 * A class is a slot size: 32 bytes, then more in steps of 1/256 page up to a
 * page.  Its zspages are chains of as many pages as waste least behind their
 * last slot.  Classes that come to the same chain and the same number of slots
 * are one class, the largest of them (pool/kernel.c).
 *
 * The rule for the chain is today's, least waste.  Until 6.3 it was the highest
 * used percentage, rounded down, which finds a few other chains; the table in
 * the kernel's zsmalloc.rst is still that one's (test_zspool_class.c has both).
 */
#include "zspool.h"

#include "base/bits.h"

/* The kernel's smallest slot.  Its other bound, that the object index must fit
 * beside a frame number, is lower for every chain and page size there is. */
#define CLASS_BYTES_MIN 32

/* Every object has its handle in front, even where it is kept elsewhere. */
#define HEADER_BYTES 8

/* log2 of the step from class to class: 256 steps make a page. */
static unsigned step_shift(size_t page_size)
{
    return zc_log2(page_size) - 8;
}

/* Steps from the smallest class up to one of so many bytes. */
static unsigned steps_to(size_t page_size, size_t bytes)
{
    unsigned shift = step_shift(page_size);

    if (bytes <= CLASS_BYTES_MIN)
        return 0;
    return (unsigned)((bytes - CLASS_BYTES_MIN + ((size_t)1 << shift) - 1) >>
                      shift);
}

unsigned zc_class_count(size_t page_size)
{
    return steps_to(page_size, page_size) + 1;
}

size_t zc_class_bytes(size_t page_size, unsigned index)
{
    size_t bytes = CLASS_BYTES_MIN + ((size_t)index << step_shift(page_size));

    ZC_ASSERT(index < zc_class_count(page_size));
    return bytes < page_size ? bytes : page_size;
}

unsigned zc_class_of_size(size_t page_size, size_t size)
{
    unsigned index = steps_to(page_size, size + HEADER_BYTES);
    unsigned last = zc_class_count(page_size) - 1;

    ZC_ASSERT(size <= page_size);
    return index < last ? index : last;
}

uint32_t zc_class_chain(size_t page_size, unsigned chain_length,
                        size_t class_bytes)
{
    size_t least_waste = SIZE_MAX;
    uint32_t chain = 1;
    uint32_t pages;
    size_t waste;

    /* Powers of two, for which the kernel has a line of its own, waste nothing
     * in one page. */
    for (pages = 1; pages <= chain_length; pages++) {
        waste = pages * page_size % class_bytes;
        if (waste < least_waste) {
            least_waste = waste;
            chain = pages;
        }
    }
    return chain;
}
