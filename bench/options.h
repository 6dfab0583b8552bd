/* SPDX-License-Identifier: MIT */
/*
 * options.h - the arguments that the benchmarks share.
 */
#ifndef ZCACHE_BENCH_OPTIONS_H
#define ZCACHE_BENCH_OPTIONS_H

#include "corpus.h"

struct bench_options {
    const char *corpus_folder; /* NULL: generated pages */
    const char *program;       /* NULL: all */
    const char *backend;
    const char *pool;   /* a shared object */
    uint32_t generated; /* pages */
    uint32_t limit;     /* pages of each program; 0: all */
    uint32_t large;     /* entries of a large cache */
    unsigned rounds;
    size_t segment_bytes; /* 0: the library's default */
    uint64_t seed;
    bool counts;           /* only what one thread does, for valgrind */
    bool waits;            /* at every phase, for a line on standard input */
    const char *words[16]; /* arguments that are not options */
    unsigned word_count;
};

/*
 * Reads the command line; `usage` is the first line of --help.  A field without
 * an option on the command line keeps the caller's value.
 */
void options_read(struct bench_options *options, int argc, char **argv,
                  const char *usage);

/* The pages that the options ask for. */
void options_open_corpus(const struct bench_options *options,
                         struct corpus *corpus);

#endif
