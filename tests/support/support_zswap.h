/* SPDX-License-Identifier: MIT */
/*
 * support_zswap.h - compressed memory without a cache above it, as page I/O
 * sees it.
 *
 * Functions that assert are for the main thread.
 */
#ifndef ZC_TESTS_SUPPORT_ZCACHE_H
#define ZC_TESTS_SUPPORT_ZCACHE_H

#include <stdlib.h>

#include "support_cache.h"
#include "zswap.h"

static inline struct zc_zswap *support_zswap_create(
    struct zc_cache_options options)
{
    struct zc_zswap *zswap = calloc(1, sizeof(*zswap));

    assert_non_null(zswap);
    options.struct_size = sizeof(options);
    assert_status(zc_zswap_check_options(&options), ZC_OK);
    assert_status(zc_zswap_init(zswap, &options), ZC_OK);
    return zswap;
}

/* Drops all pages; asserts that nothing is left. */
static inline void support_zswap_destroy(struct zc_zswap *zswap)
{
    zc_zswap_destroy(zswap);
    free(zswap);
}

static inline zc_status support_zswap_try(struct zc_zswap *zswap,
                                          uint64_t offset, unsigned owner,
                                          enum support_kind kind, uint64_t seed)
{
    char page[ZC_PAGE_SIZE_MAX];

    support_make_page(page, zswap->page_size, kind, seed);
    return zc_zswap_store(zswap, support_slot(offset), page, owner, false);
}

static inline void support_zswap_store(struct zc_zswap *zswap, uint64_t offset,
                                       unsigned owner, enum support_kind kind,
                                       uint64_t seed)
{
    assert_status(support_zswap_try(zswap, offset, owner, kind, seed), ZC_OK);
}

/* The entry of a slot, without a reference: only to compare. */
static inline struct zc_entry *support_zswap_peek(struct zc_zswap *zswap,
                                                  uint64_t offset)
{
    struct zc_entry *entry = zc_tree_get(&zswap->tree, support_slot(offset));

    if (entry != NULL)
        zc_entry_put(&zswap->entries, entry);
    return entry;
}

/* The handle of its object. */
static inline zc_handle support_zswap_handle(struct zc_zswap *zswap,
                                             uint64_t offset)
{
    return zc_entry_handle(&zswap->entries, support_zswap_peek(zswap, offset));
}

static inline uint64_t support_zswap_charged(const struct zc_zswap *zswap,
                                             unsigned owner)
{
    const struct zc_owner *record = zc_lru_find_owner(&zswap->lru, owner);

    return record == NULL ? 0 : zc_counter_read(&record->charged_bytes);
}

#endif
