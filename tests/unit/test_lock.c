/* SPDX-License-Identifier: MIT */
/* test_lock.c - locks exclude, and a wrong order ends the process. */
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "platform/lock.h"

#define ROUNDS 20000

/* Locks of four ranks, outermost first. */
static struct zc_mutex mutex;
static struct zc_spinlock outer;
static struct zc_spinlock inner;
static struct zc_spinlock twin; /* of the same rank as inner */
static uint64_t guarded;

static int set_up(void **state)
{
    (void)state;
    guarded = 0;
    assert_status(zc_mutex_init(&mutex, ZC_RANK_CONTEXT, "a mutex"), ZC_OK);
    assert_status(zc_spinlock_init(&outer, ZC_RANK_SHARD, "outer spinlock"),
                  ZC_OK);
    assert_status(
        zc_spinlock_init(&inner, ZC_RANK_POOL_ARENA, "inner spinlock"), ZC_OK);
    assert_status(zc_spinlock_init(&twin, ZC_RANK_POOL_ARENA, "twin spinlock"),
                  ZC_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_spinlock_destroy(&twin);
    zc_spinlock_destroy(&inner);
    zc_spinlock_destroy(&outer);
    zc_mutex_destroy(&mutex);
    return 0;
}

/* A test with these locks; what it does with them is not analysed. */
#define TEST_OF_LOCKS(name)                                                    \
    static void name(void **state) ZC_NO_LOCK_ANALYSIS;                        \
    TEST_REGISTER(name, #name, set_up, tear_down, NULL)                        \
    static void name(__attribute__((unused)) void **state)

/* ---- locks exclude ---- */

static void count_under_mutex(struct support_worker *worker)
{
    for (; worker->operations < ROUNDS; worker->operations++) {
        zc_mutex_lock(&mutex);
        guarded++;
        zc_mutex_unlock(&mutex);
    }
}

static void count_under_spinlock(struct support_worker *worker)
{
    for (; worker->operations < ROUNDS; worker->operations++) {
        zc_spinlock_lock(&inner);
        guarded++;
        zc_spinlock_unlock(&inner);
    }
}

static void count_if_locked(struct support_worker *worker)
{
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        if (!zc_spinlock_trylock(&inner))
            continue;
        guarded++;
        zc_spinlock_unlock(&inner);
        worker->operations++;
    }
}

TEST_OF_LOCKS(one_thread_at_a_time_has_a_lock)
{
    static const support_work works[] = {count_under_mutex,
                                         count_under_spinlock, count_if_locked};
    struct support_crew crew;
    size_t w;
    unsigned i;

    for (w = 0; w < sizeof(works) / sizeof(works[0]); w++) {
        guarded = 0;
        support_crew_init(&crew);
        for (i = 0; i < 4; i++)
            support_crew_add(&crew, works[w], NULL);
        support_crew_run(&crew, 0);
        for (i = 0; i < 4; i++)
            guarded -= crew.workers[i].operations;
        assert_int_equal(guarded, 0);
    }
}

TEST_OF_LOCKS(a_trylock_of_a_held_lock_fails)
{
    zc_spinlock_lock(&inner);
    assert_false(zc_spinlock_trylock(&inner));
    zc_spinlock_unlock(&inner);
    assert_true(zc_spinlock_trylock(&inner));
    zc_spinlock_unlock(&inner);

    zc_mutex_lock(&mutex);
    assert_false(zc_mutex_trylock(&mutex));
    zc_mutex_unlock(&mutex);
}

TEST_OF_LOCKS(locks_nest_in_rank_order_and_end_in_any)
{
    zc_mutex_lock(&mutex);
    zc_may_block();
    zc_spinlock_lock(&outer);
    zc_spinlock_lock(&inner);
    zc_mutex_unlock(&mutex);
    zc_spinlock_unlock(&outer);
    zc_spinlock_unlock(&inner);

    /* Nothing is left of it. */
    zc_may_block();
    zc_mutex_lock(&mutex);
    zc_mutex_unlock(&mutex);
}

TEST_OF_LOCKS(a_trylock_may_go_against_the_order)
{
    zc_spinlock_lock(&inner);
    assert_true(zc_spinlock_trylock(&outer));
    zc_spinlock_unlock(&inner);
    zc_spinlock_unlock(&outer);
}

/* ---- mistakes end the process, and name the locks ---- */

#define MISTAKE(name) static void name(void *context) ZC_NO_LOCK_ANALYSIS

MISTAKE(lock_against_the_order)
{
    (void)context;
    zc_spinlock_lock(&inner);
    zc_spinlock_lock(&outer);
}

MISTAKE(lock_a_rank_twice)
{
    (void)context;
    zc_spinlock_lock(&inner);
    zc_spinlock_lock(&twin);
}

MISTAKE(lock_recursively)
{
    (void)context;
    zc_mutex_lock(&mutex);
    zc_mutex_lock(&mutex);
}

MISTAKE(block_under_a_spinlock)
{
    (void)context;
    zc_mutex_lock(&mutex);
    zc_spinlock_lock(&outer);
    zc_may_block();
}

MISTAKE(unlock_what_is_not_held)
{
    (void)context;
    zc_spinlock_lock(&outer);
    zc_spinlock_unlock(&inner);
}

MISTAKE(assert_something_false)
{
    ZC_ASSERT(context != NULL);
}

TEST_OF_LOCKS(a_mistake_ends_the_process_with_both_names)
{
    static const struct {
        void (*mistake)(void *context);
        const char *text;
        const char *other_text;
    } cases[] = {
        {lock_against_the_order, "'outer spinlock'", "'inner spinlock'"},
        {lock_a_rank_twice, "'twin spinlock'", "'inner spinlock'"},
        {lock_recursively, "'a mutex'", "held"},
        {block_under_a_spinlock, "may block", "'outer spinlock'"},
        {unlock_what_is_not_held, "'inner spinlock'", "does not hold it"},
        {assert_something_false, "context != NULL", "test_lock.c"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        support_assert_aborts(cases[i].mistake, NULL, cases[i].text,
                              cases[i].other_text);
}
