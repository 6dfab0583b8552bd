/* SPDX-License-Identifier: MIT */
/* support_pool.c - see support_pool.h. */
#include "support_pool.h"

#include "support_content.h"
#include "support_test.h"

/* More calls than any test needs, even with one object a call. */
#define COMPACT_CALLS_MAX 1000000

const struct support_shape support_shapes[] = {
    {"dense", ZC_PLACEMENT_DENSE, 0, 0, 0, 0},
    {"kernel", ZC_PLACEMENT_KERNEL, 0, 0, 0, 0},
    {"dense, segments of 16 pages", ZC_PLACEMENT_DENSE, 4096, 0, 16, 0},
    {"dense, 64 KiB pages", ZC_PLACEMENT_DENSE, 65536, 0, 4, 0},
    {"dense, segments of 4 pages", ZC_PLACEMENT_DENSE, 4096, 0, 4, 0},
    {"dense, segments of 128 pages", ZC_PLACEMENT_DENSE, 4096, 0, 128, 0},
    {"dense, 8 KiB pages", ZC_PLACEMENT_DENSE, 8192, 0, 8, 0},
    {"dense, 16 KiB pages", ZC_PLACEMENT_DENSE, 16384, 0, 0, 0},
    {"dense, 32 KiB pages", ZC_PLACEMENT_DENSE, 32768, 0, 0, 0},
    {"kernel, chains of 4", ZC_PLACEMENT_KERNEL, 4096, 4, 0, 0},
    {"kernel, chains of 16", ZC_PLACEMENT_KERNEL, 4096, 16, 0, 0},
    {"kernel, 8 KiB pages", ZC_PLACEMENT_KERNEL, 8192, 0, 0, 0},
    {"kernel, 16 KiB pages", ZC_PLACEMENT_KERNEL, 16384, 0, 0, 0},
    {"kernel, 32 KiB pages", ZC_PLACEMENT_KERNEL, 32768, 5, 0, 0},
    {"kernel, 64 KiB pages", ZC_PLACEMENT_KERNEL, 65536, 0, 0, 0},
};

const unsigned support_shape_count = sizeof(support_shapes) /
                                     sizeof(support_shapes[0]);

size_t support_page_size(const struct support_shape *shape)
{
    return shape->page_size == 0 ? ZC_PAGE_SIZE_MIN : shape->page_size;
}

struct zc_zspool *support_pool_with(const struct support_shape *shape,
                                    unsigned keep_lru)
{
    const size_t page_size = support_page_size(shape);
    struct zc_zspool *pool = NULL;

    assert_status(
        zc_zspool_create(
            ZC_ZSPOOL_OPTIONS(.page_size = shape->page_size,
                              .placement = shape->placement,
                              .chain_length = shape->chain_length,
                              .segment_bytes = shape->segment_pages * page_size,
                              .group_count = 1, .keep_lru = keep_lru,
                              .limit_bytes = shape->limit_pages * page_size),
            &pool),
        ZC_OK);
    return pool;
}

struct zc_zspool *support_pool_new(const struct support_shape *shape)
{
    return support_pool_with(shape, 0);
}

void support_pool_end(struct zc_zspool *pool)
{
    support_pool_check(pool);
    zc_zspool_destroy(pool);
}

int support_pool_setup(void **state)
{
    *state = support_pool_new(*state);
    return 0;
}

int support_pool_teardown(void **state)
{
    support_pool_end(*state);
    return 0;
}

void support_on_all_shapes(void (*test)(struct zc_zspool *pool))
{
    const struct support_shape *shape;
    struct zc_zspool *pool;

    for (shape = support_shapes; shape < support_shapes + support_shape_count;
         shape++) {
        print_message("  %s\n", shape->name);
        pool = support_pool_new(shape);
        test(pool);
        support_pool_end(pool);
    }
}

