/* SPDX-License-Identifier: MIT */
/*
 * test_lab_wait.c - waiting, failures as choices, and histories in the lab.
 */
#include "oracle/history.h"
#include "platform/memory.h"
#include "watch.h"

#define BIT 1u
#define WAITERS 2u

/* --- waiting --------------------------------------------------------- */

ACTOR(wait_well)
{
    zc_mutex_lock(&watch_shared->mutex);
    while (watch_shared->data[0] == 0)
        zc_condition_wait(&watch_shared->condition, &watch_shared->mutex);
    __tsan_read_range(&watch_shared->data[0], 16);
    zc_mutex_unlock(&watch_shared->mutex);
}

ACTOR(signal_well)
{
    zc_mutex_lock(&watch_shared->mutex);
    __tsan_memset(&watch_shared->data[0], 1, 16);
    zc_condition_signal(&watch_shared->condition);
    zc_mutex_unlock(&watch_shared->mutex);
}

/* Waits without a check first: the signal may have come before. */
ACTOR(wait_blindly)
{
    zc_mutex_lock(&watch_shared->mutex);
    zc_condition_wait(&watch_shared->condition, &watch_shared->mutex);
    zc_mutex_unlock(&watch_shared->mutex);
}

ACTOR(park_well)
{
    while (zc_atomic_u32_load_acquire(&watch_shared->word) == 0)
        zc_park_while(&watch_shared->parking, &watch_shared->word, 0);
    read_word(0);
}

/* Without a check before: parking checks the word. */
ACTOR(park_once)
{
    (void)zc_atomic_u32_load_relaxed(&watch_shared->word);
    zc_park_while(&watch_shared->parking, &watch_shared->word, 0);
}

ACTOR(unpark_well)
{
    write_word(0);
    zc_atomic_u32_store_release(&watch_shared->word, 1);
    zc_unpark_all(&watch_shared->parking, &watch_shared->word);
}

/* Stores the word, and wakes no thread. */
ACTOR(forget_to_unpark)
{
    zc_atomic_u32_store_release(&watch_shared->word, 1);
}

ACTOR(lock_bit)
{
    zc_bit_lock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
    write_word(0);
    zc_bit_unlock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
}

ACTOR(try_bit)
{
    if (!zc_bit_trylock(&watch_shared->word, BIT)) {
        zc_bit_wait_clear(&watch_shared->parking, &watch_shared->word, BIT,
                          WAITERS);
        watch_seen |= 1;
        read_word(0);
        return;
    }
    watch_seen |= 2;
    zc_bit_unlock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
}

ACTOR(unlock_free_bit)
{
    zc_bit_unlock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
}

ACTOR(allocate_locked)
{
    zc_spinlock_lock(&watch_shared->lock);
    zc_free(zc_malloc(8));
    zc_spinlock_unlock(&watch_shared->lock);
}

ACTOR(lock_backwards) ZC_NO_LOCK_ANALYSIS
{
    zc_spinlock_lock(&watch_shared->lock);
    if (zc_mutex_trylock(&watch_shared->mutex))
        zc_mutex_unlock(&watch_shared->mutex);
    lab_mutex_lock(&watch_shared->mutex, LAB_SITE("mutex_lock"));
}

static void child(void *argument)
{
    (void)argument;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    write_word(0);
}

ACTOR(start_and_join)
{
    write_word(0);
    if (zc_thread_start(&watch_shared->thread, child, NULL) != ZC_OK)
        return;
    zc_thread_join(&watch_shared->thread);
    write_word(0);
}

ACTOR(start_and_write)
{
    if (zc_thread_start(&watch_shared->thread, child, NULL) != ZC_OK)
        return;
    write_word(0);
    zc_thread_join(&watch_shared->thread);
}

TEST(a_wait_loses_no_wake_up_and_a_wrong_one_is_found)
{
    watch_silent(wait_well, signal_well);
    watch_finds(wait_blindly, signal_well, "lost wake-up");
    watch_silent(park_well, unpark_well);
    watch_silent(park_once, unpark_well);
    watch_finds(park_well, forget_to_unpark, "lost wake-up");
    assert_int_equal(watch_silent(lock_bit, lock_bit), 2);
    watch_silent(lock_bit, try_bit);
    assert_int_equal(watch_seen, 3);
    watch_finds(unlock_free_bit, watch_nothing, "bit lock not held");
    watch_finds(allocate_locked, watch_nothing, "waits under a spinlock");
    watch_finds(lock_backwards, watch_nothing, "waits under a spinlock");
    watch_silent(start_and_join, watch_nothing);
    watch_finds(start_and_write, watch_nothing, "data race");
}

