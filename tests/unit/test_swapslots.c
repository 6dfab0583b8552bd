/* SPDX-License-Identifier: MIT */
/* test_swapslots.c - devices: on, used, searched, and off again. */
#include <pthread.h>
#include <sched.h>

#include "support_swap.h"
#include "support_test.h"

#include "base/inject.h"

static zc_swp at(unsigned type, uint64_t offset)
{
    return zc_swp_make(type, offset);
}

static zc_status turn_on(struct support_swap *support,
                         const struct zc_swap_options *options)
{
    return zc_swap_device_on(&support->swap, 3, options);
}

TEST(a_device_is_there_from_on_to_end)
{
    struct support_swap support;
    struct zc_swap_device *device;

    support_swap_begin(&support);
    assert_false(zc_swap_has_device(&support.swap, 3));
    assert_null(zc_swap_device_get(&support.swap, at(3, 0)));

    assert_status(
        turn_on(&support, ZC_SWAP_OPTIONS(.slot_count = 100, .synchronous = 1)),
        ZC_OK);

    device = &support.swap.devices[3];
    assert_true(zc_swap_has_device(&support.swap, 3));
    assert_false(zc_swap_has_device(&support.swap, 2));
    assert_int_equal(device->type, 3);
    assert_int_equal(device->slot_count, 100);
    assert_true(device->synchronous);
    assert_false(device->managed);
    assert_null(device->allocator);
    assert_non_null(device->backing);
    assert_true(zc_swap_device_accepts(device));
    support_swap_off(&support, 3);
    assert_false(zc_swap_has_device(&support.swap, 3));
    assert_null(zc_swap_device_get(&support.swap, at(3, 0)));
    support_swap_end(&support);
}

TEST(a_type_can_be_used_again)
{
    struct support_swap support;

    support_swap_begin(&support);
    assert_status(
        turn_on(&support, ZC_SWAP_OPTIONS(.slot_count = 100, .managed = 1,
                                          .synchronous = 1)),
        ZC_OK);
    zc_slot_drop(&support.swap, support_slot(&support));
    zc_swap_device_stop(&support.swap.devices[3]);
    support_swap_off(&support, 3);

    assert_status(turn_on(&support, ZC_SWAP_OPTIONS(.slot_count = 50)), ZC_OK);

    assert_int_equal(support.swap.devices[3].slot_count, 50);
    assert_false(support.swap.devices[3].managed);
    assert_false(support.swap.devices[3].synchronous);
    assert_null(support.swap.devices[3].allocator);
    assert_true(zc_swap_device_accepts(&support.swap.devices[3]));
    assert_null(zc_swap_device_get(&support.swap, at(3, 50)));
    support_swap_end(&support);
}

TEST(only_slots_that_exist_give_a_reference)
{
    struct support_swap support;
    struct zc_swap_device *device;

    support_swap_begin(&support);
    support_swap_on(&support, 31, 100);

    device = zc_swap_device_get(&support.swap, at(31, 99));
    assert_ptr_equal(device, &support.swap.devices[31]);
    assert_int_equal(support_swap_users(&support, 31), 1);
    assert_ptr_equal(zc_swap_device_get(&support.swap, at(31, 0)), device);
    assert_int_equal(support_swap_users(&support, 31), 2);
    assert_null(zc_swap_device_get(&support.swap, at(31, 100)));
    assert_null(zc_swap_device_get(&support.swap, at(30, 0)));
    assert_null(zc_swap_device_get(&support.swap, at(32, 0)));
    assert_null(zc_swap_device_get(&support.swap, at(63, 0)));
    assert_false(zc_swap_has_device(&support.swap, 32));
    assert_int_equal(support_swap_users(&support, 31), 2);

    zc_swap_device_put(&support.swap, device);
    zc_swap_device_put(&support.swap, device);
    assert_int_equal(support_swap_users(&support, 31), 0);
    assert_true(zc_swap_has_device(&support.swap, 31));
    support_swap_end(&support);
}

struct ending {
    struct support_swap *support;
    atomic_bool ended;
};

static void *end_device(void *argument)
{
    struct ending *ending = argument;

    zc_swap_device_end(&ending->support->swap,
                       &ending->support->swap.devices[0]);
    atomic_store(&ending->ended, true);
    return NULL;
}

