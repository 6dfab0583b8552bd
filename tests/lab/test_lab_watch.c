/* SPDX-License-Identifier: MIT */
/*
 * test_lab_watch.c - what the lab finds of accesses and lives of memory, and
 * what it leaves alone.
 */
#include "oracle/memory.h"
#include "platform/ghost.h"
#include "platform/memory.h"
#include "watch.h"

/* --- plain accesses -------------------------------------------------- */

static void write_data(void *context)
{
    (void)context;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&watch_shared->data[1], 1, 8);
}

static void read_data(void *context)
{
    (void)context;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_read_range(&watch_shared->data[0], 32);
}

static void write_locked(void *context)
{
    (void)context;
    zc_spinlock_lock(&watch_shared->lock);
    __tsan_memset(&watch_shared->data[1], 1, 8);
    zc_spinlock_unlock(&watch_shared->lock);
}

static void write_after_unlock(void *context)
{
    (void)context;
    zc_spinlock_lock(&watch_shared->lock);
    zc_spinlock_unlock(&watch_shared->lock);
    __tsan_memset(&watch_shared->data[1], 1, 8);
}

static void write_low_bytes(void *context)
{
    (void)context;
    __tsan_unaligned_write2((char *)&watch_shared->data[0] + 5);
}

static void write_high_byte(void *context)
{
    (void)context;
    __tsan_memset((char *)&watch_shared->data[0] + 7, 1, 1);
}

static void copy_over(void *context)
{
    (void)context;
    __tsan_memcpy(&watch_shared->data[2], &watch_shared->data[0], 7);
}

/* The last access does not hide those before it. */
static void write_here_and_there(void *context)
{
    (void)context;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&watch_shared->data[0], 1, 2);
    __tsan_memset((char *)&watch_shared->data[0] + 7, 1, 1);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

static void write_and_read(void *context)
{
    (void)context;
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&watch_shared->data[0], 1, 2);
    __tsan_read_range(&watch_shared->data[0], 2);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

/* Only after them. */
static void read_later(void *context)
{
    (void)context;
    if (zc_atomic_u32_load_relaxed(&watch_shared->word) == 1)
        __tsan_read_range(&watch_shared->data[0], 2);
}

static void test_plain(void **state)
{
    struct lab_result result;

    (void)state;
    watch_finds(write_data, write_data, "data race");
    watch_finds(write_data, read_data, "data race");
    assert_int_equal(watch_silent(read_data, read_data), 1);
    assert_int_equal(watch_silent(write_locked, write_locked), 2);
    watch_finds(write_locked, write_data, "data race");
    watch_finds(write_locked, write_after_unlock, "data race");
    watch_silent(write_low_bytes, write_high_byte);
    watch_finds(write_low_bytes, copy_over, "data race");
    watch_silent(write_high_byte, copy_over);
    result = watch_explore(write_here_and_there, read_later, watch_finish);
    assert_int_equal(result.failures, 1);
    result = watch_explore(write_and_read, read_later, watch_finish);
    assert_int_equal(result.failures, 1);
}

/* --- atomics --------------------------------------------------------- */

static void publish_release(void *context)
{
    (void)context;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    zc_atomic_u32_store_release(&watch_shared->word, 1);
}

