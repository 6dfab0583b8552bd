/* SPDX-License-Identifier: MIT */
/* fed_pool.c - see fed_pool.h. */
#include "fed_pool.h"

#include <stdio.h>
#include <stdlib.h>

static void must(zc_status status, const char *what)
{
    if (status == ZC_OK)
        return;
    printf("FAILED: %s: %s\n", what, zc_status_name(status));
    exit(1);
}

void fed_pool_create(struct fed_pool *fed, uint32_t slots, enum order order)
{
    must(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL),
                          &fed->pool),
         "zc_zspool_create");
    fed->handles = calloc(slots, sizeof(*fed->handles));
    must(fed->handles == NULL ? ZC_NO_MEMORY : ZC_OK, "calloc");
    fed->order = order;
}

void fed_pool_destroy(struct fed_pool *fed)
{
    zc_zspool_destroy(fed->pool);
    free(fed->handles);
}

void fed_pool_free(struct fed_pool *fed, uint32_t slot)
{
    zc_handle *handle = &fed->handles[slot];

    if (handle->value != 0)
        must(zc_zspool_free(fed->pool, *handle), "zc_zspool_free");
    handle->value = 0;
}

void fed_pool_put(struct fed_pool *fed, uint32_t slot, uint32_t size)
{
    zc_handle made = {0};

    if (fed->order == FREES_FIRST)
        fed_pool_free(fed, slot);
    if (size != 0)
        must(zc_zspool_alloc(fed->pool, size, &made), "zc_zspool_alloc");
    fed_pool_free(fed, slot);
    fed->handles[slot] = made;
}

void fed_pool_compact(struct fed_pool *fed)
{
    must(zc_zspool_compact(fed->pool, NULL, NULL), "zc_zspool_compact");
}
