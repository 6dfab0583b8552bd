/* SPDX-License-Identifier: MIT */
/* rounds.c - see rounds.h. */
#include "rounds.h"

static double time_chunk(rounds_work work, void *context, uint32_t chunk,
                         uint32_t items)
{
    uint32_t first = chunk * ROUNDS_CHUNK;
    uint32_t count = items - first < ROUNDS_CHUNK ? items - first
                                                  : ROUNDS_CHUNK;
    uint64_t start = thread_ns();

    work(context, first, count);
    return (double)(thread_ns() - start);
}

void rounds_summarize(struct rounds_result *result, unsigned rounds,
                      uint32_t items, double *ours, double *theirs)
{
    unsigned i;

    result->ratio_min = ours[0] / theirs[0];
    result->ratio_max = result->ratio_min;
    for (i = 1; i < rounds; i++) {
        double ratio = ours[i] / theirs[i];

        if (ratio < result->ratio_min)
            result->ratio_min = ratio;
        if (ratio > result->ratio_max)
            result->ratio_max = ratio;
    }
    result->ours_ns = median(ours, rounds) / items;
    result->theirs_ns = median(theirs, rounds) / items;
    result->ratio = result->ours_ns / result->theirs_ns;
}

void rounds_run(struct rounds_result *result, unsigned rounds, uint32_t items,
                rounds_prepare prepare, rounds_work ours, rounds_work theirs,
                void *context)
{
    uint32_t chunks = (items + ROUNDS_CHUNK - 1) / ROUNDS_CHUNK;
    double our_times[ROUNDS_MAX];
    double their_times[ROUNDS_MAX];
    unsigned round;
    uint32_t chunk;

    if (rounds == 0 || rounds > ROUNDS_MAX)
        die("--rounds: 1 to %d", ROUNDS_MAX);
    /* The round before the first warms up. */
    for (round = 0; round <= rounds; round++) {
        double our_time = 0;
        double their_time = 0;

        if (prepare != NULL)
            prepare(context);
        for (chunk = 0; chunk < chunks; chunk++) {
            our_time += time_chunk(ours, context, chunk, items);
            their_time += time_chunk(theirs, context,
                                     (chunk + chunks / 2) % chunks, items);
        }
        our_times[round == 0 ? 0 : round - 1] = our_time;
        their_times[round == 0 ? 0 : round - 1] = their_time;
    }
    rounds_summarize(result, rounds, items, our_times, their_times);
}

void rounds_json(struct json *json, const char *key,
                 const struct rounds_result *result)
{
    json_begin(json, key);
    json_real(json, "ours_ns", result->ours_ns);
    json_real(json, "theirs_ns", result->theirs_ns);
    json_real(json, "ratio", result->ratio);
    json_real(json, "ratio_min", result->ratio_min);
    json_real(json, "ratio_max", result->ratio_max);
    json_end(json);
}
