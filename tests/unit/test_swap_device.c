/* SPDX-License-Identifier: MIT */
/* test_swap_device.c - devices: on, used, searched, and off again. */
#include <sched.h>

#include "support_call.h"
#include "support_swap.h"
#include "support_test.h"
#include "support_threads.h"

static zc_swp at(unsigned type, uint64_t offset)
{
    return zc_swp_make(type, offset);
}

static void turn_on(const struct zc_swap_options *options)
{
    assert_status(zc_swap_device_on(swap, 3, options), ZC_OK);
}

/* ---- on and off ---- */

SWAP_TEST(a_device_is_there_from_on_to_end_and_leaves_nothing_to_the_next)
{
    struct zc_swap_device *device = &swap->devices[3];

    assert_false(zc_swap_has_device(swap, 3));
    turn_on(ZC_SWAP_OPTIONS(.slot_count = 100, .managed = 1, .synchronous = 1));
    assert_true(zc_swap_has_device(swap, 3));
    assert_false(zc_swap_has_device(swap, 2));
    assert_true(device->synchronous);
    zc_slot_drop(swap, support_slot());
    zc_swap_device_stop(device);
    support_swap_off(3);
    assert_false(zc_swap_has_device(swap, 3));
    assert_null(zc_swap_device_get(swap, at(3, 0)));

    turn_on(ZC_SWAP_OPTIONS(.slot_count = 50));
    assert_int_equal(device->slot_count, 50);
    assert_false(device->managed);
    assert_false(device->synchronous);
    assert_null(device->allocator);
    assert_true(zc_swap_device_accepts(device));
    assert_null(zc_swap_device_get(swap, at(3, 50)));
}

