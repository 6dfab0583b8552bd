/* SPDX-License-Identifier: MIT */
/* test_generation.c - compressors that change while their work is stored. */
#include "support_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/inject.h"
#include "codec/generation.h"
#include "support_threads.h"

#define CONTEXTS 2

static void begin(struct zc_generations *generations)
{
    support_use_halves();
    assert_status(zc_generations_init(generations, 4096, CONTEXTS, "halves", 1),
                  ZC_OK);
}

/* The current generation, without a reference to it. */
static struct zc_generation *current_of(struct zc_generations *generations)
{
    struct zc_generation *generation = zc_generations_get(generations, 0);

    zc_generation_put(generation, 0);
    return generation;
}

/* All references to it, wherever they are counted; the lowest bit of a
 * context's word says that it counts none. */
static uint32_t references_of(const struct zc_generation *generation)
{
    uint32_t sum = zc_atomic_u32_load_relaxed(&generation->references);
    uint32_t word;
    unsigned i;

    for (i = 0; i < generation->context_count; i++) {
        word = zc_atomic_u32_load_relaxed(&generation->contexts[i].references);
        if (word % 2 == 0)
            sum += word / 2;
    }
    return sum & INT32_MAX;
}

TEST(it_begins_with_one_generation_and_its_contexts)
{
    struct zc_generations generations;
    struct zc_generation *generation;
    unsigned i;

    begin(&generations);
    generation = zc_generations_get(&generations, 0);

    assert_string_equal(generation->compressor->name, "halves");
    assert_int_equal(generation->level, 1);
    assert_int_equal(generation->page_size, 4096);
    assert_int_equal(generation->context_count, CONTEXTS);
    for (i = 0; i < CONTEXTS; i++)
        assert_non_null(generation->contexts[i].buffer);
    assert_int_equal(references_of(generation), 2);
    assert_ptr_equal(zc_generation_at(&generations, generation->id),
                     generation);
    assert_int_equal(zc_generations_count(&generations), 1);

    zc_generation_put(generation, 0);
    zc_generations_destroy(&generations);
}

TEST(unknown_names_and_levels_are_refused_at_the_beginning)
{
    struct zc_generations generations;

    support_use_halves();

    assert_status(zc_generations_init(&generations, 4096, 1, "none", 0),
                  ZC_UNSUPPORTED);
    assert_status(zc_generations_init(&generations, 4096, 1, NULL, 0),
                  ZC_UNSUPPORTED);
    assert_status(zc_generations_init(&generations, 4096, 1, "halves", 1001),
                  ZC_INVALID);
    assert_status(zc_generations_init(&generations, 4096, 1, "halves", -1),
                  ZC_INVALID);
}

TEST(a_refused_change_changes_nothing)
{
    struct zc_generations generations;
    struct zc_generation *before;

    begin(&generations);
    before = current_of(&generations);

    assert_status(zc_generations_change(&generations, "none", 0),
                  ZC_UNSUPPORTED);
    assert_status(zc_generations_change(&generations, "halves", 1001),
                  ZC_INVALID);
    assert_status(zc_generations_change(&generations, NULL, -1), ZC_INVALID);

    assert_ptr_equal(current_of(&generations), before);
    assert_int_equal(references_of(before), 1);
    assert_int_equal(zc_generations_count(&generations), 1);
    zc_generations_destroy(&generations);
}

TEST(a_change_without_memory_changes_nothing)
{
    struct zc_generations generations;
    struct zc_generation *before;
    uint32_t countdown;
    zc_status status;

    begin(&generations);
    before = current_of(&generations);

    for (countdown = 0;; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        status = zc_generations_change(&generations, "lz4", 0);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
        assert_ptr_equal(current_of(&generations), before);
        assert_int_equal(references_of(before), 1);
        assert_int_equal(zc_generations_count(&generations), 1);
    }

    /* The generation, its contexts, and of each the buffer and the codec. */
    assert_int_equal(countdown, 2 + 2 * CONTEXTS);
    assert_int_equal(zc_generations_count(&generations), 1);
    zc_generations_destroy(&generations);
}

