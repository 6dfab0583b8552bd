/* SPDX-License-Identifier: MIT */
/*
 * handle.c - handles and cells.
 *
 * A cell is one 64-bit word, so a reader without a lock sees one whole value.
 * With pages of 2^s bytes:
 *
 *    63        37+s 36+s       37 36            2 1    0
 *   +--------------+-------------+---------------+------+
 *   |  generation  |  size - 1   |   location    | tags |  in use: odd
 *   +--------------+-------------+---------------+------+
 *   |  generation  |  size - 1   |   location    | 1, 2 |  coming/leaving: even
 *   +--------------+-------------+---------------+------+
 *   |  generation  |        the user's           |  3   |  bare: even
 *   +--------------+-------------+---------------+------+
 *   |  generation  |      0      | next free + 1 |  0   |  free: even
 *   +--------------+-------------+---------------+------+
 *
 *   generation  goes up by one when the object becomes valid and when it is
 *               freed, so an old handle is found stale (it wraps, in 2^15
 *               steps with the smallest page)
 *   location    where the object begins, in units of 8 bytes
 *   tags        odd generation: the caller's two bits; even generation: coming
 *               (1, the object has a place but is not written yet), leaving (2,
 *               it was freed while it is visited), bare (3, a record of the
 *               pool's user without an object), free (0)
 *
 * A cell that is coming or leaving has a location for walks over a zspage,
 * which find cells by index.  No handle of it is valid.
 *
 * A handle is
 *
 *    63         47 46        32 31          3 2   0
 *   +-------------+------------+-------------+-----+
 *   |  pool tag   | generation | cell index  | 000 |
 *   +-------------+------------+-------------+-----+
 *
 * with the generation of the cell in use.  In kernel placement an object's
 * header is its handle, with the header's tags (ALLOCATED, DEFERRED) in place
 * of the zeros.  Of the pools that a process creates, 2^17 in a row have
 * different pool tags.  So the handle of another pool is invalid here, also if
 * that pool was destroyed and this one is at its address.
 *
 * Free cells are in one list under the handles' lock.  Each group has a few of
 * its own, under the group's lock, which an alloc or a free holds anyway.
 * Cells move between the two in batches.
 *
 * A record is a cell, and behind it bytes of the pool's user: a cache's entry.
 * They belong to the user from the take of the cell until the cell is free
 * again.  A put copies them in before it makes the handle valid (release), so a
 * thread that finds the handle valid (acquire) sees them; what the user changes
 * later, the user publishes.  If the object was freed and its cell is leaving
 * or deferred, the record is readable until that ends (pool/visit.c,
 * pool/reclaim.c).
 *
 * Why it cannot go wrong.  Two threads that free one handle: each holds the
 * lock of the object's group, so one is first and changes the generation (under
 * reclaim: sets DEFERRED); the second finds that and gets ZC_STALE, and does
 * not free the next object of the cell.  A thread that changes tags needs no
 * lock, and may meet one that frees or moves the object.  So it changes the
 * word by a CAS, which fails if the object was moved or freed meanwhile.  A
 * move is a CAS too and keeps the tags; a free does not need them.  The
 * location changes only under the group's lock; a reader pins the zspage and
 * then reads the cell again (pool/pin.c).
 */
#include "zspool.h"

#include "base/bits.h"
#include "platform/annotate_memory.h"
#include "rules.h"

#define HANDLE_GENERATION_SHIFT 32
#define HANDLE_GENERATION_BITS 15
#define HANDLE_TAG_SHIFT (HANDLE_GENERATION_SHIFT + HANDLE_GENERATION_BITS)

#define CELLS_MAX (UINT32_C(1) << ZC_HANDLE_CELL_BITS)

/* Cells that move between lists at once: a cache line of them. */
#define BATCH 8

_Static_assert(ZC_HANDLE_CELL_SHIFT + ZC_HANDLE_CELL_BITS ==
                   HANDLE_GENERATION_SHIFT,
               "a handle has no gaps");
_Static_assert(ZC_CELL_SIZE_SHIFT + 12 + HANDLE_GENERATION_BITS == 64,
               "with the smallest page a cell has no gaps");
_Static_assert(ZC_CELL_TAGS_BITS + ZC_CELL_BARE_BITS + HANDLE_GENERATION_BITS ==
                   64,
               "a bare cell has no gaps");

