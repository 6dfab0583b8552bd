/* SPDX-License-Identifier: MIT */
/*
 * test_zram.c - kernel placement against the zsmalloc of the running kernel.
 *
 * The same live pages go, in the same order, into a zram device of our own and
 * into three things of ours:
 *
 *   cache  a zc_cache with lz4 and kernel placement: the whole way;
 *   fed    a pool alone, fed with the sizes that the kernel's lz4 made of each
 *          page (read from mm_stat after each first write), in the kernel's
 *          order of operations: placement and nothing else;
 *   other  the same in the other order, for information.
 *
 * So a difference between two versions of lz4 (cache against fed) is told from
 * one of placement (fed against the kernel).  The cache's pages are compared
 * with the kernel's only if both compressed to nearly the same bytes.
 *
 * The order.  An overwrite can allocate the new object before it frees the old
 * one, or after it; zram has done both over the years, and 6.18 frees last.  So
 * the test measures it: a device whose only page was overwritten by another
 * incompressible one has had a peak of two pool pages, or of one.  The
 * cache frees last, as zswap does; where the kernel frees first, the test
 * invalidates before it stores.  In the kernel's order the fed pool has had the
 * very same number of pages at every point (6.18, chain 8, 89,600 pages); in
 * the other it is up to 0.15 % off.
 *
 * The pages are those of a file, which ./run makes.  Skipped, with the reason,
 * where there is no zram, or no right to add a device.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zcache/zcache.h>
#include <zcache/zspool.h>

#include "zram_device.h"

#define EXIT_SKIPPED 77
#define PAGES_MIN 20000
#define PAGES_MAX 120000
#define TIME_LIMIT_SECONDS 240 /* below ctest's, which would leave the device */
#define TOLERANCE 0.005
#define CODEC_TOLERANCE 0.0005 /* too little to move the pool pages */

enum order {
    FREES_LAST, /* the new object is made before the old one goes */
    FREES_FIRST
};

/* A pool that is told sizes instead of pages. */
struct fed_pool {
    struct zc_zspool *pool;
    zc_handle *handles; /* by slot */
    enum order order;
};

struct trial {
    struct zram_device device;
    enum order order;
    const unsigned char *pages;
    uint32_t count;
    uint32_t *kernel_sizes; /* by page; 0 means same-filled */
    struct zc_cache *cache;
    struct fed_pool fed;
    struct fed_pool other;
    bool same_codec;
    unsigned failures;
};

static void skip(const char *reason)
{
    printf("SKIPPED: conformance with a living kernel: %s\n", reason);
    exit(EXIT_SKIPPED);
}

static void stop(const char *what)
{
    printf("FAILED: %s\n", what);
    exit(1);
}

static void check(struct trial *trial, bool good, const char *phase,
                  const char *what)
{
    if (good)
        return;
    printf("FAILED: %s: %s\n", phase, what);
    trial->failures++;
}

static uint32_t random_below(uint32_t bound)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * bound >> 32);
}

static void shuffle(uint32_t *order, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        uint32_t other = random_below(i + 1);

        order[i] = order[other];
        order[other] = i;
    }
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        stop("no memory");
    return memory;
}

static struct zram_stats device_stats(struct trial *trial)
{
    struct zram_stats stats;

    if (!zram_device_get_stats(&trial->device, &stats))
        stop("mm_stat cannot be read");
    return stats;
}

/* ---- pools that are fed ---- */

static void must(zc_status status, const char *what)
{
    if (status != ZC_OK)
        stop(what);
}

static void fed_create(struct fed_pool *fed, uint32_t slots, enum order order)
{
    must(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL),
                          &fed->pool),
         "zc_zspool_create");
    fed->handles = allocate(slots, sizeof(*fed->handles));
    fed->order = order;
}

static void fed_destroy(struct fed_pool *fed)
{
    zc_zspool_destroy(fed->pool);
    free(fed->handles);
}

static void fed_free(struct fed_pool *fed, uint32_t slot)
{
    zc_handle *handle = &fed->handles[slot];

    if (handle->value != 0)
        must(zc_zspool_free(fed->pool, *handle), "zc_zspool_free");
    handle->value = 0;
}

/* `size` 0: the slot has no object from now on. */
static void fed_put(struct fed_pool *fed, uint32_t slot, uint32_t size)
{
    zc_handle made = {0};

    if (fed->order == FREES_FIRST)
        fed_free(fed, slot);
    if (size != 0)
        must(zc_zspool_alloc(fed->pool, size, &made), "zc_zspool_alloc");
    fed_free(fed, slot);
    fed->handles[slot] = made;
}

static void feed(struct trial *trial, uint32_t slot, uint32_t size)
{
    fed_put(&trial->fed, slot, size);
    fed_put(&trial->other, slot, size);
}

/* ---- the same operations on all of them ---- */

static const void *page_at(const struct trial *trial, uint32_t page)
{
    return trial->pages + (size_t)page * ZRAM_PAGE_BYTES;
}