TEST(a_beginning_without_memory_leaves_nothing)
{
    struct zc_generations generations;
    uint32_t countdown;
    zc_status status;

    for (countdown = 0;; countdown++) {
        zc_inject_arm(ZC_INJECT_MALLOC, countdown, 1);
        status = zc_generations_init(&generations, 4096, CONTEXTS, "lz4", 0);
        zc_inject_disarm();
        if (status == ZC_OK)
            break;
        assert_status(status, ZC_NO_MEMORY);
    }

    assert_int_equal(countdown, 2 + 2 * CONTEXTS);
    zc_generations_destroy(&generations);
}

TEST(an_unused_generation_goes_at_the_change)
{
    struct zc_generations generations;

    begin(&generations);

    assert_status(zc_generations_change(&generations, "lz4", 0), ZC_OK);

    assert_int_equal(zc_generations_count(&generations), 1);
    assert_string_equal(current_of(&generations)->compressor->name, "lz4");
    zc_generations_destroy(&generations);
}

TEST(a_used_generation_goes_with_its_last_user)
{
    struct zc_generations generations;
    struct zc_generation *used;

    begin(&generations);
    used = zc_generations_get(&generations, 0);
    assert_ptr_equal(zc_generations_get(&generations, 0), used);

    assert_status(zc_generations_change(&generations, "lz4", 0), ZC_OK);
    assert_int_equal(zc_generations_count(&generations), 2);
    assert_ptr_equal(zc_generation_at(&generations, used->id), used);
    assert_int_equal(references_of(used), 2);

    zc_generation_put(used, 0);
    assert_int_equal(zc_generations_count(&generations), 2);
    zc_generation_put(used, 0);
    assert_int_equal(zc_generations_count(&generations), 1);
    zc_generations_destroy(&generations);
}

TEST(changing_back_takes_the_draining_generation_again)
{
    struct zc_generations generations;
    struct zc_generation *used;

    begin(&generations);
    used = zc_generations_get(&generations, 0);
    assert_status(zc_generations_change(&generations, "lz4", 0), ZC_OK);

    assert_status(zc_generations_change(&generations, "halves", 1), ZC_OK);

    assert_ptr_equal(current_of(&generations), used);
    assert_int_equal(references_of(used), 2);
    assert_int_equal(zc_generations_count(&generations), 1);
    zc_generation_put(used, 0);
    assert_int_equal(references_of(used), 1);

    /* What was taken in one life of it is dropped in the next. */
    assert_status(zc_generations_change(&generations, "lz4", 0), ZC_OK);
    assert_int_equal(references_of(used), 0);
    assert_int_equal(zc_generations_count(&generations), 1);
    zc_generations_destroy(&generations);
}

TEST(another_level_is_another_generation)
{
    struct zc_generations generations;
    struct zc_generation *used;

    begin(&generations);
    used = zc_generations_get(&generations, 0);

    assert_status(zc_generations_change(&generations, NULL, 2), ZC_OK);

    assert_ptr_not_equal(current_of(&generations), used);
    assert_string_equal(current_of(&generations)->compressor->name, "halves");
    assert_int_equal(current_of(&generations)->level, 2);
    assert_int_equal(zc_generations_count(&generations), 2);
    zc_generation_put(used, 0);
    zc_generations_destroy(&generations);
}

TEST(the_default_level_is_the_compressors_own)
{
    struct zc_generations generations;
    struct zc_generation *before;

    begin(&generations);
    before = current_of(&generations);

    assert_status(zc_generations_change(&generations, NULL, ZC_LEVEL_DEFAULT),
                  ZC_OK);

    assert_ptr_equal(current_of(&generations), before);
    assert_int_equal(references_of(before), 1);
    zc_generations_destroy(&generations);
}

