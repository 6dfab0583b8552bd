/* SPDX-License-Identifier: MIT */
/*
 * spill.c - more pages than memory: a cache that writes cold pages to a file,
 * and a device of one's own that is turned off again with every page handed
 * back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/swap.h>
#include <zcache/zcache.h>

#define PAGE 4096
#define PAGES 2000

static void make_page(char *page, uint64_t number)
{
    size_t i;

    /* Half of it is hard to compress. */
    memset(page, (int)(number & 0x7f), PAGE);
    for (i = 0; i < PAGE / 2; i++)
        page[i] = (char)rand();
    memcpy(page, &number, sizeof(number));
}

static int is_page(const char *page, uint64_t number)
{
    return memcmp(page, &number, sizeof(number)) == 0;
}

/* A device of one's own: an array of pages. */
static zc_status array_open(const struct zc_backing_config *config,
                            void **backing_out)
{
    *backing_out = calloc((size_t)config->slot_count, config->page_size);
    return *backing_out == NULL ? ZC_NO_MEMORY : ZC_OK;
}

static zc_status array_write(void *backing, uint64_t slot, const void *page)
{
    memcpy((char *)backing + slot * PAGE, page, PAGE);
    return ZC_OK;
}

static zc_status array_read(void *backing, uint64_t slot, void *page_out)
{
    memcpy(page_out, (char *)backing + slot * PAGE, PAGE);
    return ZC_OK;
}

static const struct zc_backing_ops array = {
    .struct_size = sizeof(array),
    .name = "array",
    .open = array_open,
    .close = free,
    .write = array_write,
    .read = array_read,
};

/* Swapoff hands every page over. */
static zc_status receive(void *context, zc_swp slot, const void *page)
{
    unsigned *count = context;

    if (!is_page(page, zc_swp_offset(slot)))
        return ZC_CORRUPT;
    (*count)++;
    return ZC_OK;
}

/* Stores the pages of a type and reads some back; 0: all well. */
static int use(struct zc_cache *cache, unsigned type)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};
    char page[PAGE];
    uint64_t i;

    for (i = 0; i < PAGES; i++) {
        make_page(page, i);
        if (zc_cache_store(cache, zc_swp_make(type, i), page) != ZC_OK)
            return 1;
    }
    for (i = 0; i < PAGES; i += 10)
        if (zc_cache_load(cache, zc_swp_make(type, i), page) != ZC_OK ||
            !is_page(page, i))
            return 1;
    if (zc_swap_get_stats(cache, type, &stats) != ZC_OK)
        return 1;
    printf("type %u: %llu pages in use, %llu written, %llu read\n", type,
           (unsigned long long)stats.slots_used,
           (unsigned long long)stats.pages_written,
           (unsigned long long)stats.pages_read);
    return stats.pages_written == 0;
}

int main(void)
{
    struct zc_cache *cache;
    unsigned received = 0;
    unsigned type;
    int failed;

    /* Type 0 on a file, two threads for its writes. */
    if (zc_cache_create(ZC_CACHE_OPTIONS(.limit_bytes = 1 << 20,
                                         .backing_path = "zcache-spill.swap",
                                         .io_workers = 2),
                        &cache) != ZC_OK)
        return EXIT_FAILURE;
    /* The next type on a device of our own. */
    failed =
        zc_swap_on(cache,
                   ZC_SWAP_OPTIONS(.backing_ops = &array, .slot_count = PAGES),
                   &type) != ZC_OK ||
        use(cache, 0) || use(cache, type) ||
        zc_swap_off(cache, type, receive, &received) != ZC_OK ||
        received != PAGES;
    printf("handed back: %u pages\n", received);
    zc_cache_destroy(cache);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
