/* SPDX-License-Identifier: MIT */
/*
 * shrinker.h - who goes first, and when: from a goal to pages written back.
 *
 *   swap/shrinker.c         from goals to candidates to writeback
 *   shrinker_worker.c  a thread that does it in the background
 */
#ifndef ZC_SWAP_SHRINKER_H
#define ZC_SWAP_SHRINKER_H

#include "platform/thread.h"
#include "swap/writeback.h"

#define ZC_SHRINK_RETRIES_MAX 16 /* MAX_RECLAIM_RETRIES */

/* So many writes that fail, and none that succeeds, end a shrink: the pages
 * come back to the pool. */
#define ZC_SHRINK_ERRORS_MAX 8

/* After so many in turn, one store of so many that find no room tries whether
 * the device is well again.  A power of two. */
#define ZC_SHRINK_TRY_EVERY 64

struct zc_shrinker {
    struct zc_pageio *pageio;
    zc_atomic_u32
        refusals; /* while the device failed; whose turn it is to try */
    /* The worker, where there is one. */
    bool has_worker;
    struct zc_mutex lock;
    struct zc_condition wanted;
    bool is_wanted;          /* [lock] */
    zc_atomic_u32 is_ending; /* [lock] to write; a shrink of it ends early */
    struct zc_thread worker;
};

/* ZC_OK; ZC_NO_MEMORY: the worker. */
zc_status zc_shrinker_init(struct zc_shrinker *shrinker,
                           struct zc_pageio *pageio, bool has_worker);
/* Ends the worker; before anything below it goes. */
void zc_shrinker_destroy(struct zc_shrinker *shrinker);

/*
 * Writes back cold pages until `page_goal` pool pages are given back, or
 * ZC_SHRINK_RETRIES_MAX attempts in turn came to nothing, or the device fails
 * all it is given.  In either lru mode; of one owner (lru = entry), or
 * ZC_OWNER_ANY: round robin.  The caller holds nothing.  *pages_out gets the
 * pool pages given back, whatever is returned.  ZC_OK; ZC_AGAIN: the goal is
 * not reached; ZC_UNSUPPORTED: lru = none.
 */
zc_status zc_shrinker_shrink(struct zc_shrinker *shrinker, unsigned owner,
                             uint64_t page_goal, uint64_t *pages_out);

/*
 * zc_zcache.make_room: down to the accept threshold, by the caller or, where
 * there is a worker, by that; for an owner over its limit, by the caller, below
 * that limit.  Never waits for `slot`, which the caller has pinned.  Where the
 * last ZC_SHRINK_ERRORS_MAX writes have failed, of whatever kind, only one call
 * in ZC_SHRINK_TRY_EVERY does anything, and that writes one page, until a write
 * succeeds.  True: something was written.
 */
bool zc_shrinker_make_room(void *context, zc_swp slot, unsigned owner);

/*
 * zc_cache_writeback(), which checked the options.  *bytes_out gets the bytes
 * submitted, whatever is returned.
 */
zc_status zc_shrinker_writeback(struct zc_shrinker *shrinker,
                                const struct zc_writeback_options *options,
                                size_t *bytes_out);

/* --- among the files of shrinker ------------------------------------- */

/* The worker: shrinker_worker.c. */
zc_status zc_shrinker_start(struct zc_shrinker *shrinker);
void zc_shrinker_stop(struct zc_shrinker *shrinker);
void zc_shrinker_wake(struct zc_shrinker *shrinker);

/* Writes back down to the accept threshold; what the worker does.  True:
 * something was written. */
bool zc_shrinker_to_threshold(struct zc_shrinker *shrinker, bool may_sleep);

#endif
