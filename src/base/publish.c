/* SPDX-License-Identifier: MIT */
/* publish.c - one exchange; see publish.h. */
#include "base/publish.h"

#include <stddef.h>

#include "platform/ghost.h"
#include "platform/memory.h"

bool zc_publish(zc_atomic_pointer *place, void *fresh, zc_counter *bytes)
{
    void *found = NULL;

    if (!zc_atomic_pointer_exchange_if(place, &found, fresh))
        return false;
    zc_ghost_settled(place);
    zc_counter_add(bytes, zc_malloc_size(fresh));
    return true;
}

void *zc_publish_any(zc_atomic_pointer *place, void *fresh, zc_counter *bytes)
{
    if (fresh == NULL)
        return NULL;
    if (zc_publish(place, fresh, bytes))
        return fresh;
    zc_free(fresh);
    return zc_atomic_pointer_load_acquire(place);
}
