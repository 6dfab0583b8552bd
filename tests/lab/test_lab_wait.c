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

static void wait_well(void *context)
{
    (void)context;
    zc_mutex_lock(&watch_shared->mutex);
    while (watch_shared->data[0] == 0)
        zc_condition_wait(&watch_shared->condition, &watch_shared->mutex);
    __tsan_read_range(&watch_shared->data[0], 16);
    zc_mutex_unlock(&watch_shared->mutex);
}

static void signal_well(void *context)
{
    (void)context;
    zc_mutex_lock(&watch_shared->mutex);
    __tsan_memset(&watch_shared->data[0], 1, 16);
    zc_condition_signal(&watch_shared->condition);
    zc_mutex_unlock(&watch_shared->mutex);
}

/* Waits without a check first: the signal may have come before. */
static void wait_blindly(void *context)
{
    (void)context;
    zc_mutex_lock(&watch_shared->mutex);
    zc_condition_wait(&watch_shared->condition, &watch_shared->mutex);
    zc_mutex_unlock(&watch_shared->mutex);
}

static void park_well(void *context)
{
    (void)context;
    while (zc_atomic_u32_load_acquire(&watch_shared->word) == 0)
        zc_park_while(&watch_shared->parking, &watch_shared->word, 0);
    __tsan_read_range(&watch_shared->data[0], 8);
}

/* Without a check before: parking checks the word. */
static void park_once(void *context)
{
    (void)context;
    (void)zc_atomic_u32_load_relaxed(&watch_shared->word);
    zc_park_while(&watch_shared->parking, &watch_shared->word, 0);
}

static void unpark_well(void *context)
{
    (void)context;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    zc_atomic_u32_store_release(&watch_shared->word, 1);
    zc_unpark_all(&watch_shared->parking, &watch_shared->word);
}

/* Stores the word, and wakes no thread. */
static void forget_to_unpark(void *context)
{
    (void)context;
    zc_atomic_u32_store_release(&watch_shared->word, 1);
}

static void lock_bit(void *context)
{
    (void)context;
    zc_bit_lock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
    __tsan_memset(&watch_shared->data[0], 1, 8);
    zc_bit_unlock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
}

static void try_bit(void *context)
{
    (void)context;
    if (!zc_bit_trylock(&watch_shared->word, BIT)) {
        zc_bit_wait_clear(&watch_shared->parking, &watch_shared->word, BIT,
                          WAITERS);
        watch_seen |= 1;
        __tsan_read_range(&watch_shared->data[0], 8);
        return;
    }
    watch_seen |= 2;
    zc_bit_unlock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
}

static void unlock_free_bit(void *context)
{
    (void)context;
    zc_bit_unlock(&watch_shared->parking, &watch_shared->word, BIT, WAITERS);
}

static void allocate_locked(void *context)
{
    (void)context;
    zc_spinlock_lock(&watch_shared->lock);
    zc_free(zc_malloc(8));
    zc_spinlock_unlock(&watch_shared->lock);
}

static void lock_backwards(void *context) ZC_NO_LOCK_ANALYSIS
{
    (void)context;
    zc_spinlock_lock(&watch_shared->lock);
    if (zc_mutex_trylock(&watch_shared->mutex))
        zc_mutex_unlock(&watch_shared->mutex);
    lab_mutex_lock(&watch_shared->mutex, LAB_SITE("mutex_lock"));
}

static void child(void *argument)
{
    (void)argument;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&watch_shared->data[0], 1, 8);
}

static void start_and_join(void *context)
{
    (void)context;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    if (zc_thread_start(&watch_shared->thread, child, NULL) != ZC_OK)
        return;
    zc_thread_join(&watch_shared->thread);
    __tsan_memset(&watch_shared->data[0], 1, 8);
}

static void start_and_write(void *context)
{
    (void)context;
    if (zc_thread_start(&watch_shared->thread, child, NULL) != ZC_OK)
        return;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    zc_thread_join(&watch_shared->thread);
}

static void test_waiting(void **state)
{
    (void)state;
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

static void allocate(void *context)
{
    void *memory = zc_malloc(8);

    (void)context;
    watch_seen |= memory == NULL ? 1 : 2;
    zc_free(memory);
}

static void allocate_twice(void *context)
{
    void *one = zc_malloc(8);
    void *two = zc_malloc(8);

    (void)context;
    watch_seen |= (one == NULL && two == NULL) ? 4 : 8;
    zc_free(one);
    zc_free(two);
}

static void test_failures(void **state)
{
    (void)state;
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

static void store_one(void *context)
{
    (void)context;
    operate(LAB_STORE, 1, ZC_OK);
}

static void store_load(void *context)
{
    (void)context;
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_LOAD, 1, ZC_OK);
}

static void store_miss(void *context)
{
    (void)context;
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_LOAD, 0, ZC_MISSING);
}

static void fail_miss(void *context)
{
    (void)context;
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_STORE, 2, ZC_NO_MEMORY);
    operate(LAB_LOAD, 0, ZC_MISSING);
}

static void fail_load(void *context)
{
    (void)context;
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_STORE, 2, ZC_NO_MEMORY);
    operate(LAB_LOAD, 1, ZC_OK);
}

static void take_twice(void *context)
{
    (void)context;
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_TAKE, 1, ZC_OK);
    operate(LAB_TAKE, 1, ZC_OK);
}

static void take_after_invalidate(void *context)
{
    (void)context;
    operate(LAB_STORE, 1, ZC_OK);
    operate(LAB_INVALIDATE, 0, ZC_OK);
    operate(LAB_INVALIDATE, 0, ZC_MISSING);
    operate(LAB_TAKE, 0, ZC_MISSING);
}

/* Overlaps what another thread does from its first step to its last. */
static void long_miss(void *context)
{
    (void)context;
    lab_history_begin(LAB_LOAD, 1, 0);
    lab_step(LAB_WRITE, watch_shared, LAB_SITE("operation"));
    lab_step(LAB_WRITE, watch_shared, LAB_SITE("operation"));
    lab_history_end(ZC_MISSING, 0);
}

static void assert_unexplained(void (*one)(void *), void (*two)(void *),
                               bool always)
{
    struct lab_result result = watch_explore(one, two, watch_finish);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, "answers that no order explains");
    assert_int_equal(result.failures == result.complete, always);
}

static void test_histories(void **state)
{
    (void)state;
    watch_silent(store_load, watch_nothing);
    assert_unexplained(store_miss, watch_nothing, true);
    watch_silent(fail_miss, watch_nothing);
    assert_unexplained(fail_load, watch_nothing, true);
    assert_unexplained(take_twice, watch_nothing, true);
    watch_silent(take_after_invalidate, watch_nothing);
    /* A miss that began before the store ended is fine; a later one is not. */
    assert_unexplained(store_one, long_miss, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_histories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
