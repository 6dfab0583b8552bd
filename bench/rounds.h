/* SPDX-License-Identifier: MIT */
/*
 * rounds.h - measures two ways to do the same work, in turns, so that other
 * load of the machine slows both.
 *
 * The work is cut into batches.  A round does every batch both ways, in random
 * order; the two ways are half the work apart, so that neither finds in the
 * processor's caches what the other has just used.  The time is thread time,
 * not wall time.  The result is the ratio of the medians of the rounds.
 */
#ifndef ZCACHE_BENCH_ROUNDS_H
#define ZCACHE_BENCH_ROUNDS_H

#include "json.h"
#include "support.h"

#define ROUNDS_MAX 64
#define ROUNDS_BATCH 128

/* Items first to first + count - 1 of the work. */
typedef void (*rounds_work)(void *context, uint32_t first, uint32_t count);

/* Makes ready for a round, untimed; may be NULL. */
typedef void (*rounds_prepare)(void *context);

struct rounds_result {
    double ours_ns;   /* per item, median */
    double theirs_ns; /* likewise */
    double ratio;
    double ratio_min; /* of single rounds */
    double ratio_max;
};

void rounds_run(struct rounds_result *result, unsigned rounds, uint32_t items,
                rounds_prepare prepare, rounds_work ours, rounds_work theirs,
                void *context);

/* The same from times that were taken elsewhere; sorts them. */
void rounds_summarize(struct rounds_result *result, unsigned rounds,
                      uint32_t items, double *ours, double *theirs);

void rounds_json(struct json *json, const char *key,
                 const struct rounds_result *result);

#endif
