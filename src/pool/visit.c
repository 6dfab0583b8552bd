/* SPDX-License-Identifier: MIT */
/*
 * visit.c - every object shown to a callback, one after the other.
 *
 * The walk goes by cells: an object that lives all the time keeps its cell all
 * the time.  Each visit is written down in the object's group, and pins its
 * zspage, until the callback returns; the callback runs with no lock held.
 *
 * What a visitor sees is whole: put makes its cell valid only when the bytes
 * are there (OBJECT_VALID_WHEN_WRITTEN), and until then the cell is coming,
 * which the walk passes over.
 *
 * What it sees stays (VISITED_OBJECT_STAYS): the pin keeps the object from
 * being moved, and a free that finds it in the group's visits leaves it where
 * it is.  Its handle is stale at once; its cell is leaving, and so leads to the
 * place, which the last visit gives back.  Under reclaim a free is deferred
 * anyway, until that ends; what is still visited then goes on as if it had been
 * freed just before (zc_visits_keep()).
 *
 * Locks: the group's, for the list of visits.  It also has frees and the end of
 * reclaim, so of a visit that begins and a free one comes first.
 */
#include "zspool.h"

#include "rules.h"

/* One object that a callback is looking at. */
struct zc_visit {
    struct zc_list link; /* [group] */
    zc_handle handle;
    struct zc_found found;
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
        if (visit->found.zspage != zspage ||
            !group->ops->is_deferred(pool, &visit->found) ||
            !ZC_RULE(VISITED_OBJECT_STAYS))
            continue;
        group->ops->undefer(pool, &visit->found);
        zc_handles_leave(&pool->handles, visit->handle);
    }
}

static zc_status begin_visit(struct zc_zspool *pool, zc_handle handle,
                             struct zc_visit *visit)
{
    zc_status status = zc_zspool_find_live(pool, handle, &visit->found);

    if (status != ZC_OK)
        return status;
    visit->handle = handle;
    zc_list_init(&visit->link);
    zc_list_add_first(&visit->found.group->visits, &visit->link);
    zc_zspage_pin(visit->found.zspage);
    zc_found_unlock(&visit->found);
    return ZC_OK;
}

/* The object was freed meanwhile, and this was its last visit. */
static void give_place_back(struct zc_zspool *pool,
                            const struct zc_visit *visit)
{
    const struct zc_found *found = &visit->found;
    bool emptied;

    zc_handles_release(&pool->handles, &found->group->cells, visit->handle);
    emptied = found->group->ops->remove(pool, found->group, found->zspage,
                                        found->location, found->size);
    /* The pin is the visit's still: the last to let go releases the zspage. */
    ZC_ASSERT(!emptied);
    (void)emptied;
}

static void end_visit(struct zc_zspool *pool, struct zc_visit *visit)
{
    struct zc_group *group = visit->found.group;

    zc_spinlock_lock(&group->lock);
    zc_list_remove(&visit->link);
    if (zc_handles_has_left(&pool->handles, visit->handle) &&
        !zc_visits_have(group, visit->handle))
        give_place_back(pool, visit);
    zc_spinlock_unlock(&group->lock);
    zc_zspage_unpin(pool, visit->found.zspage);
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
        go_on = visit(context, handle, zc_found_payload(pool, &current.found),
                      current.found.size);
        end_visit(pool, &current);
    }
    return go_on ? ZC_OK : ZC_AGAIN;
}
