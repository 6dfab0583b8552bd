/* SPDX-License-Identifier: MIT */
/* watch.c - programs of a few lines, explored. */
#include "watch.h"

#include "base/inject.h"
#include "platform/memory.h"

struct shared *watch_shared;
unsigned watch_seen;

static void setup(void)
{
    watch_shared = zc_calloc(1, sizeof(*watch_shared));
    (void)zc_spinlock_init(&watch_shared->lock, ZC_RANK_SHARD, "lock");
    (void)zc_mutex_init(&watch_shared->mutex, ZC_RANK_CONTEXT, "mutex");
    (void)zc_condition_init(&watch_shared->condition);
    (void)zc_parking_init(&watch_shared->parking);
    zc_atomic_u32_init(&watch_shared->references, 2);
}

void watch_finish(void)
{
    zc_free(watch_shared);
}

struct lab_result watch_explore(void (*one)(void *), void (*two)(void *),
                                void (*end)(void))
{
    const struct world_case own = {
        .setup = setup, .finish = end, .inject = 1u << ZC_INJECT_MALLOC};
    const struct lab_actor actors[] = {{"one", one}, {"two", two}};
    const struct lab_program program = {WORLD_PROGRAM("watch", actors, &own),
                                        .failure_budget = 1};
    struct lab_options options = {.mode = LAB_SOURCE, .milliseconds = 60000};
    struct lab_result result;
    bool by_source;

    memset(&result, 0, sizeof(result));
    watch_seen = 0;
    assert_true(world_break(NULL));
    assert_true(lab_explore(&program, &options, &result));
    assert_true(result.finished);
    by_source = result.failures != 0;
    memset(&result, 0, sizeof(result));
    options.mode = LAB_SLEEP;
    assert_true(lab_explore(&program, &options, &result));
    assert_true(result.finished);
    assert_int_equal(by_source, result.failures != 0);
    return result;
}

void watch_finds(void (*one)(void *), void (*two)(void *), const char *what)
{
    struct lab_result result = watch_explore(one, two, watch_finish);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, what);
}

uint64_t watch_silent(void (*one)(void *), void (*two)(void *))
{
    struct lab_result result = watch_explore(one, two, watch_finish);

    if (result.failures != 0)
        print_message("found: %s\n", result.first_what);
    assert_int_equal(result.failures, 0);
    return result.complete;
}

void watch_nothing(void *context)
{
    (void)context;
}
