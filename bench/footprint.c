/* SPDX-License-Identifier: MIT */
/*
 * footprint.c - figures that depend only on the code: the metadata of a stored
 * page at dense keys, without and with an LRU, and the pool pages of an object
 * that does not compress.  The pages are generated.
 */
#include <zcache/zcache.h>

#include "json.h"
#include "options.h"
#include "resident.h"

static struct corpus corpus;

/* After `count` pages in the slots 0 to count - 1; `random` means that they are
 * pages of random bytes. */
static struct zc_cache_accounting account(unsigned placement, unsigned lru_mode,
                                          const uint32_t *pages, uint32_t count,
                                          bool random)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};
    uint64_t page[PAGE_BYTES / sizeof(uint64_t)];
    struct zc_cache *cache;
    uint64_t state = 1;
    uint32_t slot;
    unsigned i;

    must(zc_cache_create(ZC_CACHE_OPTIONS(.placement = placement,
                                          .compressor_name = "lz4",
                                          .lru_mode = lru_mode),
                         &cache),
         "zc_cache_create");
    for (slot = 0; slot < count; slot++) {
        for (i = 0; random && i < sizeof(page) / sizeof(page[0]); i++)
            page[i] = random_next(&state);
        must(zc_cache_store(cache, zc_swp_make(0, slot),
                            random ? (const void *)page
                                   : corpus_page(&corpus, pages[slot])),
             "zc_cache_store");
    }
    must(zc_cache_account(cache, &accounting), "zc_cache_account");
    zc_cache_destroy(cache);
    return accounting;
}

int main(int argc, char **argv)
{
    struct bench_options options = {.generated = 90000, .backend = "dense"};
    struct json json = {.file = NULL};
    struct zc_cache_accounting made;
    unsigned placement;
    uint32_t *pages;
    uint32_t count;

    options_read(&options, argc, argv,
                 "usage: bench_footprint [OPTION]...\n"
                 "Bytes beside the payload; --backend dense or kernel.");
    placement = placement_named(options.backend);
    options_open_corpus(&options, &corpus);
    count = resident_choose_pages(&corpus, &pages);
    json_begin(&json, NULL);
    json_text(&json, "placement", options.backend);
    json_number(&json, "pages", count);
    made = account(placement, ZC_LRU_NONE, pages, count, false);
    json_real(&json, "metadata", (double)made.metadata_bytes / count);
    made = account(placement, ZC_LRU_ENTRY, pages, count, false);
    json_real(&json, "metadata_lru", (double)made.metadata_bytes / count);
    count = count / 4 + 1;
    made = account(placement, ZC_LRU_NONE, NULL, count, true);
    json_real(&json, "raw_pages", (double)made.pool_bytes / PAGE_BYTES / count);
    json_end(&json);
    return 0;
}
