/* SPDX-License-Identifier: MIT */
/*
 * generation.c - compressors that change while their work is still stored.
 *
 * A generation is made current, with all its contexts.  It has a reference for
 * being current, one for each entry compressed with it, and one for each store
 * in flight.  The thread that drops the last reference frees its contexts
 * (CONTEXT_OUTLIVES_USER: no context is freed before that, whatever happens to
 * processors).
 *
 * The thread that changes the compressor and the thread that drops the last
 * reference meet where a change wants a generation that still drains.  The
 * change takes that generation again: it raises the count by CAS, and only if
 * the count is not 0.  So either the change is first, and the drop does not
 * reach 0; or the drop is first, and the change makes a new generation.  A
 * count of 0 never rises again (DYING_GENERATION_STAYS_DEAD): otherwise the
 * change would make a generation current whose contexts are being freed.
 *
 * No word is written by the stores of all processors.  The count is spread:
 * each context has a part of it, and `references` has the rest.
 *
 *   open     while it is current: references are taken and dropped at the
 *            context of the processor where that happens.  `references` has
 *            OPEN_BIAS more than its part, so it is not 0 whatever is dropped.
 *   closed   after that: every context's word has CLOSED, and its number means
 *            nothing.  All of the count is in `references`.
 *
 * A thread adds to the word of a context first, and looks at CLOSED in the
 * value that it found: if CLOSED was set, the add was not counted.  The change
 * that closes a generation sets CLOSED in one word after the other and adds up
 * what it finds; what is dropped meanwhile at a closed word is taken off
 * `references`, which cannot reach 0 before the sum is added and the bias goes.
 * So each reference is counted once, and the step that makes `references` 0 is
 * that of the last put, or of the change itself.
 *
 * A store reads `current` and adds to the word of its context.  Between the two
 * that generation may end.  So its struct and these words stay until the cache
 * is destroyed, and serve later generations.  The store finds the word
 *
 *     closed   it reads `current` again: a change stores the next generation
 *              there before it closes the first word
 *     open     it has a reference, to the generation that the struct serves
 *              now, and has acquired that generation's fields
 *
 * A recompression has a reference to a generation that need not be current: it
 * takes more as a store does, and counts them in `references` where the word is
 * closed.  Its own reference keeps that from 0 meanwhile.
 *
 * The change that opens a generation stores 0 in each word.  An add before that
 * has found CLOSED and was not counted there, so its number may be lost; an add
 * after it is counted.
 *
 * `change` serialises changes, and its holder may wait; only its holder opens,
 * closes or makes a generation.  A context's mutex is held across compression
 * and the pool's allocation, because the buffer is in use until the object is
 * written.
 */
#include "codec/generation.h"

#include <string.h>

#include "base/inject.h"
#include "platform/memory.h"
#include "platform/processor.h"
#include "rules.h"

#define BUFFER_PAGES 2 /* room for the largest output of a codec */

/* The word of a context. */
#define CLOSED 1u
#define ONE 2u /* a reference */
#define COUNT_BITS 31

#define OPEN_BIAS (UINT32_C(1) << 31) /* more than references can be */

static void free_context(const struct zc_compressor *compressor,
                         struct zc_context *context)
{
    if (context->codec != NULL)
        compressor->context_destroy(context->codec);
    zc_free(context->buffer);
    context->codec = NULL;
    context->buffer = NULL;
}

static zc_status init_context(const struct zc_compressor *compressor,
                              size_t page_size, int level,
                              struct zc_context *context)
{
    zc_status status = ZC_OK;

    context->codec = NULL;
    context->is_used = false;
    context->buffer = zc_malloc(ZC_PREFIX_BYTES_MAX + BUFFER_PAGES * page_size);
    if (context->buffer == NULL)
        status = ZC_NO_MEMORY;
    else if (compressor->context_create != NULL)
        status = compressor->context_create(compressor, page_size, level,
                                            &context->codec);
    if (status != ZC_OK)
        free_context(compressor, context);
    return status;
}

/* Frees the contexts of a generation without references: its struct is free. */
static void end_generation(struct zc_generation *generation)
{
    unsigned i;

    for (i = 0; i < generation->context_count; i++)
        free_context(generation->compressor, &generation->contexts[i]);
    /* Pairs with the acquire in has_ended(). */
    zc_atomic_u32_store_release(&generation->has_ended, 1);
}

static void destroy_struct(struct zc_generation *generation)
{
    unsigned i;

    for (i = 0; i < generation->context_count; i++)
        zc_mutex_destroy(&generation->contexts[i].lock);
    zc_free(generation->contexts);
    zc_free(generation);
}

/* A struct without contexts of a compressor, not in the table yet. */
static zc_status create_struct(const struct zc_generations *generations,
                               struct zc_generation **generation_out)
{
    struct zc_generation *generation = zc_calloc(1, sizeof(*generation));
    zc_status status;
    unsigned i;

