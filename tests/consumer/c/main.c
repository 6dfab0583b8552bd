/* SPDX-License-Identifier: MIT */
/* main.c - the least that an embedder in C does. */
#include <stdio.h>
#include <string.h>

#include <zcache/zcache.h>

static int run(struct zc_cache *cache)
{
    char page[4096];
    char back[4096];
    zc_swp slot = zc_swp_make(0, 42);

    memset(page, 'z', sizeof(page));
    memcpy(page, "consumer", 8);
    if (zc_cache_store(cache, slot, page) != ZC_OK)
        return 1;
    if (zc_cache_take(cache, slot, back) != ZC_OK)
        return 2;
    if (memcmp(page, back, sizeof(page)) != 0)
        return 3;
    return zc_cache_load(cache, slot, back) == ZC_MISSING ? 0 : 4;
}

int main(void)
{
    struct zc_cache *cache;
    int failed;

    if (zc_cache_create(ZC_CACHE_OPTIONS(.limit_bytes = 1 << 20), &cache) !=
        ZC_OK)
        return 5;
    failed = run(cache);
    zc_cache_destroy(cache);
    printf("zcache %s: %d\n", zc_version(), failed);
    return failed;
}
