/* SPDX-License-Identifier: MIT */
/*
 * of_zspool.c - what the options of a zspool do, of one alone and of the one
 * behind a cache.
 *
 * The kernel's figures are zsmalloc's: an object's size and its header of 8
 * bytes, rounded up to 16, is its size class, and the longest chain of pages
 * that is allowed decides which size is huge (3257, 3625, 3833 at 4, 8, 16).
 */
#include <stdlib.h>
#include <string.h>
#include <zcache/zspool.h>

#include "effects.h"
#include "spy.h"

#define PAGE ((uint64_t)ZC_PAGE_SIZE_MIN)
#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)
#define OBJECTS 8192

static unsigned char bytes[ZC_PAGE_SIZE_MAX];
static zc_handle handles[OBJECTS];

static struct zc_zspool *pool_of(struct zc_zspool_options options)
{
    struct zc_zspool *pool = NULL;

    options.struct_size = sizeof(options);
    MUST_BE_OK(zc_zspool_create(&options, &pool));
    return pool;
}

/* Puts objects of a size, up to `count`, until one is refused; how many. */
static uint64_t put(struct zc_zspool *pool, uint64_t count, size_t size)
{
    uint64_t i = 0;

    MUST(count <= OBJECTS);
    while (i < count && zc_zspool_put(pool, bytes, size, &handles[i]) == ZC_OK)
        i++;
    return i;
}

static uintptr_t address_of(struct zc_zspool *pool, zc_handle handle)
{
    struct zc_zspool_read read;
    uintptr_t address;

    MUST_BE_OK(zc_zspool_read_begin(pool, handle, &read));
    address = (uintptr_t)read.data;
    zc_zspool_read_end(pool, &read);
    return address;
}

static int compare(const void *one, const void *two)
{
    const uintptr_t a = *(const uintptr_t *)one;
    const uintptr_t b = *(const uintptr_t *)two;

    return (a > b) - (a < b);
}

static struct {
    uintptr_t at[OBJECTS];
    size_t count;
} seen;

static bool note(void *context, zc_handle handle, const void *data, size_t size)
{
    (void)context;
    (void)handle;
    (void)size;
    seen.at[seen.count++] = (uintptr_t)data;
    return seen.count < OBJECTS;
}

/* Bytes from one object to the next, the least. */
static uint64_t distance(struct zc_zspool *pool)
{
    uintptr_t least = UINTPTR_MAX;

    MUST_BE_OK(zc_zspool_iterate(pool, note, NULL));
    qsort(seen.at, seen.count, sizeof(seen.at[0]), compare);
    for (size_t i = 1; i < seen.count; i++) {
        if (seen.at[i] - seen.at[i - 1] < least)
            least = seen.at[i] - seen.at[i - 1];
    }
    return least;
}

/* --- a pool alone ---------------------------------------------------- */

static uint64_t largest_object(unsigned page_size)
{
    struct zc_zspool *pool =
        pool_of((struct zc_zspool_options){.page_size = page_size});
    uint64_t largest = 0;

    for (size_t size = 1; size <= sizeof(bytes); size *= 2) {
        if (put(pool, 1, size) == 1)
            largest = size;
    }
    return largest;
}

static uint64_t bytes_of_pages(unsigned limit)
{
    return PAGE *
           put(pool_of((struct zc_zspool_options){
                   .placement = ZC_PLACEMENT_KERNEL, .limit_bytes = limit}),
               OBJECTS, PAGE);
}

static struct zc_zspool *evicting;
static uint64_t evicted;

static zc_status evict(void *context, zc_handle handle)
{
    (void)context;
    evicted++;
    return zc_zspool_free(evicting, handle);
}

static uint64_t objects_evicted(unsigned keep_lru)
{
    zc_status status;

    evicting = pool_of((struct zc_zspool_options){.keep_lru = keep_lru});
    MUST(put(evicting, 200, 1000) == 200);
    status = zc_zspool_reclaim(evicting, evict, NULL, 1000, NULL);
    MUST(status == ZC_AGAIN || status == ZC_UNSUPPORTED);
    return evicted;
}

/* --- compaction ------------------------------------------------------ */

/* Objects that lie elsewhere after a compaction of a pool with many holes. */
static uint64_t moved(struct zc_compact_budget budget)
{
    static uintptr_t before[OBJECTS];
    struct zc_zspool *pool =
        pool_of((struct zc_zspool_options){.placement = ZC_PLACEMENT_KERNEL});
    zc_status status;
    uint64_t count = 0;

    MUST(put(pool, 4000, 500) == 4000);
    for (unsigned i = 0; i < 4000; i++) {
        if (i % 8 != 0)
            MUST_BE_OK(zc_zspool_free(pool, handles[i]));
        else
            before[i] = address_of(pool, handles[i]);
    }
    budget.struct_size = sizeof(budget);
    status = zc_zspool_compact(pool, &budget, NULL);
    MUST(status == ZC_OK || status == ZC_AGAIN);
    for (unsigned i = 0; i < 4000; i += 8)
        count += address_of(pool, handles[i]) != before[i];
    return count;
}

static uint64_t moved_of_objects(unsigned objects)
{
    return moved((struct zc_compact_budget){.objects = objects});
}

/* The clock goes on by a millisecond each time that it is looked at. */
static uint64_t moved_in_time(unsigned microseconds)
{
    effect_clock_begin(1000000);
    return moved((struct zc_compact_budget){.microseconds = microseconds});
}

/* --- the pool alone, and the one behind a cache ---------------------- */

