/* SPDX-License-Identifier: MIT */
/* of_pool.c - what a plugged-in pool is told, and what one may leave out. */
#include "effects.h"
#include "spy.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((uint64_t)ZC_PAGE_SIZE_MIN)

/* --- what a plugged-in pool is told ---------------------------------- */

static const struct zc_pool_config *told(struct zc_cache_options options)
{
    options.pool_ops = &spy_pool;
    (void)cache_of(options);
    return &spy.pool_config;
}

/* A field of what it is told, where an option of the cache has that value. */
#define TOLD(field, option)                                                    \
    static uint64_t told_##field(unsigned value)                               \
    {                                                                          \
        return told((struct zc_cache_options){.option = value})->field;        \
    }

TOLD(page_size, page_size)
TOLD(placement, placement)
TOLD(chain_length, chain_length)
TOLD(segment_bytes, segment_bytes)
TOLD(group_count, group_count)
TOLD(limit_bytes, limit_bytes)
TOLD(keep_lru, lru_mode)

static char told_bytes[2][64];

static uint64_t told_user(unsigned which)
{
    return told((struct zc_cache_options){.pool_user = told_bytes[which]})
               ->user == told_bytes[1];
}

static uint64_t told_reason(unsigned which)
{
    return told((struct zc_cache_options){.reason = told_bytes[which],
                                          .reason_size = 64})
               ->reason == told_bytes[1];
}

static uint64_t told_reason_size(unsigned size)
{
    return told((struct zc_cache_options){.reason = told_bytes[0],
                                          .reason_size = size})
        ->reason_size;
}

/* --- what a pool may leave out --------------------------------------- */

/* Bytes of a page that compresses to 1000: raw where that gains nothing. */
static uint64_t put_by_huge_class(unsigned has)
{
    if (has != 0)
        spy_pool.huge_class_size = spy_huge_class_size;
    store(cache_of((struct zc_cache_options){.pool_ops = &spy_pool}), 0,
          page_text(0));
    return spy.object_size == PAGE;
}

static uint64_t compacts(unsigned has)
{
    struct zc_cache *cache;
    zc_status status;

    if (has == 0)
        spy_pool.compact = NULL;
    cache = cache_of((struct zc_cache_options){.pool_ops = &spy_pool});
    status = zc_cache_compact(cache, NULL, NULL);
    MUST(status == (spy.pool_compacts != 0 ? ZC_OK : ZC_UNSUPPORTED));
    return spy.pool_compacts;
}

static uint64_t reclaims(unsigned has)
{
    struct zc_cache_options options = {.struct_size = sizeof(options),
                                       .pool_ops = &spy_pool,
                                       .lru_mode = ZC_LRU_ZSPAGE};
    struct zc_cache *cache;

    if (has == 0)
        spy_pool.reclaim = NULL;
    if (zc_cache_create(&options, &cache) == ZC_OK) {
        (void)device_of(cache, (struct zc_swap_options){.slot_count = 16});
        (void)zc_cache_shrink(cache, 1, NULL);
    }
    return spy.pool_reclaims != 0;
}

static uint64_t discards(unsigned has)
{
    struct zc_cache *cache = cache_of(
        (struct zc_cache_options){.lru_mode = ZC_LRU_ENTRY, .slot_count = 64});

    if (has == 0)
        spy_device.discard = NULL;
    (void)device_of(cache,
                    (struct zc_swap_options){.backing_ops = &spy_device});
    store_texts(cache, 0, 5);
    MUST_BE_OK(zc_cache_writeback(cache, NULL, NULL));
    MUST(spy.device_writes == 5);
    MUST_BE_OK(zc_cache_invalidate_range(cache, zc_swp_make(0, 0), 5));
    return spy.device_discards;
}

/* --- what a pool or a device may have more --------------------------- */

static uint64_t noted;

static void note_limit(void *pool, uint64_t limit_bytes)
{
    (void)pool;
    noted = limit_bytes;
}