/* DYING_GENERATION_STAYS_DEAD: between its last put and its end, a generation
 * is still in the table, with a count of zero. */
TEST(a_dying_generation_is_not_taken_again)
{
    struct zc_generations generations;
    struct zc_generation *dying;

    begin(&generations);
    dying = zc_generations_get(&generations, 0);
    assert_status(zc_generations_change(&generations, "lz4", 0), ZC_OK);
    assert_int_equal(references_of(dying), 1);
    zc_atomic_u32_store_relaxed(&dying->references, 0);

    assert_status(zc_generations_change(&generations, "halves", 1), ZC_OK);
    assert_true(zc_generations_bytes(&generations) > 0);

    assert_ptr_not_equal(current_of(&generations), dying);
    assert_int_equal(references_of(dying), 0);
    zc_atomic_u32_store_relaxed(&dying->references, 1);
    zc_generation_put(dying, 0);
    zc_generations_destroy(&generations);
}

TEST(the_256th_generation_has_to_wait_for_an_older_one)
{
    struct zc_generation *used[ZC_GENERATIONS_MAX];
    struct zc_generations generations;
    int i;

    begin(&generations);
    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        assert_status(zc_generations_change(&generations, NULL, i + 1), ZC_OK);
        used[i] = zc_generations_get(&generations, 0);
    }
    assert_int_equal(zc_generations_count(&generations), ZC_GENERATIONS_MAX);

    assert_status(zc_generations_change(&generations, NULL, 500), ZC_REJECTED);
    assert_ptr_equal(current_of(&generations), used[ZC_GENERATIONS_MAX - 1]);
    assert_int_equal(zc_generations_count(&generations), ZC_GENERATIONS_MAX);

    /* One that drains can be taken again all the same. */
    assert_status(zc_generations_change(&generations, NULL, 7), ZC_OK);
    assert_ptr_equal(current_of(&generations), used[6]);
    zc_generation_put(used[99], 0);
    assert_status(zc_generations_change(&generations, NULL, 500), ZC_OK);
    assert_int_equal(current_of(&generations)->id, 99);

    for (i = 0; i < ZC_GENERATIONS_MAX; i++)
        if (i != 99)
            zc_generation_put(used[i], 0);
    assert_int_equal(zc_generations_count(&generations), 1);
    zc_generations_destroy(&generations);
}

TEST(whatever_a_compressor_reports_is_corrupt)
{
    struct zc_generations generations;
    struct zc_generation *generation;
    char data[2048];
    char page[4096];

    begin(&generations);
    generation = zc_generations_get(&generations, 0);
    support_make_page(data, sizeof(data), SUPPORT_NOISE, 1);
    assert_status(zc_generation_decompress(generation, data, 2048, page),
                  ZC_OK);

    support_halves.decompress_status = ZC_BUSY;
    assert_status(zc_generation_decompress(generation, data, 2048, page),
                  ZC_CORRUPT);
    support_halves.decompress_status = ZC_OK;
    zc_inject_arm(ZC_INJECT_DECOMPRESS, 0, 1);
    assert_status(zc_generation_decompress(generation, data, 2048, page),
                  ZC_CORRUPT);
    zc_inject_disarm();

    zc_generation_put(generation, 0);
    zc_generations_destroy(&generations);
}

struct reader {
    struct zc_generation *generation;
    const void *data;
    size_t size;
    zc_status status;
    char page[4096];
};

static void *decompress(void *argument)
{
    struct reader *reader = argument;

    reader->status = zc_generation_decompress(reader->generation, reader->data,
                                              reader->size, reader->page);
    return NULL;
}

