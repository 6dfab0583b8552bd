/* SPDX-License-Identifier: MIT */
/*
 * generation.c - compressors that change while their work is still stored.
 *
 * A generation is made current, with all its contexts.  It is referenced by
 * being current, by each entry compressed with it, and by each store in flight.
 * The thread that drops the last reference frees it with its contexts
 * (CONTEXT_OUTLIVES_USER: no context is freed before that, whatever happens to
 * processors).
 *
 * The thread that changes the compressor and the thread that drops the last
 * reference.  A change to a compressor whose generation still drains takes that
 * generation again.  It raises the count by CAS, and only if it is not 0.  So
 * either the change is first, and the drop does not reach 0; or the drop is
 * first, and the change makes a new generation.  A count of 0 never rises again
 * (DYING_GENERATION_STAYS_DEAD).
 *
 * Locks: `change` serialises changes, and its holder may wait; `lock` guards
 * `current` and the table.  A context's mutex is held across compression and
 * the pool's allocation, because the buffer is in use until the object is
 * written.
 */
#include "codec/generation.h"

#include <string.h>

#include "base/inject.h"
#include "platform/memory.h"
#include "platform/processor.h"
#include "rules.h"

#define BUFFER_PAGES 2 /* room for the largest output of a codec */

static void free_context(const struct zc_compressor *compressor,
                         struct zc_context *context)
{
    if (context->codec != NULL)
        compressor->context_destroy(context->codec);
    zc_free(context->buffer);
    context->codec = NULL;
    context->buffer = NULL;
}

static void fini_context(const struct zc_compressor *compressor,
                         struct zc_context *context)
{
    free_context(compressor, context);
    zc_mutex_destroy(&context->lock);
}

static zc_status init_context(const struct zc_compressor *compressor,
                              size_t page_size, int level,
                              struct zc_context *context)
{
    zc_status status;

    status = zc_mutex_init(&context->lock, ZC_RANK_CONTEXT, "context");
    if (status != ZC_OK)
        return status;
    context->codec = NULL;
    context->buffer = zc_malloc(ZC_PREFIX_BYTES_MAX + BUFFER_PAGES * page_size);
    if (context->buffer == NULL)
        status = ZC_NO_MEMORY;
    else if (compressor->context_create != NULL)
        status = compressor->context_create(compressor, page_size, level,
                                            &context->codec);
    if (status != ZC_OK)
        fini_context(compressor, context);
    return status;
}

static void destroy_generation(struct zc_generation *generation)
{
    unsigned i;

    for (i = 0; i < generation->context_count; i++)
        fini_context(generation->compressor, &generation->contexts[i]);
    zc_free(generation->contexts);
    zc_free(generation);
}

static zc_status create_generation(const struct zc_generations *generations,
                                   const struct zc_compressor *compressor,
                                   int level,
                                   struct zc_generation **generation_out)
{
    struct zc_generation *generation = zc_calloc(1, sizeof(*generation));
    zc_status status;
    unsigned i;

    if (generation == NULL)
        return ZC_NO_MEMORY;
    generation->compressor = compressor;
    generation->level = level;
    generation->page_size = generations->page_size;
    zc_atomic_u32_init(&generation->references, 1);
    generation->contexts =
        zc_calloc(generations->context_count, sizeof(struct zc_context));
    if (generation->contexts == NULL) {
        destroy_generation(generation);
        return ZC_NO_MEMORY;
    }
    for (i = 0; i < generations->context_count; i++) {
        status = init_context(compressor, generations->page_size, level,
                              &generation->contexts[i]);
        if (status != ZC_OK) {
            destroy_generation(generation);
            return status;
        }
        generation->context_count++;
    }
    *generation_out = generation;
    return ZC_OK;
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
    status = zc_spinlock_init(&generations->lock, ZC_RANK_GENERATIONS,
                              "generations");
    if (status != ZC_OK)
        goto destroy_mutex;
    status = create_generation(generations, compressor, level,
                               &generations->current);
    if (status != ZC_OK)
        goto destroy_lock;
    zc_atomic_pointer_store_release(&generations->table[0],
                                    generations->current);
    return ZC_OK;

destroy_lock:
    zc_spinlock_destroy(&generations->lock);
destroy_mutex:
    zc_mutex_destroy(&generations->change);
    return status;
}

void zc_generations_destroy(struct zc_generations *generations)
{
    struct zc_generation *generation;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation != NULL)
            destroy_generation(generation);
    }
    zc_spinlock_destroy(&generations->lock);
    zc_mutex_destroy(&generations->change);
}

/* Takes a reference unless the count is 0. */
static bool try_ref(struct zc_generation *generation)
{
    uint32_t references = zc_atomic_u32_load_relaxed(&generation->references);

    do {
        if (references == 0 && ZC_RULE(DYING_GENERATION_STAYS_DEAD))
            return false;
    } while (!zc_atomic_u32_exchange_if(&generation->references, &references,
                                        references + 1));
    return true;
}

