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

/* What one processor compresses with, one user at a time. */
struct zc_context {
    struct zc_mutex lock;
    void *codec;  /* [lock] the compressor's own; NULL if it needs none */
    char *buffer; /* [lock] ZC_PREFIX_BYTES_MAX, and two pages */
    bool is_used; /* [lock] its memory was touched, so it is resident */
};

/* Most bytes in front of a compressed page in its object. */
#define ZC_PREFIX_BYTES_MAX 8

struct zc_generation {
    const struct zc_compressor *compressor;
    int level;
    size_t page_size;
    /* 1 for being current, 1 per entry, 1 per store in flight. */
    zc_atomic_u32 references;
    uint8_t id;
    unsigned context_count;
    struct zc_context *contexts;
};

/* The generations of one cache. */
struct zc_generations {
    struct zc_mutex change; /* one change of compressor at a time */
    struct zc_spinlock lock;
    struct zc_generation *current; /* [lock] */
    /* By id.  [lock] to write, released.  A thread with a reference to a
     * generation reads its place without the lock; that acquire pairs with the
     * release. */
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

/* The current generation, with a reference for the caller. */
struct zc_generation *zc_generations_get(struct zc_generations *generations);

/* One more reference; the caller has one. */
void zc_generation_ref(struct zc_generation *generation);

/* Drops a reference; the last put frees the generation.  May block. */
void zc_generation_put(struct zc_generations *generations,
                       struct zc_generation *generation);

/* The generation of that id, or NULL.  To use it the caller holds a reference
 * to it, or takes one under the lock. */
static inline struct zc_generation *zc_generation_at(
    const struct zc_generations *generations, uint8_t id)
{
    return zc_atomic_pointer_load_acquire(&generations->table[id]);
}

/* A context for this processor, locked.  The caller holds a reference. */
struct zc_context *zc_generation_lock_context(struct zc_generation *generation);
void zc_generation_unlock_context(struct zc_context *context);

/* Decompresses one object into a page; takes a context if it needs one. */
zc_status zc_generation_decompress(struct zc_generation *generation,
                                   const void *data, size_t size,
                                   void *page_out);

/* Generations in use, and the bytes of their contexts and buffers. */
unsigned zc_generations_count(const struct zc_generations *generations);
size_t zc_generations_bytes(struct zc_generations *generations);

#endif