    if (generation == NULL)
        return ZC_NO_MEMORY;
    generation->page_size = generations->page_size;
    generation->contexts =
        zc_calloc(generations->context_count, sizeof(struct zc_context));
    status = generation->contexts == NULL ? ZC_NO_MEMORY : ZC_OK;
    for (i = 0; status == ZC_OK && i < generations->context_count; i++) {
        zc_atomic_u32_init(&generation->contexts[i].references, CLOSED);
        status = zc_mutex_init(&generation->contexts[i].lock, ZC_RANK_CONTEXT,
                               "context");
        if (status == ZC_OK)
            generation->context_count++;
    }
    if (status != ZC_OK) {
        destroy_struct(generation);
        return status;
    }
    zc_atomic_u32_init(&generation->has_ended, 1);
    *generation_out = generation;
    return ZC_OK;
}

/* Gives a struct that is free a compressor and its contexts, and a reference
 * for being current. */
static zc_status begin_generation(struct zc_generation *generation,
                                  const struct zc_compressor *compressor,
                                  int level)
{
    zc_status status;
    unsigned i;

    for (i = 0; i < generation->context_count; i++) {
        status = init_context(compressor, generation->page_size, level,
                              &generation->contexts[i]);
        if (status == ZC_OK)
            continue;
        while (i-- > 0)
            free_context(compressor, &generation->contexts[i]);
        return status;
    }
    generation->compressor = compressor;
    generation->level = level;
    zc_atomic_u32_store_relaxed(&generation->has_ended, 0);
    /* Pairs with try_ref(), whose caller reads the fields. */
    zc_atomic_u32_store_release(&generation->references, 1);
    return ZC_OK;
}

/* Whether its contexts are freed. */
static bool has_ended(const struct zc_generation *generation)
{
    /* Pairs with the release in end_generation(). */
    return zc_atomic_u32_load_acquire(&generation->has_ended) != 0;
}

/* A struct that is free, or NULL. */
static struct zc_generation *find_ended(
    const struct zc_generations *generations)
{
    struct zc_generation *generation;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation != NULL && has_ended(generation))
            return generation;
    }
    return NULL;
}

/* A new generation in a struct and at a place of the table that were never
 * used.  ZC_REJECTED: all ids are taken. */
static zc_status add_generation(struct zc_generations *generations,
                                const struct zc_compressor *compressor,
                                int level,
                                struct zc_generation **generation_out)
{
    struct zc_generation *generation;
    zc_status status;
    unsigned id = 0;

    while (id < ZC_GENERATIONS_MAX &&
           zc_generation_at(generations, (uint8_t)id) != NULL)
        id++;
    if (id == ZC_GENERATIONS_MAX)
        return ZC_REJECTED;
    status = create_struct(generations, &generation);
    if (status != ZC_OK)
        return status;
    generation->id = (uint8_t)id;
    status = begin_generation(generation, compressor, level);
    if (status != ZC_OK) {
        destroy_struct(generation);
        return status;
    }
    zc_atomic_pointer_store_release(&generations->table[id], generation);
    *generation_out = generation;
    return ZC_OK;
}

/* A generation that is not current yet.  The caller holds `change`, or no other
 * thread has the generations. */
static zc_status create_generation(struct zc_generations *generations,
                                   const struct zc_compressor *compressor,
                                   int level,
                                   struct zc_generation **generation_out)
{
    struct zc_generation *ended = find_ended(generations);
    zc_status status;

    if (ended == NULL)
        return add_generation(generations, compressor, level, generation_out);
    status = begin_generation(ended, compressor, level);
    if (status == ZC_OK)
        *generation_out = ended;
    return status;
}

/* From here on references are counted at the contexts.  The caller has one. */
static void open_generation(struct zc_generation *generation)
{
    unsigned i;

    (void)zc_atomic_u32_add(&generation->references, OPEN_BIAS);
    for (i = 0; i < generation->context_count; i++)
        /* Pairs with the acquire of a store that counts there. */
        zc_atomic_u32_store_release(&generation->contexts[i].references, 0);
}

/* From here on references are counted in one word.  Drops the reference for
 * being current. */
static void close_generation(struct zc_generation *generation)
{
    const uint32_t sign = UINT32_C(1) << (COUNT_BITS - 1);
    uint32_t sum = 0;
    uint32_t change;
    unsigned i;

    for (i = 0; i < generation->context_count; i++)
        sum += zc_atomic_u32_or(&generation->contexts[i].references, CLOSED) /
               ONE;
    /* More may have been dropped at the contexts than was taken there. */
    sum &= (UINT32_C(1) << COUNT_BITS) - 1;
    change = (sum ^ sign) - sign - OPEN_BIAS - 1;
    if (zc_atomic_u32_add(&generation->references, change) + change == 0)
        end_generation(generation);
}