/* The generation of these settings, with a new reference; or NULL. */
static struct zc_generation *find_generation(
    struct zc_generations *generations, const struct zc_compressor *compressor,
    int level) ZC_REQUIRES(generations->lock)
{
    struct zc_generation *generation;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation != NULL && generation->compressor == compressor &&
            generation->level == level && try_ref(generation))
            return generation;
    }
    return NULL;
}

/* Gives a new generation an id; ZC_REJECTED: all are taken. */
static zc_status number_generation(struct zc_generations *generations,
                                   struct zc_generation *generation)
    ZC_REQUIRES(generations->lock)
{
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++) {
        if (zc_generation_at(generations, (uint8_t)i) != NULL)
            continue;
        generation->id = (uint8_t)i;
        zc_atomic_pointer_store_release(&generations->table[i], generation);
        return ZC_OK;
    }
    return ZC_REJECTED;
}

static zc_status change_to(struct zc_generations *generations,
                           const struct zc_compressor *compressor, int level)
{
    struct zc_generation *fresh = NULL;
    struct zc_generation *next;
    struct zc_generation *old = NULL;
    zc_status status = ZC_OK;

    zc_spinlock_lock(&generations->lock);
    next = find_generation(generations, compressor, level);
    zc_spinlock_unlock(&generations->lock);
    if (next == NULL) {
        status = create_generation(generations, compressor, level, &fresh);
        if (status != ZC_OK)
            return status;
        next = fresh;
    }
    zc_spinlock_lock(&generations->lock);
    if (fresh != NULL)
        status = number_generation(generations, fresh);
    if (status == ZC_OK) {
        old = generations->current;
        ZC_ASSERT(old != NULL);
        generations->current = next;
    }
    zc_spinlock_unlock(&generations->lock);
    if (status == ZC_OK && old != next && !ZC_RULE(CONTEXT_OUTLIVES_USER))
        (void)ZC_BROKEN(free_contexts(old, free_context));
    if (status == ZC_OK)
        zc_generation_put(generations, old);
    else
        destroy_generation(fresh);
    return status;
}

zc_status zc_generations_change(struct zc_generations *generations,
                                const char *name, int level)
{
    const struct zc_compressor *compressor;
    zc_status status;

    zc_mutex_lock(&generations->change);
    if (name == NULL) /* `current` changes only under `change` */
        name = generations->current->compressor->name;
    status = find_compressor(name, level, &compressor, &level);
    if (status == ZC_OK)
        status = change_to(generations, compressor, level);
    zc_mutex_unlock(&generations->change);
    return status;
}

struct zc_generation *zc_generations_get(struct zc_generations *generations)
{
    struct zc_generation *generation;

    zc_spinlock_lock(&generations->lock);
    generation = generations->current;
    zc_generation_ref(generation);
    zc_spinlock_unlock(&generations->lock);
    return generation;
}

void zc_generation_ref(struct zc_generation *generation)
{
    uint32_t before = zc_atomic_u32_add(&generation->references, 1);

    ZC_ASSERT(before > 0);
}

void zc_generation_put(struct zc_generations *generations,
                       struct zc_generation *generation)
{
    uint32_t before = zc_atomic_u32_add(&generation->references, UINT32_MAX);

    ZC_ASSERT(before > 0);
    if (before != 1)
        return;
    zc_spinlock_lock(&generations->lock);
    zc_atomic_pointer_store_release(&generations->table[generation->id], NULL);
    zc_spinlock_unlock(&generations->lock);
    destroy_generation(generation);
}

/* The lock analysis cannot follow a lock inside a returned struct. */
struct zc_context *zc_generation_lock_context(struct zc_generation *generation)
    ZC_NO_LOCK_ANALYSIS
{
    struct zc_context *context =
        &generation
             ->contexts[zc_processor_current() % generation->context_count];

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
        context = zc_generation_lock_context(generation);
        status = compressor->decompress(context->codec, data, size, page_out,
                                        generation->page_size);
        zc_generation_unlock_context(context);
    }
    return status == ZC_OK ? ZC_OK : ZC_CORRUPT;
}

unsigned zc_generations_count(const struct zc_generations *generations)
{
    unsigned count = 0;
    unsigned i;

    for (i = 0; i < ZC_GENERATIONS_MAX; i++)
        if (zc_generation_at(generations, (uint8_t)i) != NULL)
            count++;
    return count;
}

/* Resident bytes of a block of a context: all, once a page was processed;
 * before that the page where malloc() keeps its header. */
static size_t resident_of(const struct zc_context *context, size_t bytes)
{
    const size_t untouched = zc_pages_system_size();

    return context->is_used || bytes < untouched ? bytes : untouched;
}

static size_t generation_bytes(struct zc_generation *generation)
{
    const struct zc_compressor *compressor = generation->compressor;
    size_t bytes = zc_malloc_size(generation) +
                   zc_malloc_size(generation->contexts);
    struct zc_context *context;
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
        zc_spinlock_lock(&generations->lock);
        generation = zc_generation_at(generations, (uint8_t)i);
        if (generation != NULL && !try_ref(generation))
            generation = NULL;
        zc_spinlock_unlock(&generations->lock);
        if (generation == NULL)
            continue;
        bytes += generation_bytes(generation);
        zc_generation_put(generations, generation);
    }
    return bytes;
}
