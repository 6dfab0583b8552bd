/* SPDX-License-Identifier: MIT */
/* test_swapslots_count.c - counts, bare pins, and which thread frees a slot. */
#include <pthread.h>
#include <sched.h>

#include "support_swap.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"

struct fixture {
    struct support_swap support;
    struct zc_swap *swap;
    zc_swp slot; /* with a count of 1, not cached */
};

static void begin(struct fixture *fixture)
{
    support_swap_begin(&fixture->support);
    support_swap_on_managed(&fixture->support, 0, 1000, ZC_SLOT_ORDER_LOWEST);
    fixture->swap = &fixture->support.swap;
    fixture->slot = support_slot(&fixture->support);
}

/* Every use of the slot is gone, and last_put() was called for it once. */
static void end(struct fixture *fixture)
{
    assert_int_equal(atomic_load(&fixture->support.last_puts), 1);
    assert_int_equal(atomic_load(&fixture->support.last_put),
                     fixture->slot.value);
    assert_int_equal(support_slot_flags(&fixture->support, fixture->slot), 0);
    assert_int_equal(support_swap_used(&fixture->support, 0), 0);
    support_swap_end(&fixture->support);
}

static void expect_in_use(struct fixture *fixture)
{
    assert_int_equal(atomic_load(&fixture->support.last_puts), 0);
    assert_int_equal(support_swap_used(&fixture->support, 0), 1);
}

/* ---- counts ---- */

TEST(the_last_of_several_references_frees)
{
    struct fixture fixture;

    begin(&fixture);
    assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_OK);
    assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_OK);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     3);

    zc_slot_drop(fixture.swap, fixture.slot);
    zc_slot_drop(fixture.swap, fixture.slot);
    expect_in_use(&fixture);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     1);
    zc_slot_drop(fixture.swap, fixture.slot);

    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     0);
    end(&fixture);
}

TEST(a_slot_never_used_has_no_count)
{
    struct fixture fixture;

    begin(&fixture);

    assert_int_equal(
        zc_slot_count(zc_slot_find(fixture.swap, zc_swp_make(0, 1))), 0);
    assert_int_equal(
        zc_slot_count(zc_slot_find(fixture.swap, zc_swp_make(0, 999))), 0);
    assert_false(
        zc_slot_is_zero(zc_slot_find(fixture.swap, zc_swp_make(0, 999))));
    assert_status(zc_slot_pin(fixture.swap,
                              zc_slot_find(fixture.swap, zc_swp_make(0, 999))),
                  ZC_MISSING);
    zc_slot_wait(fixture.swap, zc_slot_find(fixture.swap, zc_swp_make(0, 999)));
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(counts_go_on_beyond_a_byte_and_come_back)
{
    const unsigned most = 1000;
    struct fixture fixture;
    unsigned count;

    begin(&fixture);

    for (count = 1; count < most; count++) {
        assert_int_equal(
            zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)), count);
        assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_OK);
    }
    for (; count > 0; count--) {
        assert_int_equal(
            zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)), count);
        expect_in_use(&fixture);
        zc_slot_drop(fixture.swap, fixture.slot);
    }
    end(&fixture);
}

TEST(the_largest_count_is_said_and_kept)
{
    struct fixture fixture;
    struct zc_cluster *cluster;

    begin(&fixture);
    cluster = zc_slot_find(fixture.swap, fixture.slot).cluster;
    assert_status(zc_cluster_add_overflow(&fixture.swap->devices[0], cluster),
                  ZC_OK);
    zc_spinlock_lock(&cluster->lock);
    zc_cluster_set_count(cluster, 0, ZC_COUNT_MAX - 1);
    zc_spinlock_unlock(&cluster->lock);

    assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_OK);
    assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_REJECTED);

    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     ZC_COUNT_MAX);
    zc_spinlock_lock(&cluster->lock);
    zc_cluster_set_count(cluster, 0, 1);
    zc_spinlock_unlock(&cluster->lock);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(no_memory_for_a_large_count_changes_nothing)
{
    struct fixture fixture;
    unsigned count;

    begin(&fixture);
    for (count = 1; count < ZC_COUNT_IN_PLACE_MAX; count++) {
        zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
        assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_OK);
    }

    assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_NO_MEMORY);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     count);
    zc_inject_disarm();
    assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_OK);

    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     count + 1);
    for (count++; count > 0; count--)
        zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

/* ---- being freed ---- */