static uint32_t handle_generation(zc_handle handle)
{
    return (uint32_t)(handle.value >> HANDLE_GENERATION_SHIFT &
                      ZC_BITS(0, HANDLE_GENERATION_BITS));
}

static zc_handle make_handle(const struct zc_handles *handles, uint32_t index,
                             uint32_t generation)
{
    zc_handle handle;

    handle.value = handles->pool_tag |
                   (uint64_t)generation << HANDLE_GENERATION_SHIFT |
                   (uint64_t)index << ZC_HANDLE_CELL_SHIFT;
    return handle;
}

/* Tags with an even generation, of a cell that has a location. */
#define CELL_COMING 1u
#define CELL_LEAVING 2u

/* And of a bare record, which has none. */
#define CELL_BARE 3u

static uint64_t free_word(const struct zc_handles *handles, uint32_t generation,
                          uint32_t next_free)
{
    return (uint64_t)(generation & handles->generations)
               << zc_cell_generation_shift(handles) |
           (uint64_t)next_free << ZC_CELL_LOCATION_SHIFT;
}

static uint32_t word_next_free(uint64_t word)
{
    return (uint32_t)(word >> ZC_CELL_LOCATION_SHIFT);
}

/* Pools made by this process.  Only a number: relaxed is enough. */
static ZC_PROCESS_VARIABLE zc_atomic_u32 pools_made;

/*
 * The next pool tag.  The numbers begin at the address of this copy of the
 * library, which differs by process.  The factor that spreads their bits is
 * odd, so 2^17 numbers in a row give 2^17 different tags.
 */
static uint64_t next_tag(void)
{
    const uint64_t first = (uint64_t)(uintptr_t)&pools_made >> 12;
    const uint64_t number = first + zc_atomic_u32_add(&pools_made, 1);

    return number * UINT64_C(0x9e3779b97f4a7c15) << HANDLE_TAG_SHIFT;
}

zc_status zc_handles_init(struct zc_handles *handles, size_t page_size,
                          size_t user_bytes)
{
    ZC_ASSERT(user_bytes % sizeof(uint64_t) == 0);
    handles->size_bits = zc_log2(page_size);
    handles->generations =
        (uint32_t)ZC_BITS(0, 64 - zc_cell_generation_shift(handles));
    handles->pool_tag = next_tag();
    handles->first_free = 0;
    zc_atomic_u32_init(&handles->used, 0);
    handles->user_bytes = user_bytes;
    zc_records_init(&handles->cells, sizeof(struct zc_cell) + user_bytes);
    return zc_spinlock_init(&handles->lock, ZC_RANK_POOL_HANDLES, "handles");
}

void zc_handles_destroy(struct zc_handles *handles)
{
    zc_spinlock_destroy(&handles->lock);
    zc_records_destroy(&handles->cells);
}

/* ---- the life of the user's bytes ---- */

/* The name of the user's bytes in the lab: an entry of a cache. */
#define USER_NAME "entry"

static void begin_record(const struct zc_handles *handles, uint32_t index)
{
    if (handles->user_bytes > 0)
        zc_annotate_object_begin(zc_cell_at(handles, index) + 1,
                                 handles->user_bytes, USER_NAME);
}

/* The caller holds the lock of the list that gets the cell. */
static void end_record(const struct zc_handles *handles, uint32_t index)
{
    if (handles->user_bytes > 0)
        zc_annotate_object_end(zc_cell_at(handles, index) + 1,
                               handles->user_bytes, USER_NAME);
}

/* ---- lists of free cells: links are index + 1, and 0 is the end ---- */

/* Puts a cell in front of a list, as free with this generation, which is even.
 */
static void push_cell(struct zc_handles *handles, uint32_t *first,
                      uint32_t index, uint32_t generation)
{
    zc_atomic_u64_store_relaxed(&zc_cell_at(handles, index)->word,
                                free_word(handles, generation, *first));
    *first = index + 1;
}

/* Takes the first cell of a list, which is not empty. */
static uint32_t pop_cell(const struct zc_handles *handles, uint32_t *first)
{
    uint32_t index = *first - 1;

    *first = word_next_free(
        zc_atomic_u64_load_relaxed(&zc_cell_at(handles, index)->word));
    return index;
}

