/* SPDX-License-Identifier: MIT */
/*
 * memory.h - where the library's memory comes from.
 *
 * Small objects come from zc_malloc(), page frames from zc_pages_map().  All of
 * these may block (zc_may_block()), and those that return memory are points of
 * fault injection.
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

/* Bytes that a block of zc_malloc() occupies, for accounting; 0: not known. */
size_t zc_malloc_size(const void *memory);

/*
 * Maps `bytes`, a multiple of zc_pages_system_size(), aligned to `alignment`, a
 * power of two that is at least that size.  Reads as zeros, and takes memory
 * only where it is touched.  NULL if there is none.
 */
void *zc_pages_map(size_t bytes, size_t alignment);

/* Gives back a whole mapping.  NULL is allowed. */
void zc_pages_unmap(void *pages, size_t bytes);

/* A hint: the range will be used for long and in random order, so large pages
 * save look-ups of addresses.  Costs up to one large page of memory. */
void zc_pages_scatter(void *pages, size_t bytes);

/* A hint: makes a range resident before its use, cheaper than page by page.  If
 * it fails, the first touch of a page makes it resident. */
void zc_pages_populate(void *pages, size_t bytes);

/*
 * Gives the memory of a range back to the system and keeps the addresses.  It
 * reads as zeros afterwards, or, in system pages that the range does not fill,
 * as anything.
 */
void zc_pages_discard(void *pages, size_t bytes);

size_t zc_pages_system_size(void);

/* A hint: prefetches the cache lines of a range, for reading or for writing.
 * The range need not be mapped. */
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

/* For AddressSanitizer: no code may touch closed bytes until they are opened.
 * Without it these do nothing. */
void zc_memory_close(const void *memory, size_t size);
void zc_memory_open(const void *memory, size_t size);

#endif
