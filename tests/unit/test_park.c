/* SPDX-License-Identifier: MIT */
/* test_park.c - bit locks exclude; every sleeping thread is woken. */
#include "support_test.h"
#include "support_threads.h"

#include "platform/park.h"
#include "platform/thread.h"

#define ROUNDS 20000
#define LOCKED 1u
#define WAITERS 2u
#define OTHER 4u

static struct zc_parking parking;
static zc_atomic_u32 word;
static zc_atomic_u32 turn;
static uint64_t guarded;

static int set_up(void **state)
{
    (void)state;
    zc_atomic_u32_store_relaxed(&word, 0);
    guarded = 0;
    assert_status(zc_parking_init(&parking), ZC_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_parking_destroy(&parking);
    return 0;
}

static void count_under_bit(struct support_worker *worker)
{
    for (; worker->operations < ROUNDS; worker->operations++) {
        zc_bit_lock(&parking, &word, LOCKED, WAITERS);
        guarded++;
        zc_bit_unlock(&parking, &word, LOCKED, WAITERS);
    }
}

static void run(unsigned count, support_work work)
{
    support_crowd(count, work, NULL, 0);
}

TEST_WITH(bit_lock_excludes, set_up, tear_down)
{
    run(4, count_under_bit);
    assert_int_equal(guarded, 4 * ROUNDS);
    assert_int_equal(zc_atomic_u32_load_relaxed(&word), 0);
}

TEST_WITH(trylock_takes_a_free_bit_only, set_up, tear_down)
{
    zc_atomic_u32_store_relaxed(&word, OTHER);
    assert_true(zc_bit_trylock(&word, LOCKED));
    assert_false(zc_bit_trylock(&word, LOCKED));
    zc_bit_unlock(&parking, &word, LOCKED, WAITERS);
    assert_int_equal(zc_atomic_u32_load_relaxed(&word), OTHER);
}

/* Each takes its turns in order, and sleeps for them. */
static void take_turns(struct support_worker *worker)
{
    uint32_t own = worker->index;
    uint32_t now;

    for (; own < 2000; own += 2) {
        while ((now = zc_atomic_u32_load_acquire(&turn)) != own)
            zc_park_while(&parking, &turn, now);
        zc_atomic_u32_store_release(&turn, own + 1);
        zc_unpark_all(&parking, &turn);
    }
}

TEST_WITH(sleepers_are_woken, set_up, tear_down)
{
    run(2, take_turns);
    assert_int_equal(zc_atomic_u32_load_relaxed(&turn), 2000);
}

/* Thread 0 clears the bit that thread 1 waits for; neither locked it. */
static void wait_or_clear(struct support_worker *worker)
{
    if (worker->index == 0) {
        zc_sleep_ns(2000000);
        guarded = 7;
        zc_bit_unlock(&parking, &word, OTHER, WAITERS);
        return;
    }
    zc_bit_wait_clear(&parking, &word, OTHER, WAITERS);
    if (guarded != 7)
        support_mistake(worker, "%s", "woken before it was cleared");
}

TEST_WITH(another_thread_may_clear, set_up, tear_down)
{
    zc_atomic_u32_store_relaxed(&word, OTHER);
    run(2, wait_or_clear);
    assert_int_equal(zc_atomic_u32_load_relaxed(&word), 0);
}