static uint32_t generation_at(const struct zc_handles *handles, uint32_t index)
{
    return zc_cell_generation(
        handles, zc_atomic_u64_load_relaxed(&zc_cell_at(handles, index)->word));
}

/* Moves up to a batch from one list to another; returns how many. */
static uint32_t move_cells(struct zc_handles *handles, uint32_t *from,
                           uint32_t *to)
{
    uint32_t count;
    uint32_t index;

    for (count = 0; count < BATCH && *from != 0; count++) {
        index = pop_cell(handles, from);
        push_cell(handles, to, index, generation_at(handles, index));
    }
    return count;
}

/* Puts a cell that was never used in front of a list, and raises `used`.
 * False: zc_handles_reserve() must come first, which may refuse. */
static bool push_new_cell(struct zc_handles *handles, uint32_t *first)
    ZC_REQUIRES(handles->lock)
{
    uint32_t used = zc_atomic_u32_load_relaxed(&handles->used);

    if (used >= CELLS_MAX || !zc_records_has(&handles->cells, used))
        return false;
    push_cell(handles, first, used, generation_at(handles, used));
    zc_atomic_u32_store_release(&handles->used, used + 1);
    return true;
}

/* Refills a group's cells: with freed ones, or else a new one.  False: as
 * push_new_cell(). */
static bool refill_cells(struct zc_handles *handles, struct zc_cells *cells,
                         bool may_reuse)
{
    uint32_t count = 0;

    zc_spinlock_lock(&handles->lock);
    if (may_reuse)
        count = move_cells(handles, &handles->first_free, &cells->first);
    if (count == 0 && push_new_cell(handles, &cells->first))
        count = 1;
    zc_spinlock_unlock(&handles->lock);
    cells->count += count;
    return count > 0;
}

zc_status zc_handles_take(struct zc_handles *handles, struct zc_cells *cells,
                          zc_handle *handle_out)
{
    const bool may_reuse = zc_annotate_may_reuse();
    uint32_t generation;
    uint32_t index;

    if ((cells->first == 0 || !may_reuse) &&
        !refill_cells(handles, cells, may_reuse))
        return ZC_AGAIN;
    index = pop_cell(handles, &cells->first);
    cells->count--;
    generation = generation_at(handles, index);
    ZC_ASSERT(generation % 2 == 0);
    begin_record(handles, index);
    *handle_out =
        make_handle(handles, index, (generation + 1) & handles->generations);
    return ZC_OK;
}

zc_status zc_handles_reserve(struct zc_handles *handles)
{
    uint32_t used = zc_atomic_u32_load_acquire(&handles->used);

    if (used >= CELLS_MAX)
        return ZC_REJECTED;
    return zc_records_reserve(&handles->cells, used + 1);
}

/* Counts a cell that was put on a group's list; if the list is too long, a
 * batch goes back to the handles' list. */
static void keep_cell(struct zc_handles *handles, struct zc_cells *cells)
{
    cells->count++;
    if (cells->count < 2 * BATCH)
        return;
    zc_spinlock_lock(&handles->lock);
    cells->count -= move_cells(handles, &cells->first, &handles->first_free);
    zc_spinlock_unlock(&handles->lock);
}

void zc_handles_put_back(struct zc_handles *handles, struct zc_cells *cells,
                         zc_handle handle)
{
    end_record(handles, zc_handle_cell(handle));
    push_cell(handles, &cells->first, zc_handle_cell(handle),
              handle_generation(handle) - 1);
    keep_cell(handles, cells);
}

/* Takes a cell for a bare record from the handles' list: without an object it
 * has no group. */
static bool take_bare(struct zc_handles *handles, uint32_t *index_out)
{
    const bool may_reuse = zc_annotate_may_reuse();
    bool taken;

    zc_spinlock_lock(&handles->lock);
    taken = (handles->first_free != 0 && may_reuse) ||
            push_new_cell(handles, &handles->first_free);
    if (taken) {
        *index_out = pop_cell(handles, &handles->first_free);
        begin_record(handles, *index_out);
    }
    zc_spinlock_unlock(&handles->lock);
    return taken;
}

zc_status zc_handles_take_bare(struct zc_handles *handles,
                               struct zc_cell **cell_out)
{
    struct zc_cell *cell;
    uint32_t index = 0;
    zc_status status;

