/* SPDX-License-Identifier: MIT */
/*
 * test_lab_watch.c - what the platform, the runtime and the oracles of the lab
 * find, and what they leave alone, on programs of a few lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inject.h"
#include "oracle_history.h"
#include "platform/ghost.h"
#include "platform/lab_platform.h"
#include "platform/memory.h"
#include "platform/park.h"
#include "platform/thread.h"
#include "tsan.h"
#include "world.h"

#define BIT 1u
#define WAITERS 2u

/* The calls of the compiler that are not made through the library here. */
void __tsan_read_range(void *memory, size_t size);
void __tsan_unaligned_write2(void *memory);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memset(void *memory, int byte, size_t size);

/* In the library's memory, which is what is watched. */
struct shared {
    uint64_t data[4];
    zc_atomic_u32 word;
    zc_atomic_u32 references;
    zc_atomic_pointer pointer;
    struct zc_spinlock lock;
    struct zc_mutex mutex;
    struct zc_condition condition;
    struct zc_parking parking;
    struct zc_thread thread;
};

static struct shared *shared;
static unsigned seen; /* outcomes, as bits, over all executions */

static void setup(void)
{
    shared = zc_calloc(1, sizeof(*shared));
    (void)zc_spinlock_init(&shared->lock, ZC_RANK_SHARD, "lock");
    (void)zc_mutex_init(&shared->mutex, ZC_RANK_CONTEXT, "mutex");
    (void)zc_condition_init(&shared->condition);
    (void)zc_parking_init(&shared->parking);
    zc_atomic_u32_init(&shared->references, 2);
}

static void finish(void)
{
    zc_free(shared);
}

static struct lab_result explore(void (*one)(void *), void (*two)(void *),
                                 void (*end)(void))
{
    const struct world_case own = {
        .setup = setup, .finish = end, .inject = 1u << ZC_INJECT_MALLOC};
    const struct lab_actor actors[] = {{"one", one}, {"two", two}};
    const struct lab_program program = {WORLD_PROGRAM("watch", actors, &own),
                                        .failure_budget = 1};
    const struct lab_options options = {.mode = LAB_SLEEP,
                                        .milliseconds = 60000};
    struct lab_result result;

    memset(&result, 0, sizeof(result));
    seen = 0;
    assert_true(world_break(NULL));
    assert_true(lab_explore(&program, &options, &result));
    assert_true(result.finished);
    return result;
}

static void assert_finds(void (*one)(void *), void (*two)(void *),
                         const char *what)
{
    struct lab_result result = explore(one, two, finish);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, what);
}

/* Returns the number of traces. */
static uint64_t assert_silent(void (*one)(void *), void (*two)(void *))
{
    struct lab_result result = explore(one, two, finish);

    if (result.failures != 0)
        print_message("found: %s\n", result.first_what);
    assert_int_equal(result.failures, 0);
    return result.complete;
}

static void nothing(void *context)
{
    (void)context;
}

/* --- plain accesses -------------------------------------------------- */

static void write_data(void *context)
{
    (void)context;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&shared->data[1], 1, 8);
}

static void read_data(void *context)
{
    (void)context;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_read_range(&shared->data[0], 32);
}

static void write_locked(void *context)
{
    (void)context;
    zc_spinlock_lock(&shared->lock);
    __tsan_memset(&shared->data[1], 1, 8);
    zc_spinlock_unlock(&shared->lock);
}

static void write_after_unlock(void *context)
{
    (void)context;
    zc_spinlock_lock(&shared->lock);
    zc_spinlock_unlock(&shared->lock);
    __tsan_memset(&shared->data[1], 1, 8);
}

static void write_low_bytes(void *context)
{
    (void)context;
    __tsan_unaligned_write2((char *)&shared->data[0] + 5);
}

static void write_high_byte(void *context)
{
    (void)context;
    __tsan_memset((char *)&shared->data[0] + 7, 1, 1);
}

static void copy_over(void *context)
{
    (void)context;
    __tsan_memcpy(&shared->data[2], &shared->data[0], 7);
}

