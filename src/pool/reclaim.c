/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c - the coldest zspage, evicted object by object.
 *
 * The pool keeps its zspages by the time of their last allocation.  Reclaim
 * takes the coldest off every list (RECLAIM_OFF_ALL_LISTS), marks it, and calls
 * evict for each of its objects with no lock held; evict writes the object
 * somewhere else and frees it.  If no object is left then, the zspage goes back
 * to the system.  If one is left, the zspage goes back to the hot end, and
 * reclaim tries the next one.
 *
 * The thread in evict and a thread that frees the same object.  Evict has only
 * the handle, and resolves it after the group's lock was released.  The mark is
 * set, and read by frees, under the group's lock.  So until reclaim ends, every
 * free in this zspage, also that of evict itself, is deferred:
 *
 *   - the object's header says DEFERRED instead of ALLOCATED: a second free
 *     finds that and gets ZC_STALE.  The cell is untouched, so evict can still
 *     resolve the handle (DEFERRED_HANDLE_IN_HEADER);
 *   - its place does not become free space, so no object is placed in a zspage
 *     that is about to go (NO_FREE_LIST_UNDER_RECLAIM);
 *   - the end of reclaim releases every deferred cell, once
 *     (RECLAIM_END_RELEASES_CELLS), and if the zspage stays, makes free space
 *     of all that is not in use (FAILED_RECLAIM_REBUILDS_LIST).
 *
 * Reclaim decides by the objects that are left, not by what evict returned: an
 * object whose bytes evict has put elsewhere may have a reader that frees it
 * later, and one that evict could not write may be freed by another thread.
 *
 * The zspage, though on no list, keeps its group until reclaim ends: only
 * compaction and the free of the last object release a zspage, and neither does
 * so with the mark set.
 */
#include "zspool.h"

#include "rules.h"

#define ZSPAGES_MAX 8 /* tried in one call, as zs_reclaim_page() did */

void zc_zspage_lru_add(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    if (!pool->keeps_lru)
        return;
    zc_spinlock_lock(&pool->lru_lock);
    zc_list_remove(&zspage->lru);
    zc_list_add_first(&pool->lru, &zspage->lru);
    zc_spinlock_unlock(&pool->lru_lock);
}

void zc_zspage_lru_remove(struct zc_zspool *pool, struct zc_zspage *zspage)
{
    if (!pool->keeps_lru)
        return;
    zc_spinlock_lock(&pool->lru_lock);
    zc_list_remove(&zspage->lru);
    zc_spinlock_unlock(&pool->lru_lock);
}

/* The coldest zspage; NULL: there is none.  It is moved to the hot end, so that
 * the next call finds another.  After the unlock it may be emptied and used
 * again by other threads: begin_reclaim() checks it under its group's lock. */
static struct zc_zspage *find_coldest(struct zc_zspool *pool)
{
    struct zc_zspage *zspage = NULL;

    zc_spinlock_lock(&pool->lru_lock);
    if (!zc_list_is_empty(&pool->lru)) {
        zspage = ZC_CONTAINER(pool->lru.previous, struct zc_zspage, lru);
        zc_list_remove(&zspage->lru);
        zc_list_add_first(&pool->lru, &zspage->lru);
    }
    zc_spinlock_unlock(&pool->lru_lock);
    return zspage;
}

/* From here on no allocation and no compaction finds it. */
static void take_off_lists(struct zc_zspool *pool, struct zc_group *group,
                           struct zc_zspage *zspage) ZC_REQUIRES(group->lock)
{
    group->ops->isolate(pool, zspage);
    zc_group_remove(group, zspage);
    group->reclaimed++;
    zspage->isolated = true;
    zc_zspage_lru_remove(pool, zspage);
}

/* Marks a zspage, if it still is one that can be reclaimed. */
static bool begin_reclaim(struct zc_zspool *pool, struct zc_group *group,
                          struct zc_zspage *zspage)
{
    bool begun;

    zc_spinlock_lock(&group->lock);
    begun = zc_atomic_pointer_load_relaxed(&zspage->group) == group &&
            !zspage->isolated && zspage->objects > 0 &&
            zc_atomic_u32_load_relaxed(&zspage->pin) == 0;
    if (begun) {
        zspage->reclaimed = true;
        if (ZC_RULE(RECLAIM_OFF_ALL_LISTS))
            take_off_lists(pool, group, zspage);
    }
    zc_spinlock_unlock(&group->lock);
    return begun;
}

/* Calls evict for each object, until it fails once. */
static void evict_objects(struct zc_zspool *pool, struct zc_group *group,
                          struct zc_zspage *zspage, zc_zspool_evict evict,
                          void *context)
{
    uint32_t place = 0;
    zc_handle handle;
    bool found;

    for (;;) {
        zc_spinlock_lock(&group->lock);
        found = group->ops->next(pool, zspage, &place, &handle);
        zc_spinlock_unlock(&group->lock);
        /* From here on the object may be freed.  Then its header is DEFERRED,
         * and its handle still leads to it. */
        if (!found || evict(context, handle) != ZC_OK)
            return;
    }
}

/* Ends reclaim of a zspage: true if it is empty, detached and locked. */
static bool end_reclaim(struct zc_zspool *pool, struct zc_group *group,
                        struct zc_zspage *zspage)
{
    bool emptied;

    zc_spinlock_lock(&group->lock);
    if (!ZC_RULE(RECLAIM_OFF_ALL_LISTS))
        take_off_lists(pool, group, zspage);
    zc_visits_keep(pool, group, zspage);
    emptied = zspage->objects == 0 && zc_zspage_try_release(zspage);
    group->ops->end_reclaim(pool, zspage, !emptied);
    group->reclaimed--;
    zspage->reclaimed = false;
    if (emptied)
        group->ops->detach(pool, group, zspage);
    else
        zc_zspage_lru_add(pool, zspage);
    zc_spinlock_unlock(&group->lock);
    return emptied;
}

static uint64_t reclaim_one(struct zc_zspool *pool, zc_zspool_evict evict,
                            void *context)
{
    struct zc_zspage *zspage = find_coldest(pool);
    struct zc_group *group;
    uint64_t pages;

    if (zspage == NULL)
        return 0;
    /* Its group may change before begin_reclaim() has locked it;
     * begin_reclaim() reads it again. */
    group = zc_atomic_pointer_load_acquire(&zspage->group);
    if (group == NULL || !begin_reclaim(pool, group, zspage))
        return 0;
    evict_objects(pool, group, zspage, evict, context);
    if (!end_reclaim(pool, group, zspage))
        return 0;
    pages = zspage->pages;
    zc_arena_release(&pool->arena, zspage);
    return pages;
}

zc_status zc_zspool_reclaim(struct zc_zspool *pool, zc_zspool_evict evict,
                            void *context, uint64_t page_goal,
                            uint64_t *pages_out)
{
    uint64_t pages = 0;
    uint64_t got;
    unsigned failed = 0;

    if (pool == NULL || evict == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    if (!pool->keeps_lru)
        return ZC_UNSUPPORTED;
    zc_arena_give_back(&pool->arena);
    while (pages < page_goal && failed < ZSPAGES_MAX) {
        got = reclaim_one(pool, evict, context);
        pages += got;
        failed = got == 0 ? failed + 1 : 0;
    }
    if (pages_out != NULL)
        *pages_out = pages;
    return pages >= page_goal ? ZC_OK : ZC_AGAIN;
}
