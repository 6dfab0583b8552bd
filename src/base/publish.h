/* SPDX-License-Identifier: MIT */
/*
 * publish.h - places that are filled once, by whoever comes first.
 *
 * A directory is found without a lock because what it points to is made before
 * the pointer, which is set once and stays until the directory goes.  Several
 * may make the same thing at the same time: one of them is published, and the
 * others give theirs up and use that one.
 */
#ifndef ZC_BASE_PUBLISH_H
#define ZC_BASE_PUBLISH_H

#include <stdbool.h>

#include "platform/atomic.h"

/*
 * Publishes `fresh`, of zc_malloc(), at a place that is still empty, and counts
 * its bytes.  False: another was faster, and the caller keeps it.  Pairs with
 * the acquire with which the place is read.
 */
bool zc_publish(zc_atomic_pointer *place, void *fresh, zc_counter *bytes);

/* The same, and gives what is there then: `fresh`, or what was faster, and
 * `fresh` is freed.  NULL: `fresh` was NULL. */
void *zc_publish_any(zc_atomic_pointer *place, void *fresh, zc_counter *bytes);

#endif
