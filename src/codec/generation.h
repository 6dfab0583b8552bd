/* SPDX-License-Identifier: MIT */
/*
 * generation.h - a compressor with its level and contexts, kept while anything
 * that it compressed is stored.
 */
#ifndef ZC_CODEC_GENERATION_H
#define ZC_CODEC_GENERATION_H

#include <zcache/compressor.h>

#include "platform/atomic.h"
#include "platform/lock.h"
#include "platform/memory.h"

/*
 * What one processor compresses with, one user at a time; and the references
 * that were counted there.
 */
struct zc_context {
    struct zc_mutex lock;
    /* Twice the references that threads took on this processor, less those that
     * they dropped on it, modulo 2^31; and CLOSED (codec/generation.c). */
    zc_atomic_u32 references;
    bool is_used; /* [lock] its memory was touched, so it is resident */
    void *codec;  /* [lock] the compressor's own; NULL if it needs none */
    char *buffer; /* [lock] ZC_PREFIX_BYTES_MAX, and two pages */
    char apart[ZC_CACHE_LINE]; /* no line of it is in the next one, too */
};

/* Most bytes in front of a compressed page in its object. */
#define ZC_PREFIX_BYTES_MAX 8

/* A struct is used again for another generation, but not freed before its
 * cache: a thread with an old pointer may count on it. */
struct zc_generation {
    const struct zc_compressor *compressor;
    int level;
    size_t page_size;
    /* 1 for being current, 1 per entry, 1 per store in flight: those that the
     * contexts do not count.  0: it ends, or has ended. */
    zc_atomic_u32 references;
    zc_atomic_u32 has_ended; /* its contexts are freed: the struct is free */
    uint8_t id;
    unsigned context_count;
    struct zc_context *contexts;
};

/* The generations of one cache. */
struct zc_generations {
    struct zc_mutex change; /* one change of compressor at a time */
    /* [change] to write, released; pairs with the acquire of each store. */
    zc_atomic_pointer current;
    /* By id.  [change] to write, released; pairs with the acquire in
     * zc_generation_at(). */
    zc_atomic_pointer table[ZC_GENERATIONS_MAX];
    size_t page_size;
    unsigned context_count;
};

/* Makes the first generation, which is current.  ZC_UNSUPPORTED: no such
 * compressor; ZC_INVALID: it has no such level; ZC_NO_MEMORY. */
zc_status zc_generations_init(struct zc_generations *generations,
                              size_t page_size, unsigned context_count,
                              const char *name, int level);

/* Frees all, whatever references are left: no other thread uses one. */
void zc_generations_destroy(struct zc_generations *generations);

/* Stores from now on use this compressor; zc_cache_set_compressor(). */
zc_status zc_generations_change(struct zc_generations *generations,
                                const char *name, int level);

/*
 * The generation of these settings, made if there is none; it need not be
 * current.  The caller gets a reference.  NULL and ZC_LEVEL_DEFAULT: the
 * settings that are current.  As zc_cache_set_compressor().
 */
zc_status zc_generations_find(struct zc_generations *generations,
                              const char *name, int level,
                              struct zc_generation **generation_out);

/* One more reference, for a caller that has one. */
void zc_generation_get(struct zc_generation *generation, unsigned processor);

/*
 * The current generation, with a reference for the caller.  Here and below
 * `processor` is zc_processor_current(), or was a moment ago.
 */
struct zc_generation *zc_generations_get(struct zc_generations *generations,
                                         unsigned processor);

/* Drops a reference; the last put ends the generation.  May block. */
void zc_generation_put(struct zc_generation *generation, unsigned processor);

/* The generation of that id, or NULL.  To use it the caller holds a reference
 * to it. */
static inline struct zc_generation *zc_generation_at(
    const struct zc_generations *generations, uint8_t id)
{
    return zc_atomic_pointer_load_acquire(&generations->table[id]);
}

/* A context for this processor, locked.  The caller holds a reference. */
struct zc_context *zc_generation_lock_context(struct zc_generation *generation,
                                              unsigned processor);
void zc_generation_unlock_context(struct zc_context *context);

/* Decompresses one object into a page; takes a context if it needs one. */
zc_status zc_generation_decompress(struct zc_generation *generation,
                                   const void *data, size_t size,
                                   void *page_out);

/* Generations in use, and the bytes of their contexts and buffers. */
unsigned zc_generations_count(const struct zc_generations *generations);
size_t zc_generations_bytes(struct zc_generations *generations);

#endif
