/* SPDX-License-Identifier: MIT */
/* resident.c - see resident.h. */
#include "resident.h"

#include <string.h>
#include <zcache/compressor.h>

/* The source of the last decompression while `listens` is set; one thread at a
 * time. */
static bool listens;
static struct resident_object heard;
static struct zc_compressor listening;
static zc_status (*decompress)(void *context, const void *data, size_t size,
                               void *page_out, size_t page_size);

static zc_status listening_decompress(void *context, const void *data,
                                      size_t size, void *page_out,
                                      size_t page_size)
{
    if (listens)
        heard = (struct resident_object){.data = data, .size = size};
    return decompress(context, data, size, page_out, page_size);
}

/* The name of the listening codec; the first call registers it. */
static const char *listening_codec(void)
{
    const struct zc_compressor *lz4 = zc_compressor_find("lz4");

    if (listening.name != NULL)
        return listening.name;
    if (lz4 == NULL)
        die("a library without lz4");
    decompress = lz4->decompress;
    listening = *lz4;
    listening.name = "lz4-heard";
    listening.decompress = listening_decompress;
    must(zc_compressor_register(&listening), "zc_compressor_register");
    return listening.name;
}

uint32_t resident_choose_pages(const struct corpus *corpus,
                               uint32_t **pages_out)
{
    uint32_t *pages = map_memory(corpus->count * sizeof(*pages));
    uint32_t count = 0;
    uint32_t i;

    for (i = 0; i < corpus->count; i++) {
        if (!page_is_same_filled(corpus_page(corpus, i)))
            pages[count++] = i;
    }
    if (count == 0)
        die("every page is same-filled");
    *pages_out = pages;
    return count;
}

void resident_fill(struct resident *resident, unsigned placement,
                   const struct corpus *corpus, const uint32_t *pages,
                   uint32_t page_count, uint32_t slots)
{
    uint32_t slot;

    *resident = (struct resident){.corpus = corpus,
                                  .pages = pages,
                                  .page_count = page_count,
                                  .count = slots};
    must(zc_cache_create(ZC_CACHE_OPTIONS(.placement = placement,
                                          .compressor_name = listening_codec()),
                         &resident->cache),
         "zc_cache_create");
    for (slot = 0; slot < slots; slot++)
        must(zc_cache_store(resident->cache, zc_swp_make(0, slot),
                            corpus_page(corpus, pages[slot % page_count])),
             "zc_cache_store");
}

void resident_destroy(struct resident *resident)
{
    zc_cache_destroy(resident->cache);
}

struct resident_object resident_find(const struct resident *resident,
                                     uint32_t slot)
{
    static unsigned char page[PAGE_BYTES];

    heard = (struct resident_object){
        .data = corpus_page(resident->corpus,
                            resident->pages[slot % resident->page_count]),
        .size = PAGE_BYTES};
    listens = true;
    must(zc_cache_load(resident->cache, zc_swp_make(0, slot), page),
         "zc_cache_load");
    listens = false;
    return heard;
}

unsigned placement_named(const char *name)
{
    unsigned i;

    if (name == NULL)
        return ZC_PLACEMENT_DENSE;
    for (i = 1; zc_placement_name(i) != NULL; i++)
        if (strcmp(zc_placement_name(i), name) == 0)
            return i;
    die("\"%s\" is no placement", name);
}
