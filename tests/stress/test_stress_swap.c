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

    support_crew_stress(&crew, RUN_MS);

    for (i = 0; i < crew.count; i++)
        operations += crew.workers[i].operations;
    /* On a machine that is busy with other things there may be few. */
    assert_true(!config->swaps || operations < ENOUGH ||
                atomic_load(&over.offs) > 0);
    support_churn_end(&over);
}

#define RUN(...) run(&(const struct support_churn_config){__VA_ARGS__})

TEST(entries_by_age_keep_the_guarantees)
{
    RUN(.over = SUPPORT_OVER_DENSE, .lru_mode = ZC_LRU_ENTRY, .seed = 2);
    RUN(.over = SUPPORT_OVER_KERNEL, .lru_mode = ZC_LRU_ENTRY, .seed = 3,
        .io_workers = 2, .shrink_worker = 1, .behind = SUPPORT_BEHIND_FILE);
}

TEST(zspages_by_age_keep_the_guarantees)
{
    RUN(.over = SUPPORT_OVER_DENSE, .lru_mode = ZC_LRU_ZSPAGE, .seed = 4,
        .io_workers = 2);
    RUN(.over = SUPPORT_OVER_KERNEL, .lru_mode = ZC_LRU_ZSPAGE, .seed = 5,
        .swaps = true);
}

TEST(a_device_that_goes_and_comes_keeps_the_guarantees)
{
    RUN(.over = SUPPORT_OVER_DENSE, .lru_mode = ZC_LRU_ENTRY, .seed = 6,
        .io_workers = 2, .swaps = true);
}

TEST(writes_that_fail_lose_nothing)
{
    RUN(.over = SUPPORT_OVER_KERNEL, .lru_mode = ZC_LRU_ENTRY, .seed = 8,
        .io_workers = 2, .shrink_worker = 1, .swaps = true,
        .behind = SUPPORT_BEHIND_FAULTY);
}
