/* SPDX-License-Identifier: MIT */
/*
 * pool.c - zcache-bench: a pool of your own (pool.h) beside ours, each behind a
 * cache, all through the same phases in one process.  docs/pools.md is its
 * manual.
 *
 *   fill       every slot, in order
 *   load       every slot, in random order
 *   overwrite  every slot three times, in random order, with another page
 *   compact    where the pool can
 *   free       a random half; compact again
 *
 * The work is cut into batches, and every pool does each batch, in random
 * order.  A time is the median over the batches, a ratio the median of the
 * ratios to dense placement in the same batch.  After each phase every page is
 * read back and compared, untimed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zcache/pool.h>
#include <zcache/zcache.h>

#include "options.h"
#include "resident.h"

#define SYMBOL "zc_pool_plugin"
#define BATCH 128u
#define POOLS_MAX 4
#define NOT_STORED UINT32_MAX

enum work {
    STORE,
    STORE_OVER,
    LOAD,
    FREE,
    WORKS
};
enum point {
    FILLED,
    OVERWRITTEN,
    COMPACTED,
    FREED,
    FREED_COMPACTED,
    POINTS
};

struct contestant {
    const char *name;
    const struct zc_pool_ops *ops;
    unsigned placement;
    struct zc_cache *cache;
    double space[POINTS];  /* pool bytes / payload */
    double beside;         /* bytes a page, after the fill */
    double *times[WORKS];  /* ns an operation, by batch */
    double *ratios[WORKS]; /* to the first pool's */
};

static struct contestant contestants[POOLS_MAX] = {
    {.name = "dense", .ops = &zc_pool_zspool, .placement = ZC_PLACEMENT_DENSE},
    {.name = "kernel",
     .ops = &zc_pool_zspool,
     .placement = ZC_PLACEMENT_KERNEL},
    {.name = "malloc", .ops = &zc_pool_malloc},
};
static unsigned contestant_count = 3;

static struct corpus corpus;
static uint32_t *pages; /* that are not same-filled */
static uint32_t count;
static uint32_t *order;  /* of slots */
static uint32_t *holds;  /* by slot: the page it should hold */
static uint32_t *source; /* by step: the page to store */
static uint32_t batches[WORKS];
static uint64_t random_state;

static void open_pool(const char *file)
{
    const char *slash = strrchr(file, '/');
    char path[4096];
    void *library;

    /* Without a slash the loader would search its own path. */
    (void)snprintf(path, sizeof(path), slash == NULL ? "./%s" : "%s", file);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        die("%s", dlerror());
    contestants[contestant_count] =
        (struct contestant){.name = slash == NULL ? file : slash + 1,
                            .ops = dlsym(library, SYMBOL)};
    if (contestants[contestant_count].ops == NULL)
        die("%s has no symbol " SYMBOL, file);
    contestant_count++;
}

static void create(struct contestant *own)
{
    char reason[256] = "";
    zc_status status = zc_cache_create(
        ZC_CACHE_OPTIONS(.pool_ops = own->ops, .placement = own->placement,
                         .compressor_name = "lz4", .reason = reason,
                         .reason_size = sizeof(reason)),
        &own->cache);
    unsigned work;

    if (status != ZC_OK)
        die("%s: %s: %s", own->name, zc_status_name(status), reason);
    for (work = 0; work < WORKS; work++) {
        const size_t room = (3 * count / BATCH + 4) * sizeof(double);

        own->times[work] = map_memory(room);
        own->ratios[work] = map_memory(room);
    }
}

static void one(const struct contestant *own, enum work work, uint32_t step,
                unsigned char page[PAGE_BYTES])
{
    const zc_swp slot = zc_swp_make(0, order[step]);
    zc_status status = ZC_OK;

    if (work == LOAD)
        status = zc_cache_load(own->cache, slot, page);
    else if (work == FREE)
        status = zc_cache_invalidate(own->cache, slot);
    else
        status = zc_cache_store(own->cache, slot,
                                corpus_page(&corpus, source[step]));
    if (status != ZC_OK)
        die("%s: %s", own->name, zc_status_name(status));
}

