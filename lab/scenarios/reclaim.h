/* SPDX-License-Identifier: MIT */
/*
 * reclaim.h - a pool that is reclaimed while its objects are freed.
 *
 * Who frees an object is decided as a cache decides it: by whoever unlinks it,
 * under a lock.  Evict reads the object by the handle it was given, which must
 * lead to it even if somebody has freed it meanwhile, and frees it if it was
 * the one to unlink it.
 */
#ifndef LAB_RECLAIM_H
#define LAB_RECLAIM_H

#include "world.h"

/* Forgets who has unlinked what; objects not to be evicted, as bits. */
void reclaim_reset(unsigned unwilling);

/* Unlinks the object; true: this caller has, and frees it. */
bool reclaim_unlink(unsigned index);

/* An actor: unlinks an object and frees it. */
void reclaim_free(unsigned index);

/* Reclaims one page. */
void reclaim_page(void);

#endif