static void look_while_freeing(struct support_swap *support, zc_swp slot)
{
    struct zc_swap *swap = &support->swap;
    struct zc_folio *folio = NULL;
    bool created;

    assert_int_equal(support_slot_flags(support, slot) &
                         ~(unsigned)ZC_SLOT_ZERO,
                     ZC_SLOT_FREEING);
    assert_int_equal(zc_slot_count(zc_slot_find(swap, slot)), 0);
    assert_int_equal(support_swap_used(support, 0), 1);
    assert_status(zc_slot_pin(swap, zc_slot_find(swap, slot)), ZC_MISSING);
    assert_null(zc_swapcache_look_up(zc_slot_find(swap, slot)));
    assert_status(zc_swapcache_create(swap, zc_slot_find(swap, slot), &folio),
                  ZC_MISSING);
    assert_status(
        zc_swapcache_get(swap, zc_slot_find(swap, slot), &folio, &created),
        ZC_MISSING);
    /* The only device reference is that of the drop. */
    assert_int_equal(support_swap_users(support, 0), 1);
}

TEST(while_it_is_freed_nobody_can_use_it_and_the_device_stays)
{
    struct fixture fixture;

    begin(&fixture);
    fixture.support.on_last_put = look_while_freeing;

    zc_slot_drop(fixture.swap, fixture.slot);

    assert_int_equal(support_swap_users(&fixture.support, 0), 0);
    end(&fixture);
}

TEST(a_folio_keeps_the_slot_until_it_leaves)
{
    struct fixture fixture;
    struct zc_folio *folio;

    begin(&fixture);
    folio = support_cached(&fixture.support, fixture.slot);

    zc_slot_drop(fixture.swap, fixture.slot);
    expect_in_use(&fixture);
    zc_swapcache_delete(fixture.swap, folio);

    zc_folio_unlock(fixture.swap, folio);
    zc_folio_put(fixture.swap, folio);
    end(&fixture);
}

TEST(a_folio_that_nobody_knows_goes_with_the_last_reference)
{
    struct fixture fixture;
    struct zc_folio *folio;

    begin(&fixture);
    assert_status(zc_slot_dup(fixture.swap, fixture.slot), ZC_OK);
    folio = support_cached(&fixture.support, fixture.slot);
    zc_folio_set(folio, ZC_FOLIO_DIRTY);
    zc_folio_unlock(fixture.swap, folio);
    zc_folio_put(fixture.swap, folio);
    zc_slot_drop(fixture.swap, fixture.slot);
    expect_in_use(&fixture);
    assert_int_equal(atomic_load(&fixture.support.frames), 1);

    zc_slot_drop(fixture.swap, fixture.slot);

    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    end(&fixture);
}

TEST(a_folio_that_somebody_knows_stays)
{
    struct fixture fixture;
    struct zc_folio *folio;

    begin(&fixture);
    folio = support_cached(&fixture.support, fixture.slot);
    zc_folio_unlock(fixture.swap, folio);

    zc_slot_drop(fixture.swap, fixture.slot);
    expect_in_use(&fixture);
    assert_true(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    zc_swapcache_put(fixture.swap, fixture.slot, folio);

    end(&fixture);
}

/* ---- pins ---- */

TEST(there_is_one_pin_of_either_kind)
{
    struct fixture fixture;
    struct zc_folio *folio = NULL;

    begin(&fixture);

    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_OK);
    assert_int_equal(support_slot_flags(&fixture.support, fixture.slot),
                     ZC_SLOT_PINNED);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_BUSY);
    assert_status(zc_swapcache_create(fixture.swap,
                                      zc_slot_find(fixture.swap, fixture.slot),
                                      &folio),
                  ZC_BUSY);
    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));
    folio = support_cached(&fixture.support, fixture.slot);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_BUSY);

    zc_swapcache_delete(fixture.swap, folio);
    zc_folio_unlock(fixture.swap, folio);
    zc_folio_put(fixture.swap, folio);
    expect_in_use(&fixture);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(a_pin_keeps_the_slot_until_it_ends)
{
    struct fixture fixture;

    begin(&fixture);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_OK);

    zc_slot_drop(fixture.swap, fixture.slot);
    expect_in_use(&fixture);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_BUSY);
    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));

    end(&fixture);
}

TEST(the_end_of_a_pin_that_nobody_awaits_wakes_nobody)
{
    struct fixture fixture;
    const struct zc_cluster *cluster;
    uint32_t changes;

    begin(&fixture);
    cluster = zc_slot_find(fixture.swap, fixture.slot).cluster;
    changes = zc_atomic_u32_load_relaxed(&cluster->changes);

    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_OK);
    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));
    zc_slot_wait(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));

    assert_int_equal(zc_atomic_u32_load_relaxed(&cluster->changes), changes);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

