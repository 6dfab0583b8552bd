/* SPDX-License-Identifier: MIT */
/*
 * tenants.c - one cache for several tenants, each with a limit of its own.
 *
 * Every tenant is an owner with its own range of slots.  One has a limit: its
 * own cold pages go to the file when it stores too many.  The pages of the
 * other never leave memory.  The program writes back the pages of one owner,
 * and forgets the pages of a tenant that ends in one call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/swap.h>
#include <zcache/zcache.h>

#define PAGE_BYTES 4096u
#define TENANT_PAGES UINT64_C(1000) /* and slots of each */

enum tenant {
    TENANT_LIMITED,  /* 256 KiB of objects */
    TENANT_RESIDENT, /* never written to the file */
    TENANTS
};

static void must(zc_status status, const char *what)
{
    if (status == ZC_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, zc_status_describe(status));
    exit(EXIT_FAILURE);
}

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "it does not hold: %s\n", what);
    exit(EXIT_FAILURE);
}

static zc_swp slot_of(enum tenant tenant, unsigned number)
{
    return zc_swp_make(0, tenant * TENANT_PAGES + number);
}

/* Half of the page does not compress. */
static void make_page(enum tenant tenant, unsigned number, unsigned char *page)
{
    uint64_t state = (uint64_t)tenant << 32 | (number + 1);
    unsigned i;

    memset(page, (int)tenant + 1, PAGE_BYTES);
    for (i = 0; i < PAGE_BYTES / 2; i++) {
        state = state * UINT64_C(6364136223846793005) + 1;
        page[i] = (unsigned char)(state >> 56);
    }
}

static struct zc_cache *make_cache(void)
{
    /* The file takes its space at once: no later write finds a full disk. */
    struct zc_backing_file file = {
        .struct_size = sizeof(file), .path = ".", .preallocate = 1};
    struct zc_cache *cache;
    unsigned type;

    must(zc_cache_create(ZC_CACHE_OPTIONS(.slot_count = TENANTS * TENANT_PAGES,
                                          .lru_mode = ZC_LRU_ENTRY,
                                          .checksums = 1, .writes_max = 8),
                         &cache),
         "a cache");
    must(zc_swap_on(cache,
                    ZC_SWAP_OPTIONS(.backing_ops = &zc_backing_file,
                                    .backing_user = &file),
                    &type),
         "a file in this directory");
    return cache;
}

static void set_owners(struct zc_cache *cache)
{
    struct zc_owner_options options = {.struct_size = sizeof(options),
                                       .limit_bytes = 256 << 10};

    must(zc_cache_set_owner(cache, TENANT_LIMITED, &options), "a limit");
    options.limit_bytes = 0;
    options.no_writeback = 1;
    must(zc_cache_set_owner(cache, TENANT_RESIDENT, &options), "residence");
}

static struct zc_cache_stats stats_of(const struct zc_cache *cache)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    must(zc_cache_get_stats(cache, &stats), "statistics");
    return stats;
}

static void store_all(struct zc_cache *cache, enum tenant tenant)
{
    unsigned char page[PAGE_BYTES];
    unsigned i;

    for (i = 0; i < TENANT_PAGES; i++) {
        make_page(tenant, i, page);
        must(zc_cache_store_for(cache, tenant, slot_of(tenant, i), page),
             "a store");
    }
}

static void check_all(struct zc_cache *cache, enum tenant tenant)
{
    unsigned char page[PAGE_BYTES];
    unsigned char loaded[PAGE_BYTES];
    unsigned i;

    for (i = 0; i < TENANT_PAGES; i++) {
        make_page(tenant, i, page);
        must(zc_cache_load(cache, slot_of(tenant, i), loaded), "a load");
        expect(memcmp(page, loaded, PAGE_BYTES) == 0, "a page is the same");
    }
}

int main(void)
{
    const struct zc_writeback_options rest = {
        .struct_size = sizeof(rest), .one_owner = 1, .owner = TENANT_LIMITED};
    struct zc_cache *cache = make_cache();
    struct zc_cache_stats stats;
    unsigned char page[PAGE_BYTES];
    size_t bytes;

    set_owners(cache);
    store_all(cache, TENANT_LIMITED);
    stats = stats_of(cache);
    printf("limited:  %llu pages in memory, %llu written to the file\n",
           (unsigned long long)stats.stored_pages,
           (unsigned long long)stats.zswpwb);
    expect(stats.payload_bytes <= (256 << 10) + PAGE_BYTES, "its limit holds");

    store_all(cache, TENANT_RESIDENT);
    must(zc_cache_writeback(cache, &rest, &bytes), "writeback of one owner");
    stats = stats_of(cache);
    printf("resident: %llu pages in memory, %zu KiB of the other written\n",
           (unsigned long long)stats.stored_pages, bytes / 1024);
    expect(stats.stored_pages == TENANT_PAGES, "nothing else was written");
    check_all(cache, TENANT_LIMITED);
    check_all(cache, TENANT_RESIDENT);

    /* One tenant ends, and the other gets less memory. */
    must(zc_cache_invalidate_range(cache, slot_of(TENANT_LIMITED, 0),
                                   TENANT_PAGES),
         "an end");
    expect(zc_cache_load(cache, slot_of(TENANT_LIMITED, 7), page) == ZC_MISSING,
           "its pages are gone");
    must(zc_cache_set_limit(cache, 1 << 20, 0), "a limit for all");
    make_page(TENANT_RESIDENT, 0, page);
    expect(zc_cache_store_for(cache, TENANT_RESIDENT,
                              slot_of(TENANT_RESIDENT, 0), page) != ZC_OK,
           "what may not leave memory is refused above it");
    must(zc_cache_invalidate_type(cache, 0), "the end of all");
    expect(stats_of(cache).stored_pages == 0, "nothing is left");
    zc_cache_destroy(cache);
    return EXIT_SUCCESS;
}
