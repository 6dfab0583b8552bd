/* SPDX-License-Identifier: MIT */
/*
 * census.h - the kinds of pages, counted without any codec.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_CENSUS_H
#define ZCACHE_TOOL_ESTIMATE_CENSUS_H

#include <stddef.h>
#include <stdint.h>

struct census {
    uint64_t pages;
    uint64_t zero_pages;        /* of them: all zeros */
    uint64_t same_filled_pages; /* of them: one repeated word, also zero */
    uint64_t duplicate_pages;   /* equal to an earlier page, not same-filled */
};

/* Counts all kinds but the duplicates. */
void census_count(struct census *census, const unsigned char *bytes,
                  size_t page_size, uint64_t page_count);

/* Counts the pages that equal an earlier one, and are not same-filled. */
uint64_t census_count_duplicates(const unsigned char *bytes, size_t page_size,
                                 uint64_t page_count);

#endif
