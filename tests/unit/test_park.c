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

struct words {
    struct zc_parking parking;
    zc_atomic_u32 word;
    zc_atomic_u32 turn;
    uint64_t guarded;
};

static int set_up(void **state)
{
    static struct words words;

    memset(&words, 0, sizeof(words));
    assert_status(zc_parking_init(&words.parking), ZC_OK);
    *state = &words;
    return 0;
}

static int tear_down(void **state)
{
    struct words *words = *state;

    zc_parking_destroy(&words->parking);
    return 0;
}

static void count_under_bit(struct support_worker *worker)
{
    struct words *words = worker->context;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        zc_bit_lock(&words->parking, &words->word, LOCKED, WAITERS);
        words->guarded++;
        zc_bit_unlock(&words->parking, &words->word, LOCKED, WAITERS);
    }
}

static void run(unsigned count, support_work work, struct words *words)
{
    struct support_crew crew;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < count; i++)
        support_crew_add(&crew, work, words);
    support_crew_run(&crew, 0);
}

TEST_WITH(bit_lock_excludes, set_up, tear_down)
{
    struct words *words = *state;

    run(4, count_under_bit, words);
    assert_int_equal(words->guarded, 4 * ROUNDS);
    assert_int_equal(zc_atomic_u32_load_relaxed(&words->word), 0);
}

TEST_WITH(trylock_takes_a_free_bit_only, set_up, tear_down)
{
    struct words *words = *state;

    zc_atomic_u32_store_relaxed(&words->word, OTHER);
    assert_true(zc_bit_trylock(&words->word, LOCKED));
    assert_false(zc_bit_trylock(&words->word, LOCKED));
    zc_bit_unlock(&words->parking, &words->word, LOCKED, WAITERS);
    assert_int_equal(zc_atomic_u32_load_relaxed(&words->word), OTHER);
}

/* Each takes its turns in order, and sleeps for them. */
static void take_turns(struct support_worker *worker)
{
    struct words *words = worker->context;
    uint32_t turn = worker->index;
    uint32_t now;

    for (; turn < 2000; turn += 2) {
        while ((now = zc_atomic_u32_load_acquire(&words->turn)) != turn)
            zc_park_while(&words->parking, &words->turn, now);
        zc_atomic_u32_store_release(&words->turn, turn + 1);
        zc_unpark_all(&words->parking, &words->turn);
    }
}

TEST_WITH(sleepers_are_woken, set_up, tear_down)
{
    struct words *words = *state;

    run(2, take_turns, words);
    assert_int_equal(zc_atomic_u32_load_relaxed(&words->turn), 2000);
}

/* Thread 0 clears the bit that thread 1 waits for; neither locked it. */
static void wait_or_clear(struct support_worker *worker)
{
    struct words *words = worker->context;

    if (worker->index == 0) {
        zc_sleep_ns(2000000);
        words->guarded = 7;
        zc_bit_unlock(&words->parking, &words->word, OTHER, WAITERS);
        return;
    }
    zc_bit_wait_clear(&words->parking, &words->word, OTHER, WAITERS);
    if (words->guarded != 7)
        support_mistake(worker, "%s", "woken before it was cleared");
}

TEST_WITH(another_thread_may_clear, set_up, tear_down)
{
    struct words *words = *state;

    zc_atomic_u32_store_relaxed(&words->word, OTHER);
    run(2, wait_or_clear, words);
    assert_int_equal(zc_atomic_u32_load_relaxed(&words->word), 0);
}
