/* SPDX-License-Identifier: MIT */
/* test_swapcache.c - from slots to the folios cached for them. */
#include <pthread.h>
#include <sched.h>

#include "support_swap.h"
#include "support_test.h"

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
    fixture->support.context = fixture;
}

static void end(struct fixture *fixture)
{
    assert_int_equal(atomic_load(&fixture->support.last_puts), 1);
    support_swap_end(&fixture->support);
}

static uint64_t cached(struct fixture *fixture)
{
    return zc_counter_read(&fixture->swap->devices[0].cached);
}

static void unlock_and_put(struct fixture *fixture, struct zc_folio *folio)
{
    zc_folio_unlock(fixture->swap, folio);
    zc_folio_put(fixture->swap, folio);
}

/* ---- looking up, creating, deleting ---- */

TEST(a_folio_is_there_from_create_to_delete)
{
    struct fixture fixture;
    struct zc_folio *folio = NULL;
    struct zc_folio *other = NULL;

    begin(&fixture);
    assert_null(zc_swapcache_look_up(zc_slot_find(fixture.swap, fixture.slot)));

    assert_status(zc_swapcache_create(fixture.swap,
                                      zc_slot_find(fixture.swap, fixture.slot),
                                      &folio),
                  ZC_OK);
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_false(zc_folio_has(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY));
    assert_true(zc_folio_is_of(folio, fixture.slot));
    assert_int_equal(support_folio_references(folio), 2);
    assert_int_equal(cached(&fixture), 1);
    assert_status(zc_swapcache_create(fixture.swap,
                                      zc_slot_find(fixture.swap, fixture.slot),
                                      &other),
                  ZC_BUSY);
    assert_null(other);
    assert_ptr_equal(
        zc_swapcache_look_up(zc_slot_find(fixture.swap, fixture.slot)), folio);
    assert_int_equal(support_folio_references(folio), 3);
    assert_null(
        zc_swapcache_look_up(zc_slot_find(fixture.swap, zc_swp_make(0, 1))));
    zc_folio_put(fixture.swap, folio);
    zc_swapcache_delete(fixture.swap, folio);

    assert_null(zc_swapcache_look_up(zc_slot_find(fixture.swap, fixture.slot)));
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE | ZC_FOLIO_DIRTY));
    assert_int_equal(support_folio_references(folio), 1);
    assert_int_equal(cached(&fixture), 0);
    unlock_and_put(&fixture, folio);
    assert_int_equal(zc_slot_count(zc_slot_find(fixture.swap, fixture.slot)),
                     1);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(a_slot_without_a_count_gets_no_folio)
{
    struct fixture fixture;
    struct zc_folio *folio = NULL;
    bool created = false;

    begin(&fixture);

    assert_status(zc_swapcache_create(
                      fixture.swap,
                      zc_slot_find(fixture.swap, zc_swp_make(0, 999)), &folio),
                  ZC_MISSING);
    assert_status(zc_swapcache_create(
                      fixture.swap,
                      zc_slot_find(fixture.swap, zc_swp_make(0, 1)), &folio),
                  ZC_MISSING);
    assert_status(
        zc_swapcache_get(fixture.swap,
                         zc_slot_find(fixture.swap, zc_swp_make(0, 1)), &folio,
                         &created),
        ZC_MISSING);
    assert_null(folio);
    assert_false(created);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(no_memory_leaves_the_slot_as_it_was)
{
    struct fixture fixture;
    struct zc_folio *folio = NULL;
    bool created = false;
    zc_swp other = {0};

    begin(&fixture);
    zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
    assert_status(zc_swapcache_get(fixture.swap,
                                   zc_slot_find(fixture.swap, fixture.slot),
                                   &folio, &created),
                  ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_null(folio);
    assert_int_equal(support_slot_flags(&fixture.support, fixture.slot), 0);

    /* A cluster that had no folio yet, and gets no table of them. */
    support_swap_on(&fixture.support, 1, 100);
    other = zc_swp_make(1, 0);
    assert_status(support_slot_claim(fixture.swap, other, &folio), ZC_OK);
    support_slot_release(fixture.swap, other, NULL, true);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_status(zc_swapcache_create(
                      fixture.swap, zc_slot_find(fixture.swap, other), &folio),
                  ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    folio = support_cached(&fixture.support, other);
    zc_swapcache_delete(fixture.swap, folio);
    unlock_and_put(&fixture, folio);
    zc_slot_drop(fixture.swap, other);
    zc_slot_drop(fixture.swap, fixture.slot);
    atomic_store(&fixture.support.last_puts, 1);
    end(&fixture);
}

/* ---- what happens while the frame is made ---- */

static void drop_meanwhile(struct support_swap *support)
{
    struct fixture *fixture = support->context;

    support->on_alloc = NULL;
    zc_slot_drop(fixture->swap, fixture->slot);
}

static void pin_meanwhile(struct support_swap *support)
{
    struct fixture *fixture = support->context;

    support->on_alloc = NULL;
    assert_status(
        zc_slot_pin(fixture->swap, zc_slot_find(fixture->swap, fixture->slot)),
        ZC_OK);
}

static void cache_meanwhile(struct support_swap *support)
{
    struct fixture *fixture = support->context;
    struct zc_folio *folio;

    support->on_alloc = NULL;
    folio = support_cached(support, fixture->slot);
    zc_folio_set(folio, ZC_FOLIO_DIRTY | ZC_FOLIO_UPTODATE);
    unlock_and_put(fixture, folio);
}

TEST(creating_looks_again_when_it_has_its_frame)
{
    struct fixture fixture;
    struct zc_folio *folio = NULL;

    begin(&fixture);

    fixture.support.on_alloc = pin_meanwhile;
    assert_status(zc_swapcache_create(fixture.swap,
                                      zc_slot_find(fixture.swap, fixture.slot),
                                      &folio),
                  ZC_BUSY);
    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));

    fixture.support.on_alloc = drop_meanwhile;
    assert_status(zc_swapcache_create(fixture.swap,
                                      zc_slot_find(fixture.swap, fixture.slot),
                                      &folio),
                  ZC_MISSING);
    assert_int_equal(atomic_load(&fixture.support.frames), 0);
    assert_null(folio);
    assert_int_equal(support_swap_used(&fixture.support, 0), 0);
    end(&fixture);
}

TEST(the_folio_that_came_meanwhile_is_the_one)
{
    struct fixture fixture;
    struct zc_folio *folio = NULL;
    bool created = true;

    begin(&fixture);
    fixture.support.on_alloc = cache_meanwhile;

    assert_status(zc_swapcache_get(fixture.swap,
                                   zc_slot_find(fixture.swap, fixture.slot),
                                   &folio, &created),
                  ZC_OK);

    assert_false(created);
    assert_true(zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(support_folio_references(folio), 2);
    assert_int_equal(atomic_load(&fixture.support.frames), 1);
    zc_swapcache_delete(fixture.swap, folio);
    unlock_and_put(&fixture, folio);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

/* ---- getting ---- */

TEST(getting_makes_one_and_finds_it_again)
{
    struct fixture fixture;
    struct zc_folio *folio = NULL;
    struct zc_folio *again = NULL;
    bool created = false;

    begin(&fixture);

    assert_status(zc_swapcache_get(fixture.swap,
                                   zc_slot_find(fixture.swap, fixture.slot),
                                   &folio, &created),
                  ZC_OK);
    assert_true(created);
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    zc_folio_unlock(fixture.swap, folio);
    assert_status(zc_swapcache_get(fixture.swap,
                                   zc_slot_find(fixture.swap, fixture.slot),
                                   &again, &created),
                  ZC_OK);
    assert_false(created);
    assert_ptr_equal(again, folio);
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_int_equal(support_folio_references(folio), 3);
    zc_folio_put(fixture.swap, folio);

    /* A cached folio is got whatever the count. */
    zc_slot_drop(fixture.swap, fixture.slot);
    zc_folio_unlock(fixture.swap, folio);
    assert_status(zc_swapcache_get(fixture.swap,
                                   zc_slot_find(fixture.swap, fixture.slot),
                                   &again, &created),
                  ZC_OK);
    zc_swapcache_delete(fixture.swap, folio);
    zc_folio_put(fixture.swap, folio);
    unlock_and_put(&fixture, folio);
    end(&fixture);
}

struct getter {
    struct fixture *fixture;
    struct zc_folio *folio;
    zc_status status;
    bool created;
    atomic_bool done;
};

static void *get_and_note(void *argument)
{
    struct getter *getter = argument;

    getter->status = zc_swapcache_get(
        getter->fixture->swap,
        zc_slot_find(getter->fixture->swap, getter->fixture->slot),
        &getter->folio, &getter->created);
    atomic_store(&getter->done, true);
    return NULL;
}

static pthread_t start_get(struct getter *getter, struct fixture *fixture)
{
    pthread_t thread;

    getter->fixture = fixture;
    getter->folio = NULL;
    getter->created = false;
    atomic_init(&getter->done, false);
    assert_int_equal(pthread_create(&thread, NULL, get_and_note, getter), 0);
    return thread;
}

TEST(getting_waits_for_a_bare_pin)
{
    struct fixture fixture;
    struct getter getter;
    pthread_t thread;

    begin(&fixture);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_OK);
    thread = start_get(&getter, &fixture);
    support_await_slot(&fixture.support, fixture.slot);
    assert_false(atomic_load(&getter.done));

    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));
    (void)pthread_join(thread, NULL);

    assert_status(getter.status, ZC_OK);
    assert_true(getter.created);
    zc_swapcache_delete(fixture.swap, getter.folio);
    unlock_and_put(&fixture, getter.folio);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

TEST(a_pin_that_was_the_last_use_leaves_nothing_to_get)
{
    struct fixture fixture;
    struct getter getter;
    pthread_t thread;

    begin(&fixture);
    assert_status(
        zc_slot_pin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot)),
        ZC_OK);
    zc_slot_drop(fixture.swap, fixture.slot);
    thread = start_get(&getter, &fixture);
    support_await_slot(&fixture.support, fixture.slot);

    zc_slot_unpin(fixture.swap, zc_slot_find(fixture.swap, fixture.slot));
    (void)pthread_join(thread, NULL);

    assert_status(getter.status, ZC_MISSING);
    end(&fixture);
}

