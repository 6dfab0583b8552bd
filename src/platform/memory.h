/* SPDX-License-Identifier: MIT */
/*
 * memory.h - where the library's memory comes from.
 *
 * Small things by zc_malloc(), page frames by zc_pages_map().  All of these
 * may block (zc_may_block()), and those that give memory are failure-injection
 * points.
 */
#ifndef ZC_PLATFORM_MEMORY_H
#define ZC_PLATFORM_MEMORY_H

#include <stddef.h>

#define ZC_CACHE_LINE 64 /* or near enough; a wrong guess costs time only */

/* NULL if there is no memory.  zc_calloc() also if the product overflows. */
void *zc_malloc(size_t size);
void *zc_calloc(size_t count, size_t size);

/* NULL is allowed. */
void zc_free(void *memory);

/* Bytes that a block of zc_malloc() really takes, for accounting. */
size_t zc_malloc_size(const void *memory);

/*
 * Address space for `bytes`, a multiple of zc_pages_system_size(), aligned to
 * `alignment`, a power of two not below that.  It reads as zeros and takes
 * memory only where it is touched.  NULL if there is none.
 */
void *zc_pages_map(size_t bytes, size_t alignment);

/* Gives back a whole mapping. */
void zc_pages_unmap(void *pages, size_t bytes);

/*
 * Says that a range will be touched here and there for long, so that larger
 * pages save look-ups of addresses, at the price of up to one of them more
 * memory.  A hint.
 */
void zc_pages_scatter(void *pages, size_t bytes);

/*
 * Makes a range resident ahead of use, cheaper than page by page.  A hint:
 * where it fails, the first touch does it.
 */
void zc_pages_populate(void *pages, size_t bytes);

/*
 * Gives the memory of a range back to the system and keeps the addresses; it
 * reads as zeros (or, where the range does not fill whole system pages, as
 * anything) afterwards.
 */
void zc_pages_discard(void *pages, size_t bytes);

size_t zc_pages_system_size(void);

/*
 * Asks for the cache lines of a range ahead of reading or writing it.  A hint:
 * the range need not be mapped.
 */
static inline void zc_memory_prefetch(const void *memory, size_t size)
{
    const char *line = memory;
    const char *end = line + size;

    for (; line < end; line += ZC_CACHE_LINE)
        __builtin_prefetch(line);
}

static inline void zc_memory_prefetch_write(void *memory, size_t size)
{
    char *line = memory;
    char *end = line + size;

    for (; line < end; line += ZC_CACHE_LINE)
        __builtin_prefetch(line, 1);
}

/*
 * For memory checkers: bytes nobody may touch until they are opened again.
 * Nothing in builds without AddressSanitizer.
 */
void zc_memory_close(const void *memory, size_t size);
void zc_memory_open(const void *memory, size_t size);

#endif
