/* SPDX-License-Identifier: MIT */
/* test_lock.c - locks exclude, and a wrong order ends the process. */
#include "support_process.h"
#include "support_test.h"
#include "support_threads.h"

#include "platform/lock.h"

#define ROUNDS 20000

/* Locks of four ranks, outermost first. */
struct locks {
    struct zc_mutex mutex;
    struct zc_spinlock outer;
    struct zc_spinlock inner;
    struct zc_spinlock twin; /* of the same rank as inner */
    uint64_t guarded;
};

static int set_up(void **state)
{
    static struct locks locks;

    memset(&locks, 0, sizeof(locks));
    assert_status(zc_mutex_init(&locks.mutex, ZC_RANK_CONTEXT, "a mutex"),
                  ZC_OK);
    assert_status(
        zc_spinlock_init(&locks.outer, ZC_RANK_SHARD, "outer spinlock"), ZC_OK);
    assert_status(
        zc_spinlock_init(&locks.inner, ZC_RANK_POOL_ARENA, "inner spinlock"),
        ZC_OK);
    assert_status(
        zc_spinlock_init(&locks.twin, ZC_RANK_POOL_ARENA, "twin spinlock"),
        ZC_OK);
    *state = &locks;
    return 0;
}

static int tear_down(void **state)
{
    struct locks *locks = *state;

    zc_spinlock_destroy(&locks->twin);
    zc_spinlock_destroy(&locks->inner);
    zc_spinlock_destroy(&locks->outer);
    zc_mutex_destroy(&locks->mutex);
    return 0;
}

static void count_under_mutex(struct support_worker *worker)
{
    struct locks *locks = worker->context;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        zc_mutex_lock(&locks->mutex);
        locks->guarded++;
        zc_mutex_unlock(&locks->mutex);
    }
}

static void count_under_spinlock(struct support_worker *worker)
{
    struct locks *locks = worker->context;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        zc_spinlock_lock(&locks->inner);
        locks->guarded++;
        zc_spinlock_unlock(&locks->inner);
    }
}

static void count_if_locked(struct support_worker *worker)
{
    struct locks *locks = worker->context;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        if (!zc_spinlock_trylock(&locks->inner))
            continue;
        locks->guarded++;
        zc_spinlock_unlock(&locks->inner);
        worker->operations++;
    }
}

static uint64_t run_crew(struct locks *locks, support_work work)
{
    struct support_crew crew;
    uint64_t operations = 0;
    unsigned i;

    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, work, locks);
    support_crew_run(&crew, 0);
    for (i = 0; i < 4; i++)
        operations += crew.workers[i].operations;
    return operations;
}

static void a_mutex_excludes(void **state)
{
    struct locks *locks = *state;

    (void)run_crew(locks, count_under_mutex);
    assert_int_equal(locks->guarded, 4 * ROUNDS);
}

static void a_spinlock_excludes(void **state)
{
    struct locks *locks = *state;

    (void)run_crew(locks, count_under_spinlock);
    assert_int_equal(locks->guarded, 4 * ROUNDS);
}

static void a_trylock_that_succeeds_excludes(void **state)
{
    struct locks *locks = *state;
    uint64_t successes = run_crew(locks, count_if_locked);

    assert_int_equal(locks->guarded, successes);
}

static void a_trylock_of_a_held_lock_fails(void **state) ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = *state;

    zc_spinlock_lock(&locks->inner);
    assert_false(zc_spinlock_trylock(&locks->inner));
    zc_spinlock_unlock(&locks->inner);
    assert_true(zc_spinlock_trylock(&locks->inner));
    zc_spinlock_unlock(&locks->inner);

    zc_mutex_lock(&locks->mutex);
    assert_false(zc_mutex_trylock(&locks->mutex));
    zc_mutex_unlock(&locks->mutex);
}

static void locks_nest_in_rank_order_and_end_in_any(void **state)
    ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = *state;

    zc_mutex_lock(&locks->mutex);
    zc_may_block();
    zc_spinlock_lock(&locks->outer);
    zc_spinlock_lock(&locks->inner);
    zc_mutex_unlock(&locks->mutex);
    zc_spinlock_unlock(&locks->outer);
    zc_spinlock_unlock(&locks->inner);

    /* Nothing is left of it. */
    zc_may_block();
    zc_mutex_lock(&locks->mutex);
    zc_mutex_unlock(&locks->mutex);
}

static void a_trylock_may_go_against_the_order(void **state) ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = *state;

    zc_spinlock_lock(&locks->inner);
    assert_true(zc_spinlock_trylock(&locks->outer));
    zc_spinlock_unlock(&locks->inner);
    zc_spinlock_unlock(&locks->outer);
}

static void lock_against_the_order(void *context) ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = context;

    zc_spinlock_lock(&locks->inner);
    zc_spinlock_lock(&locks->outer);
}

static void a_wrong_order_ends_the_process_with_both_names(void **state)
{
    support_assert_aborts(lock_against_the_order, *state, "'outer spinlock'",
                          "'inner spinlock'");
}

static void lock_a_rank_twice(void *context) ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = context;

    zc_spinlock_lock(&locks->inner);
    zc_spinlock_lock(&locks->twin);
}

static void the_same_rank_twice_ends_the_process(void **state)
{
    support_assert_aborts(lock_a_rank_twice, *state, "'twin spinlock'",
                          "'inner spinlock'");
}

static void lock_recursively(void *context) ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = context;

    zc_mutex_lock(&locks->mutex);
    zc_mutex_lock(&locks->mutex);
}

static void a_lock_is_not_recursive(void **state)
{
    support_assert_aborts(lock_recursively, *state, "'a mutex'", "held");
}

static void block_under_spinlock(void *context) ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = context;

    zc_mutex_lock(&locks->mutex);
    zc_spinlock_lock(&locks->outer);
    zc_may_block();
}

static void blocking_under_a_spinlock_ends_the_process(void **state)
{
    support_assert_aborts(block_under_spinlock, *state, "may block",
                          "'outer spinlock'");
}

static void unlock_what_is_not_held(void *context) ZC_NO_LOCK_ANALYSIS
{
    struct locks *locks = context;

    zc_spinlock_lock(&locks->outer);
    zc_spinlock_unlock(&locks->inner);
}

static void releasing_what_is_not_held_ends_the_process(void **state)
{
    support_assert_aborts(unlock_what_is_not_held, *state, "'inner spinlock'",
                          "does not hold it");
}

static void assert_something_false(void *context)
{
    ZC_ASSERT(context == NULL);
}

static void a_failed_assertion_names_itself(void **state)
{
    support_assert_aborts(assert_something_false, *state, "context == NULL",
                          "test_lock.c");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_mutex_excludes),
        test(a_spinlock_excludes),
        test(a_trylock_that_succeeds_excludes),
        test(a_trylock_of_a_held_lock_fails),
        test(locks_nest_in_rank_order_and_end_in_any),
        test(a_trylock_may_go_against_the_order),
        test(a_wrong_order_ends_the_process_with_both_names),
        test(the_same_rank_twice_ends_the_process),
        test(a_lock_is_not_recursive),
        test(blocking_under_a_spinlock_ends_the_process),
        test(releasing_what_is_not_held_ends_the_process),
        test(a_failed_assertion_names_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
