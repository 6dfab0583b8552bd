/* SPDX-License-Identifier: MIT */
/*
 * custom_compressor.c - a compressor of your own, registered by name.
 *
 * "zeros" leaves out words that are zero: it writes a bitmap, then the words
 * that are not zero.  It needs no context, so decompression may run on any
 * number of threads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/zcache.h>

#define PAGE_BYTES 4096

static bool is_set(const unsigned char *bitmap, size_t bit)
{
    return (bitmap[bit / 8] >> bit % 8 & 1) != 0;
}

static zc_status zeros_compress(void *context, int level, const void *page,
                                size_t page_size, void *data_out,
                                size_t capacity, size_t *size_out)
{
    const size_t words = page_size / sizeof(uint64_t);
    unsigned char *bitmap = data_out;
    const char *in = page;
    char *out = data_out;
    size_t size = words / 8;
    uint64_t word;
    size_t i;

    (void)context;
    (void)level;
    if (capacity < size + page_size)
        return ZC_UNSUPPORTED;
    memset(bitmap, 0, size);
    for (i = 0; i < words; i++) {
        memcpy(&word, in + i * sizeof(word), sizeof(word));
        if (word == 0)
            continue;
        bitmap[i / 8] |= (unsigned char)(1u << i % 8);
        memcpy(out + size, &word, sizeof(word));
        size += sizeof(word);
    }
    *size_out = size;
    return ZC_OK;
}

/* Does not trust the data: it reads only inside, or returns ZC_CORRUPT. */
static zc_status zeros_decompress(void *context, const void *data, size_t size,
                                  void *page_out, size_t page_size)
{
    const size_t words = page_size / sizeof(uint64_t);
    const unsigned char *bitmap = data;
    const char *in = data;
    char *out = page_out;
    size_t at = words / 8;
    size_t i;

    (void)context;
    if (size < at)
        return ZC_CORRUPT;
    memset(page_out, 0, page_size);
    for (i = 0; i < words; i++) {
        if (!is_set(bitmap, i))
            continue;
        if (size - at < sizeof(uint64_t))
            return ZC_CORRUPT;
        memcpy(out + i * sizeof(uint64_t), in + at, sizeof(uint64_t));
        at += sizeof(uint64_t);
    }
    return at == size ? ZC_OK : ZC_CORRUPT;
}

/* Static, because the library keeps the pointer. */
static const struct zc_compressor zeros = {
    .struct_size = sizeof(zeros),
    .name = "zeros",
    .flags = ZC_COMPRESSOR_SHARED_DECOMPRESS,
    .compress = zeros_compress,
    .decompress = zeros_decompress,
};

static void expect(zc_status status, zc_status wanted, const char *what)
{
    if (status == wanted)
        return;
    fprintf(stderr, "%s: %s, not %s\n", what, zc_status_name(status),
            zc_status_name(wanted));
    exit(EXIT_FAILURE);
}

/* Every third word of the page is not zero. */
static void make_page(uint64_t *page, uint64_t number)
{
    size_t i;

    for (i = 0; i < PAGE_BYTES / sizeof(*page); i++)
        page[i] = i % 3 == 0 ? (number + 1) * 0x9e3779b97f4a7c15u + i : 0;
}

int main(void)
{
    uint64_t page[PAGE_BYTES / sizeof(uint64_t)];
    uint64_t back[PAGE_BYTES / sizeof(uint64_t)];
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    struct zc_cache *cache;
    uint64_t i;

    expect(zc_compressor_register(&zeros), ZC_OK, "register");
    expect(zc_compressor_register(&zeros), ZC_INVALID, "register it again");
    expect(
        zc_cache_create(ZC_CACHE_OPTIONS(.compressor_name = "zeros"), &cache),
        ZC_OK, "create");
    for (i = 0; i < 1000; i++) {
        make_page(page, i);
        expect(zc_cache_store(cache, zc_swp_make(0, i), page), ZC_OK, "store");
    }
    expect(zc_cache_get_stats(cache, &stats), ZC_OK, "stats");
    printf("1000 pages in %llu bytes each by \"%s\"\n",
           (unsigned long long)stats.payload_bytes / 1000, zeros.name);
    expect(stats.payload_bytes == UINT64_C(1000) * (64 + 171 * 8) ? ZC_OK
                                                                  : ZC_CORRUPT,
           ZC_OK, "64 bytes of bitmap and 171 words");

    /* Pages that it compressed stay readable after a change of compressor. */
    expect(zc_cache_set_compressor(cache, "copy", ZC_LEVEL_DEFAULT), ZC_OK,
           "change");
    for (i = 0; i < 1000; i++) {
        make_page(page, i);
        expect(zc_cache_load(cache, zc_swp_make(0, i), back), ZC_OK, "load");
        if (memcmp(page, back, sizeof(page)) != 0)
            expect(ZC_CORRUPT, ZC_OK, "compare");
    }
    printf("all came back as they were, after a change of compressor too\n");
    zc_cache_destroy(cache);
    return EXIT_SUCCESS;
}
