/* SPDX-License-Identifier: MIT */
/* test_slot_uses.c - counts, bare pins, and which thread frees a slot. */
#include "support_call.h"
#include "support_swap.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"

/* ---- counts ---- */

static void dup_ok(void)
{
    assert_status(zc_slot_dup(swap, support.slot), ZC_OK);
}

SLOT_TEST(the_last_of_several_references_frees)
{
    dup_ok();
    dup_ok();
    assert_int_equal(support_count(), 3);
    support_drop();
    support_drop();
    support_expect_in_use();
    assert_int_equal(support_count(), 1);
    support_drop();
    assert_int_equal(support_count(), 0);
}

SLOT_TEST(a_slot_never_used_has_no_count)
{
    const struct zc_slot_ref unused =
        zc_slot_find(swap, zc_swp_make(0, 999)); /* in a cluster never used */

    assert_int_equal(zc_slot_count(zc_slot_find(swap, zc_swp_make(0, 1))), 0);
    assert_int_equal(zc_slot_count(unused), 0);
    assert_false(zc_slot_is_zero(unused));
    assert_status(zc_slot_pin(swap, unused, NULL), ZC_MISSING);
    zc_slot_wait(swap, unused);
}

SLOT_TEST(counts_go_on_beyond_a_byte_and_come_back)
{
    const unsigned most = 1000;
    unsigned count;

    for (count = 1; count < most; count++) {
        assert_int_equal(support_count(), count);
        dup_ok();
    }
    for (; count > 0; count--) {
        assert_int_equal(support_count(), count);
        support_expect_in_use();
        support_drop();
    }
}

static void set_count(uint32_t count)
{
    struct zc_cluster *cluster = support_here().cluster;

    zc_spinlock_lock(&cluster->lock);
    zc_cluster_set_count(cluster, 0, count);
    zc_spinlock_unlock(&cluster->lock);
}

SLOT_TEST(the_largest_count_is_said_and_kept)
{
    assert_status(
        zc_cluster_add_overflow(&swap->devices[0], support_here().cluster),
        ZC_OK);
    set_count(ZC_COUNT_MAX - 1);
    dup_ok();
    assert_status(zc_slot_dup(swap, support.slot), ZC_REJECTED);
    assert_int_equal(support_count(), ZC_COUNT_MAX);
    set_count(1);
}

SLOT_TEST(no_memory_for_a_large_count_changes_nothing)
{
    unsigned count;

    for (count = 1; count < ZC_COUNT_IN_PLACE_MAX; count++) {
        zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
        dup_ok();
    }
    assert_status(zc_slot_dup(swap, support.slot), ZC_NO_MEMORY);
    assert_int_equal(support_count(), count);
    zc_inject_disarm();
    dup_ok();
    assert_int_equal(support_count(), count + 1);
    for (; count > 0; count--)
        support_drop();
}

/* ---- being freed ---- */

static void look_while_freeing(zc_swp slot)
{
    struct zc_folio *folio = NULL;
    bool created;

    assert_int_equal(support_slot_flags(slot) & ~(unsigned)ZC_SLOT_ZERO,
                     ZC_SLOT_FREEING);
    assert_int_equal(support_count(), 0);
    assert_int_equal(support_swap_used(0), 1);
    support_pin(ZC_MISSING);
    assert_null(zc_swapcache_look_up(support_here()));
    assert_status(zc_swapcache_create(swap, support_here(), &folio),
                  ZC_MISSING);
    assert_status(zc_swapcache_get(swap, support_here(), &folio, &created),
                  ZC_MISSING);
    /* The only device reference is that of the drop. */
    assert_int_equal(support_swap_users(0), 1);
}

SLOT_TEST(a_folio_that_only_the_cache_knows_goes_with_the_last_reference)
{
    struct zc_folio *folio = support_cached();

    dup_ok();
    zc_folio_set(folio, ZC_FOLIO_DIRTY);
    support_unlock(folio);
    support_drop();
    support_expect_in_use();
    assert_int_equal(atomic_load(&support.frames), 1);
    support_drop();
    assert_int_equal(atomic_load(&support.frames), 0);
}

/* ---- pins ---- */

SLOT_TEST(there_is_one_pin_of_either_kind)
{
    struct zc_folio *folio = NULL;

    support_pin(ZC_OK);
    assert_int_equal(support_slot_flags(support.slot), ZC_SLOT_PINNED);
    support_pin(ZC_BUSY);
    assert_status(zc_swapcache_create(swap, support_here(), &folio), ZC_BUSY);
    support_unpin();
    folio = support_cached();
    support_pin(ZC_BUSY);
    zc_swapcache_delete(swap, folio);
    support_unlock(folio);
    support_expect_in_use();
}

SLOT_TEST(a_pin_keeps_the_slot_until_it_ends)
{
    support_pin(ZC_OK);
    support_drop();
    support_expect_in_use();
    support_pin(ZC_BUSY);
    support_unpin();
}

static void wait_for_pin(void *context)
{
    (void)context;
    zc_slot_wait(swap, support_here());
}

SLOT_TEST(a_thread_that_waits_for_a_pin_sleeps_until_it_ends)
{
    struct support_call calls[3];
    unsigned i;

    support_pin(ZC_OK);
    for (i = 0; i < 3; i++)
        support_call_start(&calls[i], wait_for_pin, NULL);
    support_await_slot();
    for (i = 0; i < 3; i++)
        assert_true(support_call_waits(&calls[i]));
    support_unpin();
    for (i = 0; i < 3; i++)
        support_call_join(&calls[i]);
    assert_int_equal(support_slot_flags(support.slot), 0);
}

#define ROUNDS (SUPPORT_SANITIZED ? 2000 : 20000)

static struct support_meeting meeting;

static void pin_and_wait(struct support_worker *worker)
{
    for (; worker->operations < ROUNDS; worker->operations++) {
        if (worker->index == 0 &&
            zc_slot_pin(swap, support_here(), NULL) != ZC_OK)
            support_mistake(worker, "not pinned");
        support_meet(worker, &meeting);
        if (worker->index == 0)
            support_unpin();
        else
            zc_slot_wait(swap, support_here());
        support_meet(worker, &meeting);
    }
}

/* If a thread sleeps on, this test never ends. */
SLOT_TEST(no_thread_sleeps_past_the_end_of_a_pin)
{
    memset(&meeting, 0, sizeof(meeting));
    support_crowd(2, pin_and_wait, NULL, 0);
}

/* ---- the zero bit ---- */

static void set_zero(bool is_zero)
{
    zc_slot_set_zero(support_here(), is_zero);
    assert_int_equal(zc_slot_is_zero(support_here()), is_zero);
}

SLOT_TEST(the_zero_bit_ends_with_the_slot_that_keeps_its_device)
{
    assert_false(zc_slot_is_zero(support_here()));
    support_pin(ZC_OK);
    set_zero(true);
    set_zero(false);
    set_zero(true);
    support_unpin();
    assert_true(zc_slot_is_zero(support_here()));
    support.on_last_put = look_while_freeing;
    support_drop();
    assert_int_equal(atomic_exchange(&support.last_puts, 0), 1);
    assert_int_equal(support_swap_users(0), 0);
    support.on_last_put = NULL;
    assert_int_equal(support_slot().value, support.slot.value);
    assert_false(zc_slot_is_zero(support_here()));
}
