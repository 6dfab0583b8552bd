/* SPDX-License-Identifier: MIT */
/* test_options.c - structs of other versions against ours. */
#include "support_test.h"

#include "base/options.h"

struct old {
    size_t struct_size;
    uint64_t first;
};

struct own {
    size_t struct_size;
    uint64_t first;
    uint64_t second;
};

struct newer {
    size_t struct_size;
    uint64_t first;
    uint64_t second;
    uint64_t third;
};

TEST(no_options_are_all_zero)
{
    struct own own = {1, 2, 3};

    assert_status(zc_options_copy_in(&own, sizeof(own), NULL), ZC_OK);
    assert_int_equal(own.first, 0);
    assert_int_equal(own.second, 0);
}

TEST(options_of_our_version_come_in_whole)
{
    const struct own caller = {sizeof(caller), 7, 8};
    struct own own = {0, 0, 0};

    assert_status(zc_options_copy_in(&own, sizeof(own), &caller), ZC_OK);
    assert_memory_equal(&own, &caller, sizeof(own));
}

TEST(fields_an_old_caller_lacks_are_zero)
{
    const struct old caller = {sizeof(caller), 7};
    struct own own = {1, 2, 3};

    assert_status(zc_options_copy_in(&own, sizeof(own), &caller), ZC_OK);
    assert_int_equal(own.first, 7);
    assert_int_equal(own.second, 0);
}

TEST(a_newer_caller_may_have_more_if_it_is_zero)
{
    struct newer caller = {sizeof(caller), 7, 8, 0};
    struct own own = {0, 0, 0};

    assert_status(zc_options_copy_in(&own, sizeof(own), &caller), ZC_OK);
    assert_int_equal(own.second, 8);

    /* The very last byte counts. */
    caller.third = UINT64_C(1) << 56;
    assert_status(zc_options_copy_in(&own, sizeof(own), &caller),
                  ZC_UNSUPPORTED);
}

TEST(a_size_that_cannot_hold_itself_is_invalid)
{
    struct own caller = {0, 7, 8};
    struct own own = {0, 0, 0};

    assert_status(zc_options_copy_in(&own, sizeof(own), &caller), ZC_INVALID);
    assert_status(zc_options_copy_out(&caller, &own, sizeof(own)), ZC_INVALID);
    caller.struct_size = sizeof(size_t) - 1;
    assert_status(zc_options_copy_in(&own, sizeof(own), &caller), ZC_INVALID);
    assert_status(zc_options_copy_out(&caller, &own, sizeof(own)), ZC_INVALID);
    assert_int_equal(caller.first, 7);
    assert_status(zc_options_copy_out(NULL, &own, sizeof(own)), ZC_INVALID);
}

/* A struct on the stack whose struct_size was never set. */
TEST(a_size_above_a_page_is_invalid_and_reads_nothing)
{
    const size_t sizes[] = {ZC_STRUCT_SIZE_MAX + 1, SIZE_MAX};
    struct own own = {1, 2, 3};
    struct own caller;
    size_t i;

    for (i = 0; i < 2; i++) {
        caller = (struct own){sizes[i], 7, 8};
        assert_status(zc_options_copy_in(&own, sizeof(own), &caller),
                      ZC_INVALID);
        assert_status(zc_options_copy_out(&caller, &own, sizeof(own)),
                      ZC_INVALID);
        assert_int_equal(caller.first, 7);
        assert_int_equal(own.first, 0);
    }
}

struct reasoned {
    size_t struct_size;
    uint64_t first;
    char *reason;
    size_t reason_size;
};

struct reasoned_newer {
    struct reasoned known;
    uint64_t unknown;
};

TEST(a_reason_is_cut_and_always_terminated)
{
    char text[8] = "xxxxxxx";
    struct reasoned options = {sizeof(options), 0, text, 4};

    assert_status(ZC_REFUSE(&options, ZC_BUSY, "page_size: %d", 5), ZC_BUSY);
    assert_string_equal(text, "pag");
    assert_int_equal(text[4], 'x');
    options.reason_size = 0;
    assert_status(ZC_REFUSE(&options, ZC_INVALID, "other"), ZC_INVALID);
    options.reason = NULL;
    options.reason_size = 4;
    assert_status(ZC_REFUSE(&options, ZC_INVALID, "other"), ZC_INVALID);
    assert_string_equal(text, "pag");
}

TEST(reading_clears_the_reason_or_says_what_is_unknown)
{
    char text[ZC_REASON_SIZE] = "old";
    struct reasoned_newer caller = {{sizeof(caller), 7, text, sizeof(text)}, 0};
    struct reasoned own;

    assert_status(ZC_OPTIONS_READ(&own, &caller), ZC_OK);
    assert_string_equal(text, "");
    assert_int_equal(own.first, 7);
    caller.unknown = 1;
    assert_status(ZC_OPTIONS_READ(&own, &caller), ZC_UNSUPPORTED);
    assert_non_null(strstr(text, "struct_size"));

    /* A garbage size: the pointer beside it is as little to be trusted. */
    memcpy(text, "old", sizeof("old"));
    caller.known.struct_size = SIZE_MAX;
    assert_status(ZC_OPTIONS_READ(&own, &caller), ZC_INVALID);
    assert_string_equal(text, "old");
    assert_status(ZC_OPTIONS_READ(&own, NULL), ZC_OK);
}

TEST(a_result_fills_no_more_than_the_caller_has)
{
    const struct own own = {0, 7, 8};
    struct own caller = {sizeof(struct old), 1, 2};

    assert_status(zc_options_copy_out(&caller, &own, sizeof(own)), ZC_OK);
    assert_int_equal(caller.struct_size, sizeof(struct old));
    assert_int_equal(caller.first, 7);
    assert_int_equal(caller.second, 2);
}

TEST(what_a_newer_caller_has_more_is_zeroed)
{
    const struct own own = {0, 7, 8};
    struct newer caller = {sizeof(caller), 1, 2, 3};

    assert_status(zc_options_copy_out(&caller, &own, sizeof(own)), ZC_OK);
    assert_int_equal(caller.struct_size, sizeof(caller));
    assert_int_equal(caller.first, 7);
    assert_int_equal(caller.second, 8);
    assert_int_equal(caller.third, 0);
}

TEST(page_sizes_are_powers_of_two_from_4_to_64_kib)
{
    size_t page_size;
    size_t checked;

    for (page_size = 1; page_size <= 140000; page_size++) {
        checked = page_size;
        assert_status(zc_options_check_page_size(&checked),
                      page_size == 4096 || page_size == 8192 ||
                              page_size == 16384 || page_size == 32768 ||
                              page_size == 65536
                          ? ZC_OK
                          : ZC_INVALID);
        assert_int_equal(checked, page_size);
    }
    checked = 0;
    assert_status(zc_options_check_page_size(&checked), ZC_OK);
    assert_int_equal(checked, 4096);
}
