/* SPDX-License-Identifier: MIT */
/*
 * support_zcache.h - compressed memory without a front, as page I/O sees it.
 *
 * What asserts is for the main thread.
 */
#ifndef ZC_TESTS_SUPPORT_ZCACHE_H
#define ZC_TESTS_SUPPORT_ZCACHE_H

#include <stdlib.h>

#include "support_cache.h"
#include "zswap/zswap.h"

static inline struct zc_zcache *support_zcache_create(
    struct zc_cache_options options)
{
    struct zc_zcache *zcache = calloc(1, sizeof(*zcache));

    assert_non_null(zcache);
    options.struct_size = sizeof(options);
    assert_status(zc_zcache_check_options(&options), ZC_OK);
    assert_status(zc_zcache_init(zcache, &options), ZC_OK);
    return zcache;
}

/* Everything goes, and nothing of any is left. */
static inline void support_zcache_destroy(struct zc_zcache *zcache)
{
    zc_zcache_destroy(zcache);
    free(zcache);
}

static inline zc_status support_zcache_try(struct zc_zcache *zcache,
                                           uint64_t offset, unsigned owner,
                                           enum support_kind kind,
                                           uint64_t seed)
{
    char page[ZC_PAGE_SIZE_MAX];

    support_make_page(page, zcache->page_size, kind, seed);
    return zc_zcache_store(zcache, support_slot(offset), page, owner, false);
}

static inline void support_zcache_store(struct zc_zcache *zcache,
                                        uint64_t offset, unsigned owner,
                                        enum support_kind kind, uint64_t seed)
{
    assert_status(support_zcache_try(zcache, offset, owner, kind, seed), ZC_OK);
}

/* The entry of a slot; a name only. */
static inline struct zc_entry *support_zcache_peek(struct zc_zcache *zcache,
                                                   uint64_t offset)
{
    struct zc_entry *entry = zc_tree_get(&zcache->tree, support_slot(offset));

    if (entry != NULL)
        zc_entry_put(&zcache->entries, entry);
    return entry;
}

static inline uint64_t support_zcache_charged(const struct zc_zcache *zcache,
                                              unsigned owner)
{
    const struct zc_owner *record = zc_lru_find_owner(&zcache->lru, owner);

    return record == NULL ? 0 : zc_counter_read(&record->charged_bytes);
}

#endif