/* All pools do the steps of order[] below `steps`, batch by batch. */
static void run(enum work work, uint32_t steps)
{
    static unsigned char page[PAGE_BYTES];
    uint32_t turns[POOLS_MAX];
    uint32_t first;
    uint32_t i;
    unsigned turn;

    for (first = 0; first < steps; first += BATCH) {
        const uint32_t end = first + BATCH < steps ? first + BATCH : steps;
        const uint32_t batch = batches[work]++;

        shuffle(turns, contestant_count, &random_state);
        for (turn = 0; turn < contestant_count; turn++) {
            const struct contestant *own = &contestants[turns[turn]];
            const uint64_t start = thread_ns();

            for (i = first; i < end; i++)
                one(own, work, i, page);
            own->times[work][batch] = (double)(thread_ns() - start) /
                                      (end - first);
        }
        for (turn = 0; turn < contestant_count; turn++)
            contestants[turn].ratios[work][batch] =
                contestants[turn].times[work][batch] /
                contestants[0].times[work][batch];
    }
    for (i = 0; i < steps && work != LOAD; i++)
        holds[order[i]] = work == FREE ? NOT_STORED : source[i];
}

static void verify(void)
{
    static unsigned char page[PAGE_BYTES];
    unsigned each;
    uint32_t slot;

    for (each = 0; each < contestant_count; each++)
        for (slot = 0; slot < count; slot++) {
            const zc_status status = zc_cache_load(contestants[each].cache,
                                                   zc_swp_make(0, slot), page);

            if (holds[slot] == NOT_STORED
                    ? status != ZC_MISSING
                    : status != ZC_OK ||
                          memcmp(page, corpus_page(&corpus, holds[slot]),
                                 PAGE_BYTES) != 0)
                die("%s: slot %u: %s, and not the page that was stored",
                    contestants[each].name, slot, zc_status_name(status));
        }
}

static void look(enum point point)
{
    struct zc_cache_accounting accounting = {.struct_size = sizeof(accounting)};
    unsigned each;

    verify();
    for (each = 0; each < contestant_count; each++) {
        must(zc_cache_account(contestants[each].cache, &accounting), "account");
        contestants[each].space[point] = (double)accounting.pool_bytes /
                                         (double)accounting.payload_bytes;
        if (point == FILLED)
            contestants[each].beside = (double)accounting.metadata_bytes /
                                       count;
    }
}

static void compact(enum point point)
{
    unsigned each;

    for (each = 0; each < contestant_count; each++)
        if (contestants[each].ops->compact != NULL)
            while (zc_cache_compact(contestants[each].cache, NULL, NULL) ==
                   ZC_AGAIN)
                ;
    look(point);
}

static void live(void)
{
    uint32_t i;
    unsigned pass;

    for (i = 0; i < count; i++) {
        order[i] = i;
        source[i] = pages[i];
    }
    run(STORE, count);
    look(FILLED);
    shuffle(order, count, &random_state);
    run(LOAD, count);
    for (pass = 0; pass < 3; pass++) {
        shuffle(order, count, &random_state);
        for (i = 0; i < count; i++)
            source[i] = pages[random_below(&random_state, count)];
        run(STORE_OVER, count);
    }
    look(OVERWRITTEN);
    compact(COMPACTED);
    shuffle(order, count, &random_state);
    run(FREE, count / 2);
    look(FREED);
    compact(FREED_COMPACTED);
}

static void print(void)
{
    unsigned each;
    unsigned i;

    printf("%u pages\n%24s pool bytes / payload %20s ns (/ dense)\n%-10s",
           count, "", "", "");
    printf(" %7s %7s %7s %7s %7s %6s %14s %14s %14s %14s\n", "filled", "over",
           "compact", "freed", "compact", "beside", "store", "store over",
           "load", "free");
    for (each = 0; each < contestant_count; each++) {
        struct contestant *own = &contestants[each];

        printf("%-10s", own->name);
        for (i = 0; i < POINTS; i++)
            printf(" %7.4f", own->space[i]);
        printf(" %6.1f", own->beside);
        for (i = 0; i < WORKS; i++)
            printf(" %6.0f (%5.3f)", median(own->times[i], batches[i]),
                   median(own->ratios[i], batches[i]));
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    struct bench_options options = {.generated = 20000};
    unsigned each;

    options_read(&options, argc, argv,
                 "usage: zcache-bench [--pool FILE.so] [OPTION]...\n"
                 "Our pools, and the one whose struct zc_pool_ops FILE.so "
                 "exports as\n" SYMBOL "; see docs/pools.md.  --backend, "
                 "--large, --rounds and\n--segment do nothing here.");
    if (options.pool != NULL)
        open_pool(options.pool);
    options_open_corpus(&options, &corpus);
    count = resident_choose_pages(&corpus, &pages);
    order = map_memory(count * sizeof(*order));
    holds = map_memory(count * sizeof(*holds));
    source = map_memory(count * sizeof(*source));
    random_state = options.seed;
    for (each = 0; each < contestant_count; each++)
        create(&contestants[each]);
    live();
    print();
    for (each = 0; each < contestant_count; each++)
        zc_cache_destroy(contestants[each].cache);
    return 0;
}
