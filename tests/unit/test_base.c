/* SPDX-License-Identifier: MIT */
/* test_base.c - bits, arithmetic that is checked, and lists. */
#include "support_test.h"

#include "base/bits.h"
#include "base/checked.h"
#include "base/list.h"

TEST(a_mask_has_the_bits_it_names)
{
    assert_int_equal(ZC_BITS(0, 0), 0);
    assert_int_equal(ZC_BITS(0, 1), 1);
    assert_int_equal(ZC_BITS(3, 4), 0x78);
    assert_int_equal(ZC_BITS(63, 1), UINT64_C(1) << 63);
    assert_int_equal(ZC_BITS(1, 63), ~UINT64_C(1));
}

TEST(logarithms_lowest_bits_and_powers_are_those_of_every_bit)
{
    unsigned bit;

    assert_false(zc_is_power_of_two(0));
    for (bit = 0; bit < 64; bit++) {
        const uint64_t power = UINT64_C(1) << bit;

        assert_int_equal(zc_log2(power), bit);
        assert_int_equal(zc_log2(UINT64_MAX >> (63 - bit)), bit);
        assert_int_equal(zc_lowest_bit(power), bit);
        assert_int_equal(zc_lowest_bit(UINT64_MAX << bit), bit);
        assert_true(zc_is_power_of_two(power));
        assert_int_equal(zc_is_power_of_two(power + 1), bit == 0);
        assert_int_equal(zc_is_power_of_two(power - 1), bit == 1);
    }
}

TEST(division_and_rounding_go_up)
{
    static const struct {
        uint64_t number;
        uint64_t step;
        uint64_t quotient;
    } cases[] = {{0, 8, 0},    {1, 8, 1},    {8, 8, 1},       {9, 8, 2},
                 {0, 4096, 0}, {1, 4096, 1}, {4096, 4096, 1}, {10, 3, 4}};
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(zc_divide_up(cases[i].number, cases[i].step),
                         cases[i].quotient);
        assert_int_equal(zc_round_up(cases[i].number, cases[i].step),
                         cases[i].quotient * cases[i].step);
    }
}

/* A product that does not fit leaves the output alone. */
TEST(products_are_checked)
{
    static const struct {
        size_t a;
        size_t b;
        bool fits;
    } cases[] = {
        {6, 7, true},
        {0, SIZE_MAX, true},
        {SIZE_MAX, 1, true},
        {SIZE_MAX, 2, false},
        {SIZE_MAX / 2 + 1, 2, false},
        {SIZE_MAX, SIZE_MAX, false},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t product = 5;

        assert_int_equal(zc_multiply_size(cases[i].a, cases[i].b, &product),
                         cases[i].fits);
        assert_int_equal(product, cases[i].fits ? cases[i].a * cases[i].b : 5);
    }
}

struct item {
    int number;
    struct zc_list link;
};

/* The numbers on a list read as decimal digits. */
static int digits(const struct zc_list *list)
{
    struct zc_list *link;
    int value = 0;

    for (link = list->next; link != list; link = link->next) {
        assert_ptr_equal(link->next->previous, link);
        value = value * 10 + ZC_CONTAINER(link, struct item, link)->number;
    }
    return value;
}

TEST(a_list_has_what_was_added_where_it_was_added)
{
    struct item items[4] = {
        {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct zc_list list;

    zc_list_init(&list);
    assert_true(zc_list_is_empty(&list));
    assert_int_equal(digits(&list), 0);
    zc_list_add_first(&list, &items[1].link);
    zc_list_add_last(&list, &items[2].link);
    zc_list_add_first(&list, &items[0].link);
    zc_list_add_last(&list, &items[3].link);
    assert_int_equal(digits(&list), 1234);
    assert_false(zc_list_is_empty(&list));
    /* A link that was removed can be removed again. */
    zc_list_remove(&items[1].link);
    assert_true(zc_list_is_empty(&items[1].link));
    zc_list_remove(&items[1].link);
    assert_int_equal(digits(&list), 134);
    zc_list_remove(&items[0].link);
    zc_list_remove(&items[3].link);
    zc_list_remove(&items[2].link);
    assert_true(zc_list_is_empty(&list));
}