struct sleeper {
    struct fixture *fixture;
    atomic_uint returned;
};

static void *sleep_for_pin(void *argument)
{
    struct sleeper *sleeper = argument;

    zc_slot_wait(sleeper->fixture->swap,
                 zc_slot_find(sleeper->fixture->swap, sleeper->fixture->slot));
    atomic_fetch_add(&sleeper->returned, 1);
    return NULL;
}

TEST(who_waits_for_a_pin_sleeps_until_it_ends)
{
    struct fixture fixture;
    struct sleeper sleeper;
    pthread_t threads[3];
    unsigned i;

    begin(&fixture);
    sleeper.fixture = &fixture;
    atomic_init(&sleeper.returned, 0);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_OK);
    for (i = 0; i < 3; i++)
        (void)pthread_create(&threads[i], NULL, sleep_for_pin, &sleeper);

    support_await_slot(&fixture.support, fixture.slot);
    for (i = 0; i < 1000; i++)
        (void)sched_yield();
    assert_int_equal(atomic_load(&sleeper.returned), 0);
    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));
    for (i = 0; i < 3; i++)
        (void)pthread_join(threads[i], NULL);

    assert_int_equal(atomic_load(&sleeper.returned), 3);
    assert_int_equal(support_slot_flags(&fixture.support, fixture.slot), 0);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

#define ROUNDS (SUPPORT_SANITIZED ? 2000 : 20000)

struct race {
    struct fixture fixture;
    struct support_meeting meeting;
};

static void pin_and_wait(struct support_worker *worker)
{
    struct race *race = worker->context;
    struct fixture *fixture = &race->fixture;

    while (worker->operations < ROUNDS) {
        if (worker->index == 0 &&
            zc_slot_pin(fixture->swap,
                        zc_slot_find(fixture->swap, fixture->slot)) != ZC_OK)
            support_mistake(worker, "not pinned");
        support_meet(worker, &race->meeting);
        if (worker->index == 0)
            zc_slot_unpin(fixture->swap,
                          zc_slot_find(fixture->swap, fixture->slot));
        else
            zc_slot_wait(fixture->swap,
                         zc_slot_find(fixture->swap, fixture->slot));
        support_meet(worker, &race->meeting);
        worker->operations++;
    }
}

/* If a thread sleeps on, this test never ends. */
TEST(nobody_sleeps_past_the_end_of_a_pin)
{
    static struct race race;
    struct support_crew crew;

    memset(&race, 0, sizeof(race));
    begin(&race.fixture);
    support_crew_init(&crew);
    support_crew_add(&crew, pin_and_wait, &race);
    support_crew_add(&crew, pin_and_wait, &race);

    support_crew_run(&crew, 0);

    zc_slot_drop(race.fixture.swap, race.fixture.slot);
    end(&race.fixture);
}

/* ---- the zero bit ---- */

TEST(the_zero_bit_ends_with_the_slot)
{
    struct fixture fixture;

    begin(&fixture);
    assert_false(zc_slot_is_zero(zc_slot_find(fixture.swap, fixture.slot)));
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_OK);
    zc_slot_set_zero(zc_slot_find(fixture.swap, fixture.slot), true);
    assert_true(zc_slot_is_zero(zc_slot_find(fixture.swap, fixture.slot)));
    zc_slot_set_zero(zc_slot_find(fixture.swap, fixture.slot), false);
    assert_false(zc_slot_is_zero(zc_slot_find(fixture.swap, fixture.slot)));
    zc_slot_set_zero(zc_slot_find(fixture.swap, fixture.slot), true);
    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));
    assert_true(zc_slot_is_zero(zc_slot_find(fixture.swap, fixture.slot)));
    fixture.support.on_last_put = look_while_freeing;

    zc_slot_drop(fixture.swap, fixture.slot);

    assert_int_equal(atomic_load(&fixture.support.last_puts), 1);
    fixture.support.on_last_put = NULL;
    assert_int_equal(support_slot(&fixture.support).value, fixture.slot.value);
    assert_false(zc_slot_is_zero(zc_slot_find(fixture.swap, fixture.slot)));
    zc_slot_drop(fixture.swap, fixture.slot);
    atomic_store(&fixture.support.last_puts, 1);
    end(&fixture);
}
