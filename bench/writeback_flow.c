/* SPDX-License-Identifier: MIT */
/* writeback_flow.c - pages that come and go; see writeback.h. */
#include "writeback.h"

#include <stdlib.h>
#include <string.h>

/* ---- steady ---- */

struct flow {
    struct writeback_bench *bench;
    struct zc_cache *limited; /* with a device, and room for a quarter */
    struct zc_cache *roomy;   /* without a device, and room for all */
    uint64_t limited_stores;
    uint32_t limited_next; /* slot */
    uint32_t roomy_next;
};

static void store_next(const struct writeback_bench *bench,
                       struct zc_cache *cache, uint32_t *next, uint32_t count)
{
    for (; count > 0; count--) {
        must(zc_cache_store(cache, zc_swp_make(0, *next),
                            writeback_page(bench, *next)),
             "zc_cache_store");
        *next = (*next + 1) % bench->count;
    }
}

static void store_limited(void *context, uint32_t first, uint32_t count)
{
    struct flow *flow = context;

    (void)first;
    store_next(flow->bench, flow->limited, &flow->limited_next, count);
    flow->limited_stores += count;
}

static void store_roomy(void *context, uint32_t first, uint32_t count)
{
    struct flow *flow = context;

    (void)first;
    store_next(flow->bench, flow->roomy, &flow->roomy_next, count);
}

/* The worker does the work, so wall time and both processors count. */
static void measure_worker(struct flow *flow, struct json *json)
{
    const uint32_t count = flow->bench->count;
    double ours[ROUNDS_MAX];
    double theirs[ROUNDS_MAX];
    struct rounds_result result;
    unsigned round;

    for (round = 0; round < flow->bench->rounds; round++) {
        uint64_t start = now_ns();
        uint64_t middle;

        store_limited(flow, 0, count);
        middle = now_ns();
        store_roomy(flow, 0, count);
        ours[round] = (double)(middle - start);
        theirs[round] = (double)(now_ns() - middle);
    }
    rounds_summarize(&result, flow->bench->rounds, count, ours, theirs);
    rounds_json(json, "time", &result);
}

static void measure_flow(struct writeback_bench *bench, struct json *json,
                         const char *key, unsigned shrink_worker)
{
    struct flow flow = {.bench = bench};
    struct rounds_result result;
    struct zc_cache_stats before;
    struct zc_cache_stats after;

    must(zc_cache_create(ZC_CACHE_OPTIONS(.placement = bench->placement,
                                          .compressor_name = "lz4"),
                         &flow.roomy),
         "zc_cache_create");
    writeback_fill(bench, flow.roomy);
    before = writeback_stats(flow.roomy);
    flow.limited = writeback_open(bench, ZC_LRU_ENTRY,
                                  before.pool_total_size / 4, shrink_worker,
                                  &zc_backing_memory, NULL);
    writeback_fill(bench, flow.limited);

    before = writeback_stats(flow.limited);
    json_begin(json, key);
    if (shrink_worker != 0) {
        measure_worker(&flow, json);
    } else {
        rounds_run(&result, bench->rounds, bench->count, NULL, store_limited,
                   store_roomy, &flow);
        rounds_json(json, "time", &result);
    }
    after = writeback_stats(flow.limited);
    json_real(json, "written_per_store",
              (double)(after.zswpwb - before.zswpwb) /
                  (double)flow.limited_stores);
    json_real(json, "past_memory_per_store",
              (double)(after.disk_writes - before.disk_writes) /
                  (double)flow.limited_stores);
    json_end(json);
    zc_cache_destroy(flow.limited);
    zc_cache_destroy(flow.roomy);
}

void writeback_steady(struct writeback_bench *bench, struct json *json)
{
    measure_flow(bench, json, "steady", 0);
    measure_flow(bench, json, "steady_worker", 1);
}

/* ---- lru ---- */

/* Ranks by Zipf's law with exponent 1: rank r is drawn 1 / (r + 1) as often as
 * the first. */
struct zipf {
    uint32_t *slots; /* by rank */
    double *sums;
    uint32_t count;
};