TEST(getting_looks_again_when_it_has_the_lock)
{
    struct fixture fixture;
    struct zc_folio *old;
    struct getter getter;
    pthread_t thread;
    zc_swp elsewhere;

    begin(&fixture);
    old = support_cached(&fixture.support, fixture.slot);
    thread = start_get(&getter, &fixture);
    support_await_folio(old);
    assert_false(atomic_load(&getter.done));

    /* Out of the cache, and in again for another slot. */
    zc_swapcache_delete(fixture.swap, old);
    assert_status(zc_slot_alloc(fixture.swap, old, &elsewhere), ZC_OK);
    zc_folio_unlock(fixture.swap, old);
    (void)pthread_join(thread, NULL);

    assert_status(getter.status, ZC_OK);
    assert_true(getter.created);
    assert_ptr_not_equal(getter.folio, old);
    assert_true(zc_folio_is_of(getter.folio, fixture.slot));
    zc_swapcache_delete(fixture.swap, getter.folio);
    unlock_and_put(&fixture, getter.folio);
    zc_folio_lock(fixture.swap, old);
    assert_true(zc_swapcache_try_to_free(fixture.swap, old));
    unlock_and_put(&fixture, old);
    assert_int_equal(atomic_load(&fixture.support.last_puts), 1);
    atomic_store(&fixture.support.last_puts, 0);
    zc_slot_drop(fixture.swap, fixture.slot);
    end(&fixture);
}

/* ---- trying to free ---- */

TEST(a_folio_whose_slot_is_needed_is_not_freed)
{
    struct fixture fixture;
    struct zc_folio *folio;

    begin(&fixture);
    folio = support_cached(&fixture.support, fixture.slot);

    assert_false(zc_swapcache_try_to_free(fixture.swap, folio));
    assert_false(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    zc_slot_drop(fixture.swap, fixture.slot);
    zc_folio_set(folio, ZC_FOLIO_WRITEBACK);
    assert_false(zc_swapcache_try_to_free(fixture.swap, folio));
    assert_false(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_true(zc_folio_is_of(folio, fixture.slot));
    zc_folio_end_writeback(fixture.swap, folio);
    assert_int_equal(atomic_load(&fixture.support.last_puts), 0);
    assert_true(zc_swapcache_try_to_free(fixture.swap, folio));

    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    assert_int_equal(support_folio_references(folio), 1);
    assert_int_equal(support_swap_used(&fixture.support, 0), 0);
    unlock_and_put(&fixture, folio);
    end(&fixture);
}
