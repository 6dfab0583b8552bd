/* SPDX-License-Identifier: MIT */
/*
 * watched.h - functions of the C library that access memory, for code that is
 * watched.
 *
 * The library's code is not instrumented, so each of these tells the detector
 * which bytes it reads and writes, and then calls the function that it is named
 * after.  Code of the lab is compiled with -Dstrlen=zc_lab_strlen and so on
 * (cmake/ZcacheLab.cmake has the list), and the system's own headers declare
 * them.
 *
 *   watched_string.c   mem... and str...
 *   watched_print.c    snprintf() and the like
 *   watched_calls.c    numbers in strings, sorting, files
 */
#ifndef LAB_EMBED_WATCHED_H
#define LAB_EMBED_WATCHED_H

#include <string.h>

#include "embed.h"
#include "engine/met.h"
#include "engine/mutant.h"
#include "platform/lab_platform.h"
#include "watch/tsan.h"

#define CALLER __builtin_return_address(0)

/* Only the system's headers declare these functions, by their other names. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"

static inline void lab_reads(const void *memory, size_t size, const void *pc)
{
    if (size != 0 && !lab_quiet)
        lab_access(memory, size, 0, pc);
}

static inline void lab_writes(const void *memory, size_t size, const void *pc)
{
    if (size != 0)
        lab_access(memory, size, LAB_ACCESS_WRITE, pc);
}

/* Reads a string with its end, or its first `most` bytes; returns its length.
 * The first byte goes first: from a wild address the length cannot be known. */
static inline size_t lab_reads_most(const char *text, size_t most,
                                    const void *pc)
{
    size_t length;

    lab_reads(text, most != 0, pc);
    length = strnlen(text, most);
    lab_reads(text,
              length < most && !LAB_MUTANT(STRING_END_UNREAD) ? length + 1
                                                              : length,
              pc);
    return length;
}

static inline size_t lab_reads_string(const char *text, const void *pc)
{
    return lab_reads_most(text, SIZE_MAX, pc);
}

#endif