static void test_plain(void **state)
{
    (void)state;
    assert_finds(write_data, write_data, "data race");
    assert_finds(write_data, read_data, "data race");
    assert_int_equal(assert_silent(read_data, read_data), 1);
    assert_int_equal(assert_silent(write_locked, write_locked), 2);
    assert_finds(write_locked, write_data, "data race");
    assert_finds(write_locked, write_after_unlock, "data race");
    assert_silent(write_low_bytes, write_high_byte);
    assert_finds(write_low_bytes, copy_over, "data race");
    assert_silent(write_high_byte, copy_over);
}

/* --- atomics --------------------------------------------------------- */

static void publish_release(void *context)
{
    (void)context;
    __tsan_memset(&shared->data[0], 1, 8);
    zc_atomic_u32_store_release(&shared->word, 1);
}

static void publish_relaxed(void *context)
{
    (void)context;
    __tsan_memset(&shared->data[0], 1, 8);
    zc_atomic_u32_store_relaxed(&shared->word, 1);
}

/* What follows a release is not published by it. */
static void publish_early(void *context)
{
    (void)context;
    zc_atomic_u32_store_release(&shared->word, 1);
    __tsan_memset(&shared->data[0], 1, 8);
}

/* A release, and a relaxed store by the same thread over it. */
static void publish_covered(void *context)
{
    (void)context;
    __tsan_memset(&shared->data[0], 1, 8);
    zc_atomic_u32_store_release(&shared->word, 2);
    zc_atomic_u32_store_relaxed(&shared->word, 1);
}

static void publish_exchange(void *context)
{
    uint32_t expected = 0;

    (void)context;
    __tsan_memset(&shared->data[0], 1, 8);
    (void)zc_atomic_u32_exchange_if(&shared->word, &expected, 1);
}

static void look_acquire(void *context)
{
    (void)context;
    if (zc_atomic_u32_load_acquire(&shared->word) == 1)
        __tsan_read_range(&shared->data[0], 8);
}

static void look_relaxed(void *context)
{
    (void)context;
    if (zc_atomic_u32_load_relaxed(&shared->word) == 1)
        __tsan_read_range(&shared->data[0], 8);
}

/* Fails when it finds 1: then it is a relaxed load. */
static void look_failed_exchange(void *context)
{
    uint32_t expected = 7;

    (void)context;
    if (!zc_atomic_u32_exchange_if(&shared->word, &expected, 8) &&
        expected == 1)
        __tsan_read_range(&shared->data[0], 8);
}

static void set_again(void *context)
{
    (void)context;
    zc_atomic_u32_init(&shared->word, 3);
}

static void test_atomics(void **state)
{
    (void)state;
    assert_int_equal(assert_silent(publish_release, look_acquire), 2);
    assert_silent(publish_exchange, look_acquire);
    assert_finds(publish_relaxed, look_acquire, "data race");
    assert_finds(publish_release, look_relaxed, "data race");
    assert_finds(publish_early, look_acquire, "data race");
    assert_finds(publish_covered, look_acquire, "data race");
    assert_finds(publish_release, look_failed_exchange, "data race");
    assert_finds(set_again, look_acquire, "data race");
}

/* --- references and lives -------------------------------------------- */

static void put(void *context)
{
    (void)context;
    __tsan_read_range(&shared->data[0], 8);
    if (zc_atomic_u32_add(&shared->references, UINT32_MAX) == 1)
        zc_free(shared);
}

static void put_then_read(void *context)
{
    (void)context;
    if (zc_atomic_u32_add(&shared->references, UINT32_MAX) == 1)
        zc_free(shared);
    else
        __tsan_read_range(&shared->data[0], 8);
}

static void get_and_put(void *context)
{
    (void)context;
    (void)zc_atomic_u32_add(&shared->references, 1);
    (void)zc_atomic_u32_add(&shared->references, UINT32_MAX);
}

static void free_now(void *context)
{
    (void)context;
    zc_free(shared);
}

static void free_twice(void *context)
{
    (void)context;
    zc_free(shared);
    zc_free(shared);
}

static void free_then_read(void *context)
{
    (void)context;
    zc_free(shared);
    __tsan_read_range(&shared->data[0], 1);
}