TEST(the_end_waits_for_the_last_user_and_lets_in_no_other)
{
    struct support_swap support;
    struct ending ending;
    struct zc_swap_device *device;
    pthread_t thread;
    unsigned i;

    support_swap_begin(&support);
    support_swap_on(&support, 0, 100);
    device = zc_swap_device_get(&support.swap, at(0, 0));
    (void)zc_swap_device_get(&support.swap, at(0, 1));
    ending.support = &support;
    atomic_init(&ending.ended, false);

    assert_int_equal(pthread_create(&thread, NULL, end_device, &ending), 0);
    while ((zc_atomic_u32_load_acquire(&device->users) & ZC_DEVICE_ON) != 0)
        (void)sched_yield();
    assert_true(zc_swap_has_device(&support.swap, 0));
    assert_null(zc_swap_device_get(&support.swap, at(0, 0)));
    zc_swap_device_put(&support.swap, device);
    for (i = 0; i < 1000; i++)
        (void)sched_yield();
    assert_false(atomic_load(&ending.ended));
    assert_non_null(device->backing);
    zc_swap_device_put(&support.swap, device);
    (void)pthread_join(thread, NULL);

    assert_true(atomic_load(&ending.ended));
    assert_null(device->backing);
    support_swap_end(&support);
}

TEST(stopping_is_undone_by_restarting)
{
    struct support_swap support;
    struct zc_swap_device *device;

    support_swap_begin(&support);
    support_swap_on(&support, 0, 100);
    device = &support.swap.devices[0];

    zc_swap_device_stop(device);
    assert_false(zc_swap_device_accepts(device));
    /* Pages that are there are still of use. */
    assert_true(zc_swap_has_device(&support.swap, 0));
    zc_swap_device_restart(device);

    assert_true(zc_swap_device_accepts(device));
    support_swap_end(&support);
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

static void claim_count_of_one(struct support_swap *support, zc_swp slot)
{
    struct zc_folio *folio = NULL;

    assert_status(support_slot_claim(&support->swap, slot, &folio), ZC_OK);
    assert_null(folio);
    support_slot_release(&support->swap, slot, NULL, true);
}

static void expect_next(struct support_swap *support, uint64_t from,
                        uint64_t expected)
{
    uint64_t offset = from;

    assert_true(zc_swap_device_next(&support->swap.devices[0], &offset));
    assert_int_equal(offset, expected);
}

static void expect_none(struct support_swap *support, uint64_t from)
{
    uint64_t offset = from;

    assert_false(zc_swap_device_next(&support->swap.devices[0], &offset));
    assert_int_equal(offset, from);
}

TEST(slots_in_use_are_found_in_order_over_all_edges)
{
    struct support_swap support;
    size_t i;

    support_swap_begin(&support);
    support_swap_on(&support, 0, SUPPORT_SLOTS_MOST);
    expect_none(&support, 0);
    for (i = 0; i < EDGES; i++)
        claim_count_of_one(&support, at(0, edges[i]));

    expect_next(&support, 0, 0);
    for (i = 1; i < EDGES; i++) {
        expect_next(&support, edges[i - 1] + 1, edges[i]);
        expect_next(&support, edges[i], edges[i]);
    }
    expect_none(&support, edges[EDGES - 1] + 1);
    for (i = 0; i < EDGES; i++) {
        expect_next(&support, 0, edges[i]);
        zc_slot_drop(&support.swap, at(0, edges[i]));
    }
    expect_none(&support, 0);
    support_swap_end(&support);
}

TEST(each_kind_of_use_is_found)
{
    struct support_swap support;
    struct zc_folio *folio;
    zc_swp slot;

    support_swap_begin(&support);
    support_swap_on(&support, 0, 1000);
    slot = at(0, 700);

    assert_status(support_slot_claim(&support.swap, slot, &folio), ZC_OK);
    expect_next(&support, 3, 700);
    support_slot_release(&support.swap, slot, NULL, true);
    expect_next(&support, 3, 700);
    folio = support_cached(&support, slot);
    zc_slot_drop(&support.swap, slot);
    expect_next(&support, 3, 700);
    assert_true(zc_swapcache_try_to_free(&support.swap, folio));
    expect_none(&support, 0);

    zc_folio_unlock(&support.swap, folio);
    zc_folio_put(&support.swap, folio);
    support_swap_end(&support);
}

static void look_while_freeing(struct support_swap *support, zc_swp slot)
{
    assert_int_equal(support_slot_flags(support, slot), ZC_SLOT_FREEING);
    assert_int_equal(support_swap_used(support, 0), 1);
    expect_none(support, 0);
}

TEST(a_slot_that_is_being_freed_is_left_to_who_frees_it)
{
    struct support_swap support;

    support_swap_begin(&support);
    support_swap_on(&support, 0, 1000);
    claim_count_of_one(&support, at(0, 700));
    support.on_last_put = look_while_freeing;

    zc_slot_drop(&support.swap, at(0, 700));

    assert_int_equal(atomic_load(&support.last_puts), 1);
    assert_int_equal(support_swap_used(&support, 0), 0);
    support_swap_end(&support);
}

/* ---- failures ---- */

static zc_status refuse_to_open(const struct zc_backing_config *config,
                                void **backing_out)
{
    (void)config;
    (void)backing_out;
    return ZC_UNSUPPORTED;
}

TEST(a_device_that_does_not_open_leaves_nothing)
{
    struct zc_backing_ops ops = zc_backing_memory;
    struct support_swap support;

    support_swap_begin(&support);
    ops.open = refuse_to_open;

    assert_status(
        turn_on(&support, ZC_SWAP_OPTIONS(.slot_count = 100, .managed = 1,
                                          .backing_ops = &ops)),
        ZC_UNSUPPORTED);

    assert_false(zc_swap_has_device(&support.swap, 3));
    assert_int_equal(zc_counter_read(&support.swap.devices[3].bytes), 0);
    support_swap_end(&support);
}

static unsigned closed;

static void close_and_count(void *backing)
{
    closed++;
    zc_backing_memory.close(backing);
}

TEST(the_device_behind_is_closed_once)
{
    struct zc_backing_ops ops = zc_backing_memory;
    struct support_swap support;

    support_swap_begin(&support);
    ops.close = close_and_count;
    closed = 0;
    assert_status(turn_on(&support, ZC_SWAP_OPTIONS(.slot_count = 100,
                                                    .backing_ops = &ops)),
                  ZC_OK);
    assert_int_equal(closed, 0);

    support_swap_off(&support, 3);

    assert_int_equal(closed, 1);
    assert_null(support.swap.devices[3].backing);
    support_swap_end(&support);
}

static unsigned sweep(struct support_swap *support, enum zc_inject_point point,
                      unsigned managed)
{
    uint32_t countdown = 0;
    zc_status status;

    for (;; countdown++) {
        zc_inject_arm(point, countdown, 1);
        status = turn_on(
            support, ZC_SWAP_OPTIONS(.slot_count = 100, .managed = managed));
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_false(zc_swap_has_device(&support->swap, 3));
        assert_int_equal(zc_counter_read(&support->swap.devices[3].bytes), 0);
    }
    support_swap_off(support, 3);
    return countdown;
}

TEST(no_memory_at_any_point_leaves_nothing)
{
    struct support_swap support;

    support_swap_begin(&support);

    assert_in_range(sweep(&support, ZC_INJECT_MALLOC, 0), 2, 20);
    assert_in_range(sweep(&support, ZC_INJECT_MALLOC, 1), 3, 20);
    assert_in_range(sweep(&support, ZC_INJECT_PAGES, 1), 1, 20);
    support_swap_end(&support);
}

TEST(memory_is_as_much_as_was_used)
{
    struct support_swap support;
    uint64_t idle;

    support_swap_begin(&support);
    support_swap_on(&support, 0, SUPPORT_SLOTS_MOST);
    idle = zc_swap_bytes(&support.swap);
    /* Blocks are made with the first slot. */
    assert_int_equal(idle, 0);

    claim_count_of_one(&support, at(0, 5));
    claim_count_of_one(&support, at(0, 6));
    assert_in_range(zc_swap_bytes(&support.swap) - idle, 1000, 20000);

    zc_slot_drop(&support.swap, at(0, 5));
    zc_slot_drop(&support.swap, at(0, 6));
    if (sizeof(size_t) >= 8)
        support_swap_on_managed(&support, 1, UINT64_C(1) << 32,
                                ZC_SLOT_ORDER_LAST_FREED);
    assert_in_range(zc_swap_bytes(&support.swap), idle, idle + 40000);
    support_swap_end(&support);
}