    while (!take_bare(handles, &index)) {
        status = zc_handles_reserve(handles);
        if (status != ZC_OK)
            return status;
    }
    cell = zc_cell_at(handles, index);
    zc_cell_set_bare(handles, cell, 0);
    *cell_out = cell;
    return ZC_OK;
}

/* Relaxed: only the user reads the bits, and walks see only that it is bare. */
void zc_cell_set_bare(const struct zc_handles *handles, struct zc_cell *cell,
                      uint64_t bits)
{
    const uint32_t generation =
        zc_cell_generation(handles, zc_atomic_u64_load_relaxed(&cell->word));

    ZC_ASSERT(bits >> ZC_CELL_BARE_BITS == 0);
    zc_atomic_u64_store_relaxed(&cell->word, free_word(handles, generation, 0) |
                                                 bits << ZC_CELL_TAGS_BITS |
                                                 CELL_BARE);
}

void zc_handles_free_bare(struct zc_handles *handles, struct zc_cell *cell)
{
    const uint32_t index = zc_cell_index(handles, cell);

    zc_spinlock_lock(&handles->lock);
    end_record(handles, index);
    push_cell(handles, &handles->first_free, index,
              generation_at(handles, index));
    zc_spinlock_unlock(&handles->lock);
}

static void set_word(struct zc_handles *handles, zc_handle handle,
                     uint32_t generation, uint64_t location, size_t size,
                     unsigned tags)
{
    uint64_t word = (uint64_t)generation << zc_cell_generation_shift(handles) |
                    (uint64_t)(size - 1) << ZC_CELL_SIZE_SHIFT |
                    location << ZC_CELL_LOCATION_SHIFT | tags;

    ZC_ASSERT(location <= ZC_BITS(0, ZC_CELL_LOCATION_BITS));
    ZC_ASSERT((size - 1) >> handles->size_bits == 0);
    /* Pairs with the acquires in zc_handles_find() and zc_cell_live_word(): a
     * reader of the location sees the object's header, its zspage's group, and
     * the object's bytes. */
    zc_atomic_u64_store_release(
        &zc_cell_at(handles, zc_handle_cell(handle))->word, word);
}

void zc_handles_set(struct zc_handles *handles, zc_handle handle,
                    uint64_t location, size_t size)
{
    set_word(handles, handle, handle_generation(handle), location, size, 0);
}

void zc_handles_set_coming(struct zc_handles *handles, zc_handle handle,
                           uint64_t location, size_t size)
{
    if (ZC_RULE(OBJECT_VALID_WHEN_WRITTEN))
        set_word(handles, handle, handle_generation(handle) - 1, location, size,
                 CELL_COMING);
    else
        zc_handles_set(handles, handle, location, size);
}

zc_status zc_handles_find(const struct zc_handles *handles, zc_handle handle,
                          struct zc_cell **cell_out, uint64_t *word_out)
{
    uint32_t generation = handle_generation(handle);
    uint32_t index = zc_handle_cell(handle);
    struct zc_cell *cell;
    uint64_t word;

    if ((handle.value & ZC_BITS(0, ZC_HANDLE_CELL_SHIFT)) != 0 ||
        handle.value >> HANDLE_TAG_SHIFT !=
            handles->pool_tag >> HANDLE_TAG_SHIFT ||
        generation % 2 == 0 || generation > handles->generations ||
        index >= zc_atomic_u32_load_acquire(&handles->used))
        return ZC_INVALID;
    cell = zc_cell_at(handles, index);
    /* Pairs with the releases in zc_handles_set() and zc_handles_move(). */
    word = zc_atomic_u64_load_acquire(&cell->word);
    if (zc_cell_generation(handles, word) != generation)
        return ZC_STALE;
    *cell_out = cell;
    *word_out = word;
    return ZC_OK;
}

zc_handle zc_handles_name(const struct zc_handles *handles,
                          const struct zc_cell *cell, uint64_t word)
{
    return make_handle(handles, zc_cell_index(handles, cell),
                       zc_cell_generation(handles, word));
}

zc_status zc_handles_read(const struct zc_handles *handles, zc_handle handle,
                          struct zc_cell_view *view_out)
{
    struct zc_cell *cell;
    uint64_t word;
    zc_status status = zc_handles_find(handles, handle, &cell, &word);

    if (status == ZC_OK)
        zc_cell_view(handles, word, view_out);
    return status;
}

