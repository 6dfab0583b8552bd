/* SPDX-License-Identifier: MIT */
/* census.c - zero, same-filled and duplicate pages. */
#define XXH_INLINE_ALL

#include "estimate/census.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/tool.h"

/* The library's word; on 64 bits also the kernel's. */
typedef uint64_t filling_word;

/* A page equal to itself shifted by one word consists of one repeated word. */
static bool is_same_filled(const unsigned char *page, size_t page_size)
{
    return memcmp(page, page + sizeof(filling_word),
                  page_size - sizeof(filling_word)) == 0;
}

static bool is_zero(const unsigned char *page)
{
    filling_word word;

    memcpy(&word, page, sizeof(word));
    return word == 0;
}

void census_count(struct census *census, const unsigned char *bytes,
                  size_t page_size, uint64_t page_count)
{
    census->pages += page_count;
    for (uint64_t i = 0; i < page_count; i++) {
        const unsigned char *page = bytes + (size_t)i * page_size;

        if (!is_same_filled(page, page_size))
            continue;
        census->same_filled_pages++;
        if (is_zero(page))
            census->zero_pages++;
    }
}

static int compare_hashes(const void *left, const void *right)
{
    const XXH128_hash_t *a = left;
    const XXH128_hash_t *b = right;

    if (a->high64 != b->high64)
        return a->high64 < b->high64 ? -1 : 1;
    return (a->low64 > b->low64) - (a->low64 < b->low64);
}

uint64_t census_count_duplicates(const unsigned char *bytes, size_t page_size,
                                 uint64_t page_count)
{
    XXH128_hash_t *hashes =
        memory_allocate((size_t)page_count, sizeof(*hashes));
    uint64_t duplicates = 0;
    size_t count = 0;

    for (uint64_t i = 0; i < page_count; i++) {
        const unsigned char *page = bytes + (size_t)i * page_size;

        if (!is_same_filled(page, page_size))
            hashes[count++] = XXH3_128bits(page, page_size);
    }
    /* 128 bits: two different pages practically never have the same hash. */
    qsort(hashes, count, sizeof(*hashes), compare_hashes);
    for (size_t i = 1; i < count; i++) {
        if (compare_hashes(&hashes[i - 1], &hashes[i]) == 0)
            duplicates++;
    }
    free(hashes);
    return duplicates;
}
