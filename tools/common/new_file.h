/* SPDX-License-Identifier: MIT */
/*
 * new_file.h - a file that is written under another name in the same directory
 * and gets its own name when it is complete.
 *
 * Until then a file of that name is not changed.  A symbolic link is replaced
 * and not followed.  A signal that ends the program removes the unfinished
 * file; SIGXFSZ becomes the error EFBIG of the write.  One file at a time, in
 * one thread.
 */
#ifndef ZCACHE_TOOL_NEW_FILE_H
#define ZCACHE_TOOL_NEW_FILE_H

#include "common/text.h"

struct new_file {
    const char *option; /* before a message: "--plot: ", or "" */
    const char *path;   /* its final name */
    unsigned mode;      /* of its permissions, less the umask */
    bool may_replace;   /* a regular file or link of that name */
    int descriptor;
};

/* Opens it; false, and an error shown. */
bool new_file_open(struct new_file *file);

/* Finds out early that it cannot be written: false, and an error shown. */
bool new_file_check(struct new_file *file);

/* Gives it its name; false, and an error shown, and it is removed. */
bool new_file_keep(struct new_file *file);

/* Removes it. */
void new_file_drop(struct new_file *file);

#endif
