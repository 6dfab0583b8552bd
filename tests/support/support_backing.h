/* SPDX-License-Identifier: MIT */
/*
 * support_backing.h - what every backing device must do, whoever wrote it: the
 * same bodies for all, called from the test of each.  Main thread only.
 */
#ifndef ZC_TESTS_SUPPORT_BACKING_H
#define ZC_TESTS_SUPPORT_BACKING_H

#include <zcache/backing.h>

/* Opens a device by its functions; asserts that it can be. */
void *support_backing_open(const struct zc_backing_ops *ops, void *user,
                           size_t page_size, uint64_t slot_count);

/* What it says to being opened with these; the same, but nothing is asserted,
 * and it is closed again if it was opened. */
zc_status support_backing_try(const struct zc_backing_ops *ops, void *user);

/* First, last and other slots at every page size, pages at odd addresses,
 * overwritten and after a discard. */
void support_backing_round_trips(const struct zc_backing_ops *ops, void *user);

/* Threads with slots of their own, side by side. */
void support_backing_threads(const struct zc_backing_ops *ops, void *user);

/* A directory for one test, how many files have a name in it, hidden ones too,
 * and its removal with what is left in it; fails the test unless those are
 * `files` files. */
void support_directory_make(char path_out[64]);
unsigned support_directory_count(const char *path);
void support_directory_remove(const char *path, unsigned files);

#endif