/* Stores pages, each an object of so many bytes. */
static struct zc_zspool *behind(struct zc_cache_options options, size_t size,
                                uint64_t count)
{
    struct zc_cache *cache;

    spy.compressed_size = size;
    MUST_BE_OK(zc_compressor_register(&spy_compressor));
    options.compressor_name = "spy";
    cache = cache_of(options);
    for (uint64_t i = 0; i < count; i++)
        store(cache, i, page_text(i));
    return zc_cache_zspool(cache);
}

/* Observers of the two, with so many objects of a size. */
#define BOTH(name, see, size, count, ...)                                      \
    static uint64_t name(unsigned value)                                       \
    {                                                                          \
        struct zc_zspool *pool =                                               \
            pool_of((struct zc_zspool_options){__VA_ARGS__});                  \
                                                                               \
        MUST(put(pool, count, size) == (count));                               \
        return see(pool);                                                      \
    }                                                                          \
    static uint64_t name##_behind(unsigned value)                              \
    {                                                                          \
        return see(                                                            \
            behind((struct zc_cache_options){__VA_ARGS__}, size, count));      \
    }

/* Objects of 3300 bytes that begin at a page: all of them where the size is
 * huge, which it is not with longer chains. */
static uint64_t huge_of(struct zc_zspool *pool)
{
    uint64_t huge = 0;

    MUST_BE_OK(zc_zspool_iterate(pool, note, NULL));
    MUST(seen.count == 100);
    for (size_t i = 0; i < seen.count; i++)
        huge += seen.at[i] % PAGE == seen.at[0] % PAGE;
    return huge == 100;
}

/* Segments, or whatever else a zspage is. */
static uint64_t zspages_of(struct zc_zspool *pool)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    MUST_BE_OK(zc_zspool_get_stats(pool, &stats));
    return stats.zspages;
}

static uint64_t metadata_of(struct zc_zspool *pool)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    MUST_BE_OK(zc_zspool_get_stats(pool, &stats));
    return stats.metadata_bytes;
}

BOTH(distance_of_100, distance, 100, 500, .placement = value)
BOTH(huge_of_3300, huge_of, 3300, 100, .placement = ZC_PLACEMENT_KERNEL,
     .chain_length = value)
BOTH(segments, zspages_of, 1016, 2048, .segment_bytes = value)
BOTH(empty_bytes, metadata_of, 100, 0, .group_count = value)

#define POOL(...) EFFECT(zc_zspool_options, __VA_ARGS__)
#define BEHIND(...) EFFECT(zc_cache_options, __VA_ARGS__)
#define BUDGET(...) EFFECT(zc_compact_budget, __VA_ARGS__)

const struct effect effects_zspool[] = {
    POOL(page_size, 4096, 65536, largest_object, IS, 4096, 65536,
         "an object is at most a page"),
    POOL(page_size, 0, 8192, largest_object, IS, 4096, 8192, "0 means 4096"),
    POOL(placement, ZC_PLACEMENT_DEFAULT, ZC_PLACEMENT_KERNEL, distance_of_100,
         IS, 104, 112, "100 + 4 in units of 8; 100 + 8 in units of 16"),
    POOL(placement, ZC_PLACEMENT_DENSE, ZC_PLACEMENT_KERNEL, distance_of_100,
         IS, 104, 112, "100 + 4 in units of 8; 100 + 8 in units of 16"),
    POOL(chain_length, 4, 8, huge_of_3300, IS, 1, 0,
         "3300 bytes are huge from 3257 on at 4, from 3625 on at 8"),
    POOL(chain_length, 4, 0, huge_of_3300, IS, 1, 0, "0 means 8"),
    POOL(limit_bytes, MIB, 4 * MIB, bytes_of_pages, NEARLY, MIB, 4 * MIB,
         "objects of a page take a page each"),
    POOL(segment_bytes, 512 * KIB, 16 * KIB, segments, AT_MOST, 6, 128,
         "2 MiB of objects need at least 128 of 16 KiB"),
    POOL(segment_bytes, 512 * KIB, 0, segments, AT_MOST, 6, 16,
         "0 means 32 pages"),
    POOL(group_count, 1, 64, empty_bytes, AT_MOST, 32 * KIB, 256 * KIB,
         "each has a list for each of 512 lengths, 8 bytes at least"),
    POOL(keep_lru, 0, 1, objects_evicted, IS, 0, 200, "reclaim evicts all"),
    BEHIND(placement, ZC_PLACEMENT_DEFAULT, ZC_PLACEMENT_KERNEL,
           distance_of_100_behind, IS, 104, 112, "as in the pool alone"),
    BEHIND(placement, ZC_PLACEMENT_DENSE, ZC_PLACEMENT_KERNEL,
           distance_of_100_behind, IS, 104, 112, "as in the pool alone"),
    BEHIND(chain_length, 4, 8, huge_of_3300_behind, IS, 1, 0,
           "as in the pool alone"),
    BEHIND(segment_bytes, 512 * KIB, 16 * KIB, segments_behind, AT_MOST, 6, 128,
           "as in the pool alone"),
    BEHIND(group_count, 1, 64, empty_bytes_behind, AT_MOST, 32 * KIB, 256 * KIB,
           "as in the pool alone"),
    BUDGET(objects, 5, 50, moved_of_objects, NEARLY, 5, 50,
           "at most so many lie elsewhere"),
    BUDGET(microseconds, 1, 1000000000, moved_in_time, AT_MOST, 64, 300,
           "it looks at the clock after every few objects, then ends"),
    EFFECTS_END};
