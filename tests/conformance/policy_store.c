/* SPDX-License-Identifier: MIT */
/*
 * policy_store.c - policy_store PAGES LIMIT POLICY DIRECTORY [step]
 *
 * Stores the pages of a file in order, as a swap layer does with zswap under
 * it, and says in JSON what the cache had counted when it reached its limit,
 * when it had written the first pages back, and at the end.  `zswap_policy`
 * compares that with the running kernel.
 *
 * Pages of zeros are left out: the swap layer keeps them.  With `step` the next
 * page comes only when the worker is idle: each refused store wakes it, so it
 * is when it has made as many runs as stores were refused.  Exit status 77:
 * there is no liblzo2.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zcache/zcache.h>

#include "estimate/lzo.h"

#define PAGE 4096
#define LOOK_EVERY 64 /* stores, without `step` */
#define FIRST 256     /* pages written back; as in zswap_policy */

enum moment {
    AT_LIMIT,
    AT_WRITEBACK,
    AT_END,
    MOMENTS
};

struct sight {
    uint64_t pages; /* stored or refused until then */
    struct zc_cache_stats stats;
};

static struct zc_cache *cache;
static struct sight sights[MOMENTS];
static enum moment next; /* the one that comes */

static void die(const char *what)
{
    (void)fprintf(stderr, "policy_store: %s\n", what);
    exit(2);
}

static const char *map_file(const char *path, size_t *pages_out)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes;

    if (file < 0 || fstat(file, &status) != 0)
        die("no file of pages");
    *pages_out = (size_t)status.st_size / PAGE;
    bytes = mmap(NULL, *pages_out * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
    (void)close(file);
    if (bytes == MAP_FAILED)
        die("the file cannot be mapped");
    return bytes;
}

static void make_cache(const char *limit, unsigned policy,
                       const char *directory)
{
    char reason[ZC_REASON_SIZE];

    if (zc_cache_create(
            ZC_CACHE_OPTIONS(.compressor_name = "lzo",
                             .limit_bytes = strtoull(limit, NULL, 10),
                             .placement = ZC_PLACEMENT_KERNEL,
                             .no_same_filled = 2, .raw_from = PAGE,
                             .backing_path = directory, .io_workers = 2,
                             .shrink_worker = 1, .shrink_policy = policy,
                             .reason = reason, .reason_size = sizeof(reason)),
            &cache) != ZC_OK)
        die(reason);
}

static struct zc_cache_stats count(void)
{
    struct zc_cache_stats stats = {.struct_size = sizeof(stats)};

    if (zc_cache_get_stats(cache, &stats) != ZC_OK)
        die("no counters");
    return stats;
}

/* Notes the moments that have come. */
static void look(uint64_t pages)
{
    const struct zc_cache_stats stats = count();

    if (next == AT_LIMIT && stats.pool_limit_hit != 0)
        sights[next++] = (struct sight){pages, stats};
    if (next == AT_WRITEBACK && stats.zswpwb >= FIRST)
        sights[next++] = (struct sight){pages, stats};
}

static void wait_for_worker(void)
{
    struct zc_cache_stats stats = count();

    while (stats.shrink_runs < stats.reject_pool_limit) {
        (void)sched_yield();
        stats = count();
    }
}

/* Waits until the worker has counted nothing for a while. */
static struct zc_cache_stats settled(void)
{
    const struct timespec moment = {.tv_nsec = 200000000};
    struct zc_cache_stats before;
    struct zc_cache_stats stats = count();

    do {
        before = stats;
        (void)nanosleep(&moment, NULL);
        stats = count();
    } while (stats.shrink_runs != before.shrink_runs ||
             stats.zswpwb != before.zswpwb);
    return stats;
}

static void store_all(const char *bytes, size_t pages, bool is_step)
{
    static const char zeros[PAGE];
    uint64_t stored = 0;

    for (size_t i = 0; i < pages; i++) {
        if (memcmp(bytes + i * PAGE, zeros, PAGE) == 0)
            continue;
        if (zc_cache_store(cache, zc_swp_make(0, stored++), bytes + i * PAGE) !=
            ZC_OK)
            die("a page has no place");
        if (is_step || stored % LOOK_EVERY == 0)
            look(stored);
        if (is_step) {
            wait_for_worker();
            look(stored);
        }
        /* The rest of the file says nothing more. */
        if (is_step && next == AT_END)
            break;
    }
    sights[AT_END] = (struct sight){stored, settled()};
}

static void print(const char *name, const struct sight *sight, const char *end)
{
    const struct zc_cache_stats *stats = &sight->stats;

    (void)printf("\"%s\": {\"pages\": %" PRIu64 ", \"stored\": %" PRIu64
                 ", \"incompressible\": %" PRIu64 ", \"pool\": %" PRIu64
                 ", \"refused\": %" PRIu64 ", \"written\": %" PRIu64
                 ", \"runs\": %" PRIu64 ", \"limit_hit\": %" PRIu64
                 ", \"reclaim_fail\": %" PRIu64 "}%s",
                 name, sight->pages, stats->stored_pages,
                 stats->stored_incompressible_pages, stats->pool_total_size,
                 stats->reject_pool_limit, stats->zswpwb, stats->shrink_runs,
                 stats->pool_limit_hit, stats->reject_reclaim_fail, end);
}

int main(int argc, char **argv)
{
    const char *bytes;
    size_t pages;

    lzo_register();
    if (zc_compressor_find("lzo") == NULL)
        return 77;
    if (argc < 5)
        die("PAGES LIMIT POLICY DIRECTORY [step]");
    bytes = map_file(argv[1], &pages);
    make_cache(argv[2],
               strcmp(argv[3], "all") == 0 ? ZC_SHRINK_ALL : ZC_SHRINK_6_18,
               argv[4]);
    store_all(bytes, pages, argc > 5);
    if (next == AT_LIMIT)
        die("the limit was not reached");
    (void)printf("{");
    print("limit", &sights[AT_LIMIT], ", ");
    if (next == AT_END)
        print("first", &sights[AT_WRITEBACK], ", ");
    print("end", &sights[AT_END], "}\n");
    zc_cache_destroy(cache);
    return 0;
}
