/* SPDX-License-Identifier: MIT */
/*
 * store.h - something that keeps compressed pages, under one interface, so that
 * all of them can be led through the same phases.
 *
 * Slots run from 0 to the `slots` given at create.  One thread at a time.  What
 * a store cannot do ends the process; a page that does not come back as it was
 * is the caller's to see.
 */
#ifndef ZCACHE_BENCH_STORE_H
#define ZCACHE_BENCH_STORE_H

#include "support.h"

/* What a store says of itself; 0 where it does not know. */
struct store_usage {
    uint64_t payload_bytes;
    uint64_t pool_bytes;     /* that hold the payload */
    uint64_t metadata_bytes; /* beside them, that grow with the pages */
};

struct store_ops {
    const char *name;

    /* NULL and a reason where it cannot be had here. */
    void *(*create)(uint32_t slots, const char **why_out);
    void (*destroy)(void *store);

    void (*put)(void *store, uint32_t slot, const void *page);
    bool (*get)(void *store, uint32_t slot, void *page_out);
    void (*forget)(void *store, uint32_t slot);
    bool (*compact)(void *store); /* NULL: it cannot */
    void (*usage)(void *store, struct store_usage *usage_out);
};

/* Ours: placement dense and kernel, lz4. */
extern const struct store_ops store_dense;
extern const struct store_ops store_kernel;

/* Compress, malloc, copy: with whatever malloc the process has. */
extern const struct store_ops store_malloc;

/* The kernel's zram with lz4, through O_DIRECT. */
extern const struct store_ops store_zram;

/* RocksDB's CompressedSecondaryCache with lz4, where it was found. */
extern const struct store_ops store_rocksdb;

/* The store of that name, or NULL. */
const struct store_ops *store_find(const char *name);

#endif
