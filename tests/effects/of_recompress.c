/* SPDX-License-Identifier: MIT */
/* of_recompress.c - what the options of a recompression and the clock of ages
 * do. */
#include <lz4.h>
#include <string.h>
#if ZC_WITH_ZSTD
#include <zstd.h>
#endif

#include "effects.h"
#include "spy.h"

#define PAGE ((int)ZC_PAGE_SIZE_MIN)
#define OLD 30 /* pages of owner 1 */
#define NEW 10 /* of owner 2, stored 100 seconds later */

static const char *const codecs[] = {"lz4", "zstd", NULL};

enum {
    BY_LZ4,
    BY_ZSTD,
    BY_CURRENT
};

static struct zc_cache *cache_of_copies(struct zc_cache_options options)
{
    options.compressor_name = "copy";
    options.pool_ops = &spy_pool;
    options.lru_mode = ZC_LRU_ENTRY;
    return cache_of(options);
}

static void recompress(struct zc_cache *cache,
                       struct zc_recompress_options options)
{
    options.struct_size = sizeof(options);
    MUST_BE_OK(zc_cache_recompress(cache, &options, NULL));
}

/* Which of the libraries makes the page of what was put into the pool. */
static uint64_t codec_of_object(unsigned codec)
{
    struct zc_cache *cache = cache_of_copies((struct zc_cache_options){0});
    static char bytes[ZC_PAGE_SIZE_MIN];

#if !ZC_WITH_ZSTD
    if (codec == BY_ZSTD)
        effect_skip("zstd is not built in");
#endif
    store(cache, 0, page_text(1));
    MUST(spy.pool_puts == 1 && spy.object_size == (size_t)PAGE);
    recompress(cache, (struct zc_recompress_options){
                          .compressor_name = codecs[codec]});
    if (spy.pool_puts == 1)
        return BY_CURRENT; /* the page is as it was */
    if (LZ4_decompress_safe((const char *)spy.object, bytes,
                            (int)spy.object_size, PAGE) == PAGE &&
        memcmp(bytes, page_text(1), sizeof(bytes)) == 0)
        return BY_LZ4;
#if ZC_WITH_ZSTD
    MUST(ZSTD_decompress(bytes, sizeof(bytes), spy.object, spy.object_size) ==
             sizeof(bytes) &&
         memcmp(bytes, page_text(1), sizeof(bytes)) == 0);
#endif
    return BY_ZSTD;
}

static uint64_t level_used(unsigned level)
{
    struct zc_cache *cache = cache_of_copies((struct zc_cache_options){0});

    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    store(cache, 0, page_text(0));
    recompress(cache,
               (struct zc_recompress_options){.compressor_name = "spy",
                                              .compressor_level = (int)level});
    return spy.compress_level;
}

/* Objects put into the pool by a recompression of old and new pages. */
static uint64_t put_again(struct zc_recompress_options options)
{
    struct zc_cache *cache;
    uint64_t i;

    effect_clock_begin(0);
    cache = cache_of_copies((struct zc_cache_options){0});
    for (i = 0; i < OLD + NEW; i++) {
        if (i == OLD)
            effect_clock_move(UINT64_C(100000000000));
        MUST_BE_OK(zc_cache_store_for(cache, i < OLD ? 1 : 2, zc_swp_make(0, i),
                                      page_text(i)));
    }
    options.compressor_name = "lz4";
    recompress(cache, options);
    return spy.pool_puts - (OLD + NEW);
}

static uint64_t put_of_age(unsigned seconds)
{
    return put_again(
        (struct zc_recompress_options){.min_age_seconds = seconds});
}

static uint64_t put_in_budget(unsigned pages)
{
    return put_again((struct zc_recompress_options){.budget_pages = pages});
}

static uint64_t put_of_one_owner(unsigned one_owner)
{
    return put_again(
        (struct zc_recompress_options){.one_owner = one_owner, .owner = 2});
}

static uint64_t put_of_that_owner(unsigned owner)
{
    return put_again(
        (struct zc_recompress_options){.one_owner = 1, .owner = owner});
}

/* "lz4" makes noise no smaller; "spy" makes 100 bytes of anything. */
static uint64_t put_after_a_failure(unsigned retry)
{
    struct zc_cache *cache = cache_of_copies((struct zc_cache_options){0});

    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    store(cache, 0, page_noise(1));
    recompress(cache, (struct zc_recompress_options){.compressor_name = "lz4"});
    MUST(spy.pool_puts == 1);
    recompress(cache, (struct zc_recompress_options){.compressor_name = "spy",
                                                     .retry = retry});
    return spy.pool_puts - 1;
}

/* --- the clock of ages ----------------------------------------------- */

static uint32_t clocks[2];

static uint32_t read_clock(void *user)
{
    return *(const uint32_t *)user;
}

/* Pages put again that are 50 old, after one of two clocks went on by 50 and
 * the system's by none. */
static uint64_t put_by_clock(bool has_clock, unsigned clock)
{
    struct zc_cache *cache;

    effect_clock_begin(0);
    cache = cache_of_copies((struct zc_cache_options){
        .clock = has_clock ? read_clock : NULL, .clock_user = &clocks[clock]});
    store_texts(cache, 0, OLD);
    clocks[1] += 50;
    recompress(cache, (struct zc_recompress_options){.compressor_name = "lz4",
                                                     .min_age_seconds = 50});
    return spy.pool_puts - OLD;
}

static uint64_t put_with_clock(unsigned has_clock)
{
    return put_by_clock(has_clock != 0, 1);
}

static uint64_t put_with_user(unsigned user)
{
    return put_by_clock(true, user);
}

#define CACHE(...) EFFECT(zc_cache_options, __VA_ARGS__)
#define RECOMPRESS(...) EFFECT(zc_recompress_options, __VA_ARGS__)

const struct effect effects_recompress[] = {
    CACHE(clock, 0, 1, put_with_clock, IS, 0, OLD,
          "the pages are 50 old by that clock, and 0 by the system's"),
    CACHE(clock_user, 0, 1, put_with_user, IS, 0, OLD,
          "the clock is handed it, and reads one of two numbers"),
    RECOMPRESS(compressor_name, BY_LZ4, BY_ZSTD, codec_of_object, IS, BY_LZ4,
               BY_ZSTD, "that library itself decodes the object"),
    RECOMPRESS(compressor_name, BY_LZ4, BY_CURRENT, codec_of_object, IS, BY_LZ4,
               BY_CURRENT, "NULL is the current one, which was tried"),
    RECOMPRESS(compressor_level, 2, 7, level_used, IS, 2, 7,
               "the compressor is called with it"),
    RECOMPRESS(compressor_level, 0, 7, level_used, IS, 5, 7,
               "0 means the compressor's own"),
    RECOMPRESS(min_age_seconds, 0, 50, put_of_age, IS, OLD + NEW, OLD,
               "pages stored just now stay"),
    RECOMPRESS(budget_pages, 0, 7, put_in_budget, IS, OLD + NEW, 7,
               "so many pages are compressed"),
    RECOMPRESS(one_owner, 0, 1, put_of_one_owner, IS, OLD + NEW, NEW,
               "only pages of owner 2"),
    RECOMPRESS(owner, 1, 2, put_of_that_owner, IS, OLD, NEW,
               "only pages of that owner"),
    RECOMPRESS(retry, 0, 1, put_after_a_failure, IS, 0, 1,
               "the page that lz4 could not make smaller is tried again"),
    EFFECTS_END};
