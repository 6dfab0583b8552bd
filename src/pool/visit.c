/* SPDX-License-Identifier: MIT */
/*
 * visit.c - every object shown to a callback, one after the other.
 *
 * The walk goes from cell to cell, because an object keeps its cell as long as
 * it lives.  From the begin of a visit to the return of the callback the visit
 * is on the list of the object's group, and the object's zspage is pinned.  The
 * callback runs with no lock held.
 *
 * The visitor and the thread that puts the object (OBJECT_VALID_WHEN_WRITTEN).
 * Put writes the bytes and then stores the valid generation in the cell
 * (release); until then the cell is "coming".  The visitor reads the cell
 * (acquire) and skips it unless the generation is valid.  So it sees all the
 * bytes.
 *
 * The visitor and the thread that frees the object (VISITED_OBJECT_STAYS).
 * Both hold the group's lock when they begin, so one is first:
 *
 *     the visit    the free finds it on the list and leaves the object in its
 *                  place.  The handle is stale at once, and the cell is
 *                  "leaving".  The end of the last visit frees cell and place
 *     the free     the visitor finds a stale handle, and skips the cell
 *
 * The pin keeps the object from being moved.  Under reclaim a free is deferred
 * until the reclaim ends.  An object that is still visited then is treated as
 * if it were freed at that moment (zc_visits_keep()).
 */
#include "zspool.h"

#include "rules.h"

/* One object that a callback is looking at. */
struct zc_visit {
    struct zc_list link; /* [group] */
    zc_handle handle;
    struct zc_object_ref ref;
};

bool zc_visits_have(const struct zc_group *group, zc_handle handle)
{
    struct zc_list *link;

    if (!ZC_RULE(VISITED_OBJECT_STAYS))
        return false;
    for (link = group->visits.next; link != &group->visits; link = link->next)
        if (ZC_CONTAINER(link, struct zc_visit, link)->handle.value ==
            handle.value)
            return true;
    return false;
}

void zc_visits_keep(struct zc_zspool *pool, struct zc_group *group,
                    const struct zc_zspage *zspage)
{
    const struct zc_visit *visit;
    struct zc_list *link;

    for (link = group->visits.next; link != &group->visits; link = link->next) {
        visit = ZC_CONTAINER(link, struct zc_visit, link);
        if (visit->ref.zspage != zspage ||
            !group->ops->is_deferred(pool, &visit->ref) ||
            !ZC_RULE(VISITED_OBJECT_STAYS))
            continue;
        group->ops->undefer(pool, &visit->ref);
        zc_handles_leave(&pool->handles, visit->handle);
    }
}

static zc_status begin_visit(struct zc_zspool *pool, zc_handle handle,
                             struct zc_visit *visit)
{
    zc_status status = zc_zspool_find_live(pool, handle, &visit->ref);

    if (status != ZC_OK)
        return status;
    visit->handle = handle;
    zc_list_init(&visit->link);
    zc_list_add_first(&visit->ref.group->visits, &visit->link);
    zc_zspage_pin(visit->ref.zspage);
    zc_object_unlock(&visit->ref);
    return ZC_OK;
}

/* The object was freed meanwhile, and this was its last visit. */
static void give_place_back(struct zc_zspool *pool,
                            const struct zc_visit *visit)
{
    const struct zc_object_ref *ref = &visit->ref;
    bool emptied;

    zc_handles_free(&pool->handles, &ref->group->cells, visit->handle);
    emptied = ref->group->ops->remove(pool, ref->group, ref->zspage,
                                      ref->location, ref->size);
    /* The visit still has its pin, so the zspage is released by an unpin. */
    ZC_ASSERT(!emptied);
    (void)emptied;
}

static void end_visit(struct zc_zspool *pool, struct zc_visit *visit)
{
    struct zc_group *group = visit->ref.group;

    zc_spinlock_lock(&group->lock);
    zc_list_remove(&visit->link);
    if (zc_handles_has_left(&pool->handles, visit->handle) &&
        !zc_visits_have(group, visit->handle))
        give_place_back(pool, visit);
    zc_spinlock_unlock(&group->lock);
    zc_zspage_unpin(pool, visit->ref.zspage);
}

zc_status zc_zspool_iterate(struct zc_zspool *pool, zc_zspool_visit visit,
                            void *context)
{
    struct zc_visit current;
    zc_handle handle;
    uint32_t count;
    uint32_t index;
    bool go_on = true;

    if (pool == NULL || visit == NULL)
        return ZC_INVALID;
    if (zc_process_is_child(&pool->process))
        return ZC_UNSUPPORTED;
    count = zc_atomic_u32_load_acquire(&pool->handles.used);
    for (index = 0; go_on && index < count; index++) {
        if (!zc_handles_at(&pool->handles, index, &handle) ||
            begin_visit(pool, handle, &current) != ZC_OK)
            continue; /* there is none, or it was freed since */
        go_on = visit(context, handle, zc_object_payload(pool, &current.ref),
                      current.ref.size);
        end_visit(pool, &current);
    }
    return go_on ? ZC_OK : ZC_AGAIN;
}
