/* SPDX-License-Identifier: MIT */
/*
 * weak.c - what atomics of a weaker order, and fences, order for the lab: data
 * races that C11 has are found, and no others.  check-weak has the expected
 * answers.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/lab.h>

#define RUNS(name) static void name(__attribute__((unused)) void *context)

struct shared {
    atomic_int word;
    atomic_int other;
    int count;
    pthread_mutex_t lock;
};

static struct shared *shared;

RUNS(setup)
{
    shared = calloc(1, sizeof(*shared));
    assert(shared != NULL);
    (void)pthread_mutex_init(&shared->lock, NULL);
}

RUNS(finish)
{
    (void)pthread_mutex_destroy(&shared->lock);
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

/* --- what is not sequentially consistent ----------------------------- */

/*
 * Operations, one behind the other: W store, R load, A add; a word x or y; s
 * for memory_order_seq_cst, else a load acquires, a store releases, an add does
 * both.  L and U lock and unlock.
 */
static void perform(const char *operations)
{
    for (const char *at = operations; *at != '\0'; at += 3) {
        atomic_int *word = at[1] == 'x' ? &shared->word : &shared->other;
        const bool is_sequential = at[2] == 's';

        if (at[0] == 'R')
            (void)atomic_load_explicit(word, is_sequential
                                                 ? memory_order_seq_cst
                                                 : memory_order_acquire);
        else if (at[0] == 'W')
            atomic_store_explicit(word, 1,
                                  is_sequential ? memory_order_seq_cst
                                                : memory_order_release);
        else if (at[0] == 'A')
            (void)atomic_fetch_add_explicit(
                word, 1,
                is_sequential ? memory_order_seq_cst : memory_order_acq_rel);
        else if (at[0] == 'L')
            (void)pthread_mutex_lock(&shared->lock);
        else
            (void)pthread_mutex_unlock(&shared->lock);
    }
}

#define PERFORMS(name, operations)                                             \
    RUNS(name)                                                                 \
    {                                                                          \
        perform(operations);                                                   \
    }

PERFORMS(store_x_load_y, "Wx-Ry-")
PERFORMS(store_y_load_x, "Wy-Rx-")
PERFORMS(store_x_load_y_s, "WxsRys")
PERFORMS(store_y_load_x_s, "WysRxs")
PERFORMS(add_x_load_y, "Ax-Ry-")
PERFORMS(add_y_load_x, "Ay-Rx-")
PERFORMS(store_x_store_y, "Wx-Wy-")
PERFORMS(store_y_store_x, "Wy-Wx-")
PERFORMS(load_y_load_x, "Ry-Rx-")
PERFORMS(load_x_load_y, "Rx-Ry-")
PERFORMS(store_x, "Wx-")
PERFORMS(store_y, "Wy-")
PERFORMS(store_x_s_store_y, "WxsWy-")
PERFORMS(store_y_load_x_last, "Wy-Rxs")
PERFORMS(add_x_add_y, "Ax-Ay-")
PERFORMS(add_y_add_x, "Ay-Ax-")
PERFORMS(locked_between_1, "Wx-L--U--Ry-")
PERFORMS(locked_between_2, "Wy-L--U--Rx-")
PERFORMS(locked_1, "L--Wx-Ry-U--")
PERFORMS(locked_2, "L--Wy-Rx-U--")

/* --- programs of check-robust ---------------------------------------- */

/* The operations of each actor, from the environment: "Wx-Ry-/Wy-Rx-". */
static char given[3][64];

static void take_given(const char *text)
{
    for (size_t i = 0; i < 3 && text != NULL && *text != '\0'; i++) {
        size_t length = strcspn(text, "/");

        (void)snprintf(given[i], sizeof(given[i]), "%.*s", (int)length, text);
        text += length + (text[length] == '/');
    }
}

RUNS(perform_1)
{
    perform(given[0]);
}

RUNS(perform_2)
{
    perform(given[1]);
}

RUNS(perform_3)
{
    perform(given[2]);
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
    SCENARIO("buffered", {"1", store_x_load_y}, {"2", store_y_load_x}),
    SCENARIO("buffered-s", {"1", store_x_load_y_s}, {"2", store_y_load_x_s}),
    SCENARIO("buffered-half", {"1", store_x_load_y_s}, {"2", store_y_load_x}),
    SCENARIO("buffered-add", {"1", add_x_load_y}, {"2", add_y_load_x}),
    SCENARIO("adds", {"1", add_x_add_y}, {"2", add_y_add_x}),
    SCENARIO("passed", {"1", store_x_store_y}, {"2", load_y_load_x}),
    SCENARIO("crossed", {"1", store_x_store_y}, {"2", store_y_store_x}),
    SCENARIO("readers", {"1", store_x}, {"2", store_y}, {"3", load_x_load_y},
             {"4", load_y_load_x}),
    SCENARIO("mixed-orders", {"1", store_x_s_store_y},
             {"2", store_y_load_x_last}),
    SCENARIO("locked-between", {"1", locked_between_1},
             {"2", locked_between_2}),
    SCENARIO("locked", {"1", locked_1}, {"2", locked_2}),
    SCENARIO("given", {"1", perform_1}, {"2", perform_2}, {"3", perform_3}),
};

#define COUNT (sizeof(all) / sizeof(all[0]))

int main(int argc, char **argv)
{
    static const struct zc_lab_scenario *list[COUNT + 1];

    take_given(getenv("ATOMICS"));
    for (size_t i = 0; i < COUNT; i++)
        list[i] = &all[i];
    return zc_lab_main(argc, argv, list);
}