static uint64_t sets_limit(unsigned has)
{
    if (has != 0)
        spy_pool.set_limit = note_limit;
    MUST_BE_OK(zc_cache_set_limit(
        cache_of((struct zc_cache_options){.pool_ops = &spy_pool}), 1u << 20,
        0));
    return noted;
}

static uint64_t note_used_pages(const void *pool)
{
    noted++;
    return zc_pool_malloc.page_count(pool);
}

/* A cache that is full asks whether it is down to its threshold. */
static uint64_t asks_used_pages(unsigned has)
{
    struct zc_cache *cache;

    spy_pool.set_limit = zc_pool_malloc.set_limit;
    if (has != 0)
        spy_pool.used_pages = note_used_pages;
    cache = cache_of((struct zc_cache_options){.pool_ops = &spy_pool,
                                               .limit_bytes = 4 * PAGE});
    for (uint64_t i = 0; i < 200; i++)
        (void)!zc_cache_store(cache, zc_swp_make(0, i), page_text(i));
    return noted != 0;
}

static zc_status note_put_beyond(void *pool, const void *data, size_t size,
                                 zc_handle *handle_out)
{
    noted++;
    return zc_pool_malloc.put(pool, data, size, handle_out);
}

/* Pages that a device fails to write are stored again. */
static uint64_t puts_beyond(unsigned has)
{
    static const struct zc_backing_faults faults = {
        .struct_size = sizeof(faults), .write_errors = 1000000};
    struct zc_cache *cache;

    if (has != 0)
        spy_pool.put_beyond = note_put_beyond;
    cache = cache_of((struct zc_cache_options){
        .pool_ops = &spy_pool, .lru_mode = ZC_LRU_ENTRY, .slot_count = 64});
    (void)device_of(cache, (struct zc_swap_options){
                               .backing_ops = &zc_backing_faulty,
                               .backing_user = (void *)(uintptr_t)&faults});
    store_texts(cache, 0, 5);
    (void)zc_cache_writeback(cache, NULL, NULL);
    (void)zc_cache_shrink(cache, 1, NULL);
    store_texts(cache, 5, 5);
    return noted != 0;
}

static uint64_t note_disk_bytes(void *backing)
{
    (void)backing;
    return 12345;
}

static struct zc_cache *cache_on_spy_device(void)
{
    struct zc_cache *cache =
        cache_of((struct zc_cache_options){.slot_count = 64});

    (void)device_of(cache,
                    (struct zc_swap_options){.backing_ops = &spy_device});
    return cache;
}

static uint64_t counts_disk_bytes(unsigned has)
{
    struct zc_swap_stats stats = {.struct_size = sizeof(stats)};

    if (has != 0)
        spy_device.disk_bytes = note_disk_bytes;
    MUST_BE_OK(zc_swap_get_stats(cache_on_spy_device(), 0, &stats));
    return stats.disk_bytes;
}

static void note_leave(void *backing)
{
    (void)backing;
    noted++;
}

