/* SPDX-License-Identifier: MIT */
/*
 * test_lab_watch.c - what the lab finds of accesses and lives of memory, and
 * what it leaves alone.
 */
#include "oracle/memory.h"
#include "platform/annotate_memory.h"
#include "platform/memory.h"
#include "watch.h"

/* --- plain accesses -------------------------------------------------- */

ACTOR(write_data)
{
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    write_word(1);
}

ACTOR(read_data)
{
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_read_range(&watch_shared->data[0], 32);
}

ACTOR(write_locked)
{
    zc_spinlock_lock(&watch_shared->lock);
    write_word(1);
    zc_spinlock_unlock(&watch_shared->lock);
}

ACTOR(write_after_unlock)
{
    zc_spinlock_lock(&watch_shared->lock);
    zc_spinlock_unlock(&watch_shared->lock);
    write_word(1);
}

ACTOR(write_low_bytes)
{
    __tsan_unaligned_write2((char *)&watch_shared->data[0] + 5);
}

ACTOR(write_high_byte)
{
    __tsan_memset((char *)&watch_shared->data[0] + 7, 1, 1);
}

ACTOR(copy_over)
{
    __tsan_memcpy(&watch_shared->data[2], &watch_shared->data[0], 7);
}

/* The last access does not hide those before it. */
ACTOR(write_here_and_there)
{
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&watch_shared->data[0], 1, 2);
    __tsan_memset((char *)&watch_shared->data[0] + 7, 1, 1);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

