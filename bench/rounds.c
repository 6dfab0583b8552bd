/* SPDX-License-Identifier: MIT */
/* rounds.c - see rounds.h. */
#include "rounds.h"

static double time_batch(rounds_work work, void *context, uint32_t batch,
                         uint32_t items)
{
    uint32_t first = batch * ROUNDS_BATCH;
    uint32_t count = items - first < ROUNDS_BATCH ? items - first
                                                  : ROUNDS_BATCH;
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
    const uint32_t batches = (items + ROUNDS_BATCH - 1) / ROUNDS_BATCH;
    const rounds_work ways[2] = {ours, theirs};
    double times[2][ROUNDS_MAX];
    uint64_t random = 1;
    unsigned round;
    uint32_t batch;

    if (rounds == 0 || rounds > ROUNDS_MAX)
        die("--rounds: 1 to %d", ROUNDS_MAX);
    /* The round before the first warms up. */
    for (round = 0; round <= rounds; round++) {
        const unsigned at = round == 0 ? 0 : round - 1;

        if (prepare != NULL)
            prepare(context);
        times[0][at] = times[1][at] = 0;
        for (batch = 0; batch < batches; batch++) {
            const uint32_t mine[2] = {batch, (batch + batches / 2) % batches};
            unsigned way = random_below(&random, 2);

            times[way][at] += time_batch(ways[way], context, mine[way], items);
            way = 1 - way;
            times[way][at] += time_batch(ways[way], context, mine[way], items);
        }
    }
    rounds_summarize(result, rounds, items, times[0], times[1]);
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
