/* SPDX-License-Identifier: MIT */
/* test_slot_order.c - which free slot is given out next. */
#include "support_swap.h"
#include "support_test.h"

#include "base/inject.h"

/* Allocates, and expects this slot; its count is 1 and nothing is cached. */
static void expect_slot(unsigned type, uint64_t offset)
{
    assert_int_equal(support_slot().value, zc_swp_make(type, offset).value);
}

static void drop(unsigned type, uint64_t offset)
{
    zc_slot_drop(swap, zc_swp_make(type, offset));
}

static void expect_refused(zc_status status)
{
    struct zc_folio *folio = support_folio();
    zc_swp slot = {77};

    assert_status(zc_slot_alloc(swap, folio, &slot), status);
    assert_int_equal(slot.value, 77);
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    assert_int_equal(support_folio_references(folio), 1);
    support_unlock(folio);
}

/* Drops what a test leaves. */
static void drop_all(void)
{
    unsigned type;
    uint64_t offset;

    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        for (offset = 0; zc_swap_has_device(swap, type) &&
                         zc_swap_device_next(&swap->devices[type], &offset);)
            drop(type, offset);
    support_swap_end();
}

#define ORDER_TEST(name) TEST_BETWEEN(name, support_swap_begin(), drop_all())

ORDER_TEST(a_slot_comes_with_the_folio_in_the_cache)
{
    struct zc_folio *folio;

    support_swap_on_managed(0, 10, ZC_SLOT_ORDER_LOWEST);
    folio = support_folio();

    assert_status(zc_slot_alloc(swap, folio, &support.slot), ZC_OK);

    assert_int_equal(support.slot.value, zc_swp_make(0, 0).value);
    assert_int_equal(folio->swap.value, support.slot.value);
    assert_true(zc_folio_is_of(folio, support.slot));
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(support_folio_references(folio), 2);
    assert_int_equal(support_count(), 0);
    assert_int_equal(support_slot_flags(support.slot), ZC_SLOT_CACHED);
    assert_int_equal(support_swap_used(0), 1);
    assert_int_equal(zc_counter_read(&swap->devices[0].cached), 1);
    assert_int_equal(support_swap_users(0), 0);
    assert_true(zc_swapcache_try_free_slot(swap, folio));
    support_unlock(folio);
}

/* Of several slots of device 0, one after the other. */
#define EXPECT(...) EACH(expect_slot, __VA_ARGS__)
#define DROP(...) EACH(drop, __VA_ARGS__)
#define EACH(action, ...)                                                      \
    do_each(action, (const uint64_t[]){__VA_ARGS__},                           \
            sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void do_each(void (*action)(unsigned type, uint64_t offset),
                    const uint64_t *offsets, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        action(0, offsets[i]);
}

static void expect_range(unsigned first, unsigned end)
{
    for (; first < end; first++)
        expect_slot(0, first);
}

ORDER_TEST(the_lowest_is_the_lowest_free)
{
    support_swap_on_managed(0, 1000, ZC_SLOT_ORDER_LOWEST);
    expect_range(0, 700);
    DROP(3, 600, 64);
    EXPECT(3, 64);
    DROP(2);
    EXPECT(2, 600, 700);
}

ORDER_TEST(the_last_freed_comes_back_first)
{
    support_swap_on_managed(0, 1000, ZC_SLOT_ORDER_LAST_FREED);
    expect_range(0, 10);
    DROP(0, 3, 9, 1);
    EXPECT(1, 9);
    DROP(5);
    EXPECT(5, 3, 0, 10);
}

static void go_round(unsigned order)
{
    support_swap_on_managed(0, 100, order);
    expect_range(0, 10);
    DROP(2, 7);
    expect_range(10, 100);
    DROP(50, 99);
    EXPECT(2, 7, 50);
    DROP(7);
    EXPECT(99, 7);
    expect_refused(ZC_REJECTED);
}

ORDER_TEST(round_robin_goes_up_and_begins_again)
{
    go_round(ZC_SLOT_ORDER_ROUND_ROBIN);
}

ORDER_TEST(the_default_is_round_robin)
{
    go_round(ZC_SLOT_ORDER_DEFAULT);
}

ORDER_TEST(a_full_device_is_refused_until_a_slot_is_free)
{
    static const unsigned orders[] = {
        ZC_SLOT_ORDER_LOWEST,
        ZC_SLOT_ORDER_LAST_FREED,
        ZC_SLOT_ORDER_ROUND_ROBIN,
    };
    unsigned i;

    for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        support_swap_on_managed(0, 2, orders[i]);
        EXPECT(0, 1);
        expect_refused(ZC_REJECTED);
        DROP(0);
        EXPECT(0);
        expect_refused(ZC_REJECTED);
        DROP(0, 1);
        support_swap_off(0);
    }
}

static void refuse_while_freeing(zc_swp slot)
{
    (void)slot;
    support.on_last_put = NULL;
    expect_refused(ZC_REJECTED);
}

ORDER_TEST(a_slot_that_is_being_freed_is_not_given_out)
{
    support_swap_on_managed(0, 1, ZC_SLOT_ORDER_LAST_FREED);
    EXPECT(0);
    support.on_last_put = refuse_while_freeing;
    DROP(0);
    assert_null(support.on_last_put);
    EXPECT(0);
}

ORDER_TEST(the_first_type_with_a_free_slot_gives_it)
{
    expect_refused(ZC_REJECTED);
    support_swap_on(0, 100);
    expect_refused(ZC_REJECTED);
    support_swap_on_managed(9, 100, ZC_SLOT_ORDER_LOWEST);
    support_swap_on_managed(4, 2, ZC_SLOT_ORDER_LOWEST);

    expect_slot(4, 0);
    expect_slot(4, 1);
    expect_slot(9, 0);
    drop(4, 1);
    expect_slot(4, 1);
}

ORDER_TEST(a_device_that_stopped_gives_none)
{
    support_swap_on_managed(0, 100, ZC_SLOT_ORDER_LOWEST);
    support_swap_on_managed(1, 100, ZC_SLOT_ORDER_LOWEST);

    zc_swap_device_stop(&swap->devices[0]);
    expect_slot(1, 0);
    zc_swap_device_restart(&swap->devices[0]);
    expect_slot(0, 0);
}

/* No memory for the block, the cluster, the table of its folios. */
ORDER_TEST(no_memory_gives_the_slot_back)
{
    uint32_t countdown;

    support_swap_on_managed(0, 100, ZC_SLOT_ORDER_LOWEST);
    for (countdown = 0; countdown < 3; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
        expect_refused(ZC_NO_MEMORY);
        assert_int_equal(zc_inject_failures(), 1);
        assert_int_equal(support_swap_used(0), 0);
        /* Each time one of them is made before the next one fails. */
        zc_inject_arm(ZC_INJECT_MALLOC, 1, 1);
        if (countdown < 2)
            expect_refused(ZC_NO_MEMORY);
        zc_inject_disarm();
    }
    EXPECT(0);
}

ORDER_TEST(four_billion_slots_cost_what_is_used_of_them)
{
    if (sizeof(size_t) < 8)
        skip();
    support_swap_on_managed(0, UINT64_C(1) << 32, ZC_SLOT_ORDER_LAST_FREED);
    assert_in_range(zc_swap_bytes(swap), 1, 500);
    expect_range(0, 10000);
    /* Four bytes a slot in the order of freeing, and twenty clusters. */
    assert_in_range(zc_swap_bytes(swap), 40000, 200000);
    DROP(77);
    EXPECT(77);
}
