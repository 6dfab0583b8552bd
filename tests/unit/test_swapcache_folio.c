/* SPDX-License-Identifier: MIT */
/* test_swapcache_folio.c - page frames: made, referenced, locked. */
#include <pthread.h>
#include <sched.h>

#include "support_swap.h"
#include "support_test.h"

#include "base/inject.h"

TEST(a_frame_is_the_system_s_where_nobody_brings_any)
{
    struct support_swap support;
    struct zc_folio *folio;

    support_swap_begin(&support);
    memset(&support.swap.frames, 0, sizeof(support.swap.frames));

    folio = zc_folio_alloc(&support.swap, true);
    assert_non_null(folio);
    memset(folio->data, 0x5a, SUPPORT_SWAP_PAGE);
    assert_int_equal(support_folio_references(folio), 1);
    assert_int_equal(zc_atomic_u32_load_relaxed(&folio->flags), 0);
    assert_int_equal((uintptr_t)folio->data % 16, 0);
    zc_folio_get(folio);
    zc_folio_put(&support.swap, folio);
    assert_int_equal(((char *)folio->data)[SUPPORT_SWAP_PAGE - 1], 0x5a);
    zc_folio_put(&support.swap, folio);

    zc_inject_arm(ZC_INJECT_MALLOC, 0, 1);
    assert_null(zc_folio_alloc(&support.swap, true));
    zc_inject_disarm();
    support_swap_end(&support);
}

TEST(a_frame_of_the_owner_s_goes_back_to_him)
{
    struct support_swap support;
    struct zc_folio *folio;

    support_swap_begin(&support);

    folio = zc_folio_alloc(&support.swap, true);
    assert_non_null(folio);
    assert_int_equal(atomic_load(&support.frames), 1);
    zc_folio_get(folio);
    assert_int_equal(support_folio_references(folio), 2);
    zc_folio_put(&support.swap, folio);
    assert_int_equal(atomic_load(&support.frames), 1);
    zc_folio_put(&support.swap, folio);

    assert_int_equal(atomic_load(&support.frames), 0);
    zc_inject_arm(ZC_INJECT_FRAME, 0, 1);
    assert_null(zc_folio_alloc(&support.swap, true));
    zc_inject_disarm();
    support_swap_end(&support);
}

TEST(flags_are_set_and_cleared_one_by_one)
{
    struct support_swap support;
    struct zc_folio *folio;

    support_swap_begin(&support);
    folio = support_folio(&support);

    zc_folio_set(folio, ZC_FOLIO_DIRTY | ZC_FOLIO_UPTODATE);
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_true(zc_folio_has(folio, ZC_FOLIO_DIRTY | ZC_FOLIO_STUCK));
    assert_false(zc_folio_has(folio, ZC_FOLIO_STUCK | ZC_FOLIO_WRITEBACK));
    zc_folio_clear(folio, ZC_FOLIO_DIRTY);
    assert_false(zc_folio_has(folio, ZC_FOLIO_DIRTY));
    assert_true(zc_folio_has(folio, ZC_FOLIO_UPTODATE));
    assert_true(zc_folio_has(folio, ZC_FOLIO_LOCKED));

    zc_folio_unlock(&support.swap, folio);
    zc_folio_put(&support.swap, folio);
    support_swap_end(&support);
}

struct sleeper {
    struct support_swap *support;
    struct zc_folio *folio;
    atomic_bool done;
};

static void *lock_it(void *argument)
{
    struct sleeper *sleeper = argument;

    zc_folio_lock(&sleeper->support->swap, sleeper->folio);
    atomic_store(&sleeper->done, true);
    return NULL;
}

static void *await_writeback(void *argument)
{
    struct sleeper *sleeper = argument;

    zc_folio_wait_writeback(&sleeper->support->swap, sleeper->folio);
    atomic_store(&sleeper->done, true);
    return NULL;
}

