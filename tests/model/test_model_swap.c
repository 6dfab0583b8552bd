/* SPDX-License-Identifier: MIT */
/*
 * test_model_swap.c - random operations on a cache with a device against what
 * each slot may have, with failures injected everywhere: each way to choose
 * victims, over each placement, with and without workers, on each device.
 *
 * With one thread the oracle knows exactly what is there, and a seed gives the
 * same run again: ZC_TEST_SEED.
 */
#include "support_churn.h"
#include "support_test.h"

#include <stdio.h>

#include "support_model.h"

#define STEPS 700

struct work {
    struct support_churn *churn;
    unsigned steps;
};

static void churn(struct support_worker *worker)
{
    const struct work *work = worker->context;
    unsigned i;

    worker->random.state += work->churn->config.seed << 8;
    for (i = 0; i < work->steps && !support_is_stopped(worker); i++)
        support_churn_step(work->churn, worker);
}

static void run(const struct support_churn_config *config, unsigned workers)
{
    static struct support_churn over;
    struct work work = {&over, STEPS / workers};

    printf("seed 0x%llx: pool %u, lru %u, %u+%u workers, device %u, %u "
           "threads%s\n",
           (unsigned long long)config->seed, config->over, config->lru_mode,
           config->io_workers, config->shrink_worker, config->behind, workers,
           config->injects ? ", failures" : "");
    fflush(stdout);
    support_churn_begin(&over, config);
    support_crowd(workers, churn, &work, 0);
    support_churn_end(&over);
}

/* Every combination once, or the one in so many that this machine has time
 * for. */
static void run_all(unsigned workers, bool injects)
{
    static const enum support_over pools[] = {SUPPORT_OVER_DENSE,
                                              SUPPORT_OVER_KERNEL};
    uint64_t seed = support_seed(0x5ab0 + workers * 1000 + injects * 500u);
    struct support_churn_config config;
    unsigned i;

    for (i = 0; i < 2 * 3 * 2 * SUPPORT_BEHIND_COUNT; i++) {
        if (i % SUPPORT_MODEL_ONE_OF != 0 && workers == 1)
            continue;
        memset(&config, 0, sizeof(config));
        config.over = pools[i % 2];
        config.lru_mode = ZC_LRU_NONE + i / 2 % 3;
        config.io_workers = i / 6 % 2 * 2;
        config.behind = (enum support_behind)(i / 12);
        config.shrink_worker = i % 5 == 0;
        config.injects = injects;
        config.swaps = i % 3 != 0;
        config.seed = seed + i;
        run(&config, workers);
    }
}

TEST(one_thread_finds_what_it_stored)
{
    run_all(1, false);
}

TEST(one_thread_with_failures_loses_nothing)
{
    run_all(1, true);
}

TEST(several_threads_keep_the_guarantees)
{
    run_all(3, false);
}

TEST(several_threads_with_failures_lose_nothing)
{
    run_all(4, true);
}
