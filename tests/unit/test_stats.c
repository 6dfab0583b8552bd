/* SPDX-License-Identifier: MIT */
/* test_stats.c - counters that many add to. */
#include "support_test.h"
#include "support_threads.h"

#include "base/stats.h"

TEST(a_counter_counts_for_itself)
{
    struct zc_stats stats = {0};
    unsigned i;

    for (i = 0; i < ZC_STAT_COUNT; i++)
        zc_stats_add(&stats, (enum zc_stat)i, i);
    for (i = 0; i < ZC_STAT_COUNT; i++)
        assert_int_equal(zc_stats_sum(&stats, (enum zc_stat)i), i);
}

TEST(a_stripe_below_zero_does_not_show_in_the_sum)
{
    struct zc_stats stats = {0};

    zc_counter_add(&stats.stripes[3].counters[ZC_STAT_LOADED], 5);
    zc_counter_subtract(&stats.stripes[7].counters[ZC_STAT_LOADED], 2);
    assert_int_equal(zc_stats_sum(&stats, ZC_STAT_LOADED), 3);
    zc_stats_subtract(&stats, ZC_STAT_LOADED, 3);
    assert_int_equal(zc_stats_sum(&stats, ZC_STAT_LOADED), 0);
}

static void count_often(struct support_worker *worker)
{
    struct zc_stats *stats = worker->context;
    unsigned i;

    for (i = 0; i < 10000; i++) {
        zc_stats_add(stats, ZC_STAT_ZSWPOUT, 3);
        zc_stats_subtract(stats, ZC_STAT_ZSWPOUT, 2);
    }
}

TEST(no_addition_of_any_thread_is_lost)
{
    static struct zc_stats stats;
    struct support_crew crew;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, count_often, &stats);
    support_crew_run(&crew, 0);

    assert_int_equal(zc_stats_sum(&stats, ZC_STAT_ZSWPOUT), 40000);
}
