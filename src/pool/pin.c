/* SPDX-License-Identifier: MIT */
/*
 * pin.c - finding an object, and keeping it where it is.
 *
 * Compaction moves objects, and zspages are taken and given back.  So a
 * location that a thread reads from a cell may be old at once.  One of two
 * things makes it reliable:
 *
 *   the group's lock   no object of the group moves, enters or leaves
 *   a pin              no object of the zspage moves, and its pages stay;
 *                      objects may still enter and leave
 *
 * The pin word of a zspage:
 *
 *     31       30       29            0
 *   +--------+---------+---------------+
 *   | LOCKED | RELEASE |    readers    |
 *   +--------+---------+---------------+
 *
 *   LOCKED   no thread can pin it: its objects are being moved, or it is free.
 *            Set by CAS, under the group's lock and only if there are no
 *            readers.  Cleared before that lock is released, unless the zspage
 *            goes to the arena.
 *   RELEASE  it was emptied while it had readers: the last of them releases it,
 *            if it is still empty then.
 *
 * Three pairs of threads meet here.
 *
 * The reader of an object and the thread that moves it (compaction).  Without
 * protection the reader would read from a place that has another object by now.
 * The reader adds its pin and then reads the cell again.  The mover sets
 * LOCKED, copies the object, changes the cell, and clears LOCKED.  Both change
 * the pin word by CAS, so one of them is first:
 *
 *     the pin      the mover's CAS finds a reader and fails: the object stays.
 *                  The cell has the location that the reader found
 *     LOCKED       the reader's CAS fails, or comes after the mover has cleared
 *                  LOCKED, which it acquires: then the cell has the new
 *                  location, and the reader drops its pin and starts over
 *
 * A reader that finds LOCKED does not spin.  It waits for the group's lock,
 * which the mover holds until it has cleared LOCKED.
 *
 * The thread that frees an object and the mover.  Without protection the
 * freeing thread would free the old place, which may have another object by
 * now.  Both hold the lock of the group that the object's zspage belongs to.
 * The freeing thread finds that group through the cell, locks it, and then
 * reads the cell and the zspage's group again (LOCATION_REREAD_UNDER_LOCK).  If
 * the zspage still has the locked group, the cell does not change before the
 * unlock; if not, the thread starts over.
 *
 * A thread with an old location and the threads that use the zspage there now.
 * Descriptors are never freed, so the old location leads to a descriptor,
 * perhaps in another use.  Whatever the thread finds there counts only if the
 * cell still has this location.  A zspage that leaves its group is empty: the
 * cells of its objects were changed before its group was set to NULL (release).
 * So a thread that reads NULL (acquire) and then the cell finds the change.
 */
#include "zspool.h"

#include "platform/memory.h"
#include "rules.h"

#define PIN_LOCKED (UINT32_C(1) << 31)
#define PIN_RELEASE (UINT32_C(1) << 30)

/* Returns the address of the object, for a prefetch only: the object may have
 * moved, and its chunk may be unmapped by now; or NULL. */
static char *resolve_word(struct zc_zspool *pool, uint64_t word,
                          struct zc_object_ref *ref_out)
{
    const struct zc_arena *arena = &pool->arena;
    const struct zc_chunk *chunk;
    struct zc_cell_view view;
    char *memory;

    zc_cell_view(&pool->handles, word, &view);
    chunk = zc_location_chunk(arena, view.location);
    memory = zc_chunk_memory(chunk);
    ref_out->zspage = zc_chunk_zspage(arena, chunk, view.location);
    ref_out->location = view.location;
    ref_out->size = view.size;
    if (memory == NULL)
        return NULL;
    return memory + zc_location_unit(arena, view.location) * ZC_UNIT_BYTES;
}

/* Whether the cell still says what was ref. */
static bool is_still_there(const struct zc_cell *cell, uint64_t word)
{
    return !ZC_RULE(LOCATION_REREAD_UNDER_LOCK) ||
           zc_cell_is_same_place(zc_atomic_u64_load_acquire(&cell->word), word);
}

/* The group of a zspage.  It may change until the caller has locked that group
 * and read it again. */
static struct zc_group *group_now(const struct zc_zspage *zspage)
{
    /* Pairs with the releases where a zspage gets its group and where it loses
     * it: a thread that reads NULL sees the changed cells of its objects. */
    return zc_atomic_pointer_load_acquire(&zspage->group);
}