static void *unlock_it(void *argument)
{
    struct sleeper *sleeper = argument;

    zc_folio_unlock(&sleeper->support->swap, sleeper->folio);
    return NULL;
}

TEST(the_lock_is_one_s_and_anybody_unlocks)
{
    struct support_swap support;
    struct sleeper sleeper;
    pthread_t locker;
    pthread_t unlocker;

    support_swap_begin(&support);
    sleeper.support = &support;
    sleeper.folio = support_folio(&support);
    atomic_init(&sleeper.done, false);
    assert_false(zc_folio_trylock(sleeper.folio));

    (void)pthread_create(&locker, NULL, lock_it, &sleeper);
    support_await_folio(sleeper.folio);
    assert_false(atomic_load(&sleeper.done));
    (void)pthread_create(&unlocker, NULL, unlock_it, &sleeper);
    (void)pthread_join(unlocker, NULL);
    (void)pthread_join(locker, NULL);

    assert_true(zc_folio_has(sleeper.folio, ZC_FOLIO_LOCKED));
    zc_folio_unlock(&support.swap, sleeper.folio);
    assert_true(zc_folio_trylock(sleeper.folio));
    zc_folio_unlock(&support.swap, sleeper.folio);
    zc_folio_put(&support.swap, sleeper.folio);
    support_swap_end(&support);
}

TEST(the_end_of_a_writeback_wakes_and_leaves_the_lock)
{
    struct support_swap support;
    struct sleeper sleeper;
    pthread_t thread;

    support_swap_begin(&support);
    sleeper.support = &support;
    sleeper.folio = support_folio(&support);
    atomic_init(&sleeper.done, false);
    zc_folio_wait_writeback(&support.swap, sleeper.folio);
    zc_folio_set(sleeper.folio, ZC_FOLIO_WRITEBACK);

    (void)pthread_create(&thread, NULL, await_writeback, &sleeper);
    support_await_folio(sleeper.folio);
    assert_false(atomic_load(&sleeper.done));
    zc_folio_end_writeback(&support.swap, sleeper.folio);
    (void)pthread_join(thread, NULL);

    assert_true(zc_folio_has(sleeper.folio, ZC_FOLIO_LOCKED));
    assert_false(zc_folio_has(sleeper.folio, ZC_FOLIO_WRITEBACK));
    zc_folio_unlock(&support.swap, sleeper.folio);
    zc_folio_put(&support.swap, sleeper.folio);
    support_swap_end(&support);
}

TEST(a_folio_is_of_the_slot_it_is_cached_for_and_of_no_other)
{
    struct support_swap support;
    struct zc_folio *folio;
    zc_swp first;
    zc_swp second;

    support_swap_begin(&support);
    support_swap_on_managed(&support, 0, 10, ZC_SLOT_ORDER_ROUND_ROBIN);
    folio = support_folio(&support);
    assert_false(zc_folio_is_of(folio, zc_swp_make(0, 0)));

    assert_status(zc_slot_alloc(&support.swap, folio, &first), ZC_OK);
    assert_true(zc_folio_is_of(folio, first));
    assert_false(zc_folio_is_of(folio, zc_swp_make(0, 1)));
    assert_false(zc_folio_is_of(folio, zc_swp_make(1, 0)));
    zc_swapcache_delete(&support.swap, folio);
    /* The name stays, and says nothing. */
    assert_int_equal(folio->swap.value, first.value);
    assert_false(zc_folio_is_of(folio, first));
    assert_status(zc_slot_alloc(&support.swap, folio, &second), ZC_OK);
    assert_int_not_equal(first.value, second.value);
    assert_false(zc_folio_is_of(folio, first));
    assert_true(zc_folio_is_of(folio, second));

    assert_true(zc_swapcache_try_to_free(&support.swap, folio));
    zc_folio_unlock(&support.swap, folio);
    zc_folio_put(&support.swap, folio);
    support_swap_end(&support);
}
