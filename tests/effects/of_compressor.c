/* SPDX-License-Identifier: MIT */
/* of_compressor.c - what the fields of a compressor do, where they may vary. */
#include <stdlib.h>

#include "effects.h"
#include "spy.h"

/* A cache over the spy with one page stored. */
static struct zc_cache *begin(void)
{
    struct zc_cache *cache;

    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    cache = cache_of((struct zc_cache_options){
        .compressor_name = "spy", .context_count = 1, .no_same_filled = 1});
    store(cache, 0, page_same(42, ZC_PAGE_SIZE_MIN));
    MUST(comes_back(cache, 0, page_same(42, ZC_PAGE_SIZE_MIN)));
    return cache;
}

static uint64_t is_found_as(unsigned which)
{
    spy_compressor.name = which != 0 ? "spy-b" : "spy-a";
    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    return (uint64_t)((zc_compressor_find("spy-a") != NULL) +
                      2 * (zc_compressor_find("spy-b") != NULL));
}

static uint64_t decompressed_without_context(unsigned flags)
{
    spy_compressor.flags = flags;
    (void)begin();
    return spy.decompressed_without_context;
}

/* Levels from -20 to 20 that a cache takes. */
static uint64_t levels_taken(void)
{
    uint64_t taken = 0;

    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    for (int level = -20; level <= 20; level++) {
        struct zc_cache *cache;
        struct zc_cache_options options = {.struct_size = sizeof(options),
                                           .compressor_name = "spy",
                                           .compressor_level = level};

        if (level != ZC_LEVEL_DEFAULT &&
            zc_cache_create(&options, &cache) == ZC_OK)
            taken++;
    }
    return taken;
}

static uint64_t taken_from(unsigned level)
{
    spy_compressor.level_min = (int)level;
    return levels_taken();
}

static uint64_t taken_up_to(unsigned level)
{
    spy_compressor.level_max = (int)level;
    return levels_taken();
}

static uint64_t level_by_default(unsigned level)
{
    spy_compressor.level_default = (int)level;
    (void)begin();
    return spy.compress_level;
}

static uint64_t contexts_by_create(unsigned has)
{
    if (has == 0) {
        spy_compressor.context_create = NULL;
        spy_compressor.context_destroy = NULL;
        spy_compressor.context_size = NULL;
    }
    (void)begin();
    MUST(spy.decompressed_without_context == (has == 0));
    return spy.contexts_created;
}

static uint64_t contexts_ended(unsigned has)
{
    if (has == 0) {
        spy_compressor.context_create = NULL;
        spy_compressor.context_destroy = NULL;
    }
    zc_cache_destroy(begin());
    return spy.contexts_destroyed;
}

/* The spy says that each of its contexts has 12345678 bytes. */
static uint64_t bytes_counted(unsigned has)
{
    struct zc_cache_accounting sums = {.struct_size = sizeof(sums)};

    if (has == 0)
        spy_compressor.context_size = NULL;
    MUST_BE_OK(zc_cache_account(begin(), &sums));
    return sums.context_bytes >= 12345678;
}

#define COMPRESSOR(...) EFFECT(zc_compressor, __VA_ARGS__)

const struct effect effects_compressor[] = {
    COMPRESSOR(name, 0, 1, is_found_as, IS, 1, 2, "it is found by that name"),
    COMPRESSOR(flags, 0, ZC_COMPRESSOR_SHARED_DECOMPRESS,
               decompressed_without_context, IS, 0, 1,
               "decompress is called with no context"),
    COMPRESSOR(level_min, 1, 4, taken_from, IS, 9, 6, "4 to 9 are six levels"),
    COMPRESSOR(level_max, 9, 5, taken_up_to, IS, 9, 5,
               "1 to 5 are five levels"),
    COMPRESSOR(level_default, 2, 8, level_by_default, IS, 2, 8,
               "compress is called with it where no level is given"),
    COMPRESSOR(context_create, 0, 1, contexts_by_create, IS, 0, 1,
               "it is called once for one context"),
    COMPRESSOR(context_destroy, 0, 1, contexts_ended, IS, 0, 1,
               "as often as contexts were made"),
    COMPRESSOR(context_size, 0, 1, bytes_counted, IS, 0, 1,
               "the accounting has what it says"),
    EFFECTS_END};
