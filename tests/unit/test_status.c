/* SPDX-License-Identifier: MIT */
/* test_status.c - every status has a name and a sentence. */
#include "support_test.h"

static const struct {
    zc_status status;
    const char *name;
} statuses[] = {
    {ZC_OK, "ZC_OK"},
    {ZC_MISSING, "ZC_MISSING"},
    {ZC_BUSY, "ZC_BUSY"},
    {ZC_STALE, "ZC_STALE"},
    {ZC_REJECTED, "ZC_REJECTED"},
    {ZC_AGAIN, "ZC_AGAIN"},
    {ZC_NO_MEMORY, "ZC_NO_MEMORY"},
    {ZC_INVALID, "ZC_INVALID"},
    {ZC_UNSUPPORTED, "ZC_UNSUPPORTED"},
    {ZC_IO_ERROR, "ZC_IO_ERROR"},
    {ZC_CORRUPT, "ZC_CORRUPT"},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

TEST(every_status_has_its_own_name)
{
    size_t i;

    for (i = 0; i < STATUS_COUNT; i++)
        assert_string_equal(zc_status_name(statuses[i].status),
                            statuses[i].name);
}

TEST(every_status_has_a_sentence_of_its_own)
{
    size_t i;
    size_t j;

    for (i = 0; i < STATUS_COUNT; i++) {
        assert_true(strlen(zc_status_describe(statuses[i].status)) > 3);
        for (j = 0; j < i; j++)
            assert_string_not_equal(zc_status_describe(statuses[i].status),
                                    zc_status_describe(statuses[j].status));
    }
}

TEST(a_number_that_is_no_status_has_a_name_all_the_same)
{
    assert_string_equal(zc_status_name((zc_status)77), "ZC_UNKNOWN");
    assert_string_equal(zc_status_name((zc_status)-77), "ZC_UNKNOWN");
    assert_non_null(zc_status_describe((zc_status)77));
}

TEST(outcomes_are_positive_and_failures_negative)
{
    size_t i;

    assert_int_equal(ZC_OK, 0);
    for (i = 1; i < STATUS_COUNT; i++)
        assert_int_equal(statuses[i].status > 0, i <= 5);
}
