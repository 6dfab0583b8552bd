/* SPDX-License-Identifier: MIT */
/*
 * ghost.h - annotations that tell the race lab what it cannot see itself.
 *
 * Outside the lab they do nothing and cost nothing.  platform_impl/ghost_impl.h
 * defines them.
 */
#ifndef ZC_PLATFORM_GHOST_H
#define ZC_PLATFORM_GHOST_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/atomic.h"

/* For memory that is used again without zc_free(): an object in it begins, or
 * ends, here.  `what` names the object. */
ZC_INLINE void zc_ghost_born(const void *memory, size_t size, const char *what);
ZC_INLINE void zc_ghost_dead(const void *memory, size_t size, const char *what);

/* True: the caller may reuse a free object.  False: it takes fresh memory, so
 * that a use of an old reference to the free object is detected. */
ZC_INLINE bool zc_ghost_reuses(void);

/* The word has its final value. */
ZC_INLINE void zc_ghost_settled(const zc_atomic_pointer *word);

/* Around a codec, which takes long and which no compiler instruments: the bytes
 * are read, or written, from begin to end. */
ZC_INLINE void zc_ghost_begin_read(const void *bytes, size_t size,
                                   const char *what);
ZC_INLINE void zc_ghost_end_read(const void *bytes, size_t size,
                                 const char *what);
ZC_INLINE void zc_ghost_begin_write(void *bytes, size_t size, const char *what);
ZC_INLINE void zc_ghost_end_write(void *bytes, size_t size, const char *what);

/* Code that is not instrumented has just written these bytes. */
ZC_INLINE void zc_ghost_written(void *bytes, size_t size);

#include "platform_impl/ghost_impl.h"

#endif
