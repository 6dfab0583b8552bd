/* SPDX-License-Identifier: MIT */
/* support_test.c - the main() of a test program that has none. */
#include "support_test.h"

#define TESTS_MAX 64

static struct CMUnitTest tests[TESTS_MAX];
static size_t count;

void support_test_add(const struct CMUnitTest *test)
{
    if (count == TESTS_MAX)
        fail_msg("more than %d tests in one program", TESTS_MAX);
    tests[count++] = *test;
}

int main(void)
{
    /* CMocka's own macro takes an array of constant size. */
    return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}
