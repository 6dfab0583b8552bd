/* SPDX-License-Identifier: MIT */
/*
 * ghost.h - what the race lab is told, and nobody else needs to know.
 *
 * Contract for an implementation (platform_impl/ghost_impl.h) of the following,
 * which outside the lab do nothing and cost nothing:
 *
 *   void zc_ghost_born(const void *memory, size_t size, const char *what)
 *   void zc_ghost_dead(const void *memory, size_t size, const char *what)
 *        an object that is used again without going through zc_free(): its
 *        life begins, or ends, here.  `what` is its name
 *   bool zc_ghost_reuses(void)
 *        true: a free object may be used again.  False: take a fresh one, so
 *        that an old name of the free one is found out
 *   void zc_ghost_settled(const zc_atomic_pointer *word)
 *        the word was set for good
 *   void zc_ghost_begin_read(const void *bytes, size_t size, const char *what)
 *   void zc_ghost_end_read(const void *bytes, size_t size, const char *what)
 *   void zc_ghost_begin_write(void *bytes, size_t size, const char *what)
 *   void zc_ghost_end_write(void *bytes, size_t size, const char *what)
 *        around code that takes long and that no compiler instruments: a codec.
 *        The bytes are used from the one to the other
 *   void zc_ghost_written(void *bytes, size_t size)
 *        such code has just written these
 */
#ifndef ZC_PLATFORM_GHOST_H
#define ZC_PLATFORM_GHOST_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/atomic.h"
#include "platform_impl/ghost_impl.h"

#endif
