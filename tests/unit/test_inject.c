/* SPDX-License-Identifier: MIT */
/* test_inject.c - a failure comes when it was ordered, and no other time. */
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"

/* Passages of a point as a text: '.' passed, 'x' failed. */
static const char *passages(enum zc_inject_point point, unsigned count)
{
    static char text[32];
    unsigned i;

    assert_true(count < sizeof(text));
    for (i = 0; i < count; i++)
        text[i] = zc_inject(point) ? 'x' : '.';
    text[count] = '\0';
    return text;
}

static int disarm(void **state)
{
    (void)state;
    zc_inject_disarm();
    return 0;
}

TEST(nothing_fails_unless_it_was_armed)
{
    unsigned point;

    for (point = 0; point < ZC_INJECT_POINT_COUNT; point++)
        assert_string_equal(passages((enum zc_inject_point)point, 4), "....");
    assert_int_equal(zc_inject_failures(), 0);
}

TEST_AFTER(a_countdown_of_zero_fails_the_next_passage, disarm)
{
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_string_equal(passages(ZC_INJECT_MALLOC, 4), "x...");
    assert_int_equal(zc_inject_failures(), 1);
}

TEST_AFTER(a_countdown_lets_so_many_pass_and_repeats_its_failure, disarm)
{
    zc_inject_arm(ZC_INJECT_PAGES, 2, 3);
    assert_string_equal(passages(ZC_INJECT_PAGES, 8), "..xxx...");
    assert_int_equal(zc_inject_failures(), 3);
}

TEST_AFTER(a_point_fails_alone, disarm)
{
    zc_inject_arm(ZC_INJECT_MALLOC, 1, 1);
    assert_string_equal(passages(ZC_INJECT_PAGES, 3), "...");
    assert_string_equal(passages(ZC_INJECT_MALLOC, 3), ".x.");
}

TEST_AFTER(disarming_ends_every_point_and_its_count, disarm)
{
    unsigned point;

    for (point = 0; point < ZC_INJECT_POINT_COUNT; point++)
        zc_inject_arm((enum zc_inject_point)point, 0, UINT32_MAX);
    assert_true(zc_inject(ZC_INJECT_COMPRESS));
    zc_inject_disarm();
    for (point = 0; point < ZC_INJECT_POINT_COUNT; point++)
        assert_string_equal(passages((enum zc_inject_point)point, 2), "..");
    assert_int_equal(zc_inject_failures(), 0);
}

static void pass_often(struct support_worker *worker)
{
    unsigned i;

    for (i = 0; i < 20000; i++)
        worker->operations += zc_inject(ZC_INJECT_MALLOC);
}

TEST_AFTER(threads_share_one_countdown, disarm)
{
    struct support_crew crew;
    uint64_t failed = 0;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, pass_often, NULL);
    zc_inject_arm(ZC_INJECT_MALLOC, 1000, 500);
    support_crew_run(&crew, 0);

    for (i = 0; i < 4; i++)
        failed += crew.workers[i].operations;
    assert_int_equal(failed, 500);
    assert_int_equal(zc_inject_failures(), 500);
}