size_t support_zspage_bytes(const struct zc_zspool *pool, size_t size)
{
    return zc_group_of(pool, size)->zspage_pages * pool->page_size;
}

uint64_t support_pages_for(const struct zc_zspool *pool, size_t size)
{
    if (pool->placement == ZC_PLACEMENT_DENSE)
        return 1;
    return zc_group_of(pool, size)->zspage_pages;
}

zc_handle support_object_new(struct zc_zspool *pool, size_t size,
                             uint64_t owner, uint64_t sequence)
{
    static char bytes[ZC_PAGE_SIZE_MAX];
    zc_handle handle = {0};

    support_stamp(bytes, size, owner, sequence);
    assert_status(zc_zspool_alloc(pool, size, &handle), ZC_OK);
    assert_status(zc_zspool_write(pool, handle, bytes, size), ZC_OK);
    return handle;
}

void support_object_check(struct zc_zspool *pool, zc_handle handle, size_t size,
                          uint64_t owner, uint64_t sequence)
{
    struct zc_zspool_read read;

    assert_status(zc_zspool_read_begin(pool, handle, &read), ZC_OK);
    assert_int_equal(read.size, size);
    assert_int_equal((uintptr_t)read.data % 4, 0);
    assert_true(support_has_stamp(read.data, size, owner, sequence));
    zc_zspool_read_end(pool, &read);
}

void support_object_free(struct zc_zspool *pool, zc_handle handle)
{
    assert_status(zc_zspool_free(pool, handle), ZC_OK);
}

uint64_t support_location_of(const struct zc_zspool *pool, zc_handle handle)
{
    struct zc_cell_view view;

    assert_status(zc_handles_read(&pool->handles, handle, &view), ZC_OK);
    return view.location;
}

struct zc_zspage *support_zspage_of(const struct zc_zspool *pool,
                                    zc_handle handle)
{
    return zc_location_zspage(&pool->arena, support_location_of(pool, handle));
}

struct zc_zspool_stats support_stats(const struct zc_zspool *pool)
{
    struct zc_zspool_stats stats = {.struct_size = sizeof(stats)};

    assert_status(zc_zspool_get_stats(pool, &stats), ZC_OK);
    return stats;
}

void support_objects_new(struct zc_zspool *pool, size_t size, unsigned count,
                         zc_handle *handles_out)
{
    unsigned i;

    for (i = 0; i < count; i++)
        handles_out[i] = support_object_new(pool, size, i, 0);
}

void support_objects_check(struct zc_zspool *pool, size_t size, unsigned count,
                           const zc_handle *handles)
{
    unsigned i;

    for (i = 0; i < count; i++)
        if (handles[i].value != 0)
            support_object_check(pool, handles[i], size, i, 0);
}

void support_objects_free(struct zc_zspool *pool, unsigned count,
                          zc_handle *handles)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (handles[i].value != 0)
            support_object_free(pool, handles[i]);
        handles[i].value = 0;
    }
}

void support_sparse_objects(struct zc_zspool *pool, size_t size, unsigned count,
                            unsigned keep, zc_handle *handles_out)
{
    unsigned i;

    support_objects_new(pool, size, count, handles_out);
    for (i = 0; i < count; i += keep)
        support_objects_free(pool, i + keep > count ? count - i - 1 : keep - 1,
                             &handles_out[i + 1]);
}

struct zc_compact_result support_compact(struct zc_zspool *pool,
                                         const struct zc_compact_budget *budget)
{
    struct zc_compact_result total = {.struct_size = sizeof(total)};
    struct zc_compact_result result = {.struct_size = sizeof(result)};
    unsigned calls = 0;
    zc_status status;

    do {
        assert_true(calls++ < COMPACT_CALLS_MAX);
        status = zc_zspool_compact(pool, budget, &result);
        total.objects_moved += result.objects_moved;
        total.pages_freed += result.pages_freed;
    } while (status == ZC_AGAIN);
    assert_status(status, ZC_OK);
    return total;
}
