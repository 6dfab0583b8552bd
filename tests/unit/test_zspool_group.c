/* SPDX-License-Identifier: MIT */
/* test_zspool_group.c - zspages sorted by how full they are. */
#include "support_test.h"

#include "zspool.h"

struct fixture {
    struct zc_group group;
    struct zc_zspage zspages[3];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    unsigned i;

    memset(&fixture, 0, sizeof(fixture));
    for (i = 0; i < 3; i++)
        zc_list_init(&fixture.zspages[i].link);
    *state = &fixture;
    return zc_group_init(&fixture.group) == ZC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    zc_group_destroy(&fixture->group);
    return 0;
}

TEST_WITH(a_fresh_group_has_twelve_empty_lists, set_up, tear_down)
{
    const struct fixture *fixture = *state;
    unsigned i;

    assert_int_equal(ZC_FULLNESS_GROUPS, 12);
    for (i = 0; i < ZC_FULLNESS_GROUPS; i++) {
        assert_true(zc_list_is_empty(&fixture->group.fullness[i]));
        assert_int_equal(fixture->group.zspages[i], 0);
    }
}

/* get_fullness_group(): 0, all, else ratio / 10 + 1 of the whole percent. */
TEST_WITH(fullness_is_the_kernels_for_every_count, set_up, tear_down)
{
    uint32_t capacity;
    uint32_t used;
    unsigned expected;

    for (capacity = 1; capacity <= 260; capacity++)
        for (used = 0; used <= capacity; used++) {
            if (used == 0)
                expected = 0;
            else if (used == capacity)
                expected = 11;
            else
                expected = used * 100 / capacity / 10 + 1;
            assert_int_equal(zc_fullness_of(used, capacity), expected);
        }
}

TEST_WITH(only_none_is_empty_and_only_all_is_full, set_up, tear_down)
{
    assert_int_equal(zc_fullness_of(1, 65536), 1);
    assert_int_equal(zc_fullness_of(65535, 65536), 10);
    assert_int_equal(zc_fullness_of(65536, 65536), 11);
    assert_int_equal(zc_fullness_of(99, 100), 10);
    assert_int_equal(zc_fullness_of(9, 100), 1);
    assert_int_equal(zc_fullness_of(10, 100), 2);
}

TEST_WITH(the_latest_is_at_the_head, set_up, tear_down)
{
    struct fixture *fixture = *state;
    struct zc_group *group = &fixture->group;

    zc_group_insert(group, &fixture->zspages[0], 4);
    zc_group_insert(group, &fixture->zspages[1], 4);
    assert_ptr_equal(group->fullness[4].next, &fixture->zspages[1].link);
    assert_int_equal(group->zspages[4], 2);
    assert_int_equal(fixture->zspages[1].fullness, 4);

    zc_group_remove(group, &fixture->zspages[1]);
    assert_ptr_equal(group->fullness[4].next, &fixture->zspages[0].link);
    assert_int_equal(group->zspages[4], 1);
    zc_group_remove(group, &fixture->zspages[0]);
    assert_int_equal(group->zspages[4], 0);
}

TEST_WITH(a_zspage_moves_only_when_its_fullness_changes, set_up, tear_down)
{
    struct fixture *fixture = *state;
    struct zc_group *group = &fixture->group;

    zc_group_insert(group, &fixture->zspages[0], 4);
    zc_group_insert(group, &fixture->zspages[1], 4);

    zc_group_update(group, &fixture->zspages[0], 4);
    assert_ptr_equal(group->fullness[4].next, &fixture->zspages[1].link);

    zc_group_update(group, &fixture->zspages[0], 5);
    assert_int_equal(group->zspages[4], 1);
    assert_int_equal(group->zspages[5], 1);
    assert_int_equal(fixture->zspages[0].fullness, 5);

    zc_group_update(group, &fixture->zspages[0], 4);
    assert_ptr_equal(group->fullness[4].next, &fixture->zspages[0].link);
    zc_group_remove(group, &fixture->zspages[0]);
    zc_group_remove(group, &fixture->zspages[1]);
}