static zc_status find_compressor(const char *name, int level,
                                 const struct zc_compressor **compressor_out,
                                 int *level_out)
{
    const struct zc_compressor *compressor = zc_compressor_find(name);

    if (compressor == NULL)
        return ZC_UNSUPPORTED;
    if (level == ZC_LEVEL_DEFAULT)
        level = compressor->level_default;
    if (level < compressor->level_min || level > compressor->level_max)
        return ZC_INVALID;
    *compressor_out = compressor;
    *level_out = level;
    return ZC_OK;
}

zc_status zc_generations_init(struct zc_generations *generations,
                              size_t page_size, unsigned context_count,
                              const char *name, int level)
{
    const struct zc_compressor *compressor;
    struct zc_generation *first;
    zc_status status;
    unsigned i;

    generations->page_size = page_size;
    generations->context_count = context_count;
    for (i = 0; i < ZC_GENERATIONS_MAX; i++)
        zc_atomic_pointer_init(&generations->table[i], NULL);
    status = find_compressor(name, level, &compressor, &level);
    if (status != ZC_OK)
        return status;
    status = zc_mutex_init(&generations->change, ZC_RANK_COMPRESSOR_CHANGE,
                           "compressor change");
    if (status != ZC_OK)
        return status;
    status = create_generation(generations, compressor, level, &first);
    if (status != ZC_OK) {
        zc_mutex_destroy(&generations->change);
        return status;
    }
    open_generation(first);
    zc_atomic_pointer_init(&generations->current, first);
    return ZC_OK;
}

void zc_generations_destroy(struct zc_generations *generations)
{
    struct zc_generation *generation;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation == NULL)
            continue;
        if (!has_ended(generation))
            end_generation(generation);
        destroy_struct(generation);
    }
    zc_mutex_destroy(&generations->change);
}

/* Takes a reference unless the count is 0. */
static bool try_ref(struct zc_generation *generation)
{
    if (zc_atomic_u32_get_above(&generation->references, 0))
        return true;
    return !ZC_RULE(DYING_GENERATION_STAYS_DEAD) &&
           zc_atomic_u32_add(&generation->references, 1) != UINT32_MAX;
}

/* Whether a generation has these settings. */
static bool has_settings(const struct zc_generation *generation,
                         const struct zc_compressor *compressor, int level)
{
    return generation->compressor == compressor && generation->level == level;
}

/* The draining generation of these settings, with a reference for being
 * current; or NULL. */
static struct zc_generation *find_generation(
    const struct zc_generations *generations,
    const struct zc_compressor *compressor, int level)
    ZC_REQUIRES(generations->change)
{
    struct zc_generation *generation;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation != NULL && has_settings(generation, compressor, level) &&
            !has_ended(generation) && try_ref(generation))
            return generation;
    }
    return NULL;
}

static struct zc_generation *current_of(
    const struct zc_generations *generations)
{
    /* Pairs with the release in change_to(). */
    return zc_atomic_pointer_load_acquire(&generations->current);
}

static zc_status change_to(struct zc_generations *generations,
                           const struct zc_compressor *compressor, int level)
    ZC_REQUIRES(generations->change)
{
    struct zc_generation *old = current_of(generations);
    struct zc_generation *next;
    zc_status status;

    if (has_settings(old, compressor, level))
        return ZC_OK;
    next = find_generation(generations, compressor, level);
    if (next == NULL) {
        status = create_generation(generations, compressor, level, &next);
        if (status != ZC_OK)
            return status;
    }
    open_generation(next);
    zc_atomic_pointer_store_release(&generations->current, next);
    if (!ZC_RULE(CONTEXT_OUTLIVES_USER))
        (void)ZC_BROKEN(free_contexts(old, free_context));
    close_generation(old);
    return ZC_OK;
}

zc_status zc_generations_change(struct zc_generations *generations,
                                const char *name, int level)
{
    const struct zc_compressor *compressor;
    zc_status status;

    zc_mutex_lock(&generations->change);
    if (name == NULL)
        name = current_of(generations)->compressor->name;
    status = find_compressor(name, level, &compressor, &level);
    if (status == ZC_OK)
        status = change_to(generations, compressor, level);
    zc_mutex_unlock(&generations->change);
    return status;
}

zc_status zc_generations_find(struct zc_generations *generations,
                              const char *name, int level,
                              struct zc_generation **generation_out)
{
    const struct zc_compressor *compressor;
    struct zc_generation *found = NULL;
    zc_status status;

