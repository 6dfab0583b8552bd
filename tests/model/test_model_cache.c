/* SPDX-License-Identifier: MIT */
/*
 * test_model_cache.c - random operations on a cache and on a plain array, with
 * failures injected into one operation of eight.
 *
 * ZC_TEST_SEED runs one seed again; a failure prints the run's own.
 */
#include "support_model.h"
#include "support_test.h"

#include "base/inject.h"

#define RUNS (80 / SUPPORT_MODEL_ONE_OF)
#define STEPS 600
#define CHECK_EVERY 150

/* The next operation fails somewhere, or somewhere later. */
static void arm_by_chance(struct support_model *model)
{
    struct support_random *random = &model->random;
    uint64_t point = support_random_below(random, ZC_INJECT_POINT_COUNT);
    uint32_t countdown = (uint32_t)support_random_below(random, 4);
    uint32_t repeat = 1 + (uint32_t)support_random_below(random, 3);

    zc_inject_arm((enum zc_inject_point)point, countdown, repeat);
}

static void run(const char *name, enum support_over over, uint64_t seed)
{
    struct support_model model;
    unsigned step;

    support_model_begin(&model, name, over, seed);
    for (step = 1; step <= STEPS; step++) {
        if (support_random_below(&model.random, 8) == 0)
            arm_by_chance(&model);
        support_model_step(&model);
        zc_inject_disarm();
        if (step % CHECK_EVERY == 0)
            support_model_check(&model);
    }
    support_model_end(&model);
}

static void run_many(const char *name, enum support_over over)
{
    uint64_t seed = support_seed(UINT64_C(0x5eed0000) + over * RUNS);
    unsigned i;

    for (i = 0; i < RUNS; i++)
        run(name, over, seed + i);
}

TEST(a_cache_over_dense_placement_is_an_array)
{
    run_many("dense", SUPPORT_OVER_DENSE);
}

TEST(a_cache_over_kernel_placement_is_an_array)
{
    run_many("kernel", SUPPORT_OVER_KERNEL);
}

TEST(a_cache_over_malloc_is_an_array)
{
    run_many("malloc", SUPPORT_OVER_MALLOC);
}

TEST(a_cache_over_a_spying_pool_is_an_array)
{
    run_many("bump", SUPPORT_OVER_BUMP);
}

TEST(a_cache_with_ages_is_an_array_too)
{
    run_many("ages", SUPPORT_OVER_AGES);
}
