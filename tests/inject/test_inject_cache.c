/* SPDX-License-Identifier: MIT */
/*
 * test_inject_cache.c - every failure at every point of a cache's life.
 *
 * A sweep runs the same operations again and again, and each time another
 * passage of one injection point fails, until none is left.
 */
#include "support_model.h"
#include "support_test.h"

#include "base/inject.h"

#define STEPS 250
#define SEED 0x5eed

static const char *const point_names[ZC_INJECT_POINT_COUNT] = {
    [ZC_INJECT_MALLOC] = "malloc",
    [ZC_INJECT_PAGES] = "pages",
    [ZC_INJECT_COMPRESS] = "compress",
    [ZC_INJECT_DECOMPRESS] = "decompress"};

/* One life with a failure at that passage; whether there was one. */
static bool live(enum support_over over, enum zc_inject_point point,
                 uint32_t countdown, uint32_t repeat)
{
    struct support_model model;
    uint32_t failures;
    unsigned step;

    support_model_begin(&model, point_names[point], over, SEED + over);
    zc_inject_arm(point, countdown, repeat);
    for (step = 0; step < STEPS; step++)
        support_model_step(&model);
    failures = zc_inject_failures();
    zc_inject_disarm();
    support_model_end(&model);
    return failures != 0;
}

static void sweep(enum zc_inject_point point, uint32_t repeat,
                  uint32_t passages_min)
{
    uint32_t countdown;
    unsigned over;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        countdown = 0;
        while (live(over, point, countdown, repeat))
            countdown += SUPPORT_MODEL_ONE_OF;
        /* Fewer would mean that the sweep does not see what it should. */
        if (countdown < passages_min)
            fail_msg("pool %u: %u passages of %s, at least %u expected", over,
                     countdown, point_names[point], passages_min);
    }
}

TEST(any_allocation_may_fail)
{
    sweep(ZC_INJECT_MALLOC, 1, 20);
}

TEST(any_three_allocations_may_fail)
{
    sweep(ZC_INJECT_MALLOC, 3, 20);
}

TEST(all_allocations_from_one_on_may_fail)
{
    sweep(ZC_INJECT_MALLOC, UINT32_MAX, 20);
}

TEST(any_mapping_may_fail)
{
    sweep(ZC_INJECT_PAGES, 1, 1);
}

TEST(all_mappings_from_one_on_may_fail)
{
    sweep(ZC_INJECT_PAGES, UINT32_MAX, 1);
}

TEST(any_compression_may_fail)
{
    sweep(ZC_INJECT_COMPRESS, 1, 10);
}

TEST(any_decompression_may_fail)
{
    sweep(ZC_INJECT_DECOMPRESS, 1, 4);
    sweep(ZC_INJECT_DECOMPRESS, UINT32_MAX, 4);
}

TEST(a_cache_that_cannot_be_made_leaves_nothing)
{
    static const enum zc_inject_point points[] = {ZC_INJECT_MALLOC,
                                                  ZC_INJECT_PAGES};
    struct zc_cache_options options;
    struct zc_cache *cache;
    uint32_t countdown;
    zc_status status;
    unsigned over;
    unsigned i;

    for (over = 0; over < SUPPORT_OVER_COUNT; over++) {
        options = support_cache_options(over);
        options.checksums = 1;
        options.context_count = 3;
        for (i = 0; i < 2; i++) {
            for (countdown = 0;; countdown++) {
                cache = (void *)&options;
                zc_inject_arm(points[i], countdown, 1);
                status = zc_cache_create(&options, &cache);
                zc_inject_disarm();
                if (status == ZC_OK)
                    break;
                assert_status(status, ZC_NO_MEMORY);
                assert_ptr_equal(cache, (void *)&options);
            }
            /* The cache, the generation, and three contexts of two. */
            assert_true(i == 1 || countdown >= 1 + 2 + 3 * 2);
            zc_cache_destroy(cache);
        }
    }
}
