/* SPDX-License-Identifier: MIT */
/*
 * handle.h - handles and their cells: where an object is, its size, its tags.
 *
 * A field without a bracket is constant once its struct is published.
 */
#ifndef ZC_POOL_HANDLE_H
#define ZC_POOL_HANDLE_H

#include <zcache/zspool.h>

#include "base/bits.h"
#include "base/records.h"
#include "platform/atomic.h"
#include "platform/lock.h"

/* The word of one handle; pool/handle.c has the picture. */
struct zc_cell {
    zc_atomic_u64 word;
};

/* A few free cells at hand, guarded by the lock of whoever owns them. */
struct zc_cells {
    uint32_t first; /* index + 1 of a free cell, or 0 */
    uint32_t count;
};

struct zc_handles {
    struct zc_spinlock lock;
    struct zc_records cells; /* of struct zc_cell */
    uint32_t first_free;     /* [lock] index of a free cell, or none */
    /* Cells ever used.  [lock] to write, released after the cell is there;
     * pairs with the acquire of whoever checks an index against it. */
    zc_atomic_u32 used;
    unsigned size_bits;   /* log2 of the page size */
    uint64_t pool_tag;    /* in place in a handle */
    uint32_t generations; /* mask of the generation in a cell */
};

zc_status zc_handles_init(struct zc_handles *handles, size_t page_size);
void zc_handles_destroy(struct zc_handles *handles);

/*
 * A fresh handle whose cell is not in use yet.  The lock of `cells` is held,
 * here and where they are named below.  ZC_OK; ZC_AGAIN: after
 * zc_handles_reserve().
 */
zc_status zc_handles_take(struct zc_handles *handles, struct zc_cells *cells,
                          zc_handle *handle_out);

/* Makes room for one more cell.  May block.  ZC_OK; ZC_NO_MEMORY; ZC_REJECTED:
 * there are as many as a handle can name. */
zc_status zc_handles_reserve(struct zc_handles *handles);

/* Gives a handle back that never was set. */
void zc_handles_put_back(struct zc_handles *handles, struct zc_cells *cells,
                         zc_handle handle);

/* Makes a taken handle valid: the object is there. */
void zc_handles_set(struct zc_handles *handles, zc_handle handle,
                    uint64_t location, size_t size);

/* The same for an object whose bytes are to come: the cell leads to its place,
 * and the handle is stale until zc_handles_set(). */
void zc_handles_set_coming(struct zc_handles *handles, zc_handle handle,
                           uint64_t location, size_t size);

/*
 * A live object is freed, and its place is still needed: its handle is stale
 * from here on, and the cell leads to the place until zc_handles_release().
 * Its group's lock is held for all three.
 */
void zc_handles_leave(struct zc_handles *handles, zc_handle handle);
bool zc_handles_has_left(const struct zc_handles *handles, zc_handle handle);
void zc_handles_release(struct zc_handles *handles, struct zc_cells *cells,
                        zc_handle handle);

/* What a cell says. */
struct zc_cell_view {
    uint64_t location; /* units */
    size_t size;       /* bytes */
    unsigned tags;     /* user tags */
};

/* ZC_OK; ZC_STALE; ZC_INVALID: never was of this pool. */
zc_status zc_handles_look(const struct zc_handles *handles, zc_handle handle,
                          struct zc_cell_view *view_out);

/* The handle of the live object whose cell has this index; false: free. */
bool zc_handles_at(const struct zc_handles *handles, uint32_t index,
                   zc_handle *handle_out);

/* Whether the cell of this index leads to a place: of an object that is live,
 * coming or leaving. */
bool zc_handles_is_placed(const struct zc_handles *handles, uint32_t index);

/* What such a cell says. */
void zc_handles_view_at(const struct zc_handles *handles, uint32_t index,
                        struct zc_cell_view *view_out);

/* Frees the cell of a live handle; once.  ZC_OK or ZC_STALE. */
zc_status zc_handles_free(struct zc_handles *handles, struct zc_cells *cells,
                          zc_handle handle);

/* The object of this cell has moved.  Its group's lock is held. */
void zc_handles_move(struct zc_handles *handles, uint32_t index,
                     uint64_t location);

zc_status zc_handles_change_tags(struct zc_handles *handles, zc_handle handle,
                                 unsigned clear, unsigned set,
                                 unsigned *previous_out);

size_t zc_handles_bytes(const struct zc_handles *handles);

/* A handle's low bits: three zeros, where headers have tags, then the cell. */
#define ZC_HANDLE_CELL_SHIFT 3
#define ZC_HANDLE_CELL_BITS 29

static inline uint32_t zc_handle_cell(zc_handle handle)
{
    return (uint32_t)(handle.value & ZC_BITS(0, 32)) >> ZC_HANDLE_CELL_SHIFT;
}

#endif
