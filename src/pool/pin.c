/* SPDX-License-Identifier: MIT */
/*
 * pin.c - finding an object, and keeping it where it is.
 *
 * Objects move, and zspages come and go.  A location read from a cell is a name
 * until one of two things holds it still:
 *
 *   the group's lock   nothing of the group moves, appears or goes
 *   a pin              nothing of the zspage moves, and its pages stay;
 *                      objects in it still come and go
 *
 * The pin word of a zspage:
 *
 *     31       30       29            0
 *   +--------+---------+---------------+
 *   | LOCKED | RELEASE |    readers    |
 *   +--------+---------+---------------+
 *
 *   LOCKED   no new readers: its objects are being moved, or it is free.  Set
 *            under the group's lock and only when there are no readers; cleared
 *            before that lock is dropped, unless the zspage goes to the arena.
 *   RELEASE  it was emptied while it had readers: the last of them releases it,
 *            if it is still empty then.
 *
 * Why it cannot go wrong.  A reader raises the count first and then reads the
 * cell again (LOCATION_REREAD_UNDER_LOCK): if it still says this location, the
 * object cannot have moved since, for moving needs LOCKED, which needs a count
 * of zero; if not, the reader drops its pin and starts over.  A reader that
 * finds LOCKED goes through the group's lock, under which no zspage with a
 * group is LOCKED, so it does not spin.  Descriptors are never freed, so an old
 * location leads to a descriptor in whatever life; every answer from it is
 * checked against the cell afterwards.  A free reads the cell, locks the group
 * of the zspage there, and reads both again: while the zspage is that group's,
 * moves and frees in it need that lock, so what the cell says now stays.  A
 * zspage without a group is empty; the cell of what was in it was changed
 * before, and says so when it is read again.
 */
#include "zspool.h"

#include "platform/memory.h"
#include "rules.h"

#define PIN_LOCKED (UINT32_C(1) << 31)
#define PIN_RELEASE (UINT32_C(1) << 30)

static void look(struct zc_zspool *pool, uint64_t word,
                 struct zc_found *found_out)
{
    struct zc_cell_view view;

    zc_cell_view(&pool->handles, word, &view);
    found_out->zspage = zc_location_zspage(&pool->arena, view.location);
    found_out->location = view.location;
    found_out->size = view.size;
}

/* Whether the cell still says what was found. */
static bool still_there(const struct zc_cell *cell, uint64_t word)
{
    return !ZC_RULE(LOCATION_REREAD_UNDER_LOCK) ||
           zc_cell_is_same_place(zc_atomic_u64_load_acquire(&cell->word), word);
}

/* The group that has a zspage; a name, until it is locked and asked again. */
static struct zc_group *group_now(const struct zc_zspage *zspage)
{
    /* Pairs with the releases where a zspage gets its group and loses it: a
     * thread that finds none sees where its objects have gone. */
    return zc_atomic_pointer_load_acquire(&zspage->group);
}

/* Reads the cell again.  False: the object that it had is gone. */
static bool look_again(struct zc_zspool *pool, const struct zc_cell *cell,
                       uint64_t word, struct zc_found *found)
{
    const uint64_t now = zc_atomic_u64_load_acquire(&cell->word);

    if (!zc_cell_is_same_life(&pool->handles, now, word))
        return false;
    look(pool, now, found);
    return true;
}

/* Locks the group of the object that the cell had a moment ago.  False: it is
 * gone. */
static bool lock_object(struct zc_zspool *pool, const struct zc_cell *cell,
                        uint64_t word, struct zc_found *found_out)
    ZC_NO_LOCK_ANALYSIS
{
    struct zc_found found;
    bool is_live;

    look(pool, word, &found);
    for (;;) {
        found.group = group_now(found.zspage);
        if (found.group == NULL) {
            if (!look_again(pool, cell, word, &found))
                return false;
            continue;
        }
        zc_spinlock_lock(&found.group->lock);
        if (!ZC_RULE(LOCATION_REREAD_UNDER_LOCK))
            break;
        is_live = look_again(pool, cell, word, &found);
        if (is_live &&
            zc_atomic_pointer_load_relaxed(&found.zspage->group) == found.group)
            break;
        zc_spinlock_unlock(&found.group->lock);
        if (!is_live)
            return false;
    }
    *found_out = found;
    return true;
}

zc_status zc_zspool_find_locked(struct zc_zspool *pool, zc_handle handle,
                                struct zc_found *found_out) ZC_NO_LOCK_ANALYSIS
{
    struct zc_cell *cell;
    uint64_t word;
    zc_status status = zc_handles_find(&pool->handles, handle, &cell, &word);

