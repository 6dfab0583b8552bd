/* SPDX-License-Identifier: MIT */
/*
 * test_accounting.c - what a cache says it takes, against what the kernel says
 * the process has.
 *
 * Each case is a child of its own, so that nothing of the one before is left.
 */
#include "support_cache.h"
#include "support_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGES 12800 /* 50 MiB */
#define SLACK (48 << 10)

struct account_case {
    enum support_over over;
    unsigned checksums;
};

/* Anonymous memory of this process, as the kernel counts it; in a machine that
 * swaps, some of it is out. */
static uint64_t anonymous_bytes(void)
{
    return support_smaps_bytes("Anonymous:") + support_smaps_bytes("Swap:");
}

static void check(bool holds, const char *what, uint64_t is, uint64_t wanted)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %" PRIu64 ", wanted %" PRIu64 "\n", what, is, wanted);
    abort();
}

static void store(struct zc_cache *cache, uint64_t first, uint64_t count)
{
    char page[4096];
    uint64_t i;

    for (i = first; i < first + count; i++) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, i);
        check(zc_cache_store(cache, support_slot(i), page) == ZC_OK, "store", i,
              i);
    }
}

/* Three of four pages go, in no order of storing; a tenth comes again. */
static void churn(struct zc_cache *cache)
{
    uint64_t i;

    for (i = 0; i < PAGES; i++)
        if (i * 7919 % PAGES % 4 != 0)
            (void)zc_cache_invalidate(cache, support_slot(i * 7919 % PAGES));
    check(zc_cache_compact(cache, NULL, NULL) == ZC_OK, "compact", 0, 0);
    store(cache, 0, PAGES / 10);
}

/* At most 48 bytes a page, and 8 for a sum.  The descriptors of zspages are in
 * that too, but in kernel placement those of two objects are as many. */
static void check_budget(const struct account_case *wanted,
                         const struct zc_cache_accounting *accounting)
{
    uint64_t budget = PAGES * (48 + 8 * (uint64_t)wanted->checksums);
    uint64_t bytes = accounting->metadata_bytes;

    if (wanted->over == SUPPORT_OVER_KERNEL)
        bytes = accounting->entry_bytes + accounting->tree_bytes +
                accounting->handle_bytes;
    check(bytes <= budget, "metadata", bytes, budget);
}

/* What the cache says, within 2 % of what the process has grown by; for caches
 * of a few pages, what malloc() has at hand counts too. */
static struct zc_cache_accounting check_growth(struct zc_cache *cache,
                                               uint64_t before,
                                               const char *when)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};
    uint64_t growth = anonymous_bytes() - before;
    uint64_t slack = growth / 50 + SLACK;

    check(zc_cache_account(cache, &accounting) == ZC_OK, "account", 0, 0);
    check(accounting.total_bytes + slack >= growth &&
              accounting.total_bytes <= growth + slack,
          when, accounting.total_bytes, growth);
    printf("%s: grown by %" PRIu64 " KiB, accounted %" PRIu64
           " KiB, ratio %.2f, metadata %.1f bytes per page\n",
           when, growth / 1024, accounting.total_bytes / 1024,
           4096.0 * (double)support_cache_stat(cache, stored_pages) /
               (double)accounting.payload_bytes,
           (double)accounting.metadata_bytes /
               (double)support_cache_stat(cache, stored_pages));
    return accounting;
}

static void be_measured(void *context)
{
    const struct account_case *wanted = context;
    struct zc_cache_options options = support_cache_options(wanted->over);
    struct zc_cache_accounting accounting;
    struct zc_cache *cache;
    uint64_t before;

    options.checksums = wanted->checksums;
    (void)anonymous_bytes(); /* its own buffers come first */
    before = anonymous_bytes();
    check(zc_cache_create(&options, &cache) == ZC_OK, "create", 0, 0);

    store(cache, 0, PAGES);
    accounting = check_growth(cache, before, "full");
    check_budget(wanted, &accounting);

    churn(cache);
    (void)check_growth(cache, before, "after churn");
    zc_cache_destroy(cache);
}

/* Runs in a child of its own, where there is something to compare with. */
static void run_child(void (*body)(void *context), void *context)
{
    if (SUPPORT_SANITIZED || anonymous_bytes() == 0)
        skip(); /* a sanitizer has memory of its own */
    support_run_child(body, context);
}

TEST(the_total_is_the_growth_over_every_placement)
{
    static struct account_case rows[] = {{SUPPORT_OVER_DENSE, 0},
                                         {SUPPORT_OVER_KERNEL, 0},
                                         {SUPPORT_OVER_DENSE, 1},
                                         {SUPPORT_OVER_AGES, 0}};
    unsigned i;

    for (i = 0; i < 4; i++)
        run_child(be_measured, &rows[i]);
}

