/* SPDX-License-Identifier: MIT */
/*
 * order.c - which orders the lab explores of a user's code: loops that spin,
 * atomics of different sizes, what happens for no reason.  check-order has the
 * expected answers.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <zcache/lab.h>

#define THREADS 3
#define RUNS(name) static void name(__attribute__((unused)) void *context)

struct node {
    struct node *_Atomic next;
    atomic_int waits;
};

union parts {
    _Atomic uint32_t whole;
    _Atomic uint8_t bytes[4];
    _Atomic uint16_t halves[2];
};

#if defined(__SIZEOF_INT128__) && !defined(__clang__)
#define HAS_WIDE 1 /* clang calls a library for these */
__extension__ typedef unsigned __int128 wide;
#else
#define HAS_WIDE 0
typedef unsigned wide;
#endif

struct shared {
    _Atomic wide wide;
    atomic_int word;
    atomic_int other;
    atomic_int turn;
    struct node *_Atomic tail;
    struct node nodes[THREADS];
    union parts parts;
    struct pair *_Atomic pair;
    struct pair *initial;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count; /* [the lock that is tested] */
};

struct pair {
    int first;
    int second;
};

static struct shared *shared;

RUNS(setup)
{
    shared = calloc(1, sizeof(*shared));
    assert(shared != NULL);
    (void)pthread_mutex_init(&shared->lock, NULL);
    (void)pthread_cond_init(&shared->changed, NULL);
}

RUNS(finish)
{
    free(atomic_load(&shared->pair));
    free(shared);
}

/* --- locks that spin ------------------------------------------------- */

RUNS(take_ticket)
{
    int mine = atomic_fetch_add(&shared->word, 1);

    while (atomic_load(&shared->other) != mine)
        (void)sched_yield();
    shared->count++;
    atomic_store(&shared->other, mine + 1);
}

RUNS(exchange_if)
{
    int expected;

    do {
        expected = 0;
    } while (!atomic_compare_exchange_strong(&shared->word, &expected, 1));
    shared->count++;
    atomic_store(&shared->word, 0);
}

RUNS(test_and_exchange)
{
    do {
        while (atomic_load(&shared->word) != 0)
            ;
    } while (atomic_exchange(&shared->word, 1) != 0);
    shared->count++;
    atomic_store(&shared->word, 0);
}

/* Peterson's, for two threads. */
static void take_turns(int me, bool yields)
{
    atomic_int *flags[2] = {&shared->word, &shared->other};

    atomic_store(flags[me], 1);
    atomic_store(&shared->turn, 1 - me);
    while (
        atomic_load(flags[1 - me]) != 0 &&
        (!zc_lab_holds("ASKS_TURN") || atomic_load(&shared->turn) == 1 - me)) {
        if (yields)
            (void)sched_yield();
    }
    shared->count++;
    atomic_store(flags[me], 0);
}

RUNS(first_turn)
{
    take_turns(0, false);
}

RUNS(second_turn)
{
    take_turns(1, false);
}

RUNS(first_turn_yields)
{
    take_turns(0, true);
}

RUNS(second_turn_yields)
{
    take_turns(1, true);
}

static void queue_up(struct node *mine)
{
    struct node *before;
    struct node *last = mine;

    atomic_store(&mine->waits, 1);
    before = atomic_exchange(&shared->tail, mine);
    if (before != NULL) {
        atomic_store(&before->next, mine);
        while (atomic_load(&mine->waits) != 0)
            ;
    }
    shared->count++;
    if (atomic_load(&mine->next) == NULL) {
        if (atomic_compare_exchange_strong(&shared->tail, &last, NULL))
            return;
        while (atomic_load(&mine->next) == NULL)
            ;
    }
    atomic_store(&atomic_load(&mine->next)->waits, 0);
}

RUNS(queue_first)
{
    queue_up(&shared->nodes[0]);
}

RUNS(queue_second)
{
    queue_up(&shared->nodes[1]);
}

RUNS(meet)
{
    atomic_fetch_add(&shared->word, 1);
    while (atomic_load(&shared->word) != 2)
        ;
}

/* A lock that is polled. */
RUNS(poll)
{
    bool seen = false;

    while (!seen) {
        (void)pthread_mutex_lock(&shared->lock);
        seen = shared->count != 0;
        (void)pthread_mutex_unlock(&shared->lock);
    }
}

