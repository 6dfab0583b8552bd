/* SPDX-License-Identifier: MIT */
/*
 * support_churn.h - random operations on a cache with a device, from one thread
 * or several, each checked against the pages that may be there
 * (support_oracle.h).
 *
 * A few dozen slots are under type 0, which has the device, and some under type
 * 1, which has none.  The operations: stores by several owners, loads, takes,
 * invalidates of one slot, a range, the type; shrinking, writeback, compaction,
 * recompression; changes of compressor, limit and owners; the device off and on
 * again.  Failures may be armed meanwhile: then a call may fail, and must leave
 * the state that its contract says.
 */
#ifndef ZC_TESTS_SUPPORT_CHURN_H
#define ZC_TESTS_SUPPORT_CHURN_H

#include <zcache/swap.h>

#include "support_cache.h"
#include "support_oracle.h"
#include "support_threads.h"

#define SUPPORT_CHURN_DEVICE_SLOTS 36
#define SUPPORT_CHURN_SLOTS 44
#define SUPPORT_CHURN_PAGE 4096

enum support_behind {
    SUPPORT_BEHIND_MEMORY,
    SUPPORT_BEHIND_FILE,
    SUPPORT_BEHIND_FAULTY, /* a fifth of the writes fail */
    SUPPORT_BEHIND_COUNT
};

struct support_churn_config {
    enum support_over over;
    unsigned lru_mode;
    unsigned io_workers;
    unsigned shrink_worker;
    enum support_behind behind;
    bool injects; /* random failures everywhere */
    bool swaps;   /* the device goes off and on */
    uint64_t seed;
};

struct support_churn {
    struct support_churn_config config;
    struct zc_cache *cache;
    char directory[64]; /* of the file */
    char path[80];
    /* Readers: calls for slots of type 0.  Writer: the thread that turns the
     * device on, while there may be no such call.  The gate keeps the readers
     * from starving the writer. */
    pthread_mutex_t gate;
    pthread_rwlock_t turn;
    pthread_mutex_t off; /* one thread at a time turns it off or on */
    bool is_on;          /* [off] */
    atomic_uint_fast64_t clock;
    atomic_uint_fast64_t offs; /* swapoffs that succeeded */
    struct support_oracle oracles[SUPPORT_CHURN_SLOTS];
};

/* Main thread only. */
void support_churn_begin(struct support_churn *churn,
                         const struct support_churn_config *config);

/* One random operation; mistakes are noted in the worker. */
void support_churn_step(struct support_churn *churn,
                        struct support_worker *worker);

/* Main thread only, after all other threads.  Checks that each slot has a page
 * that it may have, and that nothing is left when all pages are forgotten; then
 * ends. */
void support_churn_end(struct support_churn *churn);

#endif
