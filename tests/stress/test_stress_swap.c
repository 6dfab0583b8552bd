/* SPDX-License-Identifier: MIT */
/*
 * test_stress_swap.c - every operation of a cache with a device at once, on few
 * slots: stores, loads, takes and invalidates while pages go to the device and
 * come back, writes fail, the device goes off and on, and all settings change.
 * What each load finds is checked against what it may find (G1 to G4).
 *
 * ZC_STRESS_SECONDS makes each run longer.
 */
#include "support_churn.h"
#include "support_test.h"

#define WORKERS 5
#define RUN_MS 500
#define ENOUGH 5000 /* operations, of which so many turn the device off */

static void churn(struct support_worker *worker)
{
    while (!support_is_stopped(worker))
        support_churn_step(worker->context, worker);
}

static void run(const struct support_churn_config *config)
{
    static struct support_churn over;
    struct support_crew crew;
    uint64_t operations = 0;
    unsigned i;

    support_churn_begin(&over, config);
    support_crew_init(&crew);
    for (i = 0; i < WORKERS; i++)
        support_crew_add(&crew, churn, &over);

    support_crew_run(&crew, support_stress_milliseconds(RUN_MS));

    for (i = 0; i < crew.count; i++) {
        assert_true(crew.workers[i].operations > 0);
        operations += crew.workers[i].operations;
    }
    /* On a machine that is busy with other things there may be few. */
    assert_true(!config->swaps || operations < ENOUGH ||
                atomic_load(&over.offs) > 0);
    support_churn_end(&over);
}

TEST(entries_by_age_keep_the_guarantees)
{
    const struct support_churn_config inline_memory = {
        .over = SUPPORT_OVER_DENSE, .lru_mode = ZC_LRU_ENTRY, .seed = 2};
    const struct support_churn_config workers_file = {
        .over = SUPPORT_OVER_KERNEL,
        .lru_mode = ZC_LRU_ENTRY,
        .io_workers = 2,
        .shrink_worker = 1,
        .behind = SUPPORT_BEHIND_FILE,
        .seed = 3};

    run(&inline_memory);
    run(&workers_file);
}

TEST(zspages_by_age_keep_the_guarantees)
{
    const struct support_churn_config dense = {.over = SUPPORT_OVER_DENSE,
                                               .lru_mode = ZC_LRU_ZSPAGE,
                                               .io_workers = 2,
                                               .seed = 4};
    const struct support_churn_config kernel = {.over = SUPPORT_OVER_KERNEL,
                                                .lru_mode = ZC_LRU_ZSPAGE,
                                                .swaps = true,
                                                .seed = 5};

    run(&dense);
    run(&kernel);
}

TEST(a_device_that_goes_and_comes_keeps_the_guarantees)
{
    const struct support_churn_config workers = {.over = SUPPORT_OVER_DENSE,
                                                 .lru_mode = ZC_LRU_ENTRY,
                                                 .io_workers = 2,
                                                 .swaps = true,
                                                 .seed = 6};

    run(&workers);
}

TEST(writes_that_fail_lose_nothing)
{
    const struct support_churn_config workers = {
        .over = SUPPORT_OVER_KERNEL,
        .lru_mode = ZC_LRU_ENTRY,
        .io_workers = 2,
        .shrink_worker = 1,
        .swaps = true,
        .behind = SUPPORT_BEHIND_FAULTY,
        .seed = 8};

    run(&workers);
}