RUNS(count_locked)
{
    (void)pthread_mutex_lock(&shared->lock);
    shared->count++;
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(set)
{
    atomic_store(&shared->word, 1);
}

RUNS(set_other)
{
    atomic_store(&shared->other, 1);
}

/* Waits for a word that no thread changes. */
RUNS(wait_for_turn)
{
    while (atomic_load(&shared->word) == 0 || atomic_load(&shared->turn) == 0)
        ;
}

RUNS(give_up)
{
    for (int i = 0; i < 3; i++) {
        if (atomic_load(&shared->word) != 0)
            return;
        (void)sched_yield();
    }
    zc_lab_fail("gave up", "after three tries");
}

/* --- named waits ----------------------------------------------------- */

static bool both_set(void *argument)
{
    const struct shared *all = argument;

    return atomic_load(&all->word) != 0 && atomic_load(&all->other) != 0;
}

RUNS(await_both)
{
    zc_lab_await(both_set, shared);
    assert(atomic_load(&shared->word) == 1);
}

static bool never(void *argument)
{
    atomic_store((atomic_int *)argument, 1);
    return false;
}

RUNS(await_wrongly)
{
    zc_lab_await(never, &shared->word);
}

RUNS(assume_set)
{
    zc_lab_assume(atomic_load(&shared->word) == 1);
    if (atomic_load(&shared->word) != 1)
        zc_lab_fail("assumed", "what is not so");
}

/* --- sizes ----------------------------------------------------------- */

RUNS(load_whole_twice)
{
    uint32_t first = atomic_load(&shared->parts.whole);

    if (first == 0 && atomic_load(&shared->parts.whole) != 0)
        zc_lab_fail("changed", "between two loads");
}

RUNS(store_byte)
{
    atomic_store(&shared->parts.bytes[1], 1);
}

RUNS(store_first_half)
{
    atomic_store(&shared->parts.halves[0], 1);
}

RUNS(store_second_half)
{
    atomic_store(&shared->parts.halves[1], 1);
}

RUNS(load_whole)
{
    (void)atomic_load(&shared->parts.whole);
}

RUNS(load_wide)
{
    (void)atomic_load(&shared->wide);
}

/* --- what happens for no reason -------------------------------------- */

RUNS(wait_once)
{
    (void)pthread_mutex_lock(&shared->lock);
    if (shared->count == 0)
        (void)pthread_cond_wait(&shared->changed, &shared->lock);
    assert(shared->count != 0);
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(wait_a_while)
{
    struct timespec until = {0, 0};

    (void)pthread_mutex_lock(&shared->lock);
    while (shared->count == 0) {
        if (pthread_cond_timedwait(&shared->changed, &shared->lock, &until) !=
            0)
            zc_lab_fail("time ran out", "although a thread signals");
    }
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(count_and_signal)
{
    (void)pthread_mutex_lock(&shared->lock);
    shared->count++;
    (void)pthread_cond_signal(&shared->changed);
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(exchange_weakly)
{
    int expected = 0;

    if (!atomic_compare_exchange_weak(&shared->word, &expected, 1))
        zc_lab_fail("weak", "it was %d", expected);
}

static struct pair *new_pair(int first)
{
    struct pair *pair = malloc(sizeof(*pair));

    assert(pair != NULL);
    pair->first = pair->second = first;
    return pair;
}

RUNS(setup_pair)
{
    setup(context);
    shared->initial = new_pair(1);
    atomic_store(&shared->pair, shared->initial);
}

/* The pair is at the place of the one of setup, and is another one. */
RUNS(replace_if_same)
{
    struct pair *seen = atomic_load(&shared->pair);
    struct pair *expected = seen;
    struct pair *mine;

    if (seen != shared->initial)
        return;
    mine = new_pair(2);
    if (!atomic_compare_exchange_strong(&shared->pair, &expected, mine)) {
        free(mine);
        return;
    }
    if (seen->first != 1)
        zc_lab_fail("ABA", "it is %d", seen->first);
    free(seen);
}

RUNS(replace_twice)
{
    struct pair *old = atomic_exchange(&shared->pair, NULL);
    struct pair *expected = NULL;
    struct pair *mine;

    free(old);
    mine = new_pair(3);
    if (!atomic_compare_exchange_strong(&shared->pair, &expected, mine))
        free(mine);
}

RUNS(store_relaxed)
{
    atomic_store_explicit(&shared->word, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

/* --- kinds of mutexes ------------------------------------------------ */

static void make_mutex(int kind, bool robust)
{
    pthread_mutexattr_t attributes;

    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, kind);
    if (robust)
        (void)pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    (void)pthread_mutex_init(&shared->lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
}

RUNS(setup_recursive)
{
    setup(context);
    make_mutex(PTHREAD_MUTEX_RECURSIVE, false);
}

RUNS(setup_checked)
{
    setup(context);
    make_mutex(PTHREAD_MUTEX_ERRORCHECK, false);
}

RUNS(setup_robust)
{
    setup(context);
    make_mutex(PTHREAD_MUTEX_NORMAL, true);
}

RUNS(lock_twice)
{
    (void)pthread_mutex_lock(&shared->lock);
    assert(pthread_mutex_trylock(&shared->lock) == 0);
    shared->count++;
    (void)pthread_mutex_unlock(&shared->lock);
    shared->count++;
    (void)pthread_mutex_unlock(&shared->lock);
    if (!zc_lab_holds("UNLOCKS_AS_OFTEN"))
        (void)pthread_mutex_lock(&shared->lock);
}

RUNS(check_errors)
{
    assert(pthread_mutex_unlock(&shared->lock) == EPERM);
    (void)pthread_mutex_lock(&shared->lock);
    assert(pthread_mutex_lock(&shared->lock) == EDEADLK);
    (void)pthread_mutex_unlock(&shared->lock);
}

/* --- the list -------------------------------------------------------- */

#define SCENARIO(id, its_name, its_setup, ...)                                 \
    static const struct zc_lab_actor id##_actors[] = {__VA_ARGS__};            \
    static const struct zc_lab_scenario id = {                                 \
        .struct_size = sizeof(id),                                             \
        .name = its_name,                                                      \
        .setup = its_setup,                                                    \
        .actors = id##_actors,                                                 \
        .actor_count = sizeof(id##_actors) / sizeof(id##_actors[0]),           \
        .finish = finish,                                                      \
        .rules = rules,                                                        \
    };

static const char *const rules[] = {"ASKS_TURN", "UNLOCKS_AS_OFTEN", NULL};

SCENARIO(ticket_2, "ticket-2", setup, {"a", take_ticket}, {"b", take_ticket})
SCENARIO(ticket_3, "ticket-3", setup, {"a", take_ticket}, {"b", take_ticket},
         {"c", take_ticket})
SCENARIO(cas_2, "cas-2", setup, {"a", exchange_if}, {"b", exchange_if})
SCENARIO(cas_3, "cas-3", setup, {"a", exchange_if}, {"b", exchange_if},
         {"c", exchange_if})
SCENARIO(ttas, "ttas", setup, {"a", test_and_exchange},
         {"b", test_and_exchange})
SCENARIO(peterson, "peterson", setup, {"a", first_turn}, {"b", second_turn})
SCENARIO(peterson_yields, "peterson-yields", setup, {"a", first_turn_yields},
         {"b", second_turn_yields})
SCENARIO(mcs, "mcs", setup, {"a", queue_first}, {"b", queue_second})
SCENARIO(barrier, "barrier", setup, {"a", meet}, {"b", meet})
SCENARIO(polled, "polled", setup, {"poll", poll}, {"count", count_locked})
SCENARIO(endless, "endless", setup, {"wait", wait_for_turn}, {"set", set})
SCENARIO(retry, "retry", setup, {"try", give_up}, {"set", set})
SCENARIO(await, "await", setup, {"await", await_both}, {"one", set},
         {"two", set_other})
SCENARIO(await_endless, "await-endless", setup, {"await", await_both},
         {"one", set})
SCENARIO(await_wrong, "await-wrong", setup, {"await", await_wrongly})
SCENARIO(assume, "assume", setup, {"assume", assume_set}, {"set", set})
SCENARIO(mixed, "mixed", setup, {"load", load_whole_twice},
         {"store", store_byte})
SCENARIO(sixteen, HAS_WIDE ? "sixteen" : "four", setup, {"load", load_wide})
SCENARIO(halves, "halves", setup, {"first", store_first_half},
         {"second", store_second_half})
SCENARIO(halves_whole, "halves-whole", setup, {"first", store_first_half},
         {"second", store_second_half}, {"load", load_whole})
SCENARIO(spurious, "spurious", setup, {"wait", wait_once},
         {"signal", count_and_signal})
SCENARIO(timeout, "timeout", setup, {"wait", wait_a_while},
         {"signal", count_and_signal})
SCENARIO(weak, "weak", setup, {"weak", exchange_weakly})
SCENARIO(reuse, "reuse", setup_pair, {"if same", replace_if_same},
         {"twice", replace_twice})
SCENARIO(relaxed, "relaxed", setup, {"store", store_relaxed})
SCENARIO(recursive, "recursive", setup_recursive, {"a", lock_twice},
         {"b", lock_twice})
SCENARIO(checked, "checked", setup_checked, {"a", check_errors})
SCENARIO(robust, "robust", setup_robust, {"a", set})

int main(int argc, char **argv)
{
    static const struct zc_lab_scenario *const scenarios[] = {
        &ticket_2,     &ticket_3,    &cas_2,         &cas_3,
        &ttas,         &peterson,    &mcs,           &peterson_yields,
        &barrier,      &polled,      &endless,       &retry,
        &await,        &await_wrong, &await_endless, &assume,
        &mixed,        &sixteen,     &halves,        &spurious,
        &halves_whole, &timeout,     &weak,          &reuse,
        &relaxed,      &recursive,   &checked,       &robust,
        NULL};

    return zc_lab_main(argc, argv, scenarios);
}