ACTOR(write_and_read)
{
    lab_step(LAB_POINT, NULL, LAB_SITE("here"));
    __tsan_memset(&watch_shared->data[0], 1, 2);
    __tsan_read_range(&watch_shared->data[0], 2);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

/* Only after them. */
ACTOR(read_later)
{
    if (zc_atomic_u32_load_relaxed(&watch_shared->word) == 1)
        __tsan_read_range(&watch_shared->data[0], 2);
}

/* A section that reads, which commutes with another one. */
static void read_section(void)
{
    zc_spinlock_lock(&watch_shared->lock);
    read_word(1);
    zc_spinlock_unlock(&watch_shared->lock);
}

ACTOR(write_then_section)
{
    write_word(0);
    read_section();
}

ACTOR(section_then_read)
{
    read_section();
    read_word(0);
}

/* A section that learns of the data by what it reads. */
ACTOR(write_and_tell)
{
    write_word(0);
    zc_spinlock_lock(&watch_shared->lock);
    write_word(1);
    watch_shared->data[1] = 1;
    zc_spinlock_unlock(&watch_shared->lock);
}

ACTOR(read_if_told)
{
    bool told;

    zc_spinlock_lock(&watch_shared->lock);
    read_word(1);
    told = watch_shared->data[1] == 1;
    zc_spinlock_unlock(&watch_shared->lock);
    if (told)
        read_word(0);
}

/* In the order of the two gets that is run, they order the accesses. */
ACTOR(write_then_get)
{
    write_word(0);
    (void)zc_atomic_u32_get(&watch_shared->references, UINT32_MAX);
}

ACTOR(get_then_read)
{
    (void)zc_atomic_u32_get(&watch_shared->references, UINT32_MAX);
    read_word(0);
}

TEST(a_lock_orders_only_what_needs_it)
{
    watch_finds(write_then_get, get_then_read, "data race");
    watch_finds(write_then_section, section_then_read, "data race");
    assert_int_equal(watch_silent(write_and_tell, read_if_told), 2);
}

TEST(plain_accesses_race_unless_a_lock_orders_them)
{
    struct lab_result result;

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

ACTOR(publish_release)
{
    write_word(0);
    zc_atomic_u32_store_release(&watch_shared->word, 1);
}

ACTOR(publish_relaxed)
{
    write_word(0);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

/* What follows a release is not published by it. */
ACTOR(publish_early)
{
    zc_atomic_u32_store_release(&watch_shared->word, 1);
    write_word(0);
}

/* A release, and a relaxed store by the same thread over it. */
ACTOR(publish_covered)
{
    write_word(0);
    zc_atomic_u32_store_release(&watch_shared->word, 2);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

ACTOR(publish_exchange)
{
    uint32_t expected = 0;

    write_word(0);
    (void)zc_atomic_u32_exchange_if(&watch_shared->word, &expected, 1);
}

ACTOR(look_acquire)
{
    if (zc_atomic_u32_load_acquire(&watch_shared->word) == 1)
        read_word(0);
}

ACTOR(look_relaxed)
{
    if (zc_atomic_u32_load_relaxed(&watch_shared->word) == 1)
        read_word(0);
}

/* Fails when it finds 1: then it is a relaxed load. */
ACTOR(look_failed_exchange)
{
    uint32_t expected = 7;

    if (!zc_atomic_u32_exchange_if(&watch_shared->word, &expected, 8) &&
        expected == 1)
        read_word(0);
}

ACTOR(set_again)
{
    zc_atomic_u32_init(&watch_shared->word, 3);
}

/* Set for good: read without a step from then on. */
ACTOR(settle)
{
    void *expected = NULL;

    write_word(0);
    (void)zc_atomic_pointer_exchange_if(&watch_shared->pointer, &expected,
                                        watch_shared);
    zc_annotate_final(&watch_shared->pointer);
    zc_atomic_u32_store_relaxed(&watch_shared->word, 1);
}

ACTOR(look_settled)
{
    struct shared *found;

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

ACTOR(codec_reads)
{
    zc_annotate_read_begin(&watch_shared->data[0], 32, "decompress");
    zc_annotate_read_end(&watch_shared->data[0], 32, "decompressed");
}

ACTOR(codec_writes)
{
    zc_annotate_write_begin(&watch_shared->data[1], 1, "compress");
    zc_annotate_write_end(&watch_shared->data[1], 1, "compressed");
}

TEST(what_is_annotated_is_an_access)
{
    struct lab_result result;

    watch_silent(settle, look_settled);
    result = watch_explore(settle_and_look, watch_nothing, watch_finish);
    assert_int_equal(result.failures, 0);
    assert_int_equal(result.most_steps, 2 + 5);
    watch_silent(codec_reads, codec_reads);
    watch_finds(codec_reads, codec_writes, "data race");
    watch_finds(codec_writes, codec_writes, "data race");
}

TEST(atomics_order_what_they_release_and_acquire)
{
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

ACTOR(put)
{
    read_word(0);
    if (zc_atomic_u32_put(&watch_shared->references, UINT32_MAX, 0) == 0)
        zc_free(watch_shared);
}

ACTOR(put_then_read)
{
    if (zc_atomic_u32_put(&watch_shared->references, UINT32_MAX, 0) == 0)
        zc_free(watch_shared);
    else
        read_word(0);
}

ACTOR(get_and_put)
{
    (void)zc_atomic_u32_get(&watch_shared->references, UINT32_MAX);
    (void)zc_atomic_u32_put(&watch_shared->references, UINT32_MAX, 0);
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

ACTOR(enter_and_leave)
{
    (void)zc_atomic_u32_or(&watch_shared->word, FLAG | 2);
    zc_atomic_u32_store_release(&watch_shared->references, 7);
    leave_flagged(1);
}

ACTOR(wait_and_leave)
{
    if (zc_atomic_u32_load_acquire(&watch_shared->references) == 7)
        leave_flagged(2);
}

ACTOR(free_now)
{
    zc_free(watch_shared);
}

ACTOR(free_twice)
{
    zc_free(watch_shared);
    zc_free(watch_shared);
}

ACTOR(free_then_read)
{
    zc_free(watch_shared);
    __tsan_read_range(&watch_shared->data[0], 1);
}

ACTOR(close_then_write)
{
    zc_memory_close(&watch_shared->data[1], 8);
    read_word(2);
    zc_memory_open(&watch_shared->data[1], 8);
    write_word(1);
    zc_memory_close(&watch_shared->data[1], 8);
    __tsan_memset(&watch_shared->data[0], 1, 9);
}

ACTOR(die_then_write)
{
    zc_annotate_object_end(&watch_shared->data[0], 8, "object");
    zc_annotate_object_begin(&watch_shared->data[0], 8, "object");
    write_word(0);
    zc_annotate_object_end(&watch_shared->data[0], 8, "object");
    write_word(0);
}

ACTOR(unlock_freed)
{
    zc_spinlock_lock(&watch_shared->lock);
    zc_free(watch_shared);
    zc_spinlock_unlock(&watch_shared->lock);
}

ACTOR(follow_poison)
{
    static uint64_t elsewhere;
    uint64_t *next = &elsewhere;

    memcpy(&watch_shared->data[0], &next, sizeof(next));
    zc_free(watch_shared);
    memcpy(&next, watch_shared, sizeof(next));
    __tsan_memset(next, 0, 8);
}

/* Where no compiler looks. */
ACTOR(fault_now)
{
    volatile char *const nowhere = (volatile char *)(uintptr_t)LAB_PAGE_BYTES;

    *nowhere = 1;
}

static void assert_ends(void (*one)(void *), const char *what)
{
    struct lab_result result = watch_explore(one, watch_nothing, NULL);

    assert_int_not_equal(result.failures, 0);
    assert_string_equal(result.first_what, what);
}

TEST(memory_is_used_from_its_birth_to_its_death)
{
    struct lab_result result;

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