static void publish_relaxed(void *context)
{
    (void)context;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

/* What follows a release is not published by it. */
static void publish_early(void *context)
{
    (void)context;
    zc_atomic_u32_store_release(&watch_shared->word, 1);
    __tsan_memset(&watch_shared->data[0], 1, 8);
}

/* A release, and a relaxed store by the same thread over it. */
static void publish_covered(void *context)
{
    (void)context;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    zc_atomic_u32_store_release(&watch_shared->word, 2);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

static void publish_exchange(void *context)
{
    uint32_t expected = 0;

    (void)context;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    (void)zc_atomic_u32_exchange_if(&watch_shared->word, &expected, 1);
}

static void look_acquire(void *context)
{
    (void)context;
    if (zc_atomic_u32_load_acquire(&watch_shared->word) == 1)
        __tsan_read_range(&watch_shared->data[0], 8);
}

static void look_relaxed(void *context)
{
    (void)context;
    if (zc_atomic_u32_load_relaxed(&watch_shared->word) == 1)
        __tsan_read_range(&watch_shared->data[0], 8);
}

/* Fails when it finds 1: then it is a relaxed load. */
static void look_failed_exchange(void *context)
{
    uint32_t expected = 7;

    (void)context;
    if (!zc_atomic_u32_exchange_if(&watch_shared->word, &expected, 8) &&
        expected == 1)
        __tsan_read_range(&watch_shared->data[0], 8);
}

static void set_again(void *context)
{
    (void)context;
    zc_atomic_u32_init(&watch_shared->word, 3);
}

/* Set for good: read without a step from then on. */
static void settle(void *context)
{
    void *expected = NULL;

    (void)context;
    __tsan_memset(&watch_shared->data[0], 1, 8);
    (void)zc_atomic_pointer_exchange_if(&watch_shared->pointer, &expected,
                                        watch_shared);
    zc_ghost_settled(&watch_shared->pointer);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

static void look_settled(void *context)
{
    struct shared *found;

    (void)context;
    (void)zc_atomic_u32_load_relaxed(&watch_shared->word);
    found = zc_atomic_pointer_load_acquire(&watch_shared->pointer);
    if (found != NULL)
        __tsan_read_range(&found->data[0], 8);
}

static void settle_and_look(void *context)
{
    settle(context);
    for (int i = 0; i < 5; i++)
        look_settled(context);
}

static void codec_reads(void *context)
{
    (void)context;
    zc_ghost_begin_read(&watch_shared->data[0], 32, "decompress");
    zc_ghost_end_read(&watch_shared->data[0], 32, "decompressed");
}

static void codec_writes(void *context)
{
    (void)context;
    zc_ghost_begin_write(&watch_shared->data[1], 1, "compress");
    zc_ghost_end_write(&watch_shared->data[1], 1, "compressed");
}

static void test_told(void **state)
{
    struct lab_result result;

    (void)state;
    watch_silent(settle, look_settled);
    result = watch_explore(settle_and_look, watch_nothing, watch_finish);
    assert_int_equal(result.failures, 0);
    assert_int_equal(result.most_steps, 2 + 5);
    watch_silent(codec_reads, codec_reads);
    watch_finds(codec_reads, codec_writes, "data race");
    watch_finds(codec_writes, codec_writes, "data race");
}

static void test_atomics(void **state)
{
    (void)state;
    assert_int_equal(watch_silent(publish_release, look_acquire), 2);
    watch_silent(publish_exchange, look_acquire);
    watch_finds(publish_relaxed, look_acquire, "data race");
    watch_finds(publish_release, look_relaxed, "data race");
    watch_finds(publish_early, look_acquire, "data race");
    watch_finds(publish_covered, look_acquire, "data race");
    watch_finds(publish_release, look_failed_exchange, "data race");
    watch_finds(set_again, look_acquire, "data race");
}

/* --- references and lives -------------------------------------------- */

static void put(void *context)
{
    (void)context;
    __tsan_read_range(&watch_shared->data[0], 8);
    if (zc_atomic_u32_add(&watch_shared->references, UINT32_MAX) == 1)
        zc_free(watch_shared);
}

static void put_then_read(void *context)
{
    (void)context;
    if (zc_atomic_u32_add(&watch_shared->references, UINT32_MAX) == 1)
        zc_free(watch_shared);
    else
        __tsan_read_range(&watch_shared->data[0], 8);
}

static void get_and_put(void *context)
{
    (void)context;
    (void)zc_atomic_u32_add(&watch_shared->references, 1);
    (void)zc_atomic_u32_add(&watch_shared->references, UINT32_MAX);
}

#define FLAG 0x100u

/* Two threads drop a count in a word that also has a flag; the last one sees
 * that it was the last. */
static void leave_flagged(unsigned bit)
{
    uint32_t before = zc_atomic_u32_add(&watch_shared->word, UINT32_MAX);

    if (before == (FLAG | 1))
        watch_seen |= bit;
}

static void enter_and_leave(void *context)
{
    (void)context;
    (void)zc_atomic_u32_or(&watch_shared->word, FLAG | 2);
    zc_atomic_u32_store_release(&watch_shared->references, 7);
    leave_flagged(1);
}

static void wait_and_leave(void *context)
{
    (void)context;
    if (zc_atomic_u32_load_acquire(&watch_shared->references) == 7)
        leave_flagged(2);
}

static void free_now(void *context)
{
    (void)context;
    zc_free(watch_shared);
}

static void free_twice(void *context)
{
    (void)context;
    zc_free(watch_shared);
    zc_free(watch_shared);
}

static void free_then_read(void *context)
{
    (void)context;
    zc_free(watch_shared);
    __tsan_read_range(&watch_shared->data[0], 1);
}

static void close_then_write(void *context)
{
    (void)context;
    zc_memory_close(&watch_shared->data[1], 8);
    __tsan_read_range(&watch_shared->data[2], 8);
    zc_memory_open(&watch_shared->data[1], 8);
    __tsan_memset(&watch_shared->data[1], 1, 8);
    zc_memory_close(&watch_shared->data[1], 8);
    __tsan_memset(&watch_shared->data[0], 1, 9);
}

static void die_then_write(void *context)
{
    (void)context;
    zc_ghost_dead(&watch_shared->data[0], 8, "object");
    zc_ghost_born(&watch_shared->data[0], 8, "object");
    __tsan_memset(&watch_shared->data[0], 1, 8);
    zc_ghost_dead(&watch_shared->data[0], 8, "object");
    __tsan_memset(&watch_shared->data[0], 1, 8);
}

static void unlock_freed(void *context)
{
    (void)context;
    zc_spinlock_lock(&watch_shared->lock);
    zc_free(watch_shared);
    zc_spinlock_unlock(&watch_shared->lock);
}

static void follow_poison(void *context)
{
    static uint64_t elsewhere;
    uint64_t *next = &elsewhere;

    (void)context;
    memcpy(&watch_shared->data[0], &next, sizeof(next));
    zc_free(watch_shared);
    memcpy(&next, watch_shared, sizeof(next));
    __tsan_memset(next, 0, 8);
}

/* Where no compiler looks. */
static void fault_now(void *context)
{
    volatile char *const nowhere = (volatile char *)(uintptr_t)LAB_PAGE_BYTES;

    (void)context;
    *nowhere = 1;
}

static void assert_ends(void (*one)(void *), const char *what)
{
    struct lab_result result = watch_explore(one, watch_nothing, NULL);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, what);
}

static void test_lives(void **state)
{
    struct lab_result result;

    (void)state;
    result = watch_explore(put, put, NULL);
    assert_int_equal(result.failures, 0);
    assert_int_equal(result.complete, 2);
    assert_int_equal(watch_silent(get_and_put, get_and_put), 1);
    result = watch_explore(put, put_then_read, NULL);
    assert_int_not_equal(result.failures, 0);
    watch_silent(enter_and_leave, wait_and_leave);
    assert_int_equal(watch_seen, 3);
    result = watch_explore(free_now, put, NULL);
    assert_int_not_equal(result.failures, 0);
    assert_ends(free_twice, "double free");
    assert_ends(free_then_read, "use after free");
    assert_ends(close_then_write, "use of free space");
    assert_ends(die_then_write, "use after free");
    assert_ends(unlock_freed, "use after free");
    assert_ends(follow_poison, "wild access");
    assert_ends(fault_now, "fault");
    assert_ends(watch_nothing, "memory leak");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_atomics),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
