/* SPDX-License-Identifier: MIT */
/*
 * ghost.h - what the race lab is told, and nobody else needs to know.
 *
 * Outside the lab these do nothing and cost nothing.  They are defined by
 * platform_impl/ghost_impl.h.
 */
#ifndef ZC_PLATFORM_GHOST_H
#define ZC_PLATFORM_GHOST_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/atomic.h"

/* An object that is used again without going through zc_free(): its life
 * begins, or ends, here.  `what` is its name. */
ZC_INLINE void zc_ghost_born(const void *memory, size_t size, const char *what);
ZC_INLINE void zc_ghost_dead(const void *memory, size_t size, const char *what);

/* True: a free object may be used again.  False: take a fresh one, so that an
 * old name of the free one is found out. */
ZC_INLINE bool zc_ghost_reuses(void);

/* The word was set for good. */
ZC_INLINE void zc_ghost_settled(const zc_atomic_pointer *word);

/* Around code that takes long and that no compiler instruments: a codec.  The
 * bytes are used from the one to the other. */
ZC_INLINE void zc_ghost_begin_read(const void *bytes, size_t size,
                                   const char *what);
ZC_INLINE void zc_ghost_end_read(const void *bytes, size_t size,
                                 const char *what);
ZC_INLINE void zc_ghost_begin_write(void *bytes, size_t size, const char *what);
ZC_INLINE void zc_ghost_end_write(void *bytes, size_t size, const char *what);

/* Such code has just written these. */
ZC_INLINE void zc_ghost_written(void *bytes, size_t size);

#include "platform_impl/ghost_impl.h"

#endif
