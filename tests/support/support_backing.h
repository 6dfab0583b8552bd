/* SPDX-License-Identifier: MIT */
/*
 * support_backing.h - what every backing device must do: the same test bodies
 * for all devices, called from the test of each.  Main thread only.
 */
#ifndef ZC_TESTS_SUPPORT_BACKING_H
#define ZC_TESTS_SUPPORT_BACKING_H

#include <stdbool.h>

#include <zcache/backing.h>

/* Opens a device by its functions; asserts success. */
void *support_backing_open(const struct zc_backing_ops *ops, void *user,
                           size_t page_size, uint64_t slot_count);

/* The status of opening a device; the same, but without assertion.  A device
 * that was opened is closed again. */
zc_status support_backing_try(const struct zc_backing_ops *ops, void *user);

/* First, last and other slots at every page size, pages at odd addresses,
 * overwritten and after a discard. */
void support_backing_round_trips(const struct zc_backing_ops *ops, void *user);

/* Threads with slots of their own, side by side. */
void support_backing_threads(const struct zc_backing_ops *ops, void *user);

/* ---- places for files ---- */

/* Makes a directory for one test; counts the files with a name in it, hidden
 * ones too; removes it with its files, and fails the test unless there are
 * `expected` of them. */
void support_directory_make(char path_out[64]);
unsigned support_directory_count(const char *path);
void support_directory_remove(const char *path, unsigned expected);

/* The directory of a test of files, and two names in it. */
extern struct support_file_place {
    char directory[64];
    char path[96];
    char other[96];
} files;

/* Makes the directory; removes it, and fails unless the test has removed every
 * file that it made. */
void support_place_make(void);
void support_place_remove(void);

/* Removes a file, which must be there. */
void support_remove_file(const char *path);
/* A file or link of this name is there. */
bool support_file_exists(const char *path);

#endif
