/* SPDX-License-Identifier: MIT */
/*
 * writeback.h - what the parts of bench_writeback share.
 */
#ifndef ZCACHE_BENCH_WRITEBACK_H
#define ZCACHE_BENCH_WRITEBACK_H

#include <zcache/swap.h>
#include <zcache/zcache.h>

#include "codec.h"
#include "corpus.h"
#include "json.h"
#include "rounds.h"

struct writeback_bench {
    struct corpus corpus;
    uint32_t *pages; /* of the corpus: what compresses */
    uint32_t count;
    unsigned placement;
    unsigned rounds;
    uint64_t random;
    const char *folder; /* for files */
};

/* The page that belongs into a slot. */
static inline const void *writeback_page(const struct writeback_bench *bench,
                                         uint32_t slot)
{
    return corpus_page(&bench->corpus, bench->pages[slot % bench->count]);
}

/* A cache with a device of `ops` under type 0, with a slot for each page. */
struct zc_cache *writeback_open(const struct writeback_bench *bench,
                                unsigned lru_mode, uint64_t limit_bytes,
                                unsigned shrink_worker,
                                const struct zc_backing_ops *ops, void *user);

/* Every page into its slot, in order. */
void writeback_fill(const struct writeback_bench *bench,
                    struct zc_cache *cache);

struct zc_cache_stats writeback_stats(const struct zc_cache *cache);

/* Stores while as many pages are written back. */
void writeback_steady(struct writeback_bench *bench, struct json *json);

/* Which of the two LRUs frees pool pages for fewer pages written. */
void writeback_lru(struct writeback_bench *bench, struct json *json);

#endif
