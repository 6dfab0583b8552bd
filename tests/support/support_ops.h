/* SPDX-License-Identifier: MIT */
/*
 * support_ops.h - what a cache asks of any pool behind it, whoever wrote it:
 * the same bodies for all.
 */
#ifndef ZC_TESTS_SUPPORT_OPS_H
#define ZC_TESTS_SUPPORT_OPS_H

#include "support_cache.h"

/* A pool of these ops, which the caller destroys. */
void *support_ops_begin(const struct zc_pool_ops *ops, unsigned placement,
                        size_t page_size);

/*
 * The table is complete; objects of 1 byte to a page are kept as written while
 * others come and go; nothing is left of the freed; destroying a pool with
 * objects in it, where the ops can, is no mistake.
 */
void support_ops_do_what_a_cache_asks(const struct zc_pool_ops *ops,
                                      unsigned placement, size_t page_size);

/* The same, on four threads with an object each and compaction beside. */
void support_ops_serve_many_threads(const struct zc_pool_ops *ops,
                                    unsigned placement);

#endif