/* A shared decompressor reads on while every context is in use. */
TEST(only_what_needs_a_context_waits_for_one)
{
    struct zc_generations generations;
    struct reader reader = {.status = ZC_BUSY};
    struct zc_context *context;
    char data[2048];
    pthread_t thread;

    support_use_halves();
    assert_status(zc_generations_init(&generations, 4096, 1, "halves", 1),
                  ZC_OK);
    support_make_page(data, sizeof(data), SUPPORT_NOISE, 1);
    reader.generation = zc_generations_get(&generations, 0);
    reader.data = data;
    reader.size = sizeof(data);
    context = zc_generation_lock_context(reader.generation, 0);

    assert_int_equal(pthread_create(&thread, NULL, decompress, &reader), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);

    assert_status(reader.status, ZC_OK);
    zc_generation_unlock_context(context);
    zc_generation_put(reader.generation, 0);
    zc_generations_destroy(&generations);
}

/* As if pages had gone through them on every processor. */
static void touch_contexts(struct zc_generation *generation)
{
    unsigned i;

    for (i = 0; i < generation->context_count; i++)
        generation->contexts[i].is_used = true;
}

/* Of those that were not used yet, what malloc() itself touched: a page. */
TEST(the_bytes_are_those_of_all_contexts)
{
    struct zc_generations generations;
    struct zc_generation *used;
    size_t without_codec;
    size_t idle;
    size_t both;

    begin(&generations);
    used = zc_generations_get(&generations, 0);
    idle = zc_generations_bytes(&generations);
    assert_in_range(idle, CONTEXTS * 4096, CONTEXTS * 4096 + 2048);
    touch_contexts(used);
    without_codec = zc_generations_bytes(&generations);
    assert_in_range(without_codec, CONTEXTS * 2 * 4096,
                    CONTEXTS * 2 * 4096 + 2048);

    assert_status(zc_generations_change(&generations, "lz4", 0), ZC_OK);
    assert_int_equal(zc_generations_bytes(&generations),
                     without_codec + idle + CONTEXTS * 4096);
    touch_contexts(current_of(&generations));
    both = zc_generations_bytes(&generations);

    assert_in_range(both, 2 * without_codec + CONTEXTS * 16384,
                    2 * without_codec + CONTEXTS * 17000);
    zc_generation_put(used, 0);
    /* Its struct serves the next generation. */
    assert_in_range(zc_generations_bytes(&generations), both - without_codec,
                    both - CONTEXTS * 2 * 4096);
    zc_generations_destroy(&generations);
}

/* ---- a compressor with contexts, which it watches ---- */

struct watched {
    atomic_bool in_use;
};

static atomic_uint created;
static atomic_uint destroyed;
static atomic_uint overlaps; /* two users of one context at a time */
static unsigned creates_left = UINT32_MAX;

static zc_status watched_create(const struct zc_compressor *self,
                                size_t page_size, int level, void **context_out)
{
    struct watched *watched;

    (void)self;
    (void)page_size;
    (void)level;
    if (creates_left-- == 0)
        return ZC_NO_MEMORY;
    watched = malloc(sizeof(*watched));
    if (watched == NULL)
        return ZC_NO_MEMORY;
    atomic_init(&watched->in_use, false);
    atomic_fetch_add(&created, 1);
    *context_out = watched;
    return ZC_OK;
}

static void watched_destroy(void *context)
{
    struct watched *watched = context;

    if (atomic_load(&watched->in_use))
        atomic_fetch_add(&overlaps, 1);
    atomic_fetch_add(&destroyed, 1);
    free(watched);
}

static zc_status watched_decompress(void *context, const void *data,
                                    size_t size, void *page_out,
                                    size_t page_size)
{
    struct watched *watched = context;

    if (atomic_exchange(&watched->in_use, true))
        atomic_fetch_add(&overlaps, 1);
    memset(page_out, 1, page_size);
    memcpy(page_out, data, size);
    atomic_store(&watched->in_use, false);
    return ZC_OK;
}

static zc_status watched_compress(void *context, int level, const void *page,
                                  size_t page_size, void *data_out,
                                  size_t capacity, size_t *size_out)
{
    (void)level;
    (void)capacity;
    *size_out = 1;
    return watched_decompress(context, page, page_size, data_out, page_size);
}

