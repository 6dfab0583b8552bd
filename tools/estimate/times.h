/* SPDX-License-Identifier: MIT */
/*
 * times.h - what the codecs of an estimate take, beside each other.
 *
 * What else a machine does changes from second to second, so codecs that are
 * timed one after another meet different machines.  So all configurations store
 * and load the same pages, at most 1024 that are evenly spread, on one thread,
 * and take turns after each batch of 16.  There are several such passes, and of
 * each batch the lower quartile of them counts: what else runs makes a batch
 * slower, and seldom the same one in most passes.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_TIMES_H
#define ZCACHE_TOOL_ESTIMATE_TIMES_H

#include "estimate/run.h"

/* The passes that are always made, and those where a verdict needs more. */
#define TIMES_PASSES 5
#define TIMES_PASSES_MOST 25

struct times;

/* Of at least one request; times_free() before they are freed. */
struct times *times_make(const struct run_request *requests, size_t count);
void times_free(struct times *times);

/*
 * Goes on to so many passes, and sets the times of all results as if for all
 * pages.  False, and an error shown.
 */
bool times_measure(struct times *times, size_t passes,
                   struct run_result *results);

/* The pages that so many passes store in each configuration. */
uint64_t times_pages(uint64_t page_count, size_t passes);

#endif
