/* SPDX-License-Identifier: MIT */
/*
 * pool_alone.c - the pool without the cache: objects named by handles, that can
 * be moved together to give memory back.
 *
 * Half of the objects are freed, here and there, so that hardly any page is
 * empty.  Compaction moves the rest together, a little at a time, as a program
 * would do it between two requests, and no handle changes by that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache/zspool.h>

#define OBJECTS 20000

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "it does not hold: %s\n", what);
    exit(EXIT_FAILURE);
}

static size_t size_of(unsigned number)
{
    return 200 + number * 7919u % 1800;
}

static void fill(struct zc_zspool *pool, zc_handle *handles)
{
    char bytes[2000];
    unsigned i;

    for (i = 0; i < OBJECTS; i++) {
        memset(bytes, (int)(i % 251), size_of(i));
        expect(zc_zspool_alloc(pool, size_of(i), &handles[i]) == ZC_OK &&
                   zc_zspool_write(pool, handles[i], bytes, size_of(i)) ==
                       ZC_OK,
               "an object is made");
    }
}

/* Looks at an object where it lies; while it is lent it is not moved. */
static bool is_as_written(struct zc_zspool *pool, zc_handle handle,
                          unsigned number)
{
    struct zc_zspool_read read;
    const unsigned char *bytes;
    bool same;

    if (zc_zspool_read_begin(pool, handle, &read) != ZC_OK)
        return false;
    bytes = read.data;
    same = read.size == size_of(number) && bytes[0] == number % 251 &&
           bytes[read.size - 1] == number % 251;
    zc_zspool_read_end(pool, &read);
    return same;
}

/* In steps of at most 200 objects, until a whole round is done. */
static unsigned compact_in_steps(struct zc_zspool *pool)
{
    const struct zc_compact_budget budget = {
        .struct_size = sizeof(budget),
        .objects = 200,
    };
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned steps = 0;
    zc_status status;

    do {
        status = zc_zspool_compact(pool, &budget, &result);
        expect(status == ZC_OK || status == ZC_AGAIN, "a step of compaction");
        expect(result.objects_moved <= budget.objects, "its budget is kept");
        steps++;
    } while (status == ZC_AGAIN);
    return steps;
}

static void show(enum zc_placement placement, const char *name)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};
    static zc_handle handles[OBJECTS];
    struct zc_zspool *pool;
    uint64_t full;
    uint64_t holes;
    unsigned steps;
    unsigned i;

    expect(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = placement), &pool) ==
               ZC_OK,
           "a pool");
    fill(pool, handles);
    full = zc_zspool_page_count(pool);
    for (i = 0; i < OBJECTS; i++)
        if (i * 2654435761u >> 16 & 1)
            expect(zc_zspool_free(pool, handles[i]) == ZC_OK, "a free");
    holes = zc_zspool_page_count(pool);
    steps = compact_in_steps(pool);
    expect(zc_zspool_get_stats(pool, &stats) == ZC_OK, "statistics");
    printf("%s: %llu pages, %llu with half of the objects freed, %llu after "
           "%llu objects were moved in %u steps\n",
           name, (unsigned long long)full, (unsigned long long)holes,
           (unsigned long long)stats.pages_allocated,
           (unsigned long long)stats.objects_moved, steps);
    expect(stats.pages_allocated < full * 6 / 10, "memory goes back");

    for (i = 0; i < OBJECTS; i++) {
        if (i * 2654435761u >> 16 & 1)
            expect(zc_zspool_free(pool, handles[i]) == ZC_STALE,
                   "a freed handle is recognised");
        else
            expect(is_as_written(pool, handles[i], i),
                   "an object is as it was written, wherever it lies now");
    }
    zc_zspool_destroy(pool);
}

int main(void)
{
    show(ZC_PLACEMENT_DENSE, "dense ");
    show(ZC_PLACEMENT_KERNEL, "kernel");
    return EXIT_SUCCESS;
}
