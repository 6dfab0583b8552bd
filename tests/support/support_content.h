/* SPDX-License-Identifier: MIT */
/*
 * support_content.h - bytes that can be recognised, and chance that can be
 * repeated.
 *
 * Nothing here asserts: workers may call it.
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

/* The seed of a test: ZC_TEST_SEED if it is set, else this one; printed. */
uint64_t support_seed(uint64_t otherwise);

uint64_t support_random_next(struct support_random *random);

/* A number from 0 to below - 1. */
uint64_t support_random_below(struct support_random *random, uint64_t below);

/*
 * The size that a page of that size compresses to, drawn as live data has it:
 * mostly a quarter to three quarters, some tiny, some hardly less than a page.
 */
size_t support_random_size(struct support_random *random, size_t page_size);

/*
 * Fills an object: whose it is, the how-manieth content that is, a checksum,
 * and bytes that follow from these.  A short object has the first of the bytes
 * only.
 */
void support_stamp(void *data, size_t size, uint64_t owner, uint64_t sequence);

/* Whether an object is filled like that, to the last byte. */
bool support_has_stamp(const void *data, size_t size, uint64_t owner,
                       uint64_t sequence);

/* The size from which on an object says itself whether it is whole. */
#define SUPPORT_STAMP_BYTES 24

/* Whether an object of at least that size was stamped and is whole. */
bool support_is_whole(const void *data, size_t size, uint64_t *owner_out,
                      uint64_t *sequence_out);

/*
 * A page of which about `percent` is left when it is compressed: so much of it
 * is noise, the rest repeats; 0 is a page of one repeated word.
 */
void support_fill_page(void *page, size_t page_size, unsigned percent,
                       struct support_random *random);

#endif