/* ---- keys far apart, and what is made before it is used ---- */

#define LONE_PAGES 20000
#define IDLE_CONTEXTS 256

static struct zc_cache *begin_wide(uint64_t *before_out)
{
    struct zc_cache *cache;

    (void)anonymous_bytes();
    *before_out = anonymous_bytes();
    check(zc_cache_create(ZC_CACHE_OPTIONS(.slot_count = ZC_SLOT_COUNT_MAX,
                                           .context_count = 1),
                          &cache) == ZC_OK,
          "create", 0, 0);
    return cache;
}

/* Offsets as a hash gives them: each alone in its part of the tree. */
static void be_sparse(void *context)
{
    struct zc_cache_accounting accounting;
    struct zc_cache *cache;
    uint64_t before;
    char page[4096];
    uint64_t lone;
    uint64_t i;

    (void)context;
    cache = begin_wide(&before);
    for (i = 0; i < LONE_PAGES; i++) {
        support_make_page(page, sizeof(page), SUPPORT_TEXT, i);
        check(zc_cache_store(
                  cache, zc_swp_make(0, i * UINT64_C(0x9e3779b97f4a7c15) >> 24),
                  page) == ZC_OK,
              "store", i, i);
    }
    accounting = check_growth(cache, before, "keys far apart");
    /* The figure that zcache.h gives. */
    lone = accounting.tree_bytes / LONE_PAGES;
    check(lone > 5000 && lone <= 5800, "tree, a lone page", lone, 5800);
    check(zc_cache_invalidate_type(cache, 0) == ZC_OK, "invalidate", 0, 0);
    check(zc_cache_account(cache, &accounting) == ZC_OK, "account", 0, 0);
    /* As it says, too: leaves go, and what is above them stays. */
    lone = accounting.tree_bytes / LONE_PAGES;
    check(lone > 4500 && lone <= 5300, "tree, of no page", lone, 5300);
    zc_cache_destroy(cache);
}

/* A page of each type at its last slot: directories of a megabyte each, of
 * which one word is used. */
static void be_wide(void *context)
{
    struct zc_cache *cache;
    uint64_t before;
    char page[4096];
    unsigned type;

    (void)context;
    cache = begin_wide(&before);
    support_make_page(page, sizeof(page), SUPPORT_TEXT, 1);
    for (type = 0; type < ZC_SWP_TYPE_COUNT; type++)
        check(zc_cache_store(cache, zc_swp_make(type, ZC_SLOT_COUNT_MAX - 1),
                             page) == ZC_OK,
              "store", type, 0);
    (void)check_growth(cache, before, "one page of each type");
    zc_cache_destroy(cache);
}

/* Contexts for more processors than one thread uses; how much of each is
 * resident before its first page is known to so many bytes. */
struct idle_case {
    const char *compressor;
    uint64_t known_to;
};

static void be_idle(void *context)
{
    const struct idle_case *wanted = context;
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};
    struct zc_cache *cache;
    uint64_t before;
    uint64_t growth;
    uint64_t slack;

    (void)anonymous_bytes();
    before = anonymous_bytes();
    check(
        zc_cache_create(ZC_CACHE_OPTIONS(.context_count = IDLE_CONTEXTS,
                                         .compressor_name = wanted->compressor),
                        &cache) == ZC_OK,
        "create", 0, 0);
    store(cache, 0, 100);
    growth = anonymous_bytes() - before;
    slack = SLACK + IDLE_CONTEXTS * wanted->known_to;
    check(zc_cache_account(cache, &accounting) == ZC_OK, "account", 0, 0);
    check(accounting.total_bytes + slack >= growth &&
              accounting.total_bytes <= growth + slack,
          wanted->compressor, accounting.total_bytes, growth);
    zc_cache_destroy(cache);
}

TEST(the_total_is_the_growth_for_keys_far_apart)
{
    run_child(be_sparse, NULL);
}

TEST(the_total_is_the_growth_for_pages_of_all_types)
{
    run_child(be_wide, NULL);
}

TEST(the_total_is_the_growth_with_idle_contexts)
{
    struct idle_case wanted;
    unsigned i;

    for (i = 0; i < support_codec_count(); i++) {
        wanted.compressor = support_codec_name(i);
        wanted.known_to = strcmp(wanted.compressor, "zstd") == 0 ? 16 << 10 : 0;
        run_child(be_idle, &wanted);
    }
}
