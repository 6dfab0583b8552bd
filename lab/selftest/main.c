/* SPDX-License-Identifier: MIT */
/* main.c - the self-test as a program; -v prints the figures of each row. */
#include <string.h>

#include "selftest.h"

int main(int argc, char **argv)
{
    struct selftest test = {.out = stdout};

    test.verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    (void)selftest_all(&test);
    (void)printf("%u facts hold, %u do not\n", test.held, test.wrong);
    return test.wrong == 0 ? 0 : 1;
}
