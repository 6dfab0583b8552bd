/* SPDX-License-Identifier: MIT */
/* test_bits.c - base/bits.h. */
#include "support_test.h"

#include "base/bits.h"

TEST(a_mask_has_the_bits_it_names)
{
    assert_int_equal(ZC_BITS(0, 0), 0);
    assert_int_equal(ZC_BITS(0, 1), 1);
    assert_int_equal(ZC_BITS(3, 4), 0x78);
    assert_int_equal(ZC_BITS(63, 1), UINT64_C(1) << 63);
    assert_int_equal(ZC_BITS(1, 63), ~UINT64_C(1));
}

TEST(logarithms_and_lowest_bits_are_those_of_every_bit)
{
    unsigned bit;

    for (bit = 0; bit < 64; bit++) {
        assert_int_equal(zc_log2(UINT64_C(1) << bit), bit);
        assert_int_equal(zc_log2(UINT64_MAX >> (63 - bit)), bit);
        assert_int_equal(zc_lowest_bit(UINT64_C(1) << bit), bit);
        assert_int_equal(zc_lowest_bit(UINT64_MAX << bit), bit);
    }
}

TEST(only_powers_of_two_are_powers_of_two)
{
    unsigned bit;

    assert_false(zc_is_power_of_two(0));
    assert_true(zc_is_power_of_two(1));
    assert_true(zc_is_power_of_two(2));
    for (bit = 2; bit < 64; bit++) {
        assert_true(zc_is_power_of_two(UINT64_C(1) << bit));
        assert_false(zc_is_power_of_two((UINT64_C(1) << bit) - 1));
        assert_false(zc_is_power_of_two((UINT64_C(1) << bit) + 1));
    }
}

TEST(division_and_rounding_go_up)
{
    assert_int_equal(zc_divide_up(0, 8), 0);
    assert_int_equal(zc_divide_up(1, 8), 1);
    assert_int_equal(zc_divide_up(8, 8), 1);
    assert_int_equal(zc_divide_up(9, 8), 2);
    assert_int_equal(zc_round_up(0, 4096), 0);
    assert_int_equal(zc_round_up(1, 4096), 4096);
    assert_int_equal(zc_round_up(4096, 4096), 4096);
    assert_int_equal(zc_round_up(10, 3), 12);
}
