/* SPDX-License-Identifier: MIT */
/*
 * sparse.c - making, walking and freeing the blocks of sparse.h.
 *
 * zc_sparse_next() may walk while other threads publish.  The walking thread
 * stores a flag and then walks; a publishing thread publishes a pointer and
 * then loads the flag.  At least one of the two sees what the other did.
 * Otherwise the walk would miss the pointer, and the publishing thread would go
 * on as if no walk had begun: swapoff, for one, would leave a page on a device
 * that ends (swap/slots_cluster.c).
 *
 *     the walk finds the pointer     The walking thread acquires all that the
 *                                    publishing thread wrote before.
 *     the walk finds an empty place  It reads the place with CAS(NULL, NULL),
 *                                    which is a write.  The publishing CAS is
 *                                    later on the same word, so it acquires the
 *                                    store of the flag.  So does a third thread
 *                                    that finds the pointer there later.
 *
 * So a thread that publishes or finds a pointer needs no fence before it loads
 * the flag.
 */
#include "base/sparse.h"

#include <string.h>

#include "base/bits.h"
#include "platform/annotate_memory.h"
#include "platform/memory.h"

void zc_sparse_init(struct zc_sparse *sparse, uint64_t count)
{
    memset(sparse, 0, sizeof(*sparse));
    zc_annotate_object_begin(sparse, sizeof(*sparse), "sparse array");
    sparse->count = count;
    zc_atomic_pointer_init(&sparse->root, NULL);
    while ((count - 1) >> sparse->shift >= ZC_SPARSE_PLACES)
        sparse->shift += ZC_SPARSE_SHIFT;
}

static void destroy_block(struct zc_sparse_block *block, unsigned shift,
                          void (*destroy)(void *pointer, void *context),
                          void *context)
{
    void *below;
    unsigned i;

    for (i = 0; i < ZC_SPARSE_PLACES; i++) {
        zc_annotate_final(&block->places[i]); /* no other thread is left */
        below = zc_atomic_pointer_load_relaxed(&block->places[i]);
        if (below == NULL)
            continue;
        if (shift > 0)
            destroy_block(below, shift - ZC_SPARSE_SHIFT, destroy, context);
        else
            destroy(below, context);
    }
    zc_free(block);
}

void zc_sparse_destroy(struct zc_sparse *sparse,
                       void (*destroy)(void *pointer, void *context),
                       void *context)
{
    void *root = zc_atomic_pointer_load_relaxed(&sparse->root);

    if (root != NULL)
        destroy_block(root, sparse->shift, destroy, context);
    zc_sparse_init(sparse, sparse->count);
}

/* The block at a place, made if it is not there; NULL: no memory. */
static struct zc_sparse_block *make_block(struct zc_sparse *sparse,
                                          zc_atomic_pointer *place)
{
    struct zc_sparse_block *block = zc_atomic_pointer_load_acquire(place);

    if (block != NULL)
        return block;
    return zc_publish_any(place, zc_calloc(1, sizeof(*block)), &sparse->bytes);
}

static zc_atomic_pointer *place_in(struct zc_sparse_block *block,
                                   uint64_t index, unsigned shift)
{
    return &block->places[index >> shift & (ZC_SPARSE_PLACES - 1)];
}

zc_atomic_pointer *zc_sparse_make(struct zc_sparse *sparse, uint64_t index)
{
    zc_atomic_pointer *place = &sparse->root;
    unsigned shift = sparse->shift + ZC_SPARSE_SHIFT;
    struct zc_sparse_block *block;

    do {
        shift -= ZC_SPARSE_SHIFT;
        block = make_block(sparse, place);
        if (block == NULL)
            return NULL;
        place = place_in(block, index, shift);
    } while (shift > 0);
    return place;
}

/* The pointer at a place; an empty place is read by CAS (see above). */
static void *load_or_mark(zc_atomic_pointer *place)
{
    void *found = NULL;

    if (zc_atomic_pointer_exchange_if(place, &found, NULL))
        return NULL;
    return zc_atomic_pointer_load_acquire(place);
}

void *zc_sparse_next(struct zc_sparse *sparse, uint64_t *index_inout)
{
    uint64_t index = *index_inout;
    unsigned shift;
    void *found;

    while (index < sparse->count) {
        shift = sparse->shift + ZC_SPARSE_SHIFT;
        found = load_or_mark(&sparse->root);
        while (found != NULL && shift > 0) {
            shift -= ZC_SPARSE_SHIFT;
            found = load_or_mark(place_in(found, index, shift));
        }
        if (found != NULL) {
            *index_inout = index;
            return found;
        }
        index = ((index >> shift) + 1) << shift;
    }
    return NULL;
}

void *zc_sparse_next_offset(struct zc_sparse *sparse, unsigned shift,
                            uint64_t *offset_inout)
{
    const uint64_t first = *offset_inout >> shift;
    uint64_t index = first;
    void *found = zc_sparse_next(sparse, &index);

    if (index > first)
        *offset_inout = index << shift;
    return found;
}

bool zc_publish(zc_atomic_pointer *place, void *fresh)
{
    void *found = NULL;

    if (!zc_atomic_pointer_exchange_if(place, &found, fresh))
        return false;
    zc_annotate_final(place);
    return true;
}

void *zc_publish_any(zc_atomic_pointer *place, void *fresh, zc_counter *bytes)
{
    if (fresh == NULL)
        return NULL;
    if (zc_publish(place, fresh)) {
        zc_counter_add(bytes, zc_malloc_size(fresh));
        return fresh;
    }
    zc_free(fresh);
    /* A failed exchange is relaxed. */
    return zc_atomic_pointer_load_acquire(place);
}
