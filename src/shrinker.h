/* SPDX-License-Identifier: MIT */
/*
 * shrinker.h - who goes first, and when: from a goal to pages written back.
 */
#ifndef ZC_SHRINKER_H
#define ZC_SHRINKER_H

#include "platform/thread.h"
#include "writeback.h"

#define ZC_SHRINK_RETRIES_MAX 16 /* MAX_RECLAIM_RETRIES */

struct zc_shrinker {
    struct zc_pageio *pageio;
    /* The worker, where there is one. */
    bool has_worker;
    struct zc_mutex lock;
    struct zc_condition wanted;
    bool is_wanted; /* [lock] */
    bool is_ending; /* [lock] */
    struct zc_thread worker;
};

zc_status zc_shrinker_init(struct zc_shrinker *shrinker,
                           struct zc_pageio *pageio, bool has_worker);
/* Ends the worker; before anything below it goes. */
void zc_shrinker_destroy(struct zc_shrinker *shrinker);

/*
 * Writes back cold pages until `page_goal` pool pages are given back, or
 * ZC_SHRINK_RETRIES_MAX attempts in turn came to nothing.  In either lru mode;
 * of one owner, or ZC_OWNER_ANY: round robin.  *pages_out gets the pool pages
 * given back.  ZC_OK; ZC_AGAIN: the goal is not reached.
 */
zc_status zc_shrinker_shrink(struct zc_shrinker *shrinker, unsigned owner,
                             uint64_t page_goal, uint64_t *pages_out);

/* zc_zcache.make_room: down to the accept threshold, by the caller or, where
 * there is a worker, by that.  True: something was written. */
bool zc_shrinker_make_room(void *context, zc_swp slot, unsigned owner);

/* zc_cache_writeback(). */
zc_status zc_shrinker_writeback(struct zc_shrinker *shrinker,
                                const struct zc_writeback_options *options,
                                size_t *bytes_out);

#endif
