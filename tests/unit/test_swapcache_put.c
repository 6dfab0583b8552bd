/* SPDX-License-Identifier: MIT */
/* test_swapcache_put.c - the last user of a cached folio frees it. */
#include <inttypes.h>

#include "support_swap.h"
#include "support_test.h"
#include "support_threads.h"

#include "platform/thread.h"

struct fixture {
    struct support_swap support;
    struct zc_swap *swap;
    zc_swp slot; /* with a count of 1 */
    struct zc_folio *folio;
};

/* The folio cached for the slot, unlocked, with these flags and references of
 * the test's. */
static void begin(struct fixture *fixture, uint32_t flags, unsigned references)
{
    unsigned i;

    support_swap_begin(&fixture->support);
    support_swap_on_managed(&fixture->support, 0, 1000, ZC_SLOT_ORDER_LOWEST);
    fixture->swap = &fixture->support.swap;
    fixture->slot = support_slot(&fixture->support);
    fixture->folio = support_cached(&fixture->support, fixture->slot);
    zc_folio_set(fixture->folio, flags | ZC_FOLIO_UPTODATE);
    for (i = 1; i < references; i++)
        zc_folio_get(fixture->folio);
    zc_folio_unlock(fixture->swap, fixture->folio);
}

static void put(struct fixture *fixture)
{
    zc_swapcache_put(fixture->swap, fixture->slot, fixture->folio);
}

static bool is_cached(struct fixture *fixture)
{
    return (support_slot_flags(&fixture->support, fixture->slot) &
            ZC_SLOT_CACHED) != 0;
}

static void end(struct fixture *fixture)
{
    assert_int_equal(atomic_load(&fixture->support.frames), 0);
    assert_int_equal(support_swap_users(&fixture->support, 0), 0);
    support_swap_end(&fixture->support);
}

