/* SPDX-License-Identifier: MIT */
/*
 * fed_pool.h - a pool in kernel placement that is told sizes instead of pages,
 * and in which order an overwrite goes.
 *
 * Whatever fails ends the process.
 */
#ifndef ZCACHE_TEST_FED_POOL_H
#define ZCACHE_TEST_FED_POOL_H

#include <stdint.h>
#include <zcache/zspool.h>

enum order {
    FREES_LAST, /* the new object is made before the old one goes */
    FREES_FIRST
};

struct fed_pool {
    struct zc_zspool *pool;
    zc_handle *handles; /* by slot */
    enum order order;
};

void fed_pool_create(struct fed_pool *fed, uint32_t slots, enum order order);
void fed_pool_destroy(struct fed_pool *fed);

/* `size` 0: the slot has no object from now on. */
void fed_pool_put(struct fed_pool *fed, uint32_t slot, uint32_t size);
void fed_pool_free(struct fed_pool *fed, uint32_t slot);
void fed_pool_compact(struct fed_pool *fed);

#endif