/* Reads the cell again, whose word was *word_inout.  False: the object that it
 * had is gone. */
static bool resolve_again(struct zc_zspool *pool, const struct zc_cell *cell,
                          uint64_t *word_inout, struct zc_object_ref *ref)
{
    const uint64_t now = zc_atomic_u64_load_acquire(&cell->word);

    if (!zc_cell_is_same_life(&pool->handles, now, *word_inout))
        return false;
    if (!zc_cell_is_same_place(now, *word_inout)) {
        (void)resolve_word(pool, now, ref);
        *word_inout = now;
    }
    return true;
}

/* Locks the group of the object that the cell had when `word` was read.  False:
 * the object is gone. */
static bool lock_object(struct zc_zspool *pool, const struct zc_cell *cell,
                        uint64_t word, struct zc_object_ref *ref_out)
    ZC_NO_LOCK_ANALYSIS
{
    struct zc_object_ref ref;
    bool is_live;
    char *object;

    /* A free reads the header of the object and that of the next one. */
    object = resolve_word(pool, word, &ref);
    if (object != NULL) {
        zc_memory_prefetch_write(object, 1);
        zc_memory_prefetch_write(object + ref.size, 1);
    }
    for (;;) {
        ref.group = group_now(ref.zspage);
        if (ref.group == NULL) {
            if (!resolve_again(pool, cell, &word, &ref))
                return false;
            continue;
        }
        zc_spinlock_lock(&ref.group->lock);
        if (!ZC_RULE(LOCATION_REREAD_UNDER_LOCK))
            break;
        is_live = resolve_again(pool, cell, &word, &ref);
        if (is_live &&
            zc_atomic_pointer_load_relaxed(&ref.zspage->group) == ref.group)
            break;
        zc_spinlock_unlock(&ref.group->lock);
        if (!is_live)
            return false;
    }
    *ref_out = ref;
    return true;
}

zc_status zc_zspool_find_locked(struct zc_zspool *pool, zc_handle handle,
                                struct zc_object_ref *ref_out)
    ZC_NO_LOCK_ANALYSIS
{
    struct zc_cell *cell;
    uint64_t word;
    zc_status status = zc_handles_find(&pool->handles, handle, &cell, &word);

    if (status != ZC_OK)
        return status;
    return lock_object(pool, cell, word, ref_out) ? ZC_OK : ZC_STALE;
}

zc_handle zc_zspool_lock_record(struct zc_zspool *pool,
                                const struct zc_cell *cell,
                                struct zc_object_ref *ref_out)
    ZC_NO_LOCK_ANALYSIS
{
    const uint64_t word = zc_cell_live_word(&pool->handles, cell);
    const bool locked = lock_object(pool, cell, word, ref_out);

    ZC_ASSERT(locked);
    (void)locked;
    return zc_handles_name(&pool->handles, cell, word);
}

zc_status zc_zspool_find_live(struct zc_zspool *pool, zc_handle handle,
                              struct zc_object_ref *ref_out)
{
    zc_status status = zc_zspool_find_locked(pool, handle, ref_out);

    if (status != ZC_OK || !ref_out->zspage->reclaimed ||
        !ref_out->group->ops->is_deferred(pool, ref_out))
        return status;
    zc_object_unlock(ref_out);
    return ZC_STALE;
}

/* Adds a reader unless the word is LOCKED. */
static bool try_pin(struct zc_zspage *zspage)
{
    /* Pairs with the release that clears LOCKED: a reader that gets its pin
     * sees every move that was made under LOCKED. */
    uint32_t word = zc_atomic_u32_load_acquire(&zspage->pin);

    do {
        if ((word & PIN_LOCKED) != 0)
            return false;
    } while (!zc_atomic_u32_exchange_if(&zspage->pin, &word, word + 1));
    return true;
}

/* Pins the object that the cell had when `word` was read.  False: it is
 * gone. */
