/* SPDX-License-Identifier: MIT */
/*
 * support_process.h - what the system reports about this process, and children
 * that are expected to die.
 */
#ifndef ZC_TESTS_SUPPORT_PROCESS_H
#define ZC_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support_threads.h"

/* A field of /proc/self/smaps_rollup in bytes, "Anonymous:"; 0: none. */
uint64_t support_smaps_bytes(const char *field);

/* Resident bytes, counted exactly by the kernel; 0: it does not say. */
uint64_t support_resident_bytes(void);

/* Bytes of address space that are mapped; 0: the system does not say. */
uint64_t support_mapped_bytes(void);

/* Fails unless so many are mapped; a sanitizer's build checks nothing. */
void support_assert_mapped(uint64_t expected);

/* Resident pages of a mapped range, by mincore(). */
size_t support_resident_pages(const void *memory, size_t bytes);

/* Is the system page around an address mapped? */
bool support_is_mapped(const void *memory);

/* Runs `action` in a child, and fails unless that returns, in time. */
void support_run_child(void (*action)(void *context), void *context);

/* In a child: ends it with a text that fails the test, unless this holds. */
void support_check(bool holds, const char *what);

/* The work of a worker: child after child, each of which has to end well. */
void support_run_children(struct support_worker *worker,
                          void (*action)(void *context));

/*
 * Fails the test unless `action` ends a child by abort() and both texts are in
 * its output.
 */
void support_assert_aborts(void (*action)(void *context), void *context,
                           const char *text, const char *other_text);

#endif
