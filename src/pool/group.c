/* SPDX-License-Identifier: MIT */
/*
 * group.c - zspages under one lock, sorted by how full they are.
 *
 * Twelve lists, as the kernel's fullness groups: 0 %, ten steps up to 99 %,
 * and 100 %.  A zspage goes to the head of its list.
 */
#include "zspool.h"

zc_status zc_group_init(struct zc_group *group)
{
    zc_status status;
    unsigned i;

    for (i = 0; i < ZC_FULLNESS_GROUPS; i++)
        zc_list_init(&group->fullness[i]);
    zc_list_init(&group->visits);
    status = zc_mutex_init(&group->growth, ZC_RANK_POOL_GROWTH, "growth");
    if (status != ZC_OK)
        return status;
    status = zc_spinlock_init(&group->lock, ZC_RANK_POOL_GROUP, "group");
    if (status != ZC_OK)
        zc_mutex_destroy(&group->growth);
    return status;
}

zc_status zc_group_lock_and_take(struct zc_group *group,
                                 struct zc_handles *handles,
                                 zc_handle *handle_out) ZC_NO_LOCK_ANALYSIS
{
    zc_status status;

    for (;;) {
        zc_spinlock_lock(&group->lock);
        if (zc_handles_take(handles, &group->cells, handle_out) == ZC_OK)
            return ZC_OK;
        zc_spinlock_unlock(&group->lock);
        status = zc_handles_reserve(handles);
        if (status != ZC_OK)
            return status;
    }
}

/* The lock analysis does not see that a mutex that one call locks is unlocked
 * by the other. */
bool zc_growth_begin(const struct zc_zspool *pool, struct zc_group *group)
    ZC_NO_LOCK_ANALYSIS
{
    bool is_limited = zc_arena_limit(&pool->arena) != UINT64_MAX;

    if (is_limited)
        zc_mutex_lock(&group->growth);
    return is_limited;
}

void zc_growth_end(struct zc_group *group, bool begun) ZC_NO_LOCK_ANALYSIS
{
    if (begun)
        zc_mutex_unlock(&group->growth);
}

void zc_group_destroy(struct zc_group *group)
{
    zc_spinlock_destroy(&group->lock);
    zc_mutex_destroy(&group->growth);
}

void zc_group_insert(struct zc_group *group, struct zc_zspage *zspage,
                     unsigned fullness)
{
    zspage->fullness = fullness & 15;
    zc_list_add_first(&group->fullness[fullness], &zspage->link);
    group->zspages[fullness]++;
}

void zc_group_remove(struct zc_group *group, struct zc_zspage *zspage)
{
    zc_list_remove(&zspage->link);
    group->zspages[zspage->fullness]--;
}
