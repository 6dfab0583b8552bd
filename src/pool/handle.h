/* SPDX-License-Identifier: MIT */
/*
 * handle.h - handles and their cells: where an object is, its size, its tags;
 * and what the pool's user keeps beside it.
 *
 * A record is a cell and the user's bytes behind it.  A pool used alone has
 * records of a cell each.  A cache has its entries in them, and so finds the
 * place of an object in the line that it reads anyhow; it also keeps records
 * that have no object: bare ones, which no handle names and no walk over the
 * objects meets.
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

/* The word of one handle, with which its record begins; pool/handle.c has the
 * picture. */
struct zc_cell {
    zc_atomic_u64 word;
};

#define ZC_CELL_TAGS_BITS 2
#define ZC_CELL_LOCATION_SHIFT 2
#define ZC_CELL_LOCATION_BITS 35
#define ZC_CELL_SIZE_SHIFT (ZC_CELL_LOCATION_SHIFT + ZC_CELL_LOCATION_BITS)

/* A few free cells at hand, guarded by the lock of whoever owns them. */
struct zc_cells {
    uint32_t first; /* index + 1 of a free cell, or 0 */
    uint32_t count;
};

struct zc_handles {
    struct zc_spinlock lock;
    struct zc_records cells; /* records: of struct zc_cell and user_bytes */
    size_t user_bytes;       /* in each record */
    uint32_t first_free;     /* [lock] index of a free cell, or none */
    /* Cells ever used.  [lock] to write, released after the cell is there;
     * pairs with the acquire of whoever checks an index against it. */
    zc_atomic_u32 used;
    unsigned size_bits;   /* log2 of the page size */
    uint64_t pool_tag;    /* in place in a handle */
    uint32_t generations; /* mask of the generation in a cell */
};

/* `user_bytes`: of the user, in each record; a multiple of 8. */
zc_status zc_handles_init(struct zc_handles *handles, size_t page_size,
                          size_t user_bytes);
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

static inline void zc_cell_view(const struct zc_handles *handles, uint64_t word,
                                struct zc_cell_view *view_out)
{
    view_out->location = word >> ZC_CELL_LOCATION_SHIFT &
                         ZC_BITS(0, ZC_CELL_LOCATION_BITS);
    view_out->size =
        (size_t)(word >> ZC_CELL_SIZE_SHIFT & ZC_BITS(0, handles->size_bits)) +
        1;
    view_out->tags = (unsigned)(word & ZC_BITS(0, ZC_CELL_TAGS_BITS));
}

static inline unsigned zc_cell_generation_shift(
    const struct zc_handles *handles)
{
    return ZC_CELL_SIZE_SHIFT + handles->size_bits;
}

static inline uint32_t zc_cell_generation(const struct zc_handles *handles,
                                          uint64_t word)
{
    return (uint32_t)(word >> zc_cell_generation_shift(handles));
}

/* Of two words of a cell: whether they are of one life of a handle; and whether
 * its object has not moved either. */
static inline bool zc_cell_is_same_life(const struct zc_handles *handles,
                                        uint64_t word, uint64_t other)
{
    return (word ^ other) >> zc_cell_generation_shift(handles) == 0;
}

static inline bool zc_cell_is_same_place(uint64_t word, uint64_t other)
{
    return (word ^ other) >> ZC_CELL_TAGS_BITS == 0;
}

static inline struct zc_cell *zc_cell_at(const struct zc_handles *handles,
                                         uint32_t index)
{
    return zc_records_at(&handles->cells, index);
}

static inline uint32_t zc_cell_index(const struct zc_handles *handles,
                                     const struct zc_cell *cell)
{
    return zc_records_index(&handles->cells, cell);
}

/* The cell of a live handle, and its word.  ZC_OK; ZC_STALE; ZC_INVALID: never
 * was of this pool. */
zc_status zc_handles_find(const struct zc_handles *handles, zc_handle handle,
                          struct zc_cell **cell_out, uint64_t *word_out);

/* The word of a record that has an object, for its user, who keeps it live. */
static inline uint64_t zc_cell_live_word(const struct zc_handles *handles,
                                         const struct zc_cell *cell)
{
    /* Pairs with the releases in zc_handles_set() and zc_handles_move(). */
    uint64_t word = zc_atomic_u64_load_acquire(&cell->word);

    ZC_ASSERT(zc_cell_generation(handles, word) % 2 == 1);
    (void)handles;
    return word;
}

/* The handle of such a record. */
zc_handle zc_handles_name(const struct zc_handles *handles,
                          const struct zc_cell *cell, uint64_t word);

/* What the cell of a live handle says.  As zc_handles_find(). */
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

/* The same for a caller that has found it live under its group's lock. */
void zc_handles_free_live(struct zc_handles *handles, struct zc_cells *cells,
                          zc_handle handle);

/* A bare record, in use until it is freed.  May block.  ZC_OK; ZC_NO_MEMORY;
 * ZC_REJECTED: there are as many as a handle can name. */
zc_status zc_handles_take_bare(struct zc_handles *handles,
                               struct zc_cell **cell_out);
void zc_handles_free_bare(struct zc_handles *handles, struct zc_cell *cell);

/* Where others have their place, a bare record has these bits of its user's. */
#define ZC_CELL_BARE_BITS 47

void zc_cell_set_bare(const struct zc_handles *handles, struct zc_cell *cell,
                      uint64_t bits);

static inline uint64_t zc_cell_bare(const struct zc_cell *cell)
{
    return zc_atomic_u64_load_relaxed(&cell->word) >> ZC_CELL_TAGS_BITS &
           ZC_BITS(0, ZC_CELL_BARE_BITS);
}

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