static void zipf_make(struct zipf *zipf, struct writeback_bench *bench)
{
    double sum = 0;
    uint32_t i;

    zipf->count = bench->count;
    zipf->slots = map_memory(zipf->count * sizeof(*zipf->slots));
    zipf->sums = map_memory(zipf->count * sizeof(*zipf->sums));
    for (i = 0; i < zipf->count; i++) {
        sum += 1.0 / (i + 1);
        zipf->slots[i] = i;
        zipf->sums[i] = sum;
    }
    shuffle(zipf->slots, zipf->count, &bench->random);
}

static void zipf_free(struct zipf *zipf)
{
    unmap_memory(zipf->slots, zipf->count * sizeof(*zipf->slots));
    unmap_memory(zipf->sums, zipf->count * sizeof(*zipf->sums));
}

static uint32_t zipf_slot(const struct zipf *zipf, uint64_t *random)
{
    const double part = (double)(random_next(random) >> 11) * 0x1p-53;
    const double wanted = part * zipf->sums[zipf->count - 1];
    uint32_t low = 0;
    uint32_t high = zipf->count - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (zipf->sums[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return zipf->slots[low];
}

/* Half of the accesses change the page, and so store it again. */
static void use_pages(struct writeback_bench *bench, struct zc_cache *cache,
                      const struct zipf *zipf, uint32_t accesses)
{
    unsigned char page[PAGE_BYTES];
    uint32_t slot;

    for (; accesses > 0; accesses--) {
        slot = zipf_slot(zipf, &bench->random);
        if (accesses % 2 == 0)
            must(zc_cache_load(cache, zc_swp_make(0, slot), page),
                 "zc_cache_load");
        else
            must(zc_cache_store(cache, zc_swp_make(0, slot),
                                writeback_page(bench, slot)),
                 "zc_cache_store");
    }
}

/* Frees a quarter of the pool's pages, in as many calls as needed. */
static uint64_t shrink(struct zc_cache *cache, uint64_t goal)
{
    uint64_t freed = 0;
    uint64_t pages = 0;
    zc_status status;

    do {
        status = zc_cache_shrink(cache, goal - freed, &pages);
        freed += pages;
    } while (status == ZC_AGAIN && pages > 0 && freed < goal);
    if (status != ZC_OK && status != ZC_AGAIN)
        die("zc_cache_shrink: %s", zc_status_name(status));
    return freed;
}

static void measure_lru(struct writeback_bench *bench, struct json *json,
                        const char *name, unsigned lru_mode)
{
    struct zc_cache *cache =
        writeback_open(bench, lru_mode, 0, 0, &zc_backing_memory, NULL);
    struct zc_cache_stats before;
    struct zc_cache_stats after;
    struct zipf zipf;
    uint64_t freed;
    uint64_t start;
    double took;

    writeback_fill(bench, cache);
    zipf_make(&zipf, bench);
    use_pages(bench, cache, &zipf, 4 * bench->count);
    before = writeback_stats(cache);
    start = thread_ns();
    freed = shrink(cache, before.pool_total_size / PAGE_BYTES / 4);
    took = (double)(thread_ns() - start);
    after = writeback_stats(cache);
    json_begin(json, name);
    json_real(json, "pool_per_payload",
              (double)before.pool_total_size / (double)before.payload_bytes);
    json_number(json, "pages_freed", freed);
    json_number(json, "pages_written", after.zswpwb - before.zswpwb);
    json_real(json, "freed_per_written",
              (double)freed / (double)(after.zswpwb - before.zswpwb));
    json_real(json, "ns_per_page_freed", took / (double)freed);

    /* How well the victims were chosen: how many are loaded again. */
    before = writeback_stats(cache);
    use_pages(bench, cache, &zipf, 2 * bench->count);
    after = writeback_stats(cache);
    json_real(json, "read_back_per_load",
              (double)(after.disk_swapins - before.disk_swapins) /
                  (double)bench->count);
    json_end(json);
    zipf_free(&zipf);
    zc_cache_destroy(cache);
}

void writeback_lru(struct writeback_bench *bench, struct json *json)
{
    json_begin(json, "lru");
    measure_lru(bench, json, "entry", ZC_LRU_ENTRY);
    measure_lru(bench, json, "zspage", ZC_LRU_ZSPAGE);
    json_end(json);
}
