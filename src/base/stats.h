/* SPDX-License-Identifier: MIT */
/*
 * stats.h - counters that many processors add to.
 *
 * Each counter has a value per stripe, and each processor adds to one stripe,
 * so that processors seldom share a cache line.  A sum reads the stripes one
 * after another: it is exact when no thread counts.  A stripe may go below
 * zero; the sum, taken modulo 2^64, does not.
 */
#ifndef ZC_BASE_STATS_H
#define ZC_BASE_STATS_H

#include <stdint.h>

#include "platform/atomic.h"
#include "platform/processor.h"

enum zc_stat {
    ZC_STAT_ZSWPOUT,     /* pages linked; stored now: this less the next five */
    ZC_STAT_REPLACED,    /* unlinked by a later store */
    ZC_STAT_INVALIDATED, /* unlinked by an invalidate */
    ZC_STAT_TAKEN,       /* unlinked by a take */
    ZC_STAT_ZSWPWB,      /* unlinked by writeback */
    ZC_STAT_DROPPED,     /* unlinked by lru_mode drop */
    ZC_STAT_LOADED,
    ZC_STAT_SAME_FILLED_PAGES,
    ZC_STAT_INCOMPRESSIBLE_PAGES,
    ZC_STAT_RAW_PAGES,
    ZC_STAT_POOL_LIMIT_HIT,
    ZC_STAT_REJECT_POOL_LIMIT,
    ZC_STAT_REJECT_ALLOC_FAIL,
    ZC_STAT_REJECT_KMEMCACHE_FAIL,
    ZC_STAT_REJECT_COMPRESS_POOR,
    ZC_STAT_REJECT_OWNER_LIMIT,
    ZC_STAT_COMPRESS_FAIL,
    ZC_STAT_DECOMPRESS_FAIL,
    ZC_STAT_TAKE_RETRIES,
    /* Counted by page I/O and writeback. */
    ZC_STAT_DISK_WRITES,
    ZC_STAT_DISK_SWAPINS,
    ZC_STAT_DISK_CORRUPT,
    ZC_STAT_WRITE_ERRORS,
    ZC_STAT_STORED_AGAIN,
    ZC_STAT_WRITEBACK_BUSY,
    ZC_STAT_WRITEBACK_STALE,
    ZC_STAT_SWPIN_ZERO,
    ZC_STAT_SWPOUT_ZERO,
    /* Counted by the shrinker. */
    ZC_STAT_REJECT_RECLAIM_FAIL,
    ZC_STAT_SHRINK_RUNS,
    ZC_STAT_SHRINK_SCANNED,
    ZC_STAT_WRITTEN_BY_AGE,
    /* Counted by recompression. */
    ZC_STAT_RECOMPRESSED,
    ZC_STAT_RECOMPRESS_POOR,
    ZC_STAT_RECOMPRESS_STALE,
    ZC_STAT_RECOMPRESS_FAIL,
    ZC_STAT_COUNT
};

#define ZC_STATS_STRIPES 16 /* a power of two */

struct zc_stats {
    struct {
        zc_counter counters[ZC_STAT_COUNT];
        char gap[64]; /* no two stripes share a cache line */
    } stripes[ZC_STATS_STRIPES];
};

/* `processor`: zc_processor_current(), for a caller that has asked it. */
static inline void zc_stats_add_on(struct zc_stats *stats, unsigned processor,
                                   enum zc_stat stat, uint64_t value)
{
    unsigned stripe = processor % ZC_STATS_STRIPES;

    zc_counter_add(&stats->stripes[stripe].counters[stat], value);
}

static inline void zc_stats_add(struct zc_stats *stats, enum zc_stat stat,
                                uint64_t value)
{
    zc_stats_add_on(stats, zc_processor_current(), stat, value);
}

static inline void zc_stats_subtract(struct zc_stats *stats, enum zc_stat stat,
                                     uint64_t value)
{
    zc_stats_add(stats, stat, (uint64_t)0 - value);
}

uint64_t zc_stats_sum(const struct zc_stats *stats, enum zc_stat stat);

/* One number that many processors add to and subtract from, never below 0. */
struct zc_striped {
    struct {
        zc_counter part;
        char gap[64];
    } stripes[ZC_STATS_STRIPES];
};

static inline void zc_striped_add(struct zc_striped *striped,
                                  unsigned processor, uint64_t value)
{
    unsigned stripe = processor % ZC_STATS_STRIPES;

    zc_counter_add(&striped->stripes[stripe].part, value);
}

static inline void zc_striped_subtract(struct zc_striped *striped,
                                       unsigned processor, uint64_t value)
{
    zc_striped_add(striped, processor, (uint64_t)0 - value);
}

/* Exact when no thread adds.  What is added to a stripe after it was read, and
 * subtracted from one before, may make the sum less than 0: then it is 0. */
uint64_t zc_striped_sum(const struct zc_striped *striped);

#endif
