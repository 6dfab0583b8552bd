/* SPDX-License-Identifier: MIT */
/*
 * pool_alone.c - the pool without the cache: objects named by handles, which
 * compaction can move together to give memory back.
 *
 * Half of the objects are freed, here and there, so that hardly any page is
 * empty.  Compaction moves the rest together, a little at a time, as a program
 * would do it between two requests.  The handles stay the same.
 *
 * A second pool has a limit.  The tag bits of its handles say which objects the
 * program may free when the limit is reached.
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

/* Looks at an object in place; while its bytes are lent it does not move. */
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

/* Compacts in steps of at most 200 objects, until a whole round is done. */
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

/* Prints how many size classes the kernel has for chains of 8 pages. */
static void show_classes(void)
{
    struct zc_zspool_class class = {.struct_size = sizeof(class)};
    struct zc_zspool *pool;
    unsigned count = 0;

    expect(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.placement = ZC_PLACEMENT_KERNEL,
                                              .chain_length = 8),
                            &pool) == ZC_OK,
           "a pool");
    while (zc_zspool_get_class(pool, count, &class) == ZC_OK)
        count++;
    printf("kernel: %u size classes, and from %zu bytes on an object has a "
           "page of its own\n",
           count, zc_zspool_huge_class_size(pool));
    zc_zspool_destroy(pool);
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

#define MAY_GO ZC_TAG_0

/* Makes room: frees the objects that may go.  Returns their bytes. */
static size_t free_tagged(struct zc_zspool *pool, const zc_handle *handles,
                          unsigned count)
{
    size_t freed = 0;
    unsigned tags;
    size_t size;
    unsigned i;

    for (i = 0; i < count; i++) {
        if (zc_zspool_change_tags(pool, handles[i], 0, 0, &tags) != ZC_OK ||
            (tags & MAY_GO) == 0)
            continue;
        expect(zc_zspool_object_size(pool, handles[i], &size) == ZC_OK &&
                   zc_zspool_free(pool, handles[i]) == ZC_OK,
               "an object that may go");
        freed += size;
    }
    return freed;
}

static void show_limit(void)
{
    static zc_handle handles[OBJECTS];
    static const char bytes[2000] = "an object";
    struct zc_zspool *pool;
    unsigned count;
    size_t freed;

    expect(zc_zspool_create(ZC_ZSPOOL_OPTIONS(.segment_bytes = 32768), &pool) ==
               ZC_OK,
           "a pool");
    expect(zc_zspool_set_limit(pool, 4 << 20) == ZC_OK, "a limit");
    for (count = 0; count < OBJECTS; count++) {
        if (zc_zspool_put(pool, bytes, size_of(count), &handles[count]) !=
            ZC_OK)
            break; /* ZC_REJECTED: the limit */
        if (count % 3 == 0)
            expect(zc_zspool_change_tags(pool, handles[count], 0, MAY_GO,
                                         NULL) == ZC_OK,
                   "a tag");
    }
    expect(count < OBJECTS, "the limit is reached");
    freed = free_tagged(pool, handles, count);
    printf("limit : %u objects fill 4 MiB; %zu KiB may go, and the rest fills "
           "%llu pages of %llu\n",
           count, freed / 1024, (unsigned long long)zc_zspool_used_pages(pool),
           (unsigned long long)zc_zspool_page_count(pool));
    expect(zc_zspool_put(pool, bytes, size_of(count), &handles[count]) == ZC_OK,
           "there is room again");
    zc_zspool_destroy(pool);
}

int main(void)
{
    show(ZC_PLACEMENT_DENSE, "dense ");
    show(ZC_PLACEMENT_KERNEL, "kernel");
    show_classes();
    show_limit();
    return EXIT_SUCCESS;
}
