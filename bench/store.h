/* SPDX-License-Identifier: MIT */
/*
 * store.h - one interface to stores of compressed pages, so that all go through
 * the same phases.
 *
 * Slots run from 0 to `slots` - 1, given at create.  One thread at a time.  If
 * a store fails, the process ends; the caller compares the pages.
 */
#ifndef ZCACHE_BENCH_STORE_H
#define ZCACHE_BENCH_STORE_H

#include "support.h"

/* What a store reports of itself; 0: not known. */
struct store_usage {
    uint64_t payload_bytes;
    uint64_t pool_bytes;     /* that hold the payload */
    uint64_t metadata_bytes; /* others, that grow with the pages */
};

struct store_ops {
    const char *name;

    /* NULL and a reason if this machine or build does not have it. */
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

/* RocksDB's CompressedSecondaryCache with lz4, if the build found it. */
extern const struct store_ops store_rocksdb;

/* The store of that name, or NULL. */
const struct store_ops *store_find(const char *name);

#endif
