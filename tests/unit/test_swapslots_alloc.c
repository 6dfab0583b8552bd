/* SPDX-License-Identifier: MIT */
/* test_swapslots_alloc.c - which free slot is given out next. */
#include "support_swap.h"
#include "support_test.h"

#include "base/inject.h"

/* Allocates, and expects this slot; its count is 1 and nothing is cached. */
static void expect_slot(struct support_swap *support, unsigned type,
                        uint64_t offset)
{
    zc_swp slot = support_slot(support);

    assert_int_equal(zc_swp_type(slot), type);
    assert_int_equal(zc_swp_offset(slot), offset);
}

static void drop(struct support_swap *support, unsigned type, uint64_t offset)
{
    zc_slot_drop(&support->swap, zc_swp_make(type, offset));
}

static void drop_all(struct support_swap *support, unsigned type)
{
    uint64_t offset = 0;

    while (zc_swap_device_next(&support->swap.devices[type], &offset))
        drop(support, type, offset);
}

static void expect_refused(struct support_swap *support, zc_status status)
{
    struct zc_folio *folio = support_folio(support);
    zc_swp slot = {77};

    assert_status(zc_slot_alloc(&support->swap, folio, &slot), status);
    assert_int_equal(slot.value, 77);
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    assert_int_equal(support_folio_references(folio), 1);
    zc_folio_unlock(&support->swap, folio);
    zc_folio_put(&support->swap, folio);
}

TEST(a_slot_comes_with_the_folio_in_the_cache)
{
    struct support_swap support;
    struct zc_folio *folio;
    zc_swp slot;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 10, ZC_SLOT_ORDER_LOWEST);
    folio = support_folio(&support);

    assert_status(zc_slot_alloc(&support.swap, folio, &slot), ZC_OK);

    assert_int_equal(slot.value, zc_swp_make(0, 0).value);
    assert_int_equal(folio->swap.value, slot.value);
    assert_true(zc_folio_is_of(folio, slot));
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(support_folio_references(folio), 2);
    assert_int_equal(zc_slot_count(zc_slot_find(&support.swap, slot)), 0);
    assert_int_equal(support_slot_flags(&support, slot), ZC_SLOT_CACHED);
    assert_int_equal(support_swap_used(&support, 0), 1);
    assert_int_equal(zc_counter_read(&support.swap.devices[0].cached), 1);
    assert_int_equal(support_swap_users(&support, 0), 0);
    assert_true(zc_swapcache_try_to_free(&support.swap, folio));
    zc_folio_unlock(&support.swap, folio);
    zc_folio_put(&support.swap, folio);
    support_swap_end(&support);
}

TEST(the_lowest_is_the_lowest_free)
{
    struct support_swap support;
    unsigned i;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 1000, ZC_SLOT_ORDER_LOWEST);
    for (i = 0; i < 700; i++)
        expect_slot(&support, 0, i);

    drop(&support, 0, 3);
    drop(&support, 0, 600);
    drop(&support, 0, 64);
    expect_slot(&support, 0, 3);
    expect_slot(&support, 0, 64);
    drop(&support, 0, 2);
    expect_slot(&support, 0, 2);
    expect_slot(&support, 0, 600);
    expect_slot(&support, 0, 700);
    drop_all(&support, 0);
    support_swap_end(&support);
}

TEST(the_last_freed_comes_back_first)
{
    struct support_swap support;
    unsigned i;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 1000, ZC_SLOT_ORDER_LAST_FREED);
    for (i = 0; i < 10; i++)
        expect_slot(&support, 0, i);

    drop(&support, 0, 0);
    drop(&support, 0, 3);
    drop(&support, 0, 9);
    drop(&support, 0, 1);
    expect_slot(&support, 0, 1);
    expect_slot(&support, 0, 9);
    drop(&support, 0, 5);
    expect_slot(&support, 0, 5);
    expect_slot(&support, 0, 3);
    expect_slot(&support, 0, 0);
    expect_slot(&support, 0, 10);
    drop_all(&support, 0);
    support_swap_end(&support);
}

static void go_round(unsigned order)
{
    struct support_swap support;
    unsigned i;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 100, order);

    for (i = 0; i < 10; i++)
        expect_slot(&support, 0, i);
    drop(&support, 0, 2);
    drop(&support, 0, 7);
    for (; i < 100; i++)
        expect_slot(&support, 0, i);
    drop(&support, 0, 50);
    drop(&support, 0, 99);
    expect_slot(&support, 0, 2);
    expect_slot(&support, 0, 7);
    expect_slot(&support, 0, 50);
    drop(&support, 0, 7);
    expect_slot(&support, 0, 99);
    expect_slot(&support, 0, 7);
    expect_refused(&support, ZC_REJECTED);
    drop_all(&support, 0);
    support_swap_end(&support);
}

TEST(round_robin_goes_up_and_begins_again)
{
    go_round(ZC_SLOT_ORDER_ROUND_ROBIN);
}

