/* SPDX-License-Identifier: MIT */
/*
 * test_generation.c - what no call of a cache shows of its compressors: an end
 * that a change meets half-way, who waits for a context, and their bytes.  For
 * the rest see test_zcache_compressor.c.
 */
#include "support_cache.h"

#include <pthread.h>
#include <sched.h>

#include "codec/generation.h"

#define CONTEXTS 2

static struct zc_generations generations;
static struct zc_generation *first; /* the current one, with a reference */

static void begin(unsigned contexts)
{
    support_use_halves();
    assert_status(
        zc_generations_init(&generations, 4096, contexts, "halves", 1), ZC_OK);
    first = zc_generations_get(&generations, 0);
}

static int set_up(void **state)
{
    (void)state;
    begin(CONTEXTS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zc_generations_destroy(&generations);
    return 0;
}

#define TEST_OF_GENERATIONS(name) TEST_WITH(name, set_up, tear_down)

static void change(const char *name)
{
    assert_status(zc_generations_change(&generations, name, 0), ZC_OK);
}

/* The current generation, without a reference to it. */
static struct zc_generation *current(void)
{
    struct zc_generation *generation = zc_generations_get(&generations, 0);

    zc_generation_put(generation, 0);
    return generation;
}

/* DYING_GENERATION_STAYS_DEAD: between its last put and its end, a generation
 * is still in the table, with a count of zero. */
TEST_OF_GENERATIONS(a_dying_generation_is_not_taken_again)
{
    change("lz4");
    assert_int_equal(zc_atomic_u32_load_relaxed(&first->references), 1);
    zc_atomic_u32_store_relaxed(&first->references, 0);

    assert_status(zc_generations_change(&generations, "halves", 1), ZC_OK);
    assert_true(zc_generations_bytes(&generations) > 0);

    assert_ptr_not_equal(current(), first);
    assert_int_equal(zc_atomic_u32_load_relaxed(&first->references), 0);
    zc_atomic_u32_store_relaxed(&first->references, 1);
    zc_generation_put(first, 0);
}

static void *get_one(void *context)
{
    *(struct zc_generation **)context = zc_generations_get(&generations, 0);
    return NULL;
}

/* As a store that reads which one is current right before a change. */
TEST_OF_GENERATIONS(a_store_that_meets_a_closed_generation_takes_the_next)
{
    struct zc_generation *got = NULL;
    struct zc_generation *next;
    pthread_t thread;
    uint32_t word;

    change("lz4");
    next = current();
    word = zc_atomic_u32_load_acquire(&first->contexts[0].references);
    zc_atomic_pointer_store_release(&generations.current, first);
    assert_int_equal(pthread_create(&thread, NULL, get_one, &got), 0);
    while (zc_atomic_u32_load_acquire(&first->contexts[0].references) == word)
        (void)sched_yield(); /* until it has met it */
    zc_atomic_pointer_store_release(&generations.current, next);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ptr_equal(got, next);
    zc_generation_put(next, 0);
    zc_generation_put(first, 0);
    assert_int_equal(zc_generations_count(&generations), 1);
}

struct reader {
    const void *data;
    size_t size;
    zc_status status;
    char page[4096];
};

static void *decompress(void *argument)
{
    struct reader *reader = argument;

    reader->status = zc_generation_decompress(first, reader->data, reader->size,
                                              reader->page);
    return NULL;
}

/* A shared decompressor reads on while every context is in use. */
TEST_OF_GENERATIONS(only_what_needs_a_context_waits_for_one)
{
    struct reader reader = {.status = ZC_BUSY};
    struct zc_context *context;
    char data[2048];
    pthread_t thread;

    zc_generations_destroy(&generations);
    begin(1);
    support_make_page(data, sizeof(data), SUPPORT_NOISE, 1);
    reader.data = data;
    reader.size = sizeof(data);
    context = zc_generation_lock_context(first, 0);
    assert_int_equal(pthread_create(&thread, NULL, decompress, &reader), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_status(reader.status, ZC_OK);
    zc_generation_unlock_context(context);
}

/* As if pages had gone through them on every processor. */
static void touch_contexts(struct zc_generation *generation)
{
    unsigned i;

    for (i = 0; i < generation->context_count; i++)
        generation->contexts[i].is_used = true;
}

/* Of those that were not used yet, what malloc() itself touched: a page. */
TEST_OF_GENERATIONS(the_bytes_are_those_of_all_contexts)
{
    size_t without_codec;
    size_t idle;
    size_t both;

    idle = zc_generations_bytes(&generations);
    assert_in_range(idle, CONTEXTS * 4096, CONTEXTS * 4096 + 2048);
    touch_contexts(first);
    without_codec = zc_generations_bytes(&generations);
    assert_in_range(without_codec, CONTEXTS * 2 * 4096,
                    CONTEXTS * 2 * 4096 + 2048);

    change("lz4");
    assert_int_equal(zc_generations_bytes(&generations),
                     without_codec + idle + CONTEXTS * 4096);
    touch_contexts(current());
    both = zc_generations_bytes(&generations);

    assert_in_range(both, 2 * without_codec + CONTEXTS * 16384,
                    2 * without_codec + CONTEXTS * 17000);
    zc_generation_put(first, 0);
    /* Its struct serves the next generation. */
    assert_in_range(zc_generations_bytes(&generations), both - without_codec,
                    both - CONTEXTS * 2 * 4096);
}
