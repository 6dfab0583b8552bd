/* SPDX-License-Identifier: MIT */
/*
 * sparse.h - pointers by an index of up to 64 bits, each set once.
 *
 * A tree of blocks of 512 places, with as many levels as `count` needs.  A
 * block is made with the first index below it and stays until the array is
 * destroyed; so does a pointer that a caller publishes at a place.  Therefore a
 * look-up needs no lock.  Several threads may make the same block or pointer at
 * the same time: one publishes it, and the others free theirs and use the
 * published one.
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
    unsigned shift;   /* constant: log2 of indexes per root place */
    zc_counter bytes; /* of the blocks */
    /* Set once (release), as the places are; pairs with the acquires in
     * zc_sparse_find(). */
    zc_atomic_pointer root;
};

/* No memory is taken before the first zc_sparse_make(). */
void zc_sparse_init(struct zc_sparse *sparse, uint64_t count);

/* Calls `destroy` for each pointer and frees the blocks.  No other thread uses
 * the array any more.  Afterwards it is as after zc_sparse_init(). */
void zc_sparse_destroy(struct zc_sparse *sparse,
                       void (*destroy)(void *pointer, void *context),
                       void *context);

/* The place of an index; makes the blocks above it.  May block.  NULL: no
 * memory. */
zc_atomic_pointer *zc_sparse_make(struct zc_sparse *sparse, uint64_t index);

/*
 * The first pointer at or after *index_inout, which becomes its index; NULL:
 * none.  If a thread publishes a pointer that this call does not find, that
 * thread, after publishing, sees all that the caller did before the call.
 */
void *zc_sparse_next(struct zc_sparse *sparse, uint64_t *index_inout);

/* The same where each pointer is for 2^shift offsets: the first one for an
 * offset at or after *offset_inout, which becomes the first such offset. */
void *zc_sparse_next_offset(struct zc_sparse *sparse, unsigned shift,
                            uint64_t *offset_inout);

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
 * Publishes `fresh` at a place that is still empty (release; pairs with the
 * acquire of its readers).  False: another thread published first, and the
 * caller keeps `fresh`.
 */
bool zc_publish(zc_atomic_pointer *place, void *fresh);

/* zc_publish() for memory of zc_malloc(), whose size is added to `bytes`.
 * Returns what is published: `fresh`, or the pointer of another thread, and
 * then `fresh` is freed.  NULL: `fresh` was NULL. */
void *zc_publish_any(zc_atomic_pointer *place, void *fresh, zc_counter *bytes);

#endif