/* Calls that a child makes which destroys its parent's cache. */
static uint64_t leaves_in_child(unsigned has)
{
    struct zc_cache *cache;
    int status = 0;
    pid_t child;

    if (has != 0)
        spy_device.leave_in_child = note_leave;
    cache = cache_on_spy_device();
    child = fork();
    if (child == 0) {
        zc_cache_destroy(cache);
        _exit((int)noted);
    }
    MUST(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return (uint64_t)WEXITSTATUS(status);
}

/* --- which of them could not be made --------------------------------- */

static const char *const names[] = {"halves", "tape"};

/* Whether the reason has the second name, where it has one of the two. */
static uint64_t named(const char *reason)
{
    MUST((strstr(reason, names[0]) == NULL) !=
         (strstr(reason, names[1]) == NULL));
    return strstr(reason, names[1]) != NULL;
}

static zc_status refuse_pool(const struct zc_pool_config *config,
                             void **pool_out)
{
    (void)config;
    (void)pool_out;
    return ZC_NO_MEMORY;
}

static uint64_t names_pool(unsigned which)
{
    char reason[ZC_REASON_SIZE];
    struct zc_cache *cache;

    spy_pool.name = names[which];
    spy_pool.create = refuse_pool;
    MUST(zc_cache_create(ZC_CACHE_OPTIONS(.pool_ops = &spy_pool,
                                          .reason = reason,
                                          .reason_size = sizeof(reason)),
                         &cache) == ZC_NO_MEMORY);
    return named(reason);
}

static zc_status refuse_device(const struct zc_backing_config *config,
                               void **backing_out)
{
    (void)config;
    (void)backing_out;
    return ZC_IO_ERROR;
}

static uint64_t names_device(unsigned which)
{
    char reason[ZC_REASON_SIZE];
    unsigned type;

    spy_device.name = names[which];
    spy_device.open = refuse_device;
    MUST(
        zc_swap_on(cache_of((struct zc_cache_options){.slot_count = 64}),
                   ZC_SWAP_OPTIONS(.backing_ops = &spy_device, .reason = reason,
                                   .reason_size = sizeof(reason)),
                   &type) == ZC_IO_ERROR);
    return named(reason);
}

#define CONFIG(...) EFFECT(zc_pool_config, __VA_ARGS__)
#define POOL(...) EFFECT(zc_pool_ops, __VA_ARGS__)
#define DEVICE(...) EFFECT(zc_backing_ops, __VA_ARGS__)

const struct effect effects_pool[] = {
    CONFIG(page_size, 4096, 16384, told_page_size, IS, 4096, 16384,
           "the cache's"),
    CONFIG(placement, ZC_PLACEMENT_DENSE, ZC_PLACEMENT_KERNEL, told_placement,
           IS, 1, 2, "the cache's"),
    CONFIG(placement, ZC_PLACEMENT_DEFAULT, ZC_PLACEMENT_KERNEL, told_placement,
           IS, 0, 2, "the cache's"),
    CONFIG(chain_length, 4, 8, told_chain_length, IS, 4, 8, "the cache's"),
    CONFIG(segment_bytes, 16384, 65536, told_segment_bytes, IS, 16384, 65536,
           "the cache's"),
    CONFIG(group_count, 1, 3, told_group_count, IS, 1, 3, "the cache's"),
    CONFIG(user, 0, 1, told_user, IS, 0, 1, "the cache's pool_user"),
    CONFIG(keep_lru, ZC_LRU_NONE, ZC_LRU_ZSPAGE, told_keep_lru, IS, 0, 1,
           "reclaim is called in one mode only"),
    CONFIG(limit_bytes, 65536, 131072, told_limit_bytes, IS, 65536, 131072,
           "the cache's"),
    CONFIG(reason, 0, 1, told_reason, IS, 0, 1, "the cache's"),
    CONFIG(reason_size, 32, 64, told_reason_size, IS, 32, 64, "the cache's"),
    POOL(huge_class_size, 0, 1, put_by_huge_class, IS, 0, 1,
         "what is at least so large is put raw"),
    POOL(set_limit, 0, 1, sets_limit, IS, 0, 1u << 20,
         "it is told the limit of zc_cache_set_limit()"),
    POOL(used_pages, 0, 1, asks_used_pages, IS, 0, 1,
         "a full cache asks it, if it is there"),
    POOL(put_beyond, 0, 1, puts_beyond, IS, 0, 1,
         "a page whose write failed comes back by it"),
    DEVICE(disk_bytes, 0, 1, counts_disk_bytes, IS, 0, 12345,
           "the statistics show it"),
    DEVICE(leave_in_child, 0, 1, leaves_in_child, IS, 0, 1,
           "a child calls it once, in place of close"),
    POOL(compact, 0, 1, compacts, IS, 0, 1, "it is called, if it is there"),
    POOL(reclaim, 0, 1, reclaims, IS, 0, 1, "it is called, if it is there"),
    DEVICE(discard, 0, 1, discards, IS, 0, 5, "it is called, if it is there"),
    POOL(name, 0, 1, names_pool, IS, 0, 1,
         "the reason says which pool could not be made"),
    DEVICE(name, 0, 1, names_device, IS, 0, 1,
           "the reason says which device could not be made"),
    EFFECTS_END};
