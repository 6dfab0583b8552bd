/* SPDX-License-Identifier: MIT */
/* test_list.c - base/list.h. */
#include "support_test.h"

#include "base/list.h"

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

TEST(a_fresh_list_is_empty)
{
    struct zc_list list;

    zc_list_init(&list);

    assert_true(zc_list_is_empty(&list));
    assert_ptr_equal(list.previous, &list);
}

TEST(additions_go_to_the_end_they_name)
{
    struct item items[4] = {
        {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct zc_list list;

    zc_list_init(&list);
    zc_list_add_first(&list, &items[1].link);
    zc_list_add_last(&list, &items[2].link);
    zc_list_add_first(&list, &items[0].link);
    zc_list_add_last(&list, &items[3].link);

    assert_int_equal(digits(&list), 1234);
    assert_false(zc_list_is_empty(&list));
}

TEST(a_removed_link_points_at_itself_and_can_be_removed_again)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct zc_list list;
    int i;

    zc_list_init(&list);
    for (i = 0; i < 3; i++)
        zc_list_add_last(&list, &items[i].link);

    zc_list_remove(&items[1].link);
    assert_int_equal(digits(&list), 13);
    assert_true(zc_list_is_empty(&items[1].link));
    zc_list_remove(&items[1].link);
    assert_int_equal(digits(&list), 13);

    zc_list_remove(&items[0].link);
    zc_list_remove(&items[2].link);
    assert_true(zc_list_is_empty(&list));
}