static const struct zc_compressor watched = {
    .struct_size = sizeof(watched),
    .name = "watched",
    .level_min = 1,
    .level_max = 2,
    .level_default = 1,
    .context_create = watched_create,
    .context_destroy = watched_destroy,
    .compress = watched_compress,
    .decompress = watched_decompress,
};

static void use_watched(void)
{
    if (zc_compressor_find("watched") == NULL)
        assert_status(zc_compressor_register(&watched), ZC_OK);
    atomic_store(&created, 0);
    atomic_store(&destroyed, 0);
    atomic_store(&overlaps, 0);
    creates_left = UINT32_MAX;
}

TEST(contexts_end_with_their_generation)
{
    struct zc_generations generations;
    struct zc_generation *used;

    use_watched();
    begin(&generations);

    assert_status(zc_generations_change(&generations, "watched", 0), ZC_OK);
    assert_int_equal(atomic_load(&created), CONTEXTS);
    used = zc_generations_get(&generations, 0);
    assert_status(zc_generations_change(&generations, "copy", 0), ZC_OK);
    assert_int_equal(atomic_load(&destroyed), 0);
    zc_generation_put(used, 0);

    assert_int_equal(atomic_load(&destroyed), CONTEXTS);
    zc_generations_destroy(&generations);
}

TEST(the_contexts_of_half_a_generation_are_ended)
{
    struct zc_generations generations;

    use_watched();
    begin(&generations);

    creates_left = 1;
    assert_status(zc_generations_change(&generations, "watched", 0),
                  ZC_NO_MEMORY);
    assert_int_equal(atomic_load(&created), 1);
    assert_int_equal(atomic_load(&destroyed), 1);
    assert_string_equal(current_of(&generations)->compressor->name, "halves");

    zc_generations_destroy(&generations);
}

#define TURNS 4000

static void use_contexts(struct support_worker *worker)
{
    struct zc_generations *generations = worker->context;
    struct zc_generation *generation;
    struct zc_context *context;
    char data[16] = {1};
    char page[4096];
    size_t size;
    unsigned i;

    for (i = 0; i < TURNS; i++) {
        if (worker->index == 0 && i % 16 == 0)
            if (zc_generations_change(generations, "watched",
                                      (int)(i / 16 % 2) + 1) != ZC_OK)
                support_mistake(worker, "no change, turn %u", i);
        generation = zc_generations_get(generations, worker->index);
        if (i % 2 == 0) {
            if (zc_generation_decompress(generation, data, 16, page) != ZC_OK)
                support_mistake(worker, "no page, turn %u", i);
        } else {
            context = zc_generation_lock_context(generation, worker->index);
            (void)generation->compressor->compress(
                context->codec, generation->level, page, 4096, context->buffer,
                8192, &size);
            zc_generation_unlock_context(context);
        }
        /* It may have come to another processor meanwhile. */
        zc_generation_put(generation, worker->index + i);
    }
}

/* CONTEXT_OUTLIVES_USER */
TEST(a_context_has_one_user_and_outlives_it)
{
    struct zc_generations generations;
    struct support_crew crew;
    unsigned i;

    use_watched();
    assert_status(
        zc_generations_init(&generations, 4096, CONTEXTS, "watched", 1), ZC_OK);
    support_crew_init(&crew);
    for (i = 0; i < 4; i++)
        support_crew_add(&crew, use_contexts, &generations);

    support_crew_run(&crew, 0);

    assert_int_equal(atomic_load(&overlaps), 0);
    assert_int_equal(zc_generations_count(&generations), 1);
    assert_int_equal(atomic_load(&created) - atomic_load(&destroyed), CONTEXTS);
    zc_generations_destroy(&generations);
    assert_int_equal(atomic_load(&created), atomic_load(&destroyed));
}
