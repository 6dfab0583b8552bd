/* SPDX-License-Identifier: MIT */
/*
 * handle.h - handles, and their cells: an object's location, size and tags.
 *
 * A record is a cell, and behind it bytes of the pool's user.  In a pool used
 * alone a record is a cell only.  A cache keeps its entry in the record, so one
 * cache line has the entry and the location of its object.  A bare record has
 * no object: no handle names it, and walks over the objects skip it.
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

/* The first word of a record; pool/handle.c has the layout. */
struct zc_cell {
    zc_atomic_u64 word;
};

#define ZC_CELL_TAGS_BITS 2
#define ZC_CELL_LOCATION_SHIFT 2
#define ZC_CELL_LOCATION_BITS 35
#define ZC_CELL_SIZE_SHIFT (ZC_CELL_LOCATION_SHIFT + ZC_CELL_LOCATION_BITS)

/* A few free cells of a group, guarded by the group's lock. */
struct zc_cells {
    uint32_t first; /* index + 1 of a free cell, or 0 */
    uint32_t count;
};

struct zc_handles {
    struct zc_spinlock lock;
    struct zc_records cells; /* a struct zc_cell and user_bytes each */
    size_t user_bytes;       /* in each record */
    uint32_t first_free;     /* [lock] index + 1 of a free cell, or 0 */
    /* Cells ever used.  Written under [lock] (release), after the cell is
     * initialized; pairs with the acquire in a check of an index. */
    zc_atomic_u32 used;
    unsigned size_bits;   /* log2 of the page size */
    uint64_t pool_tag;    /* at its place in a handle */
    uint32_t generations; /* mask of the generation in a cell */
};

/* `user_bytes`: the user's part of each record; a multiple of 8.  As
 * zc_spinlock_init(). */
zc_status zc_handles_init(struct zc_handles *handles, size_t page_size,
                          size_t user_bytes);
void zc_handles_destroy(struct zc_handles *handles);

/*
 * Takes a free cell and makes its next handle, which is not valid yet.  Here
 * and in each call below with `cells` the caller holds their lock.  ZC_OK;
 * ZC_AGAIN: call zc_handles_reserve() and try again.
 */
zc_status zc_handles_take(struct zc_handles *handles, struct zc_cells *cells,
                          zc_handle *handle_out);

/* Makes room for one more cell.  May block.  ZC_OK; ZC_NO_MEMORY; ZC_REJECTED:
 * there are as many as a handle can name. */
zc_status zc_handles_reserve(struct zc_handles *handles);

/* Gives back a handle that was taken and not set. */
void zc_handles_put_back(struct zc_handles *handles, struct zc_cells *cells,
                         zc_handle handle);

/* Makes a taken handle valid: its object is written. */
void zc_handles_set(struct zc_handles *handles, zc_handle handle,
                    uint64_t location, size_t size);

/* The object has a place but is not written yet: the cell has its location, and
 * the handle is stale until zc_handles_set(). */
void zc_handles_set_coming(struct zc_handles *handles, zc_handle handle,
                           uint64_t location, size_t size);

/*
 * Frees a live object that is being visited: its handle is stale, and the cell
 * keeps its location until zc_handles_free().  The caller of these three holds
 * the group's lock.
 */
void zc_handles_leave(struct zc_handles *handles, zc_handle handle);
bool zc_handles_has_left(const struct zc_handles *handles, zc_handle handle);

/* Frees the cell of a handle that is live or has left. */
void zc_handles_free(struct zc_handles *handles, struct zc_cells *cells,
                     zc_handle handle);

/* The fields of a cell's word. */
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

/* Whether two words of a cell have the same generation; and whether they also
 * have the same location and size. */
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

/* The cell of a live handle, and its word.  ZC_OK; ZC_STALE; ZC_INVALID: it was
 * never a handle of this pool. */
zc_status zc_handles_find(const struct zc_handles *handles, zc_handle handle,
                          struct zc_cell **cell_out, uint64_t *word_out);

/* The word of a record that has an object, which the caller keeps live. */
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

/* The fields of the cell of a live handle.  As zc_handles_find(). */
zc_status zc_handles_read(const struct zc_handles *handles, zc_handle handle,
                          struct zc_cell_view *view_out);

/* The handle of the cell at an index; false: it has no live object. */
bool zc_handles_at(const struct zc_handles *handles, uint32_t index,
                   zc_handle *handle_out);

/* Whether the cell at an index has a location: its object is live, coming or
 * leaving. */
bool zc_handles_is_placed(const struct zc_handles *handles, uint32_t index);

/* The fields of such a cell. */
void zc_handles_view_at(const struct zc_handles *handles, uint32_t index,
                        struct zc_cell_view *view_out);

/* Takes a bare record; zc_handles_free_bare() frees it.  May block.  ZC_OK;
 * ZC_NO_MEMORY; ZC_REJECTED: there are as many as a handle can name. */
zc_status zc_handles_take_bare(struct zc_handles *handles,
                               struct zc_cell **cell_out);
void zc_handles_free_bare(struct zc_handles *handles, struct zc_cell *cell);

/* Bits of a bare record's word that are its user's, instead of location and
 * size. */
#define ZC_CELL_BARE_BITS 47

void zc_cell_set_bare(const struct zc_handles *handles, struct zc_cell *cell,
                      uint64_t bits);

static inline uint64_t zc_cell_bare(const struct zc_cell *cell)
{
    return zc_atomic_u64_load_relaxed(&cell->word) >> ZC_CELL_TAGS_BITS &
           ZC_BITS(0, ZC_CELL_BARE_BITS);
}

/* Sets the new location of an object that has moved.  The caller holds the
 * group's lock. */
void zc_handles_move(struct zc_handles *handles, uint32_t index,
                     uint64_t location);

zc_status zc_handles_change_tags(struct zc_handles *handles, zc_handle handle,
                                 unsigned clear, unsigned set,
                                 unsigned *previous_out);

size_t zc_handles_bytes(const struct zc_handles *handles);

/* The low bits of a handle: three zeros, where an object header has tags, then
 * the index of the cell. */
#define ZC_HANDLE_CELL_SHIFT 3
#define ZC_HANDLE_CELL_BITS 29

static inline uint32_t zc_handle_cell(zc_handle handle)
{
    return (uint32_t)(handle.value & ZC_BITS(0, 32)) >> ZC_HANDLE_CELL_SHIFT;
}

#endif