SWAP_TEST(only_slots_that_exist_give_a_reference)
{
    static const struct {
        unsigned type;
        uint64_t offset;
    } nowhere[] = {{31, 100}, {30, 0}, {32, 0}, {63, 0}};
    struct zc_swap_device *device = &swap->devices[31];
    unsigned i;

    support_swap_on(31, 100);
    assert_ptr_equal(zc_swap_device_get(swap, at(31, 99)), device);
    assert_int_equal(support_swap_users(31), 1);
    assert_ptr_equal(zc_swap_device_get(swap, at(31, 0)), device);
    assert_int_equal(support_swap_users(31), 2);
    for (i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
        assert_null(
            zc_swap_device_get(swap, at(nowhere[i].type, nowhere[i].offset)));
    assert_false(zc_swap_has_device(swap, 32));
    assert_int_equal(support_swap_users(31), 2);

    zc_swap_device_put(swap, device);
    zc_swap_device_put(swap, device);
    assert_int_equal(support_swap_users(31), 0);
    assert_true(zc_swap_has_device(swap, 31));
}

static void end_device(void *context)
{
    zc_swap_device_end(swap, context);
}

SWAP_TEST(the_end_waits_for_the_last_user_and_lets_in_no_other)
{
    struct zc_swap_device *device = &swap->devices[0];
    struct support_call call;

    support_swap_on(0, 100);
    (void)zc_swap_device_get(swap, at(0, 0));
    (void)zc_swap_device_get(swap, at(0, 1));

    support_call_start(&call, end_device, device);
    while ((zc_atomic_u32_load_acquire(&device->users) & ZC_DEVICE_ON) != 0)
        (void)sched_yield();
    assert_true(zc_swap_has_device(swap, 0));
    assert_null(zc_swap_device_get(swap, at(0, 0)));
    zc_swap_device_put(swap, device);
    assert_true(support_call_waits(&call));
    assert_non_null(device->backing);
    zc_swap_device_put(swap, device);
    support_call_join(&call);

    assert_null(device->backing);
}

/* ---- finding what is in use ---- */

/* Either side of every edge: cluster, block, block of blocks. */
static const uint64_t edges[] = {
    0,
    1,
    511,
    512,
    (UINT64_C(1) << 18) - 1,
    UINT64_C(1) << 18,
    (UINT64_C(1) << 27) - 1,
    UINT64_C(1) << 27,
    (UINT64_C(1) << 30) + 5,
    SUPPORT_SLOTS_MOST - 1,
};

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static zc_status put_in_use(zc_swp slot)
{
    struct zc_folio *folio = NULL;
    zc_status status = support_slot_claim(swap, slot, &folio);

    if (status == ZC_OK)
        support_slot_release(swap, slot, NULL, true);
    return status;
}

static void expect_next(uint64_t from, uint64_t expected)
{
    uint64_t offset = from;

    assert_true(zc_swap_device_next(&swap->devices[0], &offset));
    assert_int_equal(offset, expected);
}

static void expect_none(uint64_t from)
{
    uint64_t offset = from;

    assert_false(zc_swap_device_next(&swap->devices[0], &offset));
    assert_int_equal(offset, from);
}

SWAP_TEST(slots_in_use_are_found_in_order_over_all_edges)
{
    size_t i;

    support_swap_on(0, SUPPORT_SLOTS_MOST);
    expect_none(0);
    for (i = 0; i < EDGES; i++)
        assert_status(put_in_use(at(0, edges[i])), ZC_OK);

    expect_next(0, 0);
    for (i = 1; i < EDGES; i++) {
        expect_next(edges[i - 1] + 1, edges[i]);
        expect_next(edges[i], edges[i]);
    }
    expect_none(edges[EDGES - 1] + 1);
    for (i = 0; i < EDGES; i++) {
        expect_next(0, edges[i]);
        zc_slot_drop(swap, at(0, edges[i]));
    }
    expect_none(0);
}

SWAP_TEST(each_kind_of_use_is_found)
{
    struct zc_folio *folio;

    support_swap_on(0, 1000);
    support.slot = at(0, 700);

    assert_status(support_slot_claim(swap, support.slot, &folio), ZC_OK);
    expect_next(3, 700);
    support_slot_release(swap, support.slot, NULL, true);
    expect_next(3, 700);
    folio = support_cached();
    support_drop();
    expect_next(3, 700);
    assert_true(zc_swapcache_try_free_slot(swap, folio));
    expect_none(0);
    support_unlock(folio);
}

static void look_while_freeing(zc_swp slot)
{
    assert_int_equal(support_slot_flags(slot), ZC_SLOT_FREEING);
    assert_int_equal(support_swap_used(0), 1);
    expect_none(0);
}

SWAP_TEST(a_slot_that_is_being_freed_is_left_to_its_freeing_thread)
{
    support_swap_on(0, 1000);
    assert_status(put_in_use(at(0, 700)), ZC_OK);
    support.on_last_put = look_while_freeing;

    zc_slot_drop(swap, at(0, 700));

    assert_int_equal(atomic_load(&support.last_puts), 1);
    assert_int_equal(support_swap_used(0), 0);
}

#define CLUSTERS 64
#define USERS 4

/* Each in slots of its own, which are the first of their clusters. */
static void use_all(struct support_worker *worker)
{
    unsigned i;

    for (i = 0; i < CLUSTERS; i++)
        if (put_in_use(at(0, ((uint64_t)i << 18) + worker->index)) != ZC_OK)
            support_mistake(worker, "slot %u cannot be used", i);
}

SWAP_TEST(threads_that_use_new_clusters_at_once_lose_no_slot)
{
    uint64_t offset;
    unsigned i;

    support_swap_on(0, SUPPORT_SLOTS_MOST);
    support_crowd(USERS, use_all, NULL, 0);

    for (i = 0; i < CLUSTERS * USERS; i++) {
        offset = ((uint64_t)(i / USERS) << 18) + i % USERS;
        expect_next(0, offset);
        zc_slot_drop(swap, at(0, offset));
    }
    expect_none(0);
}

/* ---- memory ---- */

SWAP_TEST(memory_is_as_much_as_was_used)
{
    support_swap_on(0, SUPPORT_SLOTS_MOST);
    /* Blocks are made with the first slot. */
    assert_int_equal(zc_swap_bytes(swap), 0);

    assert_status(put_in_use(at(0, 5)), ZC_OK);
    assert_status(put_in_use(at(0, 6)), ZC_OK);
    assert_in_range(zc_swap_bytes(swap), 1000, 20000);

    zc_slot_drop(swap, at(0, 5));
    zc_slot_drop(swap, at(0, 6));
    if (sizeof(size_t) >= 8)
        support_swap_on_managed(1, UINT64_C(1) << 32, ZC_SLOT_ORDER_LAST_FREED);
    assert_in_range(zc_swap_bytes(swap), 0, 40000);
}
