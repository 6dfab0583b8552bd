/* SPDX-License-Identifier: MIT */
/*
 * test_folio_cache.c - page frames, the table from slots to them, and the last
 * user of a cached folio, which frees it.
 */
#include <inttypes.h>

#include "support_call.h"
#include "support_swap.h"
#include "support_test.h"
#include "support_threads.h"

#include "base/inject.h"
#include "platform/thread.h"

static void expect_create(zc_status expected)
{
    struct zc_folio *folio = NULL;

    assert_status(zc_swapcache_create(swap, support_here(), &folio), expected);
    assert_null(folio);
}

static struct zc_folio *get(bool expect_created)
{
    struct zc_folio *folio = NULL;
    bool created = !expect_created;

    assert_status(zc_swapcache_get(swap, support_here(), &folio, &created),
                  ZC_OK);
    assert_int_equal(created, expect_created);
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    return folio;
}

/* Takes a locked folio out of the cache, and drops the reference. */
static void delete (struct zc_folio *folio)
{
    zc_swapcache_delete(swap, folio);
    support_unlock(folio);
}

static bool is_cached(void)
{
    return (support_slot_flags(support.slot) & ZC_SLOT_CACHED) != 0;
}

static void expect_frames(unsigned count)
{
    assert_int_equal(atomic_load(&support.frames), count);
}

/* ---- frames ---- */

/* Its references go one by one, and the last one frees it. */
static struct zc_folio *use_frame(void)
{
    struct zc_folio *folio = zc_folio_alloc(swap, true);

    assert_non_null(folio);
    memset(folio->data, 0x5a, SUPPORT_SWAP_PAGE);
    assert_int_equal(support_folio_references(folio), 1);
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->flags), 0);
    zc_folio_get(folio);
    assert_int_equal(support_folio_references(folio), 2);
    zc_folio_put(swap, folio);
    assert_int_equal(((char *)folio->data)[SUPPORT_SWAP_PAGE - 1], 0x5a);
    return folio;
}

static void expect_no_frame(enum zc_inject_point point)
{
    zc_inject_arm(point, 0, 1);
    assert_null(zc_folio_alloc(swap, true));
    zc_inject_disarm();
}

SWAP_TEST(a_frame_is_the_systems_or_goes_back_to_its_owner)
{
    struct zc_folio *folio = use_frame();

    expect_frames(1);
    zc_folio_put(swap, folio);
    expect_frames(0);
    expect_no_frame(ZC_INJECT_FRAME);

    memset(&swap->frames, 0, sizeof(swap->frames));
    folio = use_frame();
    assert_int_equal((uintptr_t)folio->data % 16, 0);
    zc_folio_put(swap, folio);
    expect_no_frame(ZC_INJECT_MALLOC);
}

static void lock_it(void *context)
{
    zc_folio_lock(swap, context);
}

static void unlock_it(void *context)
{
    zc_folio_unlock(swap, context);
}

static void await_writeback(void *context)
{
    zc_folio_wait_writeback(swap, context);
}

/* A call that waits for the folio. */
static void start_waiting(struct support_call *call, void (*run)(void *context),
                          struct zc_folio *folio)
{
    support_call_start(call, run, folio);
    support_await_folio(folio);
    assert_true(support_call_waits(call));
}

SWAP_TEST(the_lock_is_one_threads_and_any_thread_unlocks)
{
    struct zc_folio *folio = support_folio();
    struct support_call locker;
    struct support_call unlocker;

    assert_false(zc_folio_trylock(folio));
    start_waiting(&locker, lock_it, folio);
    support_call_start(&unlocker, unlock_it, folio);
    support_call_join(&unlocker);
    support_call_join(&locker);

    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    zc_folio_unlock(swap, folio);
    assert_true(zc_folio_trylock(folio));
    support_unlock(folio);
}

SWAP_TEST(the_end_of_a_writeback_wakes_and_leaves_the_lock)
{
    struct zc_folio *folio = support_folio();
    struct support_call waiter;

    zc_folio_wait_writeback(swap, folio);
    zc_folio_set(folio, ZC_FOLIO_WRITEBACK);
    start_waiting(&waiter, await_writeback, folio);
    zc_folio_end_writeback(swap, folio);
    support_call_join(&waiter);

    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_false(zc_folio_has(folio, ZC_FOLIO_WRITEBACK));
    support_unlock(folio);
}