TEST(a_clean_folio_goes_with_the_last_who_knows_it)
{
    struct fixture fixture;

    begin(&fixture, 0, 3);

    put(&fixture);
    assert_true(is_cached(&fixture));
    put(&fixture);
    assert_true(is_cached(&fixture));
    put(&fixture);

    assert_false(is_cached(&fixture));
    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    assert_int_equal(atomic_load(&fixture.support.last_puts), 0);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(a_dirty_folio_stays_as_long_as_its_slot_has_a_count)
{
    struct fixture fixture;

    begin(&fixture, ZC_FOLIO_DIRTY, 1);

    put(&fixture);
    assert_true(is_cached(&fixture));
    fixture.folio =
        zc_swapcache_look_up(zc_slot_find(fixture.swap, fixture.slot));
    zc_slot_drop(fixture.swap, fixture.slot);
    assert_true(is_cached(&fixture));
    put(&fixture);

    assert_int_equal(atomic_load(&fixture.support.last_puts), 1);
    end(&fixture);
}

TEST(a_write_that_ends_after_all_others_drops_the_folio)
{
    struct fixture fixture;

    begin(&fixture, ZC_FOLIO_WRITEBACK, 2);

    put(&fixture);
    assert_true(is_cached(&fixture));
    zc_folio_end_writeback(fixture.swap, fixture.folio);
    put(&fixture);

    assert_false(is_cached(&fixture));
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(a_write_that_ends_before_others_leaves_it_to_them)
{
    struct fixture fixture;

    begin(&fixture, ZC_FOLIO_WRITEBACK, 2);

    zc_folio_lock(fixture.swap, fixture.folio);
    zc_folio_end_writeback(fixture.swap, fixture.folio);
    put(&fixture);
    assert_true(is_cached(&fixture));
    zc_folio_unlock(fixture.swap, fixture.folio);
    put(&fixture);

    assert_false(is_cached(&fixture));
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(a_folio_that_left_the_cache_goes_like_any_other)
{
    struct fixture fixture;

    begin(&fixture, 0, 2);
    zc_folio_lock(fixture.swap, fixture.folio);
    zc_swapcache_delete(fixture.swap, fixture.folio);
    zc_folio_unlock(fixture.swap, fixture.folio);

    put(&fixture);
    assert_int_equal(atomic_load(&fixture.support.frames), 1);
    put(&fixture);

    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(the_folio_that_came_after_it_is_judged_by_itself)
{
    struct fixture fixture;
    struct zc_folio *next;

    begin(&fixture, 0, 3);
    zc_folio_lock(fixture.swap, fixture.folio);
    zc_swapcache_delete(fixture.swap, fixture.folio);
    zc_folio_unlock(fixture.swap, fixture.folio);
    zc_folio_put(fixture.swap, fixture.folio);
    next = support_cached(&fixture.support, fixture.slot);

    put(&fixture); /* from 2 to 1, of a folio that is not in the table */
    assert_true(is_cached(&fixture));
    assert_int_equal(support_folio_references(next), 2);
    put(&fixture);

    assert_int_equal(atomic_load(&fixture.support.frames), 1);
    zc_folio_unlock(fixture.swap, next);
    zc_swapcache_put(fixture.swap, fixture.slot, next);
    assert_false(is_cached(&fixture));
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(a_device_that_is_gone_is_not_missed)
{
    struct fixture fixture;

    begin(&fixture, 0, 2);
    zc_folio_lock(fixture.swap, fixture.folio);
    zc_swapcache_delete(fixture.swap, fixture.folio);
    zc_folio_unlock(fixture.swap, fixture.folio);
    zc_slot_drop(fixture.swap, fixture.slot);
    support_swap_off(&fixture.support, 0);

    put(&fixture);
    put(&fixture);

    end(&fixture);
}

/* ---- the end of a writeback against a user of the folio ---- */

#define ROUNDS (SUPPORT_SANITIZED ? 2000 : 20000)
#define LINGER_MAX 32

struct race {
    struct fixture fixture;
    struct support_meeting meeting;
};

static void begin_round(struct race *race, struct support_worker *worker)
{
    struct fixture *fixture = &race->fixture;

    if (zc_swapcache_create(fixture->swap,
                            zc_slot_find(fixture->swap, fixture->slot),
                            &fixture->folio) != ZC_OK) {
        support_mistake(worker, "no folio");
        return;
    }
    zc_folio_set(fixture->folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_WRITEBACK);
    zc_folio_get(fixture->folio);
    zc_folio_unlock(fixture->swap, fixture->folio);
}

static void end_round(struct race *race, struct support_worker *worker)
{
    struct fixture *fixture = &race->fixture;
    struct zc_folio *folio;

    if (!is_cached(fixture))
        return;
    support_mistake(worker, "round %" PRIu64 ": no thread dropped it",
                    worker->operations);
    /* The other one waits for the next round. */
    folio = zc_swapcache_look_up(zc_slot_find(fixture->swap, fixture->slot));
    zc_swapcache_put(fixture->swap, fixture->slot, folio);
}

/* So that of many rounds some are right beside each other. */
static void linger(uint64_t turns)
{
    for (; turns > 0; turns--)
        zc_cpu_relax();
}

static void take_part(struct support_worker *worker)
{
    struct race *race = worker->context;
    struct fixture *fixture = &race->fixture;
    struct zc_folio *folio;

    while (worker->operations < ROUNDS) {
        if (worker->index == 0)
            begin_round(race, worker);
        support_meet(worker, &race->meeting);
        folio = fixture->folio;
        if (worker->index == 0) {
            zc_folio_end_writeback(fixture->swap, folio);
        } else if (worker->operations % 2 == 0) {
            zc_folio_lock(fixture->swap, folio);
            zc_folio_unlock(fixture->swap, folio);
        } else {
            linger(worker->operations / 2 % LINGER_MAX);
        }
        zc_swapcache_put(fixture->swap, fixture->slot, folio);
        support_meet(worker, &race->meeting);
        if (worker->index == 0)
            end_round(race, worker);
        worker->operations++;
    }
}

TEST(exactly_one_of_two_who_knew_it_drops_it)
{
    static struct race race;
    struct support_crew crew;

    memset(&race, 0, sizeof(race));
    begin(&race.fixture, 0, 1);
    put(&race.fixture);
    support_crew_init(&crew);
    support_crew_add(&crew, take_part, &race);
    support_crew_add(&crew, take_part, &race);

    support_crew_run(&crew, 0);

    zc_slot_drop(race.fixture.swap, race.fixture.slot);
    end(&race.fixture);
}
