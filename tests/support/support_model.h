/* SPDX-License-Identifier: MIT */
/*
 * support_model.h - a cache against a plain array: random operations with known
 * results.
 *
 * Failures may be injected meanwhile: a failure status is right exactly if a
 * failure was injected during the call, and then the model follows the rules
 * for failed calls.  The model also predicts the limit's hysteresis.
 *
 * Assertions: main thread only.
 */
#ifndef ZC_TESTS_SUPPORT_MODEL_H
#define ZC_TESTS_SUPPORT_MODEL_H

#include "support_cache.h"

#define SUPPORT_MODEL_SLOTS 120

/*
 * One of so many runs is done under the thread sanitizer, which makes every
 * access slow: there is one thread, so it has nothing to find.
 */
#if defined(__SANITIZE_THREAD__)
#define SUPPORT_MODEL_ONE_OF 10
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SUPPORT_MODEL_ONE_OF 10
#endif
#endif
#ifndef SUPPORT_MODEL_ONE_OF
#define SUPPORT_MODEL_ONE_OF 1
#endif

/* What the array knows of a slot. */
struct support_model_slot {
    zc_swp slot;
    bool stored;
    enum support_kind kind;
    uint64_t seed;
};

struct support_model {
    struct zc_cache *cache;
    const char *name; /* of the run, for messages */
    uint64_t seed;    /* repeats the run */
    struct support_random random;
    uint64_t step;         /* operations so far */
    const char *operation; /* the current one */
    struct support_model_slot slots[SUPPORT_MODEL_SLOTS];
    size_t page_size;
    bool same_filled;
    bool can_compact;
    bool has_ages;        /* lru_mode is entry */
    bool pool_has_limit;  /* the pool refuses at the limit by itself */
    uint64_t limit_pages; /* UINT64_MAX: none */
    uint64_t threshold_pages;
    bool is_full;
    struct zc_cache_stats wanted; /* the counters that can be predicted */
};

/* Makes the cache, with some options chosen at random from the seed. */
void support_model_begin(struct support_model *model, const char *name,
                         enum support_over over, uint64_t seed);

/* One random operation, checked. */
void support_model_step(struct support_model *model);

/* Compares the cache with the array; no failure may be injected meanwhile. */
void support_model_check(struct support_model *model);

/* Checks, forgets all pages, checks that nothing is left, and ends. */
void support_model_end(struct support_model *model);

#endif
