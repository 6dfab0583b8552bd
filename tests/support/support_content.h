/* SPDX-License-Identifier: MIT */
/*
 * support_content.h - recognisable bytes, and repeatable random numbers.
 *
 * Nothing here asserts: any thread may call it.
 */
#ifndef ZC_TESTS_SUPPORT_CONTENT_H
#define ZC_TESTS_SUPPORT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A generator; any seed will do. */
struct support_random {
    uint64_t state;
};

/* The seed of a test: ZC_TEST_SEED if it is set, else `otherwise`; printed. */
uint64_t support_seed(uint64_t otherwise);

uint64_t support_random_next(struct support_random *random);

/* A number from 0 to below - 1. */
uint64_t support_random_below(struct support_random *random, uint64_t below);

/*
 * A random compressed size of a page of that size, distributed as in live data:
 * mostly a quarter to three quarters of a page, some tiny, some almost a page.
 */
size_t support_random_size(struct support_random *random, size_t page_size);

/*
 * Fills an object with its owner, its sequence number, a checksum, and bytes
 * that follow from these.  A short object has only the first of the bytes.
 */
void support_stamp(void *data, size_t size, uint64_t owner, uint64_t sequence);

/* Is an object filled like that, to the last byte? */
bool support_has_stamp(const void *data, size_t size, uint64_t owner,
                       uint64_t sequence);

/* From this size on an object shows by itself whether it is whole. */
#define SUPPORT_STAMP_BYTES 24

/* Was an object of at least that size stamped, and is it whole? */
bool support_is_whole(const void *data, size_t size, uint64_t *owner_out,
                      uint64_t *sequence_out);

/*
 * A page that compresses to about `percent` of its size: that share of it is
 * noise, the rest repeats; 0 is a page of one repeated word.
 */
void support_fill_page(void *page, size_t page_size, unsigned percent,
                       struct support_random *random);

#endif