/* --- failures -------------------------------------------------------- */

ACTOR(allocate)
{
    void *memory = zc_malloc(8);

    watch_seen |= memory == NULL ? 1 : 2;
    zc_free(memory);
}

ACTOR(allocate_twice)
{
    void *one = zc_malloc(8);
    void *two = zc_malloc(8);

    watch_seen |= (one == NULL && two == NULL) ? 4 : 8;
    zc_free(one);
    zc_free(two);
}

TEST(a_failure_is_a_choice_within_the_budget)
{
    assert_int_equal(watch_silent(allocate, watch_nothing), 2);
    assert_int_equal(watch_seen, 3);
    /* The budget is one. */
    assert_int_equal(watch_silent(allocate_twice, watch_nothing), 3);
    assert_int_equal(watch_seen, 8);
}

/* --- histories ------------------------------------------------------- */

/* One operation with this answer; a step makes it begin. */
static void operate(enum lab_operation_kind kind, unsigned version,
                    zc_status status)
{
    lab_history_begin(kind, 1, version);
    lab_step(LAB_WRITE, watch_shared, LAB_SITE("operation"));
    lab_history_end(status, version);
}

ACTOR(store_one)
{
    operate(LAB_STORE, 1, ZC_OK);
}

ACTOR(store_load)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_LOAD, 1, ZC_OK);
}

ACTOR(store_miss)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_LOAD, 0, ZC_MISSING);
}

ACTOR(fail_miss)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_STORE, 2, ZC_NO_MEMORY);
    operate(LAB_LOAD, 0, ZC_MISSING);
}

ACTOR(fail_load)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_STORE, 2, ZC_NO_MEMORY);
    operate(LAB_LOAD, 1, ZC_OK);
}

ACTOR(take_twice)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_TAKE, 1, ZC_OK);
    operate(LAB_TAKE, 1, ZC_OK);
}

ACTOR(take_after_invalidate)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_INVALIDATE, 0, ZC_OK);
    operate(LAB_INVALIDATE, 0, ZC_MISSING);
    operate(LAB_TAKE, 0, ZC_MISSING);
}

/* Overlaps what another thread does from its first step to its last. */
ACTOR(long_miss)
{
    lab_history_begin(LAB_LOAD, 1, 0);
    lab_step(LAB_WRITE, watch_shared, LAB_SITE("operation"));
    lab_step(LAB_WRITE, watch_shared, LAB_SITE("operation"));
    lab_history_end(ZC_MISSING, 0);
}

ACTOR(load_another)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_LOAD, 7, ZC_OK);
}

ACTOR(take_and_invalidate)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_TAKE, 1, ZC_OK);
    operate(LAB_INVALIDATE, 0, ZC_OK);
    operate(LAB_STORE, 2, ZC_OK);
    operate(LAB_LOAD, 0, ZC_MISSING);
}

ACTOR(invalidate_twice)
{
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_INVALIDATE, 0, ZC_OK);
    operate(LAB_INVALIDATE, 0, ZC_OK);
}

static void assert_unexplained(void (*one)(void *), void (*two)(void *),
                               const char *what, bool always)
{
    struct lab_result result = watch_explore(one, two, watch_finish);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, what);
    assert_int_equal(result.failures == result.complete, always);
}

TEST(answers_fit_some_order_or_are_found)
{
    watch_silent(store_load, watch_nothing);
    assert_unexplained(store_miss, watch_nothing, "page lost", true);
    watch_silent(fail_miss, watch_nothing);
    assert_unexplained(fail_load, watch_nothing, "stale page", true);
    assert_unexplained(take_twice, watch_nothing, "stale page", true);
    assert_unexplained(load_another, watch_nothing, "page that was never there",
                       true);
    /* Two of the answers are wrong; the page that is lost counts. */
    assert_unexplained(take_and_invalidate, watch_nothing, "page lost", true);
    assert_unexplained(invalidate_twice, watch_nothing,
                       "answers that no order explains", true);
    watch_silent(take_after_invalidate, watch_nothing);
    /* A miss that began before the store ended is fine; a later one is not. */
    assert_unexplained(store_one, long_miss, "page lost", false);
}
