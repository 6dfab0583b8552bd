/* SPDX-License-Identifier: MIT */
/*
 * reclaim.h - a pool that is reclaimed while its objects are freed.
 *
 * As in a cache, the thread that unlinks an object, under a lock, frees it.
 * Evict reads the object by the handle that it gets, which must lead to the
 * object even if another thread has freed it meanwhile.  Evict frees the object
 * if it unlinks it itself.
 */
#ifndef LAB_RECLAIM_H
#define LAB_RECLAIM_H

#include "world.h"

/* Links all objects again; `unwilling`: objects that evict refuses, as bits. */
void reclaim_reset(unsigned unwilling);

/* Unlinks the object; true: this call did, so its caller frees the object. */
bool reclaim_unlink(unsigned index);

/* An actor: unlinks an object and frees it. */
void reclaim_free(unsigned index);

/* Reclaims one page. */
void reclaim_page(void);

#endif
