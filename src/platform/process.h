/* SPDX-License-Identifier: MIT */
/*
 * process.h - whether this is still the process that made an object.
 *
 * A child after fork() has a copy of the memory and one thread.  Locks that
 * other threads held stay locked for ever, workers do not exist, and files are
 * the parent's.  An object that cannot be used in a child has a mark, made with
 * it, and checks the mark at each call.
 */
#ifndef ZC_PLATFORM_PROCESS_H
#define ZC_PLATFORM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <zcache/types.h>

#include "platform_impl/inline_impl.h"

struct zc_process_mark;

/* May block.  ZC_OK, ZC_NO_MEMORY. */
zc_status zc_process_mark_init(struct zc_process_mark *mark);

/* May be called in the child too. */
void zc_process_mark_destroy(struct zc_process_mark *mark);

/* Bytes resident outside the struct. */
size_t zc_process_mark_bytes(const struct zc_process_mark *mark);

/* A load and a branch; takes no lock.  True in every process but the one that
 * made the mark: in the children of a child too. */
ZC_INLINE bool zc_process_is_child(const struct zc_process_mark *mark);

#include "platform_impl/process_impl.h"

#endif
