/* SPDX-License-Identifier: MIT */
/* selftest.c - all checks of the explorer, one after another. */
#include "selftest.h"

#include <stdarg.h>

#define PROGRAMS 2500
#define PROGRAMS_QUICK 300
#define LOOPS 1500
#define LOOPS_QUICK 200

bool selftest_fact(struct selftest *test, bool holds, const char *format, ...)
{
    va_list arguments;

    if (holds) {
        test->held++;
        return true;
    }
    test->wrong++;
    if (test->out == NULL)
        return false;
    va_start(arguments, format);
    (void)vfprintf(test->out, format, arguments);
    va_end(arguments);
    (void)fputc('\n', test->out);
    return false;
}

bool selftest_all(struct selftest *test)
{
    selftest_features(test);
    if (test->quick && test->wrong != 0)
        return false;
    selftest_replay(test);
    selftest_brute(test, test->quick ? PROGRAMS_QUICK : PROGRAMS);
    selftest_loops(test, test->quick ? LOOPS_QUICK : LOOPS);
    selftest_table(test);
    return test->wrong == 0;
}
