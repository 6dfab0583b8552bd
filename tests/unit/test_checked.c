/* SPDX-License-Identifier: MIT */
/* test_checked.c - base/checked.h. */
#include "support_test.h"

#include "base/checked.h"

TEST(a_product_that_fits_is_written)
{
    size_t product = 1;

    assert_true(zc_multiply_size(6, 7, &product));
    assert_int_equal(product, 42);
    assert_true(zc_multiply_size(0, SIZE_MAX, &product));
    assert_int_equal(product, 0);
    assert_true(zc_multiply_size(SIZE_MAX, 1, &product));
    assert_int_equal(product, SIZE_MAX);
}

TEST(a_product_that_does_not_fit_leaves_the_output_alone)
{
    size_t product = 5;

    assert_false(zc_multiply_size(SIZE_MAX, 2, &product));
    assert_false(zc_multiply_size(SIZE_MAX / 2 + 1, 2, &product));
    assert_false(zc_multiply_size(SIZE_MAX, SIZE_MAX, &product));
    assert_int_equal(product, 5);
}