static bool is_placed(const struct zc_handles *handles, uint64_t word)
{
    const uint64_t tags = word & ZC_BITS(0, ZC_CELL_TAGS_BITS);

    return zc_cell_generation(handles, word) % 2 == 1 || tags == CELL_COMING ||
           tags == CELL_LEAVING;
}

bool zc_handles_is_placed(const struct zc_handles *handles, uint32_t index)
{
    return is_placed(
        handles, zc_atomic_u64_load_relaxed(&zc_cell_at(handles, index)->word));
}

void zc_handles_view_at(const struct zc_handles *handles, uint32_t index,
                        struct zc_cell_view *view_out)
{
    uint64_t word =
        zc_atomic_u64_load_relaxed(&zc_cell_at(handles, index)->word);

    ZC_ASSERT(is_placed(handles, word));
    zc_cell_view(handles, word, view_out);
}

bool zc_handles_at(const struct zc_handles *handles, uint32_t index,
                   zc_handle *handle_out)
{
    uint32_t generation;

    if (index >= zc_atomic_u32_load_acquire(&handles->used))
        return false;
    generation = zc_cell_generation(
        handles, zc_atomic_u64_load_relaxed(&zc_cell_at(handles, index)->word));
    if (generation % 2 == 0)
        return false;
    *handle_out = make_handle(handles, index, generation);
    return true;
}

void zc_handles_leave(struct zc_handles *handles, zc_handle handle)
{
    struct zc_cell_view view;

    zc_handles_view_at(handles, zc_handle_cell(handle), &view);
    set_word(handles, handle, handle_generation(handle) + 1, view.location,
             view.size, CELL_LEAVING);
}

bool zc_handles_has_left(const struct zc_handles *handles, zc_handle handle)
{
    uint64_t word = zc_atomic_u64_load_relaxed(
        &zc_cell_at(handles, zc_handle_cell(handle))->word);

    return zc_cell_generation(handles, word) % 2 == 0 &&
           (word & ZC_BITS(0, ZC_CELL_TAGS_BITS)) == CELL_LEAVING;
}

void zc_handles_free(struct zc_handles *handles, struct zc_cells *cells,
                     zc_handle handle)
{
    const uint32_t index = zc_handle_cell(handle);

    /* Only its tags can change meanwhile: frees need the group's lock. */
    ZC_ASSERT(generation_at(handles, index) == handle_generation(handle) ||
              zc_handles_has_left(handles, handle));
    end_record(handles, index);
    push_cell(handles, &cells->first, index, handle_generation(handle) + 1);
    keep_cell(handles, cells);
}

void zc_handles_move(struct zc_handles *handles, uint32_t index,
                     uint64_t location)
{
    struct zc_cell *cell = zc_cell_at(handles, index);
    uint64_t word = zc_atomic_u64_load_relaxed(&cell->word);
    uint64_t moved;

    ZC_ASSERT(location <= ZC_BITS(0, ZC_CELL_LOCATION_BITS));
    do {
        /* Only tags can change meanwhile: frees need the group's lock. */
        ZC_ASSERT(zc_cell_generation(handles, word) % 2 == 1);
        moved =
            (word & ~ZC_BITS(ZC_CELL_LOCATION_SHIFT, ZC_CELL_LOCATION_BITS)) |
            location << ZC_CELL_LOCATION_SHIFT;
        /* Releases the copied bytes; pairs with the acquires in
         * zc_handles_find() and zc_cell_live_word(). */
    } while (!zc_atomic_u64_exchange_if(&cell->word, &word, moved));
}

zc_status zc_handles_change_tags(struct zc_handles *handles, zc_handle handle,
                                 unsigned clear, unsigned set,
                                 unsigned *previous_out)
{
    struct zc_cell *cell;
    uint64_t word;
    zc_status status;

    do {
        status = zc_handles_find(handles, handle, &cell, &word);
        if (status != ZC_OK)
            return status;
    } while (!zc_atomic_u64_exchange_if(
        &cell->word, &word, (word & ~(uint64_t)clear) | (uint64_t)set));
    if (previous_out != NULL)
        *previous_out = (unsigned)(word & ZC_BITS(0, ZC_CELL_TAGS_BITS));
    return ZC_OK;
}

size_t zc_handles_bytes(const struct zc_handles *handles)
{
    return zc_records_bytes(&handles->cells,
                            zc_atomic_u32_load_relaxed(&handles->used));
}
