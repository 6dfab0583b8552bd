/* SPDX-License-Identifier: MIT */
/*
 * race.c - the pool of pool.c in the race lab.
 *
 *     example_lab_pool list
 *     example_lab_pool run put-free --break FREE_UNDER_LOCK
 *     example_lab_pool run put-free
 */
#include <string.h>

#include <zcache/lab.h>
#include <zcache/zcache.h>

#include "pool.h"

#define BYTES 64

/* --- the pool alone -------------------------------------------------- */

static void *pool;
static zc_handle handles[3]; /* of objects A, B and C */

/* The bytes of an object are all equal: 'A' for object A. */
static void put(unsigned index)
{
    char bytes[BYTES];

    zc_lab_enter("put");
    memset(bytes, 'A' + (int)index, sizeof(bytes));
    if (places_ops.put(pool, bytes, sizeof(bytes), &handles[index]) != ZC_OK)
        zc_lab_fail("object refused", "%c", 'A' + (int)index);
    zc_lab_leave();
}

static void make_pool(void *context)
{
    struct zc_pool_config config = {.struct_size = sizeof(config),
                                    .page_size = 4096};

    (void)context;
    if (places_ops.create(&config, &pool) != ZC_OK)
        zc_lab_fail("no pool", "create failed");
    put(0);
}

static void put_b(void *context)
{
    (void)context;
    put(1);
}

static void put_c(void *context)
{
    (void)context;
    put(2);
}

static void free_a(void *context)
{
    (void)context;
    zc_lab_enter("free");
    places_ops.free(pool, handles[0]);
    zc_lab_leave();
}

static void check(unsigned index)
{
    struct zc_zspool_read read;
    char bytes[BYTES];

    memset(bytes, 'A' + (int)index, sizeof(bytes));
    (void)places_ops.read_begin(pool, handles[index], &read);
    if (read.size != BYTES || memcmp(read.data, bytes, BYTES) != 0)
        zc_lab_fail("object has other bytes", "%c", 'A' + (int)index);
    places_ops.free(pool, handles[index]);
}

static void take_apart(unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        check(i);
    if (places_ops.page_count(pool) != 0)
        zc_lab_fail("pages miscounted", "%llu are left",
                    (unsigned long long)places_ops.page_count(pool));
    places_ops.destroy(pool);
}

static void finish_put_free(void *context)
{
    (void)context;
    take_apart(1, 1);
}

static void finish_put_put(void *context)
{
    (void)context;
    take_apart(0, 2);
}

static const struct zc_lab_actor putting_and_freeing[] = {{"put(B)", put_b},
                                                          {"free(A)", free_a}};
static const struct zc_lab_actor putting[] = {{"put(B)", put_b},
                                              {"put(C)", put_c}};

static const char *const free_rules[] = {"FREE_UNDER_LOCK", NULL};
static const char *const take_rules[] = {"TAKE_IN_ONE", NULL};

static const struct zc_lab_scenario put_free = {
    .struct_size = sizeof(put_free),
    .name = "put-free",
    .summary = "put || free",
    .story = "A place enters the free list while another leaves it.",
    .setup = make_pool,
    .actors = putting_and_freeing,
    .actor_count = 2,
    .finish = finish_put_free,
    .rules = free_rules,
};

static const struct zc_lab_scenario put_put = {
    .struct_size = sizeof(put_put),
    .name = "put-put",
    .summary = "put || put",
    .story = "Two objects find the same place: the list is touched under the "
             "lock only, but not in one section.",
    .setup = make_pool,
    .actors = putting,
    .actor_count = 2,
    .finish = finish_put_put,
    .rules = take_rules,
};

/* --- behind a cache -------------------------------------------------- */

static struct zc_cache *cache;
static char pages[2][4096];

static void make_cache(void *context)
{
    (void)context;
    memset(pages[0], 'x', sizeof(pages[0]));
    memset(pages[1], 'y', sizeof(pages[1]));
    if (zc_cache_create(ZC_CACHE_OPTIONS(.pool_ops = &places_ops,
                                         .no_same_filled = 1,
                                         .context_count = 1),
                        &cache) != ZC_OK ||
        zc_cache_store(cache, zc_swp_make(0, 0), pages[0]) != ZC_OK)
        zc_lab_fail("no cache", "or no room for a page");
}

static void store(void *context)
{
    (void)context;
    zc_lab_enter("zc_cache_store(0:1)");
    if (zc_cache_store(cache, zc_swp_make(0, 1), pages[1]) != ZC_OK)
        zc_lab_fail("page refused", "slot 0:1");
    zc_lab_leave();
}

static void invalidate(void *context)
{
    (void)context;
    zc_lab_enter("zc_cache_invalidate(0:0)");
    (void)zc_cache_invalidate(cache, zc_swp_make(0, 0));
    zc_lab_leave();
}

static void finish_cache(void *context)
{
    char back[4096];

    (void)context;
    if (zc_cache_load(cache, zc_swp_make(0, 1), back) != ZC_OK ||
        memcmp(back, pages[1], sizeof(back)) != 0)
        zc_lab_fail("page is lost", "slot 0:1");
    zc_cache_destroy(cache);
}

static const struct zc_lab_actor storing[] = {
    {"zc_cache_store(0:1)", store},
    {"zc_cache_invalidate(0:0)", invalidate},
};

static const struct zc_lab_scenario behind_a_cache = {
    .struct_size = sizeof(behind_a_cache),
    .name = "cache",
    .summary = "store || invalidate of another page, by a cache over the pool",
    .story = "The same race, as the cache meets it.",
    .setup = make_cache,
    .actors = storing,
    .actor_count = 2,
    .finish = finish_cache,
    .rules = free_rules,
};

int main(int argc, char **argv)
{
    static const struct zc_lab_scenario *const scenarios[] = {
        &put_free, &put_put, &behind_a_cache, NULL};

    return zc_lab_main(argc, argv, scenarios);
}