    if (status != ZC_OK)
        return status;
    return lock_object(pool, cell, word, found_out) ? ZC_OK : ZC_STALE;
}

zc_handle zc_zspool_lock_record(struct zc_zspool *pool,
                                const struct zc_cell *cell,
                                struct zc_found *found_out) ZC_NO_LOCK_ANALYSIS
{
    const uint64_t word = zc_cell_live_word(&pool->handles, cell);
    const bool locked = lock_object(pool, cell, word, found_out);

    ZC_ASSERT(locked);
    (void)locked;
    return zc_handles_name(&pool->handles, cell, word);
}

zc_status zc_zspool_find_live(struct zc_zspool *pool, zc_handle handle,
                              struct zc_found *found_out)
{
    zc_status status = zc_zspool_find_locked(pool, handle, found_out);

    if (status != ZC_OK || !found_out->zspage->reclaimed ||
        !found_out->group->ops->is_deferred(pool, found_out))
        return status;
    zc_found_unlock(found_out);
    return ZC_STALE;
}

/* Adds a reader unless the word is LOCKED. */
static bool try_pin(struct zc_zspage *zspage)
{
    /* Pairs with the releases of LOCKED and of its end: a reader that gets in
     * sees every move made under it. */
    uint32_t word = zc_atomic_u32_load_acquire(&zspage->pin);

    do {
        if ((word & PIN_LOCKED) != 0)
            return false;
    } while (!zc_atomic_u32_exchange_if(&zspage->pin, &word, word + 1));
    return true;
}

/*
 * Asks for the whole object: a codec's own reads are too uneven for the
 * processor to guess.  Before it is pinned, so that the pin word, which is far
 * away too, comes at the same time; if the object has moved, it was in vain,
 * and its chunk may have no memory any more.
 */
static void prefetch(const struct zc_zspool *pool, const struct zc_found *found)
{
    const struct zc_arena *arena = &pool->arena;
    const char *memory =
        zc_chunk_memory(zc_location_chunk(arena, found->location));

    if (memory != NULL)
        zc_memory_prefetch(memory + zc_location_unit(arena, found->location) *
                                        ZC_UNIT_BYTES,
                           found->size);
}

/* Pins the object that the cell had a moment ago.  False: it is gone. */
static bool pin_object(struct zc_zspool *pool, const struct zc_cell *cell,
                       uint64_t word, struct zc_found *found_out)
{
    struct zc_found found;

    look(pool, word, &found);
    prefetch(pool, &found);
    if (try_pin(found.zspage)) {
        if (still_there(cell, word)) {
            found.group = NULL;
            *found_out = found;
            return true;
        }
        zc_zspage_unpin(pool, found.zspage);
    }

    /* Another thread moves it: wait for the lock that it holds, and pin under
     * that. */
    if (!lock_object(pool, cell, word, &found))
        return false;
    zc_zspage_pin(found.zspage);
    zc_found_unlock(&found);
    *found_out = found;
    return true;
}

zc_status zc_zspool_pin(struct zc_zspool *pool, zc_handle handle,
                        struct zc_found *found_out)
{
    struct zc_cell *cell;
    uint64_t word;
    zc_status status = zc_handles_find(&pool->handles, handle, &cell, &word);

    if (status != ZC_OK)
        return status;
    return pin_object(pool, cell, word, found_out) ? ZC_OK : ZC_STALE;
}

void zc_zspool_pin_record(struct zc_zspool *pool, const struct zc_cell *cell,
                          struct zc_found *found_out)
{
    const bool pinned = pin_object(
        pool, cell, zc_cell_live_word(&pool->handles, cell), found_out);

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
 * The last reader of an emptied zspage.  It holds no pin any more, so the
 * zspage may have gone on to another life: only under the lock of the group it
 * has now can anything be said of it.
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

bool zc_zspage_release_or_leave(struct zc_zspage *zspage)
{
    uint32_t word = zc_atomic_u32_load_relaxed(&zspage->pin);
    uint32_t next;

    do {
        next = (word & ~PIN_RELEASE) == 0 ? PIN_LOCKED : word | PIN_RELEASE;
    } while (!zc_atomic_u32_exchange_if(&zspage->pin, &word, next));
    return next == PIN_LOCKED;
}

void zc_zspage_keep(struct zc_zspage *zspage)
{
    uint32_t word = zc_atomic_u32_load_relaxed(&zspage->pin);

    while ((word & PIN_RELEASE) != 0)
        if (zc_atomic_u32_exchange_if(&zspage->pin, &word, word & ~PIN_RELEASE))
            break;
}