static void put(struct trial *trial, uint32_t slot, uint32_t page)
{
    const zc_swp entry = zc_swp_make(0, slot);

    if (!zram_device_write(&trial->device, slot, page_at(trial, page)))
        stop("the zram device refused a write");
    if (trial->order == FREES_FIRST)
        (void)zc_cache_invalidate(trial->cache, entry);
    must(zc_cache_store(trial->cache, entry, page_at(trial, page)),
         "zc_cache_store");
}

/* The first write of each page shows its compressed size in the kernel. */
static void fill(struct trial *trial)
{
    uint64_t before = 0;
    uint32_t i;

    for (i = 0; i < trial->count; i++) {
        struct zram_stats stats;

        put(trial, i, i);
        stats = device_stats(trial);
        trial->kernel_sizes[i] = (uint32_t)(stats.compr_data_size - before);
        before = stats.compr_data_size;
        feed(trial, i, trial->kernel_sizes[i]);
    }
}

static void overwrite(struct trial *trial)
{
    uint32_t count = trial->count;
    uint32_t *order = allocate(count, sizeof(*order));
    unsigned pass;
    uint32_t i;

    for (pass = 0; pass < 3; pass++) {
        shuffle(order, count);
        for (i = 0; i < count; i++) {
            uint32_t page = random_below(count);

            put(trial, order[i], page);
            feed(trial, order[i], trial->kernel_sizes[page]);
        }
    }
    free(order);
}

static void discard_half(struct trial *trial)
{
    uint32_t count = trial->count;
    uint32_t *order = allocate(count, sizeof(*order));
    uint32_t i;

    shuffle(order, count);
    for (i = 0; i < count / 2; i++) {
        if (!zram_device_discard(&trial->device, order[i]))
            stop("the zram device refused a discard");
        must(zc_cache_invalidate(trial->cache, zc_swp_make(0, order[i])),
             "zc_cache_invalidate");
        feed(trial, order[i], 0);
    }
    free(order);
}

static void compact(struct trial *trial)
{
    if (!zram_device_compact(&trial->device))
        stop("the zram device cannot be compacted");
    must(zc_cache_compact(trial->cache, NULL, NULL), "zc_cache_compact");
    must(zc_zspool_compact(trial->fed.pool, NULL, NULL), "zc_zspool_compact");
    must(zc_zspool_compact(trial->other.pool, NULL, NULL), "zc_zspool_compact");
}

/* ---- results ---- */

static bool is_close(uint64_t ours, uint64_t kernel, double tolerance)
{
    double difference = (double)ours - (double)kernel;

    return difference <= tolerance * (double)kernel &&
           -difference <= tolerance * (double)kernel;
}

static double percent(uint64_t ours, uint64_t kernel)
{
    return 100 * ((double)ours - (double)kernel) / (double)kernel;
}

static void compare(struct trial *trial, const char *phase)
{
    struct zc_cache_stats cache = {.struct_size = sizeof(cache)};
    struct zc_zspool_stats fed = {.struct_size = sizeof(fed)};
    struct zram_stats kernel = device_stats(trial);
    uint64_t kernel_pages = kernel.mem_used_total / ZRAM_PAGE_BYTES;
    uint64_t cache_pages;
    uint64_t other_pages = zc_zspool_page_count(trial->other.pool);

    (void)zc_cache_get_stats(trial->cache, &cache);
    (void)zc_zspool_get_stats(trial->fed.pool, &fed);
    cache_pages = cache.pool_total_size / ZRAM_PAGE_BYTES;
    trial->same_codec =
        is_close(cache.payload_bytes, kernel.compr_data_size, CODEC_TOLERANCE);
    printf("%-22s payload %10" PRIu64 " cache %+.4f %%  pages %6" PRIu64
           " fed %6" PRIu64 " %+.3f %% cache %6" PRIu64
           " %+.3f %% other %6" PRIu64 " %+.3f %%\n",
           phase, kernel.compr_data_size,
           percent(cache.payload_bytes, kernel.compr_data_size), kernel_pages,
           fed.pages_allocated, percent(fed.pages_allocated, kernel_pages),
           cache_pages, percent(cache_pages, kernel_pages), other_pages,
           percent(other_pages, kernel_pages));
    check(trial, kernel.orig_data_size == cache.stored_pages * ZRAM_PAGE_BYTES,
          phase, "pages stored");
    check(trial, kernel.same_pages == cache.same_filled_pages, phase,
          "same-filled pages");
    check(trial, fed.payload_bytes == kernel.compr_data_size, phase,
          "the bytes that were fed");
    check(trial, is_close(fed.pages_allocated, kernel_pages, TOLERANCE), phase,
          "pool pages, fed with the kernel's sizes");
    if (!trial->same_codec)
        return;
    check(trial,
          kernel.huge_pages == cache.raw_pages ||
              kernel.compr_data_size != cache.payload_bytes,
          phase, "huge pages");
    check(trial, is_close(cache_pages, kernel_pages, TOLERANCE), phase,
          "pool pages of the cache");
}