TEST(the_default_is_round_robin)
{
    go_round(ZC_SLOT_ORDER_DEFAULT);
}

TEST(a_full_device_is_refused_until_a_slot_is_free)
{
    static const unsigned orders[] = {
        ZC_SLOT_ORDER_LOWEST,
        ZC_SLOT_ORDER_LAST_FREED,
        ZC_SLOT_ORDER_ROUND_ROBIN,
    };
    struct support_swap support;
    size_t i;

    for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        support_swap_begin(&support);
        support_swap_on_managed(&support, 0, 2, orders[i]);
        expect_slot(&support, 0, 0);
        expect_slot(&support, 0, 1);

        expect_refused(&support, ZC_REJECTED);
        drop(&support, 0, 0);
        expect_slot(&support, 0, 0);
        expect_refused(&support, ZC_REJECTED);
        drop_all(&support, 0);
        support_swap_end(&support);
    }
}

static void refuse_while_freeing(struct support_swap *support, zc_swp slot)
{
    (void)slot;
    expect_refused(support, ZC_REJECTED);
}

TEST(a_slot_that_is_being_freed_is_not_given_out)
{
    struct support_swap support;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 1, ZC_SLOT_ORDER_LAST_FREED);
    expect_slot(&support, 0, 0);
    support.on_last_put = refuse_while_freeing;

    drop(&support, 0, 0);

    assert_int_equal(atomic_load(&support.last_puts), 1);
    support.on_last_put = NULL;
    expect_slot(&support, 0, 0);
    drop(&support, 0, 0);
    support_swap_end(&support);
}

TEST(the_first_type_with_a_free_slot_gives_it)
{
    struct support_swap support;

    support_swap_begin(&support);
    expect_refused(&support, ZC_REJECTED);
    support_swap_on(&support, 0, 100);
    expect_refused(&support, ZC_REJECTED);
    support_swap_on_managed(&support, 9, 100, ZC_SLOT_ORDER_LOWEST);
    support_swap_on_managed(&support, 4, 2, ZC_SLOT_ORDER_LOWEST);

    expect_slot(&support, 4, 0);
    expect_slot(&support, 4, 1);
    expect_slot(&support, 9, 0);
    drop(&support, 4, 1);
    expect_slot(&support, 4, 1);
    drop_all(&support, 4);
    drop_all(&support, 9);
    assert_int_equal(support_swap_users(&support, 4), 0);
    assert_int_equal(support_swap_users(&support, 9), 0);
    support_swap_end(&support);
}

TEST(a_device_that_stopped_gives_none)
{
    struct support_swap support;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 100, ZC_SLOT_ORDER_LOWEST);
    support_swap_on_managed(&support, 1, 100, ZC_SLOT_ORDER_LOWEST);

    zc_swap_device_stop(&support.swap.devices[0]);
    expect_slot(&support, 1, 0);
    zc_swap_device_restart(&support.swap.devices[0]);
    expect_slot(&support, 0, 0);
    drop_all(&support, 0);
    drop_all(&support, 1);
    support_swap_end(&support);
}

/* No memory for the block, the cluster, the table of its folios. */
TEST(no_memory_gives_the_slot_back)
{
    struct support_swap support;
    uint32_t countdown;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 100, ZC_SLOT_ORDER_LOWEST);

    for (countdown = 0; countdown < 3; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
        expect_refused(&support, ZC_NO_MEMORY);
        assert_int_equal(zc_inject_failures(), 1);
        zc_inject_disarm();
        assert_int_equal(support_swap_used(&support, 0), 0);
        /* Each time one of them is made before the next one fails. */
        zc_inject_arm(ZC_INJECT_MALLOC, 1, 1);
        if (countdown < 2)
            expect_refused(&support, ZC_NO_MEMORY);
        zc_inject_disarm();
    }
    expect_slot(&support, 0, 0);
    drop_all(&support, 0);
    support_swap_end(&support);
}

TEST(four_billion_slots_cost_what_is_used_of_them)
{
    struct zc_slot_allocator *allocator = NULL;
    uint64_t offset = 0;
    unsigned i;

    if (sizeof(size_t) < 8)
        skip();
    assert_status(zc_slot_allocator_create(
                      UINT64_C(1) << 32, ZC_SLOT_ORDER_LAST_FREED, &allocator),
                  ZC_OK);

    assert_in_range(zc_slot_allocator_bytes(allocator), 1, 500);
    for (i = 0; i < 10000; i++) {
        assert_true(zc_slot_allocator_take(allocator, &offset));
        assert_int_equal(offset, i);
    }
    assert_in_range(zc_slot_allocator_bytes(allocator), 41000, 43000);
    zc_slot_allocator_give(allocator, 77);
    assert_true(zc_slot_allocator_take(allocator, &offset));
    assert_int_equal(offset, 77);
    assert_in_range(zc_slot_allocator_bytes(allocator), 41000, 43000);
    zc_slot_allocator_destroy(allocator);
}
