/* SPDX-License-Identifier: MIT */
/*
 * sparse.h - pointers by an index of up to 64 bits, each set once.
 *
 * A tree of blocks of 512 places, as many levels as the number of indexes
 * needs.  A block is made with the first index below it, and stays until the
 * array is destroyed; so does what the caller publishes at a place.  Therefore
 * a thread finds a pointer without a lock.  Several threads may make the same
 * thing at the same time: one of them publishes it, and the others give theirs
 * up and use that one.
 */
#ifndef ZC_BASE_SPARSE_H
#define ZC_BASE_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/atomic.h"

#define ZC_SPARSE_SHIFT 9
#define ZC_SPARSE_PLACES (1u << ZC_SPARSE_SHIFT)

struct zc_sparse_block {
    zc_atomic_pointer places[ZC_SPARSE_PLACES];
};

struct zc_sparse {
    uint64_t count;   /* constant: indexes are below it */
    unsigned shift;   /* constant: indexes below one place of the root, log2 */
    zc_counter bytes; /* of the blocks */
    /* Set once; pairs with the acquires in zc_sparse_find(), as the places do.
     */
    zc_atomic_pointer root;
};

/* No memory is taken before the first zc_sparse_make(). */
void zc_sparse_init(struct zc_sparse *sparse, uint64_t count);

/* Calls `destroy` for each pointer and frees the blocks.  No other thread uses
 * the array any more.  Then it is as after zc_sparse_init(). */
void zc_sparse_destroy(struct zc_sparse *sparse,
                       void (*destroy)(void *pointer, void *context),
                       void *context);

/* The place of an index, whose blocks are made.  May block.  NULL: no memory.
 */
zc_atomic_pointer *zc_sparse_make(struct zc_sparse *sparse, uint64_t index);

/*
 * The first pointer at or after *index_inout, which becomes its index; NULL:
 * there is none.  A thread that publishes a pointer which this does not find
 * sees, once it has published, what the caller did before.
 */
void *zc_sparse_next(struct zc_sparse *sparse, uint64_t *index_inout);

/* The pointer at an index, or NULL. */
static inline void *zc_sparse_find(const struct zc_sparse *sparse,
                                   uint64_t index)
{
    unsigned shift = sparse->shift;
    void *found = zc_atomic_pointer_load_acquire(&sparse->root);
    const struct zc_sparse_block *block;

    while (found != NULL) {
        block = found;
        found = zc_atomic_pointer_load_acquire(
            &block->places[index >> shift & (ZC_SPARSE_PLACES - 1)]);
        if (shift == 0)
            break;
        shift -= ZC_SPARSE_SHIFT;
    }
    return found;
}

/*
 * Publishes `fresh` at a place that is still empty.  False: another thread was
 * faster, and the caller keeps it.  Pairs with the acquire with which the place
 * is read.
 */
bool zc_publish(zc_atomic_pointer *place, void *fresh);

/* The same for memory of zc_malloc(), whose bytes are counted.  Returns what is
 * there then: `fresh`, or what was faster, and `fresh` is freed.  NULL: `fresh`
 * was NULL. */
void *zc_publish_any(zc_atomic_pointer *place, void *fresh, zc_counter *bytes);

#endif