/* ---- looking up, creating, deleting ---- */

SLOT_TEST(a_folio_is_there_from_create_to_delete)
{
    struct zc_folio *folio;

    assert_null(zc_swapcache_look_up(support_here()));
    folio = support_cached();
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));
    assert_false(zc_folio_has(folio, ZC_FOLIO_UPTODATE | ZC_FOLIO_DIRTY));
    assert_true(zc_folio_is_of(folio, support.slot));
    assert_int_equal(support_folio_references(folio), 2);
    assert_int_equal(zc_counter_read(&swap->devices[0].cached), 1);
    expect_create(ZC_BUSY);
    assert_ptr_equal(zc_swapcache_look_up(support_here()), folio);
    assert_int_equal(support_folio_references(folio), 3);
    assert_null(zc_swapcache_look_up(zc_slot_find(swap, zc_swp_make(0, 1))));
    zc_folio_put(swap, folio);
    zc_swapcache_delete(swap, folio);

    assert_null(zc_swapcache_look_up(support_here()));
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE | ZC_FOLIO_DIRTY));
    assert_int_equal(support_folio_references(folio), 1);
    assert_int_equal(zc_counter_read(&swap->devices[0].cached), 0);
    support_unlock(folio);
    assert_int_equal(support_count(), 1);
}

SWAP_TEST(a_slot_without_a_count_gets_no_folio)
{
    struct zc_folio *folio = NULL;
    bool created = false;

    support_swap_on_managed(0, 1000, ZC_SLOT_ORDER_LOWEST);
    support.slot = zc_swp_make(0, 999); /* its cluster was never used */
    expect_create(ZC_MISSING);
    zc_slot_drop(swap, support_slot());
    support.slot = zc_swp_make(0, 1);
    expect_create(ZC_MISSING);
    assert_status(zc_swapcache_get(swap, support_here(), &folio, &created),
                  ZC_MISSING);
    assert_null(folio);
    assert_false(created);
}

SLOT_TEST(no_memory_for_a_frame_leaves_the_slot_as_it_was)
{
    struct zc_folio *folio = NULL;
    bool created = false;

    zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
    assert_status(zc_swapcache_get(swap, support_here(), &folio, &created),
                  ZC_NO_MEMORY);
    zc_inject_disarm();
    assert_null(folio);
    assert_int_equal(support_slot_flags(support.slot), 0);
}

SWAP_TEST(no_memory_for_the_table_leaves_no_frame)
{
    struct zc_folio *folio;

    support_swap_on(1, 100);
    support.slot = zc_swp_make(1, 0);
    assert_status(support_slot_claim(swap, support.slot, &folio), ZC_OK);
    support_slot_release(swap, support.slot, NULL, true);
    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    expect_create(ZC_NO_MEMORY);
    zc_inject_disarm();
    expect_frames(0);
    delete (support_cached());
    support_drop();
}

/* ---- what happens while the frame is made ---- */

static void drop_meanwhile(void)
{
    support.on_alloc = NULL;
    support_drop();
}

static void pin_meanwhile(void)
{
    support.on_alloc = NULL;
    support_pin(ZC_OK);
}

static void cache_meanwhile(void)
{
    struct zc_folio *folio;

    support.on_alloc = NULL;
    folio = support_cached();
    zc_folio_set(folio, ZC_FOLIO_DIRTY | ZC_FOLIO_UPTODATE);
    support_unlock(folio);
}

SLOT_TEST(creating_looks_again_when_it_has_its_frame)
{
    support.on_alloc = pin_meanwhile;
    expect_create(ZC_BUSY);
    expect_frames(0);
    support_unpin();

    support.on_alloc = drop_meanwhile;
    expect_create(ZC_MISSING);
    expect_frames(0);
    assert_int_equal(support_swap_used(0), 0);
}

