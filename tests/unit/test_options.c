/* SPDX-License-Identifier: MIT */
/* test_options.c - structs of other versions against ours, and reasons. */
#include "support_test.h"

#include "base/options.h"

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

#define OLD offsetof(struct own, second) /* bytes of an older struct */

TEST(options_of_any_version_come_in_or_are_refused)
{
    static const struct {
        struct newer caller;
        zc_status status;
        uint64_t first;
        uint64_t second;
    } rows[] = {
        {{sizeof(struct own), 7, 8, 9}, ZC_OK, 7, 8},
        {{OLD, 7, 8, 9}, ZC_OK, 7, 0},
        {{sizeof(struct newer), 7, 8, 0}, ZC_OK, 7, 8},
        /* The very last byte counts. */
        {{sizeof(struct newer), 7, 8, 1ull << 56}, ZC_UNSUPPORTED, 0, 0},
        /* One that cannot hold itself, or was never set. */
        {{0, 7, 8, 0}, ZC_INVALID, 0, 0},
        {{sizeof(size_t) - 1, 7, 8, 0}, ZC_INVALID, 0, 0},
        {{ZC_STRUCT_SIZE_MAX + 1, 7, 8, 0}, ZC_INVALID, 0, 0},
        {{SIZE_MAX, 7, 8, 0}, ZC_INVALID, 0, 0},
    };
    struct own own;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        own = (struct own){1, 2, 3};
        assert_status(zc_options_copy_in(&own, sizeof(own), &rows[i].caller),
                      rows[i].status);
        if (rows[i].status == ZC_UNSUPPORTED)
            continue;
        assert_int_equal(own.first, rows[i].first);
        assert_int_equal(own.second, rows[i].second);
    }
    assert_status(zc_options_copy_in(&own, sizeof(own), NULL), ZC_OK);
    assert_int_equal(own.first, 0);
    assert_int_equal(own.second, 0);
}

TEST(a_result_fills_what_the_caller_has_and_zeroes_the_rest)
{
    static const struct {
        size_t size;
        zc_status status;
        uint64_t first;
        uint64_t second;
        uint64_t third;
    } rows[] = {
        {OLD, ZC_OK, 7, 2, 3},
        {sizeof(struct own), ZC_OK, 7, 8, 3},
        {sizeof(struct newer), ZC_OK, 7, 8, 0},
        {0, ZC_INVALID, 1, 2, 3},
        {sizeof(size_t) - 1, ZC_INVALID, 1, 2, 3},
        {ZC_STRUCT_SIZE_MAX + 1, ZC_INVALID, 1, 2, 3},
        {SIZE_MAX, ZC_INVALID, 1, 2, 3},
    };
    const struct own own = {0, 7, 8};
    struct newer caller;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        caller = (struct newer){rows[i].size, 1, 2, 3};
        assert_status(zc_options_copy_out(&caller, &own, sizeof(own)),
                      rows[i].status);
        assert_int_equal(caller.struct_size, rows[i].size);
        assert_int_equal(caller.first, rows[i].first);
        assert_int_equal(caller.second, rows[i].second);
        assert_int_equal(caller.third, rows[i].third);
    }
    assert_status(zc_options_copy_out(NULL, &own, sizeof(own)), ZC_INVALID);
}

struct reasoned {
    size_t struct_size;
    uint64_t first;
    char *reason;
    size_t reason_size;
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
    struct {
        struct reasoned known;
        uint64_t unknown;
    } caller = {{sizeof(caller), 7, text, sizeof(text)}, 0};
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
