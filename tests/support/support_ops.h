/* SPDX-License-Identifier: MIT */
/*
 * support_ops.h - what a cache requires of any pool: the same test bodies for
 * all pools.
 */
#ifndef ZC_TESTS_SUPPORT_OPS_H
#define ZC_TESTS_SUPPORT_OPS_H

#include "support_cache.h"

/* A pool with these ops; the caller destroys it. */
void *support_ops_begin(const struct zc_pool_ops *ops, unsigned placement,
                        size_t page_size);

/*
 * The table is complete.  Objects of 1 byte to a page keep their bytes while
 * others are put and freed.  Freed objects leave nothing.  Destroying a pool
 * with objects in it is no error, where the ops allow it.
 */
void support_ops_do_what_a_cache_asks(const struct zc_pool_ops *ops,
                                      unsigned placement, size_t page_size);

/* The same on four threads with an object each, while another compacts. */
void support_ops_serve_many_threads(const struct zc_pool_ops *ops,
                                    unsigned placement);

#endif
