/* SPDX-License-Identifier: MIT */
/* test_checked.c - base/checked.h. */
#include "support_test.h"

#include "base/checked.h"

static void a_product_that_fits_is_written(void **state)
{
    size_t product = 1;

    (void)state;
    assert_true(zc_multiply_size(6, 7, &product));
    assert_int_equal(product, 42);
    assert_true(zc_multiply_size(0, SIZE_MAX, &product));
    assert_int_equal(product, 0);
    assert_true(zc_multiply_size(SIZE_MAX, 1, &product));
    assert_int_equal(product, SIZE_MAX);
}

static void a_product_that_does_not_fit_leaves_the_output_alone(void **state)
{
    size_t product = 5;

    (void)state;
    assert_false(zc_multiply_size(SIZE_MAX, 2, &product));
    assert_false(zc_multiply_size(SIZE_MAX / 2 + 1, 2, &product));
    assert_false(zc_multiply_size(SIZE_MAX, SIZE_MAX, &product));
    assert_int_equal(product, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_that_fits_is_written),
        cmocka_unit_test(a_product_that_does_not_fit_leaves_the_output_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