static void close_then_write(void *context)
{
    (void)context;
    zc_memory_close(&shared->data[1], 8);
    __tsan_read_range(&shared->data[2], 8);
    zc_memory_open(&shared->data[1], 8);
    __tsan_memset(&shared->data[1], 1, 8);
    zc_memory_close(&shared->data[1], 8);
    __tsan_memset(&shared->data[0], 1, 9);
}

static void die_then_write(void *context)
{
    (void)context;
    zc_ghost_dead(&shared->data[0], 8, "object");
    zc_ghost_born(&shared->data[0], 8, "object");
    __tsan_memset(&shared->data[0], 1, 8);
    zc_ghost_dead(&shared->data[0], 8, "object");
    __tsan_memset(&shared->data[0], 1, 8);
}

static void unlock_freed(void *context)
{
    (void)context;
    zc_spinlock_lock(&shared->lock);
    zc_free(shared);
    zc_spinlock_unlock(&shared->lock);
}

static void follow_poison(void *context)
{
    uint64_t *next;

    (void)context;
    zc_free(shared);
    memcpy(&next, shared, sizeof(next));
    __tsan_memset(next, 0, 8);
}

static void assert_ends(void (*one)(void *), const char *what)
{
    struct lab_result result = explore(one, nothing, NULL);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, what);
}

static void test_lives(void **state)
{
    struct lab_result result;

    (void)state;
    result = explore(put, put, NULL);
    assert_int_equal(result.failures, 0);
    assert_int_equal(result.complete, 2);
    assert_int_equal(assert_silent(get_and_put, get_and_put), 1);
    result = explore(put, put_then_read, NULL);
    assert_int_not_equal(result.failures, 0);
    result = explore(free_now, put, NULL);
    assert_int_not_equal(result.failures, 0);
    assert_ends(free_twice, "double free");
    assert_ends(free_then_read, "use after free");
    assert_ends(close_then_write, "use of free space");
    assert_ends(die_then_write, "use after free");
    assert_ends(unlock_freed, "use after free");
    assert_ends(follow_poison, "wild access");
    assert_ends(nothing, "memory leak");
}

/* --- waiting --------------------------------------------------------- */

static void wait_well(void *context)
{
    (void)context;
    zc_mutex_lock(&shared->mutex);
    while (shared->data[0] == 0)
        zc_condition_wait(&shared->condition, &shared->mutex);
    __tsan_read_range(&shared->data[0], 16);
    zc_mutex_unlock(&shared->mutex);
}

static void signal_well(void *context)
{
    (void)context;
    zc_mutex_lock(&shared->mutex);
    __tsan_memset(&shared->data[0], 1, 16);
    zc_condition_signal(&shared->condition);
    zc_mutex_unlock(&shared->mutex);
}

/* Waits without looking first: the signal may have gone by. */
static void wait_blindly(void *context)
{
    (void)context;
    zc_mutex_lock(&shared->mutex);
    zc_condition_wait(&shared->condition, &shared->mutex);
    zc_mutex_unlock(&shared->mutex);
}

static void park_well(void *context)
{
    (void)context;
    while (zc_atomic_u32_load_acquire(&shared->word) == 0)
        zc_park_while(&shared->parking, &shared->word, 0);
    __tsan_read_range(&shared->data[0], 8);
}

static void unpark_well(void *context)
{
    (void)context;
    __tsan_memset(&shared->data[0], 1, 8);
    zc_atomic_u32_store_release(&shared->word, 1);
    zc_unpark_all(&shared->parking, &shared->word);
}

static void lock_bit(void *context)
{
    (void)context;
    zc_bit_lock(&shared->parking, &shared->word, BIT, WAITERS);
    __tsan_memset(&shared->data[0], 1, 8);
    zc_bit_unlock(&shared->parking, &shared->word, BIT, WAITERS);
}

static void try_bit(void *context)
{
    (void)context;
    if (!zc_bit_trylock(&shared->word, BIT)) {
        zc_bit_wait_clear(&shared->parking, &shared->word, BIT, WAITERS);
        seen |= 1;
        __tsan_read_range(&shared->data[0], 8);
        return;
    }
    seen |= 2;
    zc_bit_unlock(&shared->parking, &shared->word, BIT, WAITERS);
}

static void unlock_free_bit(void *context)
{
    (void)context;
    zc_bit_unlock(&shared->parking, &shared->word, BIT, WAITERS);
}

