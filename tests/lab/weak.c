/* SPDX-License-Identifier: MIT */
/*
 * weak.c - what atomics of a weaker order, and fences, order for the lab: data
 * races that C11 has are found, and no others.  check-weak has the expected
 * answers.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zcache/lab.h>

#define RUNS(name) static void name(__attribute__((unused)) void *context)

struct shared {
    atomic_int word;
    atomic_int other;
    int count;
};

static struct shared *shared;

RUNS(setup)
{
    shared = calloc(1, sizeof(*shared));
    assert(shared != NULL);
}

RUNS(finish)
{
    free(shared);
}

/* --- fences ---------------------------------------------------------- */

/* A fence in one of two places: `there` with the rule broken. */
static void fence(memory_order order, const char *rule, bool there)
{
    if (zc_lab_holds(rule) != there)
        atomic_thread_fence(order);
}

static int load_relaxed(atomic_int *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void store_relaxed_to(atomic_int *word)
{
    atomic_store_explicit(word, 1, memory_order_relaxed);
}

RUNS(publish)
{
    fence(memory_order_release, "FOLLOWS_DATA", true);
    shared->count = 1;
    if (zc_lab_holds("FOLLOWS_DATA") && zc_lab_holds("RELEASES"))
        fence(memory_order_release, "PRECEDES_STORE", false);
    store_relaxed_to(&shared->word);
    fence(memory_order_release, "PRECEDES_STORE", true);
}

RUNS(find)
{
    fence(memory_order_acquire, "FOLLOWS_LOAD", true);
    if (load_relaxed(&shared->word) == 0)
        return;
    if (zc_lab_holds("ACQUIRES"))
        fence(memory_order_acquire, "FOLLOWS_LOAD", false);
    assert(shared->count == 1);
}

/* By a relaxed read-modify-write in the middle, and one that reads last. */
RUNS(add_relaxed)
{
    atomic_fetch_add_explicit(&shared->word, 1, memory_order_relaxed);
}

RUNS(find_changed)
{
    if (atomic_fetch_or_explicit(&shared->word, 4, memory_order_relaxed) != 2)
        return;
    fence(memory_order_seq_cst, "ACQUIRES", false);
    assert(shared->count == 1);
}

/* One fence that acquires and releases. */
RUNS(pass_on)
{
    memory_order order = memory_order_acq_rel;

    if (load_relaxed(&shared->word) == 0)
        return;
    if (!zc_lab_holds("MIDDLE_ACQUIRES"))
        order = memory_order_release;
    if (!zc_lab_holds("MIDDLE_RELEASES"))
        order = memory_order_acquire;
    atomic_thread_fence(order);
    store_relaxed_to(&shared->other);
}

RUNS(find_passed)
{
    if (load_relaxed(&shared->other) == 0)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    assert(shared->count == 1);
}

/* --- loads and stores ------------------------------------------------ */

/* Loads do not order each other, nor a load what a store comes before. */
RUNS(write_and_load)
{
    shared->count = 1;
    (void)atomic_load(&shared->word);
    store_relaxed_to(&shared->other);
}

RUNS(load_and_read)
{
    if (load_relaxed(&shared->other) == 0)
        return;
    (void)atomic_load(&shared->word);
    assert(shared->count == 1);
}

RUNS(store_and_read)
{
    if (load_relaxed(&shared->other) == 0)
        return;
    atomic_store(&shared->word, 1);
    assert(shared->count == 1);
}

/* --- compare-exchanges ----------------------------------------------- */

RUNS(store_release)
{
    shared->count = 1;
    atomic_store_explicit(&shared->word, 1, memory_order_release);
}

/* One that fails is a load of its second order. */
RUNS(exchange_if_unset)
{
    int expected = 0;
    bool set =
        zc_lab_holds("ACQUIRES")
            ? atomic_compare_exchange_strong_explicit(&shared->word, &expected,
                                                      2, memory_order_acq_rel,
                                                      memory_order_acquire)
            : atomic_compare_exchange_strong_explicit(&shared->word, &expected,
                                                      2, memory_order_acq_rel,
                                                      memory_order_relaxed);

    if (!set)
        assert(shared->count == 1);
}

/* --- the list -------------------------------------------------------- */

static const char *const rules[] = {
    "RELEASES",     "ACQUIRES",        "FOLLOWS_DATA",    "PRECEDES_STORE",
    "FOLLOWS_LOAD", "MIDDLE_ACQUIRES", "MIDDLE_RELEASES", NULL};

#define SCENARIO(name_, ...)                                                   \
    {                                                                          \
        .struct_size = sizeof(struct zc_lab_scenario), .name = (name_),        \
        .setup = setup, .finish = finish, .rules = rules,                      \
        .actors = (const struct zc_lab_actor[]){__VA_ARGS__},                  \
        .actor_count = sizeof((const struct zc_lab_actor[]){__VA_ARGS__}) /    \
                       sizeof(struct zc_lab_actor)                             \
    }

static const struct zc_lab_scenario all[] = {
    SCENARIO("fences", {"publish", publish}, {"find", find}),
    SCENARIO("fences-rmw", {"publish", publish}, {"add", add_relaxed},
             {"find", find_changed}),
    SCENARIO("fences-3", {"publish", publish}, {"pass on", pass_on},
             {"find", find_passed}),
    SCENARIO("load-load", {"write", write_and_load}, {"read", load_and_read}),
    SCENARIO("load-store", {"write", write_and_load}, {"read", store_and_read}),
    SCENARIO("failed-exchange", {"store", store_release},
             {"exchange", exchange_if_unset}),
};

#define COUNT (sizeof(all) / sizeof(all[0]))

int main(int argc, char **argv)
{
    static const struct zc_lab_scenario *list[COUNT + 1];

    for (size_t i = 0; i < COUNT; i++)
        list[i] = &all[i];
    return zc_lab_main(argc, argv, list);
}
