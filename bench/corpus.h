/* SPDX-License-Identifier: MIT */
/*
 * corpus.h - the pages that benchmarks store: pages of live programs, or
 * generated pages for tests of the benchmarks.
 */
#ifndef ZCACHE_BENCH_CORPUS_H
#define ZCACHE_BENCH_CORPUS_H

#include "support.h"

#define CORPUS_PROGRAMS_MAX 32
#define CORPUS_NAME_MAX 31

/* The pages of one program, side by side in the corpus. */
struct corpus_program {
    char name[CORPUS_NAME_MAX + 1];
    uint32_t first;
    uint32_t count;
};

struct corpus {
    unsigned char *pages;
    uint32_t count;
    size_t mapped_bytes;
    struct corpus_program programs[CORPUS_PROGRAMS_MAX];
    unsigned program_count;
};

/*
 * Maps every file NAME.pages of a folder, in the order of their names, up to
 * `limit` pages of each (0: all).  `only`, unless NULL, is the one program.
 */
void corpus_open(struct corpus *corpus, const char *folder, const char *only,
                 uint32_t limit);

/* Pages made up from a seed, of every compressibility. */
void corpus_generate(struct corpus *corpus, uint32_t count);

const void *corpus_page(const struct corpus *corpus, uint32_t index);

/* True if the page is one repeated word. */
bool page_is_same_filled(const void *page);

#endif