static void allocate_locked(void *context)
{
    (void)context;
    zc_spinlock_lock(&shared->lock);
    zc_free(zc_malloc(8));
    zc_spinlock_unlock(&shared->lock);
}

static void lock_backwards(void *context) ZC_NO_LOCK_ANALYSIS
{
    (void)context;
    zc_spinlock_lock(&shared->lock);
    if (zc_mutex_trylock(&shared->mutex))
        zc_mutex_unlock(&shared->mutex);
    lab_mutex_lock(&shared->mutex, LAB_SITE("mutex_lock"));
}

static void child(void *argument)
{
    (void)argument;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&shared->data[0], 1, 8);
}

static void start_and_join(void *context)
{
    (void)context;
    __tsan_memset(&shared->data[0], 1, 8);
    if (zc_thread_start(&shared->thread, child, NULL) != ZC_OK)
        return;
    zc_thread_join(&shared->thread);
    __tsan_memset(&shared->data[0], 1, 8);
}

static void start_and_write(void *context)
{
    (void)context;
    if (zc_thread_start(&shared->thread, child, NULL) != ZC_OK)
        return;
    __tsan_memset(&shared->data[0], 1, 8);
    zc_thread_join(&shared->thread);
}

static void test_waiting(void **state)
{
    (void)state;
    assert_silent(wait_well, signal_well);
    assert_finds(wait_blindly, signal_well, "lost wake-up");
    assert_silent(park_well, unpark_well);
    assert_finds(park_well, publish_release, "lost wake-up");
    assert_int_equal(assert_silent(lock_bit, lock_bit), 2);
    assert_silent(lock_bit, try_bit);
    assert_int_equal(seen, 3);
    assert_finds(unlock_free_bit, nothing, "bit lock not held");
    assert_finds(allocate_locked, nothing, "waits under a spinlock");
    assert_finds(lock_backwards, nothing, "waits under a spinlock");
    assert_silent(start_and_join, nothing);
    assert_finds(start_and_write, nothing, "data race");
}

/* --- failures -------------------------------------------------------- */

static void allocate(void *context)
{
    void *memory = zc_malloc(8);

    (void)context;
    seen |= memory == NULL ? 1 : 2;
    zc_free(memory);
}

static void allocate_twice(void *context)
{
    void *one = zc_malloc(8);
    void *two = zc_malloc(8);

    (void)context;
    seen |= (one == NULL && two == NULL) ? 4 : 8;
    zc_free(one);
    zc_free(two);
}

static void test_failures(void **state)
{
    (void)state;
    assert_int_equal(assert_silent(allocate, nothing), 2);
    assert_int_equal(seen, 3);
    /* The budget is one. */
    assert_int_equal(assert_silent(allocate_twice, nothing), 3);
    assert_int_equal(seen, 8);
}

/* --- histories ------------------------------------------------------- */

/* One operation with this answer; a step makes it begin. */
static void operate(enum lab_operation_kind kind, unsigned version,
                    zc_status status)
{
    lab_history_begin(kind, 1, version);
    lab_step(LAB_WRITE, shared, LAB_SITE("operation"));
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
    lab_step(LAB_WRITE, shared, LAB_SITE("operation"));
    lab_step(LAB_WRITE, shared, LAB_SITE("operation"));
    lab_history_end(ZC_MISSING, 0);
}

static void assert_unexplained(void (*one)(void *), void (*two)(void *),
                               bool always)
{
    struct lab_result result = explore(one, two, finish);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, "answers that no order explains");
    assert_int_equal(result.failures == result.complete, always);
}

static void test_histories(void **state)
{
    (void)state;
    assert_silent(store_load, nothing);
    assert_unexplained(store_miss, nothing, true);
    assert_silent(fail_miss, nothing);
    assert_unexplained(fail_load, nothing, true);
    assert_unexplained(take_twice, nothing, true);
    assert_silent(take_after_invalidate, nothing);
    /* A miss that began before the store ended is fine; a later one is not. */
    assert_unexplained(store_one, long_miss, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),    cmocka_unit_test(test_atomics),
        cmocka_unit_test(test_lives),    cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_histories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