SLOT_TEST(the_folio_that_came_meanwhile_is_the_one)
{
    struct zc_folio *folio;

    support.on_alloc = cache_meanwhile;
    folio = get(false);
    assert_true(zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    assert_int_equal(support_folio_references(folio), 2);
    expect_frames(1);
    delete (folio);
}

/* ---- getting ---- */

SLOT_TEST(getting_makes_one_and_finds_it_again)
{
    struct zc_folio *folio = get(true);

    zc_folio_unlock(swap, folio);
    assert_ptr_equal(get(false), folio);
    assert_int_equal(support_folio_references(folio), 3);
    zc_folio_put(swap, folio);

    /* A cached folio is got whatever the count. */
    support_drop();
    zc_folio_unlock(swap, folio);
    assert_ptr_equal(get(false), folio);
    zc_folio_put(swap, folio);
    delete (folio);
}

static struct getter {
    struct support_call call;
    struct zc_folio *folio;
    zc_status status;
    bool created;
} getter;

static void get_and_note(void *context)
{
    (void)context;
    getter.status =
        zc_swapcache_get(swap, support_here(), &getter.folio, &getter.created);
}

static void expect_got(void)
{
    support_call_join(&getter.call);
    assert_status(getter.status, ZC_OK);
    assert_true(getter.created);
    assert_true(zc_folio_is_of(getter.folio, support.slot));
    delete (getter.folio);
}

static void start_getting_a_pinned_slot(void)
{
    support_call_start(&getter.call, get_and_note, NULL);
    support_await_slot();
    assert_true(support_call_waits(&getter.call));
}

SLOT_TEST(getting_waits_for_a_bare_pin)
{
    support_pin(ZC_OK);
    start_getting_a_pinned_slot();
    support_unpin();
    expect_got();
}

SLOT_TEST(a_pin_that_was_the_last_use_leaves_nothing_to_get)
{
    support_pin(ZC_OK);
    support_drop();
    start_getting_a_pinned_slot();
    support_unpin();
    support_call_join(&getter.call);
    assert_status(getter.status, ZC_MISSING);
}

SLOT_TEST(getting_looks_again_when_it_has_the_lock)
{
    struct zc_folio *old = support_cached();
    zc_swp elsewhere;

    start_waiting(&getter.call, get_and_note, old);
    /* Out of the cache, and in again for another slot. */
    zc_swapcache_delete(swap, old);
    assert_status(zc_slot_alloc(swap, old, &elsewhere), ZC_OK);
    zc_folio_unlock(swap, old);
    expect_got();
    zc_folio_lock(swap, old);
    assert_true(zc_swapcache_try_free_slot(swap, old));
    support_unlock(old);
    assert_int_equal(atomic_exchange(&support.last_puts, 0), 1);
}

/* ---- trying to free ---- */

SLOT_TEST(a_folio_whose_slot_is_needed_is_not_freed)
{
    struct zc_folio *folio = support_cached();

    assert_false(zc_swapcache_try_free_slot(swap, folio));
    assert_false(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    support_drop();
    zc_folio_set(folio, ZC_FOLIO_WRITEBACK);
    assert_false(zc_swapcache_try_free_slot(swap, folio));
    assert_false(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_true(zc_folio_is_of(folio, support.slot));
    zc_folio_end_writeback(swap, folio);
    support_expect_in_use();
    assert_true(zc_swapcache_try_free_slot(swap, folio));

    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_false(zc_folio_has(folio, ZC_FOLIO_SWAPCACHE));
    assert_int_equal(support_folio_references(folio), 1);
    assert_int_equal(support_swap_used(0), 0);
    support_unlock(folio);
}

/* ---- the last user ---- */

/* The folio cached for the slot, unlocked, with these flags and references of
 * the test's. */
static struct zc_folio *cache(uint32_t flags, unsigned references)
{
    struct zc_folio *folio = support_cached();

    zc_folio_set(folio, flags | ZC_FOLIO_UPTODATE);
    for (; references > 1; references--)
        zc_folio_get(folio);
    zc_folio_unlock(swap, folio);
    return folio;
}

static void put(struct zc_folio *folio, bool expect_cached)
{
    zc_swapcache_put(swap, support.slot, folio);
    assert_int_equal(is_cached(), expect_cached);
}

static void lock_and_delete(struct zc_folio *folio)
{
    zc_folio_lock(swap, folio);
    zc_swapcache_delete(swap, folio);
    zc_folio_unlock(swap, folio);
}

SLOT_TEST(a_clean_folio_goes_with_its_last_user)
{
    struct zc_folio *folio = cache(0, 3);

    put(folio, true);
    put(folio, true);
    put(folio, false);
    expect_frames(0);
    support_expect_in_use();
}

SLOT_TEST(a_dirty_folio_stays_as_long_as_its_slot_has_a_count)
{
    struct zc_folio *folio = cache(ZC_FOLIO_DIRTY, 1);

    put(folio, true);
    assert_ptr_equal(zc_swapcache_look_up(support_here()), folio);
    support_drop();
    assert_true(is_cached());
    put(folio, false);
}

SLOT_TEST(a_write_that_ends_after_all_others_drops_the_folio)
{
    struct zc_folio *folio = cache(ZC_FOLIO_WRITEBACK, 2);

    put(folio, true);
    zc_folio_end_writeback(swap, folio);
    put(folio, false);
}

SLOT_TEST(a_write_that_ends_before_others_leaves_it_to_them)
{
    struct zc_folio *folio = cache(ZC_FOLIO_WRITEBACK, 2);

    zc_folio_lock(swap, folio);
    zc_folio_end_writeback(swap, folio);
    put(folio, true);
    zc_folio_unlock(swap, folio);
    put(folio, false);
}

SLOT_TEST(a_folio_that_left_the_cache_goes_like_any_other)
{
    struct zc_folio *folio = cache(0, 2);

    lock_and_delete(folio);
    put(folio, false);
    expect_frames(1);
    put(folio, false);
    expect_frames(0);
}

SLOT_TEST(the_folio_that_came_after_it_is_judged_by_itself)
{
    struct zc_folio *folio = cache(0, 3);
    struct zc_folio *next;

    lock_and_delete(folio);
    zc_folio_put(swap, folio);
    next = support_cached();
    put(folio, true); /* from 2 to 1, of a folio that is not in the table */
    assert_int_equal(support_folio_references(next), 2);
    put(folio, true);
    expect_frames(1);
    zc_folio_unlock(swap, next);
    put(next, false);
}

SLOT_TEST(a_device_that_is_gone_is_not_missed)
{
    struct zc_folio *folio = cache(0, 2);

    lock_and_delete(folio);
    support_drop();
    support_swap_off(0);
    put(folio, false);
    put(folio, false);
}

/* ---- the end of a writeback against a user of the folio ---- */

#define ROUNDS (SUPPORT_SANITIZED ? 2000 : 20000)
#define LINGER_MAX 32

static struct support_meeting meeting;
static struct zc_folio *shared;

/* A folio that is being written, and that worker 1 knows. */
static void begin_round(struct support_worker *worker)
{
    if (zc_swapcache_create(swap, support_here(), &shared) != ZC_OK) {
        support_mistake(worker, "no folio");
        return;
    }
    zc_folio_set(shared, ZC_FOLIO_UPTODATE | ZC_FOLIO_WRITEBACK);
    zc_folio_get(shared);
    zc_folio_unlock(swap, shared);
}

/* Worker 0 ends a write; worker 1 uses the folio, or waits a little, so that of
 * many rounds some are right beside each other. */
static void take_part(struct support_worker *worker)
{
    struct zc_folio *folio;
    uint64_t turns;

    for (; worker->operations < ROUNDS; worker->operations++) {
        if (worker->index == 0)
            begin_round(worker);
        support_meet(worker, &meeting);
        folio = shared;
        if (worker->index == 0) {
            zc_folio_end_writeback(swap, folio);
        } else if (worker->operations % 2 == 0) {
            zc_folio_lock(swap, folio);
            zc_folio_unlock(swap, folio);
        } else {
            turns = worker->operations / 2 % LINGER_MAX;
            for (; turns > 0; turns--)
                zc_cpu_relax();
        }
        zc_swapcache_put(swap, support.slot, folio);
        support_meet(worker, &meeting);
        if (worker->index == 0 && is_cached()) {
            support_mistake(worker, "round %" PRIu64 ": neither dropped it",
                            worker->operations);
            /* The other one waits for the next round. */
            zc_swapcache_put(swap, support.slot,
                             zc_swapcache_look_up(support_here()));
        }
    }
}

SLOT_TEST(exactly_one_of_two_users_drops_it)
{
    memset(&meeting, 0, sizeof(meeting));
    support_crowd(2, take_part, NULL, 0);
}
