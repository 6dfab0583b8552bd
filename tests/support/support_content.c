/* SPDX-License-Identifier: MIT */
/* support_content.c - see support_content.h. */
#include "support_content.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES sizeof(uint64_t)

uint64_t support_seed(uint64_t otherwise)
{
    const char *text = getenv("ZC_TEST_SEED");
    uint64_t seed = text == NULL ? otherwise : strtoull(text, NULL, 0);

    printf("ZC_TEST_SEED=0x%" PRIx64 "\n", seed);
    fflush(stdout);
    return seed;
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint64_t support_random_next(struct support_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(random->state);
}

uint64_t support_random_below(struct support_random *random, uint64_t below)
{
    return support_random_next(random) % below;
}

size_t support_random_size(struct support_random *random, size_t page_size)
{
    uint64_t kind = support_random_below(random, 100);

    if (kind < 10)
        return 1 + (size_t)support_random_below(random, 64);
    if (kind < 15)
        return page_size - (size_t)support_random_below(random, 64);
    if (kind < 25)
        return 1 + (size_t)support_random_below(random, page_size);
    return page_size / 4 + (size_t)support_random_below(random, page_size / 2);
}

static uint64_t body_seed(size_t size, uint64_t owner, uint64_t sequence)
{
    return mix(owner * 3 + 1) ^ mix(sequence * 5 + 2) ^ mix(size * 7 + 3);
}

/* Word `index` of a stamp: owner, sequence, seed of the rest, then the rest. */
static uint64_t stamp_word(size_t index, uint64_t owner, uint64_t sequence,
                           uint64_t seed)
{
    switch (index) {
    case 0:
        return owner;
    case 1:
        return sequence;
    case 2:
        return seed;
    default:
        return (seed + index) * UINT64_C(0x9e3779b97f4a7c15);
    }
}

/*
 * Makes the stamp's bytes from `at` on, a multiple of a word.  They are made in
 * bulk and hidden from the sanitizers, which need to watch only the copy to the
 * object and the comparison with it.
 */
#define CHUNK_WORDS 64
#define CHUNK_BYTES (CHUNK_WORDS * WORD_BYTES)

__attribute__((no_sanitize("thread", "address"))) static void make_chunk(
    uint64_t words[CHUNK_WORDS], size_t at, uint64_t owner, uint64_t sequence,
    uint64_t seed)
{
    size_t first = at / WORD_BYTES;
    size_t i;

    for (i = 0; i < CHUNK_WORDS; i++)
        words[i] = stamp_word(first + i, owner, sequence, seed);
}

void support_stamp(void *data, size_t size, uint64_t owner, uint64_t sequence)
{
    uint64_t seed = body_seed(size, owner, sequence);
    uint64_t words[CHUNK_WORDS];
    char *bytes = data;
    size_t at;

    for (at = 0; at < size; at += CHUNK_BYTES) {
        make_chunk(words, at, owner, sequence, seed);
        memcpy(bytes + at, words,
               size - at < CHUNK_BYTES ? size - at : CHUNK_BYTES);
    }
}

bool support_has_stamp(const void *data, size_t size, uint64_t owner,
                       uint64_t sequence)
{
    uint64_t seed = body_seed(size, owner, sequence);
    uint64_t words[CHUNK_WORDS];
    const char *bytes = data;
    size_t at;

    for (at = 0; at < size; at += CHUNK_BYTES) {
        make_chunk(words, at, owner, sequence, seed);
        if (memcmp(bytes + at, words,
                   size - at < CHUNK_BYTES ? size - at : CHUNK_BYTES) != 0)
            return false;
    }
    return true;
}

bool support_is_whole(const void *data, size_t size, uint64_t *owner_out,
                      uint64_t *sequence_out)
{
    const char *bytes = data;

    if (size < SUPPORT_STAMP_BYTES)
        return false;
    memcpy(owner_out, bytes, WORD_BYTES);
    memcpy(sequence_out, bytes + WORD_BYTES, WORD_BYTES);
    return support_has_stamp(data, size, *owner_out, *sequence_out);
}

void support_fill_page(void *page, size_t page_size, unsigned percent,
                       struct support_random *random)
{
    size_t noise = page_size * percent / 100;
    uint64_t repeated = support_random_next(random);
    char *bytes = page;
    size_t at;
    uint64_t word;

    for (at = 0; at < page_size; at += WORD_BYTES) {
        word = at < noise ? support_random_next(random) : repeated;
        memcpy(bytes + at, &word,
               page_size - at < WORD_BYTES ? page_size - at : WORD_BYTES);
    }
}