static void compare_around_compaction(struct trial *trial, const char *phase)
{
    char name[64];

    compare(trial, phase);
    compact(trial);
    (void)snprintf(name, sizeof(name), "%s, compacted", phase);
    compare(trial, name);
}

/* Every page that is left, from the cache, is what the device holds. */
static void compare_bytes(struct trial *trial)
{
    unsigned char *pages = mmap(NULL, 2 * ZRAM_PAGE_BYTES,
                                PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t different = 0;
    uint32_t slot;

    if (pages == MAP_FAILED)
        stop("no memory");
    for (slot = 0; slot < trial->count; slot++) {
        zc_status status =
            zc_cache_load(trial->cache, zc_swp_make(0, slot), pages);

        if (status == ZC_MISSING)
            continue;
        if (status != ZC_OK ||
            !zram_device_read(&trial->device, slot, pages + ZRAM_PAGE_BYTES) ||
            memcmp(pages, pages + ZRAM_PAGE_BYTES, ZRAM_PAGE_BYTES) != 0)
            different++;
    }
    (void)munmap(pages, 2 * ZRAM_PAGE_BYTES);
    check(trial, different == 0, "loads", "pages differ from the device's");
}

/* ---- before and after ---- */

/* See "The order" above. */
static enum order ask_order(struct trial *trial)
{
    uint32_t *page = mmap(NULL, ZRAM_PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct zram_stats stats;
    unsigned i;

    if (page == MAP_FAILED)
        stop("no memory");
    for (i = 0; i < ZRAM_PAGE_BYTES / sizeof(*page); i++)
        page[i] = random_below(UINT32_MAX);
    if (!zram_device_write(&trial->device, 0, page))
        stop("the zram device refused a write");
    page[0] = ~page[0];
    if (!zram_device_write(&trial->device, 0, page))
        stop("the zram device refused a write");
    stats = device_stats(trial);
    if (!zram_device_discard(&trial->device, 0))
        stop("the zram device refused a discard");
    (void)munmap(page, ZRAM_PAGE_BYTES);
    return stats.mem_used_max > ZRAM_PAGE_BYTES ? FREES_LAST : FREES_FIRST;
}

static void map_pages(struct trial *trial, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *pages = MAP_FAILED;

    if (file >= 0 && fstat(file, &status) == 0)
        pages =
            mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (pages == MAP_FAILED)
        stop("the pages cannot be read");
    trial->pages = pages;
    trial->count = (uint32_t)(status.st_size / ZRAM_PAGE_BYTES);
    if (trial->count > PAGES_MAX)
        trial->count = PAGES_MAX;
    if (trial->count < PAGES_MIN)
        skip("too few live pages");
}

static void create(struct trial *trial)
{
    uint32_t count = trial->count;
    const char *why;

    why = zram_device_open(&trial->device, "lz4", count);
    if (why != NULL)
        skip(why);
    trial->order = ask_order(trial);
    printf("zram%d, %" PRIu32 " pages; an overwrite frees the old object %s\n",
           trial->device.id, count,
           trial->order == FREES_LAST ? "after it has the new one"
                                      : "before it makes the new one");
    trial->kernel_sizes = allocate(count, sizeof(*trial->kernel_sizes));
    fed_create(&trial->fed, count, trial->order);
    fed_create(&trial->other, count,
               trial->order == FREES_LAST ? FREES_FIRST : FREES_LAST);
    must(zc_cache_create(ZC_CACHE_OPTIONS(.placement = ZC_PLACEMENT_KERNEL,
                                          .compressor_name = "lz4"),
                         &trial->cache),
         "zc_cache_create");
}

static void destroy(struct trial *trial)
{
    zram_device_close(&trial->device);
    zc_cache_destroy(trial->cache);
    fed_destroy(&trial->fed);
    fed_destroy(&trial->other);
    free(trial->kernel_sizes);
}

int main(int argc, char **argv)
{
    struct trial trial = {.failures = 0};

    if (argc != 2)
        stop("a file of pages is missing");
    if (zc_compressor_find("lz4") == NULL)
        skip("the library is built without lz4");
    if (access("/sys/class/zram-control/hot_add", R_OK) != 0)
        skip("no zram here, or no right to add a device");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    map_pages(&trial, argv[1]);
    (void)alarm(TIME_LIMIT_SECONDS);
    create(&trial);
    fill(&trial);
    compare_around_compaction(&trial, "filled");
    overwrite(&trial);
    compare_around_compaction(&trial, "overwritten 3x");
    discard_half(&trial);
    compare_around_compaction(&trial, "half discarded");
    compare_bytes(&trial);
    if (!trial.same_codec)
        printf("note: the kernel's lz4 and liblz4 differ; the cache's pages "
               "are not held against the kernel's\n");
    destroy(&trial);
    return trial.failures == 0 ? 0 : 1;
}
