/* SPDX-License-Identifier: MIT */
/* pool.h - a pool of places of one page each, as a plug-in. */
#ifndef EXAMPLE_LAB_POOL_H
#define EXAMPLE_LAB_POOL_H

#include <zcache/pool.h>

#define PLACES 4

extern const struct zc_pool_ops places_ops;

#endif
