/* SPDX-License-Identifier: MIT */
/* test_processor.c - processors and time. */
#include "support_test.h"
#include "support_threads.h"

#include <unistd.h>

#include "platform/processor.h"

TEST(there_is_at_least_one_processor)
{
    assert_true(zc_processor_count() >= 1);
    assert_int_equal(zc_processor_count(), sysconf(_SC_NPROCESSORS_ONLN));
}

TEST(the_current_processor_is_mostly_the_same)
{
    unsigned first = zc_processor_current();
    unsigned same = 0;
    unsigned i;

    /* A thread is moved now and then, not every time. */
    for (i = 0; i < 1000; i++)
        same += zc_processor_current() == first ? 1u : 0u;
    for (i = 0; i < 10 && same < 500; i++, first = zc_processor_current())
        same += zc_processor_current() == first ? 100u : 0u;
    assert_true(same >= 500);
}

TEST(the_clock_runs_forward_in_nanoseconds)
{
    uint64_t started = zc_clock_ns();
    uint64_t before = started;
    uint64_t now;
    unsigned i;

    for (i = 0; i < 1000; i++) {
        now = zc_clock_ns();
        assert_true(now >= before);
        before = now;
    }
    started = zc_clock_ns();
    support_sleep_ns(3000000);
    now = zc_clock_ns();
    assert_in_range(now - started, 3000000, UINT64_C(60000000000));
}

TEST(seconds_are_the_same_clock_s)
{
    uint32_t seconds = zc_clock_seconds();
    uint64_t exact = zc_clock_ns() / 1000000000u;
    uint32_t later = zc_clock_seconds();

    /* The coarse clock is a tick behind. */
    assert_in_range(exact, seconds, (uint64_t)later + 1);
}

TEST(a_test_can_let_seconds_pass)
{
    uint32_t before = zc_clock_seconds();

    zc_clock_advance(40000);

    assert_in_range(zc_clock_seconds() - before, 40000, 40000 + 600);
}