static bool pin_object(struct zc_zspool *pool, const struct zc_cell *cell,
                       uint64_t word, struct zc_object_ref *ref_out)
{
    struct zc_object_ref ref;
    const char *object = resolve_word(pool, word, &ref);

    /* The whole object, because the processor cannot predict the order in which
     * a codec reads it.  Before the pin, so that the processor loads the pin
     * word at the same time. */
    if (object != NULL)
        zc_memory_prefetch(object, ref.size);
    if (try_pin(ref.zspage)) {
        if (is_still_there(cell, word)) {
            ref.group = NULL;
            *ref_out = ref;
            return true;
        }
        zc_zspage_unpin(pool, ref.zspage);
    }

    /* Another thread moves it: waits for the group's lock, which that thread
     * holds, and pins under it. */
    if (!lock_object(pool, cell, word, &ref))
        return false;
    zc_zspage_pin(ref.zspage);
    zc_object_unlock(&ref);
    *ref_out = ref;
    return true;
}

zc_status zc_zspool_pin(struct zc_zspool *pool, zc_handle handle,
                        struct zc_object_ref *ref_out)
{
    struct zc_cell *cell;
    uint64_t word;
    zc_status status = zc_handles_find(&pool->handles, handle, &cell, &word);

    if (status != ZC_OK)
        return status;
    return pin_object(pool, cell, word, ref_out) ? ZC_OK : ZC_STALE;
}

void zc_zspool_pin_record(struct zc_zspool *pool, const struct zc_cell *cell,
                          struct zc_object_ref *ref_out)
{
    const bool pinned = pin_object(
        pool, cell, zc_cell_live_word(&pool->handles, cell), ref_out);

    ZC_ASSERT(pinned);
    (void)pinned;
}

void zc_zspage_pin(struct zc_zspage *zspage)
{
    bool pinned = try_pin(zspage);

    ZC_ASSERT(pinned);
    (void)pinned;
}

/*
 * Called by the reader whose unpin left RELEASE and no readers.  The reader
 * holds no pin any more, so other threads may have placed an object in the
 * zspage meanwhile, or released it, or used it in another group.  Without a
 * second look the reader would release a zspage in use, or release it twice.
 * So it reads which group the zspage has now and locks that group.  Under the
 * lock it releases the zspage only if the zspage still has the group that is
 * locked, and the pin word is still RELEASE with no readers.
 */
static void release_emptied(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    struct zc_group *group = group_now(zspage);
    uint32_t expected = PIN_RELEASE;
    bool released;

    if (group == NULL)
        return;
    zc_spinlock_lock(&group->lock);
    released = zc_atomic_pointer_load_relaxed(&zspage->group) == group &&
               zc_atomic_u32_exchange_if(&zspage->pin, &expected, PIN_LOCKED);
    if (released)
        group->ops->detach(pool, group, zspage);
    zc_spinlock_unlock(&group->lock);
    if (released)
        zc_arena_put(&pool->arena, zspage);
}

void zc_zspage_unpin(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    /* Releases our reads; pairs with the acquire of zc_zspage_trylock(). */
    uint32_t before = zc_atomic_u32_add(&zspage->pin, UINT32_MAX);

    ZC_ASSERT((before & ~(PIN_LOCKED | PIN_RELEASE)) != 0);
    if (before - 1 == PIN_RELEASE)
        release_emptied(pool, zspage);
}

bool zc_zspage_trylock(struct zc_zspage *zspage)
{
    uint32_t expected = 0;

    if (!ZC_RULE(WALK_EXCLUDES_MOVE))
        return true;
    return zc_atomic_u32_exchange_if(&zspage->pin, &expected, PIN_LOCKED);
}

void zc_zspage_unlock(struct zc_zspage *zspage)
{
    /* Pairs with the acquire in try_pin(). */
    zc_atomic_u32_store_release(&zspage->pin, 0);
}

bool zc_zspage_try_release(struct zc_zspage *zspage)
{
    uint32_t word = 0; /* most often it has no readers */
    uint32_t next;

    do {
        next = (word & ~PIN_RELEASE) == 0 ? PIN_LOCKED : word | PIN_RELEASE;
    } while (!zc_atomic_u32_exchange_if(&zspage->pin, &word, next));
    return next == PIN_LOCKED;
}

void zc_zspage_cancel_release(struct zc_zspage *zspage)
{
    uint32_t word = zc_atomic_u32_load_relaxed(&zspage->pin);

    while ((word & PIN_RELEASE) != 0)
        if (zc_atomic_u32_exchange_if(&zspage->pin, &word, word & ~PIN_RELEASE))
            break;
}
