/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c - a pool that is reclaimed while its objects are freed.
 */
#include "reclaim.h"

static unsigned linked; /* [tree] objects, as bits */
static unsigned unwilling;
static const char tree; /* the lock, as an address */

void reclaim_reset(unsigned unwilling_objects)
{
    linked = ~0u;
    unwilling = unwilling_objects;
}

bool reclaim_unlink(unsigned index)
{
    bool unlinked;

    lab_lock(&tree, LAB_SITE("spin_lock"));
    unlinked = (linked >> index & 1) != 0;
    linked &= ~(1u << index);
    lab_unlock(&tree, LAB_SITE("spin_unlock"));
    return unlinked;
}

void reclaim_free(unsigned index)
{
    if (reclaim_unlink(index))
        world_free(index);
}

static zc_status evict(void *context, zc_handle handle)
{
    int index = world_object_of(handle);

    (void)context;
    lab_enter("evict(%c)", 'A' + index);
    world_read_handle(handle);
    if (index >= 0 && (unwilling >> index & 1) != 0) {
        lab_leave();
        return ZC_BUSY;
    }
    if (index >= 0)
        reclaim_free((unsigned)index);
    lab_leave();
    return ZC_OK;
}

void reclaim_page(void)
{
    uint64_t pages;
    zc_status status;

    lab_enter("zc_zspool_reclaim()");
    status = zc_zspool_reclaim(world.pool, evict, NULL, 1, &pages);
    if (status != ZC_OK && status != ZC_AGAIN)
        lab_fail("reclaim failed", "%s", zc_status_name(status));
    lab_leave();
}