    zc_mutex_lock(&generations->change);
    if (name == NULL) {
        name = current_of(generations)->compressor->name;
        if (level == ZC_LEVEL_DEFAULT)
            level = current_of(generations)->level;
    }
    status = find_compressor(name, level, &compressor, &level);
    if (status == ZC_OK) {
        found = find_generation(generations, compressor, level);
        if (found == NULL)
            status = create_generation(generations, compressor, level, &found);
    }
    zc_mutex_unlock(&generations->change);
    if (status == ZC_OK)
        *generation_out = found;
    return status;
}

static struct zc_context *context_of(const struct zc_generation *generation,
                                     unsigned processor)
{
    return &generation->contexts[processor % generation->context_count];
}

struct zc_generation *zc_generations_get(struct zc_generations *generations,
                                         unsigned processor)
{
    struct zc_generation *generation;
    uint32_t before;

    do {
        generation = current_of(generations);
        /* Pairs with the releases that open and close it. */
        before = zc_atomic_u32_add(
            &context_of(generation, processor)->references, ONE);
    } while ((before & CLOSED) != 0);
    return generation;
}

void zc_generation_get(struct zc_generation *generation, unsigned processor)
{
    uint32_t before =
        zc_atomic_u32_add(&context_of(generation, processor)->references, ONE);

    if ((before & CLOSED) != 0)
        (void)zc_atomic_u32_add(&generation->references, 1);
}

void zc_generation_put(struct zc_generation *generation, unsigned processor)
{
    uint32_t before = zc_atomic_u32_add(
        &context_of(generation, processor)->references, (uint32_t)0 - ONE);
    uint32_t left;

    if ((before & CLOSED) == 0)
        return;
    left = zc_atomic_u32_put(&generation->references, UINT32_MAX, 0);
    ZC_ASSERT(left < UINT32_MAX);
    if (left == 0)
        end_generation(generation);
}

/* The lock analysis cannot follow a lock inside a returned struct. */
struct zc_context *zc_generation_lock_context(struct zc_generation *generation,
                                              unsigned processor)
    ZC_NO_LOCK_ANALYSIS
{
    struct zc_context *context = context_of(generation, processor);

    zc_mutex_lock(&context->lock);
    context->is_used = true;
    return context;
}

void zc_generation_unlock_context(struct zc_context *context)
    ZC_NO_LOCK_ANALYSIS
{
    zc_mutex_unlock(&context->lock);
}

zc_status zc_generation_decompress(struct zc_generation *generation,
                                   const void *data, size_t size,
                                   void *page_out)
{
    const struct zc_compressor *compressor = generation->compressor;
    struct zc_context *context;
    zc_status status;

    zc_may_block();
    if (zc_inject(ZC_INJECT_DECOMPRESS))
        return ZC_CORRUPT;
    if ((compressor->flags & ZC_COMPRESSOR_SHARED_DECOMPRESS) != 0) {
        status = compressor->decompress(NULL, data, size, page_out,
                                        generation->page_size);
    } else {
        context =
            zc_generation_lock_context(generation, zc_processor_current());
        status = compressor->decompress(context->codec, data, size, page_out,
                                        generation->page_size);
        zc_generation_unlock_context(context);
    }
    return status == ZC_OK ? ZC_OK : ZC_CORRUPT;
}

unsigned zc_generations_count(const struct zc_generations *generations)
{
    const struct zc_generation *generation;
    unsigned count = 0;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation != NULL &&
            zc_atomic_u32_load_relaxed(&generation->references) != 0)
            count++;
    }
    return count;
}

/* Resident bytes of a block of a context: all, once a page was processed;
 * before that the page where malloc() keeps its header. */
static size_t resident_of(const struct zc_context *context, size_t bytes)
{
    const size_t untouched = zc_pages_system_size();

    return context->is_used || bytes < untouched ? bytes : untouched;
}

/* The caller has a reference. */
static size_t contexts_bytes(struct zc_generation *generation)
{
    const struct zc_compressor *compressor = generation->compressor;
    struct zc_context *context;
    size_t bytes = 0;
    unsigned i;

    for (i = 0; i < generation->context_count; i++) {
        context = &generation->contexts[i];
        zc_mutex_lock(&context->lock);
        bytes += resident_of(context, zc_malloc_size(context->buffer));
        if (context->codec != NULL && compressor->context_size != NULL)
            bytes +=
                resident_of(context, compressor->context_size(context->codec));
        zc_mutex_unlock(&context->lock);
    }
    return bytes;
}

size_t zc_generations_bytes(struct zc_generations *generations)
{
    struct zc_generation *generation;
    size_t bytes = 0;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation == NULL)
            continue;
        bytes += zc_malloc_size(generation) +
                 zc_malloc_size(generation->contexts);
        if (!try_ref(generation))
            continue;
        bytes += contexts_bytes(generation);
        zc_generation_put(generation, 0);
    }
    return bytes;
}
