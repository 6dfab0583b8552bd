/* SPDX-License-Identifier: MIT */
/*
 * embed.c - a program with more pages than memory for them.
 *
 * It has 4000 pages of data and a limit for the compressed ones.  It stores
 * pages that it does not need now in the cache, takes them back when it needs
 * them, and keeps the pages that the cache refuses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/zcache.h>

#define PAGE_BYTES 4096u
#define PAGE_COUNT 4000u
#define LIMIT_BYTES (1u << 20)

/* A page as programs have them: a table of records, half of them empty. */
static void make_page(char *page, unsigned number)
{
    unsigned at;

    memset(page, 0, PAGE_BYTES);
    for (at = 0; at < PAGE_BYTES; at += 64)
        if ((at / 64 + number) % 2 == 0)
            (void)snprintf(page + at, 64, "page %u, record %u, value %u",
                           number, at / 64, (number * 2654435761u) >> at % 13);
}

static void fail(const char *what, zc_status status)
{
    fprintf(stderr, "%s: %s (%s)\n", what, zc_status_describe(status),
            zc_status_name(status));
    exit(EXIT_FAILURE);
}

/* Stores all pages; `kept` has those that the cache refuses. */
static unsigned store_all(struct zc_cache *cache, char **kept)
{
    char page[PAGE_BYTES];
    unsigned refused = 0;
    zc_status status;
    unsigned i;

    for (i = 0; i < PAGE_COUNT; i++) {
        make_page(page, i);
        status = zc_cache_store(cache, zc_swp_make(0, i), page);
        if (status == ZC_OK)
            continue;
        if (status != ZC_REJECTED)
            fail("store", status);
        kept[i] = malloc(PAGE_BYTES);
        if (kept[i] == NULL)
            fail("keep", ZC_NO_MEMORY);
        memcpy(kept[i], page, PAGE_BYTES);
        refused++;
    }
    return refused;
}

/* Every page is in the cache or in `kept`, unchanged. */
static void take_all(struct zc_cache *cache, char **kept)
{
    char wanted[PAGE_BYTES];
    char page[PAGE_BYTES];
    zc_status status;
    unsigned i;

    for (i = 0; i < PAGE_COUNT; i++) {
        make_page(wanted, i);
        status = zc_cache_take(cache, zc_swp_make(0, i), page);
        if (status == ZC_MISSING && kept[i] != NULL)
            memcpy(page, kept[i], PAGE_BYTES);
        else if (status != ZC_OK)
            fail("take", status);
        if (memcmp(page, wanted, PAGE_BYTES) != 0)
            fail("compare", ZC_CORRUPT);
        free(kept[i]);
    }
}

int main(void)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};
    static char *kept[PAGE_COUNT];
    struct zc_cache *cache;
    zc_status status;
    unsigned refused;

    status = zc_cache_create(
        ZC_CACHE_OPTIONS(.limit_bytes = LIMIT_BYTES, .compressor_name = "lz4"),
        &cache);
    if (status != ZC_OK)
        fail("create", status);

    refused = store_all(cache, kept);
    status = zc_cache_get_stats(cache, &stats);
    if (status != ZC_OK)
        fail("stats", status);
    printf("%llu pages of %u KiB in %llu KiB; %u refused at the limit of %u "
           "KiB\n",
           (unsigned long long)stats.stored_pages, PAGE_BYTES / 1024,
           (unsigned long long)stats.pool_total_size / 1024, refused,
           LIMIT_BYTES / 1024);
    if (stats.stored_pages * PAGE_BYTES < 2 * stats.pool_total_size)
        fail("at least two pages in the room of one", ZC_REJECTED);
    if (refused == 0 || stats.stored_pages + refused != PAGE_COUNT)
        fail("a limit that holds", ZC_OK);

    take_all(cache, kept);
    status = zc_cache_get_stats(cache, &stats);
    if (status != ZC_OK || stats.stored_pages != 0 ||
        stats.pool_total_size != 0)
        fail("an empty cache at the end", status);
    printf("all %u pages came back as they were\n", PAGE_COUNT);
    zc_cache_destroy(cache);
    return EXIT_SUCCESS;
}
