/* SPDX-License-Identifier: MIT */
/*
 * lock.h - the locks of the library, and the one order in which they nest.
 *
 * The prototypes here are the contract; platform_impl/lock_impl.h, chosen by
 * the include path, defines the structs and what is inline.
 *
 * In debug and test builds a thread ends the process with a message if it takes
 * locks out of rank order, takes two of one rank, or may block while it holds a
 * spinlock.
 */
#ifndef ZC_PLATFORM_LOCK_H
#define ZC_PLATFORM_LOCK_H

#include <stdbool.h>

#include <zcache/types.h>

#include "platform/annotate.h"
#include "platform_impl/inline_impl.h"

/*
 * Outermost first: a thread takes locks in this order only.  No two of one
 * rank are held together, but that a second one may be tried.
 */
enum zc_lock_rank {
    ZC_RANK_VM_MAPPINGS,       /* mutex: an address space's mappings */
    ZC_RANK_VM_SPACES,         /* mutex: the spaces of a machine */
    ZC_RANK_VM_RECLAIMER,      /* mutex: requests to the reclaimer */
    ZC_RANK_SHRINKER,          /* mutex: requests to the shrink worker */
    ZC_RANK_COMPRESSOR_CHANGE, /* mutex: one change of compressor at a time */
    ZC_RANK_CONTEXT,           /* mutex: one compressor context */
    ZC_RANK_LIMIT,             /* mutex: one change of a limit at a time */
    ZC_RANK_COMPACTION,        /* mutex: one compaction per pool */
    ZC_RANK_POOL_GROWTH,       /* mutex: one group's next pages */
    ZC_RANK_BACKING_QUEUE,     /* mutex: requests of one backing device */
    ZC_RANK_BACKING_BOUNCE,    /* mutex: free bounce buffers of a file */
    ZC_RANK_FIRST_SPINLOCK,    /* from here on spinlocks only */
    ZC_RANK_PAGE_TABLE = ZC_RANK_FIRST_SPINLOCK, /* of an address space */
    ZC_RANK_VM_RMAP,                             /* the mappings of a frame */
    ZC_RANK_VM_FRAMES,    /* simulated page frames and their order by age */
    ZC_RANK_CLUSTER,      /* 512 slots of a device: counts, flags, folios */
    ZC_RANK_SLOTS,        /* free slots of a device */
    ZC_RANK_STUCK,        /* folios whose write failed */
    ZC_RANK_SHARD,        /* one shard of the tree */
    ZC_RANK_LRU,          /* one list of entries by age */
    ZC_RANK_POOL_GROUP,   /* a class's lock; a group's in dense */
    ZC_RANK_POOL_LRU,     /* a pool's zspages by age */
    ZC_RANK_POOL_ARENA,   /* page frames of a pool */
    ZC_RANK_POOL_HANDLES, /* free handle cells of a pool; a leaf */
    ZC_RANK_COUNT
};

/* May be held across compression, allocation and I/O. */
struct zc_mutex;

/* Held for a few hundred instructions at most, and never across compression,
 * allocation or I/O; a waiter may spin before it sleeps. */
struct zc_spinlock;

zc_status zc_mutex_init(struct zc_mutex *mutex, enum zc_lock_rank rank,
                        const char *name);
zc_status zc_spinlock_init(struct zc_spinlock *lock, enum zc_lock_rank rank,
                           const char *name);

/* No thread holds the lock or waits for it. */
void zc_mutex_destroy(struct zc_mutex *mutex);
void zc_spinlock_destroy(struct zc_spinlock *lock);

/* Not recursive. */
ZC_INLINE void zc_mutex_lock(struct zc_mutex *mutex) ZC_ACQUIRE(mutex);
ZC_INLINE void zc_spinlock_lock(struct zc_spinlock *lock) ZC_ACQUIRE(lock);

/* True: the caller holds the lock. */
ZC_INLINE bool zc_mutex_trylock(struct zc_mutex *mutex)
    ZC_TRY_ACQUIRE(true, mutex);
ZC_INLINE bool zc_spinlock_trylock(struct zc_spinlock *lock)
    ZC_TRY_ACQUIRE(true, lock);

/* The caller holds the lock. */
ZC_INLINE void zc_mutex_unlock(struct zc_mutex *mutex) ZC_RELEASE(mutex);
ZC_INLINE void zc_spinlock_unlock(struct zc_spinlock *lock) ZC_RELEASE(lock);

#include "platform_impl/lock_impl.h"

/* Ends the process in debug and test builds if this thread holds a spinlock.
 * Called by every function that may wait: allocation, codecs, I/O. */
void zc_may_block(void);

#endif
